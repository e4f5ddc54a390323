"""The steps that compression recipes are made of. Each does one thing to the smaller encoder and notes what it chose."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from bertology.compress import quantise
from bertology.compress.distil import Distil, SoftTargets, Teacher, Term
from bertology.compress.latency import latency, layer_parameters
from bertology.compress.layer_maps import layer_map
from bertology.compress.on_text import distil_on_text
from bertology.compress.prune import Cost, StructuredPruning
from bertology.compress.quantise import QuantisationAware, curvature, mixed_precision
from bertology.compress.recipe import Step, Work
from bertology.compress.replace_modules import Theseus, successor
from bertology.compress.sparse import MagnitudePruning, MovementPruning, ProximalPruning, ticket
from bertology.compress.vocabulary import trimmed
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.encoder.sites import hidden
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, encoded
from bertology.train.finetune import finetune
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique

BATCH, LENGTH = 32, 32
"""The shape that a speed-up is measured at."""


@dataclass(frozen=True)
class Shorten(Step):
    """Fewer layers: `share` of them, or as many as the wish allows; `by` a layer map, `of` the tuned whole or the encoder as it was given."""

    goals: ClassVar = ("speedup", "keep", "bytes")
    share: float = 0.5
    by: str = "uniform"
    of: Literal["original", "whole"] = "original"

    def __call__(self, work: Work) -> Work:
        whole: Encoder = getattr(work, self.of)
        n = _layers_for(whole, work, self.share)
        kept = {t for _, t in layer_map(self.by, n, whole.n_layers)}
        small = cut(whole, *(hidden(k) for k in range(1, whole.n_layers + 1) if k not in kept))
        return work.but(small=small).noting(
            f"layers {', '.join(map(str, sorted(kept)))} of {whole.n_layers} stay ({self.by})"
        )


def _layers_for(whole: Encoder, work: Work, share: float) -> int:
    """How many layers the wish allows. Raises BadRequest with the best reachable where one layer is too many."""
    if whole.n_layers < 2:
        raise BadRequest(f"{whole.name} has one layer.", "It cannot lose any.")
    goal, counts = work.goal, range(whole.n_layers - 1, 0, -1)
    first = lambda n: cut(whole, *(hidden(k) for k in range(n + 1, whole.n_layers + 1)))
    if goal.keep is not None:
        share = goal.keep
    if goal.kind in ("", "keep"):
        return min(max(1, round(share * whole.n_layers)), whole.n_layers - 1)
    best = ""
    for n in counts:
        less = first(n)
        if goal.bytes is not None:
            reached, met = float(size_in_bytes(less)), size_in_bytes(less) <= goal.bytes
            best = f"{reached:,.0f} bytes"
        else:
            reached = latency(whole, batch=BATCH, length=LENGTH) / latency(less, batch=BATCH, length=LENGTH)
            met, best = reached >= 0.95 * (goal.speedup or 1), f"{reached:.1f} times as fast"
        if met:
            return n
    raise BadRequest(f"{whole.name} with one layer is {best}; {goal} was asked.", "Ask for less, or another recipe.")


def size_in_bytes(encoder: Any) -> int:
    """Bytes of all parameters as they are held; tied ones count once."""
    return sum(p.numel() * p.element_size() for p in {id(p): p for p in encoder.model.parameters()}.values())


@dataclass(frozen=True)
class OnText(Step):
    """The smaller encoder copies the original on running text (compress/on_text.py)."""

    terms: tuple[Term, ...] = (SoftTargets(),)
    hard: float = 1.0
    epochs: float = 1.0
    rate: float = 5e-4

    needs: ClassVar = ("text",)

    def __call__(self, work: Work) -> Work:
        terms = self.terms
        if "mlm" not in work.original.has:
            terms = tuple(t for t in terms if t.reads)
            if not terms:
                raise BadRequest(
                    f"{work.original.name} has no masked-language-model head whose predictions could be copied.",
                    "Choose a recipe that copies hidden states (tinybert, minilm), or another encoder.",
                )
        small = distil_on_text(
            work.small, work.original, work.running, terms, hard=self.hard, epochs=self.epochs, rate=self.rate, seed=work.seed,
            progress=work.progress,
        )  # fmt: skip
        left = "" if terms == self.terms else " (its predictions left out: no language-model head)"
        return work.but(small=small).noting(f"copied the encoder on {len(work.running):,} sentences{left}")


@dataclass(frozen=True)
class Tune(Step):
    """Fine-tunes the smaller encoder for the task, with techniques; `terms` copy the tuned whole one (compress/distil.py).

    `longer` multiplies the epochs. `untuned` skips the step where there is no task.
    """

    techniques: tuple[Technique, ...] = ()
    terms: tuple[Term, ...] = ()
    hard: float = 0.5
    longer: float = 1.0

    needs: ClassVar = ("task",)

    def made(self, work: Work) -> tuple[Technique, ...]:
        """The techniques for a wish."""
        return self.techniques

    def __call__(self, work: Work) -> Work:
        techniques = self.made(work)
        if self.terms:
            teacher = Teacher(work.whole.model, work.whole, work.whole.fingerprint)
            techniques = (*techniques, Distil(teacher, self.terms, self.hard))
        recipe = replace(work.tuning, techniques=techniques, epochs=self.longer * work.tuning.epochs)
        return self.after(work.but(small=tuned_as(work.small, work, recipe)))

    def after(self, work: Work) -> Work:
        """What is left to say of the result."""
        return work


@dataclass(frozen=True)
class TuneIfTask(Tune):
    """The same where there is a task; nothing where there is none."""

    needs: ClassVar = ()

    def __call__(self, work: Work) -> Work:
        return super().__call__(work) if work.task is not None else work


def tuned_as(encoder: Encoder, work: Work, recipe: Any) -> Encoder:
    """The encoder tuned for the work's task, wrapped again."""
    tuned = finetune(encoder, work.labelled, recipe, seeds=(work.seed,), progress=work.progress).best.model
    return wrap(tuned, encoder.tokenizer, name=work.original.name, has_mlm=False)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sparse(Tune):
    """Unstructured pruning while tuning the original (compress/sparse.py): single weights become zero; the wish sets how many."""

    goals: ClassVar = ("keep", "bytes")
    method: MagnitudePruning | MovementPruning = MagnitudePruning()  # noqa: RUF009 (frozen)

    def made(self, work: Work) -> tuple[Technique, ...]:
        keep = work.goal.keep
        if work.goal.bytes is not None:
            rest = size_in_bytes(work.whole) - 4 * layer_parameters(work.whole)
            room = work.goal.bytes - rest - layer_parameters(work.whole) / 8
            if room <= 0:
                raise BadRequest(
                    f"embeddings and head of {work.whole.name} alone take {rest:,} bytes; {work.goal} was asked.",
                    "Trim the vocabulary first, or ask for more.",
                )
            keep = min(room / (4 * layer_parameters(work.whole)), 0.999)
        if keep is None or (isinstance(self.method, MovementPruning) and self.method.soft):
            return (self.method,)
        return (replace(self.method, sparsity=1 - keep),)

    def __call__(self, work: Work) -> Work:
        return super().__call__(work.but(small=work.original))

    def after(self, work: Work) -> Work:
        return zeros_counted(work)


