"""Adversarial perturbation of the input embeddings: FreeLB and SMART."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled
from bertology.train.draft import IGNORED
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class FreeLB(Technique):
    """`steps` ascent steps on a perturbation inside a ball, gradients of the weights averaged over them (Zhu et al. 2020).

    A sentence's perturbation starts uniform, of values up to `start` / sqrt(number of values), takes normalised steps of
    `step_size`, and is kept at a Frobenius norm of at most `radius`. All steps of a batch see the same dropout masks.
    """

    cites: ClassVar = ("zhu-2019",)
    steps: int = 2
    step_size: float = 0.1
    start: float = 0.05
    radius: float = 0.6

    def __post_init__(self) -> None:
        if self.steps < 1 or self.radius <= 0:
            raise BadRequest(
                f"FreeLB of {self.steps} steps and radius {self.radius:g}.", "Give at least one and above 0."
            )

    def backward(self, tuning: Tuning, batch: Labelled) -> bool:
        embedding: Any = tuning.model.get_input_embeddings()  # type: ignore[operator]
        mask = batch.inputs["attention_mask"][:, :, None].float()
        shape = (*batch.inputs["input_ids"].shape, embedding.weight.shape[1])
        room = mask.sum((1, 2)) * shape[-1]
        delta = torch.empty(shape, device=mask.device).uniform_(-1, 1) * mask
        delta = _inside(delta * (self.start / room.sqrt())[:, None, None], self.radius)
        dice = int(torch.randint(2**31, ()))
        for _ in range(self.steps):
            torch.manual_seed(dice)
            delta.requires_grad_()
            logits = tuning.logits(batch, inputs_embeds=embedding(batch.inputs["input_ids"]) + delta)
            (tuning.loss(batch, logits) / self.steps).backward()
            assert delta.grad is not None
            slope = delta.grad / delta.grad.flatten(1).norm(dim=1).clamp(min=1e-8)[:, None, None]
            delta = _inside((delta + self.step_size * slope).detach() * mask, self.radius)
        return True


@dataclass(frozen=True)
class SMART(Technique):
    """Smoothness and a Bregman proximal term (Jiang et al. 2020):
    loss + smooth · D(f(x), f(x + delta)) + proximal · D(f(x), average(x)).

    D is the symmetric Kullback-Leibler divergence (squared difference in regression). delta starts normal of standard deviation `noise`,
    takes one ascent step of `step_size` along the slope divided by its maximum, and is cut to +-`radius`. `average` is a moving
    average of the model, of momentum `momentum`, `late_momentum` after a tenth of the steps.
    """

    cites: ClassVar = ("jiang-2019a",)
    smooth: float = 1.0
    proximal: float = 1.0
    noise: float = 1e-5
    step_size: float = 1e-3
    radius: float = 1e-5
    momentum: float = 0.99
    late_momentum: float = 0.999

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        embedding: Any = tuning.model.get_input_embeddings()  # type: ignore[operator]
        words = embedding(batch.inputs["input_ids"])
        delta = (torch.randn_like(words) * self.noise).requires_grad_()
        counted = batch.labels != IGNORED if tuning.task.kind == "token" else None
        away = divergence(tuning.logits(batch, inputs_embeds=words.detach() + delta), logits.detach(), counted)
        (slope,) = torch.autograd.grad(away, delta)
        delta = self._stepped(delta.detach(), slope)
        worst = divergence(tuning.logits(batch, inputs_embeds=words + delta), logits, counted)
        if "average" not in tuning.memory:  # not in prepare: techniques behind this one may add modules
            tuning.memory["average"] = deepcopy(tuning.model).eval().requires_grad_(False)
        with torch.no_grad():
            average = tuning.memory["average"](**batch.inputs).logits
        return loss + self.smooth * worst + self.proximal * divergence(logits, average, counted)

    def _stepped(self, delta: Tensor, slope: Tensor) -> Tensor:
        largest = slope.abs().amax((-2, -1), keepdim=True)
        moved = delta + self.step_size * slope / largest.clamp(min=torch.finfo(slope.dtype).tiny)
        return moved.clamp(-self.radius, self.radius)

    def after_step(self, tuning: Tuning, progress: float) -> None:
        momentum = self.momentum if progress <= 0.1 else self.late_momentum
        with torch.no_grad():
            for mean, p in zip(tuning.memory["average"].parameters(), tuning.model.parameters(), strict=True):
                mean.lerp_(p, 1 - momentum)
            for mean, p in zip(tuning.memory["average"].buffers(), tuning.model.buffers(), strict=True):
                mean.copy_(p)

    def finish(self, tuning: Tuning) -> None:
        tuning.memory.pop("average", None)


def _inside(delta: Tensor, radius: float) -> Tensor:
    norm = delta.flatten(1).norm(dim=1)
    return delta * (radius / norm.clamp(min=radius))[:, None, None]


def divergence(a: Tensor, b: Tensor, counted: Tensor | None = None) -> Tensor:
    """KL(p || q) + KL(q || p) of two predictions, in nats, mean over examples or the `counted` tokens; squared difference of single scores."""
    a, b = (a.float(), b.float()) if counted is None else (a[counted].float(), b[counted].float())
    if a.shape[-1] == 1:
        return (a - b).square().mean()
    p, q = log_softmax(a, -1), log_softmax(b, -1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1).mean()
