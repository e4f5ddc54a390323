"""A claim over many encoders: each value that its rules name is summarised, and the summaries are judged by the same rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from bertology.record.claim import Claim
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Result, Verdict, judge
from bertology.stats.meta import Summary, random_effects

TESTED = ("holds", "fails", "undecided")
_BLANK = Estimate(float("nan"), float("nan"), float("nan"), 0)


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
    values = dict.fromkeys(c.expects, _BLANK)
    for name in c.expects:
        seen = [r.values[name] for r in own if name in r.values and r.values[name].known]
        if seen:
            made[name] = summary = random_effects([e.value for e in seen], [e.standard_error for e in seen])
            units[name] = seen[0].unit
            values[name] = replace(
                _BLANK, value=summary.value, low=summary.low, high=summary.high, n=len(seen), unit=seen[0].unit
            )
    verdict, reason, _ = judge(c, Finding(values))
    counts = {verdict: sum(r.verdict == verdict for r in own) for verdict in TESTED}
    rules = {name: str(region) for name, region in c.expects.items()}
    return Across(c.id, c.section, c.says, verdict, reason, made, units, rules, counts, passed)
