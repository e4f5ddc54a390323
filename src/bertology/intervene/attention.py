"""Taking attention away from a class of tokens: is attention to [SEP] a no-op (Clark et al. 2019)?"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit
from bertology.intervene.compose import Step, places
from bertology.observe.attention import CLASSES
from bertology.observe.words import token_classes
from bertology.record.errors import BadRequest, NotApplicable


@dataclass(frozen=True)
class MuteAttention(Step):
    """No token attends to tokens of class `to` (cls, sep, punctuation or word), by an edit after the softmax.

    What they received goes to the other tokens in proportion to their own weights (`renormalise`), or to the tokens of
    class `send_to` in proportion to theirs, or nowhere. What has no receiver is dropped: a query that attends to
    nothing else ends with all weights 0. `layer` and `head` None mean all.
    """

    to: str
    layer: int | None = None
    head: int | None = None
    renormalise: bool = True
    send_to: str | None = None

    def __post_init__(self) -> None:
        for name in (self.to, self.send_to):
            if name is not None and name not in CLASSES:
                raise BadRequest(f"token class {name!r} is not known.", f"Choose one of {', '.join(CLASSES)}.")
        if self.to == self.send_to:
            raise BadRequest(f"attention to {self.to!r} is sent to {self.to!r}.", "Choose two classes.")

    @property
    def key(self) -> str:
        rest = f"sent to {self.send_to}" if self.send_to else "renormalised" if self.renormalise else "dropped"
        return f"mute attention to {self.to} at {Site('attention', self.layer, self.head)}, {rest}"

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        for name in (self.to, self.send_to):
            if name in ("cls", "sep") and name not in encoder.has:
                raise NotApplicable(f"the tokenizer of {encoder.name} has no {name} token")
        found = places(encoder, [Site("attention", self.layer, self.head)])
        ids = (getattr(encoder.tokenizer, f"{name}_token_id", None) for name in ("cls", "sep"))
        classes = torch.from_numpy(token_classes(batch, *ids)).to(batch.ids.device)
        muted = classes == CLASSES.index(self.to)
        receivers = classes == CLASSES.index(self.send_to) if self.send_to else batch.mask & ~muted
        edit = self._edit(muted[:, None, None], receivers[:, None, None] if self.send_to or self.renormalise else None)
        return dict.fromkeys(found, edit)

    def _edit(self, muted: Tensor, receivers: Tensor | None) -> Edit:
        def edit(weights: Tensor, _: Tensor | None) -> Tensor:
            kept = weights.masked_fill(muted, 0)
            if receivers is not None:
                lost, own = (weights * muted).sum(-1, keepdim=True), weights * receivers
                total = own.sum(-1, keepdim=True)
                kept = kept + torch.where(total > 0, lost / total.clamp(min=torch.finfo(total.dtype).tiny), 0) * own
            if self.head is None:
                return kept
            return torch.cat(
                [weights[:, : self.head], kept[:, self.head : self.head + 1], weights[:, self.head + 1 :]], 1
            )

        return edit
