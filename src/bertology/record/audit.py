"""An audit on disk: the runs of many encoders under one path, and what each claim is over all of them.

`audit.json` lists the encoders and what became of each; `encoders/<name>/` are run folders; `store/` holds finished statistics
that they share; `audit.html` is the page.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bertology.record.claim import Claim
from bertology.record.errors import BadInput, ForeignRun
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder, disk, read_json, whole, write_json
from bertology.record.result import Finding, Result, Verdict, judge
from bertology.stats.meta import Summary, random_effects

Status = Literal["waiting", "done", "failed"]
TESTED = ("holds", "fails", "undecided")


@dataclass(frozen=True, slots=True)
class Audited:
    """One encoder of an audit. `place` is its run folder's name; `twin_of` is set for a random twin; `reason` says why it failed."""

    name: str
    model: str
    fingerprint: str = ""
    twin_of: str = ""
    place: str = ""
    status: Status = "waiting"
    reason: str = ""


class Across(NamedTuple):
    """A claim over all encoders but the twins, judged by the random-effects summary of each value that its rules name."""

    claim: str
    section: str
    says: str
    verdict: Verdict
    reason: str
    summaries: Mapping[str, Summary]
    units: Mapping[str, str]
    rules: Mapping[str, str]
    counts: Mapping[str, int]
    """How many encoders came to each verdict."""
    passed_by: tuple[str, ...]
    """Random twins on which the claim holds: evidence against its measure, not for the twins."""

    @property
    def headline(self) -> str:
        return next(iter(self.rules), "")

    def to_json(self) -> dict[str, Any]:
        summaries = [
            {"name": name, "unit": self.units[name], **{k: v for k, v in s._asdict().items() if k != "predicted"},
             "predicted": [x if abs(x) < float("inf") else None for x in s.predicted]}
            for name, s in self.summaries.items()
        ]  # fmt: skip
        return {
            "claim": self.claim, "section": self.section, "says": self.says, "verdict": self.verdict, "reason": self.reason,
            "counts": dict(self.counts), "passed_by": list(self.passed_by), "summaries": summaries,
        }  # fmt: skip


class AuditFolder:
    """`audit.json`, `encoders/`, `store/` and `audit.html` under one path."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path, identity: Mapping[str, Any]) -> "AuditFolder":
        """A new or resumed audit; encoders and claims may be added to one, its seed, scale and corpora stay.

        Raises ForeignRun when the folder holds an audit of another identity, or something that is no audit.
        """
        folder = cls(path)
        if folder.path.exists() and not folder.path.is_dir():
            raise ForeignRun(f"{path} is a file.", "Give another --out.")
        if folder._file.is_file():
            before = folder.about().get("identity", {})
            for key in sorted({*before, *identity}):
                if before.get(key) != identity.get(key):
                    raise ForeignRun(
                        f"{path} holds an audit with another {key}: {before.get(key)!r}, this one has {identity.get(key)!r}.",
                        "Give another --out, or remove that folder.",
                    )
        elif folder.path.is_dir() and any(folder.path.iterdir()):
            raise ForeignRun(f"{path} is not empty and holds no audit.", "Give an empty or new folder as --out.")
        return folder

    @classmethod
    def existing(cls, path: str | Path) -> "AuditFolder":
        """An audit, to read. Raises BadInput when there is none."""
        folder = cls(path)
        if not folder._file.is_file():
            raise BadInput(f"{path} holds no audit (no audit.json).", "Give a folder that `bertology audit` wrote.")
        return folder

    @property
    def page(self) -> Path:
        return self.path / "audit.html"

    @property
    def store(self) -> Path:
        """What the runs share; safe to delete when all are done."""
        return self.path / "store"

    def about(self) -> dict[str, Any]:
        """The content of audit.json."""
        return read_json(self._file)

    def encoders(self) -> list[Audited]:
        """The encoders in their order; empty for a new audit."""
        return [Audited(**item) for item in self.about().get("encoders", [])] if self._file.is_file() else []

    def write(self, encoders: Sequence[Audited], about: Mapping[str, Any], across: Sequence[Across] = ()) -> None:
        """audit.json, whole."""
        content = {
            **about,
            "encoders": [asdict(one) for one in encoders],
            "across": [one.to_json() for one in across],
        }
        self._write(self._file, write_json(content))

    def write_page(self, page: str) -> Path:
        self._write(self.page, page)
        return self.page

    def place_for(self, name: str, fingerprint: str) -> str:
        """The name of an encoder's run folder: readable, and another for other weights."""
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[:48] or 'encoder'}-{fingerprint[:8]}"

    def run_path(self, one: Audited) -> Path:
        return self.path / "encoders" / one.place

    def results(self, one: Audited) -> list[Result]:
        """An encoder's results; empty when its run has none yet."""
        return RunFolder(self.run_path(one)).results() if one.place else []

    @property
    def _file(self) -> Path:
        return self.path / "audit.json"

    def _write(self, target: Path, text: str) -> None:
        with disk(target):
            self.path.mkdir(parents=True, exist_ok=True)
            with whole(target) as part:
                part.write_text(text, encoding="utf-8")


def across(
    claims: Sequence[Claim], found: Mapping[str, Sequence[Result]], twins: Mapping[str, Sequence[Result]]
) -> list[Across]:
    """Each claim that some encoder was tested on, over the encoders `found` (name to results); `twins` likewise.

    Encoders are taken as independent draws of a population: checkpoints of one training or students of one teacher are
    not, and make the interval too narrow.
    """
    summaries = []
    for c in claims:
        own = [r for results in found.values() for r in results if r.claim == c.id and r.verdict in TESTED]
        passed = tuple(
            name for name, results in twins.items() if any(r.claim == c.id and r.verdict == "holds" for r in results)
        )
        if own or passed:
            summaries.append(_across(c, own, passed))
    return summaries


def _across(c: Claim, own: Sequence[Result], passed: tuple[str, ...]) -> Across:
    made: dict[str, Summary] = {}
    units: dict[str, str] = {}
    blank = Estimate(float("nan"), float("nan"), float("nan"), 0)
    values = dict.fromkeys(c.expects, blank)
    for name in c.expects:
        seen = [r.values[name] for r in own if name in r.values and r.values[name].known]
        if seen:
            made[name] = summary = random_effects([e.value for e in seen], [e.standard_error for e in seen])
            units[name] = seen[0].unit
            values[name] = replace(
                blank, value=summary.value, low=summary.low, high=summary.high, n=len(seen), unit=seen[0].unit
            )
    verdict, reason, _ = judge(c, Finding(values))
    counts = {verdict: sum(r.verdict == verdict for r in own) for verdict in TESTED}
    rules = {name: str(region) for name, region in c.expects.items()}
    return Across(c.id, c.section, c.says, verdict, reason, made, units, rules, counts, passed)
