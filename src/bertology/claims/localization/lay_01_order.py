"""Lower layers hold most of the linear word order (Lin, Tan & Frank 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.order import OrderCurve, Places
from bertology.probe.readings import curve_rows
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap


@claim(
    id="lay-01",
    section="4.3",
    says="The lower layers have the most information about linear word order.",
    cites=("lin-2019",),
    method="""Two probes of each layer: ridge regression of a word's place in its text (R², first 64 words), and a linear probe that tells
    which of two neighbouring words is first from the difference of their vectors. The best layer for the place must lie at .35 of
    the depth or below, resampling included; the best layer chosen on dev blocks must beat the last on test blocks in both, and for
    the place by more than in the random twin, whose layers mix positions without having learnt to drop them.""",
    published=(
        Published(4.0, "layer after which word order falls", "BERT-base", "templates", "Rogers et al. 2020", "verified"),
    ),
    expects={
        "depth of the best layer for the place": below(0.35),
        "loss of R² from the best to the last layer": above(0.0),
        "loss in telling the first of two from the best to the last layer": above(0.0),
        "loss of R² beyond the random twin": above(0.0),
    },
    needs=("text",),
)
def order_is_low(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no lower and upper ones")
    real, random = yield from together(
        measure(OrderCurve(), over=corpora.text), measure(OrderCurve(), over=corpora.text, twin=True)
    )
    best, twin_best = (int(determination(*(t.rate()[None] for t in moments(one, "dev")))[0].argmax()) for one in (real, random))
    (first_best,) = argmax(real.first.on("dev").rate())
    ours, theirs, first = moments(real, "test"), moments(random, "test"), real.first.on("test")
    r2, accuracy = {"unit": "R²", "seed": seed}, {"unit": "accuracy", "seed": seed}
    loss = lambda rates, k: determination(*rates)[:, k] - determination(*rates)[:, -1]
    values = {
        "depth of the best layer for the place": bootstrap(
            lambda *r: determination(*r).argmax(-1) / encoder.n_layers, *ours, unit="relative depth", seed=seed
        ),
        "loss of R² from the best to the last layer": bootstrap(lambda *r: loss(r, best), *ours, **r2),
        "loss in telling the first of two from the best to the last layer": bootstrap(
            lambda f: f[:, first_best] - f[:, -1], first, **accuracy
        ),
        "loss of R² beyond the random twin": bootstrap(
            lambda *r: loss(r[:3], best) - loss(r[3:], twin_best), *ours, *theirs, **r2
        ),
        "R² in the best layer": bootstrap(lambda *r: determination(*r)[:, best], *ours, **r2),
        "R² in the last layer": bootstrap(lambda *r: determination(*r)[:, -1], *ours, **r2),
        "depth of the best layer for the first of two": bootstrap(
            lambda f: f.argmax(-1) / encoder.n_layers, first, unit="relative depth", seed=seed
        ),
    }
    baselines = {
        "random twin": bootstrap(
            lambda *r: determination(*r).argmax(-1) / encoder.n_layers, *theirs, unit="relative depth", seed=seed
        ),
        "random twin's loss of R²": bootstrap(lambda *r: loss(r, twin_best), *theirs, **r2),
    }
    rows = []
    for who, places, triple in (("encoder", real, ours), ("random twin", random, theirs)):
        for layer in range(encoder.n_layers + 1):
            e = bootstrap(lambda *r, k=layer: determination(*r)[:, k], *triple, draws=300, **r2)
            rows.append(Row("R² of a word's place", e.value, e.low, e.high, e.n, layer, label=who))
        rows += curve_rows("accuracy of the first of two neighbours", who, places.first.on("test"), seed)
    note = f"Words of {corpora.text.name} and their places among words, where the study used templates and places among tokens."
    return Finding(values, baselines, rows, note)


def moments(places: Places, split: str) -> tuple[Tally, Tally, Tally]:
    return places.error.on(split), places.place.on(split), places.square.on(split)


def determination(
    error: NDArray[np.float64], place: NDArray[np.float64], square: NDArray[np.float64]
) -> NDArray[np.float64]:
    """R², (draw, layer), from mean squared errors (draw, layer) and the place's mean and mean square (draw,)."""
    return 1 - error / (square - place**2)[:, None]
