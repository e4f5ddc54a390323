"""Parts of speech learnt by fine-tuning in one language and scored in others: what claims about zero-shot transfer share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.languages.shares import enough
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.encoder.load import load
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split
from bertology.train.task import Example, Task
from bertology.train.tasks import parts_of_speech

SENTENCES = 150
"""Test sentences of each language, at most."""
SEEDS = (0, 1, 2)


class Held(NamedTuple):
    """Test sentences of a language with the block of each and the number of its words; `majority` is how many of these have the most
    frequent tag of the language's own training blocks."""

    examples: tuple[Example, ...]
    blocks: NDArray[np.int64]
    words: NDArray[np.int64]
    majority: NDArray[np.int64]

    def tally(self, *right: NDArray[np.floating]) -> Tally:
        """Words right out of all words, (block, cell), one cell for each of `right` (sentence,)."""
        size = int(self.blocks.max(initial=-1)) + 1
        total, weight = np.zeros((size, len(right))), np.zeros(size)
        np.add.at(total, self.blocks, np.stack(right, axis=1).astype(np.float64))
        np.add.at(weight, self.blocks, self.words)
        return Tally(total, weight)


class Tagging(NamedTuple):
    """Tasks by language, English first, all over the same labels; `held` are the test sentences of each."""

    tasks: dict[str, Task]
    held: dict[str, Held]
    english: Corpus

    @property
    def others(self) -> list[str]:
        return [code for code in self.tasks if code != ENGLISH]

    @property
    def elsewhere(self) -> tuple[tuple[str, tuple[Example, ...]], ...]:
        return tuple((code, held.examples) for code, held in self.held.items())


def tagging(corpora: Corpora, fewest: int, seed: int = 0) -> Tagging:
    """The tasks of all languages that have a treebank with parts of speech. Raises NotApplicable for fewer than `fewest` beside English."""
    treebanks = {c: t for c, t in corpora.in_languages("treebank").items() if t.having("upos")}
    codes = [ENGLISH, *(code for code in treebanks if code != ENGLISH)]
    if ENGLISH not in treebanks:
        raise NotApplicable("the English treebank has no parts of speech: give --corpus treebank=FILE with them")
    enough(codes[1:], fewest, "treebank", "a treebank with parts of speech, beside English")
    labels = tuple(sorted({tag for t in treebanks.values() for s in t for tag in s.layers.get("upos", ())}))
    tasks = {c: replace(fine_tuned.cut(parts_of_speech(treebanks[c])), labels=labels) for c in codes}
    return Tagging(tasks, {c: _held(treebanks[c], seed) for c in codes}, treebanks[ENGLISH])


def english_encoder(encoder: Encoder) -> Encoder | None:
    """The embedded encoder, which has read English only; None when the encoder is that one."""
    own = load(None)
    return None if own.fingerprint == encoder.fingerprint else own


def pooled(found: Sequence[dict[str, NDArray[np.int64]]], code: str) -> NDArray[np.float64]:
    """Words right in each sentence of a language, mean over seeds."""
    return np.mean([one[code] for one in found], axis=0)


def source_note(tagged: Tagging) -> str:
    """Where the English came from, in words: it decides how far transfer has to go."""
    sizes = sorted({len(t.train) for t in tagged.tasks.values()})
    few = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return (
        f"English is {tagged.english.name}; the others: {', '.join(tagged.others)}. {few} training sentences, "
        f"at most {SENTENCES} test sentences a language. One task of the five of the study: parts of speech."
    )


def _held(treebank: Corpus, seed: int) -> Held:
    tagged = np.array(["upos" in s.layers and len(s) > 0 for s in treebank])
    places = np.flatnonzero(in_split(treebank.blocks, "test") & tagged)
    places = np.sort(np.random.default_rng([seed, 19]).permutation(places)[:SENTENCES]).tolist()
    examples = tuple(Example(treebank[i].words, tuple(treebank[i].layers["upos"])) for i in places)
    train = np.flatnonzero(in_split(treebank.blocks, "train") & tagged)
    usual = Counter(tag for i in train.tolist() for tag in treebank[i].layers["upos"]).most_common(1)[0][0]
    count = lambda of: np.array([of(e.label) for e in examples], dtype=np.int64)
    return Held(examples, treebank.blocks[places], count(len), count(lambda tags: tags.count(usual)))


__all__ = ["SEEDS", "Held", "Tagging", "english_encoder", "pooled", "source_note", "tagging"]
