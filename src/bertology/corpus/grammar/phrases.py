"""Noun phrases, pronouns, prepositional phrases and adverbials of one sentence in its scene."""

from collections.abc import Sequence
from typing import NamedTuple

from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import CITIES, NAMES, SURNAMES, Noun, admits, select
from bertology.corpus.grammar.qualities import OPPOSED, adjectives
from bertology.corpus.grammar.trees import Notes, Word


class Scene(NamedTuple):
    """What the sentences of a passage share: a topic, named people as (name, gender), and nouns that come back."""

    topic: str
    cast: tuple[tuple[str, str], ...]
    props: tuple[Noun, ...]


class Draft:
    """One sentence in the making: its scene, its source of chance, its notes."""

    def __init__(self, chance: Chance, scene: Scene) -> None:
        self.chance, self.scene, self.notes = chance, scene, Notes()


def scene(chance: Chance, topic: str) -> Scene:
    """A scene with two to four people of both sexes."""
    cast = [(chance.zipf(NAMES["f"]), "f"), (chance.zipf(NAMES["m"]), "m")]
    for gender in ("f", "m"):
        other = chance.zipf(NAMES[gender])
        if chance.happens(0.5) and (other, gender) not in cast:
            cast.append((other, gender))
    props = [
        chance.zipf(select(kind, topic) or select(kind)) for kind in ("person", "place", "thing", "animal", "text")
    ]
    return Scene(topic, tuple(chance.shuffled(cast)), tuple(props))


def pick_noun(d: Draft, classes: str, *, fit: float = 0.6) -> Noun:
    """A noun of a selection that the sentence has not used; with probability `fit` one at home in the topic."""
    again = [n for n in d.scene.props if n.lemma not in d.notes.used and admits(n, classes)]
    if again and d.chance.happens(0.5):
        found = d.chance.pick(again)
        d.notes.used.add(found.lemma)
        return found
    everywhere = select(classes)
    at_home = select(classes, d.scene.topic)
    found = everywhere[0]
    for _ in range(8):
        options = at_home if at_home and d.chance.happens(fit) else everywhere
        found = d.chance.zipf(options)
        if found.lemma not in d.notes.used:
            break
    d.notes.used.add(found.lemma)
    return found


def common(entry: Noun, number: str) -> Word:
    """A bare common noun."""
    plural = number == "plur"
    return Word(
        entry.plural if plural else entry.lemma,
        "NOUN",
        "NNS" if plural else "NN",
        lemma=entry.lemma,
        feats={"Number": "Plur" if plural else "Sing"},
        number=number,
        gender=entry.gender,
        kind=entry.kind,
        noun=entry,
    )


def name(d: Draft, gender: str = "", *, surname: float = 0.12) -> Word:
    """A person of the cast whom the sentence has not named yet, else anybody; with a surname now and then."""
    free = [(n, g) for n, g in d.scene.cast if n not in d.notes.used and (not gender or g == gender)]
    if not free:
        free = [(n, g) for g in NAMES if not gender or g == gender for n in NAMES[g] if n not in d.notes.used]
    first, sex = free[0] if d.chance.happens(0.5) else d.chance.pick(free)
    d.notes.used.add(first)
    found = lx.proper(first, "person", sex)
    if d.chance.happens(surname):
        found.add(lx.proper(d.chance.zipf(SURNAMES), "", ""), "flat")
    return found


def city(d: Draft) -> Word:
    free = [c for c in CITIES if c not in d.notes.used]
    found = d.chance.zipf(free)
    d.notes.used.add(found)
    return lx.proper(found, "city", "n")


