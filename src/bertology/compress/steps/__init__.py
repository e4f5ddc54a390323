"""The steps that compression recipes are made of. Each does one thing to the smaller encoder and notes what it chose."""

from bertology.compress.steps.bits import Rounded
from bertology.compress.steps.depth import Replaced, Selected, Shorten
from bertology.compress.steps.factors import Factored, Shared, Trimmed
from bertology.compress.steps.inference import Exits, FewerTokens
from bertology.compress.steps.pruning import (
    Gated,
    HeadsByImportance,
    Narrow,
    Proximal,
    Sparse,
    Structured,
    Ticket,
)
from bertology.compress.steps.teaching import (
    Bottleneck,
    Convolutional,
    Fresh,
    MixedVocabularies,
    OnText,
    Recurrent,
    Tune,
    TuneIfTask,
    Unlayered,
)

__all__ = [
    "Bottleneck", "Convolutional", "Exits", "Factored", "FewerTokens", "Fresh", "Gated", "HeadsByImportance", "MixedVocabularies", "Narrow",
    "OnText", "Proximal", "Recurrent", "Replaced", "Rounded", "Selected", "Shared", "Shorten", "Sparse", "Structured", "Ticket", "Trimmed",
    "Tune", "TuneIfTask", "Unlayered",
]  # fmt: skip
