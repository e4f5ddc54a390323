"""Heads that find antecedents, and rules that do: antecedent selection (Clark et al. 2019, section 4.3)."""

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
from bertology.observe.links import frequent_labels
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import word_attention
from bertology.stats.tally import Tally

RULES = ("nearest mention", "matching mention")


class Antecedents(NamedTuple):
    """Tallies over anaphors. `hits` (block, kind, layer, head): the word most attended to is one of the antecedents;
    `rules` (block, kind, rule): what each of RULES finds is one of them. `kinds` in order of frequency."""

    kinds: tuple[str, ...]
    hits: Tally
    rules: Tally


@dataclass(frozen=True)
class AntecedentAttention(Statistic):
    """Whether an anaphor's most attended word is one of its antecedents (links "coref").

    "nearest mention" takes the closest noun or pronoun before the anaphor; "matching mention" the closest one before
    it of the same form or lemma, else of the same number and gender where "feats" has them, else the closest.
    Without "upos", mentions are the ends of links.
    """

    kinds: int = 12

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        names = frequent_labels(encoded.corpus, "coref", self.kinds)
        cells = (encoded.corpus.n_blocks, len(names))
        return {
            "kinds": np.array(names, dtype=np.str_),
            "hits": np.zeros((*cells, encoder.n_layers, encoder.n_heads)),
            "rules": np.zeros((*cells, len(RULES))),
            "count": np.zeros(cells),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        number = {name: i for i, name in enumerate(state["kinds"].tolist())}
        found = [
            (row, *case, ruled(sentence, case[0]))
            for row, sentence in enumerate(batch.sentences)
            for case in anaphors(sentence)
            if case[2] in number
        ]
        if not found:
            return
        row, anaphor = (np.array([case[k] for case in found]) for k in (0, 1))
        right = np.zeros((len(found), batch.word_mask.shape[1]), dtype=bool)
        for case, (_, _, antecedents, _, _) in zip(right, found, strict=True):
            case[list(antecedents)] = True
        cell = batch.blocks[row] * len(number) + np.array([number[case[3]] for case in found])
        flat = {k: state[k].reshape(-1, *state[k].shape[2:]) for k in ("hits", "rules", "count")}
        r, a, target = (torch.from_numpy(x).to(batch.ids.device) for x in (row, anaphor, right))
        wordless = ~batch.word_mask[r][:, None]
        for layer in range(1, encoder.n_layers + 1):
            favourite = word_attention(batch, seen, layer)[r, :, a].masked_fill(wordless, -1).argmax(-1)  # (case, head)
            add_rows(flat["hits"][:, layer - 1], cell, target.gather(1, favourite).cpu().numpy())
        add_rows(flat["rules"], cell, np.array([[guess in case[2] for guess in case[4]] for case in found]))
        add_rows(flat["count"], cell, np.ones(len(cell)))

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        return {name: a[name] if name == "kinds" else a[name] + b[name] for name in a}

    def finish(self, state: Arrays) -> Antecedents:
        kinds = tuple(state["kinds"].tolist())
        return Antecedents(kinds, Tally(state["hits"], state["count"]), Tally(state["rules"], state["count"]))


def anaphors(sentence: Sentence) -> Iterator[tuple[int, frozenset[int], str]]:
    """(anaphor, its antecedents, kind of its first link)."""
    found: dict[int, tuple[set[int], str]] = {}
    for anaphor, antecedent, kind in sentence.links.get("coref", ()):
        found.setdefault(anaphor, (set(), kind))[0].add(antecedent)
    for anaphor, (antecedents, kind) in found.items():
        yield anaphor, frozenset(antecedents), kind


def ruled(sentence: Sentence, anaphor: int) -> tuple[int, int]:
    """The word that each of RULES takes for the antecedent; -1 when no mention precedes."""
    upos = sentence.layers.get("upos")
    ends = {word for link in sentence.links.get("coref", ()) for word in link[:2]}
    mention = lambda i: upos[i] in ("NOUN", "PROPN", "PRON") if upos else i in ends
    before = [i for i in range(anaphor - 1, -1, -1) if mention(i)]
    if not before:
        return -1, -1
    names = [
        {w.lower() for w in (s[0], s[1] or "")} for s in zip(sentence.words, _layer(sentence, "lemma"), strict=True)
    ]
    same = [i for i in before if (names[i] & names[anaphor]) - {""}]
    agreeing = [i for i in before if _agree(sentence, i, anaphor)]
    return before[0], (same or agreeing or before)[0]


def _agree(sentence: Sentence, a: int, b: int) -> bool:
    """Neither number nor gender differs, as far as both words have it."""
    feats = _layer(sentence, "feats")
    one, other = feats[a] or {}, feats[b] or {}
    return all(one.get(f, other.get(f)) == other.get(f, one.get(f)) for f in ("Number", "Gender"))


def _layer(sentence: Sentence, name: str) -> tuple:
    return sentence.layers.get(name, (None,) * len(sentence))
