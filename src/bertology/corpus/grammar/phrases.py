"""Noun phrases, pronouns, prepositional phrases and adverbials of one sentence in its scene."""

from typing import NamedTuple

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import CITIES, NAMES, SURNAMES, Noun, adjectives, select
from bertology.corpus.grammar.trees import Notes, Word


class Scene(NamedTuple):
    """What the sentences of a passage share: a topic, and named people as (name, gender)."""

    topic: str
    cast: tuple[tuple[str, str], ...]


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
    return Scene(topic, tuple(chance.shuffled(cast)))


def pick_noun(d: Draft, classes: str, *, fit: float = 0.6) -> Noun:
    """A noun of a selection that the sentence has not used; with probability `fit` one at home in the topic."""
    everywhere = select(classes)
    at_home = select(classes, d.scene.topic)
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
    first, sex = d.chance.pick(free)
    d.notes.used.add(first)
    found = _proper(first, "person", sex)
    if d.chance.happens(surname):
        found.add(_proper(d.chance.zipf(SURNAMES), "", ""), "flat")
    return found


def city(d: Draft) -> Word:
    free = [c for c in CITIES if c not in d.notes.used]
    found = d.chance.zipf(free)
    d.notes.used.add(found)
    return _proper(found, "city", "n")


def phrase(
    d: Draft,
    classes: str,
    *,
    number: str = "",
    names: float = 0.4,
    rich: float = 1.0,
    definite: bool = False,
    gender: str = "",
) -> Word:
    """A noun phrase of a selection. `names`: chance of a name where people fit; `rich` scales the chance of modifiers."""
    if "person" in classes.split() and number != "plur" and d.chance.happens(names):
        return name(d, gender)
    if gender:
        options = [n for n in select(classes) if n.gender == gender and n.lemma not in d.notes.used]
        entry = d.chance.zipf(options)
        d.notes.used.add(entry.lemma)
    else:
        entry = pick_noun(d, classes)
    return noun_phrase(d, entry, number=number, rich=rich, definite=definite)


def noun_phrase(d: Draft, entry: Noun, *, number: str = "", rich: float = 1.0, definite: bool = False) -> Word:
    """A noun with determiner and perhaps an adjective, a possessor or a prepositional phrase."""
    if entry.mass:
        number = "sing"
    elif not number:
        number = "plur" if d.chance.happens(0.14 if entry.lemma in _UNIQUE else 0.34) else "sing"
    if entry.lemma in _NEVER_PLURAL:
        number = "sing"
    head = common(entry, number)
    allowed = rich if d.notes.modifiers < 3 else 0.0
    if d.chance.happens(0.34 * allowed) and (options := adjectives(entry)):
        d.notes.modifiers += 1
        head.lead(adjective(d.chance.zipf(options), "amod"))
    owned = entry.kind in _OWNED and entry.lemma not in _UNIQUE
    if owned and not definite and d.chance.happens(0.12 * allowed):
        d.notes.modifiers += 1
        owner = phrase(d, "person", names=0.6, rich=0.0, definite=True)
        head.lead(possessor(owner))
    else:
        head.lead(*determiner(d, entry, number, definite=definite))
    if d.chance.happens(0.13 * allowed) and entry.kind in NOUN_PLACES and d.notes.modifiers < 3:
        d.notes.modifiers += 1
        attach_place(d, head)
    return head


def determiner(d: Draft, entry: Noun, number: str, *, definite: bool = False) -> list[Word]:
    """The determiner or numeral, none for bare plurals and masses."""
    if definite or entry.lemma in _UNIQUE or entry.kind == "nature" and number == "sing":
        return [article("the")]
    return [w() for w in d.chance.weighted(_DETERMINERS["mass" if entry.mass else number])]


def attach_place(d: Draft, head: Word, *, number: str = "", rich: float = 0.3) -> Word:
    """Adds to a noun a prepositional phrase that says where, whence or about what; returns its noun."""
    preposition, classes = d.chance.pick(NOUN_PLACES[head.kind])
    if preposition in ("with", "in") and head.kind == "person":
        number, rich = number or "sing", 1.0
    inner = phrase(d, classes, number=number, names=0.4, rich=rich, definite=d.chance.happens(0.75))
    head.add(prepositional(preposition, inner), "nmod")
    return inner


