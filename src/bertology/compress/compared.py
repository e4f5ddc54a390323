"""What claims about compression ask for: a tuned model and a smaller one made from it, by one method, with what each costs and scores.

A method is a frozen dataclass that is called with an `Origin` and gives a `Small`. The tuned whole is made once a run, whatever is made from it.
"""

import json
import statistics
import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from bertology.compress.factors.low_rank import low_rank
from bertology.compress.inference.latency import seconds
from bertology.compress.inference.tokens import Retention, computed, with_retention
from bertology.compress.pruning.sparse import KeptOnly, ticket
from bertology.compress.quantise import QuantisationAware, uniform
from bertology.compress.teaching.distil import Distil, Teacher, Term
from bertology.compress.teaching.replace_modules import Theseus, successor
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.record.keys import made_key
from bertology.train.architecture import n_parameters
from bertology.train.artefacts import Tuned, TunedModel
from bertology.train.classifier import Labelled, Scored, batches, encoded, evaluate
from bertology.train.finetune import FineTuning, finetune
from bertology.train.recipe import plain
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning, trunk_linears

Progress = Callable[[str, int, int], None]
BINS = 10


class Origin(NamedTuple):
    """What a method starts from: the tuned `whole`, the encoder as it was before, and how it was tuned."""

    whole: Tuned
    encoder: Encoder
    task: Task
    recipe: FineTuning
    seed: int
    progress: Progress


class Small(NamedTuple):
    """A smaller model and the bits that storing its weights would take."""

    model: nn.Module
    bits: float


class Method(Protocol):
    """Makes a smaller model of a tuned one; a frozen dataclass, so that equal methods are made once."""

    def __call__(self, origin: Origin) -> Small: ...


@dataclass(frozen=True)
class Rounded:
    """Every matrix rounded to `bits` after tuning, one scale for `group` rows (all, if None), or while tuning (`aware`: Q8BERT)."""

    bits: int = 8
    group: int | None = None
    aware: bool = False

    def __call__(self, origin: Origin) -> Small:
        if self.aware:
            model = _tuned(origin, QuantisationAware(self.bits, activations=False))
            return Small(model, rounded(model, self.bits).bits)
        return rounded(origin.whole.model, self.bits, self.group)


@dataclass(frozen=True)
class Shallow:
    """A share of the layers, evenly chosen, as they were before tuning; tuned on labels, on `terms` copied from the whole, or both.

    With `theseus` the layers take over from the whole one by one (Xu et al. 2020). `bits` rounds what comes out.
    """

    share: float = 0.5
    terms: tuple[Term, ...] = ()
    hard: float = 1.0
    theseus: bool = False
    bits: int = 32

    def __call__(self, origin: Origin) -> Small:
        depth = max(1, round(self.share * origin.encoder.n_layers))
        short = successor(origin.encoder, depth)
        techniques: tuple[Technique, ...] = (Theseus(origin.whole.model),) if self.theseus else ()
        if self.terms:
            teacher = Teacher(origin.whole.model, origin.whole.encoder, origin.whole.encoder.name)
            techniques = (*techniques, Distil(teacher, self.terms, self.hard))
        model = _tuned(origin, *techniques, encoder=short)
        return rounded(model, self.bits) if self.bits < 32 else Small(model, 32.0 * n_parameters(model))


@dataclass(frozen=True)
class Zeroed:
    """Tuned again from the start with a technique that leaves zeros; a zero costs one bit of a bitmap, another weight 32 bits more."""

    technique: Technique
    epochs: float | None = None

    def __call__(self, origin: Origin) -> Small:
        recipe = replace(origin.recipe, epochs=self.epochs or origin.recipe.epochs)
        model = _tuned(origin._replace(recipe=recipe), self.technique)
        return Small(model, sparse_bits(model, origin))


@dataclass(frozen=True)
class Factorised:
    """The embedding matrix as a product of two of rank `rank` before tuning (Lan et al. 2020), without whitening by frequencies."""

    rank: int

    def __call__(self, origin: Origin) -> Small:
        model = _tuned(origin, encoder=low_rank(origin.encoder, rank=self.rank, matrices="embeddings"))
        return Small(model, 32.0 * n_parameters(model))


@dataclass(frozen=True)
class FewerTokens:
    """After each layer only the tokens that others attend to stay (Goyal et al. 2020), so few that `share` of the layers' work on the training
    texts is left. How many is a geometric schedule, the same for every layer's ratio, not learnt as in the paper."""

    share: float = 0.5

    def __call__(self, origin: Origin) -> Small:
        lengths = [len(line["input_ids"]) for line in encoded(origin.encoder, origin.task, origin.task.train)]
        keep = falling(lengths, origin.encoder.n_layers, self.share)
        model = _tuned(origin, encoder=with_retention(origin.encoder, origin.task, keep, origin.seed))
        return Small(model, 32.0 * n_parameters(model))


