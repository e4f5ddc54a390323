"""Adversarial perturbation of the input embeddings: FreeLB and SMART."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, mse_loss

from bertology.train.classifier import Labelled, loss_of
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class FreeLB(Technique):
    """`steps` ascent steps on a perturbation inside a ball, gradients of the weights averaged over them (Zhu et al. 2020).

    A sentence's perturbation starts uniform, of values up to `start` / sqrt(number of values), takes normalised steps of
    `step_size`, and is kept at a Frobenius norm of at most `radius`.
    """

    cites: ClassVar = ("zhu-2020",)
    steps: int = 2
    step_size: float = 0.1
    start: float = 0.05
    radius: float = 0.6

    def backward(self, tuning: Tuning, batch: Labelled) -> bool:
        embedding: Any = tuning.model.get_input_embeddings()  # type: ignore[operator]
        mask = batch.inputs["attention_mask"][:, :, None].float()
        words = embedding(batch.inputs["input_ids"])
        room = mask.sum((1, 2)) * words.shape[-1]
        delta = torch.empty_like(words).uniform_(-1, 1) * mask
        delta = delta * (self.start / room.sqrt())[:, None, None]
        for _ in range(self.steps):
            delta.requires_grad_()
            logits = tuning.logits(batch, inputs_embeds=embedding(batch.inputs["input_ids"]) + delta)
            loss = loss_of(logits, batch.labels, tuning.task) / self.steps
            loss.backward()
            assert delta.grad is not None
            slope = delta.grad / delta.grad.flatten(1).norm(dim=1).clamp(min=1e-8)[:, None, None]
            delta = _inside((delta + self.step_size * slope).detach() * mask, self.radius)
        return True


@dataclass(frozen=True)
class SMART(Technique):
    """Smoothness: symmetric KL between predictions for embeddings and for the worst of small perturbations; and a Bregman
    proximal term: the same to a moving average of the model (Jiang et al. 2020)."""

    cites: ClassVar = ("jiang-2020",)
    smooth: float = 1.0
    proximal: float = 1.0
    noise: float = 1e-5
    step_size: float = 1e-3
    radius: float = 1e-6
    momentum: float = 0.99

    def prepare(self, tuning: Tuning) -> None:
        tuning.memory["average"] = deepcopy(tuning.model).eval().requires_grad_(False)

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        embedding: Any = tuning.model.get_input_embeddings()  # type: ignore[operator]
        words = embedding(batch.inputs["input_ids"])
        delta = (torch.randn_like(words) * self.noise).requires_grad_()
        away = _divergence(tuning.logits(batch, inputs_embeds=words.detach() + delta), logits.detach(), tuning)
        (slope,) = torch.autograd.grad(away, delta)
        delta = delta.detach() + self.step_size * slope / slope.abs().amax(-1, keepdim=True).clamp(min=self.radius)
        worst = _divergence(tuning.logits(batch, inputs_embeds=words + delta), logits, tuning)
        with torch.no_grad():
            average = tuning.memory["average"](**batch.inputs).logits
        return loss + self.smooth * worst + self.proximal * _divergence(logits, average, tuning)

    def after_step(self, tuning: Tuning) -> None:
        with torch.no_grad():
            for mean, p in zip(tuning.memory["average"].parameters(), tuning.model.parameters(), strict=True):
                mean.lerp_(p, 1 - self.momentum)


def _inside(delta: Tensor, radius: float) -> Tensor:
    norm = delta.flatten(1).norm(dim=1)
    return delta * (radius / norm.clamp(min=radius))[:, None, None]


def _divergence(a: Tensor, b: Tensor, tuning: Tuning) -> Tensor:
    """Symmetric Kullback-Leibler divergence of two predictions, mean over examples; squared difference for regression."""
    if tuning.task.kind == "regression":
        return mse_loss(a.float(), b.float())
    p, q = log_softmax(a.float(), -1), log_softmax(b.float(), -1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean()
