"""What the head reads: a mix of layers, another pooling, a normalised [CLS]."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from bertology.train.techniques.technique import Technique, Tuning, layers_of


@dataclass(frozen=True)
class ScalarMix(Technique):
    """The head reads gamma · sum_l softmax(w)_l h_l over all layers (Peters et al. 2018; Su & Cheng 2019) instead of the last."""

    cites: ClassVar = ("peters-2018", "su-2019")

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        model.scalar_mix = _Mix(tuning.encoder.n_layers)
        seen: list[Tensor] = []
        for layer in layers_of(tuning):
            layer.register_forward_hook(lambda m, a, out: seen.append(out[0] if isinstance(out, tuple) else out))
        rewrite_output(model, lambda last: _taken(model.scalar_mix, seen))


class _Mix(nn.Module):
    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights, self.gamma = nn.Parameter(torch.zeros(layers)), nn.Parameter(torch.ones(()))

    def forward(self, states: list[Tensor]) -> Tensor:
        return self.gamma * torch.einsum("l,lbtw->btw", torch.softmax(self.weights, 0), torch.stack(states))


def _taken(mix: _Mix, seen: list[Tensor]) -> Tensor:
    states = list(seen)
    seen.clear()
    return mix(states)


@dataclass(frozen=True)
class Pooling(Technique):
    """The head reads the mean or maximum over tokens in the place of [CLS]."""

    cites: ClassVar = ("reimers-2019",)
    how: Literal["mean", "max"] = "mean"

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        mask: dict[str, Tensor] = {}
        model.register_forward_pre_hook(lambda m, a, k: mask.update(now=k["attention_mask"]), with_kwargs=True)

        def pooled(last: Tensor) -> Tensor:
            keep = mask["now"][:, :, None]
            if self.how == "mean":
                one = (last * keep).sum(1, keepdim=True) / keep.sum(1, keepdim=True)
            else:
                one = last.masked_fill(keep == 0, torch.finfo(last.dtype).min).amax(1, keepdim=True)
            return torch.cat([one, last[:, 1:]], dim=1)

        rewrite_output(model, pooled)


@dataclass(frozen=True)
class NormalisedCLS(Technique):
    """[CLS] is centred and scaled by running statistics of the batches before the head (Zhou et al. 2019)."""

    cites: ClassVar = ("zhou-2019",)
    momentum: float = 0.1

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        model.cls_norm = nn.BatchNorm1d(tuning.encoder.width, momentum=self.momentum)
        rewrite_output(model, lambda last: torch.cat([model.cls_norm(last[:, 0])[:, None], last[:, 1:]], dim=1))


def rewrite_output(model: Any, change: Any) -> None:
    """Changes the trunk's last hidden states; a pooler reads the changed ones."""

    def hook(module: Any, args: Any, output: Any) -> Any:
        states = change(output[0])
        output["last_hidden_state"] = states
        if getattr(module, "pooler", None) is not None and output.get("pooler_output") is not None:
            output["pooler_output"] = module.pooler(states)
        return output

    model.base_model.register_forward_hook(hook)