def falling(lengths: Sequence[int], layers: int, share: float) -> Retention:
    """Tokens kept after each layer: the longest text times q, q², ..., q the largest hundredth at which `share` of the work is left, behind layers."""
    whole = layers * sum(lengths)
    for q in range(100, 0, -1):
        keep = tuple(max(1, round(max(lengths) * (q / 100) ** k)) for k in range(1, layers + 1))
        if computed(lengths, keep, between=False) <= share * whole:
            return keep
    raise BadRequest(
        f"{share:g} of the work of {layers} layers cannot be reached.", "The first layer reads all tokens."
    )


@dataclass(frozen=True)
class Kernels:
    """Linear maps in int8 with torch's own kernels: weights rounded, inputs as they come (dynamic quantisation)."""

    def __call__(self, origin: Origin) -> Small:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = torch.ao.quantization.quantize_dynamic(
                deepcopy(origin.whole.model).cpu(), {nn.Linear}, dtype=torch.qint8
            )
        return Small(model, rounded(origin.whole.model, 8).bits)


class Compressed(NamedTuple):
    """One value a seed of the whole and of the small model: test and dev scores, expected calibration error (0 to 1).

    `smaller` is how many times fewer bits the weights take; `faster` how many times faster a batch of test examples is here (nan unless
    timed). `majority` is the score of the most frequent label.
    """

    scores: NDArray[np.float64]
    whole: NDArray[np.float64]
    dev: NDArray[np.float64]
    calibration: NDArray[np.float64]
    whole_calibration: NDArray[np.float64]
    smaller: NDArray[np.float64]
    faster: NDArray[np.float64]
    majority: float


@dataclass(frozen=True, eq=False)
class Compressing:
    """`method` on the encoder tuned by `recipe`, for some seeds. Raises what the method raises."""

    encoder: Encoder
    task: Task
    recipe: FineTuning
    method: Any
    seeds: tuple[int, ...]
    timed: bool = False

    @property
    def key(self) -> str:
        task = (self.task.name, self.task.train, self.task.dev, self.task.test)
        what = (plain(self.recipe), plain(self.method), self.seeds, self.timed)
        return made_key("compressing", self.encoder.fingerprint, task, *what)

    def build(self, place: Path, progress: Progress) -> None:
        task, lines = self.task, encoded(self.encoder, self.task, self.task.test)
        dev = encoded(self.encoder, task, task.dev)
        pad = self.encoder.tokenizer.pad_token_id or 0
        found: dict[str, list[float]] = {name: [] for name in Compressed._fields if name != "majority"}
        for seed in self.seeds:
            whole = shared(TunedModel(self.encoder, task, self.recipe, seed), place.parent, progress)
            small = self.method(Origin(whole, self.encoder, task, self.recipe, seed, progress))
            score = lambda model, part, examples: Scored(
                evaluate(model, part, task, pad, self.encoder.device, examples)[1], examples, task
            ).score()
            given = list(batches(lines, task, 64, pad, self.encoder.device))
            found["whole"].append(whole.score)
            found["scores"].append(score(small.model, lines, task.test))
            found["dev"].append(score(small.model, dev, task.dev))
            found["whole_calibration"].append(calibration_error(*answers(whole.model, given, task)))
            found["calibration"].append(calibration_error(*answers(small.model, given, task)))
            found["smaller"].append(32.0 * n_parameters(whole.model) / small.bits)
            found["faster"].append(speedup(whole.model, small.model, given[0]) if self.timed else float("nan"))
        (place / "compressed.json").write_text(json.dumps(found | {"majority": task.majority}), encoding="utf-8")

    def load(self, place: Path) -> Compressed:
        content = json.loads((place / "compressed.json").read_text(encoding="utf-8"))
        values: dict[str, Any] = {k: np.array(v) if isinstance(v, list) else v for k, v in content.items()}
        return Compressed(**values)