@dataclass(frozen=True)
class Proximal(Tune):
    """Reweighted proximal pruning while tuning the original: the sparsity is what comes out."""

    method: ProximalPruning = ProximalPruning()  # noqa: RUF009 (frozen)

    def made(self, work: Work) -> tuple[Technique, ...]:
        return (self.method,)

    def __call__(self, work: Work) -> Work:
        return super().__call__(work.but(small=work.original))

    def after(self, work: Work) -> Work:
        return zeros_counted(work)


@dataclass(frozen=True)
class Ticket(Step):
    """Iterative magnitude pruning with rewinding to the pre-trained weights; `sparsity` where nothing is wished."""

    needs: ClassVar = ("task",)
    goals: ClassVar = ("keep",)
    sparsity: float = 0.5
    rounds: int = 4

    def __call__(self, work: Work) -> Work:
        sparsity = self.sparsity if work.goal.keep is None else 1 - work.goal.keep
        _, tuned = ticket(
            work.original, work.labelled, work.tuning, sparsity, rounds=self.rounds, seed=work.seed, progress=work.progress
        )  # fmt: skip
        small = wrap(tuned.best.model, work.original.tokenizer, name=work.original.name, has_mlm=False)  # type: ignore[arg-type]
        return zeros_counted(work.but(small=small))


