"""An encoder seen uniformly: any BERT family, one shape."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded, encode
from bertology.encoder.backend import attention as attention_backend
from bertology.encoder.batch import Batch, batched
from bertology.encoder.families import AFTER_PADDING, Family, kind
from bertology.encoder.head import mlm_logits
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit, Observation, Watcher, expand, layer_modules
from bertology.record.errors import BadWeights, NotApplicable, NotFinite


@dataclass(eq=False)
class Encoder:
    """A loaded model. Made by `load` or `wrap`; `name` is what reports print."""

    model: nn.Module
    tokenizer: Any
    family: Family
    name: str
    has_mlm: bool
    twin_seed: int | None = None
    twins_from: int = 0
    _encoded: dict[str, Encoded] = field(default_factory=dict, repr=False)

    # What it is

    @property
    def config(self) -> Any:
        return self.model.config

    @cached_property
    def base(self) -> nn.Module:
        """The trunk: embeddings and layers, without a task head."""
        return self.model.base_model  # type: ignore[return-value]

    @cached_property
    def n_layers(self) -> int:
        return int(self.config.num_hidden_layers) * int(getattr(self.config, "inner_group_num", 1))

    @cached_property
    def n_heads(self) -> int:
        heads = self._even_heads or int(self.config.num_attention_heads)
        return heads // int(getattr(self.config, "head_ratio", 1)) if kind(self.config) == "convbert" else heads

    @property
    def _even_heads(self) -> int:
        """Heads of every layer of an encoder with parts taken out; 0 where layers differ or nothing was taken out."""
        counts = {len(heads) for heads in self.config.cut["kept"][1]} if getattr(self.config, "cut", None) else set()
        return counts.pop() if len(counts) == 1 else 0

    @cached_property
    def width(self) -> int:
        """Size of the hidden states between layers."""
        return int(self.config.hidden_size)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.model.parameters()).dtype

    @cached_property
    def has(self) -> frozenset[str]:
        """The places that exist: among attention, head, value, neuron, hidden, mlm, segments, cls, sep, mask, layers."""
        places = {"hidden", *self._seen_kinds}
        if self.has_mlm:
            places.add("mlm")
        if (
            "token_type_ids" in self.tokenizer.model_input_names
            and int(getattr(self.config, "type_vocab_size", 0) or 0) > 1
        ):
            places.add("segments")
        for name in ("cls", "sep", "mask"):
            if getattr(self.tokenizer, f"{name}_token_id", None) is not None:
                places.add(name)
        return frozenset(places)

    @cached_property
    def max_length(self) -> int:
        """The longest input in subwords, special tokens included."""
        positions = int(getattr(self.config, "max_position_embeddings", 0) or 10**9)
        if kind(self.config) in AFTER_PADDING:
            positions -= int(self.config.pad_token_id or 0) + 1
        limit = int(min(positions, getattr(self.tokenizer, "model_max_length", positions) or positions))
        return limit if limit > 0 else 512

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over the weights, their names and dtype, and the vocabulary."""
        digest = hashlib.sha256(repr(sorted(self.tokenizer.get_vocab().items())).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data if tensor.numel() else b"")
        return digest.hexdigest()[:16]

    @cached_property
    def n_parameters(self) -> int:
        """Parameters of the trunk and, if there is one, the MLM head; tied ones counted once."""
        return sum(p.numel() for p in self.model.parameters())

    def randomised(self, seed: int = 0) -> "Encoder":
        """The random twin: same architecture and tokenizer, weights drawn anew from the config's initialiser."""
        seed += self.twins_from
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = type(self.model)(self.config)
        model = model.to(device=self.device, dtype=self.dtype).eval()
        return Encoder(model, self.tokenizer, self.family, f"random twin of {self.name}", self.has_mlm, twin_seed=seed)

    def with_other_twins(self, number: int) -> "Encoder":
        """This very encoder, whose random twins are drawn from other seeds; 0 gives the usual ones."""
        return replace(self, twins_from=1000 * number)

    # What it reads

    def encode(self, corpus: Corpus) -> Encoded:
        """The corpus in this encoder's subwords; kept for the encoder's life."""
        if corpus.fingerprint not in self._encoded:
            self._encoded[corpus.fingerprint] = encode(corpus, self.tokenizer, self.max_length)
        return self._encoded[corpus.fingerprint]

    def batches(self, corpus: Corpus, *, token_budget: int = 4096, attention: bool = True) -> Iterator[Batch]:
        """Length-sorted batches of at most `token_budget` padded tokens."""
        maps = self.n_layers * self.n_heads if attention else 0
        pad = self.tokenizer.pad_token_id or 0
        return batched(self.encode(corpus), pad_id=pad, token_budget=token_budget, maps=maps, device=self.device)

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """The keyword arguments of the model for a batch."""
        given = {"input_ids": batch.ids, "attention_mask": batch.mask.long()}
        if "segments" in self.has:
            given["token_type_ids"] = batch.types
        return given

    # What it shows

    def observe(
        self,
        batch: Batch,
        sites: frozenset[Site] = frozenset(),
        *,
        edits: Mapping[tuple[str, int], Edit] | None = None,
        gradients: bool = False,
    ) -> Observation:
        """One forward pass of the trunk, reading `sites`, with `edits` applied where they name.

        `gradients` keeps the graph, so that a loss on what was read can be propagated back to it. Raises NotFinite
        when the encoder's output is NaN or infinite.
        """
        read = expand(sites, self.n_layers) | {("hidden", self.n_layers)}
        edits = edits or {}
        watcher = Watcher(self.base, self.family, self.n_heads, self.n_layers, read, edits, gradients)
        eager = any(kind == "attention" for kind, _ in (*read, *edits))
        given = self.inputs(batch)
        with (
            torch.set_grad_enabled(gradients),
            attention_backend(self.model, "eager" if eager else None),
            watcher.watching() as observation,
        ):
            self.base(**given)
        if not bool(torch.isfinite(observation.hidden(self.n_layers).sum())):
            culprit = next(
                (batch.sentences[row].id for row in range(len(batch.lines))
                 if not bool(torch.isfinite(observation.hidden(self.n_layers)[row][batch.mask[row]]).all())), None,
            )  # fmt: skip
            if culprit is not None:
                raise NotFinite(
                    f"{self.name} gives NaN or infinite activations on sentence {culprit}.",
                    "Check the weights, or run with --dtype float32.",
                )
        return observation

    def resume(
        self, batch: Batch, layer: int, states: Float[Tensor, "batch token width"]
    ) -> Float[Tensor, "batch token width"]:
        """The encoder's output when hidden(layer) is `states`: only the layers above are computed.

        The model runs its own forward, so masks and positions are its own; layers up to `layer` hand `states` on.
        """
        given, width = self.inputs(batch), self._layer_outputs
        handed_on = (states, *[None] * (width - 1)) if width else states
        counter = iter(range(1, self.n_layers + 1))
        modules = layer_modules(self.base, self.family)
        original = {module: module.forward for module in modules}

        def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if next(counter) <= layer:
                return handed_on
            return original[module](*args, **kwargs)

        for module in modules:
            module.forward = lambda *args, _m=module, **kwargs: forward(_m, *args, **kwargs)  # type: ignore[method-assign]
        try:
            with torch.inference_mode():
                return self.base(**given)[0]
        finally:
            for module in modules:
                del module.forward

    def mlm_logits(self, states: Float[Tensor, "position width"]) -> Float[Tensor, "position vocabulary"]:
        """The masked-language-model head on any hidden states: the trunk is stubbed and the model runs its own head."""
        if not self.has_mlm:
            raise NotApplicable(f"{self.name} has no masked-language-model head")
        return mlm_logits(self.model, states)

    def output_weight(self, layer: int) -> Float[Tensor, "head width head_width"]:
        """The part of the attention output projection that reads each head of a layer (1 to L)."""
        if not self.family.head:
            raise NotApplicable(f"{self.name} has no attention heads")
        weight = self._layer_order[layer - 1].get_submodule(self.family.head).weight
        return weight.detach().unflatten(1, (self.n_heads, -1)).transpose(0, 1)  # type: ignore[operator]

    @cached_property
    def _layer_order(self) -> list[nn.Module]:
        """The module of each layer, in the order of calls; shared layers repeat."""
        watcher = Watcher(self.base, self.family, self.n_heads, self.n_layers, frozenset(), {})
        ids = torch.tensor([self.tokenizer("a b c")["input_ids"]], device=self.device)
        with torch.inference_mode(), watcher.watching():
            self.base(input_ids=ids, attention_mask=torch.ones_like(ids))
        return watcher.order

    @cached_property
    def _layer_outputs(self) -> int:
        """Length of the tuple that a layer returns; 0 for a bare tensor."""
        widths: list[int] = []
        hook = layer_modules(self.base, self.family)[0].register_forward_hook(
            lambda module, args, output: widths.append(len(output) if isinstance(output, tuple) else 0)
        )
        try:
            self._first_look(frozenset())
        finally:
            hook.remove()
        return widths[0]

    @cached_property
    def _seen_kinds(self) -> frozenset[str]:
        """Which sites a forward pass really shows in every layer: the row's promise, checked."""
        kinds = ["attention", "head", "value", "neuron"]
        if getattr(self.config, "cut", None):  # numbers of heads and neurons must not differ between layers
            neurons = {len(each) for each in self.config.cut["kept"][2]}
            kinds = [*(kinds[:3] if self._even_heads else []), *(kinds[3:] if len(neurons) == 1 else [])]
        observation = self._first_look(frozenset(Site(kind) for kind in kinds))
        if observation.calls.get("layer") != self.n_layers:
            raise BadWeights(
                f"{self.name} calls {observation.calls.get('layer')} layers, its config says {self.n_layers}.",
                "The family row does not fit this model; run `bertology check`.",
            )
        return frozenset(
            k for k in kinds if all((k, layer) in observation.seen for layer in range(1, self.n_layers + 1))
        )

    def _first_look(self, sites: frozenset[Site]) -> Observation:
        ids = torch.tensor([self.tokenizer("a b c")["input_ids"]], device=self.device)
        read = expand(sites, self.n_layers)
        watcher = Watcher(self.base, self.family, self.n_heads, self.n_layers, read, {})
        with (
            torch.inference_mode(),
            attention_backend(self.model, "eager" if Site("attention") in sites else None),
            watcher.watching() as observation,
        ):
            self.base(input_ids=ids, attention_mask=torch.ones_like(ids))
        return observation