def phrase(
    d: Draft,
    classes: str,
    *,
    number: str = "",
    names: float = 0.4,
    rich: float = 1.0,
    definite: bool = False,
    gender: str = "",
    owners: float = 1.0,
) -> Word:
    """A noun phrase of a selection. `names`: chance of a name for a person; `rich` scales the chance of modifiers."""
    if "person" in classes.split() and number != "plur" and d.chance.happens(names):
        return name(d, gender)
    if gender:
        options = [n for n in select(classes) if n.gender == gender and n.lemma not in d.notes.used]
        entry = d.chance.zipf(options)
        d.notes.used.add(entry.lemma)
    else:
        entry = pick_noun(d, classes)
    return noun_phrase(d, entry, number=number, rich=rich, definite=definite, owners=owners)


def noun_phrase(
    d: Draft, entry: Noun, *, number: str = "", rich: float = 1.0, definite: bool = False, owners: float = 1.0
) -> Word:
    """A noun with determiner and perhaps an adjective, a possessor or a prepositional phrase."""
    if entry.mass:
        number = "sing"
    elif not number:
        number = "plur" if d.chance.happens(0.14 if entry.lemma in _UNIQUE else 0.34) else "sing"
    if entry.lemma in _NEVER_PLURAL:
        number = "sing"
    head = common(entry, number)
    allowed = rich if d.notes.modifiers < 4 else 0.0
    if d.chance.happens(0.46 * allowed) and (options := adjectives(entry)):
        d.notes.modifiers += 1
        head.lead(lx.adjective(quality(d, options), "amod"))
    owned = entry.kind in _OWNED and entry.lemma not in _UNIQUE
    if owned and not definite and d.chance.happens(0.13 * allowed * owners):
        d.notes.modifiers += 1
        owner = phrase(d, "person", names=0.6, rich=0.0, definite=True)
        head.lead(lx.possessor(owner))
    else:
        head.lead(*determiner(d, entry, number, definite=definite))
    if d.chance.happens(0.19 * allowed) and entry.kind in NOUN_PLACES and d.notes.modifiers < 3:
        d.notes.modifiers += 1
        attach_place(d, head)
    return head


def determiner(d: Draft, entry: Noun, number: str, *, definite: bool = False) -> list[Word]:
    """The determiner or numeral, none for bare plurals and masses."""
    if definite or entry.lemma in _UNIQUE or (entry.kind == "nature" and number == "sing"):
        return [lx.article("the")]
    words = [w() for w in d.chance.weighted(_DETERMINERS["mass" if entry.mass else number])]
    return words or ([lx.article("the")] if "home" in entry.topics and entry.kind == "person" else [])


def attach_place(d: Draft, head: Word, *, number: str = "", rich: float = 0.3) -> Word:
    """Adds to a noun a prepositional phrase that says where, whence or about what; returns its noun."""
    options = [row for row in NOUN_PLACES[head.kind] if row[0] not in d.notes.used]
    if head.kind == "person" and head.number == "plur":
        options = [row for row in options if row[0] != "in"]
    preposition, classes = d.chance.pick(options or NOUN_PLACES[head.kind])
    d.notes.used.add(preposition)
    worn = preposition in ("with", "in") and head.kind == "person"
    if worn:
        number = number if preposition == "with" and number else "sing"
    inner = phrase(
        d, classes, number=number, names=0.4, rich=rich, definite=d.chance.happens(0.75), owners=0.0 if worn else 1.0
    )
    head.add(lx.prepositional(preposition, inner), "nmod")
    return inner


def quality(d: Draft, options: Sequence[str]) -> str:
    """An adjective that the sentence has not used and that contradicts none it has used, if there is one."""
    taken = {a for group in OPPOSED if not group.isdisjoint(d.notes.used) for a in group} | d.notes.used
    found = d.chance.zipf([a for a in options if a not in taken] or options)
    d.notes.used.add(found)
    return found