def zeros_counted(work: Work) -> Work:
    """With the bytes that a bitmap and the weights that are not zero would take."""
    some = [p for p in work.small.model.parameters() if p.ndim > 1]
    zero, of = (sum(f(p) for p in some) for f in (lambda p: int((p == 0).sum()), lambda p: p.numel()))
    stored = size_in_bytes(work.small) - 4 * zero + of // 8
    layers = [p for m in _layer_matrices(work.small).values() for p in (m.weight,)]
    share = sum(int((p == 0).sum()) for p in layers) / max(1, sum(p.numel() for p in layers))
    return work.but(stored=stored).noting(f"{share:.1%} of the layers' weights are zero; zeros are no faster here")


@dataclass(frozen=True)
class Structured(Step):
    """Heads and neurons go in rounds with recovery, to a measured speed-up or a share of the layers' parameters (compress/prune.py)."""

    needs: ClassVar = ("task", "head", "neuron")
    goals: ClassVar = ("speedup", "keep", "bytes")
    method: StructuredPruning = StructuredPruning()  # noqa: RUF009 (frozen)

    def __call__(self, work: Work) -> Work:
        recovery = replace(work.tuning, epochs=max(1.0, work.tuning.epochs / 2))
        method = replace(self.method, recovery=recovery, batch=BATCH, length=LENGTH, seed=work.seed)
        if work.goal.speedup is not None:
            found = method(work.whole, work.labelled, work.goal.speedup, work.progress)
        else:
            found = method(
                work.whole, work.labelled, 1 / share_to_keep(work), work.progress, cost=Cost.parameters(work.whole)
            )
        lines = [
            f"round {k}: {r.speedup:.2f} times, dev {r.cut:.3f} right after the cut, {r.recovered:.3f} after recovery"
            for k, r in enumerate(found.rounds, 1)
        ]
        work = work.but(small=found.encoder)
        for line in lines:
            work = work.noting(line)
        return work


def share_to_keep(work: Work) -> float:
    """The share of the layers' parameters that a wish of parameters or bytes leaves. Raises BadRequest where none is left."""
    if work.goal.keep is not None:
        return work.goal.keep
    whole, wish = work.whole, work.goal.bytes or 0
    rest = size_in_bytes(whole) - 4 * layer_parameters(whole)
    share = (wish - rest) / (4 * layer_parameters(whole))
    if share <= 0:
        raise BadRequest(
            f"all but the layers of {whole.name} take {rest:,} bytes; {work.goal} was asked.",
            "Ask for more, trim the vocabulary, or fewer bits a weight.",
        )
    if share >= 1:
        raise BadRequest(f"{whole.name} takes {size_in_bytes(whole):,} bytes; {work.goal} was asked.", "Ask for less.")
    return share


@dataclass(frozen=True)
class Rounded(Step):
    """Fewer bits a weight: after tuning ("plain", "gobo"), or while tuning on ("aware"); with `mixed`, more where the loss curves more.

    The weights stay floats of few values; `stored` has the bytes of the codes. `bits` is for the layers, `embedding_bits` for the
    embeddings (None leaves them).
    """

    needs: ClassVar = ("task",)
    goals: ClassVar = ("bytes",)
    method: Literal["plain", "aware", "gobo"] = "plain"
    bits: float = 8
    embedding_bits: int | None = 8
    group: int | None = None
    mixed: bool = False
    activations: bool = False

    def __call__(self, work: Work) -> Work:
        small = wrap(deepcopy(work.whole.model), work.whole.tokenizer, name=work.original.name, has_mlm=False)
        linear = {n: m for n, m in _layer_matrices(small).items() if isinstance(m, nn.Linear)}
        embeddings = {n: m for n, m in small.model.named_modules() if isinstance(m, nn.Embedding)}
        bits = self._mean_bits(work, linear, embeddings)
        each = dict.fromkeys(linear, round(bits))
        if self.mixed:
            lines = encoded(small, work.labelled, work.labelled.limited(64, work.seed).train)
            some = list(batches(lines, work.labelled, 16, small.tokenizer.pad_token_id or 0, small.device))[:2]
            curved = curvature(small.model, work.labelled, some, {n: m.weight for n, m in linear.items()})
            each = mixed_precision({n: m.weight.numel() for n, m in linear.items()}, curved, bits)
        elif round(bits) != bits:
            each = mixed_precision({n: m.weight.numel() for n, m in linear.items()}, dict.fromkeys(linear, 1.0), bits)
        if self.method == "aware":
            others = tuple((n, self.embedding_bits or 16) for n in embeddings)
            technique = QuantisationAware(
                bits=max(8, round(bits)), activations=self.activations, bits_of=(*each.items(), *others), group=self.group
            )  # fmt: skip
            small = tuned_as(small, work, replace(work.tuning, techniques=(technique,)))
            linear = {n: m for n, m in _layer_matrices(small).items() if isinstance(m, nn.Linear)}
            embeddings = {n: m for n, m in small.model.named_modules() if isinstance(m, nn.Embedding)}
        held = size_in_bytes(small)
        with torch.no_grad():
            for modules, given in ((linear, each), (embeddings, dict.fromkeys(embeddings, self.embedding_bits))):
                for name, module in modules.items():
                    if given[name] is None:
                        continue
                    few = quantise.gobo if self.method == "gobo" else quantise.uniform
                    options = {} if self.method == "gobo" or module not in linear.values() else {"group": self.group}
                    stored = few(module.weight, given[name], **options)
                    module.weight.copy_(stored.weight)
                    held += round(stored.bits / 8) - 4 * module.weight.numel()
        shown = ", ".join(f"{b} bits: {list(each.values()).count(b)} matrices" for b in sorted(set(each.values())))
        return work.but(small=small, stored=held).noting(f"{shown}; held as floats of few values, no faster here")

    def _mean_bits(self, work: Work, linear: dict[str, Any], embeddings: dict[str, Any]) -> float:
        if work.goal.bytes is None:
            return self.bits
        n = sum(m.weight.numel() for m in linear.values())
        words = sum(m.weight.numel() for m in embeddings.values())
        rest = size_in_bytes(work.whole) - 4 * n - (words * (32 - (self.embedding_bits or 32))) // 8
        bits = 8 * (work.goal.bytes - rest) / n
        if bits < 2:
            least = rest + n // 4
            raise BadRequest(
                f"at 2 bits a weight it would take {least:,} bytes; {work.goal} was asked.", "Ask for more."
            )
        return min(bits, 8.0)


