"""What claims about the heads of tuned models share: the models, the examples to choose on, intervals, and how heads rank."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertology.claims.training import fine_tuned
from bertology.compress.artefacts import Importance, Silenced, Silencing, grid, in_random_order, less_important
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, make, measure, together
from bertology.observe.links import Pointing
from bertology.observe.patterns import TYPES, MapPatterns, Patterns
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.stats import repeats
from bertology.train.artefacts import TunedModel
from bertology.train.task import Example, Task

TASK = "tense"
CHOOSING = 200
STEPS = tuple(k / 10 for k in range(1, 10))
RANDOM_ORDERS = 2
FEWEST = 50
SPECIALISED = 0.10
"""Gain over the best offset from which a head counts as specialised (Voita et al. 2019)."""
POSITIONAL = 0.5
"""Mean attention on the previous or the next token from which a head is positional (Clark et al. 2019)."""
SURVIVING = 0.9

Rates = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Models(NamedTuple):
    """A task with one tuned model a seed, as artefacts, and examples of its dev blocks that parts are chosen on."""

    encoder: Encoder
    task: Task
    choosing: tuple[Example, ...]
    asked: tuple[TunedModel, ...]

    @property
    def note(self) -> str:
        return fine_tuned.note(self.encoder, [self.task], fine_tuned.STANDARD, self.asked)


def models(encoder: Encoder, corpora: Corpora, seed: int, name: str = TASK) -> Models:
    """The tuned models of SEEDS; the same artefacts as claims on the change of layers ask for. Raises NotApplicable without heads."""
    _, heads = grid(encoder)
    if heads < 2:
        raise NotApplicable(f"{encoder.name} has one head a layer")
    task = fine_tuned.small(corpora, name)
    dev = fine_tuned.TASKS[name](corpora).dev
    order = np.random.default_rng(7).permutation(len(dev))[:CHOOSING]
    numbers = fine_tuned.numbered(seed, fine_tuned.SEEDS)
    asked = tuple(TunedModel(encoder, task, fine_tuned.STANDARD, number) for number in numbers)
    return Models(encoder, task, tuple(dev[i] for i in sorted(order)), asked)


def scores(asked: Sequence[TunedModel]) -> Asking[NDArray[np.float64]]:
    """Test scores; one model is in memory at a time."""
    found = []
    for one in asked:
        after = yield from make(one)
        found.append(after.score)
    return np.array(found)


def beyond_twin(found: Models, seed: int) -> Asking[Estimate]:
    """Tuned scores beyond those of the random twin tuned alike: what the control of each claim on tuned models is."""
    real = yield from scores(found.asked)
    twin = found.encoder.randomised(seed)
    other = yield from scores([TunedModel(twin, a.task, a.recipe, a.seed) for a in found.asked])
    return repeats.difference(real, other, unit="score")


def silenced(
    found: Models, sets: Sequence[Sequence[Sequence[tuple[int, int | None]]]], by: str = "zero"
) -> Asking[list[Silenced]]:
    """Each seed's model with its own sets of parts silenced."""
    made = yield from make(*(
        Silencing(asked, tuple(map(tuple, own)), found.choosing, by)  # type: ignore[arg-type]
        for asked, own in zip(found.asked, sets, strict=True)
    ))  # fmt: skip
    return [made] if len(found.asked) == 1 else list(made)


