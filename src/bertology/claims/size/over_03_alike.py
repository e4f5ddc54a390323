"""Heads of one layer are more alike than heads of different layers (Clark et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.divergence import HeadDivergence
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

PERMUTATIONS = 1000


@claim(
    id="over-03",
    section="6.1",
    says="Heads of one layer are more alike than heads of different layers.",
    cites=("clark-2019",),
    method="""Jensen-Shannon divergence between the attention of all pairs of heads, at one word a paragraph. The
    divergence between layers less that within, as a share of the former, must exceed 95 % of its values when heads
    are dealt to layers at random. Layers of random
    weights differ too, in how sharp they are; so it must also exceed the random twin's share, by a tenth, which no pair
    of random encoders reached in trials with 4 layers of 4 heads.""",
    expects={
        "difference beyond 95 % of permutations": above(0.0),
        "difference beyond the random twin": above(0.1),
    },
    needs=("attention", "text"),
)
def heads_of_a_layer_are_alike(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2 or encoder.n_heads < 2:
        raise NotApplicable(f"{encoder.n_layers} layers of {encoder.n_heads} heads: two of each are due")
    real, random = yield from together(
        measure(HeadDivergence(), over=corpora.text), measure(HeadDivergence(), over=corpora.text, twin=True)
    )
    chance = float(np.quantile(_permuted(real.heads, encoder.n_layers, seed), 0.95))
    unit = "share of the divergence between layers"
    values = {
        "difference beyond 95 % of permutations": bootstrap(
            lambda d: _difference(d) - chance, real.layers, unit=unit, seed=seed
        ),
        "difference beyond the random twin": bootstrap(
            lambda d, t: _difference(d) - _difference(t), real.layers, random.layers, unit=unit, seed=seed
        ),
        "within layers": bootstrap(lambda d: _within(d).mean(-1), real.layers, unit="nats", seed=seed),
        "between layers": bootstrap(_between, real.layers, unit="nats", seed=seed),
    }
    baselines = {
        "random twin: difference": bootstrap(_difference, random.layers, unit=unit, seed=seed),
        "difference": bootstrap(_difference, real.layers, unit=unit, seed=seed),
    }
    low, high = real.layers.intervals(seed=seed)
    rates, n, rows = real.layers.rate(), encoder.n_layers, []
    for i in range(n):
        rows.append(
            Row(
                "divergence of heads",
                rates[i, i],
                low[i, i],
                high[i, i],
                real.layers.n,
                i + 1,
                label="within the layer",
            )
        )
        others = np.delete(rates[i], i).mean()
        rows.append(Row("divergence of heads", others, n=real.layers.n, layer=i + 1, label="to other layers"))
    return Finding(values, baselines, rows)


def _within(layers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean divergence of each layer's heads, (draw, layer, layer) -> (draw, layer)."""
    return np.diagonal(layers, axis1=-2, axis2=-1)


def _between(layers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean divergence of heads of different layers, (draw,)."""
    n = layers.shape[-1]
    return (layers.sum((-1, -2)) - _within(layers).sum(-1)) / (n * (n - 1))


def _difference(layers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(between - within) / between, (draw,)."""
    between = _between(layers)
    return (between - _within(layers).mean(-1)) / np.maximum(between, 1e-12)


def _permuted(heads: NDArray[np.float64], n_layers: int, seed: int) -> NDArray[np.float64]:
    """The difference when heads are dealt to layers at random, (permutation,)."""
    rng, size = np.random.default_rng(seed), len(heads) // n_layers
    differences = np.empty(PERMUTATIONS)
    for k in range(PERMUTATIONS):
        order = rng.permutation(len(heads))
        shuffled = heads[np.ix_(order, order)].reshape(n_layers, size, n_layers, size).sum((1, 3))
        pairs = np.where(np.eye(n_layers, dtype=bool), size * (size - 1), size * size)
        differences[k] = _difference((shuffled / pairs)[None])[0]
    return differences
