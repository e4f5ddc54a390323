"""What it costs a tuned model when the property it was tuned on is erased from one head's output (LEACE: Belrose et al. 2023)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from bertology.compress.artefacts import grid, tuned_beside
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import Edit, Watcher
from bertology.probe.amnesic import LEACE, Projection, RandomDirections
from bertology.record.errors import NoEffect
from bertology.record.keys import made_key
from bertology.train.artefacts import Progress, TunedModel
from bertology.train.classifier import batches, encoded
from bertology.train.task import Example, Task

ROWS = 20_000
"""Most training tokens that erasers are fitted on."""
DRAWS = 3
"""Draws of random directions, of which the mean is kept."""


class Erased(NamedTuple):
    """(layer, head): mean rise of the cross-entropy in nats when a head's output loses the label, and when it loses as many random directions."""

    label: NDArray[np.float64]
    random: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeadErasure:
    """A tuned model's loss on `examples` with the task's labels erased from each head's output alone, at every token.

    Erasers are fitted on the tokens of the training examples, each with its sentence's label; the mean output stays.
    """

    asked: TunedModel
    examples: tuple[Example, ...]

    @property
    def key(self) -> str:
        return made_key("head-erasure", self.asked.key, self.examples)

    def build(self, place: Path, progress: Progress) -> None:
        asked, model = self.asked, tuned_beside(self.asked, place, progress).model
        encoder, task = asked.encoder, asked.task
        layers, heads = grid(encoder)
        outputs, labels = _outputs(model, encoder, task, asked.seed)
        lines = encoded(encoder, task, self.examples)
        loss = lambda edits: _loss(model, encoder, task, lines, edits)
        intact, found = loss({}), np.zeros((2, layers, heads))
        for layer in range(1, layers + 1):
            for head in range(heads):
                progress("erasing from heads", (layer - 1) * heads + head, layers * heads)
                x = outputs[layer - 1][:, head]
                eraser = LEACE().fit(x, labels)
                rank = int(eraser.rank)
                own = [eraser.projection]
                random = [
                    RandomDirections(rank, keep_mean=True, seed=100 * asked.seed + k).fit(x).projection
                    for k in range(DRAWS)
                ]
                for row, projections in enumerate((own, random)):
                    costs = [loss({("head", layer): _without(head, p)}) - intact for p in projections]
                    found[row, layer - 1, head] = np.mean(costs)
        np.save(place / "rise.npy", found)

    def load(self, place: Path) -> Erased:
        return Erased(*np.load(place / "rise.npy"))


def _without(head: int, projection: Projection) -> Edit:
    """A head's output (batch, token, head, width) projected around the mean."""
    matrix, mean = (torch.from_numpy(part) for part in projection)

    def edit(value: Tensor, _: Tensor | None) -> Tensor:
        p, m = matrix.to(value.device, value.dtype), mean.to(value.device, value.dtype)
        value = value.clone()
        value[..., head, :] = m + (value[..., head, :] - m) @ p.T
        return value

    return edit


def _outputs(model: Any, encoder: Encoder, task: Task, seed: int) -> tuple[list[NDArray[np.float32]], NDArray[np.str_]]:
    """A layer each: what heads say at real tokens of training examples, (token, head, width); and the tokens' labels."""
    read = frozenset(("head", layer) for layer in range(1, encoder.n_layers + 1))
    parts: list[list[NDArray[np.float32]]] = [[] for _ in read]
    labels: list[str] = []

    def keep(seen: Any, batch: Any, _: Tensor) -> None:
        real = batch.inputs["attention_mask"].bool()
        for layer in range(1, encoder.n_layers + 1):
            parts[layer - 1].append(seen.head(layer)[:, : real.shape[1]][real].float().cpu().numpy())
        for row, i in enumerate(batch.index):
            labels.extend([task.train[i].label] * int(real[row].sum()))

    _run(model, encoder, task, encoded(encoder, task, task.train), read, {}, keep)
    some = np.sort(np.random.default_rng(seed).permutation(len(labels))[:ROWS])
    return [np.concatenate(part)[some] for part in parts], np.array(labels)[some]


def _loss(model: Any, encoder: Encoder, task: Task, lines: Sequence[Any], edits: dict[tuple[str, int], Edit]) -> float:
    """Mean cross-entropy in nats."""
    total: list[float] = []

    def keep(seen: Any, batch: Any, logits: Tensor) -> None:
        if missed := [f"{kind} {layer}" for kind, layer in edits if f"{kind} {layer}" not in seen.calls]:
            raise NoEffect(f"erasure was never called at {', '.join(missed)} of {encoder.name}.")
        total.extend(cross_entropy(logits.float(), batch.labels, reduction="none").double().tolist())

    _run(model, encoder, task, lines, frozenset(), edits, keep)
    return float(np.mean(total))


def _run(
    model: Any, encoder: Encoder, task: Task, lines: Sequence[Any], read: frozenset[tuple[str, int]], edits: dict[tuple[str, int], Edit],
    keep: Callable[[Any, Any, Tensor], None],
) -> None:  # fmt: skip
    model.eval()
    with torch.inference_mode():
        for batch in batches(lines, task, 64, encoder.tokenizer.pad_token_id or 0, encoder.device):
            watcher = Watcher(model.base_model, encoder.family, encoder.n_heads, encoder.n_layers, read, edits)
            with watcher.watching() as seen:
                logits = model(**batch.inputs).logits
            keep(seen, batch, logits)
