"""Premises and hypotheses from the grammar: pairs to train on, in which shared words nearly always mean entailment, and templates in which
they do not (after McCoy et al. 2019).
"""

from collections.abc import Callable
from typing import NamedTuple

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import TOPICS, nouns
from bertology.corpus.grammar.minimal_pairs import spelled
from bertology.corpus.grammar.morphology import verb_forms
from bertology.corpus.grammar.pair_maker import ALONE, HELD, Maker, say
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.phrases import Draft, noun_phrase, pick_noun, place, scene
from bertology.corpus.inference import Pair, corpus
from bertology.corpus.sentence import Corpus

AGAINST = 0.1
"""Share of the pairs with full overlap that are not entailed; in MultiNLI it is about as rare (McCoy et al. 2019, section 2)."""
HEURISTICS = ("lexical overlap", "subsequence", "constituent")


def inference(size: int = 3000, *, seed: int = 0) -> Corpus:
    """Pairs labelled "entailment", "neutral" or "contradiction", half of them entailed; no pair occurs twice.

    Entailed hypotheses leave out, reorder or generalise. The others name another person, act or place, deny, or (AGAINST) turn roles about.
    """
    chance = Chance(seed, 21)
    found: list[tuple[str, Pair]] = []
    seen: set[tuple[str, str]] = set()
    while len(found) < size:
        m = maker(chance)
        entailed = len(found) % 2 == 0
        premise, hypothesis, label, kind = _entailed(m) if entailed else _not_entailed(m)
        texts = written(premise), written(hypothesis)
        if texts in seen or texts[0] == texts[1]:
            continue
        seen.add(texts)
        found.append((texts[0], Pair(*texts, label, {"set": "grammar", "kind": kind})))
    return corpus("grammar-inference", found, licence=LICENCE, citation=CITATION)


def templates(per_subcase: int = 20, *, seed: int = 0) -> tuple[Pair, ...]:
    """Pairs with full overlap, labelled "entailment" or "not", with labels "heuristic" and "subcase": as many of each side of each heuristic."""
    found: list[Pair] = []
    for number, (heuristic, label, make) in enumerate(_SUBCASES):
        chance, seen = Chance(seed, 22, number), set()
        while len(seen) < per_subcase:
            texts = tuple(written(words) for words in make(maker(chance)))
            if texts not in seen:
                seen.add(texts)
                name = make.__name__.removeprefix("_").replace("_", " ")
                found.append(Pair(*texts, label, {"heuristic": heuristic, "subcase": name}))  # type: ignore[arg-type]
    return tuple(found)


def maker(chance: Chance) -> Maker:
    """Pieces of one pair, in a scene of their own."""
    return Maker(Draft(chance, scene(chance, chance.pick(TOPICS))))


def written(words: list[str]) -> str:
    """Words as a sentence."""
    return spelled([*words, "."], "", {}, "").text


class Event(NamedTuple):
    """What a premise tells, in parts; empty parts are not there."""

    adjective: list[str]
    subject: list[str]
    other: list[str]
    verb: str
    object: list[str]
    second: str
    place: list[str]

    def words(self, *, denied: bool = False) -> list[str]:
        """The sentence without its full stop; `denied` with "did not", and without the second act."""
        article, *noun = self.subject
        subject = [article, *self.adjective, *noun] + (["and", *self.other] if self.other else [])
        if denied:
            return [*subject, "did", "not", self.verb, *self.object, *self.place]
        act = [verb_forms(self.verb).past, *self.object]
        return [*subject, *act, *(["and", verb_forms(self.second).past] if self.second else []), *self.place]


def happening(m: Maker) -> Event:
    """Somebody did something, perhaps to somebody, perhaps somewhere."""
    transitive = m.chance.happens(0.7)
    one, two = (someone(m) for _ in range(2))
    return Event(
        [m.pick(ADJECTIVES)] if m.chance.happens(0.4) else [], one, two if m.chance.happens(0.2) else [],
        m.pick(HELD if transitive else ALONE), someone(m) if transitive else [], m.pick(ALONE) if transitive and m.chance.happens(0.25) else "",
        say(place(m.d)) if m.chance.happens(0.6) else [],
    )  # fmt: skip


