"""What came out of a claim on one encoder, and `judge`, which makes every verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scipy.stats import false_discovery_control, norm

from bertology.record.claim import Claim
from bertology.record.estimate import Estimate

Verdict = Literal["holds", "fails", "undecided", "not applicable", "error"]


@dataclass(frozen=True, slots=True)
class Row:
    """One value behind a result: of a layer, a head, a relation. `measure` says what it is; -1 means "not per layer/head"."""

    measure: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    layer: int = -1
    head: int = -1
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a claim's experiment returns.

    `values` holds at least the quantities the claim's rules name, and those its published figures name;
    `baselines` are controls in the unit of the headline value, shown beside it.
    A gap over a control that the verdict needs is a value of its own, with a rule of its own.
    """

    values: Mapping[str, Estimate]
    baselines: Mapping[str, Estimate] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published figure beside the measured one."""

    what: str
    published: float
    status: str
    model: str
    data: str
    source: str
    measured: Estimate | None
    agrees: (
        bool | None
    )  # the measured interval contains the published figure; None when nothing comparable was measured


@dataclass(frozen=True, slots=True)
class Result:
    """A claim's outcome: everything the report needs, without the encoder."""

    claim: str
    section: str
    says: str
    verdict: Verdict
    reason: str
    rules: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Estimate] = field(default_factory=dict)
    baselines: Mapping[str, Estimate] = field(default_factory=dict)
    p: float | None = None
    note: str = ""
    cites: tuple[str, ...] = ()
    method: str = ""
    published: tuple[Comparison, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def headline(self) -> Estimate | None:
        return self.values.get(next(iter(self.rules), ""))


def judge(claim: Claim, finding: Finding) -> tuple[Verdict, str, float]:
    """The verdict, its reason, and a one-sided p-value for "the claim is not true".

    holds: every rule's interval lies wholly inside its region. fails: at least one lies wholly outside.
    undecided: everything else. Rules are joined by "and", so p is the largest of theirs
    (intersection-union test, Berger 1982), each from a normal approximation on the bootstrap's standard error.
    """
    broken, open_, p_values = [], [], []
    for name, region in claim.expects.items():
        estimate = finding.values[name]
        p_values.append(_p(estimate, region.low, region.high))
        if not estimate.known:
            open_.append(f"{name}: not measured")
        elif region.fails(estimate.low, estimate.high):
            broken.append(f"{name} = {estimate}, expected {region}")
        elif not region.holds(estimate.low, estimate.high):
            open_.append(f"{name} = {estimate}, expected {region}")
    p = max(p_values)
    if broken:
        return "fails", "; ".join(broken), p
    if open_:
        return "undecided", "; ".join(open_), p
    return "holds", "; ".join(f"{name} = {finding.values[name]}, expected {r}" for name, r in claim.expects.items()), p


def compare_published(claim: Claim, finding: Finding) -> tuple[Comparison, ...]:
    """Each published figure beside the value it is comparable to."""
    lines = []
    for figure in claim.published:
        measured = finding.values.get(figure.of)
        agrees = measured.low <= figure.value <= measured.high if measured is not None and measured.known else None
        lines.append(
            Comparison(
                figure.what, figure.value, figure.status, figure.model, figure.data, figure.source, measured, agrees
            )
        )
    return tuple(lines)


def q_values(results: Sequence[Result]) -> dict[str, float]:
    """Benjamini-Hochberg adjusted p-values over the claims of a run that have a p-value; claim id to q."""
    tested = [r for r in results if r.p is not None]
    if not tested:
        return {}
    adjusted = false_discovery_control([r.p for r in tested])
    return {r.claim: float(q) for r, q in zip(tested, adjusted, strict=True)}


def _p(estimate: Estimate, low: float, high: float) -> float:
    """Probability mass of N(value, standard error) outside (low, high)."""
    if not estimate.known:
        return 1.0
    if estimate.standard_error == 0:
        return 0.0 if low < estimate.value < high else 1.0
    return float(
        norm.cdf(low, estimate.value, estimate.standard_error) + norm.sf(high, estimate.value, estimate.standard_error)
    )
