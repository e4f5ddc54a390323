"""Perceptual attributes are encoded worse than functional and encyclopaedic ones (Da & Kasai 2019)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.attributes import CLASSES
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.types import TypeVectors
from bertology.probe.ridge import RidgeProbe, regression_moments
from bertology.record.claim import Ability, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

FOLDS = 5
FEWEST = 8
"""Nouns that an attribute must have, and lack."""
ALPHAS = (1.0, 10.0, 100.0, 1e3)


class Attributes(NamedTuple):
    """`holds` (noun, attribute): 1, 0, or nan where nobody agreed; `kinds` the class of each attribute."""

    nouns: tuple[str, ...]
    names: tuple[str, ...]
    kinds: NDArray[np.str_]
    holds: NDArray[np.float64]


def attributes(corpus: Corpus) -> Attributes:
    """The table behind a corpus's labels; attributes that fewer than FEWEST nouns have or lack are left out."""
    rows = {str(s.labels["noun"]): s.labels for s in corpus if "noun" in s.labels}
    names = sorted({name for labels in rows.values() for name in labels if ": " in name})
    holds = np.array([[labels.get(name, np.nan) for name in names] for labels in rows.values()], dtype=np.float64)
    holds = holds.reshape(len(rows), len(names))
    enough = np.minimum((holds == 1).sum(0), (holds == 0).sum(0)) >= FEWEST
    kept = [name for name, is_enough in zip(names, enough.tolist(), strict=True) if is_enough]
    kinds = np.array([name.split(": ")[0] for name in kept], dtype=np.str_)
    return Attributes(tuple(rows), tuple(kept), kinds, holds[:, enough])


def cross_validated(vectors: NDArray[np.floating], holds: NDArray[np.float64], seed: int) -> tuple[Tally, list[int]]:
    """How often each attribute is found on nouns that have it and on nouns that lack it: Tally (noun, attribute, 2).

    One linear map per attribute on `vectors` (layer, noun, width), least squares with an L2 penalty, its threshold midway
    between the means of both classes (each noun fitted without itself). Nouns are cut into FOLDS: one to test on, the next to choose layer and penalty by
    balanced accuracy over all attributes, the others to learn from. Also the layers chosen.
    """
    fold = np.random.default_rng([seed, 51]).permutation(len(holds)) % FOLDS
    right, weight = np.zeros((*holds.shape, 2)), np.zeros((*holds.shape, 2))
    layers = []
    x = _reduced(vectors)
    for k in range(FOLDS):
        test, dev = fold == k, fold == (k + 1) % FOLDS
        train = ~test & ~dev
        best = (-np.inf, 0, np.zeros(0))
        for fitted in (_fitted(x, holds, np.flatnonzero(train), alpha) for alpha in ALPHAS):
            scores = [_balanced(layer[dev], holds[dev]) for layer in fitted]
            layer = int(np.argmax(scores))
            if scores[layer] > best[0]:
                best = (scores[layer], layer, fitted[layer])
        layers.append(best[1])
        for place, value in enumerate((1, 0)):
            known = test[:, None] & (holds == value)
            right[..., place] += known & ((best[2] > 0) == bool(value))
            weight[..., place] += known
    return Tally(right, weight), layers


