"""Gates that learn to close while a tuned model is tuned on; what they close is then taken out for good.

Hard-concrete gates (compress/pruning/hard_concrete.py) on heads (Voita et al. 2019), on heads and feed-forward neurons (McCarley et al. 2019), and on
whole attention and feed-forward sublayers and hidden dimensions besides (CoFi: Xia et al. 2022). A price on open gates, or a Lagrangian that drives
to a wish (Wang et al. 2020, as in CoFi): a share of heads, neurons or parameters, or a speed-up by a measured table.

The output bias of a sublayer stays, gates or not, as it does when encoder/cut.py takes all of its parts out. CoFi's gates on hidden dimensions multiply
what sublayers write; here they multiply what norms give out, which shuts the same dimensions and can be multiplied into the norms afterwards.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bertology.compress.inference.latency import LatencyTable, latency
from bertology.compress.pruning.gate_parts import (
    Gates,
    Marks,
    Of,
    On,
    Share,
    Speed,
    Wish,
    fold,
    narrows_exactly,
    sites_of,
    width_gated,
)
from bertology.compress.pruning.gates import gated, sizes
from bertology.compress.pruning.hard_concrete import HardConcrete
from bertology.compress.pruning.structured import Progress, dev_score
from bertology.compress.pruning.width import narrowed
from bertology.compress.teaching import losses
from bertology.compress.teaching.distil import Distil, Hidden, Seen, SoftTargets, Teacher, Term
from bertology.compress.teaching.layer_maps import LayerMap, uniform
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import kind
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import Labelled
from bertology.train.finetune import FineTuning, Run, encoded_parts
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning
from bertology.train.tuned import tuned


@dataclass(frozen=True)
class LearnedGates(Technique):
    """Gates `on` heads, neurons, whole attention and feed-forward sublayers, and hidden dimensions of a tuned model, trained with it.

    Without a wish the loss gets `penalty` x the expected number of open heads + `neuron_penalty` x that of open neurons (Voita et
    al. 2019, eq. 9), and what closes comes out. With one it gets m1 (size - t) + m2 (size - t)², where the size is what stays, t falls from 1 to
    the wish over `warmup` of the steps, and the multipliers m1, m2 go up its slope (Xia et al. 2022, eq. 4); they begin at 0 and 30, so that the
    size follows in short runs too, where from 0 and 0 it overshoots.

    In evaluation a gate has its value at test. At the end those that are closed are zero columns of the matrix that reads them, and the values of the
    others are multiplied into it: the model is a plain one, and `closed_parts` finds what can go. `start` is the probability with which gates
    begin open; `gate_rate` their learning rate under Adam, None for 40 / steps (0.02 to 0.5), with which they can close in a run of any length. `frozen`
    trains the gates alone. Put it behind other techniques that rescale the loss; keep the last epoch, not the best. Hidden dimensions need `GatePruning`:
    norms are over fewer of them, so the model is right only after compress/pruning/width.py has taken them out.
    """

    cites: ClassVar = ("louizos-2018", "voita-2019b", "mccarley-2020", "xia-2022")
    on: tuple[On, ...] = ("head",)
    penalty: float = 0.0
    neuron_penalty: float = 0.0
    wish: Wish | None = None
    warmup: float = 0.5
    start: float = 0.97
    gate_rate: float | None = None
    frozen: bool = False
    law: HardConcrete = HardConcrete()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        if (
            not self.on
            or {*self.on} - {"head", "neuron", "attention", "ffn", "hidden"}
            or len({*self.on}) < len(self.on)
        ):
            raise BadRequest(
                f"gates on {', '.join(self.on) or 'nothing'}.", "Choose of head, neuron, attention, ffn, hidden."
            )

    def prepare(self, tuning: Tuning) -> None:
        encoder, name = tuning.encoder, kind(tuning.encoder.config)
        for parts, where in ((("head", "attention"), encoder.family.into_heads), (("neuron", "ffn"), encoder.family.into_neurons)):  # fmt: skip
            if {*parts} & {*self.on} and not where:
                raise NotApplicable(f"{parts[0]}s cannot be taken out of {name}, so gates on them take out nothing")
        if self.frozen:
            for p in tuning.model.parameters():
                p.requires_grad_(False)
        gates = Gates(tuning.model, encoder, self.on, self.law, self.start)
        if self.wish is not None and (least := gates.least(self.wish)) > self.wish.target:
            raise BadRequest(
                f"with every gate on {', '.join(self.on)} closed, {encoder.name} would be {least:.3g} of its size, "
                f"{self.wish.target:.3g} was asked.",
                "Ask for less, or put gates on more.",
            )
        if "hidden" in self.on and isinstance(self.wish, Speed):
            raise BadRequest(
                "a table of seconds says nothing of widths.", "Wish for a share, or put no gates on hidden."
            )
        if "hidden" in self.on and not narrows_exactly(encoder):
            raise NotApplicable(f"hidden dimensions of {name} are not read through layer norms, where gates shut them")
        model, within = tuning.model, ExitStack()
        state: dict[str, Any] = {"gates": gates, "progress": 0.0, "optimizers": [], "open": None}

        def enter(module: nn.Module, args: Any) -> None:
            within.close()
            how = self.law.sample if module.training else self.law.value
            state["open"], hidden = gates.each(how), gates.width(how)
            within.enter_context(gated(model, encoder, *state["open"]))
            if hidden is not None:
                within.enter_context(width_gated(model, encoder.width, hidden))

        state["hooks"] = [
            model.register_forward_pre_hook(enter),
            model.register_forward_hook(lambda *_: within.close(), always_call=True),
        ]
        tuning.memory["gates"] = state

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        state = tuning.memory["gates"]
        gates: Gates = state["gates"]
        heads, neurons, width = gates.expected()
        if self.wish is None:
            return loss + self.penalty * sum(heads) + self.neuron_penalty * sum(neurons)
        falling = min(1.0, state["progress"] / self.warmup) if self.warmup else 1.0
        off = self.wish.size(gates, heads, neurons, width) - (1 - falling * (1 - self.wish.target))
        return loss + gates.multipliers[0] * off + gates.multipliers[1] * off.square()

    def after_step(self, tuning: Tuning, progress: float) -> None:
        state = tuning.memory["gates"]
        gates: Gates = state["gates"]
        if not state["optimizers"]:
            rate = min(0.5, max(0.02, 40 * progress)) if self.gate_rate is None else self.gate_rate
            state["optimizers"] = [
                torch.optim.Adam(gates.parts.parameters(), lr=rate),
                torch.optim.Adam([gates.multipliers], lr=0.3 * rate, maximize=True),
            ]
        for optimizer in state["optimizers"]:
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            for log_alpha in gates.parts.values():
                log_alpha.clamp_(-4.6, 4.6)  # as CoFi's code does: a gate can always come back
        state["progress"] = progress

    def finish(self, tuning: Tuning) -> None:
        """`tuning.memory["closed"]` tells which parts go, where whoever runs it has put them; else the wish or the values at test do."""
        state = tuning.memory["gates"]
        gates: Gates = state["gates"]
        for hook in state["hooks"]:
            hook.remove()
        marks = tuning.memory.get("closed") or (gates.closed() if self.wish is None else gates.read(self.wish))
        fold(tuning.model, tuning.encoder, marks, *gates.each(self.law.value), gates.width(self.law.value))


@dataclass(frozen=True)
class NearestLayers(Hidden):
    """Hidden states of `teachers` layers of the teacher, evenly chosen, each copied by the student's layer that is nearest now (CoFi).

    From the top: a layer of the student below those that are taken. The map is made anew for every batch.
    """

    embeddings: bool = False
    teachers: int = 4

    def loss(self, student: Seen, teacher: Seen, pairs: LayerMap, adapt: Any) -> Tensor:
        depth = max(t for _, t in pairs)
        free = sorted({s for s, _ in pairs})
        states = {s: adapt(s, student.hidden(s)) for s in free}
        total, ceiling = [], max(free) + 1
        for _, t in reversed(uniform(min(self.teachers, depth), depth)):
            distances = {
                s: losses.hidden_distance(x, teacher.hidden(t), student.mask) for s, x in states.items() if s < ceiling
            }
            if not distances:
                break
            ceiling = min(distances, key=lambda s: float(distances[s].detach()))
            total.append(distances[ceiling])
        return torch.stack(total).sum()


@dataclass(frozen=True)
class LayerwiseDistil(Distil):
    """Distillation whose `NearestLayers` look only at layers of the student with an open feed-forward sublayer, through a square map that
    begins as the identity and is thrown away (Xia et al. 2022, section 3.2)."""

    cites: ClassVar = ("xia-2022", "hinton-2015")

    def prepare(self, tuning: Tuning) -> None:
        super().prepare(tuning)
        width = tuning.encoder.width
        if width == self.teacher.encoder.width and any(isinstance(term, NearestLayers) for term in self.terms):
            meeting = nn.Linear(width, width, bias=False).to(tuning.encoder.device)
            nn.init.eye_(meeting.weight)
            tuning.model.add_module("distil_adapter", meeting)

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        depth, deep = tuning.encoder.n_layers, self.teacher.encoder.n_layers
        free = [k for k, is_open in enumerate(_ffn_open(tuning), start=1) if is_open] or list(range(1, depth + 1))
        pairs = tuple((s, t) for s in free for t in range(1, deep + 1))
        tuning.memory["pairs"] |= {term: pairs for term in self.terms if isinstance(term, NearestLayers)}
        return super().loss(tuning, batch, logits, loss)


def _ffn_open(tuning: Tuning) -> list[bool]:
    """Of each layer, whether any neuron computes something in this pass."""
    counts = [n for _, n in sizes(tuning.encoder, tuning.model)]
    state = tuning.memory.get("gates")
    gates = [None] * len(counts) if state is None or state["open"] is None else state["open"][1]
    found = [bool(n) and (g is None or bool((g > 0).any())) for n, g in zip(counts, gates, strict=True)]
    return found * (tuning.encoder.n_layers // len(found))


class GatePruned(NamedTuple):
    """The smaller model as an encoder with its task head; the (heads, neurons) of its layer modules; shares of heads, neurons and of the
    parameters that stand and fall with them that stay; its measured speed-up where one was wished; the share of gates that were
    neither open nor closed when they were read; dev scores of the whole, right after the cut, and at the end."""

    encoder: Encoder
    shape: list[tuple[int, int]]
    heads: float
    neurons: float
    parameters: float
    speedup: float | None
    undecided: float
    whole: float
    cut: float
    recovered: float


@dataclass(frozen=True)
class GatePruning:
    """Trains `gates` with a tuned model by `training`, cuts out what they close, and tunes what is left by `recovery` (None: not at all).

    `terms` are copied from the tuned model in both trainings, with `hard` x the task's loss; without terms there is no teacher. `batch` x `length`
    subwords is what a speed-up is measured at; the measured one is `tolerance` or less off the wish, if five tries by the clock suffice.
    """

    cites: ClassVar = LearnedGates.cites
    gates: LearnedGates = LearnedGates()
    training: FineTuning = FineTuning(epochs=3)  # noqa: RUF009 (frozen)
    recovery: FineTuning | None = None
    terms: tuple[Term, ...] = ()
    hard: float = 0.5
    batch: int = 32
    length: int = 32
    tolerance: float = 0.05
    seed: int = 0

    def __call__(
        self, whole: Encoder, task: Task, *, share: float | None = None, of: Of = "parameters", speedup: float | None = None,
        progress: Progress = lambda what, done, total: None,
    ) -> GatePruned:  # fmt: skip
        """Prunes a tuned model, wrapped as an encoder: to a `share` of heads, neurons or parameters, to a `speedup`, or, without a wish, to
        what the penalties leave. Raises BadRequest for two wishes, and where one cannot be reached."""
        if share is not None and speedup is not None:
            raise BadRequest("a share and a speed-up were asked for.", "Give one of them.")
        timed = lambda one: latency(one, batch=self.batch, length=self.length)
        wish: Wish | None = None if share is None else Share(share, of)
        if speedup is not None:
            wish = Speed(speedup, LatencyTable.measure(whole, batch=self.batch, length=self.length))
        learning = replace(self.gates, wish=wish or self.gates.wish)
        recipe = replace(self._taught(self.training, whole), keep="last")
        recipe = replace(recipe, techniques=(*recipe.techniques, learning))
        note = lambda done, total: progress("training gates", done, total)
        run = Run(whole, task, recipe, encoded_parts(whole, task), self.seed, self.seed, note)
        run.go()
        gates: Gates = run.tuning.memory["gates"]["gates"]
        marks = gates.closed() if learning.wish is None else gates.read(learning.wish)
        if speedup is not None:
            marks = self._by_the_clock(whole, gates, learning.wish, marks, timed)
        run.tuning.memory["closed"] = marks
        masked = wrap(run.finish().model, whole.tokenizer, name=whole.name, has_mlm=False)  # type: ignore[arg-type]
        if marks.hidden.any():
            masked = narrowed(masked, np.flatnonzero(~marks.hidden).tolist())
        less = cut(masked, *sites_of(whole, marks))
        before = after = dev_score(less, task)
        if self.recovery is not None:
            less = tuned(
                less, task, self._taught(self.recovery, whole), seed=self.seed, name=whole.name, progress=progress
            )
            after = dev_score(less, task)
        shape, fast = sizes(less), None if speedup is None else timed(whole) / timed(less)
        heads, neurons = [h for h, _ in shape], [n for _, n in shape]
        stays = lambda of: float(Share(0.5, of).size(gates, heads, neurons, less.width / whole.width))
        return GatePruned(
            less, shape, stays("heads"), stays("neurons"), stays("parameters"), fast, gates.undecided(), dev_score(whole, task), before, after,
        )  # fmt: skip

    def _taught(self, recipe: FineTuning, whole: Encoder) -> FineTuning:
        if not self.terms:
            return recipe
        teacher = Teacher(whole.model, whole, whole.fingerprint)
        return replace(recipe, techniques=(*recipe.techniques, LayerwiseDistil(teacher, self.terms, self.hard)))

    def _by_the_clock(self, whole: Encoder, gates: Gates, wish: Any, marks: Marks, timed: Any) -> Marks:
        """The reading whose measured time is nearest to the wish: the table proposes, the clock corrects it."""
        full, asked, best = timed(whole), wish.target, None
        for _ in range(5):
            ratio = timed(cut(whole, *sites_of(whole, marks))) / full / wish.target
            if best is None or abs(ratio - 1) < best[0]:
                best = abs(ratio - 1), marks
            if abs(ratio - 1) <= self.tolerance:
                break
            asked /= ratio
            marks = gates.read(wish, asked)
        assert best is not None
        return best[1]


VOITA = GatePruning(LearnedGates(("head",), penalty=0.05))
"""Voita et al. 2019: gates on heads, a price on each open one, nothing tuned after."""

MCCARLEY = GatePruning(LearnedGates(("head", "neuron"), penalty=0.05, neuron_penalty=1e-3), recovery=FineTuning(epochs=2), terms=(SoftTargets(),))  # fmt: skip
"""McCarley et al. 2019: gates on heads and feed-forward neurons, distillation from the tuned model, tuned on after the cut."""

COFI = GatePruning(
    LearnedGates(("head", "neuron", "attention", "ffn"), wish=Share(0.4)), FineTuning(epochs=6), FineTuning(epochs=3),
    (SoftTargets(weight=0.1, temperature=2.0), NearestLayers(weight=0.9)), hard=0.0,
)  # fmt: skip
"""CoFi (Xia et al. 2022) with the width left alone, which any wish and family allows: predictions 0.1, layers 0.9, no labels, and a wish always (40 %
of the layers' parameters unless another is given)."""

COFI_WIDTH = replace(COFI, gates=replace(COFI.gates, on=("head", "neuron", "attention", "ffn", "hidden")))
"""CoFi with gates on hidden dimensions too."""
