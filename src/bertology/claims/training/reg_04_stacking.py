"""Growing a model by copying its layers upwards saves pre-training (Gong et al. 2019)."""

from dataclasses import replace
from itertools import pairwise

from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.claims.training.scale import held_out, scale_note, shaped, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.recipe import Recipe
from bertology.train.regimes import Stacking

SHARE = 0.85
"""Of the operations of training from scratch."""
SCRATCH = shaped(layers=4)
STACKED = replace(SCRATCH, regimes=(Stacking(stages=(1, 2, 4), at=(0.125, 0.3)),))
MASKED = 0.2


@claim(
    id="reg-04",
    section="5.2",
    says="Growing a model by copying its layers upwards saves pre-training.",
    cites=("gong-2019",),
    method="""Four layers trained from scratch, and grown from one to two to four at the study's shares of training. The grown model gets tokens
    for 85 % of the operations (of layers and head, by the sizes of their matrices) of training from scratch. Holds if its held-out masked
    loss is not above that of training from scratch, which it then has for 15 % less; and if it is below that of training from
    scratch at 85 % too, since otherwise the last operations bought nothing to be saved.""",
    published=(
        Published(25.0, "time saved, %", "BERT-base", "pre-training", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={"gain at 85 % of the operations": above(0.0), "gain at equal operations": above(0.0)},
    needs=("training", "raw"),
)
def stacking_saves(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    (scratch,) = yield from trained([SCRATCH], corpora, seed)
    (less,) = yield from trained([SCRATCH], corpora, seed, tokens=round(SHARE * scale.TOKENS))
    (grown,) = yield from trained([STACKED], corpora, seed, tokens=round(SHARE * scale.TOKENS / cost(STACKED)))
    losses = {"from scratch": held_out(scratch), "from scratch, 85 %": held_out(less), "grown, 85 %": held_out(grown)}
    full, short, stacked = losses.values()
    values = {
        "gain at 85 % of the operations": repeats.difference(full, stacked, unit="nats"),
        "gain at equal operations": repeats.difference(short, stacked, unit="nats"),
    }
    values |= {f"held-out loss, {name}": repeats.mean(x, unit="nats") for name, x in losses.items()}
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"{name}, seed {k}")
        for name, found in losses.items() for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def cost(recipe: Recipe) -> float:
    """Operations of a stacked training for each of training all of its layers from the start, at equal tokens."""
    (regime,) = recipe.regimes
    assert isinstance(regime, Stacking)
    a = recipe.architecture
    layer = 4 * a.width**2 + 3 * a.width * a.feed_forward + 2 * recipe.layout.length * a.width
    head = MASKED * (a.width**2 + a.width * recipe.vocabulary)
    shares = [end - start for start, end in pairwise((0.0, *regime.at, 1.0))]
    mean = sum(share * n for share, n in zip(shares, regime.stages, strict=True))
    return (mean * layer + head) / (regime.stages[-1] * layer + head)
