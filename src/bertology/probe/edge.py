"""Edge probing (Tenney et al. 2019a, 2019b): labels of spans and of pairs of spans, from pooled frozen word vectors.

Words are projected, each span is pooled, a hidden layer and a softmax read the pooled spans. All layers are learnt together,
each with a probe of its own, or mixed by learnt weights for a single probe. Over layer 0 with a window the probe is the
convolution that those papers set beside the encoder: what a few neighbouring embeddings know.
"""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.rows import (
    Vectors,
    check,
    class_list,
    encode_labels,
    finite,
    location_and_scale,
    minibatches,
    schedule,
    take,
)
from bertology.probe.scores import tally_rows
from bertology.record.errors import BadRequest
from bertology.stats.tally import Tally

POOLINGS = ("attention", "mean", "ends")
Examples = NDArray[np.integer[Any]]


class EdgeScores(NamedTuple):
    """`predicted` (layer, example): labels, or with several labels an example (layer, example, label) of booleans.

    `hits` and `base` (layer, example): 2 · true positives, and that plus false positives and false negatives, over the rated
    labels; Σ hits / Σ base is micro-averaged F1, which is accuracy where each example has one label.
    """

    predicted: NDArray[Any]
    hits: NDArray[np.float64]
    base: NDArray[np.float64]

    @property
    def micro_f1(self) -> NDArray[np.float64]:
        """(layer,), 0 to 1."""
        return self.hits.sum(1) / np.maximum(self.base.sum(1), 1)

    def tally(self, blocks: NDArray[np.integer[Any]], n_blocks: int | None = None) -> Tally:
        """Hits and base per block, cells (layer,): its rate is micro-F1. `blocks` gives each example's block."""
        return Tally(*(tally_rows(part, blocks, n_blocks).total for part in (self.hits, self.base)))