class Found(NamedTuple):
    """Test scores, one a seed: of tickets, of random masks as dense in each matrix, of tickets' masks on fresh weights, and of tickets
    on the other task."""

    ticket: NDArray[np.float64]
    random: NDArray[np.float64]
    fresh: NDArray[np.float64]
    moved: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tickets:
    """Iterative magnitude pruning with rewinding (`sparse.ticket`) on a task; its masks tuned on `other` as well."""

    encoder: Encoder
    task: Task
    other: Task
    recipe: FineTuning
    sparsity: float
    rounds: int
    seeds: tuple[int, ...]

    @property
    def key(self) -> str:
        tasks = [(t.name, t.train, t.dev, t.test) for t in (self.task, self.other)]
        what = (plain(self.recipe), self.sparsity, self.rounds, self.seeds)
        return made_key("tickets", self.encoder.fingerprint, tasks, *what)

    def build(self, place: Path, progress: Progress) -> None:
        found: dict[str, list[float]] = {name: [] for name in Found._fields}
        for seed in self.seeds:
            masks, tuned = ticket(
                self.encoder, self.task, self.recipe, self.sparsity, rounds=self.rounds, seed=seed, progress=progress
            )
            found["ticket"].append(tuned.best.score(self.task))
            rng = torch.Generator().manual_seed(seed)
            mixed = tuple(m.flatten()[torch.randperm(m.numel(), generator=rng)].view_as(m) for m in masks)
            found["random"].append(self._score(self.encoder, self.task, mixed, seed))
            found["fresh"].append(self._score(self.encoder.randomised(seed), self.task, masks, seed))
            found["moved"].append(self._score(self.encoder, self.other, masks, seed))
        (place / "tickets.json").write_text(json.dumps(found), encoding="utf-8")

    def load(self, place: Path) -> Found:
        content = json.loads((place / "tickets.json").read_text(encoding="utf-8"))
        return Found(**{k: np.array(v) for k, v in content.items()})

    def _score(self, encoder: Encoder, task: Task, masks: tuple[Tensor, ...], seed: int) -> float:
        recipe = replace(self.recipe, techniques=(*self.recipe.techniques, KeptOnly(masks)))
        return finetune(encoder, task, recipe, seeds=(seed,)).best.score(task)


def shared(asked: TunedModel, folder: Path, progress: Progress) -> Tuned:
    """A tuned model that other artefacts of the run use too, made where the run would make it."""
    place = folder / asked.key
    if not (place / "complete").is_file():
        place.mkdir(parents=True, exist_ok=True)
        asked.build(place, progress)
        (place / "complete").touch()
    return asked.load(place)


def rounded(model: nn.Module, bits: int, group: int | None = None) -> Small:
    """A copy with every matrix of linear maps and embeddings rounded; a tied one counts once. Other weights keep 32 bits."""
    made, taken, seen = deepcopy(model), 0.0, set()
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, nn.Linear | nn.Embedding) and id(module.weight) not in seen:
                stored = uniform(module.weight.detach(), bits, group=group)
                module.weight.copy_(stored.weight)
                taken += stored.bits
                seen.add(id(module.weight))
    return Small(made, taken + 32.0 * sum(p.numel() for p in made.parameters() if id(p) not in seen))


def sparse_bits(model: nn.Module, origin: Origin) -> float:
    """Bits of a model whose layers' matrices hold zeros: a bitmap and the other weights in 32 bits."""
    tuning = Tuning(model, origin.encoder, origin.task, origin.seed, {})
    matrices = [module.weight for module in trunk_linears(tuning)]
    zeros = sum(int((w == 0).sum()) for w in matrices)
    return 32.0 * (n_parameters(model) - zeros) + sum(w.numel() for w in matrices)


def answers(model: Any, given: Sequence[Labelled], task: Task) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability of what a model says, and whether it is right, for each labelled example or word."""
    sure, right = [], []
    with torch.inference_mode():
        for batch in given:
            found = model(**batch.inputs).logits.float().softmax(-1).flatten(0, -2)
            labels = batch.labels.flatten()
            counted = labels >= 0
            top = found[counted].max(-1)
            sure.append(top.values)
            right.append(top.indices == labels[counted])
    return torch.cat(sure).double().cpu().numpy(), torch.cat(right).cpu().numpy()


def calibration_error(sure: ArrayLike, right: ArrayLike, *, bins: int = BINS) -> float:
    """Expected calibration error: |accuracy - confidence| in bins of equal width, weighted by their size (Guo et al. 2017)."""
    p, hit = np.asarray(sure, dtype=np.float64), np.asarray(right, dtype=np.float64)
    bin_of = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs((hit - p)[bin_of == b].sum()) for b in range(bins)) / len(p))


def speedup(whole: Any, small: Any, batch: Labelled, *, rounds: int = 5) -> float:
    """How many times faster the small model answers a batch than the whole: median of rounds that time both in turn."""

    def run(model: Any) -> Callable[[], Any]:
        def once() -> Any:
            with torch.inference_mode():
                return model(**batch.inputs)

        return once

    timed = lambda model: seconds(run(model.eval()), repeats=1)
    return statistics.median(timed(whole) / timed(small) for _ in range(rounds))


def _tuned(origin: Origin, *techniques: Technique, encoder: Encoder | None = None) -> nn.Module:
    """The encoder tuned as the whole was, with techniques, from the same seed."""
    recipe = replace(origin.recipe, techniques=(*origin.recipe.techniques, *techniques))
    given = encoder or origin.encoder
    model = finetune(given, origin.task, recipe, seeds=(origin.seed,), progress=origin.progress).best.model
    assert model is not None
    return model.requires_grad_(False)


__all__ = [
    "Compressed", "Compressing", "Factorised", "FewerTokens", "Found", "Kernels", "Method", "Origin", "Rounded", "Shallow", "Small", "Tickets",
    "Zeroed", "calibration_error", "speedup",
]  # fmt: skip
