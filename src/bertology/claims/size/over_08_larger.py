"""The larger model is usually better, but not on every phenomenon (Goldberg 2019; Lin et al. 2019; Liu et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.behave.asks import Scoring
from bertology.behave.minimal_pairs import TIE
from bertology.behave.pll import Scores
from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import over_seeds_and_examples
from bertology.claims.training.arch_02_width import WIDTHS, of_width
from bertology.claims.training.scale import scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats

FEWEST = 20


@claim(
    id="over-08",
    section="6.1",
    says="The larger model is usually better, but not on every phenomenon.",
    cites=("liu-2019a", "roberts-2020", "goldberg-2019", "lin-2019"),
    method="""Encoders of width 32 and 128 (those of arch-02), trained on the same text and tokens, score minimal pairs by
    pseudo-log-likelihood. The phenomenon in which the larger one loses most is chosen on every other pair and measured on the others. Holds
    if the larger one loses there, and gains on the mean of phenomena. Intervals over seeds and pairs. Which sizes there are is ours to
    choose: the encoder of the run takes no part.""",
    published=(
        Published(2.0, "studies in which base beats large", "BERT-base and BERT-large", "agreement; subject detection", "rogers-2020 (notes on the survey)", "verified"),
        Published(0.833, "accuracy on nonsense sentences", "BERT-base", "Gulordava nonce agreement", "goldberg-2019 (counted in the result files of the author's repository)", "verified"),
        Published(0.796, "accuracy on nonsense sentences", "BERT-large", "Gulordava nonce agreement", "goldberg-2019 (counted in the result files of the author's repository)", "verified"),
    ),
    expects={
        "large − small on the phenomenon chosen on other pairs": below(0.0),
        "large − small, mean of phenomena": above(0.0),
    },
    needs=("training", "raw", "pairs"),
)  # fmt: skip
def larger_is_not_always_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = corpora.pairs
    names = np.array([str(pairs[2 * i].labels.get("phenomenon", "")) for i in range(len(pairs) // 2)])
    phenomena = [name for name in sorted({*names.tolist()}) if (names == name).sum() >= 2 * FEWEST]
    if len(phenomena) < 2:
        raise NotApplicable(f"{pairs.name} has {len(phenomena)} phenomena of {2 * FEWEST} pairs: nothing to compare")
    runs = yield from trained([of_width(w) for w in (WIDTHS[0], WIDTHS[-1])], corpora, seed)
    encoders = [run.encoder for of_one in runs for run in of_one]
    made = yield from make(*(Scoring(e, pairs) for e in encoders))
    right = np.array([correct(pairs, scores) for scores in made]).reshape(2, -1, len(names))  # (size, seed, pair)
    choosing, judged = {}, {}
    for name in phenomena:
        places = np.flatnonzero(names == name)
        choosing[name], judged[name] = right[..., places[0::2]], right[..., places[1::2]]
    difference = lambda r: r[..., 1] - r[..., 0]
    worst = min(phenomena, key=lambda name: float(np.diff(choosing[name].mean((1, 2)))[0]))
    macro = np.mean([judged[name].mean(-1) for name in phenomena], axis=0)  # (size, seed)
    estimate = lambda table: over_seeds_and_examples(difference, list(table.swapaxes(0, 1)), unit="accuracy", seed=seed)
    values = {
        "large − small on the phenomenon chosen on other pairs": estimate(judged[worst]),
        "large − small, mean of phenomena": repeats.difference(macro[1], macro[0], unit="accuracy"),
        "large − small where it was chosen": estimate(choosing[worst]),
    }
    rows = []
    for name in phenomena:
        e = estimate(judged[name])
        rows.append(Row("large − small", e.value, e.low, e.high, judged[name].shape[2], label=name))
        for which, who in enumerate(("small", "large")):
            rows.append(Row("accuracy", float(judged[name][which].mean()), n=judged[name].shape[2], label=f"{name}, {who}"))  # fmt: skip
    lost = sum(r.high < 0 for r in rows if r.measure == "large − small")
    told = f"Chosen: {worst}; {lost} of {len(phenomena)} phenomena are lost with an interval below zero."
    return Finding(values, rows=rows, note=f"{told} {scale_note(corpora.raw)}")


def correct(pairs: Corpus, scores: Scores) -> NDArray[np.float64]:
    """Of each pair whether the acceptable sentence is the likelier one; a tie, or a sentence that could not be read, is a mistake."""
    total = np.full(len(pairs), np.nan)
    total[scores.kept] = scores.totals
    return (total[0::2] - total[1::2] > TIE).astype(float)
