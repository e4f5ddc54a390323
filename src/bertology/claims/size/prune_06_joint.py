"""Ablating components together does far more than the sum of ablating each (Rogers et al. 2020)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.claims.registry import claim
from bertology.compress.artefacts import in_random_order
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.sites import head
from bertology.intervene.ablate import Ablate
from bertology.intervene.branch import branching
from bertology.intervene.inputs import MaskWords
from bertology.intervene.sweep import cross_entropy_of_masked
from bertology.observe import Asking, Derived, measure, together
from bertology.observe.statistic import Arrays, add_rows
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

SENTENCES = 250
HALVES = 6
TOKENS = 2048
"""Padded tokens, over heads, of a batch whose copies with one head silenced are stacked."""
FAR = 2.0
"""Joint effects beyond this many times the sum of single ones are far more."""


@claim(
    id="prune-06",
    section="6.3",
    says="Ablating components together does far more than the sum of ablating each, so single ablations mislead.",
    cites=("rogers-2020",),
    method="""Rise of the loss on masked words when heads are silenced (output zero): each head alone, six random halves of all heads together, and
    each layer's heads together, on the same sentences and masks. Holds if a random half raises the loss by more than twice the sum of
    what its heads raise alone (falls count as falls), and its excess over the sum is larger than in the random twin. Without
    fine-tuning.""",
    expects={
        "joint rise − twice the sum of single rises": above(0.0),
        "joint rise − sum, beyond the random twin": above(0.0),
    },
    needs=("mlm", "head", "text"),
)
def joint_ablation_does_more(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    layers, heads = encoder.n_layers, encoder.n_heads
    every = [(layer, h) for layer in range(1, layers + 1) for h in range(heads)]
    if len(every) < 4:
        raise NotApplicable(f"{encoder.name} has {len(every)} heads: too few for halves")
    halves = [tuple(sorted(in_random_order(layers, heads, 100 * seed + k)[: len(every) // 2])) for k in range(HALVES)]
    of_layer = [tuple((layer, h) for h in range(heads)) for layer in range(1, layers + 1)]
    sets = (*((cell,) for cell in every), *halves, *of_layer)
    real, random = yield from together(
        measure(HeadsSilenced(sets, seed, SENTENCES), over=corpora.text), measure(HeadsSilenced(sets, seed, SENTENCES), over=corpora.text, twin=True)
    )  # fmt: skip
    n = len(every)
    member = np.array([[cell in one for cell in every] for one in (*halves, *of_layer)], dtype=float)

    def excess(rates: NDArray[np.float64], times: float, joint: slice) -> NDArray[np.float64]:
        """Mean over sets of the joint rise minus some times the sum of single ones, (draw,)."""
        rise = rates[..., 1:] - rates[..., :1]
        return (rise[..., n:] - times * (rise[..., :n] @ member.T))[..., joint].mean(-1)

    half, layer_ = slice(0, HALVES), slice(HALVES, None)
    estimate = lambda function, *tallies: bootstrap(function, *tallies, unit="nats", seed=seed)
    values = {
        "joint rise − twice the sum of single rises": estimate(lambda r: excess(r, FAR, half), real),
        "joint rise − sum, beyond the random twin": estimate(lambda r, t: excess(r, 1, half) - excess(t, 1, half), real, random),
        "joint rise of a random half": estimate(lambda r: excess(r, 0, half), real),
        "sum of single rises in it": estimate(lambda r: excess(r, 0, half) - excess(r, 1, half), real),
        "joint rise − sum, heads of one layer": estimate(lambda r: excess(r, 1, layer_), real),
    }  # fmt: skip
    baselines = {"random twin: joint rise − twice the sum": estimate(lambda r: excess(r, FAR, half), random)}
    rows = []
    for k, one in enumerate(sets):
        e = bootstrap(lambda r, k=k: r[..., 1 + k] - r[..., 0], real, unit="nats", seed=seed, draws=300)
        of = {1: (one[0][0], one[0][1])}.get(len(one), (k - n - HALVES + 1 if k >= n + HALVES else -1, -1))
        label = "alone" if len(one) == 1 else "all of the layer" if k >= n + HALVES else f"random half {k - n}"
        rows.append(Row("rise of the masked loss", e.value, e.low, e.high, e.n, *of, label))
    return Finding(values, baselines, rows)


@dataclass(frozen=True)
class HeadsSilenced(Derived):
    """Loss on masked words in nats, Tally (block, 1 + set): intact first, then with each set of heads silenced together."""

    sets: tuple[tuple[tuple[int, int], ...], ...]
    """Groups of (layer from 1, head)."""
    seed: int = 0
    sentences: int = SENTENCES

    def needs(self) -> dict[str, Any]:
        return {}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        corpus = encoded.corpus
        kept = sorted(np.random.default_rng([self.seed, 4]).permutation(len(corpus))[: self.sentences].tolist())
        asked, block = replace(corpus, sentences=tuple(corpus[i] for i in kept)), corpus.blocks[kept]
        alone = {one[0]: 1 + k for k, one in enumerate(self.sets) if len(one) == 1}
        branches = len(alone) == encoder.n_layers * encoder.n_heads
        left = {1 + k: one for k, one in enumerate(self.sets) if not (branches and len(one) == 1)}
        ablations = {k: Ablate(*(head(*cell) for cell in one)) for k, one in left.items()}
        loss, weight = np.zeros((corpus.n_blocks, 1 + len(self.sets))), np.zeros(corpus.n_blocks)
        zero, ways = lambda layer: None, None
        for batch in encoder.batches(asked, token_budget=max(1, TOKENS // encoder.n_heads), attention=False):
            covered = MaskWords(seed=self.seed).change(batch, encoder)

            def read(k: int, output: Tensor, batch: Batch = batch, covered: Batch = covered) -> None:
                losses = cross_entropy_of_masked(encoder, covered, output)
                add_rows(loss[:, k], block[batch.indices], losses.double().cpu().numpy())

            with torch.inference_mode():
                if branches:
                    ways = ways or branching(encoder, covered, zero)
                    intact, silenced = ways.outputs(covered, zero)
                    read(0, intact)
                    for layer, outputs in enumerate(silenced, 1):
                        for h, output in enumerate(outputs):
                            read(alone[layer, h], output)
                else:
                    read(0, encoder.observe(covered).hidden(encoder.n_layers))
                for k, ablation in ablations.items():
                    edits = ablation.edits(encoder, covered)
                    read(k, encoder.observe(covered, edits=edits).hidden(encoder.n_layers))
            add_rows(weight, block[batch.indices], np.ones(len(batch.lines)))
        return {"loss": loss, "weight": weight}

    def finish(self, state: Arrays) -> Tally:
        return Tally(state["loss"], state["weight"])
