"""Early exit: a text leaves at the first layer whose own classifier is sure of it (DeeBERT: Xin et al. 2020; PABEE: Zhou et al. 2020b).

The model is that of compress/inference/ramps.py: texts that have left leave the batch. How sure is sure enough is chosen on dev, by a wished speed-up
or the score that must stay; test is only reported.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.compress.inference.latency import over, seconds
from bertology.compress.inference.ramps import Exits, Rule, said_by_layer, with_ramps, with_rule
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import Labelled, Scored, batches, encoded, loss_of, made_for
from bertology.train.finetune import FineTuning, Progress, finetune
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning


class Kept(NamedTuple):
    """On a part of the task: the score with exits and without, layers a text on average, how many times fewer that is, and how many times
    less wall-clock time in batches of `batch` (nan where it was not measured)."""

    score: float
    whole: float
    layers: float
    counted: float
    measured: float


class Exiting(NamedTuple):
    """The model as an encoder with its task head, the rule chosen on dev, and what it does there and on test."""

    encoder: Encoder
    rule: Rule
    dev: Kept
    test: Kept
    depths: NDArray[np.int64]
    """The layer that each test text left at."""


@dataclass(frozen=True)
class _EarlyExit:
    """What both share: wish either `speedup` (layers run a text on average, counted on dev) or `least`, the share of the dev score that stays."""

    recipe: FineTuning = FineTuning()  # noqa: RUF009 (frozen)
    batch: int = 32
    repeats: int = 3
    seed: int = 0
    cites: ClassVar[tuple[str, ...]] = ()

    def __call__(
        self,
        whole: Encoder,
        task: Task,
        *,
        speedup: float | None = None,
        least: float | None = None,
        progress: Progress = lambda what, done, total: None,
    ) -> Exiting:
        """A copy with exits. Raises BadRequest for a wish that cannot be met, NotApplicable for tasks without classes where they are due."""
        if (speedup is None) == (least is None):
            raise BadRequest("an early exit needs one wish.", "Give a speed-up or the least share of the score.")
        trained = self.trained(whole, task, progress)
        rule = chosen(trained, task, self.rules, speedup=speedup, least=least)
        return reported(trained, task, rule, batch=self.batch, repeats=self.repeats)

    def trained(self, whole: Encoder, task: Task, progress: Progress = lambda what, done, total: None) -> Encoder:
        """A copy whose ramps have learnt, without a rule."""
        start = with_ramps(whole, task, self.seed)
        recipe = replace(self.recipe, techniques=(*self.recipe.techniques, self._technique()))
        tuned = finetune(start, task, recipe, seeds=(self.seed,), progress=progress).best.model
        return replace(start, model=tuned, _encoded={})

    def rules(self, logits: Float[Tensor, "layer batch label"]) -> list[Rule]:
        raise NotImplementedError

    def _technique(self) -> Technique:
        raise NotImplementedError


@dataclass(frozen=True)
class DeeBERT(_EarlyExit):
    """Give it a tuned model: its ramps learn while the rest is frozen (the second stage of Xin et al. 2020), then exit by entropy."""

    cites: ClassVar = ("xin-2020",)

    def trained(self, whole: Encoder, task: Task, progress: Progress = lambda what, done, total: None) -> Encoder:
        if task.kind == "regression":
            raise NotApplicable(f"{task.name} has numbers for labels, and numbers have no entropy: take PABEE")
        if not made_for(whole, task):
            raise BadRequest(f"{whole.name} is not tuned for {task.name}.", "Fine-tune it first, or take PABEE.")
        return super().trained(whole, task, progress)

    def rules(self, logits: Float[Tensor, "layer batch label"]) -> list[Rule]:
        """A rule between every two of up to 200 entropies that were seen."""
        spread = torch.log_softmax(logits[:-1].float(), -1)
        seen = np.unique(-(spread.exp() * spread).sum(-1).cpu().numpy())
        few = np.unique(np.quantile(seen, np.linspace(0, 1, 200), method="nearest"))
        return [Rule("entropy", float(x)) for x in (*few, np.nextafter(few[-1], np.inf) + 1e-6)]

    def _technique(self) -> Technique:
        return RampLoss(frozen=True)


@dataclass(frozen=True)
class PABEE(_EarlyExit):
    """Give it a tuned model or an encoder: all classifiers learn together, that of layer j weighted by j (Zhou et al. 2020b, eq. 5), then
    exit by patience. For numbers the margin is chosen on dev with the patience."""

    cites: ClassVar = ("zhou-2020b",)

    def rules(self, logits: Float[Tensor, "layer batch label"]) -> list[Rule]:
        patience = range(1, max(len(logits) - 1, 2))
        if logits.shape[-1] > 1:
            return [Rule("patience", 0.0, p) for p in patience]
        steps = (logits[1:] - logits[:-1]).abs().float().cpu().numpy()
        margins = np.unique(np.quantile(steps, np.linspace(0.05, 1, 20)))
        return [Rule("patience", float(m), p) for p in patience for m in margins]

    def _technique(self) -> Technique:
        return RampLoss(frozen=False)


@dataclass(frozen=True)
class RampLoss(Technique):
    """Trains a model with ramps. `frozen`: the ramps alone, by the sum of their losses; else all, by sum_j j loss_j / sum_j j."""

    cites: ClassVar = ("xin-2020", "zhou-2020b")
    frozen: bool = False

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        if not isinstance(tuning.model, Exits):
            raise BadRequest(f"{tuning.encoder.name} has no ramps.", "Give it some: with_ramps(encoder, task).")
        if self.frozen:
            for name, p in model.named_parameters():
                p.requires_grad_(name.startswith("ramps."))
        note = lambda module, args, output: tuning.memory.update(exits=output.exits)
        tuning.memory["ramps"] = model.register_forward_hook(note)

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        each = [loss_of(said, batch.labels, tuning.task) for said in tuning.memory["exits"]]
        if self.frozen:
            return torch.stack(each).sum()
        weighted = [j * part for j, part in enumerate((*each, loss), start=1)]
        return torch.stack(weighted).sum() / sum(range(1, len(weighted) + 1))

    def finish(self, tuning: Tuning) -> None:
        tuning.memory["ramps"].remove()
        tuning.model.requires_grad_(True)


def chosen(
    encoder: Encoder,
    task: Task,
    rules: Callable[[Tensor], list[Rule]],
    *,
    speedup: float | None = None,
    least: float | None = None,
) -> Rule:
    """Of the rules that a function makes of dev's logits: the best dev score at a speed-up, or the fastest of at least a share of the
    whole's dev score. Raises BadRequest, with what can be had."""
    logits = said_by_layer(encoder, task)
    n, tried = len(logits), []
    whole = _score(logits[-1], task, "dev")
    for rule in rules(logits):
        depths = rule.depths(logits)
        score = _score(logits[torch.as_tensor(depths) - 1, torch.arange(len(depths))], task, "dev")
        tried.append((rule, n / depths.mean(), score))
    if speedup is not None:
        able = [t for t in tried if t[1] >= speedup]
        if not able:
            most = max(t[1] for t in tried)
            raise BadRequest(
                f"exits run at most {most:.2f} times fewer layers here, {speedup:g} was asked.", "Ask for less."
            )
        return max(able, key=lambda t: (t[2], -t[1]))[0]
    able = [t for t in tried if t[2] >= float(least or 0) * whole]
    if not able:
        best = max(t[2] for t in tried)
        raise BadRequest(
            f"with exits dev scores {best:.3f} at best, {least:g} of {whole:.3f} was asked.", "Ask for a smaller share."
        )
    return max(able, key=lambda t: (t[1], t[2]))[0]


