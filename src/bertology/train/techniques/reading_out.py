"""What the head reads: several layers combined, another pooling, a normalised [CLS]. All stay in the model.

Hooks are methods of modules inside the model, so that a copy of the model has hooks of its own.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique, Tuning, closing_norm, first, layers_of

States = Float[Tensor, "batch token width"]
Layers = list[States]


@dataclass(frozen=True)
class ScalarMix(Technique):
    """The head reads gamma · sum_l softmax(w)_l h_l over all layers (Peters et al. 2018; Su & Cheng 2019) instead of the last.

    Where a norm stands behind the last layer (pre-norm families), it reads the mix.
    """

    cites: ClassVar = ("peters-2018", "su-2019")
    plain: ClassVar = False

    def prepare(self, tuning: Tuning) -> None:
        combine_layers(tuning, "scalar_mix", _Mix(tuning.encoder.n_layers))


@dataclass(frozen=True)
class SqueezeExcite(Technique):
    """The head reads a mix of layers weighted anew for each example (Su & Cheng 2019): each layer is squeezed to its mean
    over tokens and width, two small layers make gates sigmoid(W_2 relu(W_1 z)) of it, and the gates, scaled to a sum of 1, weight the layers.

    SesameBERT's Gaussian blur of attention is not part of it.
    """

    cites: ClassVar = ("su-2019",)
    plain: ClassVar = False
    reduction: int = 2
    """How many times fewer hidden units than layers."""

    def prepare(self, tuning: Tuning) -> None:
        combine_layers(tuning, "squeeze_excite", _SqueezeExcite(tuning.encoder.n_layers, self.reduction))


@dataclass(frozen=True)
class ComplementaryLayers(Technique):
    """The output plus what all layers complement it by (Yang & Zhao 2019, "deepening"): a bidirectional GRU reads each layer and gives it
    an importance; a = sum_l importance_l h_l; the head reads h + W relu(V [h; a; a - h; a · h]).

    W starts at zero, so training starts at the plain model. The paper fuses with blocks of a Transformer where V and W stand here.
    """

    cites: ClassVar = ("yang-2019",)
    plain: ClassVar = False
    size: int = 64
    """Units of the GRU in each direction."""

    def prepare(self, tuning: Tuning) -> None:
        combine_layers(tuning, "complementary", _Complement(tuning.encoder.width, self.size))


@dataclass(frozen=True)
class Pooling(Technique):
    """The head reads the mean or maximum over tokens (special tokens included) in the place of [CLS] (Reimers & Gurevych 2019)."""

    cites: ClassVar = ("reimers-2019",)
    plain: ClassVar = False
    how: Literal["mean", "max"] = "mean"

    def prepare(self, tuning: Tuning) -> None:
        _need_one_vector(tuning, self)
        _rewrite_output(tuning, "pooling", _Pooled(self.how))


@dataclass(frozen=True)
class NormalisedCLS(Technique):
    """[CLS] is centred and scaled, dimension by dimension, before the head (Zhou et al. 2019): by a batch's own mean and
    variance in training, by their running averages otherwise (and for a batch of one)."""

    cites: ClassVar = ("zhou-2019",)
    plain: ClassVar = False
    momentum: float = 0.1

    def prepare(self, tuning: Tuning) -> None:
        _need_one_vector(tuning, self)
        _rewrite_output(tuning, "cls_norm", _Centred(tuning.encoder.width, self.momentum))


class _Mix(nn.Module):
    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights, self.gamma = nn.Parameter(torch.zeros(layers)), nn.Parameter(torch.ones(()))

    def forward(self, states: Layers, mask: Tensor) -> States:
        return self.gamma * torch.einsum("l,lbtw->btw", torch.softmax(self.weights, 0), torch.stack(states))


class _SqueezeExcite(nn.Module):
    def __init__(self, layers: int, reduction: int) -> None:
        super().__init__()
        small = max(1, layers // reduction)
        self.gates = nn.Sequential(nn.Linear(layers, small), nn.ReLU(), nn.Linear(small, layers), nn.Sigmoid())

    def forward(self, states: Layers, mask: Tensor) -> States:
        stacked = torch.stack(states, dim=1)
        real = mask[:, None, :, None].to(stacked.dtype)
        squeezed = (stacked * real).sum((2, 3)) / (real.sum((2, 3)) * stacked.shape[-1])
        gates = self.gates(squeezed)
        return torch.einsum("bl,bltw->btw", gates / gates.sum(-1, keepdim=True), stacked)


class _Complement(nn.Module):
    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.reader = nn.GRU(width, size, batch_first=True, bidirectional=True)
        self.importance = nn.Linear(2 * size, 1)
        self.fuse, self.out = nn.Linear(4 * width, width), nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Layers, mask: Tensor) -> States:
        length = mask.sum(1).cpu()
        scores = []
        for layer in states:
            packed = nn.utils.rnn.pack_padded_sequence(layer, length, batch_first=True, enforce_sorted=False)
            _, ends = self.reader(packed)
            scores.append(self.importance(torch.cat([ends[0], ends[1]], dim=-1)))
        weights = torch.relu(torch.cat(scores, dim=-1))
        last = states[-1]
        other = torch.einsum("bl,lbtw->btw", weights, torch.stack(states))
        return last + self.out(torch.relu(self.fuse(torch.cat([last, other, other - last, other * last], dim=-1))))


class _Pooled(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, last: States, mask: Tensor) -> States:
        keep = mask[:, :, None]
        if self.how == "mean":
            one = (last * keep).sum(1, keepdim=True) / keep.sum(1, keepdim=True)
        else:
            one = last.masked_fill(keep == 0, torch.finfo(last.dtype).min).amax(1, keepdim=True)
        return one.expand_as(last)


class _Centred(nn.Module):
    def __init__(self, width: int, momentum: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width, momentum=momentum)

    def forward(self, last: States, mask: Tensor) -> States:
        norm = self.norm
        if self.training and len(last) == 1:
            weight, bias = norm.weight, norm.bias
            one = nn.functional.batch_norm(last[:, 0], norm.running_mean, norm.running_var, weight, bias, eps=norm.eps)
        else:
            one = norm(last[:, 0])
        return one[:, None].expand_as(last)


class _Output(nn.Module):
    """Rewrites the trunk's last hidden states by `change`; a pooler reads the changed ones."""

    def __init__(self, change: nn.Module) -> None:
        super().__init__()
        self.change = change
        self.mask: Tensor | None = None

    def remember_mask(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        self.mask = kwargs.get("attention_mask")

    def changed(self, last: States) -> States:
        return self.change(last, self.real(last))

    def real(self, last: States) -> Tensor:
        """1 where a token is, 0 on padding."""
        return torch.ones(last.shape[:2], dtype=torch.long, device=last.device) if self.mask is None else self.mask

    def rewrite(self, module: Any, args: Any, output: Any) -> Any:
        states = self.changed(output[0])
        output["last_hidden_state"] = states
        if getattr(module, "pooler", None) is not None and output.get("pooler_output") is not None:
            output["pooler_output"] = _pooled(module, states)
        return output


class _Combined(_Output):
    """The same, `change` reading all layers."""

    def __init__(self, change: nn.Module, norm: nn.Module | None) -> None:
        super().__init__(change)
        self.seen: Layers = []
        self.norm = [norm] if norm is not None else []  # in a list: it is the trunk's, no submodule

    def listen(self, module: nn.Module, args: Any, output: Any) -> None:
        self.seen.append(first(output))

    def changed(self, last: States) -> States:
        states, self.seen = self.seen, []
        mixed = self.change(states, self.real(last))
        return self.norm[0](mixed) if self.norm else mixed


def combine_layers(tuning: Tuning, name: str, change: nn.Module) -> None:
    """The trunk's output becomes `change` of all layers' states and the attention mask, then the closing norm if there is one."""
    rewriter = _Combined(change, closing_norm(tuning))
    for layer in layers_of(tuning):
        layer.register_forward_hook(rewriter.listen)
    _attach(tuning, name, rewriter)


def _rewrite_output(tuning: Tuning, name: str, change: nn.Module) -> None:
    _attach(tuning, name, _Output(change))


def _attach(tuning: Tuning, name: str, rewriter: _Output) -> None:
    model: Any = tuning.model
    model.add_module(name, rewriter.to(tuning.encoder.device))
    model.register_forward_pre_hook(rewriter.remember_mask, with_kwargs=True)
    # layers are combined first, whatever the order of techniques; pooling reads the combination
    model.base_model.register_forward_hook(rewriter.rewrite, prepend=isinstance(rewriter, _Combined))


def _need_one_vector(tuning: Tuning, technique: Technique) -> None:
    if tuning.task.kind == "token":
        raise BadRequest(
            f"{type(technique).__name__} gives one vector a text, and {tuning.task.name} labels words.", "Leave it out."
        )


def _pooled(base: Any, states: States) -> Tensor:
    """What the trunk's pooler makes of states: a module of its own, or a bare matrix and an activation beside it."""
    if not isinstance(base.pooler, nn.Linear):
        return base.pooler(states)
    activation = getattr(base, "pooler_activation", None) or base.activation
    return activation(base.pooler(states[:, 0]))


__all__ = ["ComplementaryLayers", "NormalisedCLS", "Pooling", "ScalarMix", "SqueezeExcite"]
