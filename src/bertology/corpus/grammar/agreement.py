"""Pairs of verb forms across 0, 1 and 2 attractors (Linzen et al. 2016; Marvin & Linzen 2018), meaningful and nonce.

Nonce sentences keep the grammar and lose the meaning, as in Gulordava et al. 2018: nouns, verbs, adjectives and prepositions are
drawn without regard to each other.
"""

from collections.abc import Callable, Sequence

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import TOPICS, Noun, select
from bertology.corpus.grammar.minimal_pairs import spelled
from bertology.corpus.grammar.morphology import finite, verb_forms
from bertology.corpus.grammar.pair_maker import ALONE, HELD, Maker
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.phrases import Draft, pick_noun, scene
from bertology.corpus.sentence import Corpus, Sentence


def agreement(size_per_cell: int = 200, *, seed: int = 0) -> Corpus:
    """Two consecutive Sentences a pair that differ in the number of one verb; a cell is a number of attractors, nonce or not.

    Labels are those of `corpus.agreement`: "attractors" 0 to 2, intervening nouns of the other number (in cell 0 nouns of the
    subject's number may intervene), "nonce", "construction", "verb" and "subject". No acceptable sentence occurs twice.
    """
    found: list[Sentence] = []
    for cell, (nonce, attractors) in enumerate((n, a) for n in (False, True) for a in (0, 1, 2)):
        chance = Chance(seed, 9, cell)
        phenomenon = f"agreement_{attractors}_attractors{'_nonce' if nonce else ''}"
        seen: set[str] = set()
        while len(seen) < size_per_cell:
            maker = Maker(Draft(chance, scene(chance, chance.pick(TOPICS))))
            construction, words, verb, forms, tail = _drawn(maker, attractors, nonce)
            if (key := " ".join((*words, forms[0], *tail))) in seen:
                continue
            pair = f"{phenomenon}/{len(seen):04d}"
            seen.add(key)
            for form, acceptable in zip(forms, (True, False), strict=True):
                labels = {
                    "acceptable": acceptable, "phenomenon": phenomenon, "field": "morphology", "pair": pair,
                    "construction": construction, "attractors": attractors, "nonce": nonce, "verb": verb, "subject": 1,
                }  # fmt: skip
                id = f"{pair}/{'good' if acceptable else 'bad'}"
                found.append(spelled([*words, form, *tail], id, labels, pair))
    return Corpus("grammar-agreement", tuple(found), LICENCE, CITATION)


def _drawn(m: Maker, attractors: int, nonce: bool) -> tuple[str, list[str], int, tuple[str, str], list[str]]:
    """Construction, words up to the verb, the verb's place, its right and wrong form, the words after it."""
    number, other = m.number()
    name, nouns, between = m.pick([c for c in _CONSTRUCTIONS if c[1] >= attractors])
    numbers = m.chance.shuffled([other] * attractors + [number] * (nouns - attractors))
    subject = ["the", _noun(m, "any" if nonce else "person", number)]
    words = [*subject, *between(m, numbers, nonce)]
    lemma, rest = _predicate(m, nonce)
    right, wrong = (finite(lemma, tense="present", number=n, person=3) for n in (number, other))
    return name, words, len(words), (right, wrong), [*rest, "."]


def _noun(m: Maker, classes: str, number: str) -> str:
    """A noun whose number shows."""
    drawn = lambda: m.pick(_any()) if classes == "any" else pick_noun(m.d, classes)
    noun = drawn()
    while noun.mass or noun.plural == noun.lemma or (classes == "any" and noun.lemma in m.d.notes.used):
        noun = drawn()
    m.d.notes.used.add(noun.lemma)
    return noun.plural if number == "plur" else noun.lemma


def _any() -> tuple[Noun, ...]:
    return select("person animal thing tool clothes furniture vehicle structure plant text")


def _near(m: Maker, numbers: Sequence[str], nonce: bool) -> list[str]:
    """Prepositional phrases, one a number."""
    found: list[str] = []
    for number in numbers:
        preposition = m.pick(
            ("near", "behind", "under", "with", "from", "about") if nonce else ("near", "behind", "beside")
        )
        found += [preposition, "the", _noun(m, "any" if nonce else "structure furniture vehicle plant person", number)]
    return found


def _past(m: Maker) -> str:
    return verb_forms(m.pick(HELD)).past  # the past does not show the number


def _object_relative(m: Maker, numbers: Sequence[str], nonce: bool) -> list[str]:
    head = ["the", _noun(m, "any" if nonce else "person", numbers[0])]
    return ["that", *head, *_near(m, numbers[1:], nonce), _past(m)]


def _subject_relative(m: Maker, numbers: Sequence[str], nonce: bool) -> list[str]:
    return ["that", _past(m), "the", _noun(m, "any" if nonce else "person", numbers[0]), *_near(m, numbers[1:], nonce)]


def _predicate(m: Maker, nonce: bool) -> tuple[str, list[str]]:
    """The lemma of the finite verb and what follows it."""
    kind = m.pick(("be", "have", "verb"))
    tail = ["in", "the", m.pick(_any()).lemma] if nonce else m.tail()
    if kind == "be":
        natural = ("tired", "happy", "old", "famous", "nervous", "tall", "hungry")
        return "be", [m.pick((*natural, "green", "open", "early", "cold") if nonce else natural), *tail]
    if kind == "have":
        return "have", [verb_forms(m.pick((*ALONE, *HELD) if nonce else ALONE)).participle, *tail]
    return m.pick((*ALONE, *HELD) if nonce else ALONE), tail


_CONSTRUCTIONS: tuple[tuple[str, int, Callable[[Maker, Sequence[str], bool], list[str]]], ...] = (
    ("simple", 0, _near),
    ("prepositional phrase", 1, _near),
    ("object relative", 1, _object_relative),
    ("subject relative", 1, _subject_relative),
    ("two prepositional phrases", 2, _near),
    ("object relative with a prepositional phrase", 2, _object_relative),
    ("subject relative with a prepositional phrase", 2, _subject_relative),
)
