"""Claims asked of an encoder: what it lacks, what came out, and the results, looked at once or several times."""

import inspect
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bertology.claims import registry
from bertology.corpus import cloze
from bertology.corpus.corpora import NAMES, Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.observe.planner import OutOfTime, Planner
from bertology.observe.wishes import Asking, Wish
from bertology.record.claim import Claim
from bertology.record.errors import NotApplicable
from bertology.record.folder import RunFolder
from bertology.record.keys import made_key
from bertology.record.result import Finding, Result, compare_published, judge
from bertology.stats.looks import ONCE, Look, widen
from bertology.stats.twins import merged


def results_of(encoder: Encoder, claims: Sequence[str], corpora: Corpora, *, seed: int = 0) -> list[Result]:
    """The results of claims on an encoder, without a run folder or a report."""
    with tempfile.TemporaryDirectory() as place:
        planner = Planner(encoder, RunFolder.open(place, {}), seed=seed)
        return [result for result, _ in judged(planner, encoder, corpora, registry.select(claims), ONCE, seed)]


def judged(
    planner: Planner,
    encoder: Encoder,
    corpora: Corpora,
    chosen: Sequence[Claim],
    looks: Sequence[Look],
    seed: int | None = None,
    control_twins: int = 1,
) -> Iterator[tuple[Result, Sequence[Any]]]:
    """Each claim's result and the rows behind it, again at every look until it is decided; trainings at the last look only.

    Claims whose rules name a random twin are asked against `control_twins` of them.
    """
    seed = corpora.seed if seed is None else seed
    open_ = list(chosen)
    said: dict[str, tuple[Result, Sequence[Any]]] = {}
    for number, look in enumerate(looks, start=1):
        last = number == len(looks)
        now = [c for c in open_ if last or "training" not in c.needs]
        part = corpora if look.share == 1 else corpora.part(look.share)
        for c, outcome in _controlled(planner, encoder, part, now, seed, control_twins):
            if isinstance(outcome, OutOfTime) and c.id in said:
                before, rows = said[c.id]
                if before.verdict == "undecided":
                    continue  # what an earlier look said stands
                told = f"{outcome}; on {before.provenance['share']:.3g} of the sentences: {before.reason}"
                yield replace(before, verdict="undecided", reason=told), rows
                continue
            result, rows = concluded(c, outcome, encoder, part, seed, look)
            if len(looks) > 1:
                result = replace(result, provenance={**result.provenance, "look": number, "share": look.share})
            said[c.id] = result, rows
            yield result, rows
            if result.verdict not in _OPEN:
                open_.remove(c)


_OPEN = ("undecided", "not applicable", "error")
"""Verdicts that a larger sample may change."""


def left_open(results: Iterable[Result], looks: Sequence[Look]) -> list[str]:
    """Claims that more time might have decided: undecided before the last look."""
    return sorted(
        r.claim for r in results if r.verdict == "undecided" and r.provenance.get("look", len(looks)) < len(looks)
    )


def _controlled(
    planner: Planner, encoder: Encoder, corpora: Corpora, chosen: Sequence[Claim], seed: int, twins: int
) -> Iterator[tuple[Claim, Finding | Exception]]:
    """Each claim's finding, or why there is none; against all twins where its rules name one. What the encoder said is kept between them."""
    against = [c for c in chosen if twins > 1 and any("twin" in name for name in c.expects)]
    findings: dict[str, list[Finding]] = {c.id: [] for c in against}
    for c, outcome in _outcomes(planner, encoder, corpora, chosen, seed):
        if c.id in findings and isinstance(outcome, Finding):
            findings[c.id].append(outcome)
        else:
            yield c, outcome
    for number in range(1, twins):
        other = encoder.with_other_twins(number)
        again = [c for c in against if len(findings[c.id]) == number]
        for c, outcome in _outcomes(replace(planner, encoder=other, _twin=None), other, corpora, again, seed):
            if isinstance(outcome, Finding):
                findings[c.id].append(outcome)
            else:
                yield c, outcome
    yield from ((c, merged(findings[c.id])) for c in against if len(findings[c.id]) == twins)


def _outcomes(
    planner: Planner, encoder: Encoder, corpora: Corpora, chosen: Sequence[Claim], seed: int
) -> Iterator[tuple[Claim, Finding | Exception]]:
    """Each claim's finding, or why there is none."""
    runnable: dict[str, Asking[Finding]] = {}
    for c in chosen:
        lack = lacking(c, encoder, corpora)
        if lack:
            yield c, NotApplicable(lack)
        else:
            runnable[c.id] = registry.experiment(c.id)(encoder, corpora, seed)
    by_id = {c.id: c for c in chosen}
    for claim_id, outcome in planner.outcomes(runnable):
        yield by_id[claim_id], outcome


