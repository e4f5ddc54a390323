"""First floor: named edits of an encoder and its inputs, joined by `|`, and what each head's silence costs."""

from bertology.intervene.ablate import Ablate, silenced
from bertology.intervene.attention import MuteAttention
from bertology.intervene.compose import Composed, Step, compose
from bertology.intervene.importance import HeadImportance, MaskedLoss, SentenceDirection, head_importance, per_layer
from bertology.intervene.inputs import MaskWords, Shuffle, masked
from bertology.intervene.patch import Activations, Patch, activations, given_activations
from bertology.intervene.sweep import (
    EachHeadAblated,
    Sweep,
    ablate_each_head,
    cross_entropy_of_masked,
    masked_loss,
    sentence_shift,
)
from bertology.observe.means import SiteBank, SiteMeans

__all__ = [
    "Ablate", "Activations", "Composed", "EachHeadAblated", "HeadImportance", "MaskWords", "MaskedLoss",
    "MuteAttention", "Patch", "SentenceDirection", "Shuffle", "SiteBank", "SiteMeans", "Step", "Sweep",
    "ablate_each_head", "activations", "compose", "cross_entropy_of_masked", "given_activations",
    "head_importance", "masked", "masked_loss", "per_layer", "sentence_shift", "silenced",
]  # fmt: skip