def prepositional(preposition: str, noun: Word, rel: str = "obl") -> Word:
    noun.rel = rel
    return noun.lead(Word(preposition, "ADP", "IN", "case"))


def possessor(owner: Word) -> Word:
    """The owner as a genitive: "Mary 's", "the boys '"."""
    ending = "'" if owner.number == "plur" and owner.form.endswith("s") else "'s"
    owner.rel = "nmod:poss"
    owner.add(Word(ending, "PART", "POS", "case", lemma="'s", glued=True))
    return owner


def article(form: str) -> Word:
    definite = {"Definite": "Def" if form == "the" else "Ind", "PronType": "Art"}
    return Word(form, "DET", "DT", "det", lemma=form, feats=definite)


def adjective(lemma: str, rel: str = "root", *, form: str = "", degree: str = "Pos") -> Word:
    xpos = {"Pos": "JJ", "Cmp": "JJR", "Sup": "JJS"}[degree]
    return Word(form or lemma, "ADJ", xpos, rel, lemma=lemma, feats={"Degree": degree})


def adverb(form: str, *, kind: str = "") -> Word:
    return Word(form, "ADV", "RB", "advmod", feats={"PronType": kind} if kind else None)


def personal(antecedent: Word, case: str) -> Word:
    """The pronoun for a noun phrase: `case` "Nom", "Acc", "Gen" (my, her) or "Reflex"."""
    row = "we" if antecedent.number == "plur" and antecedent.person == 1 else ""
    row = row or ("they" if antecedent.number == "plur" else {1: "I", 2: "you"}.get(antecedent.person, ""))
    row = row or {"m": "he", "f": "she", "n": "it"}[antecedent.gender]
    forms, number, person, gender = _PRONOUNS[row]
    form = dict(zip(("Nom", "Acc", "Gen", "Reflex"), forms.split(), strict=True))[case]
    feats = {"Case": {"Nom": "Nom", "Gen": "Gen"}.get(case, "Acc")}
    feats |= {"Gender": gender} if gender else {}
    feats |= {"Number": number, "Person": person}
    feats |= {"Poss": "Yes"} if case == "Gen" else {}
    feats |= {"PronType": "Prs"} | ({"Reflex": "Yes"} if case == "Reflex" else {})
    return Word(
        form,
        "PRON",
        "PRP$" if case == "Gen" else "PRP",
        "nmod:poss" if case == "Gen" else "nsubj" if case == "Nom" else "obj",
        lemma=row if case != "Gen" and case != "Reflex" else form,
        feats=feats,
        number="plur" if number == "Plur" else "sing",
        gender=antecedent.gender,
        person=int(person),
        kind=antecedent.kind,
    )


def speaker(form: str) -> Word:
    """"I", "we", "you" or "they" as a subject."""
    number = "sing" if form == "I" else "plur"
    person = {"I": 1, "we": 1, "you": 2}.get(form, 3)
    return personal(Word("", "X", "X", number=number if form != "you" else "sing", person=person, kind="person"), "Nom")


def indefinite(form: str) -> Word:
    """everyone, nobody, something, anything ..."""
    kind = {"every": "Tot", "no": "Neg"}.get(form.removesuffix("one").removesuffix("body").removesuffix("thing"), "Ind")
    human = "person" if form.endswith(("one", "body")) else "thing"
    return Word(form, "PRON", "NN", feats={"Number": "Sing", "PronType": kind}, number="sing", kind=human)


def has_pronoun(antecedent: Word) -> bool:
    """Whether a third-person pronoun for this noun phrase is beyond doubt (not for a doctor of unknown sex)."""
    return antecedent.number == "plur" or antecedent.gender in ("m", "f", "n")