def importance(found: Models) -> Asking[list[tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """Each seed's (heads, neurons)."""
    made = yield from make(*(Importance(asked) for asked in found.asked))
    return [made] if len(found.asked) == 1 else list(made)


def single_heads(encoder: Encoder) -> list[tuple[tuple[int, int | None], ...]]:
    """Every head alone, layer by layer."""
    layers, heads = grid(encoder)
    return [((layer, head),) for layer in range(1, layers + 1) for head in range(heads)]


class Retention(NamedTuple):
    """Scores as heads go, STEPS of all. `kept` (seed) of (1 + step, example) on test by importance, intact first; `chosen` the same on the examples
    to choose on; `random` (seed) of (1 + step, example), the mean of random orders; `orders` the heads from the least important."""

    kept: list[NDArray[np.float64]]
    chosen: list[NDArray[np.float64]]
    random: list[NDArray[np.float64]]
    orders: list[list[tuple[int, int]]]

    def survivors(self) -> list[NDArray[np.bool_]]:
        """Of each seed the heads (layer, head) that are left at the last step, without a break, that keeps SURVIVING of the score.

        Raises NotApplicable where no head can go in any seed: all that survive are all there are.
        """
        found = []
        for chosen, order in zip(self.chosen, self.orders, strict=True):
            curve = chosen.mean(1)
            gone = gone_within(curve, (1 - SURVIVING) * curve[0])
            layers, heads = max(layer for layer, _ in order), len(order) // max(layer for layer, _ in order)
            left = np.ones((layers, heads), dtype=bool)
            for layer, head in order[: round(gone * len(order))]:
                left[layer - 1, head] = False
            found.append(left)
        if all(left.all() for left in found):
            raise NotApplicable("every head survives: a tenth of the heads costs more than a tenth of the score")
        return found


def gone_within(curve: NDArray[np.float64], lost: float) -> float:
    """The share of heads that are gone at the last step before more than `lost` of the score is."""
    over = np.flatnonzero(curve[0] - curve > lost + 1e-12)
    last = int(over[0]) - 1 if len(over) else len(curve) - 1
    return (0.0, *STEPS)[last]


def retention(found: Models, seed: int) -> Asking[Retention]:
    """Heads silenced in the order of their importance and in random orders, a tenth at a time."""
    layers, heads = grid(found.encoder)
    ranked = yield from importance(found)
    orders = [less_important(values) for values, _ in ranked]
    counts = [round(share * layers * heads) for share in STEPS]
    sets = [
        [tuple(one[:n]) for one in (order, *(in_random_order(layers, heads, 100 * asked.seed + k) for k in range(RANDOM_ORDERS))) for n in counts]
        for order, asked in zip(orders, found.asked, strict=True)
    ]  # fmt: skip
    made = yield from silenced(found, sets)
    n = len(STEPS)
    other = [m.test[1 + n :].reshape(RANDOM_ORDERS, n, -1).mean(0) for m in made]
    return Retention(
        [m.test[: 1 + n] for m in made], [m.chosen[: 1 + n] for m in made],
        [np.concatenate([m.test[:1], o]) for m, o in zip(made, other, strict=True)], orders,
    )  # fmt: skip


def advantage(curves: Retention, seed: int) -> Estimate:
    """Mean over STEPS of the test score by importance minus that in random orders: the area between the retention curves."""
    tables = [np.concatenate([k[1:], r[1:]]) for k, r in zip(curves.kept, curves.random, strict=True)]
    n = len(STEPS)
    return over_seeds_and_examples(lambda r: (r[..., :n] - r[..., n:]).mean(-1), tables, unit="score", seed=seed)


def over_seeds_and_examples(
    function: Rates, tables: Sequence[NDArray[np.float64]], *, unit: str = "", seed: int = 0, draws: int = 1000
) -> Estimate:
    """A function (..., set) -> (...) of rates, from each seed's (set, example).

    The interval adds in squares Student's t over seeds and the spread when test examples, which all seeds share, are resampled.
    """
    x = np.stack(tables)
    n, examples = len(x), x.shape[2]
    value = float(function(x.mean((0, 2))))
    each = np.asarray(function(x.mean(2)), dtype=np.float64)
    over_seeds = stats.t.ppf(0.975, n - 1) * each.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    over_examples = 1.96 * np.std(function(_resampled(examples, draws, seed) @ x.mean(0).T))
    half = float(np.hypot(over_seeds, over_examples))
    return Estimate(value, value - half, value + half, n, unit, f"Student's t over {n} seeds and bootstrap of {examples} test examples")  # fmt: skip


@lru_cache(maxsize=4)
def _resampled(examples: int, draws: int, seed: int) -> NDArray[np.float64]:
    """Weights of examples in bootstrap samples, (draw, example)."""
    counts = np.random.default_rng([seed, 17]).multinomial(examples, np.full(examples, 1 / examples), draws)
    return counts / examples


def roles(encoder: Encoder, corpora: Corpora) -> Asking[NDArray[np.bool_]]:
    """(layer, head): syntactic (SPECIALISED beyond the best offset on some relation, on dev) or positional. Raises NotApplicable without both sides."""
    pointing, patterns = yield from together(
        measure(LinkAttention(), over=corpora.treebank), measure(MapPatterns(), over=corpora.segments)
    )
    has = syntactic(pointing) | positional(patterns)
    if not 0 < has.sum() < has.size:
        raise NotApplicable(f"{int(has.sum())} of {has.size} heads of {encoder.name} have a role: nothing to compare")
    return has


def syntactic(pointing: Pointing) -> NDArray[np.bool_]:
    """(layer, head): specialised on a relation with FEWEST links in the dev blocks, by its gain over the best offset there."""
    found = np.zeros(pointing.hits.total.shape[2:4], dtype=bool)
    for i, name in enumerate(pointing.labels):
        if name == "punct" or pointing.hits[(i, 0, 0, 0)].on("dev").n < FEWEST:
            continue
        rates = pointing.hits[i].on("dev").rate()
        offsets = np.array([pointing.offsets[(i, d)].on("dev").rate().max() for d in (0, 1)])
        found |= (rates - offsets > SPECIALISED).any(-1)
    return found


def positional(patterns: Patterns) -> NDArray[np.bool_]:
    """(layer, head): more than POSITIONAL of the attention on the previous, or on the next, token."""
    return patterns.mass.rate()[..., 2:4].max(-1) > POSITIONAL


def heterogeneous(encoder: Encoder, corpora: Corpora) -> Asking[NDArray[np.bool_]]:
    """(layer, head): heads most of whose maps are of no simple type, the ones that may be linguistic. Raises NotApplicable without both sides."""
    patterns: Patterns = yield from measure(MapPatterns(), over=corpora.segments)
    if not patterns.types.n:
        raise NotApplicable("no sentence pair with two segments was read")
    found = patterns.types.rate().argmax(-1) == TYPES.index("heterogeneous")
    if not 0 < found.sum() < found.size:
        raise NotApplicable(f"{int(found.sum())} of {found.size} heads of {encoder.name} are heterogeneous: nothing to compare")  # fmt: skip
    return found


def auc(values: NDArray[np.float64], marked: NDArray[np.bool_]) -> float:
    """The probability that a marked one has the higher value, ties counting half (Mann & Whitney)."""
    ranks = stats.rankdata(values.ravel())
    one = marked.ravel()
    n, m = one.sum(), (~one).sum()
    return float((ranks[one].sum() - n * (n + 1) / 2) / (n * m))


__all__ = [
    "Models", "Retention", "advantage", "auc", "beyond_twin", "heterogeneous", "importance", "models",
    "over_seeds_and_examples", "retention", "roles", "scores", "silenced", "single_heads", "syntactic",
]  # fmt: skip
