"""Vectors of entities beside their names help the recall of facts, most where the name tells nothing (E-BERT: Poerner et al. 2020)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertology.behave import cloze
from bertology.behave import facts as recall
from bertology.behave.asks import Filling
from bertology.behave.entity_vectors import Aligned, EntityVectors, FillingBeside, beside, mark
from bertology.claims.knowledge.wor_08_names import helpful_names, parts_of
from bertology.claims.registry import claim
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import BLOCKS
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.tally import bootstrap, of_items

MENTIONS = 3
"""How often a name must occur in the text that vectors are made of."""
FEWEST = 10
"""Names of either kind that occur so often."""


@claim(
    id="pre-09",
    section="5.3",
    says="Adding linguistic, entity or table information to the input or objective helps.",
    cites=(
        "sundararaman-2019", "zhang-2020", "wu-2019b", "kumar-2020", "schick-2020", "peters-2019a", "zhang-2019", "poerner-2019", "yin-2020",
        "wang-2020a",
    ),
    method="""Of the ways in the survey, the one that needs no training: an entity's vector stands before its name, "vector / name" (E-BERT, concat).
    A vector is the mean input embedding of the words around the name's mentions in the corpus raw, mapped by the linear map that takes words'
    own such means to their input embeddings (least squares). Precision at 1 of facts with the vector against without. Holds if names that do
    not give the fact away ("unhelpful") gain, gain more than helpful ones, and gain more than with the vectors of other
    entities. Not applicable unless ten names of each kind occur three times in raw. Intervals resample names.""",
    expects={
        "gain, unhelpful names": above(0.0),
        "gain, unhelpful − helpful names": above(0.0),
        "gain beyond others' vectors, unhelpful names": above(0.0),
    },
    needs=("training", "mlm", "mask", "cloze", "raw"),
)  # fmt: skip
def entity_vectors_help(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    named = [i for i in corpora.cloze if i.labels.get("name") in ("helpful", "unhelpful")] or of_set(
        corpora.cloze, "FACT"
    )
    every = recall.gather(encoder, named)
    names = tuple(dict.fromkeys(every.subjects))
    made: Aligned = yield from make(EntityVectors(encoder, corpora.raw, names))
    often = {name: k for k, name in enumerate(names) if made.mentions[k] >= MENTIONS}
    facts = every.of(np.array([s in often for s in every.subjects])) if often else every
    parts = parts_of(facts)
    asked = [*recall.questions(facts), *(q for one in parts for q in one)]
    plain = cloze.gaps(asked)
    filled = yield from make(Filling(encoder, plain))
    own = cloze.Answers(encoder, plain, filled)
    helpful = helpful_names(facts, parts, own)
    there = [
        sum(s in often and h == side for s, h in zip(facts.subjects, helpful, strict=True)) for side in (True, False)
    ]
    if min(there) < FEWEST:
        raise NotApplicable(
            f"{there[0]} helpful and {there[1]} unhelpful names occur {MENTIONS} times in {corpora.raw.name}; {FEWEST} of each are due: "
            "give text that speaks of them (--corpus raw=FILE), or facts about those of which it does (--corpus cloze=FILE)"
        )

    sign = mark(encoder, [c for c, _ in asked])
    marked = facts._replace(items=tuple({t: _marked(i, sign) for t, i in one.items()} for one in facts.items))
    at = np.array([often[s] for s in facts.subjects])
    others = _others(at, seed)
    questions = [
        (context, word, k) for k, one in enumerate(marked.items) for i in one.values() for context, word in _asked(i)
    ]
    gaps = cloze.gaps([(context, word) for context, word, _ in questions])
    fact_of = {(context, word): k for context, word, k in questions}
    place = np.array([fact_of[g.context, g.candidates[0]] for g in gaps])
    vectors = [made.vectors[which[place]] for which in (at, others)]
    with_own, with_others = yield from make(*(FillingBeside(encoder, gaps, sign, v) for v in vectors))
    scores = {
        "without": _mean(recall.right(facts, own)),
        "with": _mean(recall.right(marked, cloze.Answers(encoder, gaps, with_own))),
        "with others'": _mean(recall.right(marked, cloze.Answers(encoder, gaps, with_others))),
    }
    blocks = np.unique(facts.subjects, return_inverse=True)[1] % BLOCKS
    cells = {name: of_items(values, blocks, (~helpful).astype(int), 2) for name, values in scores.items()}
    how = {"seed": seed, "method": "bootstrap over names"}
    gain = lambda a, b, of: bootstrap(lambda r, s: 100 * of(r - s), cells[a], cells[b], unit="points", **how)
    of_helpful, of_unhelpful = (lambda r: r[..., 0]), (lambda r: r[..., 1])
    values = {
        "gain, unhelpful names": gain("with", "without", of_unhelpful),
        "gain, unhelpful − helpful names": gain("with", "without", lambda r: r[..., 1] - r[..., 0]),
        "gain beyond others' vectors, unhelpful names": gain("with", "with others'", of_unhelpful),
        "gain, helpful names": gain("with", "without", of_helpful),
        "gain beyond others' vectors, helpful names": gain("with", "with others'", of_helpful),
    }
    baselines = {}
    for name, tally in cells.items():
        for k, kind in enumerate(("helpful", "unhelpful")):
            percent = bootstrap(lambda r, k=k: 100 * r[..., k], tally, unit="%", **how)
            title = f"precision at 1 {name}{'' if name == 'without' else ' vectors'}, {kind} names"
            (values if name == "with" else baselines)[title] = percent
    note = (
        f"{there[0]} helpful and {there[1]} unhelpful names of {len(names)} occur {MENTIONS} times in {corpora.raw.name}, mean of "
        f"{made.mentions[at].mean():.0f}. The map was fitted on {made.words} words; on held-out words the cosine of mapped and true embedding is "
        f"{made.cosine:.2f}. No knowledge base is read: vectors hold what stands near the names. The other kinds of information are not tested."
        f"{recall.left_out(facts)}"
    )
    return Finding(values, baselines, (), note)


def _marked(item: ClozeItem, sign: str) -> ClozeItem:
    found = recall.place(item)
    assert found is not None  # `gather` keeps no item whose subject is not there once
    return item._replace(context_with_mask=beside(item.context_with_mask, found[0], sign))


def _asked(item: ClozeItem) -> Sequence[cloze.Asked]:
    return [(item.context_with_mask, word) for word in (item.target, *item.labels.get("expected", ()))]


def _others(at: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Each name's vector exchanged for another's, all facts of a name alike."""
    names = np.unique(at)
    order = np.random.default_rng([seed, 47]).permutation(len(names))
    moved = np.empty_like(names)
    moved[order] = names[np.roll(order, 1)]
    return moved[np.searchsorted(names, at)]


def _mean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over templates; nan where none could be read."""
    there = np.isfinite(table).sum(1)
    return np.where(there > 0, np.nansum(table, axis=1) / np.maximum(there, 1), np.nan)