def place(d: Draft) -> Word:
    """An adverbial of place: "in the garden", "at the station", "in Paris", "near the river"."""
    if d.chance.happens(0.08):
        return prepositional("in", city(d))
    if d.chance.happens(0.22):
        noun = phrase(d, "nature structure plant =church,school,station,hospital,castle", number="sing", rich=0.4, definite=True)
        return prepositional(d.chance.pick(("near", "behind", "near", "beside")), noun)
    entry = pick_noun(d, "place", fit=0.75)
    return prepositional(entry.preposition, noun_phrase(d, entry, number="sing", rich=0.5, definite=d.chance.happens(0.8)))


def time(d: Draft, tense: str, aspect: str) -> Word:
    """An adverbial of time that goes with a tense and an aspect ("simple", "progressive", "perfect", a modal)."""
    kind = aspect if aspect in ("perfect", "progressive") and tense == "present" else tense if aspect in _ASPECTS else "future"
    word = d.chance.pick(_TIMES[kind]).split()
    match word:
        case [single] if single in ("yesterday", "today", "tomorrow"):
            return Word(single, "NOUN", "NN", "obl:unmarked", feats={"Number": "Sing"}, number="sing", kind="time")
        case [single]:
            return adverb(single, kind="Dem" if single == "now" else "")
        case ["ago", unit]:
            count = d.chance.pick(("two", "three", "four", "five"))
            span = _moment(unit, "plur").lead(numeral(count))
            span.rel = "obl:unmarked"
            return adverb("ago").lead(span)
        case [preposition, "the", unit]:
            return prepositional(preposition, _moment(unit, "sing").lead(article("the")))
        case ["on", day]:
            return prepositional("on", Word(day, "PROPN", "NNP", feats={"Number": "Sing"}, lemma=day, number="sing", kind="time"))
        case [quantifier, unit]:
            noun = _moment(unit, "sing")
            kinds = {"every": {"PronType": "Tot"}, "this": {"Number": "Sing", "PronType": "Dem"}}
            modifier = Word(quantifier, "DET", "DT", "det", feats=kinds[quantifier]) if quantifier in kinds else None
            noun.lead(modifier or adjective(quantifier, "amod"))
            noun.rel = "obl:unmarked"
            return noun
    raise KeyError(word)


def numeral(form: str) -> Word:
    return Word(form, "NUM", "CD", "nummod", feats={"NumForm": "Word", "NumType": "Card"})


def demonstrative(form: str) -> Word:
    number = "Sing" if form in ("this", "that") else "Plur"
    return Word(form, "DET", "DT", "det", lemma={"these": "this", "those": "that"}.get(form, form), feats={"Number": number, "PronType": "Dem"})


def quantifier(form: str) -> Word:
    if form in ("many", "several", "few"):
        return adjective(form, "amod")
    kind = {"every": "Tot", "each": "Tot", "no": "Neg", "both": "Tot", "all": "Tot"}.get(form, "Ind")
    return Word(form, "DET", "DT", "det", feats={"PronType": kind})


NOUN_PLACES = {
    "person": (
        ("near", "structure plant furniture vehicle"),
        ("behind", "structure furniture =tree,car,truck,counter,bus".replace("counter,", "")),
        ("from", "=village,town,city,factory,farm,hotel,bank,museum,castle,island,office,circus"),
        ("with", "=hat,umbrella,bag,scarf,basket,camera,stick,lamp,glove,rope,backpack"),
        ("in", "=coat,hat,jacket,dress,shirt,scarf,uniform,suit,car,boat,garden,park,kitchen"),
        ("next:to", "person"),
    ),
    "animal": (("near", "plant structure =river,lake,barn,house,road"), ("under", "=table,tree,bed,bench,bush,bridge,chair"), ("behind", "=house,barn,door,wall,fence,tree")),
    "thing": (("on", "furniture =floor,wall,roof"), ("near", "structure furniture"), ("in", "=box,basket,drawer,bag,cupboard,garage,kitchen,cellar"), ("under", "furniture")),
    "text": (("about", "person animal =war,storm,wedding,castle,island,city,forest,garden,crime,voyage"), ("from", "person"), ("on", "furniture")),
    "food": (("on", "=plate,table,shelf"), ("in", "=basket,bowl,bag,box,cupboard")),
    "vehicle": (("near", "structure =church,station,school,tree,bridge"), ("behind", "=house,church,barn,hospital,school,fence"), ("in", "=street,garage,yard,park")),
    "place": (("near", "nature =station,church,bridge,market,castle,forest"), ("behind", "=church,school,hospital,station,castle,hill")),
    "event": (("in", "=park,garden,hall,castle,church,village,school,museum,square"),),
    "plant": (("near", "structure nature"), ("in", "=garden,park,yard,forest,valley"), ("behind", "=house,school,barn,church")),
    "idea": (("about", "=party,wedding,bridge,house,school,king,money,journey,garden,race,trial".replace("money,journey,", "")),),
    "structure": (("near", "=river,lake,church,school,castle,road,barn"),),
    "animalless": (),
}  # fmt: skip
NOUN_PLACES |= {kind: NOUN_PLACES["thing"] for kind in ("tool", "clothes", "instrument")}
NOUN_PLACES["furniture"] = (("near", "structure"), ("in", "=kitchen,room,garden,office,attic,hall,classroom,bedroom"))
del NOUN_PLACES["animalless"]

