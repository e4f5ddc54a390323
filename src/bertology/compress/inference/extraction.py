"""A family's own classification model whose layers hand on fewer tokens than they were given (PoWER-BERT: Goyal et al. 2020).

A token's significance in a layer is the attention it receives, summed over heads and queries. Tokens leave for good, with all that a layer
knows of their places; whether a family lets them is tried on the encoder. How many stay is learnt in compress/inference/tokens.py.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bertology.compress.inference import layerwise
from bertology.compress.inference.layerwise import (
    Ours,
    altered,
    first,
    in_our_class,
    layer_by_layer,
    states_of,
    token_axes,
    with_output,
    with_states,
)
from bertology.encoder.backend import set_attention
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import kind
from bertology.encoder.watch import _SoftmaxTap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.task import Task


class Tokens(Ours):
    """A family's classification model whose layers hand on fewer tokens; `config.tokens` has how many ("keep"), and whether tokens leave
    between a layer's attention and its feed-forward, as in the paper, or behind the layer, where a family does not let them ("between")."""

    prefix = "tokens-"
    field = "tokens"

    def complete(self: Any) -> None:
        """Attention weights are read, so attention is eager."""
        set_attention(self, "eager")

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = self.config.tokens
        with leaving(self, mask_of(args, kwargs), _Hard(given["keep"], token_axes(self)), between=given["between"]):
            return super().forward(*args, **kwargs)  # type: ignore[misc]


def register(model_type: str) -> None:
    """Makes transformers' Auto classes load models that drop tokens around a family."""
    layerwise.register(Tokens, model_type)


class Choice:
    """What becomes of the tokens after a layer. This one keeps them all."""

    def after(
        self, layer: int, states: Float[Tensor, "batch token width"], received: Float[Tensor, "batch token"], here: Bool[Tensor, "batch token"]
    ) -> Tensor:  # fmt: skip
        """What a layer hands on, from the attention that each token received; `here` marks tokens that are there and no padding."""
        return states

    def here(self, real: Bool[Tensor, "batch token"]) -> Bool[Tensor, "batch token"]:
        """Of the tokens that are no padding at first, those that the next layer reads."""
        return real

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A layer's arguments for the tokens that are left."""
        return args, kwargs

    def attended(self, weights: Float[Tensor, "batch head query key"]) -> Float[Tensor, "batch head query key"]:
        """What the layer attends by."""
        return weights


class _Hard(Choice):
    """The most significant stay, in the order of the text; [CLS] always, padding last."""

    def __init__(self, keep: Sequence[int], axes: layerwise.Axes) -> None:
        self.keep, self.axes = keep, axes
        self.index: Tensor | None = None
        """The places, in the text, of those that are left; None means all."""

    def after(self, layer: int, states: Tensor, received: Tensor, here: Tensor) -> Tensor:
        n = min(self.keep[layer - 1], int(here.sum(1).max()))
        if n >= states.shape[1]:
            return states
        place = significant(received, here, n)
        self.index = place if self.index is None else self.index.gather(1, place)
        return states.gather(1, place[..., None].expand(-1, -1, states.shape[-1]))

    def here(self, real: Tensor) -> Tensor:
        return real if self.index is None else real.gather(1, self.index)

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.index is None:
            return args, kwargs
        index: Tensor = self.index

        def chosen(way: Any, tensor: Tensor) -> Tensor:
            for axis in self.axes.get(way, ()):
                tensor = _gathered(tensor, axis, index)
            return tensor

        return altered(args, kwargs, chosen)


class _Masked(Choice):
    """The same tokens stay where they are, and from the next layer on no one attends to those that would leave: the reference."""

    def __init__(self, keep: Sequence[int]) -> None:
        self.keep, self.left = keep, torch.tensor(True)

    def after(self, layer: int, states: Tensor, received: Tensor, here: Tensor) -> Tensor:
        n = min(self.keep[layer - 1], int(here.sum(1).max()))
        self.left = torch.zeros_like(here).scatter(1, significant(received, here, n), True) & here
        return states

    def here(self, real: Tensor) -> Tensor:
        return real & self.left

    def attended(self, weights: Tensor) -> Tensor:
        if self.left.ndim == 0:
            return weights
        left = weights * self.left[:, None, None, :]
        return left / left.sum(-1, keepdim=True).clamp(min=1e-30)


def significant(
    received: Float[Tensor, "batch token"], here: Bool[Tensor, "batch token"], n: int
) -> Int[Tensor, "batch n"]:
    """Places of the n most significant tokens in the order of the text: [CLS] always, padding last."""
    score = received.masked_fill(~here, -1.0)
    score[:, 0] = torch.inf
    return score.topk(n, dim=1).indices.sort(dim=1).values


