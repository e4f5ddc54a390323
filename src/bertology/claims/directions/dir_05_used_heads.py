"""Erasure, feature importance and pruning agree on what is used at inference (Elazar et al. 2021; Michel et al. 2019; Prasanna et al. 2020)."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bertology.claims.directions.erased_heads import Erased, HeadErasure
from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import Models, beyond_twin, importance, models, silenced, single_heads
from bertology.compress.artefacts import Silenced
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.stats.ranks import spearman
from bertology.train.artefacts import TunedModel

WAYS = ("erasure", "importance", "pruning")
PAIRS = tuple(combinations(range(3), 2))


@claim(
    id="dir-05",
    section="7",
    says="Erasure, feature importance and pruning agree on what is used at inference.",
    cites=("elazar-2020", "arkhangelskaia-2019", "voita-2019b", "michel-2019", "prasanna-2020"),
    method="""In models tuned on the tense of sentences each head gets three numbers: the rise of the loss when tense is erased from its output
    (LEACE, at every token, the mean kept), its importance (mean slope of the loss at its gate over training examples, each layer's divided by
    its norm), and the loss of the score when it is silenced. Holds if each two of them correlate positively over heads (Spearman's ρ,
    over seeds), and the tuned scores exceed those of the random twin tuned alike. Beside: the same with layers' means taken out, with random directions erased
    instead of tense, and in the random twin.""",
    expects={
        "ρ of erasure and importance": above(0.0),
        "ρ of erasure and pruning": above(0.0),
        "ρ of importance and pruning": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "attention", "head"),
)
def ways_agree(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = models(encoder, corpora, seed)
    beyond = yield from beyond_twin(found, seed)
    own, control = yield from _numbers(found)
    random = encoder.randomised(seed)
    twin = Models(
        random, found.task, found.choosing, tuple(TunedModel(random, a.task, a.recipe, a.seed) for a in found.asked)
    )
    other, _ = yield from _numbers(twin)
    values = {
        **{f"ρ of {WAYS[a]} and {WAYS[b]}": repeats.mean(_rho(own[:, a], own[:, b]), unit="ρ") for a, b in PAIRS},
        "score beyond the random twin": beyond,
        "mean ρ": repeats.mean(_mean(own), unit="ρ"),
        "mean ρ, layers' means taken out": repeats.mean(_mean(_within(own)), unit="ρ"),
    }
    instead = np.stack([control, own[:, 1], own[:, 2]], axis=1)
    both = [(0, 1), (0, 2)]
    values["ρ of erasing tense with the others − of erasing random directions"] = repeats.difference(
        *(np.mean([_rho(x[:, a], x[:, b]) for a, b in both], axis=0) for x in (own, instead)), unit="ρ"
    )
    baselines = {
        "mean ρ, random twin": repeats.mean(_mean(other), unit="ρ"),
        "mean ρ, random directions erased": repeats.mean(_mean(instead), unit="ρ"),
    }
    layers, heads = own.shape[2:]
    rows = [
        Row(
            name,
            float(own[:, k, i, h].mean()),
            float(own[:, k, i, h].min()),
            float(own[:, k, i, h].max()),
            len(own),
            i + 1,
            h,
        )
        for k, name in enumerate(("rise of the loss, tense erased", "importance", "loss of the score, silenced"))
        for i in range(layers)
        for h in range(heads)
    ]
    note = f"{layers * heads} heads. Erasure is of linear information on the sentence's tense, from one head at a time. {found.note}"
    return Finding(values, baselines, rows, note)


def _numbers(found: Models) -> Asking[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """(seed, way, layer, head), and (seed, layer, head) for random directions.

    Silencing is what over-05 asks for, layers included, and importance what prune-07 does: one artefact each.
    """
    encoder = found.encoder
    layers = [((layer, None),) for layer in range(1, encoder.n_layers + 1)]
    heads = single_heads(encoder)
    gone: Sequence[Silenced] = yield from silenced(found, [[*heads, *layers]] * len(found.asked))
    gates = yield from importance(found)
    examples = (*found.choosing, *found.task.test)
    erased: Sequence[Erased] = yield from make(*(HeadErasure(one, examples) for one in found.asked))
    erased = [erased] if isinstance(erased, Erased) else erased
    right = [np.concatenate([one.chosen, one.test], axis=1).mean(1) for one in gone]
    shape = (encoder.n_layers, encoder.n_heads)
    lost = [(r[0] - r[1 : 1 + len(heads)]).reshape(shape) for r in right]
    ways = [np.stack([e.label, g, s]) for e, (g, _), s in zip(erased, gates, lost, strict=True)]
    return np.stack(ways), np.stack([e.random for e in erased])


def _rho(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(seed,), over heads; nan where all heads are alike."""
    return np.array([float(spearman(a.ravel(), b.ravel())) for a, b in zip(one, other, strict=True)])


def _mean(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(seed,): the mean ρ of the three pairs."""
    return np.mean([_rho(numbers[:, a], numbers[:, b]) for a, b in PAIRS], axis=0)


def _within(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks over all heads minus their layer's mean."""
    flat = numbers.reshape(*numbers.shape[:2], -1)
    ranks = rankdata(flat, axis=-1).reshape(numbers.shape)
    return ranks - ranks.mean(-1, keepdims=True)
