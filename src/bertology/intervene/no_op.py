"""Is attention to a token a no-operation? Its gradient (Clark et al. 2019, section 3.2), and its loss at equal mass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Edit, Observation
from bertology.intervene.compose import Step, places
from bertology.intervene.importance import Loss
from bertology.intervene.inputs import MaskWords
from bertology.intervene.sweep import cross_entropy_of_masked
from bertology.observe.attention import CLASSES
from bertology.observe.statistic import Arrays, Derived, Scratch, Statistic, add_rows
from bertology.observe.words import token_classes
from bertology.record.errors import BadRequest
from bertology.stats.tally import Tally


class Slopes(NamedTuple):
    """Tallies (block, layer, head, class of CLASSES), layer index 0 being the first layer.

    `slope`: mean |∂loss/∂α| of a query and a key of that class; `share`: share of a query's attention on the class.
    """

    slope: Tally
    share: Tally


@dataclass(frozen=True)
class WordDirections:
    """A loss for encoders without a language-model head: sqrt(π/2) Σ_w u_w · v_w over a sentence's words.

    v_w is the final vector of word w at length 1, u_w ~ N(0, 1) drawn per (seed, sentence). As E|u·x| = sqrt(2/π) ‖x‖,
    the mean absolute slope with respect to a weight estimates how far that weight moves all word vectors together.
    (The distance of the vectors to their intact selves would not serve: its slope there is zero.)
    """

    seed: int = 0

    def __call__(self, batch: Batch, seen: Observation, encoder: Encoder) -> Tensor:
        vectors = torch.nn.functional.normalize(batch.word_vectors(seen.hidden(encoder.n_layers)), dim=-1)
        drawn = np.zeros(vectors.shape, dtype=np.float32)
        for row, line in enumerate(batch.lines):
            n = len(line.pieces)
            drawn[row, :n] = np.random.default_rng([self.seed, line.index]).standard_normal((n, vectors.shape[2]))
        return np.sqrt(np.pi / 2) * (torch.from_numpy(drawn).to(vectors.device, vectors.dtype) * vectors).sum((1, 2))


@dataclass(frozen=True)
class AttentionSlopes(Statistic):
    """|∂loss/∂α| by the class of the key, one backward pass a batch; with MaskedLoss to be measured under MaskWords.

    α is taken as free: that the weights of a query sum to 1 is not counted against it, as in Clark et al.
    """

    gradients: ClassVar[bool] = True
    loss: Loss

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        cells = (encoded.corpus.n_blocks, encoder.n_layers, encoder.n_heads, len(CLASSES))
        blocks = encoded.corpus.n_blocks
        return {
            "slope": np.zeros(cells),
            "mass": np.zeros(cells),
            "pairs": np.zeros((blocks, len(CLASSES))),
            "queries": np.zeros(blocks),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        weights = [seen.attention(layer) for layer in range(1, encoder.n_layers + 1)]
        # asked of the weights only, so that no parameter collects a gradient; the graph may serve other statistics
        slopes = torch.autograd.grad(self.loss(batch, seen, encoder).sum(), weights, retain_graph=True)
        kinds = _onehot(batch, encoder)
        asks = batch.mask.float()
        for layer, (weight, slope) in enumerate(zip(weights, slopes, strict=True)):
            for name, value in (("slope", slope.abs()), ("mass", weight.detach())):
                summed = torch.einsum("bhqk,bq,bkc->bhc", value.float(), asks, kinds)
                add_rows(state[name][:, layer], batch.blocks, summed.double().cpu().numpy())
        queries = batch.lengths.double().cpu().numpy()
        add_rows(state["pairs"], batch.blocks, queries[:, None] * kinds.sum(1).double().cpu().numpy())
        add_rows(state["queries"], batch.blocks, queries)

    def finish(self, state: Arrays) -> Slopes:
        return Slopes(Tally(state["slope"], state["pairs"][:, None, None]), Tally(state["mass"], state["queries"]))


@dataclass(frozen=True)
class WithholdEqually(Step):
    """Every query loses the same mass of attention, taken from the token of class `taken` that it attends to most.

    The mass is the smaller of what the query gives to that token and to its favourite of class `other`: with the two
    names exchanged the same mass is lost elsewhere. Nothing is redistributed, so the head's output lacks what the token
    contributed. One token, not the class: a mean over many words is shorter than each of them, which would make any
    single token look as if it mattered more.
    """

    taken: str
    other: str
    spread: bool = False
    """Take it from all tokens of the class in proportion to their weights; the classes' sums then bound the mass."""

    def __post_init__(self) -> None:
        if self.taken == self.other or not {self.taken, self.other} <= set(CLASSES):
            raise BadRequest(f"{self.taken!r} and {self.other!r} do not fit.", f"Name two of {', '.join(CLASSES)}.")

    @property
    def key(self) -> str:
        which = "all" if self.spread else "the favourite"
        return f"withhold attention from {which} {self.taken}, as much as {which} {self.other} could lose too"

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        kinds = _onehot(batch, encoder).bool()
        taken, other = (kinds[:, None, None, :, CLASSES.index(name)] for name in (self.taken, self.other))

        def edit(weights: Tensor, _: Tensor | None) -> Tensor:
            if self.spread:
                own, there = weights.masked_fill(~taken, 0), weights.masked_fill(~other, 0).sum(-1, keepdim=True)
                mass = own.sum(-1, keepdim=True)
                return weights - own * (torch.minimum(mass, there) / mass.clamp(min=torch.finfo(mass.dtype).tiny))
            mass, place = weights.masked_fill(~taken, 0).max(-1, keepdim=True)
            lost = torch.minimum(mass, weights.masked_fill(~other, 0).amax(-1, keepdim=True))
            return weights.scatter_add(-1, place, -lost)

        return dict.fromkeys(places(encoder, [attention()]), edit)


