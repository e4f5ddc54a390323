"""Fine-tuning with techniques as parts: several seeds, a score on held-out text with its spread and interval."""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, BadWeights, ForeignRun, NotFinite
from bertology.record.estimate import Estimate
from bertology.record.folder import disk, whole
from bertology.train.classifier import Labelled, Scored, batches, classifier, encoded, evaluate
from bertology.train.engine import Engine
from bertology.train.optimizer import Schedule, set_rate
from bertology.train.recipe import plain
from bertology.train.task import Task
from bertology.train.techniques.rates import optimizer_of
from bertology.train.techniques.technique import Technique, Tuning

Progress = Callable[[str, int, int], None]
Lines = dict[str, list[dict[str, list[int]]]]
"""The encoded examples of train, dev and test."""


@dataclass(frozen=True)
class FineTuning:
    """A recipe: the standard one (Devlin et al. 2019) is its defaults; techniques act in order.

    `rate` is the peak for all trained parameters, `head_rate` that of the head (and pooler) where it differs; `keep` "best" returns to
    the epoch with the best dev score, "last" does not. Without `bias_correction` the optimizer is BERT's original one.
    """

    name: str = "standard"
    cites: tuple[str, ...] = ("devlin-2019",)
    techniques: tuple[Technique, ...] = ()
    epochs: float = 3
    batch: int = 32
    rate: float = 5e-5
    head_rate: float | None = None
    decay: float = 0.01
    bias_correction: bool = True
    schedule: Schedule = field(default_factory=lambda: Schedule(0.1))
    clip: float = 1.0
    keep: Literal["best", "last"] = "last"
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.batch < 1 or self.rate <= 0:
            found = f"{self.name}: {self.epochs:g} epochs, batches of {self.batch}, a rate of {self.rate:g}."
            raise BadRequest(found, "All must be above 0.")

    @property
    def plain(self) -> bool:
        """Whether the tuned model is transformers' own: no technique stays in it."""
        return all(technique.plain for technique in self.techniques)


class Outcome(NamedTuple):
    """One seed: its test scores by example, its dev score at each epoch, seconds, parameters that ever moved, and the model (None
    where it was not kept)."""

    seed: int
    scores: NDArray[np.float64]
    predictions: NDArray[Any]
    dev: list[float]
    seconds: float
    trained: int
    model: nn.Module | None

    def score(self, task: Task) -> float:
        """The test score in the task's measure."""
        return Scored(self.predictions, task.test, task).score()


class Tuned(NamedTuple):
    """All seeds of a recipe on a task. `estimate` has the mean over seeds; its interval resamples seeds and test examples."""

    recipe: FineTuning
    task: Task
    outcomes: list[Outcome]
    estimate: Estimate
    spread: float
    """Standard deviation over seeds; nan for one seed."""

    @property
    def best(self) -> Outcome:
        """The seed whose model scores best on dev."""
        return max(self.outcomes, key=lambda o: dev_score(self.recipe, o))


def finetune(
    encoder: Encoder,
    task: Task,
    recipe: FineTuning | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    order_seeds: Sequence[int] | None = None,
    models: Literal["best", "all"] = "best",
    progress: Progress = lambda what, done, total: None,
) -> Tuned:
    """Fine-tunes a copy of the encoder once for each seed; the encoder itself is never changed.

    A seed draws the head, the dropout masks and, unless `order_seeds` gives others, the order of the data. Scores are accuracy,
    span F1 for token tasks with B-/I- tags (accuracy for other tags), Spearman's correlation for regression. The model of the best seed
    on dev is kept, or with `models="all"` every seed's.
    """
    recipe = recipe or FineTuning()
    numbers = seed_numbers(seeds)
    orders = numbers if order_seeds is None else list(order_seeds)
    if len(orders) != len(numbers):
        raise BadRequest(f"{len(numbers)} seeds and {len(orders)} order seeds.", "Give as many of one as of the other.")
    lines = encoded_parts(encoder, task)
    outcomes: list[Outcome] = []
    for k, (seed, order) in enumerate(zip(numbers, orders, strict=True)):
        note = lambda done, total, k=k: progress(f"{recipe.name}, seed {k + 1} of {len(numbers)}", done, total)
        outcomes.append(one_seed(encoder, task, recipe, lines, seed, order, note))
        if models == "best":
            best = max(outcomes, key=lambda o: dev_score(recipe, o))
            outcomes = [o if o is best else o._replace(model=None) for o in outcomes]
    return Tuned(recipe, task, outcomes, *interval(outcomes, task))


