"""Perturbed masking (Wu et al. 2020): how much masking one word changes what the encoder makes of another, masked one.

The impact of word j on word i is |H(x without i)_i − H(x without i and j)_i|₂, H being hidden states of a layer. A masked word
has a mask for each of its subwords, and its vector is their mean. The pair (i, j) is masked once and read at both words; rows
of one length share batches whichever sentence they come from, and of their hidden states only the read places are kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.behave.pll import Progress
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Line
from bertology.encoder.batch import collate
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import hidden
from bertology.record.errors import BadRequest, NotApplicable
from bertology.record.keys import made_key


class Impacts(NamedTuple):
    """Impacts of all ordered word pairs, sentence after sentence; `kept[k]` is the place in the corpus of the k-th sentence."""

    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    kept: NDArray[np.int64]

    def of(self, k: int) -> NDArray[np.float32]:
        """(word, other): the impact on `word` of masking `other`; 0 on the diagonal."""
        flat = self.values[self.starts[k] : self.starts[k + 1]]
        n = round(len(flat) ** 0.5)
        return flat.reshape(n, n)


def tokens(encoder: Encoder, corpus: Corpus) -> int:
    """How many tokens `perturb` will read: the sum over sentences of subwords × words × (words + 1) / 2."""
    return sum(len(line.ids) * len(line.pieces) * (len(line.pieces) + 1) // 2 for line in encoder.encode(corpus).lines)


def perturb(
    encoder: Encoder,
    corpus: Corpus,
    *,
    layer: int = -1,
    token_budget: int = 8192,
    progress: Progress = lambda what, done, total: None,
) -> Impacts:
    """The impacts in every sentence that the encoder can read, seen in `layer` (0 the embeddings, -1 the last one).

    Costs `tokens(encoder, corpus)`, which grows with the cube of a sentence's length. Raises NotApplicable without a mask token,
    BadRequest for a layer that is not there.
    """
    if "mask" not in encoder.has:
        raise NotApplicable(f"{encoder.name} has no mask token")
    if not -1 <= layer <= encoder.n_layers:
        raise BadRequest(f"there is no layer {layer}.", f"Give 0 (the embeddings) to {encoder.n_layers}, or -1.")
    layer = encoder.n_layers if layer == -1 else layer
    lines = encoder.encode(corpus).lines
    sizes = np.array([len(line.pieces) for line in lines], dtype=np.int64)
    first_word, starts = (np.concatenate([[0], np.cumsum(part)]) for part in (sizes, sizes**2))
    alone = torch.zeros(int(first_word[-1]), encoder.width)
    values = np.zeros(int(starts[-1]), dtype=np.float32)
    total, done = tokens(encoder, corpus), 0
    for pairs in (False, True):  # one masked word each, which the rows with two are then compared with
        for rows in _batches(lines, pairs, token_budget):
            line, i, j = rows.T
            states = _masked_states(encoder, corpus, lines, rows, layer)
            if pairs:
                for word, other in ((i, j), (j, i)):
                    change = _at_words(states, lines, line, word) - alone[first_word[line] + word]
                    values[starts[line] + word * sizes[line] + other] = change.norm(dim=1).numpy()
            else:
                alone[first_word[line] + i] = _at_words(states, lines, line, i)
            done += len(rows) * states.shape[1]
            progress("perturbed masking", done, total)
    return Impacts(values, starts, np.array([line.index for line in lines], dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Perturbing:
    """The impacts of a corpus, to be made once a run (`perturb`)."""

    encoder: Encoder
    over: Corpus
    layer: int = -1

    @property
    def key(self) -> str:
        return made_key("perturbed", self.encoder.fingerprint, self.over.fingerprint, self.layer)

    def build(self, place: Path, progress: Progress) -> None:
        made = perturb(self.encoder, self.over, layer=self.layer, progress=progress)
        np.savez(place / "impacts.npz", **made._asdict())

    def load(self, place: Path) -> Impacts:
        with np.load(place / "impacts.npz") as kept:
            return Impacts(**kept)


Rows = NDArray[np.int64]
"""(row, 3): the line, and the two words masked in it, which are the same when only one is."""


def _batches(lines: Sequence[Line], pairs: bool, token_budget: int) -> Iterator[Rows]:
    """Rows of one length, at most `token_budget` tokens a batch, the longest first; a length's rows exist only in its turn."""
    by_length: dict[int, list[int]] = {}
    for k, line in enumerate(lines):
        by_length.setdefault(len(line.ids), []).append(k)
    for length in sorted(by_length, reverse=True):
        parts = []
        for k in by_length[length]:
            n = len(lines[k].pieces)
            i, j = np.triu_indices(n, 1) if pairs else (np.arange(n), np.arange(n))
            parts.append(np.stack([np.full(len(i), k), i, j], 1))
        rows, size = np.concatenate(parts), max(1, token_budget // length)
        for first in range(0, len(rows), size):
            yield rows[first : first + size]


def _masked_states(
    encoder: Encoder, corpus: Corpus, lines: Sequence[Line], rows: Rows, layer: int
) -> Float[Tensor, "row token width"]:
    made = []
    for k, *words in rows.tolist():
        line = lines[k]
        ids = line.ids.copy()
        ids[[place for word in words for place in line.pieces[word]]] = encoder.tokenizer.mask_token_id
        made.append(replace(line, ids=ids))
    batch = collate(corpus, made, encoder.tokenizer.pad_token_id or 0, encoder.device)
    return encoder.observe(batch, frozenset((hidden(layer),))).hidden(layer)


def _at_words(
    states: Float[Tensor, "row token width"], lines: Sequence[Line], line: NDArray[np.int64], word: NDArray[np.int64]
) -> Float[Tensor, "row width"]:
    """The mean over the subwords of one word in each row, on the CPU."""
    places = [lines[k].pieces[w] for k, w in zip(line.tolist(), word.tolist(), strict=True)]
    count = [len(own) for own in places]
    row = torch.arange(len(places), device=states.device).repeat_interleave(torch.tensor(count, device=states.device))
    found = states[row, torch.tensor([p for own in places for p in own], device=states.device)].float()
    sums = found.new_zeros(len(places), found.shape[1]).index_add_(0, row, found)
    return (sums / torch.tensor(count, device=states.device)[:, None]).cpu()
