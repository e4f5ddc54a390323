"""What a run says, in plain sentences: section names, verdict words, the opening paragraph, what stands out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bertology.record.result import Result, Row
from bertology.report.heads import Head
from bertology.report.intervals import region

SECTIONS: dict[str, str] = {
    "3.1": "Syntactic knowledge",
    "3.2": "Semantic knowledge",
    "3.3": "World knowledge",
    "3.4": "Limits of probing",
    "4.1": "Embeddings",
    "4.2.1": "Heads with linguistic functions",
    "4.2.2": "Attention to special tokens",
    "4.3": "Layers",
    "5.1": "Architecture choices",
    "5.2": "Training regime",
    "5.3": "Pre-training",
    "5.4": "Fine-tuning",
    "6.1": "Overparameterization",
    "6.2": "Compression",
    "6.3": "Pruning and model analysis",
    "7": "Directions",
    "8 (v1)": "Multilingual BERT",
}
TESTED = ("holds", "fails", "undecided")
VERDICTS: dict[str, str] = {
    "holds": "the whole interval lies where the claim predicts",
    "fails": "an interval lies wholly outside the predicted region",
    "undecided": "an interval crosses the border of the predicted region",
    "not applicable": "this encoder or corpus lacks what the claim needs",
    "error": "the experiment broke off",
}
SIGNIFICANT = 0.05


class Standout(NamedTuple):
    """A claim worth naming on the first screen; `sentence` gives its headline against the rule."""

    claim: str
    says: str
    sentence: str
    strength: float


def section_order(section: str) -> tuple[list[int], str]:
    """Sort key: "4.2.1" before "4.3" before "10"; unnumbered ones last."""
    first = section.split(" ")[0]
    return [int(part) if part.isdigit() else 999 for part in first.split(".")], section


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Verdict to number of claims, in the order of VERDICTS."""
    return {verdict: sum(r.verdict == verdict for r in results) for verdict in VERDICTS}


def opening(
    results: Sequence[Result],
    q: Mapping[str, float],
    heads: Sequence[Head],
    rows: Mapping[str, Sequence[Row]],
    depth: int,
) -> list[str]:
    """The first paragraph: verdicts, correction, roles of heads, where the layers peak."""
    sentences = [_verdicts(results), _correction(results, q), *_heads(heads), *_peaks(results, rows, depth)]
    return [sentence for sentence in sentences if sentence]


def standouts(results: Sequence[Result], verdict: str, most: int = 5) -> list[Standout]:
    """The clearest claims with this verdict, by distance from the rule's border; of those that hold, one a section."""
    found = []
    for result in results:
        strength = _strength(result)
        if result.verdict == verdict and strength is not None:
            found.append(
                (section_order(result.section), Standout(result.claim, result.says, headline(result), strength))
            )
    found.sort(key=lambda item: (-item[1].strength, item[1].claim))
    if verdict == "holds":
        seen: set[str] = set()
        found = [item for item in found if not (item[0][1] in seen or seen.add(item[0][1]))]
    return [item[1] for item in found[:most]]


def headline(result: Result) -> str:
    """`share on [SEP] 0.62 [0.60, 0.64], predicted > 0.5; baseline uniform 0.07`; of a claim that fails, the first rule it breaks."""
    name, rule = next(iter(result.rules.items()), ("", ""))
    if result.headline is None:
        return result.reason
    if result.verdict == "fails":
        return f"{result.reason.split('; ')[0].replace(', expected ', ', predicted ')}"
    beside = next(iter(result.baselines.items()), None)
    baseline = f"; {beside[0]} {beside[1]}" if beside else ""
    return f"{name} {result.headline}, predicted {rule}{baseline}"


def agreement(result: Result) -> tuple[str, str]:
    """Agreement with the claim's direction and with the published numbers, apart."""
    direction = {"holds": "agrees", "fails": "disagrees", "undecided": "open"}.get(result.verdict, "not tested")
    comparable = [figure.agrees for figure in result.published if figure.agrees is not None]
    if not comparable:
        return direction, "nothing comparable measured" if result.published else "no figure published"
    inside = sum(comparable)
    return (
        direction,
        f"{inside} of {len(comparable)} published {_s(len(comparable), 'figure')} inside the measured interval",
    )


def q_text(q: float | None) -> str:
    """`q = 0.012`, or `q < 0.001`; empty when the claim has no p-value."""
    if q is None:
        return ""
    return "q < 0.001" if q < 0.001 else f"q = {q:.2g}"


def listed(items: Iterable[str]) -> str:
    """`a, b and c`."""
    items = list(items)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 2 else items)