def balanced_f1(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 as it would be with as many nouns that have the attribute as lack it, from the two rates, (..., 2) to (...).

    2 TPR / (1 + TPR + FPR): 1/2 for a coin, 2/3 for always yes.
    """
    return 2 * rates[..., 0] / (1 + rates[..., 0] + (1 - rates[..., 1]))


def _reduced(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """The same inner products in at most as many dimensions as there are nouns, each layer of unit mean square."""
    x = np.asarray(vectors, dtype=np.float64)
    x = x - x.mean(1, keepdims=True)
    left, sizes, _ = np.linalg.svd(x, full_matrices=False)
    x = left * sizes[:, None]
    return x / np.sqrt(np.maximum((x**2).sum(2).mean(1), 1e-12))[:, None, None] * np.sqrt(x.shape[1])


def _fitted(
    x: NDArray[np.float64], holds: NDArray[np.float64], train: NDArray[np.int64], alpha: float
) -> NDArray[np.float64]:
    """(layer, noun, attribute), above zero where the attribute is said to hold.

    The threshold lies midway between the means of both classes, of training nouns fitted without themselves: where nouns are
    fewer than dimensions their own fit is no guide, and the rarer class would hardly ever be said.
    """
    target = np.where(np.isfinite(holds), 2 * holds - 1, 0.0)
    value = RidgeProbe((alpha,)).fit(regression_moments(x, target, rows=train)).predict(x)
    centred = x[:, train] - x[:, train].mean(1, keepdims=True)
    gram = centred.transpose(0, 2, 1) @ centred + alpha * np.eye(x.shape[2])
    leverage = 1 / len(train) + (centred @ np.linalg.inv(gram) * centred).sum(2)
    alone = target[train] - (target[train] - value[:, train]) / np.maximum(1 - leverage, 1e-6)[:, :, None]
    means = []
    for side in (1, 0):
        some = holds[train] == side
        means.append((alone * some).sum(1) / np.maximum(some.sum(0), 1))
    return value - (means[0] + means[1])[:, None] / 2


def _balanced(fitted: NDArray[np.float64], holds: NDArray[np.float64]) -> float:
    """Mean over attributes of balanced accuracy, where both sides occur."""
    rates = []
    for value in (1, 0):
        some = holds == value
        with np.errstate(all="ignore"):
            rates.append((((fitted > 0) == bool(value)) & some).sum(0) / some.sum(0))
    return float(np.nanmean((rates[0] + rates[1]) / 2))


@claim(
    id="wor-02",
    section="3.3",
    says="Visual and perceptual attributes are encoded worse than functional and encyclopaedic ones.",
    cites=("da-2019", "forbes-2019"),
    method="""One linear probe for each attribute (is red, is worn, is a bird, ...) on a noun's vector averaged over carrier sentences that say
    nothing of it. Nouns are split in five: to test on, to choose the layer on, and three parts to learn from. F1 is computed as if as
    many nouns had the attribute as lacked it, so that rare attributes compare with frequent ones, and averaged over the attributes of a
    class. Perceptual attributes must come out below functional and below encyclopaedic ones, and these two must be found better than in
    the random twin and better than attributes shuffled among nouns: where nothing is encoded, no class is worse. Intervals resample
    nouns; the attributes are those listed.""",
    expects={
        "perceptual − functional, F1": below(0.0),
        "perceptual − encyclopaedic, F1": below(0.0),
        "functional and encyclopaedic over the random twin, F1": above(0.0),
        "functional and encyclopaedic over shuffled attributes, F1": above(0.0),
    },
    needs=("attributes",),
    abilities=(
        Ability("functional attributes", "functional, F1", chance="functional, random twin"),
        Ability("perceptual attributes", "perceptual, F1", chance="perceptual, random twin"),
    ),
)  # fmt: skip
def perceptual_attributes_are_worse(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.attributes
    table = attributes(corpus)
    if any((table.kinds == kind).sum() < 3 for kind in CLASSES) or len(table.nouns) < 10 * FOLDS:
        raise NotApplicable(
            f"{corpus.name} has {len(table.nouns)} nouns and "
            + ", ".join(f"{(table.kinds == kind).sum()} {kind}" for kind in CLASSES)
            + f" attributes that {FEWEST} nouns have and lack; {10 * FOLDS} nouns and 3 of each are due"
        )
    types = TypeVectors(tuple(noun.lower() for noun in table.nouns), seed)
    real, random = yield from together(measure(types, over=corpus), measure(types, over=corpus, twin=True))
    there = (real.contexts > 0) & np.isfinite(real.mean).all((0, 2))
    holds = table.holds[there]
    shuffled = holds[np.random.default_rng([seed, 52]).permutation(len(holds))]
    own, layers = cross_validated(real.mean[:, there], holds, seed)
    twin, _ = cross_validated(random.mean[:, there], holds, seed)
    control, _ = cross_validated(real.mean[:, there], shuffled, seed)
    of = lambda kind: np.flatnonzero(table.kinds == kind)
    mean = lambda rates, *kinds: np.nanmean(balanced_f1(rates)[..., np.concatenate([of(k) for k in kinds])], axis=-1)
    how: dict[str, Any] = {"seed": seed, "method": f"bootstrap of {len(holds)} nouns"}
    points = {"unit": "points of F1", **how}
    percent = lambda tally, *kinds: bootstrap(lambda r: 100 * mean(r, *kinds), tally, unit="%", **how)
    gap = lambda *kinds: lambda a, b: 100 * (mean(a, *kinds) - mean(b, *kinds))
    rest = CLASSES[1:]
    values = {
        **{
            f"perceptual − {kind}, F1": bootstrap(
                lambda r, kind=kind: 100 * (mean(r, "perceptual") - mean(r, kind)), own, **points
            )
            for kind in rest
        },
        "functional and encyclopaedic over the random twin, F1": bootstrap(gap(*rest), own, twin, **points),
        "functional and encyclopaedic over shuffled attributes, F1": bootstrap(gap(*rest), own, control, **points),
        **{f"{kind}, F1": percent(own, kind) for kind in CLASSES},
    }
    baselines = {
        **{f"{kind}, random twin": percent(twin, kind) for kind in CLASSES},
        **{f"{kind}, shuffled": percent(control, kind) for kind in CLASSES},
    }
    rows = [
        Row("F1 at equal balance", float(f1), n=int(np.isfinite(holds[:, k]).sum()), label=name)
        for k, (name, f1) in enumerate(zip(table.names, balanced_f1(own.rate()).tolist(), strict=True))
    ]
    counts = ", ".join(f"{len(of(kind))} {kind}" for kind in CLASSES)
    note = f"{len(holds)} nouns; {counts} attributes; layers chosen on dev, by fold: {', '.join(map(str, layers))}."
    return Finding(values, baselines, rows, note)
