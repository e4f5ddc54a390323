"""How well attention tells the right word from distractors: the confusion score (Lin et al. 2019)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bertology.corpus.sentence import Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import word_attention
from bertology.stats.tally import Tally

GROUPS = ("same number", "other number", "mixed", "reflexive")
"""Agreement, by the number of all distractors against the subject's; reflexives."""
MOST = 3  # distractors counted apart; the last class holds more


class Confusions(NamedTuple):
    """`score`: Tally (block, group, distractors - 1, layer), mean confusion as a multiple of uniform attention's; 1
    is uniform."""

    score: Tally


@dataclass(frozen=True)
class Confusion(Statistic):
    """-log of the right word's share of the attention on all candidates, over log(number of candidates).

    Attention is averaged over a layer's heads. A verb's candidates are its subject (links "agreement") and its
    distractors (links "distractor", labels "match" and "mismatch"); a reflexive's are its antecedent (links "coref")
    and the other nouns before it.
    """

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        cells = (encoded.corpus.n_blocks, len(GROUPS), MOST)
        return {"score": np.zeros((*cells, encoder.n_layers)), "count": np.zeros(cells)}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        found = [(row, *case) for row, sentence in enumerate(batch.sentences) for case in choices(sentence)]
        if not found:
            return
        row, source, right = (np.array([case[k] for case in found]) for k in (0, 1, 2))
        among = np.zeros((len(found), batch.word_mask.shape[1]), dtype=np.float32)
        for mask, (_, _, correct, wrong, _) in zip(among, found, strict=True):
            mask[[correct, *wrong]] = 1
        group = np.array([GROUPS.index(case[4]) for case in found])
        distractors = np.array([min(len(case[3]), MOST) for case in found])
        cell = (batch.blocks[row] * len(GROUPS) + group) * MOST + distractors - 1
        uniform = np.log1p([len(case[3]) for case in found])
        r, s, t, candidates = (torch.from_numpy(x).to(batch.ids.device) for x in (row, source, right, among))
        flat = state["score"].reshape(-1, state["score"].shape[-1])
        for layer in range(1, encoder.n_layers + 1):
            weights = word_attention(batch, seen, layer)[r, :, s].float().mean(1)  # (case, word)
            share = weights.gather(1, t[:, None])[:, 0] / (weights * candidates).sum(1).clamp(min=1e-30)
            score = -share.clamp(min=1e-12).log().double().cpu().numpy() / uniform
            add_rows(flat[:, layer - 1], cell, score)
        add_rows(state["count"].reshape(-1), cell, np.ones(len(cell)))

    def finish(self, state: Arrays) -> Confusions:
        return Confusions(Tally(state["score"], state["count"]))


def choices(sentence: Sentence) -> Iterator[tuple[int, int, tuple[int, ...], str]]:
    """(asking word, right word, distractors, group), where there is a distractor."""
    wrong: dict[int, dict[int, str]] = {}
    for verb, noun, label in sentence.links.get("distractor", ()):
        wrong.setdefault(verb, {})[noun] = label
    for verb, subject, _ in sentence.links.get("agreement", ()):
        others = {noun: label for noun, label in wrong.get(verb, {}).items() if noun != subject}
        if others:
            labels = set(others.values())
            group = {frozenset(("match",)): GROUPS[0], frozenset(("mismatch",)): GROUPS[1]}.get(
                frozenset(labels), GROUPS[2]
            )
            yield verb, subject, tuple(others), group
    upos = sentence.layers.get("upos", ())
    for anaphor, antecedent, kind in sentence.links.get("coref", ()):
        nouns = tuple(i for i in range(anaphor) if upos and upos[i] in ("NOUN", "PROPN") and i != antecedent)
        if kind == "reflexive" and nouns:
            yield anaphor, antecedent, nouns, GROUPS[3]
