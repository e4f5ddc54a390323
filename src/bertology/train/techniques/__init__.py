"""Fine-tuning techniques of the survey's section 5.4, as parts that compose.

`pivots` (pre-training on before) and `several` (two tasks in a row, races of seeds) are techniques of whole runs.
"""

from bertology.train.techniques.adapters import Adapters, LoRA, ProjectedAttention
from bertology.train.techniques.adversarial import SMART, FreeLB
from bertology.train.techniques.data import Curriculum
from bertology.train.techniques.freezing import (
    FreezeBottom,
    GradualUnfreezing,
    LayerwiseDecay,
    ReinitialiseTop,
    Rollback,
)
from bertology.train.techniques.reading_out import (
    ComplementaryLayers,
    NormalisedCLS,
    Pooling,
    ScalarMix,
    SqueezeExcite,
)
from bertology.train.techniques.regularisation import L2SP, Mixout
from bertology.train.techniques.technique import Technique, Tuning

__all__ = [
    "L2SP", "SMART", "Adapters", "ComplementaryLayers", "Curriculum", "FreeLB", "FreezeBottom", "GradualUnfreezing",
    "LayerwiseDecay", "LoRA", "Mixout", "NormalisedCLS", "Pooling", "ProjectedAttention", "ReinitialiseTop", "Rollback",
    "ScalarMix", "SqueezeExcite", "Technique", "Tuning",
]  # fmt: skip
