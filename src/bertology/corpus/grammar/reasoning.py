"""Synthetic reasoning as inference: fragments of logic (after Richardson et al. 2020) and what follows from known facts (Talmor et al. 2019).

In each fragment a hypothesis of either form, affirmed or denied, is entailed as often as not, so that the hypothesis alone tells nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.inference import written
from bertology.corpus.grammar.lexicon import CITIES, NAMES, nouns
from bertology.corpus.grammar.morphology import comparative, verb_forms
from bertology.corpus.grammar.pair_maker import ALONE
from bertology.corpus.inference import Pair


class _World(NamedTuple):
    """What a pair is drawn from."""

    chance: Chance
    names: Sequence[str]
    cities: Sequence[str]
    half: int

    def people(self, n: int) -> list[str]:
        return self.chance.shuffled(self.names)[:n]

    def places(self, n: int) -> list[str]:
        return self.chance.shuffled(self.cities)[:n]


def reasoning(per_fragment: int, *, half: int, seed: int = 0) -> tuple[Pair, ...]:
    """Pairs labelled "entailment" or "not", half of each fragment each; label "fragment". Halves 0 and 1 share no name, city, noun or adjective."""
    found: list[Pair] = []
    for number, (fragment, make) in enumerate(FRAGMENTS.items()):
        chance = Chance(seed, 24, half, number)
        names = [name for both in zip(NAMES["f"], NAMES["m"], strict=True) for name in both]
        world = _World(chance, names[half * 15 :][:15], CITIES[half::2], half)
        seen: set[tuple[str, str]] = set()
        counts = {(entailed, denied): 0 for entailed in (True, False) for denied in (True, False)}
        while len(seen) < per_fragment:
            cell = min(counts, key=counts.__getitem__)  # what is scarcest, so that all four are equally many
            premise, hypothesis = make(world, *cell)
            texts = written(premise), written(hypothesis)
            if texts not in seen:
                seen.add(texts)
                counts[cell] += 1
                found.append(Pair(*texts, "entailment" if cell[0] else "not", {"fragment": fragment}))
    return tuple(found)


Words = list[str]
Two = tuple[Words, Words]


def _visit(who: str, where: str, denied: bool) -> Words:
    return [who, "did", "not", "visit", where] if denied else [who, "visited", where]


def _negation(w: _World, entailed: bool, denied: bool) -> Two:
    """Only this place, so no other."""
    (one, other), (here, there, elsewhere) = w.people(2), w.places(3)
    premise = [one, "visited", "only", here, ",", "and", other, "visited", "only", there]
    where = here if entailed != denied else w.chance.pick((there, elsewhere))
    return premise, _visit(one, where, denied)


def _booleans(w: _World, entailed: bool, denied: bool) -> Two:
    """All of those named visited one place, the others another."""
    people, (here, there) = w.people(4), w.places(2)
    a, b, c, d = people
    premise = [a, "and", b, "visited", "only", here, ",", "and", "neither", c, "nor", d, "visited", here]
    if w.chance.happens(0.5):
        who = w.chance.pick((a, b) if entailed != denied else (c, d))
        return premise, _visit(who, here, denied)
    return premise, _visit(w.chance.pick((a, b)), here if entailed != denied else there, denied)


def _quantifiers(w: _World, entailed: bool, denied: bool) -> Two:
    (who, other), (here, there) = w.people(2), w.places(2)
    everybody, nobody = ["everyone", "visited", here], ["nobody", "visited", there]
    first, second = w.chance.shuffled([everybody, nobody])
    where = here if entailed != denied else there
    return [*first, ",", "and", *second], _visit(w.chance.pick((who, other)), where, denied)


def _conditionals(w: _World, entailed: bool, denied: bool) -> Two:
    """Of two conditions one is met."""
    (one, two, three), (here, there) = w.people(3), w.places(2)
    positive = entailed != denied
    consequence = _visit(three, there, not positive)
    other = _visit(three, there, positive)
    conditions = [["if", *_visit(one, here, False), ",", *consequence], ["if", *_visit(two, here, False), ",", *other]]
    fact = [*_visit(one, here, False), ",", "but", *_visit(two, here, True)]
    first, second = w.chance.shuffled(conditions)
    return [*first, ",", "and", *second, ".", *_capital(fact)], _visit(three, there, denied)


def _comparatives(w: _World, entailed: bool, denied: bool) -> Two:
    """Two steps of an order."""
    high, middle, low = w.people(3)
    more = comparative(w.chance.pick(_GRADED[w.half :: 2]))
    assert more is not None
    steps = [[high, "is", more, "than", middle], [middle, "is", more, "than", low]]
    first, second = w.chance.shuffled(steps)
    one, other = (high, low) if entailed != denied else (low, high)
    return [*first, ",", "and", *second], [one, "is", *(["not"] if denied else []), more, "than", other]


def _known_facts(w: _World, entailed: bool, denied: bool) -> Two:
    """What kind of thing the subject is has to be known."""
    kinds = w.chance.shuffled(_KINDS)[:2]
    acts = w.chance.shuffled(ALONE)[:2]
    premise = []
    for (_, plural), act in zip(kinds, acts, strict=True):
        premise += [",", "and"] if premise else []
        premise += ["all", "the", plural, verb_forms(act).past, "and", "did", "nothing", "else"]
    of_kind = [n for n in nouns()[kinds[0][0]] if n.lemma not in ("bird", "fish")][w.half :: 2]
    act = acts[0] if entailed != denied else acts[1]
    verb = ["did", "not", act] if denied else [verb_forms(act).past]
    return premise, ["the", w.chance.pick(of_kind).lemma, *verb]


def _capital(words: Words) -> Words:
    return [words[0][:1].upper() + words[0][1:], *words[1:]]


FRAGMENTS: dict[str, Callable[[_World, bool, bool], Two]] = {
    "negation": _negation,
    "booleans": _booleans,
    "quantifiers": _quantifiers,
    "conditionals": _conditionals,
    "comparatives": _comparatives,
    "known facts": _known_facts,
}
_KINDS = (("person", "people"), ("animal", "animals"), ("vehicle", "vehicles"))
_GRADED = ("tall", "old", "young", "rich", "strong", "short", "fast", "slow", "weak", "small")