def _entailed(m: Maker) -> tuple[list[str], list[str], str, str]:
    while True:
        event = happening(m)
        ways = {name for name in ("adjective", "other", "place") if getattr(event, name)} | (
            {"second"} if event.second else set()
        )
        if ways:
            break
    kind = m.pick((*sorted(ways), "reordered", "generalised", "several"))
    if kind == "reordered" and event.place:
        less = event._replace(place=[])
        return event.words(), [*event.place, *less.words()], "entailment", kind
    if kind == "generalised":
        less = event._replace(subject=["a", "person"], adjective=[], other=[])
        return event.words(), less.words(), "entailment", kind
    gone = [kind] if kind in ways else sorted(ways)
    less = event._replace(**{name: "" if name == "second" else [] for name in gone})
    return event.words(), less.words(), "entailment", "shortened"


def _not_entailed(m: Maker) -> tuple[list[str], list[str], str, str]:
    event = happening(m)
    if m.chance.happens(AGAINST):
        while not event.object:
            event = happening(m)
        turned = event._replace(subject=event.object, object=event.subject, adjective=[], other=[])
        return event.words(), turned.words(), "neutral", "roles turned about"
    shorter = event._replace(
        place=event.place if m.chance.happens(0.5) else [], adjective=event.adjective if m.chance.happens(0.5) else []
    )
    kind = m.pick(("subject", "object", "verb", "place", "denied"))
    if kind == "denied":
        return event.words(), shorter.words(denied=True), "contradiction", kind
    if kind == "object" and event.object:
        changed = shorter._replace(object=someone(m))
    elif kind == "verb":
        changed = shorter._replace(
            verb=m.pick([v for v in (HELD if event.object else ALONE) if v not in (event.verb, event.second)])
        )
    elif kind == "place":
        changed = shorter._replace(place=say(place(m.d)))
        if changed.place == event.place or _same_place(changed.place, event.place):
            changed = changed._replace(subject=someone(m))
    else:
        changed = shorter._replace(subject=someone(m))
    return event.words(), changed.words(), "neutral", f"another {kind}"


def _same_place(one: list[str], other: list[str]) -> bool:
    return bool(other) and one[-1] == other[-1]


def someone(m: Maker) -> list[str]:
    """A definite noun phrase of a person or of several."""
    return say(m.definite("person", m.pick(("sing", "plur"))))


def _did(m: Maker, verbs: list[str] | None = None) -> str:
    return verb_forms(m.pick(verbs or HELD)).past


def _past(m: Maker) -> str:
    return verb_forms(m.pick(ALONE)).past


def _near(m: Maker) -> str:
    return m.pick(("near", "behind", "beside"))


def _were(noun: list[str]) -> str:
    """ "was" or "were" for a definite noun phrase drawn by `someone`."""
    return "were" if noun[-1] in {n.plural for n in nouns()["person"]} else "was"


Two = tuple[list[str], list[str]]


def _subject_and_object_swapped(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), _did(m)
    return [*one, act, *two], [*two, act, *one]


def _noun_in_a_prepositional_phrase(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, _near(m), *two, act, *three], [*three, act, *two]


def _noun_in_a_relative_clause(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, act, *two, "that", *three, _did(m)], [*two, act, *three]


def _passive_read_as_active(m: Maker) -> Two:
    one, two, verb = someone(m), someone(m), verb_forms(m.pick(_EQUAL))
    return [*one, _were(one), verb.participle, "by", *two], [*one, verb.past, *two]


def _objects_of_a_conjunction(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, act, *two, "and", *three], [*two, act, *three]


def _around_a_relative_clause(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, "that", *two, _did(m), act, *three], [*one, act, *three]


def _around_a_prepositional_phrase(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, _near(m), *two, act, *three], [*one, act, *three]


def _passive_turned_active(m: Maker) -> Two:
    one, two, verb = someone(m), someone(m), verb_forms(m.pick(_EQUAL))
    return [*one, _were(one), verb.participle, "by", *two], [*two, verb.past, *one]


def _second_object_of_a_conjunction(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, act, *two, "and", *three], [*one, act, *three]


def _inside_a_relative_clause(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, "that", act, *two, _did(m), *three], [*one, act, *two]


def _object_or_clause(m: Maker) -> Two:
    one, two, said = someone(m), someone(m), m.pick(("heard", "knew", "noticed", "remembered", "believed"))
    return [*one, said, *two, _past(m)], [*one, said, *two]


def _end_of_a_subject_with_a_prepositional_phrase(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), _past(m)
    return [*one, _near(m), *two, act], [*two, act]


def _end_of_a_subject_with_a_relative_clause(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), _past(m)
    return [*one, "that", _did(m), *two, act], [*two, act]


def _reduced_relative_clause(m: Maker) -> Two:
    one, act, where = someone(m), _did(m, _EQUAL[:-2]), say(place(m.d))
    return [*one, act, *where, _past(m)], [*one, act, *where]


