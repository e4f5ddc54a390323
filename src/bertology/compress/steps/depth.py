"""Fewer layers: some of the encoder's own, chosen by a map or by search, or new ones that take over."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from bertology.compress.pruning.layer_selection import LayerDropTuning, LayerSelection
from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import layers_for
from bertology.compress.steps.teaching import tuned_as
from bertology.compress.teaching.layer_maps import layer_map
from bertology.compress.teaching.replace_modules import Theseus, successor
from bertology.encoder.cut import only
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest


@dataclass(frozen=True)
class Shorten(Step):
    """Fewer layers: `share` of them, or as many as the wish allows; `by` a layer map, `of` the tuned whole or the encoder as it was given."""

    goals: ClassVar = ("speedup", "keep", "bytes")
    share: float = 0.5
    by: str = "uniform"
    of: Literal["original", "whole"] = "original"

    def __call__(self, work: Work) -> Work:
        whole: Encoder = getattr(work, self.of)
        n = layers_for(whole, work, self.share)
        kept = {t for _, t in layer_map(self.by, n, whole.n_layers)}
        return work.but(small=only(whole, kept)).noting(
            f"layers {', '.join(map(str, sorted(kept)))} of {whole.n_layers} stay ({self.by})"
        )


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
class Selected(Step):
    """LayerDrop: tuned with layers skipped at random, then layers go, greedily by dev or every other one; what is left is tuned again."""

    needs: ClassVar = ("task",)
    goals: ClassVar = ("speedup", "keep", "bytes")
    share: float = 0.5
    by: Literal["greedy", "every other"] = "every other"

    def __call__(self, work: Work) -> Work:
        depth = layers_for(work.original, work, self.share)
        dropping = replace(work.tuning, techniques=(LayerDropTuning(),))
        ready = tuned_as(work.original, work, dropping)
        recovery = replace(work.tuning, epochs=max(1.0, work.tuning.epochs / 2))
        found = LayerSelection(by=self.by, recovery=recovery, seed=work.seed)(
            ready, work.labelled, depth, progress=work.progress
        )
        return work.but(small=found.encoder).noting(
            f"layers {', '.join(map(str, found.layers))} of {work.original.n_layers} stay ({self.by}); dev {found.whole:.3f}, "
            f"{found.cut:.3f} right after the cut, {found.recovered:.3f} after recovery"
        )