_ASPECTS = ("simple", "progressive", "perfect")
_TIMES = {
    "past": ("yesterday", "yesterday", "last week", "last night", "last summer", "last month", "ago day", "ago week", "ago year",
             "in the morning", "in the evening", "on Monday", "on Friday", "on Sunday"),
    "present": ("every day", "every week", "every morning", "every summer", "every evening", "every night", "in the morning", "in the evening"),
    "progressive": ("now", "today", "this morning", "this evening", "now"),
    "perfect": ("today", "this week", "this year", "this month", "recently"),
    "future": ("tomorrow", "next week", "next month", "next year", "soon", "tomorrow", "next summer", "on Monday", "on Saturday"),
}  # fmt: skip
_DETERMINERS = {
    "sing": (
        ((lambda: article("the"),), 0.62),
        ((lambda: article("a"),), 0.27),
        ((lambda: demonstrative("this"),), 0.05),
        ((lambda: demonstrative("that"),), 0.05),
        ((lambda: quantifier("every"),), 0.01),
    ),
    "plur": (
        ((lambda: article("the"),), 0.5),
        ((), 0.1),
        ((lambda: quantifier("some"),), 0.09),
        ((lambda: demonstrative("these"),), 0.06),
        ((lambda: demonstrative("those"),), 0.05),
        ((lambda: quantifier("many"),), 0.03),
        ((lambda: quantifier("several"),), 0.03),
        ((lambda: numeral("two"),), 0.05),
        ((lambda: numeral("three"),), 0.04),
        ((lambda: numeral("four"),), 0.02),
        ((lambda: article("the"), lambda: numeral("two")), 0.03),
    ),
    "mass": (((lambda: article("the"),), 0.55), ((), 0.15), ((lambda: quantifier("some"),), 0.3)),
}
_OWNED = ("thing", "tool", "clothes", "text", "vehicle", "instrument", "animal", "idea", "food", "furniture")
_UNIQUE = frozenset(
    "mayor king queen captain truth war kitchen cellar attic roof floor budget treasure bathroom school market harbor circus "
    "airport breakfast lunch dinner rain".split()
)
_NEVER_PLURAL = frozenset("kitchen cellar attic harbor mayor truth treasure breakfast lunch dinner rice floor".split())
_PRONOUNS = {
    "he": ("he him his himself", "Sing", "3", "Masc"),
    "she": ("she her her herself", "Sing", "3", "Fem"),
    "it": ("it it its itself", "Sing", "3", "Neut"),
    "they": ("they them their themselves", "Plur", "3", ""),
    "I": ("I me my myself", "Sing", "1", ""),
    "we": ("we us our ourselves", "Plur", "1", ""),
    "you": ("you you your yourself", "Sing", "2", ""),
}


def _proper(form: str, kind: str, gender: str) -> Word:
    return Word(form, "PROPN", "NNP", lemma=form, feats={"Number": "Sing"}, number="sing", gender=gender, kind=kind)


def _moment(unit: str, number: str) -> Word:
    return common(next(n for n in select("time") if n.lemma == unit), number)
