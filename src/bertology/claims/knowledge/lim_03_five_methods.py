"""Different methods rank the same phenomena differently (Warstadt et al. 2019)."""

import itertools

import numpy as np
from numpy.typing import NDArray

from bertology.behave.asks import Scoring
from bertology.behave.choice import REST, Choosing, region_totals
from bertology.behave.minimal_pairs import TIE
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.minimal_pairs import npi_kind
from bertology.corpus.pair import changed_word
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, measure
from bertology.observe.vectors import SentenceTable, SentenceVectors
from bertology.observe.wishes import make
from bertology.probe.linear import LinearProbe
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap, in_split, of_items

METHODS = (
    "likelihood of pairs",
    "masked choice",
    "Boolean acceptability",
    "gradient acceptability",
    "licensor probing",
)
FEWEST = 5
"""Paradigms that can be ranked."""
LICENSORS = frozenset([
    "not", "no", "never", "nobody", "nothing", "none", "neither", "nor", "only", "few", "hardly", "rarely", "seldom", "without",
    "whether", "if",
])  # fmt: skip


@claim(
    id="lim-03",
    section="3.4",
    says="Different methods rank the same phenomena differently.",
    cites=("warstadt-2019",),
    method="""Five methods on each paradigm of minimal pairs on polarity items: accuracy of the pseudo-log-likelihood on pairs;
    accuracy of the masked choice of the word in which a pair differs; correlation (MCC) with acceptability of a linear probe on the
    mean vector of the layer that is best on dev; the same of a threshold on the log-likelihood a subword, chosen on dev; accuracy
    of a linear probe for the presence of a licensor. The two methods whose rankings of paradigms correlate least (Kendall's tau-b)
    on dev are compared on test. Noise would part them too, so each must repeat its own dev ranking on test better than it matches the
    other's; and there must be knowledge to rank: seeing the rest of the sentence must pull the log-odds of licensors and items
    by more than a tenth of a nat.""",
    expects={
        "lowest correlation of two methods": below(0.5),
        "repeatability beyond that": above(0.0),
        "pull of the context": above(0.1),
    },
    needs=("mlm", "mask", "pairs"),
)
def methods_disagree(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = _rankable(corpora.pairs)
    names = sorted({s.labels["phenomenon"] for s in pairs})
    if len(names) < FEWEST:
        raise NotApplicable(
            f"{corpora.pairs.name} has {len(names)} paradigms on polarity items that differ in one word; {FEWEST} are due"
        )
    scores, seen, alone = yield from make(
        Scoring(encoder, pairs), Choosing(encoder, pairs), Choosing(encoder, pairs, REST)
    )
    table = yield from measure(SentenceVectors(("mean",), len(pairs), seed), over=pairs)
    place = np.array([names.index(s.labels["phenomenon"]) for s in pairs])
    totals = np.full((2, len(pairs)), np.nan)
    totals[0, scores.kept], totals[1, scores.kept] = region_totals(encoder, pairs, scores), scores.means
    likelier = totals[0, 0::2] - totals[0, 1::2]
    acceptable, blocks = np.array([bool(s.labels["acceptable"]) for s in pairs]), pairs.blocks
    accuracy = lambda right: _as_cells(of_items(right, blocks[0::2], place[0::2], len(names)))
    matches = lambda said: _outcomes(said, acceptable, blocks, place, len(names))
    licensed = np.array([has_licensor(s) for s in pairs])
    right_licensor = _probed(table, licensed, blocks, seed) == licensed
    found = (
        accuracy(np.where(np.isfinite(likelier), likelier > TIE, np.nan)),
        accuracy(seen.right),
        matches(_probed(table, acceptable, blocks, seed)),
        matches(_above_threshold(totals[1], acceptable, blocks)),
        _as_cells(of_items(right_licensor, blocks, place, len(names))),
    )
    on_dev = np.stack([_score(tally.on("dev").rate()) for tally in found])
    taus = tau(on_dev[:, None], on_dev[None])
    taus[np.tril_indices(len(METHODS))] = np.nan
    first, second = argmax(-taus)
    one, other, one_dev, other_dev = (found[k].on(split) for split in ("test", "dev") for k in (first, second))
    between = lambda a, b: tau(_score(a), _score(b))
    repeats = lambda a, b, a_dev, b_dev: np.minimum(between(a, a_dev), between(b, b_dev)) - between(a, b)
    scope = np.array([npi_kind(names[k]) == "scope" for k in place[0::2]])
    pull = of_items(np.where(scope, np.nan, seen.margin - alone.margin), blocks[0::2])
    values = {
        "lowest correlation of two methods": bootstrap(between, one, other, unit="Kendall's τ", seed=seed),
        "repeatability beyond that": bootstrap(repeats, one, other, one_dev, other_dev, unit="Kendall's τ", seed=seed),
        "pull of the context": pull.estimate(unit="nats", seed=seed),
    }
    on_test = np.stack([_score(tally.on("test").rate()) for tally in found])
    rows = [
        Row("Kendall's τ", float(tau(on_test[i], on_test[j])), n=len(names), label=f"{METHODS[i]} | {METHODS[j]}")
        for i, j in itertools.combinations(range(len(METHODS)), 2)
    ]
    rows += [Row(METHODS[m], float(value), label=names[k]) for (m, k), value in np.ndenumerate(on_test)]
    note = f"{pairs.name}: {len(names)} paradigms; chosen on dev: {METHODS[first]} against {METHODS[second]}."
    return Finding(values, {}, rows, note)


def tau(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kendall's tau-b over the last axis; nan where one side is constant (Kendall 1945)."""
    i, j = np.triu_indices(a.shape[-1], 1)
    first, second = (np.sign(x[..., i] - x[..., j]) for x in (a, b))
    with np.errstate(all="ignore"):
        return (first * second).sum(-1) / np.sqrt((first**2).sum(-1) * (second**2).sum(-1))


def mcc(outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matthews' correlation of shares (..., true or false positives, false or true negatives); 0 where one answer is constant."""
    tp, fp, fn, tn = np.moveaxis(outcomes, -1, 0)
    bottom = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.where(bottom > 0, (tp * tn - fp * fn) / np.where(bottom > 0, bottom, 1.0), 0.0)


def has_licensor(s: Sentence) -> bool:
    """Whether a word of the sentence licenses polarity items, wherever it stands, or the sentence is a question."""
    return s.text.rstrip().endswith("?") or any(
        w.lower() in LICENSORS or w.lower().endswith(("n't", "n’t")) for w in s.words
    )


def _rankable(pairs: Corpus) -> Corpus:
    """The pairs on polarity items, of paradigms that have some that the masked choice can judge."""
    single = {
        good.labels["phenomenon"]
        for good, bad in zip(pairs.sentences[0::2], pairs.sentences[1::2], strict=True)
        if npi_kind(str(good.labels.get("phenomenon", ""))) and changed_word(good, bad) is not None
    }
    return pairs.where(lambda s: s.labels.get("phenomenon") in single, why="not on polarity items, or no masked choice")


def _score(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., paradigm): accuracy from one cell, MCC from four."""
    return rates[..., 0] if rates.shape[-1] == 1 else mcc(rates)


def _as_cells(tally: Tally) -> Tally:
    return Tally(tally.total[..., None], tally.weight[..., None])


def _outcomes(
    said: NDArray[np.bool_], true: NDArray[np.bool_], blocks: NDArray[np.int64], place: NDArray[np.int64], n: int
) -> Tally:
    """Tally (block, paradigm, true positive, false positive, false negative, true negative)."""
    kinds = (said & true, said & ~true, ~said & true, ~said & ~true)
    parts = [of_items(kind, blocks, place, n) for kind in kinds]
    return Tally(np.stack([p.total for p in parts], -1), np.stack([p.weight for p in parts], -1))


def _probed(table: SentenceTable, labels: NDArray[np.bool_], blocks: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """What a linear probe says of every sentence: fitted on train, its strength and its layer chosen on dev."""
    vectors, known = table.pooled("mean"), labels[table.sentence].astype(str)
    train, dev = (np.flatnonzero(in_split(blocks[table.sentence], split)) for split in ("train", "dev"))
    probe = LinearProbe(l2=(10.0, 300.0), batch=512, min_steps=150, seed=seed)
    probe.fit(vectors, known, rows=train, dev=(vectors[:, dev], known[dev]))
    says = probe.predict(vectors) == "True"
    (layer,) = argmax((says[:, dev] == (known[dev] == "True")).mean(1))
    found = np.zeros(len(labels), dtype=bool)
    found[table.sentence] = says[layer]
    return found


def _above_threshold(
    score: NDArray[np.float64], acceptable: NDArray[np.bool_], blocks: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each score exceeds the threshold with the best MCC on dev."""
    dev = np.flatnonzero(in_split(blocks, "dev") & np.isfinite(score))
    order = dev[np.argsort(score[dev])]
    good = acceptable[order]
    fn, tn = np.cumsum(good), np.cumsum(~good)  # with the threshold at each score in turn
    outcomes = np.stack([good.sum() - fn, (~good).sum() - tn, fn, tn], -1).astype(np.float64)
    return score > score[order[argmax(mcc(outcomes))[0]]]