@dataclass
class EdgeProbe:
    """p(label | spans) from `hidden` tanh units over the pooled projections (to `size`) of one or two spans.

    `pooling` is "attention" (weights softmax(a · projection), learnt), "mean", or "ends" (first and last word). With `mix`
    one probe reads Σ_l softmax(s)_l h_l of standardised layers, else every layer has its own. `window` c > 0 projects each word
    together with c words on either side of it in its sentence (zeros beyond), as a convolution of width 2c + 1.
    With dev examples each layer keeps the weights of its lowest dev loss among CHECKS; AdamW with `decay`.
    """

    pooling: str = "attention"
    mix: bool = False
    window: int = 0
    size: int = 64
    hidden: int = 64
    decay: float = 0.1
    epochs: float = 10.0
    batch: int = 64
    min_steps: int = 300
    learning_rate: float = 3e-3
    seed: int = 0

    classes_: NDArray[Any] = field(init=False, repr=False)
    mix_: NDArray[np.float64] | None = field(init=False, repr=False, default=None)
    _weights: dict[str, Tensor] = field(init=False, repr=False)
    _mean: Float[Tensor, "layer width"] = field(init=False, repr=False)
    _std: Float[Tensor, "layer width"] = field(init=False, repr=False)
    _several: bool = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name, f in self.__dataclass_fields__.items() if f.init}

    def fit(
        self,
        vectors: Vectors,
        spans: NDArray[np.integer[Any]],
        labels: NDArray[Any],
        *,
        sentence: NDArray[np.integer[Any]] | None = None,
        examples: Examples | None = None,
        dev: Examples | None = None,
        classes: NDArray[Any] | None = None,
    ) -> "EdgeProbe":
        """Learns from `vectors` (layer, row, width), rows being words in order, and `spans` of rows, end excluded.

        `spans` is (example, 2), or (example, 1 or 2, 2). `labels` (example,) are told apart by a softmax; (example, label) of 1,
        0 and nan (unrated) each by a sigmoid. `sentence` (row,) says whose the rows are: spans must stay within one, windows end
        there. `examples` and `dev` pick some. Afterwards `mix_` (layer,) holds the mixing weights, None without `mix`.
        Raises BadRequest on spans outside the rows or a sentence, fewer than two classes, more classes than examples, options that
        do not exist; NotFinite on NaN.
        """
        self._options()
        check(vectors)
        spans, sentence = self._checked(vectors, spans, sentence)
        chosen = np.arange(len(spans)) if examples is None else np.asarray(examples)
        labels = np.asarray(labels)
        if len(labels) != len(spans) or not len(chosen):
            raise BadRequest(
                f"{len(labels)} labels for {len(spans)} examples, of which {len(chosen)} to learn from.",
                "Give one label per example and at least one example.",
            )
        target = self._target(labels, chosen, classes)
        self._mean, self._std, sample = location_and_scale(vectors, np.unique(_rows(spans[chosen])))
        del sample
        layers, _, width = vectors.shape
        weights = self._initial(1 if self.mix else layers, layers, spans.shape[1], width)
        groups = [
            {"params": [p for name, p in weights.items() if name != "scalars"], "factor": 1.0, "weight_decay": self.decay},
            {"params": [weights["scalars"]], "factor": 2.0, "weight_decay": 0.0},
        ]  # fmt: skip
        adam = torch.optim.AdamW(groups, lr=self.learning_rate)
        steps = max(self.min_steps, math.ceil(self.epochs * len(chosen) / self.batch))
        best = {name: p.detach().clone() for name, p in weights.items()}
        lowest = torch.full((len(weights["out"]),), torch.inf)
        batches = minibatches(len(chosen), size=self.batch, steps=steps, seed=self.seed)
        for step, picked in enumerate(batches, start=1):
            for group in adam.param_groups:
                group["lr"] = group["factor"] * self.learning_rate * schedule(step / steps)
            some = chosen[picked]
            loss = _loss(self._logits(weights, vectors, spans[some], sentence), target[torch.from_numpy(some)]).sum()
            adam.zero_grad()
            loss.backward()
            adam.step()
            if dev is not None and len(dev) and (step % math.ceil(steps / CHECKS) == 0 or step == steps):
                _keep_better(best, weights, lowest, self._dev_loss(weights, vectors, spans, sentence, target, dev))
        self._weights = best if dev is not None and len(dev) else {k: p.detach() for k, p in weights.items()}
        finite(self._weights["out"], "weights learnt from the vectors")
        self.mix_ = self._weights["scalars"][0].double().softmax(0).numpy() if self.mix else None
        return self

    def predict(
        self, vectors: Vectors, spans: NDArray[np.integer[Any]], *, sentence: NDArray[np.integer[Any]] | None = None
    ) -> NDArray[Any]:
        """The likeliest label, (layer, example); with several labels an example, which ones hold."""
        return self._predict(vectors, *self._checked(vectors, spans, sentence))

    def score(
        self, vectors: Vectors, spans: NDArray[np.integer[Any]], labels: NDArray[Any], **options: Any
    ) -> NDArray[np.float64]:
        """Micro-averaged F1, (layer,), 0 to 1; `options` as for `evaluate`."""
        return self.evaluate(vectors, spans, labels, **options).micro_f1

    def evaluate(
        self,
        vectors: Vectors,
        spans: NDArray[np.integer[Any]],
        labels: NDArray[Any],
        *,
        sentence: NDArray[np.integer[Any]] | None = None,
        examples: Examples | None = None,
    ) -> EdgeScores:
        """Predictions and their share in micro-F1, of all examples or some in their order."""
        spans, sentence = self._checked(vectors, spans, sentence)
        labels = np.asarray(labels)
        if examples is not None:
            spans, labels = spans[examples], labels[examples]
        predicted = self._predict(vectors, spans, sentence)
        if not self._several:
            right = (predicted == labels[None]).astype(np.float64)
            return EdgeScores(predicted, 2 * right, np.full(right.shape, 2.0))
        rated, true = np.isfinite(labels), labels == 1
        both = (predicted & true & rated).sum(-1, dtype=np.float64)
        wrong = ((predicted != true) & rated).sum(-1, dtype=np.float64)
        return EdgeScores(predicted, 2 * both, 2 * both + wrong)

    def _options(self) -> None:
        if self.pooling not in POOLINGS:
            raise BadRequest(f"pooling {self.pooling!r} is not known.", f"Choose one of {', '.join(POOLINGS)}.")
        if self.window < 0 or min(self.size, self.hidden, self.batch) < 1:
            found = f"window {self.window}, size {self.size}, hidden {self.hidden}, batch {self.batch}."
            raise BadRequest(found, "The window is 0 or more, the others 1 or more.")

    def _checked(
        self, vectors: Vectors, spans: NDArray[np.integer[Any]], sentence: NDArray[np.integer[Any]] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spans as (example, spans, 2) and the sentence of each row."""
        n = check(vectors)
        spans = np.asarray(spans)
        spans = spans[:, None] if spans.ndim == 2 else spans
        if spans.ndim != 3 or spans.shape[1] not in (1, 2) or spans.shape[2] != 2 or spans.dtype.kind not in "iu":
            raise BadRequest(
                f"spans have shape {spans.shape} and type {spans.dtype}.", "Give (example, 1 or 2, 2) of row numbers."
            )
        if self.window and sentence is None:
            raise BadRequest(f"a window of {self.window} without `sentence`.", "Say which sentence each row is of.")
        if sentence is not None and len(sentence) != n:
            raise BadRequest(f"{len(sentence)} sentence numbers for {n} rows.", "Give each row's sentence.")
        whose = np.zeros(n, np.int64) if sentence is None else np.asarray(sentence).astype(np.int64)
        start, end = spans[..., 0], spans[..., 1]
        inside = (start >= 0) & (start < end) & (end <= n)
        inside &= whose[start.clip(0, n - 1)] == whose[(end - 1).clip(0, n - 1)]
        if not inside.all():
            example, which = np.argwhere(~inside)[0]
            raise BadRequest(
                f"span {which + 1} of example {example}, rows {start[example, which]} to {end[example, which]}, "
                f"does not lie in one sentence of the {n} rows.",
                "Spans are [start, end) with at least one row, within a sentence.",
            )
        return spans.astype(np.int64), whose

    def _target(self, labels: NDArray[Any], chosen: Examples, classes: NDArray[Any] | None) -> Tensor:
        """(example,) numbers of classes, or (example, label) floats."""
        self._several = labels.ndim == 2
        if self._several:
            known = labels[np.isfinite(labels)]
            if labels.shape[1] == 0 or not np.isin(known, (0, 1)).all() or not len(known):
                raise BadRequest("labels (example, label) hold other values than 1, 0 and nan.", "Say which ones hold.")
            self.classes_ = np.arange(labels.shape[1]) if classes is None else np.asarray(classes)
            return torch.from_numpy(labels.astype(np.float32))
        self.classes_ = class_list(labels[chosen], classes)
        if len(self.classes_) > len(chosen):
            raise BadRequest(
                f"{len(self.classes_)} classes for {len(chosen)} examples to learn from.",
                "Give more examples, or leave rare classes out.",
            )
        return encode_labels(labels, self.classes_)

    def _initial(self, probes: int, layers: int, k: int, width: int) -> dict[str, Tensor]:
        made = torch.Generator().manual_seed(self.seed)
        draw = lambda fan, *shape: (torch.randn(shape, generator=made) / math.sqrt(fan)).repeat(
            probes, *[1] * len(shape)
        )
        wide, pooled = width * (2 * self.window + 1), k * self.size * (2 if self.pooling == "ends" else 1)
        weights = {
            "project": draw(wide, k, wide, self.size), "shift": torch.zeros(probes, k, self.size),
            "attend": torch.zeros(probes, k, self.size),
            "hidden": draw(pooled, pooled, self.hidden), "bend": torch.zeros(probes, 1, self.hidden),
            "out": draw(self.hidden, self.hidden, len(self.classes_)), "bias": torch.zeros(probes, 1, len(self.classes_)),
            "scalars": torch.zeros(1, layers),
        }  # fmt: skip
        return {name: w.requires_grad_() for name, w in weights.items()}

    def _logits(
        self, w: dict[str, Tensor], vectors: Vectors, spans: NDArray[np.int64], sentence: NDArray[np.int64]
    ) -> Float[Tensor, "probe example class"]:
        place, inside = _places(spans)
        x = self._words(w, vectors, place.reshape(-1), sentence).unflatten(1, place.shape)
        projected = torch.einsum("pnksw,pkwd->pnksd", x, w["project"]) + w["shift"][:, None, :, None]
        pooled = _POOL[self.pooling](projected, torch.from_numpy(inside), w["attend"])
        hidden = (torch.bmm(pooled.flatten(2), w["hidden"]) + w["bend"]).tanh()
        return torch.bmm(hidden, w["out"]) + w["bias"]

    def _words(
        self, w: dict[str, Tensor], vectors: Vectors, rows: NDArray[np.int64], sentence: NDArray[np.int64]
    ) -> Float[Tensor, "probe row width"]:
        """Standardised vectors of rows: each layer's, or mixed; with a window the neighbours' beside them."""
        near = rows[:, None] + np.arange(-self.window, self.window + 1)
        held = near.clip(0, len(sentence) - 1)
        there = torch.from_numpy((near == held) & (sentence[held] == sentence[rows][:, None]))
        x = (take(vectors, held.reshape(-1)) - self._mean[:, None]) / self._std[:, None]
        if self.mix:
            x = torch.einsum("pl,lrw->prw", w["scalars"].softmax(1), x)
        return (x.unflatten(1, near.shape) * there[None, :, :, None]).flatten(2)

    def _dev_loss(
        self, w: dict[str, Tensor], vectors: Vectors, spans: NDArray[np.int64], sentence: NDArray[np.int64],
        target: Tensor, dev: Examples,
    ) -> Float[Tensor, "probe"]:  # fmt: skip
        with torch.no_grad():
            parts = [dev[at : at + BLOCK] for at in range(0, len(dev), BLOCK)]
            losses = [
                len(part) * _loss(self._logits(w, vectors, spans[part], sentence), target[torch.from_numpy(part)])
                for part in parts
            ]
            return torch.stack(losses).sum(0) / len(dev)

    def _predict(self, vectors: Vectors, spans: NDArray[np.int64], sentence: NDArray[np.int64]) -> NDArray[Any]:
        with torch.no_grad():
            logits = [
                self._logits(self._weights, vectors, spans[at : at + BLOCK], sentence)
                for at in range(0, len(spans), BLOCK)
            ]
        if not logits:
            shape = (len(self._weights["out"]), 0, len(self.classes_))
            logits = [torch.zeros(shape)]
        joined = torch.cat(logits, 1)
        finite(joined, "logits")
        return (joined > 0).numpy() if self._several else self.classes_[joined.argmax(2).numpy()]


BLOCK = 512
CHECKS = 10
"""How often the dev examples are looked at."""


def _rows(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """All rows that lie in some span."""
    place, inside = _places(spans)
    return place[inside]


def _places(spans: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows of each span, (example, span, word), padded by its last one, and which are no padding."""
    length = spans[..., 1] - spans[..., 0]
    steps = np.arange(max(1, int(length.max(initial=1))))
    inside = steps < length[..., None]
    return np.minimum(spans[..., :1] + steps, spans[..., 1:] - 1), inside


def _loss(logits: Float[Tensor, "probe example class"], target: Tensor) -> Float[Tensor, "probe"]:
    """Mean loss in nats over the examples whose label is known."""
    if target.ndim == 1:
        known = target >= 0
        goal = target[known].expand(len(logits), -1)
        losses = torch.nn.functional.cross_entropy(logits[:, known].transpose(1, 2), goal, reduction="none")
        return losses.mean(1) if bool(known.any()) else logits.sum((1, 2)) * 0
    rated = torch.isfinite(target)
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.where(rated, target, 0.0).expand_as(logits), reduction="none"
    )
    return (losses * rated).sum((1, 2)) / rated.sum().clamp(min=1)