def _layer_matrices(encoder: Encoder) -> dict[str, Any]:
    """Linear maps inside the layers, by module name in the model."""
    inside = {id(m) for layer in _layers(encoder) for m in layer.modules()}
    return {n: m for n, m in encoder.model.named_modules() if id(m) in inside and isinstance(m, nn.Linear)}


def _layers(encoder: Encoder) -> list[nn.Module]:
    from bertology.encoder.watch import layer_modules

    return layer_modules(encoder.base, encoder.family)


@dataclass(frozen=True)
class Replaced(Step):
    """BERT-of-Theseus: a shorter encoder takes over from the tuned whole one, module by module, then is tuned alone."""

    needs: ClassVar = ("task",)
    goals: ClassVar = ("keep",)
    share: float = 0.5

    def __call__(self, work: Work) -> Work:
        layers = work.original.n_layers
        wish = self.share if work.goal.keep is None else work.goal.keep
        divisors = [d for d in range(1, layers) if layers % d == 0]
        if not divisors:
            raise BadRequest(f"{work.original.name} has one layer.", "It cannot be replaced by fewer.")
        n = min(divisors, key=lambda d: abs(d / layers - wish))
        short = successor(work.original, n)
        predecessor: Any = deepcopy(work.whole.model)
        long = replace(work.tuning, techniques=(Theseus(predecessor),), epochs=2 * work.tuning.epochs)
        small = tuned_as(tuned_as(short, work, long), work, work.tuning)
        return work.but(small=small).noting(f"{n} layers took over from {layers}")


@dataclass(frozen=True)
class Trimmed(Step):
    """Subwords that the task's training texts and the text never use go (compress/vocabulary.py)."""

    least: int = 1

    def __call__(self, work: Work) -> Work:
        texts = texts_of(work.task)[0] if work.task is not None else []
        if work.text is not None:
            texts += [s.text for s in work.text]
        if not texts:
            raise BadRequest("trimming the vocabulary needs text.", "Give --task FILE or --text FILE.")
        small = trimmed(work.small, texts, least=self.least)
        n, of = len(small.tokenizer), len(work.small.tokenizer)
        return work.but(small=small).noting(f"{n:,} of {of:,} subwords stay")


def texts_of(task: Task) -> tuple[list[str], list[str]]:
    """All texts of the training part, and of the others."""
    joined = lambda e: [" ".join(e.texts)] if task.kind == "token" else list(e.texts)
    return [t for e in task.train for t in joined(e)], [t for e in (*task.dev, *task.test) for t in joined(e)]


__all__ = [
    "OnText", "Proximal", "Replaced", "Rounded", "Shorten", "Sparse", "Structured", "Ticket", "Trimmed", "Tune", "TuneIfTask",
]  # fmt: skip