def place(d: Draft) -> Word:
    """An adverbial of place: "in the garden", "at the station", "in Paris", "near the river"."""
    if d.chance.happens(0.08):
        return lx.prepositional("in", city(d))
    if d.chance.happens(0.22):
        noun = phrase(
            d, "nature structure plant =church,school,station,hospital,castle", number="sing", rich=0.4, definite=True
        )
        flat = noun.kind == "nature" and noun.lemma not in ("hill", "mountain", "rock", "cliff", "waterfall")
        return lx.prepositional(d.chance.pick(("near", "beside") if flat else ("near", "behind", "beside")), noun)
    entry = pick_noun(d, "place", fit=0.75)
    return lx.prepositional(
        entry.preposition, noun_phrase(d, entry, number="sing", rich=0.5, definite=d.chance.happens(0.8))
    )


def time(d: Draft, tense: str, aspect: str) -> Word:
    """An adverbial of time that goes with a tense and an aspect ("simple", "progressive", "perfect", a modal)."""
    kind = (
        aspect
        if aspect in ("perfect", "progressive") and tense == "present"
        else tense
        if aspect in _ASPECTS
        else "future"
    )
    word = d.chance.pick(_TIMES[kind]).split()
    match word:
        case [single] if single in ("yesterday", "today", "tomorrow"):
            return Word(single, "NOUN", "NN", "obl:unmarked", feats={"Number": "Sing"}, number="sing", kind="time")
        case [single]:
            return lx.adverb(single, kind="Dem" if single == "now" else "")
        case ["ago", unit]:
            count = d.chance.pick(("two", "three", "four", "five"))
            span = _moment(unit, "plur").lead(lx.numeral(count))
            span.rel = "obl:unmarked"
            return lx.adverb("ago").lead(span)
        case ["before" | "after" as preposition, "event"]:
            event = d.chance.zipf([n for n in select("event") if n.lemma not in ("visit", "walk", "operation")])
            return lx.prepositional(preposition, common(event, "sing").lead(lx.article("the")))
        case [preposition, "the", unit]:
            return lx.prepositional(preposition, _moment(unit, "sing").lead(lx.article("the")))
        case ["on", day]:
            return lx.prepositional(
                "on", Word(day, "PROPN", "NNP", feats={"Number": "Sing"}, lemma=day, number="sing", kind="time")
            )
        case [quantifier, unit]:
            noun = _moment(unit, "sing")
            kinds = {"every": {"PronType": "Tot"}, "this": {"Number": "Sing", "PronType": "Dem"}}
            modifier = Word(quantifier, "DET", "DT", "det", feats=kinds[quantifier]) if quantifier in kinds else None
            noun.lead(modifier or lx.adjective(quantifier, "amod"))
            noun.rel = "obl:unmarked"
            return noun
    raise KeyError(word)


NOUN_PLACES = {
    "person": (
        ("near", "structure plant furniture vehicle"),
        ("behind", "structure furniture =tree,car,truck,bus"),
        ("from", "=village,town,city,factory,farm,hotel,bank,museum,castle,island,office,circus"),
        ("with", "=hat,umbrella,bag,scarf,basket,camera,stick,lamp,glove,rope,backpack"),
        ("in", "=coat,hat,jacket,dress,shirt,scarf,uniform,suit,car,boat,garden,park,kitchen"),
        ("beside", "person"),
    ),
    "animal": (("near", "plant structure =river,lake,barn,house,road"), ("under",
    "=table,tree,bed,bench,bush,bridge,chair"), ("behind", "=house,barn,door,wall,fence,tree")),
    "thing": (("on", "furniture surface"), ("near", "structure furniture"), ("in",
    "=box,basket,drawer,bag,cupboard,garage,kitchen,cellar"), ("under", "furniture")),
    "text": (("about", "person animal =war,storm,wedding,castle,island,city,forest,garden,crime,voyage"),
    ("from", "person"), ("on", "furniture")),
    "food": (("on", "=plate,table,shelf"), ("in", "=bowl,kitchen")),
    "vehicle": (("near", "structure =church,station,school,tree,bridge"), ("behind",
    "=house,church,barn,hospital,school,fence"), ("in", "=street,garage,yard,park")),
    "place": (("near", "nature =station,church,bridge,market,castle,forest"), ("behind",
    "=church,school,hospital,station,castle,hill")),
    "event": (("in", "=park,garden,hall,castle,church,village,school,museum,square"),),
    "plant": (("near", "structure nature"), ("in", "=garden,park,yard,forest,valley"), ("behind",
    "=house,school,barn,church")),
    "idea": (("about", "=party,wedding,bridge,house,school,king,garden,race,trial"),),
    "structure": (("near", "=river,lake,church,school,castle,road,barn"),),
}  # fmt: skip
NOUN_PLACES["work"] = NOUN_PLACES["text"][:2]
NOUN_PLACES["infant"] = (("in", "=garden,bedroom,kitchen,bed"), ("near", "furniture"))
NOUN_PLACES |= dict.fromkeys(("tool", "clothes", "instrument"), NOUN_PLACES["thing"])
NOUN_PLACES["furniture"] = (("near", "structure"), ("in", "=kitchen,room,garden,office,attic,hall,classroom,bedroom"))

