"""Attention to a negation cue inside and outside its scope, as histograms per head (Zhao & Bethard 2020)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.corpus.sentence import Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import PUNCTUATION, word_attention
from bertology.stats.tally import Tally

THRESHOLDS = np.r_[0.0, np.geomspace(0.001, 0.9, 23)]
REACH = 15
"""The window baseline tries up to 15 words on either side, and then the whole side."""
DIRECTIONS = ("word to cue", "cue to word")


class Scopes(NamedTuple):
    """Counts of words; a rate is a mean per sentence with a scope, so ratios of rates are ratios of counts.

    `words`: Tally (block, layer, head, direction, inside, threshold), words whose attention lies in the bin that
    starts at THRESHOLDS[i], `inside` 1 for words in the scope; `places`: Tally (block, inside, offset), words by
    their offset from the cue, offset index 0 being -REACH - 1 and all before.
    """

    words: Tally
    places: Tally


@dataclass(frozen=True)
class CueAttention(Statistic):
    """Attention between each word and the cue, for sentences with one cue and a scope (spans "negation").

    The cue is a span of several words at times: attention to it is the sum, attention from it the mean. Neither the cue
    nor punctuation is counted, for a window cannot step over punctuation as a head can.
    """

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        blocks = encoded.corpus.n_blocks
        return {
            "words": np.zeros((blocks, encoder.n_layers, encoder.n_heads, 2, 2, len(THRESHOLDS))),
            "places": np.zeros((blocks, 2, 2 * REACH + 3)),
            "sentences": np.zeros(blocks),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        found = [(row, *marked) for row, s in enumerate(batch.sentences) if (marked := cue_and_scope(s)) is not None]
        if not found:
            return
        width, bins, heads = batch.word_mask.shape[1], len(THRESHOLDS), encoder.n_heads
        rows = np.array([row for row, _, _ in found])
        blocks = batch.blocks[rows]
        cue, inside = np.zeros((len(found), width), np.float32), np.zeros((len(found), width), np.int64)
        for k, (_, cues, scope) in enumerate(found):
            cue[k, list(cues)], inside[k, list(scope)] = 1, 1
        plain = np.zeros((len(found), width), dtype=bool)
        for k, row in enumerate(rows):
            words = batch.sentences[row].words
            plain[k, : len(words)] = [not PUNCTUATION.issuperset(word) for word in words]
        counted = plain & (cue == 0)
        case, word = np.nonzero(counted)
        block, place = np.unique(blocks[case], return_inverse=True)
        cell = (place[:, None] * heads + np.arange(heads)) * 2 + inside[case, word][:, None]  # (word, head)
        r, k, w, edges, at_cue = (
            torch.from_numpy(x).to(batch.ids.device) for x in (rows, case, word, THRESHOLDS.astype(np.float32), cue)
        )
        share = at_cue / at_cue.sum(1, keepdim=True)
        for layer in range(1, encoder.n_layers + 1):
            weights = word_attention(batch, seen, layer)[r].float()  # (case, head, word, word)
            to_cue = torch.einsum("chij,cj->chi", weights, at_cue)
            from_cue = torch.einsum("chij,ci->chj", weights, share)
            for direction, mass in enumerate((to_cue, from_cue)):
                bin_ = torch.bucketize(mass[k, :, w].contiguous(), edges, right=True).clamp(min=1).cpu().numpy() - 1
                counts = np.bincount((cell * bins + bin_).ravel(), minlength=len(block) * heads * 2 * bins)
                state["words"][block, layer - 1, :, direction] += counts.reshape(len(block), heads, 2, bins)
        offset = np.clip(word - cue.argmax(1)[case], -REACH - 1, REACH + 1) + REACH + 1
        np.add.at(state["places"], (blocks[case], inside[case, word], offset), 1)
        add_rows(state["sentences"], blocks, np.ones(len(blocks)))

    def finish(self, state: Arrays) -> Scopes:
        return Scopes(Tally(state["words"], state["sentences"]), Tally(state["places"], state["sentences"]))


def cue_and_scope(sentence: Sentence) -> tuple[frozenset[int], frozenset[int]] | None:
    """The words of the only cue and those in scope; None where there is no scope, or not exactly one cue."""
    spans = sentence.spans.get("negation", ())
    cues = [range(start, end) for start, end, label in spans if label == "cue"]
    scope = frozenset(w for start, end, label in spans if label == "scope" for w in range(start, end))
    if len(cues) != 1 or not scope - set(cues[0]):
        return None
    return frozenset(cues[0]), scope - set(cues[0])


def above_threshold_f1(words: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of "in scope when attention is at least the threshold", (..., inside, threshold) -> (..., threshold)."""
    at_least = np.flip(np.flip(words, -1).cumsum(-1), -1)
    return 2 * at_least[..., 1, :] / (at_least.sum(-2) + words[..., 1, :].sum(-1, keepdims=True))


def window_f1(places: NDArray[np.float64], left: int, right: int) -> NDArray[np.float64]:
    """F1 of "in scope from `left` words before the cue to `right` after it"; REACH + 1 takes the whole side."""
    window = places[..., REACH + 1 - left : REACH + 2 + right]
    return 2 * window[..., 1, :].sum(-1) / (window.sum((-1, -2)) + places[..., 1, :].sum(-1))