def lacking(c: Claim, encoder: Encoder, corpora: Corpora) -> str:
    """What of the claim's needs is missing, in words; empty when everything is there."""
    if c.status != "runs":
        return f"{c.status}: {c.why or 'not executable yet'}"
    for need in c.needs:
        name, _, layer = need.partition(":")
        if name.endswith(".*"):
            plain = name.removesuffix(".*")
            if not corpora.in_languages(plain):
                return f"needs the corpus {plain!r} in other languages: give --corpus {plain}.de=FILE and others"
        elif name in NAMES:
            corpus = getattr(corpora, name)
            if corpus is None:
                return f"needs the corpus {name!r}: give --corpus {name}=FILE"
            if layer and isinstance(corpus, tuple) and not cloze.of_set(corpus, layer):
                return f"the corpus {name!r} has no items of the set {layer!r} (label 'set')"
            if layer and isinstance(corpus, Corpus) and not corpus.having(layer):
                return f"the corpus {name!r} ({corpus.name}) has no annotation {layer!r}"
        elif need != "training" and need not in encoder.has:
            return f"{encoder.name} has no {_PLACES.get(need, need)}"
    return ""


_PLACES = {
    "mlm": "masked-language-model head", "segments": "segment ids", "cls": "[CLS] token", "sep": "[SEP] token",
    "attention": "attention weights of all token pairs", "value": "value vectors", "head": "attention heads", "mask": "mask token",
}  # fmt: skip


def concluded(
    c: Claim, outcome: Finding | Exception, encoder: Encoder, corpora: Corpora, seed: int, look: Look = ONCE[0]
) -> tuple[Result, Sequence[Any]]:
    blank = Result(
        claim=c.id, section=c.section, says=c.says, verdict="error", reason="", cites=c.cites, method=inspect.cleandoc(c.method),
        rules={name: str(region) for name, region in c.expects.items()},
        provenance={"seed": seed, "encoder": encoder.fingerprint, "corpora": _corpora_of(c, corpora)},
    )  # fmt: skip
    if isinstance(outcome, NotApplicable):
        return replace(blank, verdict="not applicable", reason=str(outcome)), ()
    if isinstance(outcome, OutOfTime):
        late = replace(blank, verdict="undecided", reason=str(outcome))
        return replace(late, provenance={**blank.provenance, "look": 0}), ()
    if isinstance(outcome, Exception):
        return replace(blank, reason=f"{type(outcome).__name__}: {outcome}"), ()
    if look.wider != 1:
        told = f"Read on {look.share:.3g} of the sentences; intervals are {look.wider:.2f} times as wide, since a run within a budget looks more than once."
        outcome = replace(
            outcome, values=widen(outcome.values, look.wider), baselines=widen(outcome.baselines, look.wider),
            note=f"{outcome.note} {told}".strip(),
        )  # fmt: skip
    verdict, reason, p = judge(c, outcome)
    return (
        replace(
            blank, verdict=verdict, reason=reason, p=p, values=outcome.values, baselines=outcome.baselines,
            note=outcome.note, published=compare_published(c, outcome),
        ),
        outcome.rows,
    )  # fmt: skip


def _corpora_of(c: Claim, corpora: Corpora) -> dict[str, str]:
    named = {need.partition(":")[0] for need in c.needs}
    read = {name: corpora.named(name) for name in sorted(named & set(NAMES))}
    for name in sorted(named - set(NAMES)):
        if name.endswith(".*"):
            plain = name.removesuffix(".*")
            read |= {f"{plain}.{code}": corpus for code, corpus in corpora.in_languages(plain).items()}
    kept = {name: corpus for name, corpus in read.items() if isinstance(corpus, Corpus) or name == "cloze"}
    return {n: f"{getattr(corpus, 'name', 'cloze items')} {fingerprint_of(n, corpus)}" for n, corpus in kept.items()}


def first_wishes(
    chosen: Sequence[Claim], encoder: Encoder, corpora: Corpora, seed: int = 0
) -> Iterator[tuple[str, Wish]]:
    """What each claim that applies here wishes for before it has seen an answer."""
    for c in chosen:
        if lacking(c, encoder, corpora):
            continue
        with suppress(NotApplicable):
            yield c.id, next(registry.experiment(c.id)(encoder, corpora, seed))


def fingerprint_of(name: str, corpus: Any) -> str:
    return made_key("items", corpus) if name == "cloze" else getattr(corpus, "fingerprint", str(corpus))
