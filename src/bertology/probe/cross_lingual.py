"""Tags read in one language by a linear probe that was fitted in another: all pairs of languages at once.

For every source a softmax regression (probe/linear.py) is fitted on each layer over the training blocks of its treebank; the layer is
the one that is best on the source's own dev blocks, so nothing of the target is seen. Embeddings (layer 0) are not among the layers:
they know words by their identity, which languages do not share. One language is in memory at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.observe.reading import summarise
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.readings import FEWEST, ROUNDS
from bertology.probe.tasks import word_labels
from bertology.record.errors import NotApplicable
from bertology.record.keys import made_key
from bertology.stats.tally import Tally, in_split

WORDS = 6000
"""Words of each language, whole sentences in a seeded order."""


class Reader(NamedTuple):
    """A language: its name, its treebank, and the encoder as it reads it (one for all, or one that reads other ids)."""

    code: str
    encoder: Encoder
    treebank: Corpus


class Target(NamedTuple):
    """What was read in a language: for each word its `sentence`, `word`, block and `gold` tag, and what each source `said` (source, row)."""

    sentence: NDArray[np.int32]
    word: NDArray[np.int32]
    blocks: NDArray[np.int64]
    gold: NDArray[np.str_]
    said: NDArray[np.str_]

    def part(self, split: str) -> NDArray[np.bool_]:
        return in_split(self.blocks, split) & (self.gold != "")

    @property
    def usual(self) -> str:
        """The most frequent tag of the language's own training blocks."""
        tags, counts = np.unique(self.gold[self.part("train")], return_counts=True)
        return str(tags[counts.argmax()])

    def tally(self, rows: NDArray[np.bool_], *cells: NDArray[np.bool_]) -> Tally:
        """Shares of true in each of `cells` (row,), over some rows, by block: (block, cell)."""
        size = int(self.blocks.max(initial=-1)) + 1
        total, weight = np.zeros((size, len(cells))), np.zeros(size)
        np.add.at(total, self.blocks[rows], np.stack(cells, axis=1)[rows].astype(np.float64))
        np.add.at(weight, self.blocks[rows], 1.0)
        return Tally(total, weight)


class CrossTags(NamedTuple):
    """`codes` in order, the layer chosen in each, the number of words each was fitted on, and each language as a target."""

    codes: tuple[str, ...]
    layers: NDArray[np.int64]
    trained: NDArray[np.int64]
    targets: tuple[Target, ...]

    def right(self, source: str, target: str) -> NDArray[np.bool_]:
        """(row,) of the target."""
        there = self.targets[self.codes.index(target)]
        return there.said[self.codes.index(source)] == there.gold

    def target(self, code: str) -> Target:
        return self.targets[self.codes.index(code)]

    def accuracy(self, split: str = "test") -> NDArray[np.float64]:
        """(source, target) on a split of the target."""
        return np.array([[self.right(s, t)[self.target(t).part(split)].mean() for t in self.codes] for s in self.codes])


@dataclass(frozen=True, eq=False)
class CrossTagging:
    """Probes of `task` (probe/tasks.py) from each of `sources` (all readers when empty) to all readers, in the best of `layers` (all
    above the embeddings when empty).

    Raises NotApplicable where a source has under 100 words of two tags to learn from.
    """

    readers: tuple[Reader, ...]
    task: str = "part of speech"
    words: int = WORDS
    sources: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    seed: int = 0

    @property
    def key(self) -> str:
        who = [(r.code, r.encoder.fingerprint, r.treebank.fingerprint) for r in self.readers]
        return made_key("cross-tagging", who, self.task, self.words, self.sources, self.layers, self.seed)

    def build(self, place: Path, progress: Callable[[str, int, int], None]) -> None:
        codes = [r.code for r in self.readers]
        asked = self.sources or tuple(codes)
        probes: dict[str, tuple[LinearProbe, int, int]] = {}
        done, total = 0, len(asked) + len(codes)
        for reader in self.readers:
            if reader.code in asked:
                probes[reader.code] = self._fitted(reader)
                done += 1
                progress("probes by language", done, total)
        kept: dict[str, Any] = {}
        for k, reader in enumerate(self.readers):
            table = self._table(reader)
            gold = word_labels(self.task, reader.treebank, table)
            said = np.full((len(codes), len(gold)), "", dtype=np.dtype("U16"))
            for source, (probe, layer, _) in probes.items():
                said[codes.index(source)] = probe.predict(table.vectors[layer][None])[0]
            parts = Target(table.sentence, table.word, table.blocks(reader.treebank), gold, said)
            kept |= {f"{k} {name}": value for name, value in parts._asdict().items()}
            progress("probes by language", len(asked) + k + 1, total)
        number = lambda at: np.array([probes[c][at] if c in probes else -1 for c in codes])
        np.savez(place / "tags.npz", codes=np.array(codes), layers=number(1), trained=number(2), **kept)

    def load(self, place: Path) -> CrossTags:
        with np.load(place / "tags.npz") as kept:
            codes = tuple(kept["codes"].tolist())
            targets = tuple(Target(*(kept[f"{k} {name}"] for name in Target._fields)) for k in range(len(codes)))
            return CrossTags(codes, kept["layers"], kept["trained"], targets)

    def _fitted(self, reader: Reader) -> tuple[LinearProbe, int, int]:
        """The probe of one layer, that layer, and the number of words it was fitted on."""
        table = self._table(reader)
        labels, blocks = word_labels(self.task, reader.treebank, table), table.blocks(reader.treebank)
        train, dev = (np.flatnonzero(in_split(blocks, part) & (labels != "")) for part in ("train", "dev"))
        if len(np.unique(labels[train])) < 2 or len(train) < FEWEST or len(dev) < FEWEST // 10:
            raise NotApplicable(
                f"{reader.treebank.name} ({reader.code}) has {len(train)} words to learn {self.task} from and {len(dev)} of dev; "
                f"{FEWEST} and {FEWEST // 10} are due"
            )
        layers = self.layers or tuple(range(1, reader.encoder.n_layers + 1))
        vectors = table.vectors[list(layers)]
        held = np.take(vectors, dev, axis=1)
        probe = LinearProbe(l2=(3.0, 100.0), **ROUNDS, seed=self.seed)
        probe.fit(vectors, labels, rows=train, dev=(held, labels[dev]))
        best = int(probe.score(held, labels[dev]).argmax())
        probe.weight_, probe.bias_ = probe.weight_[best : best + 1], probe.bias_[best : best + 1]
        return probe, layers[best], len(train)

    def _table(self, reader: Reader) -> WordTable:
        """Vectors of some whole sentences, whose places are those in the whole treebank, so that blocks stay the treebank's."""
        lengths = np.array([len(s) for s in reader.treebank])
        order = np.random.default_rng([self.seed, 23]).permutation(len(lengths))
        picked = np.sort(order[: max(1, int(np.searchsorted(np.cumsum(lengths[order]), self.words, side="right")))])
        some = replace(reader.treebank, sentences=tuple(reader.treebank[i] for i in picked))
        (table,) = summarise(reader.encoder, some, WordVectors(int(lengths[picked].sum())))
        return table._replace(sentence=picked[table.sentence].astype(np.int32))


__all__ = ["CrossTagging", "CrossTags", "Reader", "Target"]