class Withheld(NamedTuple):
    """Tallies (block, class), classes as asked. `shift`: mean over words of 1 − cosine between intact and changed
    final vector; `loss`: rise of the masked cross-entropy in nats (None without a language-model head). A sentence
    weighs 1."""

    shift: Tally
    loss: Tally | None


@dataclass(frozen=True)
class Withholding(Derived):
    """What an encoder loses when attention to one class or the other is withheld in all layers, at equal mass."""

    classes: tuple[str, str] = ("sep", "word")
    spread: bool = False
    rate: float = 0.15
    seed: int = 0

    def needs(self) -> dict[str, Any]:
        return {}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        blocks = encoded.corpus.n_blocks
        state = {"shift": np.zeros((blocks, 2)), "loss": np.zeros((blocks, 2)), "weight": np.zeros(blocks)}
        steps = [WithholdEqually(taken, other, self.spread) for taken, other in (self.classes, self.classes[::-1])]
        for plain in encoder.batches(encoded.corpus):
            batch = MaskWords(self.rate, self.seed).change(plain, encoder) if encoder.has_mlm else plain
            with torch.inference_mode():
                intact = encoder.observe(batch, frozenset((attention(),))).hidden(encoder.n_layers)
                changed = [
                    encoder.observe(batch, edits=s.edits(encoder, batch)).hidden(encoder.n_layers) for s in steps
                ]
                shifts = [_word_shift(batch, output, intact) for output in changed]
                add_rows(state["shift"], batch.blocks, torch.stack(shifts, 1).detach().double().cpu().numpy())
                if encoder.has_mlm:
                    before = cross_entropy_of_masked(encoder, batch, intact)
                    rises = [cross_entropy_of_masked(encoder, batch, output) - before for output in changed]
                    add_rows(state["loss"], batch.blocks, torch.stack(rises, 1).detach().double().cpu().numpy())
            add_rows(state["weight"], batch.blocks, np.ones(len(batch.lines)))
        return {**state, "has_loss": np.array(encoder.has_mlm)}

    def finish(self, state: Arrays) -> Withheld:
        loss = Tally(state["loss"], state["weight"]) if bool(state["has_loss"]) else None
        return Withheld(Tally(state["shift"], state["weight"]), loss)


def _onehot(batch: Batch, encoder: Encoder) -> Tensor:
    """Class of each token, (batch, token, class of CLASSES), float."""
    ids = (getattr(encoder.tokenizer, f"{name}_token_id", None) for name in ("cls", "sep"))
    classes = token_classes(batch, *ids)
    return torch.from_numpy(np.stack([classes == k for k in range(len(CLASSES))], -1)).to(batch.ids.device).float()


def _word_shift(batch: Batch, output: Tensor, intact: Tensor) -> Tensor:
    """Mean over a sentence's words of 1 − cosine, (sentence,)."""
    apart = 1 - torch.cosine_similarity(batch.word_vectors(output), batch.word_vectors(intact), dim=-1)
    return (apart * batch.word_mask).sum(1) / batch.word_mask.sum(1)
