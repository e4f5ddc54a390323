"""Fine-tuning with techniques as parts: several seeds, a score on held-out text with its spread and interval."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, ForeignRun, NotFinite
from bertology.record.estimate import Estimate
from bertology.record.folder import disk, whole
from bertology.train.classifier import Labelled, batches, classifier, encoded, layer_of, loss_of
from bertology.train.draft import IGNORED
from bertology.train.engine import Engine
from bertology.train.optimizer import AdamW, Schedule, set_rate
from bertology.train.recipe import plain
from bertology.train.task import Example, Task
from bertology.train.techniques.technique import Technique, Tuning

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FineTuning:
    """A recipe: the standard one (Devlin et al. 2019) is its defaults; techniques act in order.

    `rate` is the peak for all trained parameters, `head_rate` that of the new head where it differs; `keep` "best" returns to
    the epoch with the best dev score, "last" does not.
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


class Outcome(NamedTuple):
    """One seed: its test scores by example, its dev score at each epoch, seconds, trained parameters, and the model."""

    seed: int
    scores: NDArray[np.float64]
    predictions: NDArray[Any]
    dev: list[float]
    seconds: float
    trained: int
    model: nn.Module

    def score(self, task: Task) -> float:
        return summary(self.scores, self.predictions, task)


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
        """The seed with the best last dev score."""
        return max(self.outcomes, key=lambda o: o.dev[-1])


def finetune(
    encoder: Encoder,
    task: Task,
    recipe: FineTuning | None = None,
    *,
    seeds: int | Sequence[int] = 1,
    order_seeds: Sequence[int] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Tuned:
    """Fine-tunes a copy of the encoder once for each seed; the encoder itself is never changed.

    A seed draws the head, the dropout masks and, unless `order_seeds` gives others, the order of the data. Scores are accuracy,
    span F1 for token tasks with B-/I- tags (accuracy for other tags), Spearman's correlation for regression.
    """
    recipe = recipe or FineTuning()
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if not numbers:
        raise BadRequest("no seed was given.", "Give --seeds 1 or more.")
    lines = {part: encoded(encoder, task, getattr(task, part)) for part in ("train", "dev", "test")}
    orders = numbers if order_seeds is None else list(order_seeds)
    outcomes = []
    for k, (seed, order) in enumerate(zip(numbers, orders, strict=True)):
        note = lambda done, total, k=k: progress(f"{recipe.name}, seed {k + 1} of {len(numbers)}", done, total)
        outcomes.append(one_seed(encoder, task, recipe, lines, seed, order, note))
    return Tuned(recipe, task, outcomes, *interval(outcomes, task))


def one_seed(
    encoder: Encoder, task: Task, recipe: FineTuning, lines: dict[str, list[dict[str, list[int]]]], seed: int, order: int,
    note: Callable[[int, int], None] = lambda done, total: None, *, stop_after: float = math.inf,
) -> Outcome:  # fmt: skip
    """One run. `stop_after` ends it after that share of its steps, the schedule unchanged (for racing seeds)."""
    model: Any = classifier(encoder, task, seed)
    tuning = Tuning(model, encoder, task, seed, {n: p.detach().clone() for n, p in model.named_parameters()})
    torch.manual_seed(seed)
    for technique in recipe.techniques:
        technique.prepare(tuning)
    optimizer = _optimizer(tuning, recipe)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    pad = encoder.tokenizer.pad_token_id or 0
    per_epoch = math.ceil(len(lines["train"]) / recipe.batch)
    total, step, dev, best = max(1, round(recipe.epochs * per_epoch)), 0, [], None
    started = time.perf_counter()
    autocast = Engine(recipe.precision).autocast(encoder.device)
    for epoch in range(math.ceil(recipe.epochs)):
        model.train()
        for technique in recipe.techniques:
            technique.epoch(tuning, epoch, math.ceil(recipe.epochs))
        fixed = next((o for t in recipe.techniques if (o := t.order(tuning, lines["train"], epoch)) is not None), None)
        rng = np.random.default_rng([order, epoch])
        for batch in batches(lines["train"], task, recipe.batch, pad, encoder.device, rng, fixed):
            if step >= min(total, stop_after * total):
                break
            set_rate([optimizer], recipe.schedule.factor(step / total))
            with autocast:
                _gradients(tuning, recipe, batch)
            norm = nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], recipe.clip)
            if not math.isfinite(float(norm)):
                raise NotFinite(
                    f"{recipe.name} on {task.name}: the gradient of step {step} is {float(norm)}.",
                    "Lower the learning rate.",
                )
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            for technique in recipe.techniques:
                technique.after_step(tuning)
            step += 1
            note(step, total)
        dev.append(summary(*evaluate(model, lines["dev"], task, pad, encoder.device, task.dev), task))
        if recipe.keep == "best" and (best is None or dev[-1] > best[0]):
            best = dev[-1], {n: t.detach().clone() for n, t in model.state_dict().items()}
    if best is not None:
        model.load_state_dict(best[1])
    for technique in recipe.techniques:
        technique.finish(tuning)
    seconds = time.perf_counter() - started
    scores, predictions = evaluate(model, lines["test"], task, pad, encoder.device, task.test)
    return Outcome(seed, scores, predictions, dev, seconds, trained, model.eval())


