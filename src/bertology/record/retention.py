"""What a smaller encoder kept and what it forgot: each ability before and after, with intervals, and the costs of both.

An ability is a value of a claim (record/claim.py). The change's interval takes the two runs for independent: they read the same sentences, so
it is too wide rather than too narrow. Forgotten is what fell, by a two-sided test at .05 after Benjamini & Hochberg over all abilities that the
whole encoder had.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from scipy.stats import false_discovery_control, norm

from bertology.record.claim import Ability, Claim
from bertology.record.errors import BadInput
from bertology.record.estimate import Estimate
from bertology.record.folder import disk, read_json, whole, write_json
from bertology.record.result import Result

FILE = "retention.json"
Fate = Literal["forgot", "gained", "kept", "never had", "not measured"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What an encoder costs: parameters, bytes (as stored; `simulated` where only the codes would take so little), seconds a text by the size of the batch."""

    parameters: int
    bytes: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """An ability of the whole encoder (`before`), of it after fine-tuning (`tuned`), and of the smaller one (`after`); None was not measured.

    `chance` is what an encoder without the ability scores, None where that is not known; `reason` says why `after` is lacking.
    """

    ability: str
    claim: str
    before: Estimate | None
    after: Estimate | None
    tuned: Estimate | None = None
    chance: float | None = None
    reason: str = ""
    fate: Fate = "kept"

    @property
    def reference(self) -> Estimate | None:
        """What `after` is compared to: the tuned whole encoder where there is one, so that compression is not blamed for tuning."""
        return self.tuned or self.before

    @property
    def change(self) -> Estimate | None:
        a, b = self.reference, self.after
        if a is None or b is None or not (a.known and b.known):
            return None
        half = 1.959964 * math.hypot(a.standard_error, b.standard_error)
        value = b.value - a.value
        return Estimate(value, value - half, value + half, min(a.n, b.n), a.unit, "difference of independent intervals")

    @property
    def retention(self) -> Estimate | None:
        """after / before, both less chance where that is known; by the delta method. None where before is not above chance."""
        a, b, c = self.reference, self.after, self.chance or 0.0
        if a is None or b is None or not (a.known and b.known) or a.low <= c:
            return None
        return ratio(b, a, c)

    @property
    def had(self) -> bool:
        a = self.reference
        return a is not None and a.known and a.low > (self.chance or 0.0)


@dataclass(frozen=True)
class Retention:
    """The record of a compression: recipe, costs and task scores of the whole and of the smaller encoder, and every ability."""

    encoder: str
    recipe: str
    goal: str
    before: Cost
    after: Cost
    task: str = ""
    measure: str = ""
    majority: float = 0.0
    score_before: Estimate | None = None
    score_after: Estimate | None = None
    score_kept: Estimate | None = None
    """after / before, resampling test examples jointly."""
    abilities: Sequence[Kept] = ()
    log: Sequence[str] = ()
    identity: Mapping[str, Any] = field(default_factory=dict)

    @property
    def smaller(self) -> float:
        """Bytes of the whole by bytes of the smaller one."""
        return self.before.bytes / max(self.after.bytes, 1)

    @property
    def fewer(self) -> float:
        """Parameters of the whole by those of the smaller one."""
        return self.before.parameters / max(self.after.parameters, 1)

    @property
    def faster(self) -> dict[str, float]:
        """Speed-up at each shape that both were timed at."""
        return {k: s / self.after.seconds[k] for k, s in self.before.seconds.items() if self.after.seconds.get(k)}

    @property
    def above_majority(self) -> Estimate | None:
        """Task score kept, both less the score of the most frequent label."""
        a, b = self.score_before, self.score_after
        if a is None or b is None or not (a.known and b.known) or a.low <= self.majority:
            return None
        return ratio(b, a, self.majority)

    def of(self, fate: Fate) -> list[Kept]:
        return [k for k in self.abilities if k.fate == fate]

    @property
    def worst(self) -> Kept | None:
        """The ability that the whole encoder had of which least is kept."""
        kept = [k for k in self.abilities if k.had and k.retention is not None]
        return min(kept, key=lambda k: k.retention.value, default=None)  # type: ignore[union-attr]

    def write(self, folder: Path) -> Path:
        target = folder / FILE
        with disk(target), whole(target) as part:
            part.write_text(write_json(self.to_json()), encoding="utf-8")
        return target

    @classmethod
    def read(cls, folder: str | Path) -> "Retention":
        """From a folder that `bertology compress --out` wrote. Raises BadInput."""
        place = Path(folder)
        file = place if place.name == FILE else place / FILE
        if not file.is_file():
            raise BadInput(
                f"{folder} holds no compression (no {FILE}).", "Give a folder that `bertology compress --out` wrote."
            )
        try:
            return cls.from_json(read_json(file))
        except (KeyError, TypeError) as error:
            raise BadInput(f"{file} is no record of a compression: {error}.", "Compress again.") from error

    def to_json(self) -> dict[str, Any]:
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("score_before", "score_after", "score_kept"):
            data[name] = data[name] and data[name].to_json()
        data["before"], data["after"] = asdict(self.before), asdict(self.after)
        data["abilities"] = [_kept_to_json(k) for k in self.abilities]
        data["log"], data["identity"] = list(self.log), dict(self.identity)
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Retention":
        score = lambda name: data[name] and Estimate.from_json(data[name])
        return cls(**{
            **data, "before": Cost(**data["before"]), "after": Cost(**data["after"]),
            "score_before": score("score_before"), "score_after": score("score_after"), "score_kept": score("score_kept"),
            "abilities": tuple(_kept_from_json(k) for k in data["abilities"]), "log": tuple(data["log"]),
        })  # fmt: skip


