"""Attention to [SEP] as a no-operation: large where it matters least (Clark et al. 2019)."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.intervene.importance import MaskedLoss
from bertology.intervene.inputs import MaskWords
from bertology.intervene.no_op import AttentionSlopes, Withholding, WordDirections
from bertology.observe import Asking, measure, together
from bertology.observe.attention import CLASSES
from bertology.record.claim import Published, below
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

SENTENCES = 100  # paragraphs of text: two backward and fourteen forward passes over each
SEP, WORD = CLASSES.index("sep"), CLASSES.index("word")


@claim(
    id="spec-02",
    section="4.2.2",
    says="Attention to [SEP] is a no-operation: it is large where it matters least.",
    cites=("clark-2019",),
    method="""In all layers at once every query loses the same mass of attention, taken either from [SEP] or from
    the word it attends to most (the smaller of the two weights), and nothing is put in its place. With a
    masked-language-model head the cost is the rise of the loss at masked words (15 %), in nats; without one, the
    mean of 1 − cosine between intact and changed final word vectors. [SEP] must cost less than half of what a word
    costs, by word vectors too (a random model's loss moves by chance), and by a smaller share than in the random
    twin, where all tokens weigh about the same: merely less would be true of every second random model. Gradients
    stand beside it: mean |∂loss/∂α| on [SEP] relative to words; without a head the loss is a random direction of
    the final word vectors, since the distance to the intact ones has no gradient there. Taking the mass from all
    words in proportion, as the survey's measure may also be read, compares one vector with a mean of many, which is
    shorter: on random weights too it makes [SEP] look dearer. It is reported and not judged, and it can give the
    opposite answer.""",
    published=(
        Published(
            5,
            "layer from which the gradient on [SEP] is very small",
            "BERT-base",
            "1,000 Wikipedia segments of at most 128 tokens",
            "Clark et al. 2019",
            "verified",
        ),
        Published(
            90,
            "lower bound of attention from [SEP] to [SEP] in the heads that attend to it, %",
            "BERT-base",
            "1,000 Wikipedia segments of at most 128 tokens",
            "Clark et al. 2019",
            "verified",
        ),
    ),
    expects={
        "cost of [SEP] as a share of a word's, at equal mass": below(0.5),
        "shift of word vectors by [SEP] as a share of a word's": below(0.5),
        "that share beyond the random twin's": below(0.0),
    },
    needs=("attention", "sep", "text"),
)
def sep_is_a_no_op(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    text = corpora.text.sample(SENTENCES, seed=seed)
    loss, under = (MaskedLoss(), MaskWords()) if encoder.has_mlm else (WordDirections(), None)
    slopes, slopes_of_twin, real, random, spread, spread_of_twin = yield from together(
        measure(AttentionSlopes(loss), over=text, under=under),
        measure(AttentionSlopes(loss), over=text, under=under, twin=True),
        measure(Withholding(), over=text),
        measure(Withholding(), over=text, twin=True),
        measure(Withholding(spread=True), over=text),
        measure(Withholding(spread=True), over=text, twin=True),
    )
    effect = real.loss or real.shift
    unit = "nats" if encoder.has_mlm else "1 − cosine"
    gap = lambda e: e[..., 1] - e[..., 0]
    share_of = lambda e: e[..., 0] / np.where(e[..., 1] > 0, e[..., 1], np.nan)
    values = {
        "cost of [SEP] as a share of a word's, at equal mass": bootstrap(share_of, effect, unit="share", seed=seed),
        "shift of word vectors by [SEP] as a share of a word's": bootstrap(
            share_of, real.shift, unit="share", seed=seed
        ),
        "that share beyond the random twin's": bootstrap(
            lambda e, t: share_of(e) - share_of(t), real.shift, random.shift, unit="share", seed=seed
        ),
        "shift by [SEP] as a share of all words' in proportion": bootstrap(
            share_of, spread.shift, unit="share", seed=seed
        ),
        "cost of a word − cost of [SEP], at equal mass": bootstrap(gap, effect, unit=unit, seed=seed),
        "gradient on [SEP] relative to words": bootstrap(
            lambda s: _relative(s.mean((-3, -2))), slopes.slope, unit="ratio", seed=seed
        ),
        "rank correlation over heads of attention to [SEP] and its relative gradient": _over_heads(
            slopes.share, slopes.slope, seed
        ),
    }
    baselines = {
        "random twin, word vectors": bootstrap(share_of, random.shift, unit="share", seed=seed),
        "random twin, all words in proportion": bootstrap(share_of, spread_of_twin.shift, unit="share", seed=seed),
    }
    rows = []
    for name, tally in (("encoder", effect), ("random twin", random.loss or random.shift)):
        low, high = tally.intervals(seed=seed)
        rows += [
            Row(
                f"cost of losing attention ({unit})",
                float(tally.rate()[k]),
                float(low[k]),
                float(high[k]),
                tally.n,
                label=f"{name}: {kind}",
            )
            for k, kind in enumerate(("[SEP]", "a word"))
        ]
    for name, found in (("encoder", slopes), ("random twin", slopes_of_twin)):
        for layer in range(encoder.n_layers):
            curve = bootstrap(lambda s: _relative(s.mean(-2)), found.slope[layer], unit="ratio", seed=seed, draws=200)
            rows.append(
                Row(
                    "gradient on [SEP] relative to words",
                    curve.value,
                    curve.low,
                    curve.high,
                    curve.n,
                    layer + 1,
                    label=name,
                )
            )
            share = found.share.pooled(1)[(layer, SEP)].estimate(seed=seed)
            rows.append(
                Row("share of attention on [SEP]", share.value, share.low, share.high, share.n, layer + 1, label=name)
            )
    rows += [
        Row("gradient on [SEP] relative to words, per head", float(ratio), layer=layer + 1, head=head)
        for (layer, head), ratio in np.ndenumerate(_relative(slopes.slope.rate()))
    ]
    instead = (
        ""
        if encoder.has_mlm
        else " The encoder has no masked-language-model head: final word vectors stand in for the loss."
    )
    return Finding(
        values,
        baselines,
        rows,
        note=f"A sample of {len(text)} texts; the study looks at gradients only, the "
        f"withheld attention is its causal counterpart.{instead}",
    )


def _relative(slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """[SEP] over words, (..., class) to (...)."""
    return slopes[..., SEP] / slopes[..., WORD]


def _over_heads(share: Tally, slope: Tally, seed: int):
    def correlation(shares: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        a = rankdata(shares[..., SEP].reshape(len(shares), -1), axis=1)
        b = rankdata(_relative(slopes).reshape(len(slopes), -1), axis=1)
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        return (a * b).sum(1) / np.sqrt((a**2).sum(1) * (b**2).sum(1))

    return bootstrap(correlation, share, slope, unit="Spearman correlation", seed=seed)