def one_seed(
    encoder: Encoder, task: Task, recipe: FineTuning, lines: Lines, seed: int, order: int,
    note: Callable[[int, int], None] = lambda done, total: None, *, stop_after: float = math.inf,
) -> Outcome:  # fmt: skip
    """One run. `stop_after` ends it after that share of its steps, the schedule unchanged."""
    run = Run(encoder, task, recipe, lines, seed, order, note)
    run.go(stop_after)
    return run.finish()


class Run:
    """One seed's training, which can pause: `go` to a share of the steps, `score_dev`, go on, `finish` or let it fall.

    It has a random state of its own, so that pausing changes nothing and the caller's state stays.
    """

    def __init__(
        self, encoder: Encoder, task: Task, recipe: FineTuning, lines: Lines, seed: int, order: int,
        note: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:  # fmt: skip
        self.encoder, self.task, self.recipe, self.lines, self.seed, self.order = (
            encoder,
            task,
            recipe,
            lines,
            seed,
            order,
        )
        self.note = note
        self.pad = encoder.tokenizer.pad_token_id or 0
        self.dev: list[float] = []
        self.seconds, self.ended = 0.0, False
        self.moved: dict[str, int] = {}
        self.best: tuple[float, dict[str, torch.Tensor]] | None = None
        model: Any = classifier(encoder, task, seed)
        initial = {n: p.detach().clone() for n, p in model.named_parameters()}
        self.tuning = Tuning(model, encoder, task, seed, initial, recipe.techniques)
        self.dice: list[torch.Tensor] | None = None
        with self._own_dice():
            for technique in recipe.techniques:
                technique.prepare(self.tuning)
            self.optimizer = optimizer_of(self.tuning, recipe)
        per_epoch = math.ceil(len(lines["train"]) / recipe.batch)
        self.total, self.step = max(1, round(recipe.epochs * per_epoch)), 0
        self.steps = self._training()

    def go(self, until: float = math.inf) -> None:
        """Trains up to a share of all steps; dev is scored at the end of each epoch."""
        started = time.perf_counter()
        with self._own_dice():
            while not self.ended and self.step < until * self.total:
                self.ended = next(self.steps, None) is None
        self.seconds += time.perf_counter() - started

    def finish(self) -> Outcome:
        """Scores dev unless an epoch has just ended, merges what is to be merged, and scores the test part."""
        model, started = self.tuning.model, time.perf_counter()
        if not self.ended:
            self._keep_dev()
        if self.best is not None:
            model.load_state_dict(self.best[1])
        for technique in reversed(self.recipe.techniques):
            technique.finish(self.tuning)
        for technique in self.recipe.techniques:
            technique.alter(self.tuning)
        seconds = self.seconds + time.perf_counter() - started
        scores, said = evaluate(model, self.lines["test"], self.task, self.pad, self.encoder.device, self.task.test)
        return Outcome(self.seed, scores, said, self.dev, seconds, sum(self.moved.values()), model.eval())

    def _training(self) -> Iterator[int]:
        recipe, tuning, task = self.recipe, self.tuning, self.task
        epochs = math.ceil(self.total / math.ceil(len(self.lines["train"]) / recipe.batch))
        autocast = Engine(recipe.precision).autocast(self.encoder.device)
        for epoch in range(epochs):
            for technique in recipe.techniques:
                technique.epoch(tuning, epoch, epochs)
            self.moved |= {n: p.numel() for n, p in tuning.model.named_parameters() if p.requires_grad}
            orders = (t.order(tuning, self.lines["train"], epoch) for t in recipe.techniques)
            fixed = next((o for o in orders if o is not None), None)
            rng = np.random.default_rng([self.order, epoch])
            for batch in batches(self.lines["train"], task, recipe.batch, self.pad, self.encoder.device, rng, fixed):
                if self.step >= self.total:
                    break
                tuning.model.train()
                set_rate([self.optimizer], recipe.schedule.factor(self.step / self.total))
                with autocast:
                    self._gradients(batch)
                norm = nn.utils.clip_grad_norm_([p for p in tuning.model.parameters() if p.requires_grad], recipe.clip)
                if not math.isfinite(float(norm)):
                    raise NotFinite(
                        f"{recipe.name} on {task.name}: the gradient of step {self.step} is {float(norm)}.",
                        "Lower the learning rate.",
                    )
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
                self.step += 1
                for technique in recipe.techniques:
                    technique.after_step(tuning, self.step / self.total)
                self.note(self.step, self.total)
                yield self.step
            self._keep_dev()

    def _gradients(self, batch: Labelled) -> None:
        if not any(t.backward(self.tuning, batch) for t in self.recipe.techniques):
            self.tuning.loss(batch, self.tuning.logits(batch)).backward()

    def score_dev(self) -> float:
        """The dev score of the model as it is."""
        model = self.tuning.model
        _, said = evaluate(model, self.lines["dev"], self.task, self.pad, self.encoder.device, self.task.dev)
        return Scored(said, self.task.dev, self.task).score()

    def _keep_dev(self) -> None:
        self.dev.append(self.score_dev())
        if self.recipe.keep == "best" and (self.best is None or self.dev[-1] > self.best[0]):
            state = self.tuning.model.state_dict()
            self.best = self.dev[-1], {n: t.detach().clone() for n, t in state.items()}

    @contextmanager
    def _own_dice(self) -> Iterator[None]:
        """The run's own random state on every device, kept from one call to the next."""
        devices = [self.encoder.device] if self.encoder.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if self.dice is None:
                torch.manual_seed(self.seed)
            else:
                torch.set_rng_state(self.dice[0])
                for device, state in zip(devices, self.dice[1:], strict=True):
                    torch.cuda.set_rng_state(state, device)
            yield
            self.dice = [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


def encoded_parts(encoder: Encoder, task: Task) -> Lines:
    return {part: encoded(encoder, task, getattr(task, part)) for part in ("train", "dev", "test")}


def seed_numbers(seeds: int | Sequence[int]) -> list[int]:
    """0 to n - 1 of a number n, or the seeds given. Raises BadRequest when there is none."""
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not numbers:
        raise BadRequest("no seed was given.", "Give --seeds 1 or more.")
    return numbers


def dev_score(recipe: FineTuning, outcome: Outcome) -> float:
    """The dev score of the model that a run ended with."""
    return max(outcome.dev) if recipe.keep == "best" else outcome.dev[-1]


def interval(outcomes: Sequence[Outcome], task: Task, *, draws: int = 400, seed: int = 0) -> tuple[Estimate, float]:
    """The mean over seeds with a 95 % interval over seeds and test examples, and the standard deviation over seeds."""
    scored = [Scored(o.predictions, task.test, task) for o in outcomes]
    values = [s.score() for s in scored]
    rng = np.random.default_rng([seed, 11])
    n = len(task.test)
    drawn = []
    for _ in range(draws):
        pick = rng.integers(n, size=n)
        some = rng.integers(len(scored), size=len(scored))
        drawn.append(np.mean([scored[k].score(pick) for k in some]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    method = f"mean of {len(outcomes)} seeds; bootstrap over seeds and test examples"
    estimate = Estimate(float(np.mean(values)), float(low), float(high), n, task.measure, method)
    return estimate, float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def save(tuned: Tuned, encoder: Encoder, out: str | Path) -> Path:
    """The best seed's model on dev, and `finetuning.json` with the scores of all seeds.

    `model/` is for transformers, and is read again and compared before it stays. A model that a technique stays in
    (`recipe.plain` is False) goes to `state.safetensors` instead, for `restored`: transformers would load it without the
    technique. Raises ForeignRun, and BadWeights when what was written loads to other logits.
    """
    place = Path(out)
    identity = {
        "encoder": encoder.fingerprint, "task": tuned.task.name, "recipe": plain(tuned.recipe), "seeds": [o.seed for o in tuned.outcomes],
    }  # fmt: skip
    check_place(place, identity)
    model: Any = tuned.best.model
    with disk(place):
        place.mkdir(parents=True, exist_ok=True)
        if tuned.recipe.plain:
            _save_plain(model, encoder, tuned.task, place / "model")
        else:
            state = {name: t.detach().cpu().clone().contiguous() for name, t in model.state_dict().items()}
            with whole(place / "state.safetensors") as part:
                save_file(state, part)
        staying = sorted({type(t).__name__ for t in tuned.recipe.techniques if not t.plain})
        content = {
            "identity": identity, "estimate": tuned.estimate.to_json(), "spread": tuned.spread if math.isfinite(tuned.spread) else None, "majority": tuned.task.majority,
            "model": "model" if tuned.recipe.plain else "state.safetensors", "best": tuned.best.seed, "labels": tuned.task.labels, "staying": staying,
            "seeds": [
                {"seed": o.seed, "score": o.score(tuned.task), "dev": o.dev, "seconds": round(o.seconds, 2), "trained": o.trained}
                for o in tuned.outcomes
            ],
            "dropped": dict(tuned.task.dropped),
        }  # fmt: skip
        with whole(place / "finetuning.json") as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return place


def restored(encoder: Encoder, task: Task, recipe: FineTuning, place: str | Path) -> nn.Module:
    """The model that `save` put into state.safetensors, techniques included. Raises ForeignRun for another encoder, task or recipe."""
    folder = Path(place)
    if not (folder / "finetuning.json").is_file() or not (folder / "state.safetensors").is_file():
        raise BadRequest(f"{folder} holds no state.safetensors.", "A plain model is in model/, for transformers.")
    content = json.loads((folder / "finetuning.json").read_text(encoding="utf-8"))
    asked = {"encoder": encoder.fingerprint, "recipe": plain(recipe), "labels": list(task.labels)}
    differing = [k for k in asked if ({**content["identity"], "labels": content["labels"]})[k] != asked[k]]
    if differing:
        raise ForeignRun(
            f"{folder} holds a model of another {' and '.join(differing)}.", "Give those it was saved with."
        )
    model: Any = classifier(encoder, task, content["best"])
    tuning = Tuning(model, encoder, task, content["best"], dict(model.named_parameters()), recipe.techniques)
    with torch.random.fork_rng(devices=[]):
        for technique in recipe.techniques:
            technique.prepare(tuning)
        for technique in reversed(recipe.techniques):
            technique.finish(tuning)
    model.load_state_dict(load_file(folder / "state.safetensors"))
    return model.to(encoder.device).requires_grad_(False).eval()


def _save_plain(model: Any, encoder: Encoder, task: Task, folder: Path) -> None:
    """Written beside, loaded, compared on some dev examples, then moved to its place."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    encoder.tokenizer.save_pretrained(part)
    auto = AutoModelForTokenClassification if task.kind == "token" else AutoModelForSequenceClassification
    again: Any = auto.from_pretrained(part).to(encoder.device).eval()
    pad = encoder.tokenizer.pad_token_id or 0
    batch = next(batches(encoded(encoder, task, task.dev[:8]), task, 8, pad, encoder.device))
    with torch.inference_mode():
        here, there = model.eval()(**batch.inputs).logits.float(), again(**batch.inputs).logits.float()
    if not torch.allclose(here, there, rtol=1e-4, atol=1e-5):
        off = float((here - there).abs().max())
        shutil.rmtree(part, ignore_errors=True)
        raise BadWeights(
            f"transformers loads the saved model to other logits, {off:.2g} apart.",
            "A technique stays in the model: say so with `plain = False`, so that its state is saved instead.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def check_place(place: Path, identity: dict[str, Any]) -> None:
    """Raises ForeignRun when a folder holds something else than this fine-tuning."""
    file = place / "finetuning.json"
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))["identity"]
        differing = sorted(key for key in identity if before.get(key) != identity[key])
        if differing:
            raise ForeignRun(
                f"{place} holds a fine-tuning with another {' and '.join(differing)}.", "Give another --out."
            )
    elif place.is_dir() and any(place.iterdir()):
        raise ForeignRun(f"{place} is not empty and holds no fine-tuning.", "Give an empty or new folder as --out.")


__all__ = ["FineTuning", "Outcome", "Run", "Tuned", "finetune", "interval", "one_seed", "restored", "save"]
