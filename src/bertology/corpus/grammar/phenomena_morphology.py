"""Minimal pairs of morphology: agreement of verbs, determiners and reflexives; irregular forms."""

from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.lexicon import Noun, select
from bertology.corpus.grammar.morphology import finite, is_irregular, verb_forms
from bertology.corpus.grammar.pair_maker import ALONE, HELD, Maker, Pair, say
from bertology.corpus.grammar.qualities import adjectives


def _present(lemma: str, number: str) -> str:
    return finite(lemma, tense="present", number=number, person=3)


def _agreement(m: Maker, between: list[str], subject: list[str], number: str, other: str) -> Pair:
    if m.chance.happens(0.4):
        adjective = m.pick(("tired", "happy", "old", "famous", "nervous", "tall", "hungry"))
        good, bad = ([_present("be", n), adjective] for n in (number, other))
    else:
        lemma = m.pick(ALONE)
        good, bad = ([_present(lemma, n)] for n in (number, other))
    tail = m.tail()
    return [*subject, *between, *good, *tail, "."], [*subject, *between, *bad, *tail, "."]


def agreement_simple(m: Maker) -> Pair:
    number, other = m.number()
    return _agreement(m, [], say(m.definite(number=number)), number, other)


def agreement_across_pp(m: Maker) -> Pair:
    number, other = m.number()
    subject = say(m.definite(number=number))
    near = m.pick(("near", "behind", "beside"))
    return _agreement(
        m, [near, *say(m.definite("structure furniture vehicle plant person", other))], subject, number, other
    )


def agreement_across_relative(m: Maker) -> Pair:
    number, other = m.number()
    subject = say(m.definite(number=number))
    if m.chance.happens(0.5):
        between = [
            m.pick(("that", "who")),
            finite(m.pick(HELD), tense="past", number=number, person=3),
            *say(m.definite(number=other)),
        ]
    else:
        between = [
            m.pick(("that", "who")),
            *say(m.definite(number=other)),
            finite(m.pick(HELD), tense="past", number=other, person=3),
        ]
    return _agreement(m, between, subject, number, other)


def agreement_in_coordination(m: Maker) -> Pair:
    number, other = m.number()
    first, second = m.chance.shuffled(ALONE)[:2]
    subject = [*say(m.definite(number=number)), _present(first, number), *m.tail(), "and"]
    return [*subject, _present(second, number), "."], [*subject, _present(second, other), "."]


def irregular_plural_agreement(m: Maker) -> Pair:
    entry = m.pick(
        [
            n
            for n in select("person animal")
            if n.plural not in (n.lemma, n.lemma + "s", n.lemma + "es") and not n.plural.endswith("ies")
        ]
    )
    number, other = m.number()
    forms = {"sing": entry.lemma, "plur": entry.plural}
    rest = [_present(m.pick(("sleep", "rest", "disappear", "eat")), number), *m.tail(), "."]
    return ["the", forms[number], *rest], ["the", forms[other], *rest]


def _determiner(m: Maker, options: tuple[Noun, ...], with_adjective: bool) -> Pair:
    entry = m.pick(options)
    number, other = m.number()
    forms = {"sing": entry.lemma, "plur": entry.plural}
    demonstratives = m.pick(({"sing": "this", "plur": "these"}, {"sing": "that", "plur": "those"}))
    middle = [m.pick(adjectives(entry))] if with_adjective else []
    start = [
        *say(m.np(names=0.6)),
        finite(m.pick(("see", "remember", "describe", "notice", "draw")), tense="past", number="sing", person=3),
    ]
    good = [*start, demonstratives[number], *middle, forms[number], "."]
    if m.chance.happens(0.5):
        return good, [*start, demonstratives[other], *middle, forms[number], "."]
    return good, [*start, demonstratives[number], *middle, forms[other], "."]


def determiner_noun(m: Maker) -> Pair:
    return _determiner(m, _regular(), False)


def determiner_noun_irregular(m: Maker) -> Pair:
    return _determiner(m, _irregular(), False)


def determiner_adjective_noun(m: Maker) -> Pair:
    return _determiner(m, _regular(), True)


def anaphor_gender(m: Maker) -> Pair:
    gender = m.pick("mf")
    right, wrong = ("himself", "herself") if gender == "m" else ("herself", "himself")
    start = [*say(m.np(gender=gender, names=0.6)), finite(m.pick(HELD), tense="past", number="sing", person=3)]
    tail = m.tail()
    return [*start, right, *tail, "."], [*start, wrong, *tail, "."]


def anaphor_number(m: Maker) -> Pair:
    number, _ = m.number()
    gender = m.pick("mf")
    single = "himself" if gender == "m" else "herself"
    right, wrong = (single, "themselves") if number == "sing" else ("themselves", single)
    start = [*say(m.np(number=number, gender=gender)), finite(m.pick(HELD), tense="past", number=number, person=3)]
    tail = m.tail()
    return [*start, right, *tail, "."], [*start, wrong, *tail, "."]


def irregular_past(m: Maker) -> Pair:
    lemma, thing = m.action()
    while not is_irregular(lemma) or verb_forms(lemma).past == verb_forms(lemma).participle:
        lemma, thing = m.action()
    forms, subject, rest = verb_forms(lemma), say(m.np(names=0.5)), [*say(thing), *m.tail(), "."]
    if m.chance.happens(0.5):
        return [*subject, forms.past, *rest], [*subject, forms.participle, *rest]
    return [*subject, "has", forms.participle, *rest], [*subject, "has", forms.past, *rest]


def irregular_participle_adjective(m: Maker) -> Pair:
    participle, past, things = m.pick(_ADJECTIVES)
    rest = [
        p.pick_noun(m.d, things).lemma,
        m.pick(("was", "is")),
        m.pick(["expensive", "old", "small", "red", "beautiful"]),
        ".",
    ]
    start = (
        ["the"]
        if m.chance.happens(0.4)
        else [*say(m.np(names=0.4)), m.pick(("said", "knew", "thought")), "that", "the"]
    )
    return [*start, participle, *rest], [*start, past, *rest]


_ADJECTIVES = (
    ("broken", "broke", "=cup,plate,vase,window,mirror,chair,clock"),
    ("stolen", "stole", "=ring,wallet,car,bicycle,necklace,picture"),
    ("hidden", "hid", "=key,door,box,map,letter,garden"),
    ("forgotten", "forgot", "=name,song,book,poem,island"),
    ("torn", "tore", "=shirt,letter,dress,coat,newspaper"),
    ("chosen", "chose", "=hat,car,book,dress"),
    ("written", "wrote", "=letter,report,message,note"),
    ("worn", "wore", "=coat,shoe,hat,glove,shirt"),
)


def _irregular() -> tuple[Noun, ...]:
    return tuple(
        n
        for n in select("person animal tool clothes furniture")
        if n.plural not in (n.lemma, n.lemma + "s", n.lemma + "es") and not n.plural.endswith("ies")
    )


def _regular() -> tuple[Noun, ...]:
    return tuple(
        n
        for n in select("person animal thing tool clothes furniture vehicle")
        if n.plural in (n.lemma + "s", n.lemma + "es")
    )
