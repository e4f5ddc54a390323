"""PoWER-BERT: layer by layer fewer tokens, those that no one attends to leave (Goyal et al. 2020).

How many stay after each layer is learnt once for a task; which, is decided anew for each text by the model of compress/inference/extraction.py.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bertology.compress.inference.extraction import Choice, Tokens, leaving, lets_tokens_leave, mask_of, with_retention
from bertology.compress.inference.latency import over, seconds
from bertology.encoder.backend import set_attention
from bertology.encoder.encoder import Encoder
from bertology.record.errors import NotApplicable
from bertology.train.classifier import Labelled, batches, encoded, made_for, scored
from bertology.train.finetune import FineTuning, Progress, encoded_parts, finetune
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning

Retention = tuple[int, ...]
"""The most tokens that stay after each layer, [CLS] among them; never more than after the layer before."""


@dataclass(frozen=True)
class SoftExtract(Technique):
    """Learns how many tokens each layer needs: the token of rank k by significance is multiplied by r[l, k] in 0..1 after layer l; [CLS] has rank 0 and r = 1.
    The loss grows by `strength` x sum_l l sum_k r[l, k] / (sum_l l x ranks) (Goyal et al. 2020, section 3.3, there not divided).

    The r start at 1; they move `travel` times as fast as other parameters. What was learnt is left in `found`.
    """

    cites: ClassVar = ("goyal-2020",)
    ranks: int = 64
    strength: float = 1.0
    travel: float = 100.0
    between: bool = False
    found: list[Tensor] = field(default_factory=list, compare=False, repr=False)

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        set_attention(model, "eager")
        moved = nn.Parameter(torch.zeros(tuning.encoder.n_layers * (self.ranks - 1), device=tuning.encoder.device))
        model.register_parameter("retention", moved)
        own = model.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            with leaving(model, mask_of(args, kwargs), _Soft(self._gates(tuning)), between=self.between):
                return own(*args, **kwargs)

        model.forward = forward

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        gates = self._gates(tuning)
        by = torch.arange(1, len(gates) + 1, dtype=gates.dtype, device=gates.device)
        return loss + self.strength * torch.einsum("l,lk->", by, gates) / (by.sum() * self.ranks)

    def after_step(self, tuning: Tuning, progress: float) -> None:
        with torch.no_grad():
            tuning.model.retention.clamp_(0, 1 / self.travel)  # type: ignore[operator,union-attr]

    def finish(self, tuning: Tuning) -> None:
        self.found[:] = [self._gates(tuning).detach().clone()]
        del tuning.model.forward, tuning.model.retention

    def _gates(self, tuning: Tuning) -> Float[Tensor, "layer rank"]:
        learnt = (1 - self.travel * tuning.model.retention).view(-1, self.ranks - 1)  # type: ignore[operator]
        return torch.cat([torch.ones_like(learnt[:, :1]), learnt], dim=1)


class _Soft(Choice):
    def __init__(self, gates: Float[Tensor, "layer rank"]) -> None:
        self.gates = gates

    def after(self, layer: int, states: Tensor, received: Tensor, here: Tensor) -> Tensor:
        score = received.detach().masked_fill(~here, -1.0)
        score[:, 0] = torch.inf
        rank = score.argsort(dim=1, descending=True).argsort(dim=1).clamp(max=self.gates.shape[1] - 1)
        return states * self.gates[layer - 1][rank][..., None].to(states.dtype)


def configuration(gates: Float[Tensor, "layer rank"]) -> Retention:
    """How many tokens stay after each layer: the mass of its r, rounded up (Goyal et al. 2020), and never more than after the one before."""
    found, most = [], gates.shape[1]
    for mass in gates.sum(1).tolist():
        most = max(1, min(most, math.ceil(mass - 1e-6)))
        found.append(most)
    return tuple(found)


class Dropped(NamedTuple):
    """The model as an encoder with its task head; `counted` is how many times fewer tokens its layers compute on test, `measured` how
    many times less wall-clock time it takes there. Scores are of the model as it was given and of this one; nan where it had no head."""

    encoder: Encoder
    keep: Retention
    dev: tuple[float, float]
    test: tuple[float, float]
    counted: float
    measured: float


@dataclass(frozen=True)
class PoWERBERT:
    """Learns a retention configuration for a task and tunes the model that keeps it; or takes `keep` as it is given.

    `search` learns the r along with a tuned model (or an encoder with a new head), `recovery` tunes what is left. The larger `strength`,
    the fewer tokens stay.
    """

    cites: ClassVar = ("goyal-2020",)
    strength: float = 1.0
    search: FineTuning = FineTuning(epochs=3)  # noqa: RUF009 (frozen)
    recovery: FineTuning = FineTuning(epochs=3)  # noqa: RUF009 (frozen)
    batch: int = 32
    repeats: int = 3
    seed: int = 0

    def __call__(
        self,
        whole: Encoder,
        task: Task,
        *,
        keep: Sequence[int] | None = None,
        progress: Progress = lambda what, done, total: None,
    ) -> Dropped:
        """A copy that drops tokens. Raises as `with_retention` does."""
        if task.kind == "token":
            raise NotApplicable(f"{task.name} labels words, and words would be dropped")
        start = self._searched(whole, task, progress) if keep is None else (whole, tuple(keep))
        made = with_retention(start[0], task, start[1], self.seed)
        tuned: Any = finetune(made, task, self.recovery, seeds=(self.seed,), progress=progress).best.model
        return self._measured(whole, replace(made, model=tuned, _encoded={}), task, start[1])

    def _searched(self, whole: Encoder, task: Task, progress: Progress) -> tuple[Encoder, Retention]:
        lines = encoded_parts(whole, task)["train"]
        ranks = max(len(line["input_ids"]) for line in lines)
        steps = self.search.epochs * math.ceil(len(lines) / self.search.batch)
        # twice the way from 1 to 0 in a run whose rate falls to 0 by a straight line
        travel = max(1.0, 4 / ((self.search.head_rate or self.search.rate) * steps))
        soft = SoftExtract(ranks, self.strength, travel, lets_tokens_leave(whole))
        recipe = replace(self.search, techniques=(*self.search.techniques, soft))
        tuned: Any = finetune(whole, task, recipe, seeds=(self.seed,), progress=progress).best.model
        set_attention(tuned, whole.config._attn_implementation or "eager")
        return replace(whole, model=tuned, has_mlm=False, _encoded={}), configuration(soft.found[0])

    def _measured(self, whole: Encoder, made: Encoder, task: Task, keep: Retention) -> Dropped:
        parts = ("dev", "test")
        before = [scored(whole, task, part).score() if made_for(whole, task) else math.nan for part in parts]
        after = [scored(made, task, part).score() for part in parts]
        lines = encoded(made, task, task.test)
        given = list(batches(lines, task, self.batch, made.tokenizer.pad_token_id or 0, made.device))
        model, plain = made.model, deepcopy(made.model)
        set_attention(plain, whole.config._attn_implementation or "eager")
        runs = (lambda inputs: super(Tokens, plain).forward(**inputs), lambda inputs: model(**inputs))  # type: ignore[misc]
        taken = [seconds(over(run, given), repeats=self.repeats) for run in runs]
        between = bool(made.config.tokens["between"])
        lengths = [len(line["input_ids"]) for line in lines]
        fewer = made.n_layers * sum(lengths) / computed(lengths, keep, between=between)
        return Dropped(made, keep, (before[0], after[0]), (before[1], after[1]), fewer, taken[0] / taken[1])


def computed(lengths: Sequence[int], keep: Retention, *, between: bool) -> float:
    """Tokens that all layers compute for texts of these lengths, the mean of those that attention and that feed-forward reads."""
    total = 0.0
    for n in lengths:
        into = n
        for k in keep:
            after = min(into, k)
            total += (into + (after if between else into)) / 2
            into = after
    return total


__all__ = ["Dropped", "PoWERBERT", "Retention", "SoftExtract", "Tokens", "configuration", "with_retention"]
