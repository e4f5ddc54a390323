"""Words that are one subword, masked one at a time and chosen among all such words: what encoders with different vocabularies can be compared on."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave.pll import MaskedRow, need_masked_lm, read_masked
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded, Line
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key
from bertology.stats.tally import in_split

Progress = Callable[[str, int, int], None]


class Occurrences(NamedTuple):
    """Occurrences of words that are one subword for all encoders asked: `sentence` and `word` (row,), and which of the words, `kind` (row,).

    `ids` (encoder, kind) are the subwords of each word; no encoder has two words with one subword.
    """

    sentence: NDArray[np.int64]
    word: NDArray[np.int64]
    kind: NDArray[np.int64]
    ids: NDArray[np.int64]

    def some(self, rows: NDArray[np.integer]) -> "Occurrences":
        return self._replace(sentence=self.sentence[rows], word=self.word[rows], kind=self.kind[rows])


def whole_words(*encodings: Encoded, unknown: Sequence[int | None]) -> Occurrences:
    """The occurrences of words of letters that every encoding of one corpus has as one known subword of their own.

    Where vocabularies differ in case or the like, so that one subword of an encoder answers to several of another, the pair that
    occurs most often stays and the others are left out.
    """
    corpus = encodings[0].corpus
    lines = [{line.index: line for line in encoded.lines} for encoded in encodings]
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for index in sorted(set.intersection(*(set(by_index) for by_index in lines))):
        own = [by_index[index] for by_index in lines]
        for word, form in enumerate(corpus[index].words):
            pieces = [line.pieces[word] for line in own]
            if form.isalpha() and all(len(p) == 1 for p in pieces) and all(_alone(line, word) for line in own):
                ids = tuple(int(line.ids[p[0]]) for line, p in zip(own, pieces, strict=True))
                if not any(i == u for i, u in zip(ids, unknown, strict=True)):
                    found.append((index, word, ids))
    times = Counter(ids for *_, ids in found)
    kept: dict[tuple[int, ...], int] = {}
    taken: list[set[int]] = [set() for _ in encodings]
    for ids, _ in sorted(times.items(), key=lambda item: (-item[1], item[0])):
        if not any(i in used for i, used in zip(ids, taken, strict=True)):
            kept[ids] = len(kept)
            for i, used in zip(ids, taken, strict=True):
                used.add(i)
    rows = [(index, word, kept[ids]) for index, word, ids in found if ids in kept]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Occurrences(*columns, ids=np.array(list(kept), dtype=np.int64).reshape(-1, len(encodings)).T)


@dataclass(frozen=True, eq=False)
class WholeWordChoice:
    """Which of the words `ids` (kind,) an encoder finds likeliest at each occurrence when it is masked alone: (row,) of kinds."""

    encoder: Encoder
    over: Corpus
    sentence: NDArray[np.int64]
    word: NDArray[np.int64]
    ids: NDArray[np.int64]

    @property
    def key(self) -> str:
        rows = [part.tolist() for part in (self.sentence, self.word, self.ids)]
        return made_key("whole words", self.encoder.fingerprint, self.over.fingerprint, *rows)

    def build(self, place: Path, progress: Progress) -> None:
        need_masked_lm(self.encoder)
        lines = {line.index: line for line in self.encoder.encode(self.over).lines}
        own = [lines[s] for s in self.sentence.tolist()]
        at = [line.pieces[w][0] for line, w in zip(own, self.word.tolist(), strict=True)]

        def row(i: int) -> MaskedRow:
            ids = own[i].ids.copy()
            ids[at[i]] = self.encoder.tokenizer.mask_token_id
            return MaskedRow(ids, own[i].types, at[i])

        chosen = np.zeros(len(own), dtype=np.int64)
        for rows, logits in read_masked(self.encoder, [len(line.ids) for line in own], row, progress=progress):
            chosen[rows] = logits.float().cpu().numpy()[:, self.ids].argmax(1)
        np.save(place / "chosen.npy", chosen)

    def load(self, place: Path) -> NDArray[np.int64]:
        return np.load(place / "chosen.npy")


def by_counts(corpus: Corpus, every: Occurrences, asked: Occurrences) -> tuple[int, NDArray[np.int64]]:
    """The most frequent kind on training blocks, and for each row asked the kind that counts of neighbours there prefer.

    Counted are the word between the same two neighbours, then the word beside either neighbour over how frequent it is: what three words in
    a row can know without an encoder.
    """
    blocks = corpus.blocks
    learnt = every.some(np.flatnonzero(in_split(blocks[every.sentence], "train")))
    single = Counter(learnt.kind.tolist())
    both, left, right = Counter[tuple[str, str, int]](), Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    after: dict[str, set[int]] = {}
    before: dict[str, set[int]] = {}
    for s, w, kind in zip(learnt.sentence.tolist(), learnt.word.tolist(), learnt.kind.tolist(), strict=True):
        a, b = _beside(corpus, s, w)
        both[a, b, kind] += 1
        left[a, kind] += 1
        right[b, kind] += 1
        after.setdefault(a, set()).add(kind)
        before.setdefault(b, set()).add(kind)
    usual = single.most_common(1)[0][0] if single else 0
    total = max(sum(single.values()), 1)
    chosen = []
    for s, w in zip(asked.sentence.tolist(), asked.word.tolist(), strict=True):
        a, b = _beside(corpus, s, w)
        share = lambda kind: single[kind] / total
        score = lambda kind: (
            both[a, b, kind],  # noqa: B023
            (left[a, kind] + share(kind)) * (right[b, kind] + share(kind)) / share(kind),  # noqa: B023
            -kind,
        )
        chosen.append(max(sorted(after.get(a, set()) | before.get(b, set()) | {usual}), key=score))
    return usual, np.array(chosen, dtype=np.int64)


def _beside(corpus: Corpus, s: int, w: int) -> tuple[str, str]:
    words = corpus[s].words
    return (words[w - 1].casefold() if w else "", words[w + 1].casefold() if w + 1 < len(words) else "")


def _alone(line: Line, word: int) -> bool:
    """Whether a word's subword belongs to no neighbour, too."""
    piece = line.pieces[word][0]
    return not any(piece in line.pieces[other] for other in (word - 1, word + 1) if 0 <= other < len(line.pieces))


__all__ = ["Occurrences", "WholeWordChoice", "by_counts", "whole_words"]