def reported(encoder: Encoder, task: Task, rule: Rule, *, batch: int = 32, repeats: int = 3) -> Exiting:
    """The encoder with the rule, and what it does on dev and test; time is measured on test, padded batches of texts of similar length."""
    exiting = with_rule(encoder, rule)
    logits = said_by_layer(encoder, task)
    depths = rule.depths(logits)
    picked = logits[torch.as_tensor(depths) - 1, torch.arange(len(depths))]
    dev = _kept(picked, logits[-1], depths, len(logits), float("nan"), task, "dev")
    logits = said_by_layer(encoder, task, "test")
    lines = encoded(encoder, task, task.test)
    given = list(batches(lines, task, batch, encoder.tokenizer.pad_token_id or 0, encoder.device))
    depths, said = np.zeros(len(lines), dtype=np.int64), torch.zeros(logits.shape[1:])
    with torch.inference_mode():
        for one in given:
            output: Any = exiting.model(**one.inputs)
            depths[one.index], said[one.index] = output.layers.cpu().numpy(), output.logits.float().cpu()
    full = with_rule(encoder, None).model
    # ramps that a whole model would not have do not run in it
    runs = (lambda inputs: super(Exits, full).forward(**inputs), lambda inputs: exiting.model(**inputs))  # type: ignore[misc]
    taken = [seconds(over(run, given), repeats=repeats) for run in runs]
    test = _kept(said, logits[-1], depths, len(logits), taken[0] / taken[1], task, "test")
    return Exiting(exiting, rule, dev, test, depths)


def _kept(
    said: Tensor, whole: Tensor, depths: NDArray[np.int64], n: int, measured: float, task: Task, part: str
) -> Kept:
    mean = float(depths.mean())
    return Kept(_score(said, task, part), _score(whole, task, part), mean, n / mean, measured)


def _score(logits: Float[Tensor, "batch label"], task: Task, part: str) -> float:
    said = logits[:, 0].tolist() if task.kind == "regression" else [task.labels[k] for k in logits.argmax(-1)]
    return Scored(np.array(said, dtype=object), getattr(task, part), task).score()


__all__ = ["PABEE", "DeeBERT", "Exiting", "Kept", "RampLoss", "Rule", "chosen", "reported", "with_ramps", "with_rule"]
