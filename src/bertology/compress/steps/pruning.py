"""Weights, heads, neurons and hidden dimensions go."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from bertology.compress.inference.latency import layer_parameters
from bertology.compress.pruning.head_pruning import HeadPruning
from bertology.compress.pruning.learned_gates import GatePruning, LearnedGates
from bertology.compress.pruning.sparse import MagnitudePruning, MovementPruning, ProximalPruning, ticket
from bertology.compress.pruning.structured import Cost, StructuredPruning
from bertology.compress.pruning.width import WidthPruning
from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import BATCH, LENGTH, layer_matrices, share_to_keep, size_in_bytes
from bertology.compress.steps.teaching import Tune
from bertology.compress.teaching.distil import Term
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique


@dataclass(frozen=True)
class Sparse(Tune):
    """Unstructured pruning while tuning the original (compress/pruning/sparse.py): single weights become zero; the wish sets how many."""

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
    layers = [p for m in layer_matrices(work.small).values() for p in (m.weight,)]
    share = sum(int((p == 0).sum()) for p in layers) / max(1, sum(p.numel() for p in layers))
    return work.but(stored=stored).noting(f"{share:.1%} of the layers' weights are zero; zeros are no faster here")


@dataclass(frozen=True)
class Structured(Step):
    """Heads and neurons go in rounds with recovery, to a measured speed-up or a share of the layers' parameters (compress/pruning/structured.py)."""

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


@dataclass(frozen=True)
class Gated(Step):
    """Learnt gates close parts of the tuned whole encoder (compress/pruning/learned_gates.py): Voita's heads, McCarley's heads and neurons, CoFi's all.

    `of` is what the share of the wish, or `share` without one, is of.
    """

    needs: ClassVar = ("task", "head")
    goals: ClassVar = ("keep", "speedup", "bytes")
    on: tuple[str, ...] = ("head",)
    of: Literal["heads", "parameters"] = "parameters"
    share: float = 0.5
    terms: tuple[Term, ...] = ()
    longer: float = 2.0

    def __call__(self, work: Work) -> Work:
        training = replace(work.tuning, epochs=self.longer * work.tuning.epochs)
        method = GatePruning(
            LearnedGates(self.on), training, replace(work.tuning, epochs=max(1.0, work.tuning.epochs / 2)), self.terms,  # type: ignore[arg-type]
            batch=BATCH, length=LENGTH, seed=work.seed,
        )  # fmt: skip
        wish: dict[str, Any] = {"speedup": work.goal.speedup} if work.goal.speedup is not None else {"of": self.of}
        if work.goal.speedup is None:
            wish["share"] = share_to_keep(work) if work.goal.kind else self.share
        found = method(work.whole, work.labelled, progress=work.progress, **wish)
        return work.but(small=found.encoder).noting(
            f"{found.heads:.0%} of the heads and {found.neurons:.0%} of the neurons stay; dev {found.whole:.3f}, {found.cut:.3f} right after the "
            f"cut, {found.recovered:.3f} after recovery"
        )


@dataclass(frozen=True)
class HeadsByImportance(Step):
    """Michel et al.: heads go in the order of their importance as long as dev loses less than `tolerance`, without any tuning."""

    needs: ClassVar = ("task", "head")
    tolerance: float = 0.01

    def __call__(self, work: Work) -> Work:
        found = HeadPruning(tolerance=self.tolerance, seed=work.seed)(work.whole, work.labelled, progress=work.progress)
        return work.but(small=found.encoder).noting(
            f"{found.gone:.0%} of the heads go for less than {self.tolerance:g} on dev"
        )


@dataclass(frozen=True)
class Narrow(Step):
    """Hidden dimensions go in rounds with recovery (compress/pruning/width.py); `share` of them stays where nothing is wished."""

    needs: ClassVar = ("task",)
    goals: ClassVar = ("keep",)
    share: float = 0.5

    def __call__(self, work: Work) -> Work:
        keep = self.share if work.goal.keep is None else work.goal.keep
        method = WidthPruning(keep, recovery=work.tuning, seed=work.seed)
        found = method(work.whole, work.labelled, progress=work.progress)
        lines = "; ".join(f"{r.width}: dev {r.cut:.3f}, {r.recovered:.3f} after recovery" for r in found.rounds)
        return work.but(small=found.encoder).noting(f"hidden dimensions {lines}")
