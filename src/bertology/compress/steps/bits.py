"""Fewer bits a weight."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from bertology.compress import quantise
from bertology.compress.quantise import QuantisationAware, curvature, mixed_precision
from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import layer_matrices, size_in_bytes
from bertology.compress.steps.teaching import tuned_as
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, encoded


@dataclass(frozen=True)
class Rounded(Step):
    """Fewer bits a weight: after tuning ("plain", "gobo"), or while tuning on ("aware"); with `mixed`, more where the loss curves more.

    The weights stay floats of few values; `stored` has the bytes of the codes. `bits` is for the layers, `embedding_bits` for the
    embeddings (None leaves them).
    """

    needs: ClassVar = ("task",)
    goals: ClassVar = ("bytes",)
    method: Literal["plain", "aware", "gobo"] = "plain"
    bits: float = 8
    embedding_bits: int | None = 8
    group: int | None = None
    mixed: bool = False
    activations: bool = False

    def __call__(self, work: Work) -> Work:
        small = wrap(deepcopy(work.whole.model), work.whole.tokenizer, name=work.original.name, has_mlm=False)
        linear = {n: m for n, m in layer_matrices(small).items() if isinstance(m, nn.Linear)}
        embeddings = {n: m for n, m in small.model.named_modules() if isinstance(m, nn.Embedding)}
        bits = self._mean_bits(work, linear, embeddings)
        each = dict.fromkeys(linear, round(bits))
        if self.mixed:
            lines = encoded(small, work.labelled, work.labelled.limited(64, work.seed).train)
            some = list(batches(lines, work.labelled, 16, small.tokenizer.pad_token_id or 0, small.device))[:2]
            curved = curvature(small.model, work.labelled, some, {n: m.weight for n, m in linear.items()})
            each = mixed_precision({n: m.weight.numel() for n, m in linear.items()}, curved, bits)
        elif round(bits) != bits:
            each = mixed_precision({n: m.weight.numel() for n, m in linear.items()}, dict.fromkeys(linear, 1.0), bits)
        if self.method == "aware":
            others = tuple((n, self.embedding_bits or 16) for n in embeddings)
            technique = QuantisationAware(
                bits=max(8, round(bits)), activations=self.activations, bits_of=(*each.items(), *others), group=self.group
            )  # fmt: skip
            small = tuned_as(small, work, replace(work.tuning, techniques=(technique,)))
            linear = {n: m for n, m in layer_matrices(small).items() if isinstance(m, nn.Linear)}
            embeddings = {n: m for n, m in small.model.named_modules() if isinstance(m, nn.Embedding)}
        held = size_in_bytes(small)
        with torch.no_grad():
            for modules, given in ((linear, each), (embeddings, dict.fromkeys(embeddings, self.embedding_bits))):
                for name, module in modules.items():
                    n_bits = given[name]
                    if n_bits is None:
                        continue
                    few = quantise.gobo if self.method == "gobo" else quantise.uniform
                    options: dict[str, Any] = (
                        {} if self.method == "gobo" or module not in linear.values() else {"group": self.group}
                    )
                    stored = few(module.weight, n_bits, **options)
                    module.weight.copy_(stored.weight)
                    held += round(stored.bits / 8) - 4 * module.weight.numel()
        shown = ", ".join(f"{b} bits: {list(each.values()).count(b)} matrices" for b in sorted(set(each.values())))
        return work.but(small=small, stored=held).noting(f"{shown}; held as floats of few values, no faster here")

    def _mean_bits(self, work: Work, linear: dict[str, Any], embeddings: dict[str, Any]) -> float:
        if work.goal.bytes is None:
            return self.bits
        n = sum(m.weight.numel() for m in linear.values())
        words = sum(m.weight.numel() for m in embeddings.values())
        rest = size_in_bytes(work.whole) - 4 * n - (words * (32 - (self.embedding_bits or 32))) // 8
        bits = 8 * (work.goal.bytes - rest) / n
        if bits < 2:
            least = rest + n // 4
            raise BadRequest(
                f"at 2 bits a weight it would take {least:,} bytes; {work.goal} was asked.", "Ask for more."
            )
        return min(bits, 8.0)
