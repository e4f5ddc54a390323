"""Sentences in made-up languages whose every word stands for a concept, translated word by word in other orders.

`parallel()` has a tree, a part of speech and the concept (as "lemma") of each word; names and numbers are spelled alike in all.
"""

from collections.abc import Callable

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence, sentence
from tests.planted import Planted, View, code

LANGUAGES = ("en", "de", "fi", "tr")
CONCEPTS = 120
NAMES = 40
FRAME = (
    ("VERB", "root"),
    ("NOUN", "nsubj"),
    ("DET", "det"),
    ("NOUN", "obj"),
    ("ADP", "mark"),
    ("ADV", "advmod"),
    ("PROPN", "flat"),
)
"""Each word's part of speech and relation; the verb governs all."""
CLOSED = 6
"""Concepts that determiners and adpositions are drawn from."""


def parallel(meanings: int = 200, languages: tuple[str, ...] = LANGUAGES, seed: int = 0) -> Corpus:
    """`meanings` sentences of seven words in each language; one is a name, spelled alike in all."""
    rng = np.random.default_rng(seed)
    sentences: list[Sentence] = []
    for number in range(meanings):
        concepts = [
            int(rng.integers(CLOSED)) if tag in ("DET", "ADP") else int(rng.integers(CLOSED, CONCEPTS))
            for tag, _ in FRAME
        ]
        for language in languages:
            sentences.append(_said(number, concepts, language, rng))
    return Corpus("made-up languages", tuple(sentences))


def _said(number: int, concepts: list[int], language: str, rng: np.random.Generator) -> Sentence:
    order = rng.permutation(len(FRAME)).tolist()
    words = [
        f"name{concepts[k] % NAMES}" if FRAME[k][0] == "PROPN" else f"{language}{FRAME[k][0].lower()}{concepts[k]}"
        for k in order
    ]
    verb = order.index(0)
    layers = {
        "upos": tuple(FRAME[k][0] for k in order),
        "deprel": tuple(FRAME[k][1] for k in order),
        "head": tuple(-1 if place == verb else verb for place in range(len(order))),
        "lemma": tuple(f"{FRAME[k][0]} {concepts[k]}" for k in order),
    }
    meaning = f"m{number}"
    labels = {"language": language, "translation": meaning}
    return sentence(words, f"{language}:{meaning}", layers=layers, labels=labels, document=meaning)


def given(corpus: Corpus, **others: object) -> Corpora:
    """Corpora with translations given."""
    return Corpora.load({"parallel": corpus, **others}, scale=0.05)  # type: ignore[dict-item]


def concept(view: View, layer: int, word: int, strength: float = 1.0) -> None:
    """Writes what a word means, whatever its language."""
    view.write(layer, word, f"concept {view.sentence.layers['lemma'][word]}", strength)


def offset(view: View, layer: int, strength: float) -> None:
    """Adds the language's own vector to every token."""
    view.hidden[layer] += strength * code(f"language {view.sentence.labels['language']}", view.hidden.shape[-1])


class Hearing(Planted):
    """A planted encoder that shows nothing where the batch is masked, as real ones let nothing hear what is masked."""

    def observe(self, batch, sites=frozenset(), **how):  # type: ignore[no-untyped-def,override]
        seen = super().observe(batch, sites, **how)
        for place, value in seen.seen.items():
            if place[0] == "hidden":
                seen.seen[place] = value * batch.mask[..., None]
        return seen


def hearing(plant: Callable[[View], None], corpus: Corpus, **options: object) -> Hearing:
    """Layers 0 to 2 of width 64, little noise; the words' own identity as `static` says."""
    return Hearing(plant, [corpus], **{"layers": 2, "heads": 2, "width": 64, "noise": 0.02, "static": 0.05, **options})  # type: ignore[arg-type]