def _gathered(tensor: Tensor, axis: int, index: Int[Tensor, "batch token"]) -> Tensor:
    """Each text's own places along an axis; a tensor that all texts share becomes one a text."""
    if axis == 0:
        raise NotApplicable("its layers hold something of each token that texts do not have apart")
    tensor = tensor.expand(len(index), *tensor.shape[1:])
    shape = [len(index), *[1] * (tensor.ndim - 1)]
    shape[axis] = index.shape[1]
    wanted = [*tensor.shape]
    wanted[axis] = index.shape[1]
    return tensor.gather(axis, index.view(shape).expand(wanted))


@contextmanager
def leaving(model: Any, mask: Tensor, choice: Choice, *, between: bool) -> Iterator[None]:
    """Inside, one forward pass in which `choice` decides after each layer, or `between` its attention and its feed-forward."""
    real = mask.bool()

    def layer(number: int, module: Any, run: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        here, states = choice.here(real), states_of(args, kwargs)
        args, kwargs = with_states(*choice.arguments(args, kwargs), states)
        seen: list[Tensor] = []

        def tap(weights: Tensor) -> Tensor:
            if seen or weights.ndim != 4 or weights.shape[2:] != (states.shape[1], states.shape[1]):
                return weights
            seen.append(choice.attended(weights))
            return seen[0]

        def decided(output: Any) -> Any:
            if not seen:
                raise BadRequest("attention weights cannot be read.", 'Call model.set_attn_implementation("eager").')
            received = torch.einsum("bhqk,bq->bk", seen[0], here.to(seen[0].dtype))
            return with_output(output, choice.after(number, first(output), received, here))

        with _SoftmaxTap(tap):
            if not between:
                return decided(run(*args, **kwargs))
            hook = module.attention.register_forward_hook(lambda module, args, output: decided(output))
            try:
                return run(*args, **kwargs)
            finally:
                hook.remove()

    with layer_by_layer(model.base_model, layer):
        yield


def mask_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    found = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
    if found is not None:
        return found
    ids = kwargs.get("input_ids", args[0] if args else None)
    return torch.ones_like(ids) if ids is not None else torch.ones_like(kwargs["inputs_embeds"][..., 0])


def with_retention(encoder: Encoder, task: Task, keep: Sequence[int], seed: int = 0) -> Encoder:
    """A copy as a classification model that keeps at most `keep[l - 1]` tokens after layer l, not tuned to it.

    Raises BadRequest for a configuration that does not fit, NotApplicable for a family that does not let tokens leave, for a head that reads
    all tokens, and for tasks that label words.
    """
    keep = tuple(int(k) for k in keep)
    if len(keep) != encoder.n_layers or min(keep) < 1 or any(a < b for a, b in pairwise(keep)):
        raise BadRequest(
            f"{encoder.name} has {encoder.n_layers} layers, the retention is {keep}.",
            "Give one number of tokens for each layer, at least 1, none more than the one before.",
        )
    between = lets_tokens_leave(encoder)
    given = {"keep": list(keep), "between": between}
    return in_our_class(encoder, task, seed, Tokens, given)


def lets_tokens_leave(encoder: Encoder) -> bool:
    """Whether tokens can leave between attention and feed-forward; False where they can behind the layer only.

    Tried: [CLS] must be what it is when the same tokens stay and are not attended to. Raises NotApplicable where it is not.
    """
    name = kind(encoder.config)
    if encoder.family.head is None:
        raise NotApplicable(f"{name} has no attention, by which tokens are chosen")
    if getattr(encoder.config, "classifier_pooling", "cls") != "cls":
        raise NotApplicable(f"the head of {encoder.name} reads all tokens, not [CLS]")
    model: Any = deepcopy(encoder.model).eval()
    set_attention(model, "eager")
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(int(model.config.vocab_size) // 2, int(model.config.vocab_size), (3, 12), generator=generator)
    ids, keep = ids.to(encoder.device), [10, 8, *[6] * encoder.n_layers]
    mask = torch.ones_like(ids)
    mask[1, -4:] = 0

    def cls(choice: Choice, between: bool) -> Tensor | None:
        try:
            with torch.no_grad(), leaving(model, mask, choice, between=between):
                return model.base_model(input_ids=ids, attention_mask=mask)[0][:, 0]
        except (RuntimeError, ValueError, IndexError, AttributeError):
            return None

    reference, axes = cls(_Masked(keep), False), token_axes(model)
    for between in (True, False):
        found = cls(_Hard(keep, axes), between)
        if found is not None and reference is not None and torch.allclose(found, reference, rtol=1e-3, atol=1e-4):
            return between
    raise NotApplicable(f"tokens cannot leave the layers of {name}: they know of places what tokens do not take along")


__all__ = ["Choice", "Tokens", "leaving", "lets_tokens_leave", "mask_of", "register", "significant", "with_retention"]