def evaluate(
    model: Any,
    lines: list[dict[str, list[int]]],
    task: Task,
    pad: int,
    device: torch.device,
    examples: Sequence[Example],
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Per example: whether it is right (share of right words for token tasks, squared error for regression), and what was said."""
    scores, said = np.zeros(len(lines)), np.empty(len(lines), dtype=object)
    model.eval()
    with torch.inference_mode():
        for batch in batches(lines, task, 64, pad, device):
            logits = model(**batch.inputs).logits
            for row, i in enumerate(batch.index):
                if task.kind == "regression":
                    said[i] = float(logits[row, 0])
                    scores[i] = (said[i] - float(batch.labels[row])) ** 2
                elif task.kind == "token":
                    where = batch.labels[row] != IGNORED
                    guess = logits[row][where].argmax(-1)
                    said[i] = tuple(task.labels[int(g)] for g in guess)
                    scores[i] = float((guess == batch.labels[row][where]).double().mean()) if int(where.sum()) else 1.0
                else:
                    said[i] = task.labels[int(logits[row].argmax())]
                    scores[i] = float(said[i] == examples[i].label)
    return scores, said


def summary(
    scores: NDArray[np.float64], said: NDArray[Any], task: Task, pick: NDArray[np.int64] | None = None
) -> float:
    """Accuracy, span F1 or Spearman's correlation over the test (or, if the sizes say so, dev) examples; `pick` resamples them."""
    examples = task.test if len(said) == len(task.test) else task.dev
    pick = np.arange(len(said)) if pick is None else pick
    if task.kind == "regression":
        from scipy.stats import spearmanr

        return float(spearmanr([said[i] for i in pick], [examples[i].label for i in pick]).statistic)
    if task.kind == "token" and any(x.startswith(("B-", "I-")) for x in task.labels):
        return _span_f1([said[i] for i in pick], [examples[i].label for i in pick])
    if task.kind == "token":
        right = sum(g == t for i in pick for g, t in zip(said[i], examples[i].label, strict=False))
        return right / max(1, sum(len(said[i]) for i in pick))
    return float(scores[pick].mean())


def interval(outcomes: Sequence[Outcome], task: Task, *, draws: int = 400, seed: int = 0) -> tuple[Estimate, float]:
    """The mean over seeds with a 95 % interval over seeds and test examples, and the standard deviation over seeds."""
    values = [o.score(task) for o in outcomes]
    rng = np.random.default_rng([seed, 11])
    n = len(task.test)
    drawn = []
    for _ in range(draws):
        pick = rng.integers(n, size=n)
        some = rng.integers(len(outcomes), size=len(outcomes))
        drawn.append(np.mean([summary(outcomes[k].scores, outcomes[k].predictions, task, pick) for k in some]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    unit = {
        "regression": "Spearman's rho",
        "token": "F1" if any(x.startswith("B-") for x in task.labels) else "accuracy",
    }
    method = f"mean of {len(outcomes)} seeds; bootstrap over seeds and test examples"
    estimate = Estimate(float(np.mean(values)), float(low), float(high), n, unit.get(task.kind, "accuracy"), method)
    return estimate, float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def save(tuned: Tuned, encoder: Encoder, out: str | Path) -> Path:
    """`model/` (the best seed on dev, for transformers) and `finetuning.json` (scores of all seeds). Raises ForeignRun."""
    place = Path(out)
    identity = {
        "encoder": encoder.fingerprint,
        "task": tuned.task.name,
        "recipe": plain(tuned.recipe),
        "seeds": [o.seed for o in tuned.outcomes],
    }
    check_place(place, identity)
    with disk(place):
        place.mkdir(parents=True, exist_ok=True)
        model: Any = tuned.best.model
        model.save_pretrained(place / "model")
        encoder.tokenizer.save_pretrained(place / "model")
        content = {
            "identity": identity, "estimate": tuned.estimate.to_json(), "spread": _json_number(tuned.spread), "majority": _json_number(tuned.task.majority),
            "seeds": [
                {"seed": o.seed, "score": o.score(tuned.task), "dev": o.dev, "seconds": round(o.seconds, 2), "trained": o.trained}
                for o in tuned.outcomes
            ],
            "dropped": dict(tuned.task.dropped),
        }  # fmt: skip
        with whole(place / "finetuning.json") as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return place


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


def _gradients(tuning: Tuning, recipe: FineTuning, batch: Labelled) -> None:
    if any(t.backward(tuning, batch) for t in recipe.techniques):
        return
    logits = tuning.logits(batch)
    loss = loss_of(logits, batch.labels, tuning.task)
    for technique in recipe.techniques:
        loss = technique.loss(tuning, batch, logits, loss)
    loss.backward()


def _optimizer(tuning: Tuning, recipe: FineTuning) -> torch.optim.Optimizer:
    """One group a (depth, decayed or not); rates are peak x what the techniques say of the depth.

    All parameters get a group, frozen ones too, so that gradual unfreezing needs no new optimizer.
    """
    head, groups = tuning.encoder.n_layers + 1, {}
    for name, p in tuning.model.named_parameters():
        depth = layer_of(name, tuning.encoder)
        groups.setdefault((depth, p.ndim >= 2 and "embed" not in name.lower()), []).append(p)
    made = []
    for (depth, decayed), params in sorted(groups.items()):
        peak = recipe.head_rate if depth == head and recipe.head_rate is not None else recipe.rate
        for technique in recipe.techniques:
            peak *= technique.rate(tuning, depth)
        made.append({"params": params, "weight_decay": recipe.decay if decayed else 0.0, "peak": peak})
    if not recipe.bias_correction:
        return _UncorrectedAdam(made, recipe.rate)
    template = AdamW(recipe.rate)
    return torch.optim.AdamW(made, lr=recipe.rate, betas=template.betas, eps=template.epsilon)


class _UncorrectedAdam(torch.optim.AdamW):
    """BERT's original optimizer: Adam without bias correction (what Mosbach et al. 2021 advise against)."""

    def __init__(self, groups: list[dict[str, Any]], rate: float) -> None:
        super().__init__(groups, lr=rate, betas=(0.9, 0.999), eps=1e-6)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state.update(exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
                state["exp_avg"].lerp_(p.grad, 1 - b1)
                state["exp_avg_sq"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(group["eps"]), value=-group["lr"])


def _span_f1(said: Sequence[Sequence[str]], true: Sequence[Sequence[str]]) -> float:
    """Micro F1 of spans in BIO tags, as conlleval counts them."""
    found = [set(_spans(s)) for s in said]
    gold = [set(_spans(t[: len(s)])) for s, t in zip(said, true, strict=True)]
    hits, n_found, n_gold = (
        sum(len(f & g) for f, g in zip(found, gold, strict=True)),
        sum(map(len, found)),
        sum(map(len, gold)),
    )
    return 2 * hits / (n_found + n_gold) if n_found + n_gold else 0.0


def _spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    spans: list[tuple[int, int, str]] = []
    start, kind = -1, ""
    for k, tag in enumerate([*tags, "O"]):
        begins = tag.startswith("B-") or (tag.startswith("I-") and tag[2:] != kind)
        if kind and (begins or not tag.startswith("I-")):
            spans.append((start, k, kind))
            kind = ""
        if begins:
            start, kind = k, tag[2:]
    return spans


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None


__all__ = ["FineTuning", "Outcome", "Tuned", "evaluate", "finetune", "interval", "one_seed", "save", "summary"]