def _keep_better(best: dict[str, Tensor], now: dict[str, Tensor], lowest: Tensor, loss: Tensor) -> None:
    """Copies the weights of the probes whose dev loss has fallen; a mix has one probe."""
    better = loss < lowest
    lowest[better] = loss[better]
    for name, kept in best.items():
        if name != "scalars" or len(better) == 1:  # without a mix the scalars are idle
            kept[better] = now[name].detach()[better]


Words = Float[Tensor, "probe example span word size"]
Inside = Bool[Tensor, "example span word"]


def _attention(x: Words, inside: Inside, attend: Float[Tensor, "probe span size"]) -> Tensor:
    weight = torch.einsum("pnksd,pkd->pnks", x, attend).masked_fill(~inside[None], -torch.inf).softmax(3)
    return torch.einsum("pnks,pnksd->pnkd", weight, x)


def _mean(x: Words, inside: Inside, attend: Float[Tensor, "probe span size"]) -> Tensor:
    weight = inside / inside.sum(2, keepdim=True)
    return torch.einsum("nks,pnksd->pnkd", weight, x)


def _ends(x: Words, inside: Inside, attend: Float[Tensor, "probe span size"]) -> Tensor:
    # Padding repeats a span's last word.
    return torch.cat([x[:, :, :, 0], x[:, :, :, -1]], 3)


_POOL = {"attention": _attention, "mean": _mean, "ends": _ends}
