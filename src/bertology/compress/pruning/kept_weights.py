"""Tuning a part of the pre-trained weights: the rest of the layers' matrices is zero from the first step to the last."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch.nn.utils import parametrize

from bertology.compress.pruning.sparse import Mask, Scope, masks_of
from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique, Tuning, merge, trunk_linears


@dataclass(frozen=True)
class KeptWeights(Technique):
    """All but a share `sparsity` of the pre-trained weights stay: the largest, or as many drawn at random (Gordon et al. 2020).

    `scope` "global" compares them over all matrices of the layers, "matrix" in each. Random ones are drawn with the run's seed.
    """

    cites: ClassVar = ("gordon-2020",)
    sparsity: float = 0.3
    by: Literal["magnitude", "random"] = "magnitude"
    scope: Scope = "global"

    def prepare(self, tuning: Tuning) -> None:
        modules = list(trunk_linears(tuning))
        if not modules:
            raise BadRequest(f"{tuning.encoder.name} has no matrices in its layers.", "Choose another encoder.")
        rng = torch.Generator().manual_seed(tuning.seed)
        weights = {
            str(k): m.weight.detach().abs() if self.by == "magnitude" else torch.rand(m.weight.shape, generator=rng)
            for k, m in enumerate(modules)
        }
        for module, kept in zip(modules, masks_of(weights, self.sparsity, self.scope).values(), strict=True):
            mask = Mask(module.weight)
            mask.mask.copy_(kept)
            parametrize.register_parametrization(module, "weight", mask)

    def finish(self, tuning: Tuning) -> None:
        merge(tuning.model)
