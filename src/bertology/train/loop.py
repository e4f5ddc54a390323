"""The loop of pre-training: one update after another, checkpoints, going on, sharing a step among processes.

Every example is a function of (seed, epoch, number) and every random draw of (seed, step), so an update needs nothing but its
number: a run that was killed and goes on ends with the same weights, bit by bit on a CPU.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bertology.encoder.backend import set_attention
from bertology.record.errors import BadRequest, NotFinite
from bertology.train import checkpoint
from bertology.train.batch import TrainingBatch, collate
from bertology.train.checkpoint import writing
from bertology.train.draft import Source, Symbols
from bertology.train.engine import Engine, fastest
from bertology.train.material import Material
from bertology.train.objectives.objective import draft
from bertology.train.optimizer import named_parameters, set_rate
from bertology.train.reading import Reading
from bertology.train.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True)
class Budget:
    """Tokens or seconds; `progress` is the share that is spent."""

    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not all(given is None or 0 < given < math.inf for given in (self.tokens, self.seconds)):
            raise BadRequest("a training budget must be positive.", "Give --tokens 50M or --minutes 60.")

    def progress(self, tokens: int, seconds: float) -> float:
        spent = tokens / self.tokens if self.tokens is not None else seconds / (self.seconds or 1.0)
        return min(1.0, spent)


@dataclass(eq=False)
class Run:
    """A pre-training under way: `start` begins or goes on, `step` is one update, `keep` a checkpoint, `finish` publishes."""

    recipe: Recipe
    place: Path
    source: Source
    held_out: Source | None
    examples: Any
    tokenizer: Any
    worker: "Accelerator"
    seed: int
    engine: Engine
    micro_tokens: int
    model: PreTrainedModel
    heads: nn.ModuleDict
    optimizers: list[torch.optim.Optimizer]
    budget: Budget
    trunk: Any = None
    layout: Any = None
    per_step: int = 0
    """Examples of the next update."""
    drawn: int = 0
    """Examples drawn so far."""
    at: float = 0.0
    """Share of the budget that was spent before the last update."""
    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    _mean_length: float = 0.0

    def __post_init__(self) -> None:
        self._mean_length = mean_length(self.examples)

    @classmethod
    def start(
        cls, recipe: Recipe, place: Path, made: Material, worker: "Accelerator",
        budget: Budget, seed: int, engines: list[Engine], compiled: bool, micro_tokens: int,
    ) -> "Run":  # fmt: skip
        tok, symbols = made.tokenizer, Symbols.of(made.tokenizer)
        model = recipe.architecture.build(tok, seed)
        for regime in recipe.regimes:
            model = regime.begin(model)
        model = model.to(worker.device).train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1)
            found = {str(k): o.head(model) for k, o in enumerate(recipe.objectives)}
        heads = nn.ModuleDict({k: h for k, h in found.items() if h is not None}).to(worker.device)
        run = cls(
            recipe, place, Source(made.stream, symbols), Source(made.held_out, symbols) if made.held_out else None,
            made.examples, tok, worker, seed, engines[0], micro_tokens, model, heads,
            recipe.optimizer.build(named_parameters(model, heads)), budget,
        )  # fmt: skip
        state = checkpoint.latest(place)
        if state is not None:
            run._restore(state)
        else:
            run._shape(0.0)
            batch = run._collated([run._draft(k) for k in range(run.per_step)])[0]
            run._use(
                fastest(engines, lambda engine: run._use(engine)._losses(batch)[1], worker)._replace(compiled=compiled)
            )
            model.zero_grad(set_to_none=True)
            heads.zero_grad(set_to_none=True)
        if worker.is_main_process:
            checkpoint.cut_log(place, run.steps)
        return run

    def _use(self, engine: Engine) -> "Run":
        self.engine = engine
        set_attention(self.model, engine.attention)
        self.trunk = torch.compile(self.model.base_model) if engine.compiled else self.model.base_model
        return self

    def _shape(self, at: float) -> None:
        """Model, layout and size of the next update as the regimes want them at a share of the budget."""
        layout, tokens, model = self.recipe.layout, self.recipe.tokens_per_step, self.model
        rng = np.random.default_rng([self.seed, 11, self.steps])
        for regime in self.recipe.regimes:
            layout, tokens, model = regime.layout(layout, at), regime.tokens(tokens, at), regime.step(model, at, rng)
        if layout != (self.layout or self.recipe.layout):
            self.examples = layout.examples(self.source.stream)
            self._epoch = None
            self._mean_length = mean_length(self.examples)
        self.layout, self.per_step = layout, max(1, round(tokens / self._mean_length))
        if model is not self.model:
            self.model = model.to(self.worker.device).train()
            self.optimizers = self.recipe.optimizer.build(named_parameters(self.model, self.heads))
            self._use(self.engine)

    def step(self, at: float) -> None:
        """One update at a share `at` of the budget."""
        started = time.perf_counter()
        self._shape(at)
        self._seed_torch(self.steps, self.worker.process_index)
        batches = self._batches()
        counts = self._counts(batches)
        rate = set_rate(self.optimizers, self.recipe.schedule.factor(at))
        sums = dict.fromkeys(counts, 0.0)  # a process without an example has the same parts
        for batch in batches:
            parts, loss = self._losses(batch, counts)
            if loss.requires_grad:
                loss.backward()
            for name, value in parts.items():
                sums[name] += value
        shared = self._share({**{f"loss {n}": v for n, v in sums.items()}, "tokens": sum(b.n_tokens for b in batches)})
        losses = {name: shared[f"loss {name}"] / max(n, 1) for name, n in counts.items()}
        self._share_gradients()
        norm = float(nn.utils.clip_grad_norm_(self._parameters(), self.recipe.clip))
        if not (math.isfinite(norm) and all(map(math.isfinite, losses.values()))):
            self._stop_not_finite(batches, losses, norm)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        weights = {n: w for o in self.recipe.objectives for n, w in o.weights().items()}
        self.loss = sum(weights[name] * value for name, value in losses.items())
        self.at = at
        self.steps += 1
        self.drawn += self.per_step
        self.tokens += int(shared["tokens"])
        self.seconds += self._share({"": time.perf_counter() - started})[""] / self.worker.num_processes
        self._log(
            step=self.steps,
            tokens=self.tokens,
            seconds=round(self.seconds, 2),
            rate=rate,
            norm=round(norm, 4),
            loss=self.loss,
            **losses,
        )

    def keep(self) -> None:
        """Scores the held-out text and writes a checkpoint, whole or not at all. Raises NotFinite sooner than keep such weights."""
        if not all(bool(torch.isfinite(p).all()) for p in self._parameters()):
            raise NotFinite(f"step {self.steps} left weights that are not finite.", _CALMER)
        if self.held_out is not None and self.worker.is_main_process:
            self._log(
                step=self.steps, tokens=self.tokens, **{f"valid {n}": v for n, v in self.held_out_losses().items()}
            )
        if self.worker.is_main_process:
            checkpoint.write(self.place, self.steps, self.model, self.tokenizer, self._state())
        self.worker.wait_for_everyone()

    def finish(self) -> None:
        """The last checkpoint's model as `model/`."""
        for regime in self.recipe.regimes:
            self.model = regime.end(self.model)
        if self.worker.is_main_process:
            checkpoint.publish(self.place, self.steps)
        self.worker.wait_for_everyone()

    def held_out_losses(self, *, most: int = 512) -> dict[str, float]:
        """Mean losses on at most `most` held-out examples, evenly spaced over the text: the same ones and masks at every call."""
        assert self.held_out is not None
        examples = self.recipe.layout.examples(self.held_out.stream)
        examples = [examples[k * len(examples) // most] for k in range(most)] if len(examples) > most else examples
        drafts = [
            draft(
                self.recipe.objectives,
                tuple((first, end) for first, end in e),
                self.held_out,
                np.random.default_rng([self.seed, 7, k]),
            )
            for k, e in enumerate(examples)
        ]
        sums: dict[str, float] = {}
        counts: dict[str, int] = {}
        self.model.eval()
        self.heads.eval()
        self._seed_torch(0, 0)  # a generator samples
        with torch.no_grad():  # inference mode would leave its tensors in weights that are tied while scoring
            for batch in self._collated(drafts):
                parts, _ = self._losses(batch)
                for name, value in parts.items():
                    sums[name] = sums.get(name, 0.0) + value
                for name, n in self._counts([batch], everywhere=False).items():
                    counts[name] = counts.get(name, 0) + n
        self.model.train()
        self.heads.train()
        return {name: value / max(counts[name], 1) for name, value in sums.items()}

    def _seed_torch(self, step: int, process: int) -> None:
        """Dropout and sampling, like the data, are functions of the step: going on needs no random state."""
        torch.manual_seed(int(np.random.SeedSequence([self.seed, 2, step, process]).generate_state(1)[0]))

    def _batches(self) -> list[TrainingBatch]:
        """This process's share of the next update."""
        numbers = range(self.drawn, self.drawn + self.per_step)
        mine = [k for k in numbers if k % self.worker.num_processes == self.worker.process_index]
        return self._collated([self._draft(k) for k in mine])

    def _draft(self, number: int) -> Any:
        epoch, k = divmod(number, len(self.examples))
        index = int(self._order(epoch)[k])
        turn = epoch if self.recipe.copies is None else epoch % self.recipe.copies
        pieces = tuple((int(a), int(b)) for a, b in self.examples[index])
        return draft(self.recipe.objectives, pieces, self.source, np.random.default_rng([self.seed, turn, index]))

    def _order(self, epoch: int) -> Any:
        """The order of examples in an epoch."""
        if getattr(self, "_epoch", None) != epoch:
            self._epoch, self._permutation = (
                epoch,
                np.random.default_rng([self.seed, epoch]).permutation(len(self.examples)),
            )
        return self._permutation

    def _collated(self, drafts: Sequence[Any]) -> list[TrainingBatch]:
        length = (self.layout or self.recipe.layout).length
        size = max(1, round(self.micro_tokens / self._mean_length))
        options = {
            "length": length,
            "pad": self.tokenizer.pad_token_id,
            "packed": self.recipe.packed,
        }
        chunks = (drafts[i : i + size] for i in range(0, len(drafts), size))
        return [collate(chunk, **options).to(self.worker.device) for chunk in chunks]

    def _losses(self, batch: TrainingBatch, counts: dict[str, int] | None = None) -> tuple[dict[str, float], Tensor]:
        """Summed losses by part, and the loss to propagate: parts weighted and divided by the counts of the whole step."""
        counts = counts if counts is not None else self._counts([batch], everywhere=False)
        reading, parts = Reading(self.model, batch, self.trunk if self.model.training else None), {}
        total = torch.zeros((), device=self.worker.device)
        with self.engine.autocast(self.worker.device):
            for k, objective in enumerate(self.recipe.objectives):
                head = self.heads[str(k)] if str(k) in self.heads else None  # noqa: SIM401 (ModuleDict has no get)
                for name, value in objective.losses(reading, head).items():
                    parts[name] = float(value.detach())
                    total = total + objective.weights()[name] * value / max(counts[name], 1)
        return parts, total

    def _counts(self, batches: Sequence[TrainingBatch], everywhere: bool = True) -> dict[str, int]:
        counts = {name: 0 for o in self.recipe.objectives for name in o.weights()}
        for batch in batches:
            for objective in self.recipe.objectives:
                for name, n in objective.counts(batch).items():
                    counts[name] += n
        return {name: int(n) for name, n in self._share(counts).items()} if everywhere else counts

    def _share(self, values: dict[str, float] | dict[str, int]) -> dict[str, float]:
        """Sums over processes."""
        if self.worker.num_processes == 1:
            return {name: float(value) for name, value in values.items()}
        total = self.worker.reduce(
            torch.tensor(list(values.values()), dtype=torch.float64, device=self.worker.device), "sum"
        )
        return dict(zip(values, total.tolist(), strict=True))  # type: ignore[union-attr]

    def _share_gradients(self) -> None:
        """Sums gradients over processes; losses are divided by the counts of all, so a sum is right.

        A parameter without a gradient anywhere stays so: an optimizer would decay it for a gradient of zero.
        """
        if self.worker.num_processes == 1:
            return
        trained = self._parameters()
        having = self._share({str(k): float(p.grad is not None) for k, p in enumerate(trained)})
        for p, n in zip(trained, having.values(), strict=True):
            if n:
                gradient = torch.zeros_like(p) if p.grad is None else p.grad
                p.grad = self.worker.reduce(gradient, "sum")  # type: ignore[assignment]

    def _parameters(self) -> list[nn.Parameter]:
        """Each trained parameter once; heads may share some with the model."""
        unique = {id(p): p for p in (*self.model.parameters(), *self.heads.parameters()) if p.requires_grad}
        return list(unique.values())

    def _state(self) -> dict[str, Any]:
        return {
            "steps": self.steps, "tokens": self.tokens, "seconds": self.seconds, "loss": self.loss, "engine": tuple(self.engine),
            "at": self.at, "drawn": self.drawn,
            "heads": self.heads.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers],
        }  # fmt: skip

    def _restore(self, found: checkpoint.Found) -> None:
        state = found.state
        for name in ("steps", "tokens", "seconds", "loss", "at", "drawn"):
            setattr(self, name, state[name])
        self._shape(self.at)  # a regime may have changed the model's shape by then
        checkpoint.read_weights(found.folder, self.model)
        self.heads.load_state_dict(state["heads"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._use(Engine(*state["engine"]))

    def _log(self, **values: Any) -> None:
        if self.worker.is_main_process:
            checkpoint.log(self.place, values)

    def _stop_not_finite(self, batches: Sequence[TrainingBatch], losses: dict[str, float], norm: float) -> None:
        share = f"-process-{self.worker.process_index}" if self.worker.num_processes > 1 else ""
        file = self.place / f"failed-step-{self.steps}{share}.npz"
        with writing(file):
            np.savez(file, **{f"ids_{k}": b.ids.cpu().numpy() for k, b in enumerate(batches)},  # type: ignore[arg-type]
                     **{f"labels_{k}": b.labels.cpu().numpy() for k, b in enumerate(batches)})  # fmt: skip
        shown = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        raise NotFinite(
            f"step {self.steps} has {shown} and a gradient of norm {norm:g}; its batch is in {file}.",
            _CALMER,
        )


def mean_length(examples: Any, *, most: int = 10_000) -> float:
    """Subwords of an example with its special tokens, mean over at most `most` of them."""
    some = examples[:: max(1, len(examples) // most)]
    return float(np.mean([1 + sum(int(end) - int(first) + 1 for first, end in pieces) for pieces in some]))


_CALMER = "Lower the learning rate or lengthen the warm-up; the last checkpoint is intact."
