"""Pre-training leads to wider, flatter optima (Hao et al. 2019)."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above, between
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.artefacts import Tuned, TunedModel
from bertology.train.classifier import batches, encoded, loss_of
from bertology.train.task import Task

EXAMPLES = 96
LONGER = 4
"""How many times more passes the random weights get, to reach the same training loss."""
DIRECTIONS = 2
STEPS = np.linspace(-0.6, 0.6, 13)
RISE = 0.3
"""The basin ends where the loss is this many nats above that at its centre."""


@claim(
    id="pre-11",
    section="5.3",
    says="Pre-training leads to wider, flatter optima.",
    cites=("hao-2019",),
    method="""Training loss of fine-tuned models along random directions, each filter scaled to the norm of the weights it moves (Li et al. 2018), from
    pre-trained and from random weights; the latter get four times as many passes. Width: the range of steps, in units of the weights' own
    size, in which the loss is less than .3 nats above that of the model itself. Holds if it is larger after pre-training and the training
    losses differ by less than a tenth of a nat: a model that has not learned lies in no basin. Means of two directions, over seeds.""",
    expects={
        "width, pre-trained − random weights": above(0.0),
        "training loss, pre-trained − random weights": between(-0.1, 0.1),
    },
    needs=("training", "treebank"),
)
def pretraining_widens_optima(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, "tense", examples=EXAMPLES)
    arms = {
        "pre-trained": (encoder, fine_tuned.using(name="longer", epochs=2 * fine_tuned.STANDARD.epochs)),
        "random": (
            encoder.randomised(seed),
            fine_tuned.using(name="longest", epochs=2 * LONGER * fine_tuned.STANDARD.epochs),
        ),
    }
    curves: dict[str, list[NDArray[np.float64]]] = {}
    for name, (who, recipe) in arms.items():
        curves[name] = []
        for number in fine_tuned.numbered(seed, fine_tuned.SEEDS):
            after = yield from make(TunedModel(who, task, recipe, number))
            curves[name].append(loss_curves(after, who, task, number))
    found = {name: np.array(part) for name, part in curves.items()}  # (seed, direction, step)
    wide = {name: np.array([[width(c) for c in one] for one in part]).mean(1) for name, part in found.items()}
    centre = {name: part[:, 0, len(STEPS) // 2] for name, part in found.items()}
    values = {
        "width, pre-trained − random weights": repeats.difference(wide["pre-trained"], wide["random"], unit="weight norms"),
        "training loss, pre-trained − random weights": repeats.difference(centre["pre-trained"], centre["random"], unit="nats"),
        "width, pre-trained": repeats.mean(wide["pre-trained"], unit="weight norms"),
        "width, random weights": repeats.mean(wide["random"], unit="weight norms"),
    }  # fmt: skip
    rows = [
        Row("training loss along random directions", float(part[..., k].mean()), n=len(part), label=f"{name}, {step:+.1f}")
        for name, part in found.items() for k, step in enumerate(STEPS)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [task], arms["pre-trained"][1], fine_tuned.SEEDS))


def loss_curves(after: Tuned, encoder: Encoder, task: Task, seed: int) -> NDArray[np.float64]:
    """(direction, step) the training loss at each of STEPS along DIRECTIONS random directions; the model is left as it was."""
    model: Any = after.model
    weights = dict(model.named_parameters())
    start = {n: p.detach().clone() for n, p in weights.items()}
    pad = encoder.tokenizer.pad_token_id or 0
    given = list(batches(encoded(encoder, task, task.train), task, 64, pad, encoder.device))
    found = np.zeros((DIRECTIONS, len(STEPS)))
    with torch.inference_mode():
        for d in range(DIRECTIONS):
            way = direction(start, seed * DIRECTIONS + d)
            for k, step in enumerate(STEPS):
                for name, p in weights.items():
                    p.data.copy_(start[name] + step * way[name])
                found[d, k] = _loss(model, given, task)
        for name, p in weights.items():
            p.data.copy_(start[name])
    return found


def direction(weights: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Normal noise, each row of a matrix scaled to the norm of the weights' row; zero for biases and norms (Li et al. 2018)."""
    dice = torch.Generator().manual_seed(seed)
    found = {}
    for name, w in weights.items():
        if w.ndim < 2:
            found[name] = torch.zeros_like(w)
            continue
        noise = torch.randn(w.shape, generator=dice).to(w)
        size, own = (x.flatten(1).norm(dim=1).view(-1, *[1] * (w.ndim - 1)) for x in (noise, w))
        found[name] = noise / size.clamp(min=1e-12) * own
    return found


def width(curve: NDArray[np.float64]) -> float:
    """The range of STEPS around 0 in which the loss stays below its value at 0 plus RISE, crossings interpolated."""
    middle = len(STEPS) // 2
    limit, total = curve[middle] + RISE, 0.0
    for side in (range(middle, len(STEPS)), range(middle, -1, -1)):
        places = list(side)
        reached = abs(STEPS[places[-1]])
        for a, b in pairwise(places):
            if curve[b] >= limit:
                part = (limit - curve[a]) / (curve[b] - curve[a])
                reached = abs(STEPS[a] + part * (STEPS[b] - STEPS[a]))
                break
        total += float(reached)
    return total


def _loss(model: nn.Module, given: list[Any], task: Task) -> float:
    losses = [float(loss_of(model(**b.inputs).logits, b.labels, task)) * len(b) for b in given]
    return sum(losses) / sum(len(b) for b in given)