def _object_or_next_subject(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), m.pick(("watched", "followed", "visited", "helped"))
    return [m.pick(("while", "before", "after")), *one, act, *two, _past(m)], [*one, act, *two]


def _second_subject_of_a_conjunction(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), _past(m)
    return [*one, "and", *two, act], [*two, act]


def _without_its_adjective(m: Maker) -> Two:
    one, two, act = m.definite("person", "plur"), someone(m), _did(m)
    bare = say(one)[1:]
    return [m.pick(ADJECTIVES), *bare, act, *two], [*bare, act, *two]


def _understood_object(m: Maker) -> Two:
    one, (verb, things) = someone(m), m.pick(tuple(_THINGS.items()))
    act = verb_forms(verb).past
    return [*one, act, *say(noun_phrase(m.d, pick_noun(m.d, things), number="sing", rich=0.0))], [*one, act]


def _object_without_its_prepositional_phrase(m: Maker) -> Two:
    one, two, three, act = someone(m), someone(m), someone(m), _did(m)
    return [*one, act, *two, _near(m), *three], [*one, act, *two]


def _first_of_two_acts(m: Maker) -> Two:
    one, two, act = someone(m), someone(m), _did(m)
    return [*one, act, *two, "and", _past(m)], [*one, act, *two]


def _clause(m: Maker) -> list[str]:
    return [*someone(m), _did(m), *someone(m)] if m.chance.happens(0.5) else [*someone(m), _past(m)]


def _condition(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return ["if", *one, ",", *two], one


def _consequence(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return ["if", *one, ",", *two], two


def _believed(m: Maker) -> Two:
    one = _clause(m)
    return [*someone(m), m.pick(("believed", "thought", "hoped", "said", "claimed")), "that", *one], one


def _alternative(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return ["either", *one, ",", "or", *two], m.pick((one, two))


def _perhaps(m: Maker) -> Two:
    one = _clause(m)
    return [m.pick(("perhaps", "maybe", "supposedly", "hopefully")), *one], one


def _reason(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return ["because", *one, ",", *two], one


def _result(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return ["because", *one, ",", *two], two


def _known(m: Maker) -> Two:
    one = _clause(m)
    return [*someone(m), m.pick(("knew", "forgot", "noticed", "remembered", "learned")), "that", *one], one


def _one_of_two_clauses(m: Maker) -> Two:
    one, two = _clause(m), _clause(m)
    return [*one, ",", "and", *two], m.pick((one, two))


def _certainly(m: Maker) -> Two:
    one = _clause(m)
    return [m.pick(("certainly", "clearly", "obviously", "fortunately")), *one], one


ADJECTIVES = ("happy", "tired", "young", "old", "famous", "tall", "angry", "poor", "rich", "clever")
_EQUAL = ["help", "visit", "follow", "thank", "invite", "praise", "admire", "greet", "trust", "watch", "hear", "meet"]
"""Verbs whose past is their participle."""
_THINGS = {
    "write": "=letter,poem,report,song", "paint": "=wall,door,house,fence", "clean": "=room,window,kitchen", "draw": "=map,picture,tree",
    "eat": "=apple,cake,sandwich,egg", "drive": "=car,truck,bus,taxi",
}  # fmt: skip
_SIDES: tuple[tuple[tuple[Callable[[Maker], Two], ...], tuple[Callable[[Maker], Two], ...]], ...] = (
    (
        (_around_a_relative_clause, _around_a_prepositional_phrase, _passive_turned_active, _second_object_of_a_conjunction,
         _inside_a_relative_clause),
        (_subject_and_object_swapped, _noun_in_a_prepositional_phrase, _noun_in_a_relative_clause, _passive_read_as_active,
         _objects_of_a_conjunction),
    ),
    (
        (_second_subject_of_a_conjunction, _without_its_adjective, _understood_object, _object_without_its_prepositional_phrase,
         _first_of_two_acts),
        (_object_or_clause, _end_of_a_subject_with_a_prepositional_phrase, _end_of_a_subject_with_a_relative_clause, _reduced_relative_clause,
         _object_or_next_subject),
    ),
    (
        (_reason, _result, _known, _one_of_two_clauses, _certainly),
        (_condition, _consequence, _believed, _alternative, _perhaps),
    ),
)  # fmt: skip
_SUBCASES = tuple(
    (heuristic, label, make)
    for heuristic, sides in zip(HEURISTICS, _SIDES, strict=True)
    for label, makers in zip(("entailment", "not"), sides, strict=True)
    for make in makers
)