class Run(Protocol):
    """What has results: a run folder."""

    def results(self) -> list[Result]: ...


def ratio(a: Estimate, b: Estimate, chance: float = 0.0) -> Estimate:
    """(a - chance) / (b - chance) with the delta method's interval for independent estimates."""
    top, bottom = a.value - chance, b.value - chance
    value = top / bottom
    half = 1.959964 * math.hypot(a.standard_error / bottom, b.standard_error * top / bottom**2)
    return Estimate(value, value - half, value + half, min(a.n, b.n), "", "delta method")


def abilities_kept(
    abilities: Sequence[tuple[Claim, Ability]], before: Run, after: Run, tuned: Run | None = None
) -> list[Kept]:
    """Each ability in the runs of the whole, the tuned and the smaller encoder, with what became of it."""
    results = [{r.claim: r for r in run.results()} if run is not None else {} for run in (before, after, tuned)]
    found = []
    for claim, ability in abilities:
        one, two, three = (by_id.get(claim.id) for by_id in results)
        reference = three or one
        reason = two.reason if two is not None and two.verdict in ("not applicable", "error") else ""
        found.append(
            Kept(
                ability.name, claim.id, _value(one, ability.of), _value(two, ability.of), _value(three, ability.of),
                _chance(reference, ability), reason,
            )
        )  # fmt: skip
    return judged(found)


def judged(found: Sequence[Kept]) -> list[Kept]:
    """The same with their fates: Benjamini & Hochberg at .05 over the changes of what the whole encoder had."""
    tested = [k for k in found if k.had and k.change is not None]
    p = [_two_sided(k.change) for k in tested]  # type: ignore[arg-type]
    q = dict(zip((id(k) for k in tested), false_discovery_control(p) if p else (), strict=True))
    fates: dict[int, Fate] = {}
    for k in found:
        if id(k) in q:
            change = k.change
            assert change is not None
            clear = q[id(k)] < 0.05
            fates[id(k)] = ("forgot" if change.value < 0 else "gained") if clear else "kept"
        else:
            fates[id(k)] = "not measured" if k.reference is None or k.had else "never had"
    return [replace(k, fate=fates[id(k)]) for k in found]


def _two_sided(change: Estimate) -> float:
    if change.standard_error == 0:
        return 1.0 if change.value == 0 else 0.0
    return float(2 * norm.sf(abs(change.value) / change.standard_error))


def _value(result: Result | None, name: str) -> Estimate | None:
    if result is None:
        return None
    found = result.values.get(name, result.baselines.get(name))
    return found if found is not None and found.known else None


def _chance(result: Result | None, ability: Ability) -> float | None:
    if not isinstance(ability.chance, str):
        return ability.chance
    found = _value(result, ability.chance)
    return found.value if found is not None else None


def _kept_to_json(k: Kept) -> dict[str, Any]:
    data = {f.name: getattr(k, f.name) for f in fields(k)}
    return data | {n: data[n] and data[n].to_json() for n in ("before", "after", "tuned")}


def _kept_from_json(data: Mapping[str, Any]) -> Kept:
    return Kept(**{**data, **{n: data[n] and Estimate.from_json(data[n]) for n in ("before", "after", "tuned")}})
