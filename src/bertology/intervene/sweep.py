"""Every head silenced alone (Michel et al. 2019, section 3.2), at about half the price of one full run a head."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.intervene.ablate import Ablate, By, replacement
from bertology.intervene.branch import Branching, branching
from bertology.intervene.compose import check
from bertology.intervene.inputs import MaskWords, masked
from bertology.observe.means import Bank, Means
from bertology.observe.reading import Intervention
from bertology.observe.statistic import Arrays, Derived, add_rows
from bertology.record.errors import BadRequest, NotApplicable
from bertology.stats.tally import Tally

Read = Callable[..., Any]
"""(batch, output) -> numbers (sentence,) or (sentence, k); with `paired`, (batch, output, intact output)."""


class Sweep(NamedTuple):
    """What was read: `heads` Tally (block, layer, head, k) with that head silenced, layer index 0 being the first;
    `intact` Tally (block, k). Every sentence weighs 1."""

    heads: Tally
    intact: Tally

    @property
    def effect(self) -> Tally:
        """Silenced minus intact, (block, layer, head, k), on the same sentences: its intervals are paired."""
        return Tally(self.heads.total - self.intact.total[:, None, None], self.heads.weight)


def ablate_each_head(
    encoder: Encoder,
    corpus: Corpus,
    read: Read,
    *,
    by: By = "zero",
    source: Means | Bank | None = None,
    seed: int = 0,
    under: Intervention | None = None,
    paired: bool = False,
    token_budget: int = 2048,
) -> Sweep:
    """`read` of the encoder's output with each head silenced alone, as `Ablate(head(layer, h), by=by)` silences it.

    `read` reduces the output (batch, token, width) to numbers per sentence; it is called once per batch for the intact
    output and once per head. `under` may change inputs (MaskWords), not sites. `token_budget` bounds the padded tokens
    of a stacked batch; memory is about layers × token_budget hidden states. A head without effect is a result here, not
    an error. Raises NotApplicable where there are no heads, BadRequest for `by` "uniform", and what Ablate raises.
    """
    check(encoder, Site("head"))
    Ablate(Site("head"), by=by, source=source, seed=seed)
    weight = np.zeros(corpus.n_blocks)
    heads, whole = np.zeros(0), np.zeros(0)
    ways: Branching | None = None
    for batch in encoder.batches(corpus, token_budget=max(1, token_budget // encoder.n_heads), attention=False):
        given = under.change(batch, encoder) if under else batch
        if under and under.edits(encoder, given):
            raise BadRequest(
                f"{under.key} edits sites; a sweep takes changes of inputs only.", "Use MaskWords or Shuffle."
            )
        instead = _instead(source, given, seed)
        with torch.inference_mode():
            ways = ways or branching(encoder, given, instead)
            intact, silenced = ways.outputs(given, instead)
            rows = _rows(read, given, intact, intact, paired)
            if not len(heads):
                whole = np.zeros((corpus.n_blocks, rows.shape[1]))
                heads = np.zeros((corpus.n_blocks, encoder.n_layers, encoder.n_heads, rows.shape[1]))
            add_rows(whole, given.blocks, rows)
            for layer, outputs in enumerate(silenced):
                each = np.stack([_rows(read, given, output, intact, paired) for output in outputs], 1)
                add_rows(heads[:, layer], given.blocks, each)
        add_rows(weight, given.blocks, np.ones(len(given.lines)))
    if not len(heads):
        raise BadRequest(f"corpus {corpus.name!r} holds no sentence.", "Give a corpus with sentences.")
    return Sweep(Tally(heads, weight), Tally(whole, weight))


def sentence_shift(batch: Batch, output: Tensor, intact: Tensor) -> Tensor:
    """1 − cosine between silenced and intact sentence vector (mean over real tokens), (sentence,); needs `paired`."""
    mask = batch.mask[..., None].to(output.dtype)
    return 1 - torch.cosine_similarity((output * mask).sum(1), (intact * mask).sum(1), dim=-1)


def masked_loss(encoder: Encoder) -> Read:
    """A read: mean cross-entropy in nats of a sentence's masked subwords, under MaskWords. Raises NotApplicable."""
    if not encoder.has_mlm:
        raise NotApplicable(f"{encoder.name} has no masked-language-model head")

    def read(batch: Batch, output: Tensor) -> Tensor:
        return cross_entropy_of_masked(encoder, batch, output)

    return read


def cross_entropy_of_masked(encoder: Encoder, batch: Batch, output: Tensor) -> Tensor:
    """Mean cross-entropy in nats over each sentence's masked subwords, (sentence,); 0 where none is masked."""
    hidden_at, original = masked(batch)
    logits = encoder.mlm_logits(output[:, : batch.ids.shape[1]][hidden_at])
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = torch.nn.functional.cross_entropy(logits, original[hidden_at], reduction="none")
    rows = torch.nonzero(hidden_at)[:, 0]
    total = losses.new_zeros(len(batch.lines)).index_add(0, rows, losses)
    return total / hidden_at.sum(1).clamp(min=1)


@dataclass(frozen=True)
class EachHeadAblated(Derived):
    """The zero-ablation sweep as something a claim can measure; its answer is a Sweep with k = 1.

    `effect` "shift" reads `sentence_shift` of unmasked text; "masked loss" reads `masked_loss` under MaskWords.
    """

    effect: str = "shift"
    rate: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.effect not in ("shift", "masked loss"):
            raise BadRequest(f"effect {self.effect!r} is not known.", "Choose 'shift' or 'masked loss'.")

    def needs(self) -> dict[str, Any]:
        return {}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        if self.effect == "shift":
            found = ablate_each_head(encoder, encoded.corpus, sentence_shift, paired=True)
        else:
            read = masked_loss(encoder)
            found = ablate_each_head(encoder, encoded.corpus, read, under=MaskWords(self.rate, self.seed))
        weight = found.intact.weight[:, 0]
        return {"heads": found.heads.total, "intact": found.intact.total, "weight": np.array(weight)}

    def finish(self, state: Arrays) -> Sweep:
        return Sweep(Tally(state["heads"], state["weight"]), Tally(state["intact"], state["weight"]))


def _instead(source: Means | Bank | None, batch: Batch, seed: int) -> Callable[[int], Tensor | None]:
    return lambda layer: None if source is None else replacement(source, ("head", layer), batch, seed)


def _rows(read: Read, batch: Batch, output: Tensor, intact: Tensor, paired: bool) -> NDArray[np.float64]:
    """What was read, (sentence, k)."""
    found = read(batch, output, intact) if paired else read(batch, output)
    array = np.asarray(found.detach().double().cpu() if isinstance(found, Tensor) else found, dtype=np.float64)
    if array.ndim not in (1, 2) or len(array) != len(batch.lines):
        raise BadRequest(
            f"`read` gave shape {array.shape} for {len(batch.lines)} sentences.", "Return (sentence,) or (sentence, k)."
        )
    return array.reshape(len(array), -1)