def number(value: Any) -> str:
    """Whole numbers with thousands separated; large ones of parameters as they are spoken: `109.5 million`."""
    if not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.1f} million"
    return f"{value:,}"


def _s(count: int, noun: str) -> str:
    return noun if count == 1 else noun + "s"


def _verdicts(results: Sequence[Result]) -> str:
    by = counts(results)
    tested = sum(by[verdict] for verdict in TESTED)
    if not tested:
        return "No claim of the survey has been tested on this encoder yet."
    untested = by["not applicable"] + by["error"]
    rest = f" {untested} more could not be tested." if untested else ""
    share = [
        f"{by['holds']} hold" + ("s" if by["holds"] == 1 else ""),
        f"{by['fails']} fail" + ("s" if by["fails"] == 1 else ""),
    ]
    if by["undecided"]:
        share.append(f"{by['undecided']} cannot be decided with this much data")
    return f"Of {tested} {_s(tested, 'claim')} of the survey tested on this encoder, {listed(share)}.{rest}"


def _correction(results: Sequence[Result], q: Mapping[str, float]) -> str:
    holding = [r.claim for r in results if r.verdict == "holds" and r.claim in q]
    if len(q) < 2 or not holding:
        return ""
    survive = sum(q[claim] < SIGNIFICANT for claim in holding)
    which = "All" if survive == len(holding) else f"{survive} of the"
    correction = f"the correction for {len(q)} tests (Benjamini–Hochberg, q < {SIGNIFICANT:g})"
    return f"{which} {len(holding)} that hold survive {correction}."


def _heads(heads: Sequence[Head]) -> list[str]:
    if not heads:
        return []
    roles: dict[str, int] = {}
    for head in heads:
        if head.role:
            roles[head.role] = roles.get(head.role, 0) + 1
    sentences = []
    if roles:
        ranked = sorted(roles.items(), key=lambda item: (-item[1], item[0]))
        (most, count), *others = ranked
        told = [f"{count} are mostly {most}", *(f"{n} {role}" for role, n in others)]
        sentences.append(f"Of its {len(heads)} heads, {listed(told)}.")
    special = sorted((h for h in heads if h.specialised), key=lambda h: (-h.gain, h.layer, h.head))
    if special:
        best = special[0]
        follow = "head follows" if len(special) == 1 else "heads follow"
        sentences.append(
            f"{len(special)} {follow} a syntactic relation at least 10 points better than any fixed offset, "
            f"most clearly {best.relation} at layer {best.layer} · head {best.head} "
            f"({100 * best.accuracy:.0f} % against {100 * (best.accuracy - best.gain):.0f} %)."
        )
    elif any(h.relation for h in heads):
        sentences.append("No head follows a syntactic relation 10 points better than a fixed offset.")
    return sentences


def _peaks(results: Sequence[Result], rows: Mapping[str, Sequence[Row]], depth: int) -> list[str]:
    """Where the layer section's curves peak: those of the first measure with several labels, else the first curve."""
    candidates = []
    for result in results:
        curves = [r for r in rows.get(result.claim, ()) if r.layer >= 0 and r.head < 0 and math.isfinite(r.value)]
        curves = [r for r in curves if not r.label.startswith("random twin")]  # a control is no trait of the encoder
        for measure in dict.fromkeys(r.measure for r in curves):
            here = [r for r in curves if r.measure == measure]
            labels = list(dict.fromkeys(r.label for r in here))
            if len({r.layer for r in here}) > 2:
                rank = (result.section != "4.3", len(labels) < 2, section_order(result.section), result.claim)
                candidates.append((rank, measure, here, labels))
    if not candidates:
        return []
    _, measure, here, labels = min(candidates, key=lambda c: c[0])
    peaks = []
    for label in labels[:5]:
        best = max((r for r in here if r.label == label), key=lambda r: r.value)
        peaks.append((best.layer, f"{label or measure} at layer {best.layer} ({best.value:.3g})"))
    peaks.sort()
    through = f" of {depth}" if depth else ""
    kind = (
        f"Across the layers{through}, {measure} peaks for "
        if any(labels)
        else f"Across the layers{through}, there is a peak of "
    )
    return [kind + listed(text for _, text in peaks) + "."]


def _strength(result: Result) -> float | None:
    """Distance of the headline from its region's nearest border in standard errors (an exact one counts 0.1 %)."""
    estimate = result.headline
    if estimate is None or not estimate.known:
        return None
    borders = [b for b in region(next(iter(result.rules.values()), "")) if math.isfinite(b)]
    if not borders:
        return None
    distance = min(abs(estimate.value - border) for border in borders)
    return min(distance / (estimate.standard_error or max(abs(estimate.value), 1e-9) / 1000), 1000.0)
