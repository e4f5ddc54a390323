"""One intact pass that branches at each layer into copies with one head silenced each.

A layer's attention runs once. The output projection is linear, so "without head h" is the intact projection minus what
head h put in; what follows in the layer runs on intact and silenced copies along one new leading axis. The layers above
run on the copies stacked into one batch, and start from the embeddings of the intact pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.record.errors import NotFinite

Instead = Callable[[int], Tensor | None]
"""A layer to what stands in for its heads' outputs, broadcastable to (batch, token, head, head_width); None is zero."""

_LayerRun = Callable[[int, nn.Module, Callable[[Tensor], Any], Tensor], Any]
"""(number of the layer, its module, a call that runs it on given states, its input) -> what the layer returns."""


@dataclass
class Branching:
    """Runs an encoder intact and with each head silenced alone. `forks` is how the copies of a layer are made:
    True after its attention, False by running the whole layer again on stacked copies, which fits any layer."""

    encoder: Encoder
    forks: bool = True
    modules: list[nn.Module] = field(init=False)

    def __post_init__(self) -> None:
        self.modules = list(dict.fromkeys(layer_modules(self.encoder.base, self.encoder.family)))

    def outputs(self, batch: Batch, instead: Instead) -> tuple[Tensor, Iterator[Tensor]]:
        """The intact output (batch, token, width), and per layer the outputs (head, batch, token, width).

        Memory: layers × heads × the batch's hidden states. Raises NotFinite.
        """
        encoder = self.encoder
        branches: dict[int, Tensor] = {}
        record = self._fork if self.forks else self._copy
        with (
            self._watching_embeddings() as embedded,
            self._layers(lambda number, module, run, states: record(branches, instead, number, module, run, states)),
        ):
            intact = encoder.base(**encoder.inputs(batch))[0]
        if not bool(torch.isfinite(intact[batch.mask]).all()):
            raise NotFinite(
                f"{encoder.name} gives NaN or infinite activations.", "Check the weights, or run with --dtype float32."
            )
        stacked = _stacked(batch, encoder.n_heads)

        def silenced() -> Iterator[Tensor]:
            for layer in range(1, encoder.n_layers + 1):
                above = self._above(stacked, layer, branches.pop(layer), embedded, instead)
                yield above.unflatten(0, (encoder.n_heads, -1))

        return intact, silenced()

    def _fork(
        self, branches: dict[int, Tensor], instead: Instead, number: int, module: nn.Module, run: Any, given: Tensor
    ) -> Any:
        """Runs the layer on intact and silenced copies; the copies go to `branches`, the intact output on."""

        def fork(projection: nn.Module, args: tuple[Any, ...], out: Tensor) -> Tensor:
            heads = args[0].unflatten(-1, (self.encoder.n_heads, -1))
            new = instead(number)
            lost = heads if new is None else heads - _padded(new, heads)
            weight = projection.weight.unflatten(1, (self.encoder.n_heads, -1))  # type: ignore[operator]
            copies = out.new_empty(self.encoder.n_heads + 1, *out.shape)
            copies[0] = out
            torch.sub(out, torch.einsum("bthd,whd->hbtw", lost, weight), out=copies[1:])
            return copies

        handle = self._projection(module).register_forward_hook(fork)
        try:
            output = run(given)
        finally:
            handle.remove()
        states = output[0] if isinstance(output, tuple) else output
        branches[number] = states[1:].flatten(0, 1)
        return (states[0], *output[1:]) if isinstance(output, tuple) else states[0]

    def _copy(
        self, branches: dict[int, Tensor], instead: Instead, number: int, module: nn.Module, run: Any, states: Tensor
    ) -> Any:
        branches[number] = states.repeat(self.encoder.n_heads, *[1] * (states.ndim - 1))
        return run(states)

    def _above(self, stacked: Batch, layer: int, states: Tensor, embedded: list[Tensor], instead: Instead) -> Tensor:
        """The outputs of the stacked copies: from above `layer` when they were forked, with all of it when copied."""
        handed_on = (states, *[None] * (self.encoder._layer_outputs - 1)) if self.encoder._layer_outputs else states

        def silence(projection: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            count = self.encoder.n_heads
            heads = args[0].unflatten(-1, (count, -1)).unflatten(0, (count, -1)).clone()
            new = instead(layer)
            for head in range(count):
                heads[head, ..., head, :] = 0 if new is None else _padded(new, heads[head])[..., head, :]
            return (heads.flatten(0, 1).flatten(-2), *args[1:])

        def layer_run(number: int, module: nn.Module, run: Callable[[Tensor], Any], given: Tensor) -> Any:
            if number < layer or (self.forks and number == layer):
                return handed_on
            if number > layer:
                return run(given)
            handle = self._projection(module).register_forward_pre_hook(silence)
            try:
                return run(states)  # not `given`: DeBERTa's convolution would be applied to the copies a second time
            finally:
                handle.remove()

        with self._embeddings_stubbed(embedded), self._layers(layer_run):
            return self.encoder.base(**self.encoder.inputs(stacked))[0]

    def _projection(self, module: nn.Module) -> nn.Module:
        return module.get_submodule(self.encoder.family.head or "")

    @contextmanager
    def _layers(self, layer_run: _LayerRun) -> Iterator[None]:
        """Inside, each call of a layer goes through `layer_run`; calls are numbered from 1, so shared modules work."""
        original = {module: module.forward for module in self.modules}
        numbers = iter(range(1, self.encoder.n_layers + 1))

        def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            states = args[0] if args else kwargs["hidden_states"]

            def run(on: Tensor) -> Any:
                changed = ((on, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": on})
                return original[module](*changed[0], **changed[1])

            return layer_run(next(numbers), module, run, states)

        for module in self.modules:
            module.forward = partial(forward, module)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for module in self.modules:
                del module.forward

    @property
    def _embeddings(self) -> nn.Module | None:
        found = getattr(self.encoder.base, "embeddings", None)
        return found if isinstance(found, nn.Module) else None

    @contextmanager
    def _watching_embeddings(self) -> Iterator[list[Tensor]]:
        """Collects what the embedding module returns, where there is one and it returns a tensor."""
        noted: list[Tensor] = []
        note = lambda module, args, out: noted.append(out) if isinstance(out, Tensor) else None
        handle = self._embeddings.register_forward_hook(note) if self._embeddings is not None else None
        try:
            yield noted
        finally:
            if handle is not None:
                handle.remove()

    @contextmanager
    def _embeddings_stubbed(self, embedded: list[Tensor]) -> Iterator[None]:
        """Inside, the embedding module hands on the intact result; DeBERTa's convolution reads it above layer 1."""
        module = self._embeddings
        if module is None or len(embedded) != 1:
            yield
            return
        copies = embedded[0][None].expand(self.encoder.n_heads, *embedded[0].shape).flatten(0, 1)
        module.forward = lambda *args, **kwargs: copies  # type: ignore[method-assign]
        try:
            yield
        finally:
            del module.forward


def branching(encoder: Encoder, batch: Batch, instead: Instead) -> Branching:
    """The cheapest way to branch that is right for this encoder, tried on a few sentences.

    Forking is right where a layer goes on along a leading axis after its projection: then the intact copies give the
    encoder's own output, and head by head the copies equal those of whole layers run again.
    """
    two = {name: getattr(batch, name)[:2] for name in ("lines", "ids", "mask", "special", "types")}
    few = replace(batch, **two)
    forked, whole = Branching(encoder), Branching(encoder, forks=False)
    trial = lambda layer: None if (new := instead(layer)) is None else new[: len(few.lines)]
    try:
        results = [[intact[None], *copies] for intact, copies in (way.outputs(few, trial) for way in (forked, whole))]
    except (RuntimeError, ValueError, IndexError, AttributeError):
        return whole
    for a, b in zip(*results, strict=True):
        if a.shape != b.shape or float((a - b)[:, few.mask].abs().max()) > 1e-4 * float(b[:, few.mask].abs().max()):
            return whole
    return forked


def _stacked(batch: Batch, copies: int) -> Batch:
    """The batch `copies` times, copy by copy."""
    ids, mask, special, types = (t.repeat(copies, 1) for t in (batch.ids, batch.mask, batch.special, batch.types))
    return replace(batch, lines=batch.lines * copies, ids=ids, mask=mask, special=special, types=types)


def _padded(new: Tensor, heads: Tensor) -> Tensor:
    """Longformer pads beyond the batch's own width; padding takes zeros."""
    extra = heads.shape[1] - new.shape[1]
    if new.shape[1] > 1 and extra:
        new = torch.cat([new, new.new_zeros(len(new), extra, *new.shape[2:])], 1)
    return new.to(heads.dtype)
