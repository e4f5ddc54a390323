"""Masked choice: which of the two words in which a minimal pair differs is the likelier in its gap (Linzen et al. 2016; Goldberg 2019)."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave.gaps import Gap, fill, score_candidates
from bertology.behave.minimal_pairs import TIE
from bertology.behave.pll import Progress, Scores, need_masked_lm
from bertology.corpus.cloze import MASK
from bertology.corpus.pair import changed_word
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key

REST = "the rest"
"""To hide every word but the one in question."""


class Choice(NamedTuple):
    """For each pair of a corpus the log-probability of either word in the gap, `logs` (pair, good or bad), in nats.

    nan where the pair differs in more than one word, lacks the label of what is to be hidden, or cannot be read; `dropped` counts
    these. `pieces` (pair, good or bad) are numbers of subwords, 0 where there is no value.
    """

    logs: NDArray[np.float64]
    pieces: NDArray[np.int64]
    dropped: dict[str, int]

    @property
    def margin(self) -> NDArray[np.float64]:
        """(pair,): how much likelier the good word is, in nats."""
        return self.logs[:, 0] - self.logs[:, 1]

    @property
    def right(self) -> NDArray[np.float64]:
        """(pair,): 1 where the good word is the likelier, 0 where not or where they tie, nan where there is no value."""
        return np.where(np.isfinite(self.margin), self.margin > TIE, np.nan)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(pair,): both words are one subword, so that their probabilities are of one vocabulary."""
        return (self.pieces == 1).all(1)


def choose(
    encoder: Encoder,
    pairs: Corpus,
    *,
    hide: str = "",
    precision: str = "float32",
    progress: Progress = lambda what, done, total: None,
) -> Choice:
    """Both words of each pair in the gap, by `gaps.fill`.

    `hide` masks more than the gap, as a control: the word whose index is this label ("subject"), or with `REST` all other words.
    Raises NotApplicable without an MLM head or mask token.
    """
    need_masked_lm(encoder)
    places = [_place(pairs.sentences[i], pairs.sentences[i + 1], hide) for i in range(0, len(pairs), 2)]
    asked = [i for i, place in enumerate(places) if isinstance(place, int)]
    logs, pieces = np.full((len(places), 2), np.nan), np.zeros((len(places), 2), dtype=np.int64)
    if hide:
        read, sizes = _behind_masks(encoder, pairs, places, hide, precision, progress)
    else:
        filled = fill(encoder, [_gap(pairs, i, places[i]) for i in asked], favourites=1, precision=precision,
                      progress=progress) if asked else None  # fmt: skip
        read = np.full_like(logs, np.nan)
        sizes = np.zeros_like(pieces)
        if filled is not None:
            read[asked], sizes[asked] = filled.values.reshape(-1, 2), filled.pieces.reshape(-1, 2)
    there = np.isfinite(read).all(1)
    logs[there], pieces[there] = read[there], sizes[there]
    reasons = [place for place in places if isinstance(place, str)]
    dropped = {why: reasons.count(why) for why in dict.fromkeys(reasons)}
    if lost := len(asked) - int(there.sum()):
        dropped["pairs that the encoder cannot read"] = lost
    return Choice(logs, pieces, dropped)


def region_totals(encoder: Encoder, pairs: Corpus, scores: Scores) -> NDArray[np.float64]:
    """The pseudo-log-likelihood of each sentence; of its spans "region" alone where it has any (SyntaxGym)."""
    totals = scores.totals
    for k, line in enumerate(encoder.encode(pairs).lines):
        if regions := pairs[line.index].spans.get("region"):
            inside = [p for start, end, _ in regions for word in range(start, end) for p in line.pieces[word]]
            part = slice(scores.starts[k], scores.starts[k + 1])
            totals[k] = scores.values[part][np.isin(scores.places[part], inside)].sum()
    return totals


@dataclass(frozen=True, eq=False)
class Choosing:
    """The masked choices of a corpus of pairs (`choose`), to be asked for by claims."""

    encoder: Encoder
    over: Corpus
    hide: str = ""

    @property
    def key(self) -> str:
        return made_key("choice", self.encoder.fingerprint, self.over.fingerprint, self.hide)

    def build(self, place: Path, progress: Progress) -> None:
        found = choose(self.encoder, self.over, hide=self.hide, progress=progress)
        reasons, counts = list(found.dropped), list(found.dropped.values())
        np.savez(place / "choice.npz", logs=found.logs, pieces=found.pieces, reasons=reasons, counts=counts)

    def load(self, place: Path) -> Choice:
        with np.load(place / "choice.npz") as kept:
            dropped = dict(zip(kept["reasons"].tolist(), kept["counts"].tolist(), strict=True))
            return Choice(kept["logs"], kept["pieces"], dropped)


def _place(good: Sentence, bad: Sentence, hide: str) -> int | str:
    """The word in which a pair differs, or why it is left out."""
    place = changed_word(good, bad)
    if place is None:
        return "pairs that differ in more than one word"
    if MASK in good.text:
        return f"pairs with {MASK} in them"
    if hide and hide != REST and not isinstance(good.labels.get(hide), int):
        return f"pairs whose {hide} is not known"
    return place


def _gap(pairs: Corpus, i: int, place: int | str) -> Gap:
    good, bad = pairs[2 * i], pairs[2 * i + 1]
    start, end = good.starts[int(place)], good.ends[int(place)]
    return Gap(good.text[:start] + MASK + good.text[end:], (good.words[int(place)], bad.words[int(place)]))


def _behind_masks(
    encoder: Encoder, pairs: Corpus, places: list[int | str], hide: str, precision: str, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """As `gaps.fill`, with more masks: values and numbers of subwords, (pair, good or bad)."""
    candidates = []
    for line in encoder.encode(pairs).lines:
        place, sentence = places[line.index // 2], pairs[line.index]
        if isinstance(place, int):
            words = [w for w in range(len(sentence)) if w != place] if hide == REST else [sentence.labels[hide]]
            candidates.append((line.index, line, line.pieces[place], [p for w in words for p in line.pieces[w]]))
    values, _, sizes = score_candidates(encoder, len(pairs), candidates, precision=precision, progress=progress)
    return values.reshape(-1, 2), sizes.reshape(-1, 2)
