"""A corpus with many entities, relations and roles: the grammar's sentences with names drawn from long lists."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import TOPICS
from bertology.corpus.grammar.passages import CITATION, LICENCE, draw
from bertology.corpus.grammar.phrases import scene
from bertology.corpus.grammar.trees import finish
from bertology.corpus.names import GIVEN, PLACES, SURNAMES
from bertology.corpus.sentence import Corpus, Sentence

WITH_PLACES = ("superlative", "copular_noun", "intransitive", "existential")
"""Constructions of which many name a place."""


def entities(treebank: Corpus, *, relations: int = 1000, places: int = 800, seed: int = 0) -> Corpus:
    """Sentences of a treebank of the grammar with more of its sentences on related words and on places, names drawn anew.

    The grammar knows few names; each entity gets another of its type (and, for people, gender) from `corpus.names`, so
    that a test set holds names which training never saw.
    """
    found = [
        *treebank,
        *_drawn(("related",), relations, Chance(seed, 11), "relation", "related"),
        *_drawn(WITH_PLACES, places, Chance(seed, 12), "place", "PLACE"),
    ]
    rng = np.random.default_rng([seed, 11])
    return Corpus("grammar-spans", tuple(_renamed(s, rng) for s in found), LICENCE, CITATION, seed=treebank.seed)


def _drawn(constructions: Sequence[str], size: int, chance: Chance, name: str, holds: str) -> Iterator[Sentence]:
    """Sentences, no text twice, five to a document, that have a link or an entity called `holds`."""
    texts: set[str] = set()
    while len(texts) < size:
        root, notes = draw(chance, scene(chance, chance.pick(TOPICS)), chance.pick(tuple(constructions)))
        number = len(texts)
        made = finish(root, notes, f"grammar-{name}-{number:05d}", document=f"grammar-{name}s-{number // 5:05d}")
        kinds = {kind for _, _, kind in made.spans.get("entity", ())}
        if (holds in made.links or holds in kinds) and made.text not in texts:
            texts.add(made.text)
            yield made


def _renamed(s: Sentence, rng: np.random.Generator) -> Sentence:
    """The sentence with every entity's name exchanged: the first word by one of its kind, a second by a surname.

    A person named twice in a sentence stays one person.
    """
    words, lemmas, chosen = list(s.words), list(s.layers.get("lemma", s.words)), dict[str, str]()
    for start, end, kind in s.spans.get("entity", ()):
        for place in range(start, end):
            pool = SURNAMES if place > start else PLACES if kind == "PLACE" else _bearers(s.words[place])
            words[place] = lemmas[place] = chosen.setdefault(words[place], str(rng.choice(pool)))
    if words == list(s.words):
        return s
    text, starts, at = "", [], 0
    for old, start, word in zip(s.words, s.starts, words, strict=True):
        text += s.text[at:start]
        starts.append(len(text))
        text += word
        at = start + len(old)
    layers = {**s.layers, "lemma": tuple(lemmas)} if "lemma" in s.layers else s.layers
    return replace(s, text=text + s.text[at:], words=tuple(words), starts=tuple(starts), layers=layers)


def _bearers(name: str) -> tuple[str, ...]:
    """The given names of a name's gender; all where it has none."""
    return next((names for names in GIVEN.values() if name in names), GIVEN["f"] + GIVEN["m"])