_ASPECTS = ("simple", "progressive", "perfect")
_TIMES = {
    "past": (
        "yesterday", "yesterday", "last week", "last night", "last summer", "last month", "after event", "before event",
        "ago day", "ago week", "ago year", "in the morning", "in the evening", "on Monday", "on Friday", "on Sunday",
    ),
    "present": (
        "every day", "every week", "every morning", "every summer", "every evening", "every night", "every winter",
        "in the morning", "in the evening",
    ),
    "progressive": ("now", "today", "this morning", "this evening", "now"),
    "perfect": ("today", "this week", "this year", "this month", "recently"),
    "future": (
        "tomorrow", "next week", "next month", "next year", "soon", "tomorrow", "next summer", "after event",
        "on Monday", "on Saturday",
    ),
}  # fmt: skip
_DETERMINERS = {
    "sing": (
        ((lambda: lx.article("the"),), 0.62),
        ((lambda: lx.article("a"),), 0.27),
        ((lambda: lx.demonstrative("this"),), 0.05),
        ((lambda: lx.demonstrative("that"),), 0.05),
        ((lambda: lx.quantifier("every"),), 0.01),
    ),
    "plur": (
        ((lambda: lx.article("the"),), 0.5),
        ((), 0.1),
        ((lambda: lx.quantifier("some"),), 0.09),
        ((lambda: lx.demonstrative("these"),), 0.06),
        ((lambda: lx.demonstrative("those"),), 0.05),
        ((lambda: lx.quantifier("many"),), 0.03),
        ((lambda: lx.quantifier("several"),), 0.03),
        ((lambda: lx.numeral("two"),), 0.05),
        ((lambda: lx.numeral("three"),), 0.04),
        ((lambda: lx.numeral("four"),), 0.02),
        ((lambda: lx.article("the"), lambda: lx.numeral("two")), 0.03),
    ),
    "mass": (((lambda: lx.article("the"),), 0.55), ((), 0.15), ((lambda: lx.quantifier("some"),), 0.3)),
}
_OWNED = (
    "infant",
    "work",
    "thing",
    "tool",
    "clothes",
    "text",
    "vehicle",
    "instrument",
    "animal",
    "idea",
    "food",
    "furniture",
)
_UNIQUE = frozenset(
    [
        "mayor",
        "king",
        "queen",
        "captain",
        "truth",
        "war",
        "kitchen",
        "cellar",
        "attic",
        "roof",
        "floor",
        "budget",
        "treasure",
        "bathroom",
        "school",
        "market",
        "harbor",
        "circus",
        "airport",
        "breakfast",
        "lunch",
        "dinner",
        "rain",
    ]
)
_NEVER_PLURAL = frozenset(
    ["kitchen", "cellar", "attic", "harbor", "truth", "treasure", "breakfast", "lunch", "dinner", "rice", "floor"]
)


def _moment(unit: str, number: str) -> Word:
    return common(next(n for n in select("time") if n.lemma == unit), number)
