"""The phenomena of the minimal pairs: each returns the words of the acceptable and of the unacceptable sentence."""

from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.morphology import verb_forms
from bertology.corpus.grammar.pair_maker import ALONE, HELD, Maker, Pair, say
from bertology.corpus.grammar.qualities import adjectives


def reflexive_c_command(m: Maker) -> Pair:
    """The antecedent is the head of the subject, not the noun inside its relative clause."""
    gender = m.pick("mf")
    right, wrong = ("himself", "herself") if gender == "m" else ("herself", "himself")
    subject = say(m.np(gender=gender))
    inner, outer = m.chance.shuffled(HELD)[:2]
    other = say(m.np(gender="m" if gender == "f" else "f", names=0.6))
    start = [*subject, "who", verb_forms(inner).past, *other, verb_forms(outer).past]
    return [*start, right, "."], [*start, wrong, "."]


def reflexive_domain(m: Maker) -> Pair:
    """The antecedent is in the reflexive's own clause."""
    gender = m.pick("mf")
    right, wrong = ("himself", "herself") if gender == "m" else ("herself", "himself")
    start = [
        *say(m.np(gender="m" if gender == "f" else "f", names=0.6)),
        m.pick(("thought", "said", "believed", "knew")),
        "that",
    ]
    start += [*say(m.np(gender=gender, names=0.6)), verb_forms(m.pick(HELD)).past]
    return [*start, right, "."], [*start, wrong, "."]


def npi_under_negation(m: Maker) -> Pair:
    subject, lemma = say(m.np(names=0.5)), m.pick(ALONE)
    rest = ["ever", verb_forms(lemma).participle, *m.tail(), "."]
    return [*subject, "has", "not", *rest], [
        *subject,
        "has",
        m.pick(("really", "certainly", "probably", "often")),
        *rest,
    ]


def npi_under_only(m: Maker) -> Pair:
    subject, (lemma, thing) = say(m.np(names=0.6)), m.action()
    rest = [*subject, "has", "ever", verb_forms(lemma).participle, *say(thing), *m.tail(), "."]
    return ["only", *rest], ["even", *rest]


def npi_in_question(m: Maker) -> Pair:
    subject, (lemma, thing) = say(m.np(names=0.5)), m.action()
    rest = ["ever", verb_forms(lemma).participle, *say(thing)]
    return ["has", *subject, *rest, "?"], [*subject, "has", *rest, "."]


def npi_scope(m: Maker) -> Pair:
    """The licensor must command the item: negation inside the relative clause does not help."""
    subject = say(m.definite())
    first, second = m.chance.shuffled(ALONE)[:2]
    inner, outer = [verb_forms(first).participle], ["ever", verb_forms(second).participle, *m.tail(), "."]
    return [*subject, "who", "has", *inner, "has", "not", *outer], [
        *subject,
        "who",
        "has",
        "not",
        *inner,
        "has",
        *outer,
    ]


def no_as_licensor(m: Maker) -> Pair:
    entry = p.pick_noun(m.d, "person")
    rest = [entry.lemma, "has", "ever", verb_forms(m.pick(ALONE)).participle, *m.tail(), "."]
    return ["no", *rest], [m.pick(("every", "this", "that", "the")), *rest]


def npi_presence_ever(m: Maker) -> Pair:
    """Nothing licenses the item; another adverb is fine."""
    start, rest = [*say(m.np(names=0.5)), "has"], [verb_forms(m.pick(ALONE)).participle, *m.tail(), "."]
    return [*start, m.pick(("often", "really", "certainly", "probably")), *rest], [*start, "ever", *rest]


def npi_presence_plural(m: Maker) -> Pair:
    start = [m.pick(("these", "those", "many", "some")), p.pick_noun(m.d, "person").plural]
    rest = [verb_forms(m.pick(ALONE)).past, *m.tail(), "."]
    return [*start, m.pick(("often", "really", "also")), *rest], [*start, "ever", *rest]


def npi_presence_any(m: Maker) -> Pair:
    lemma, thing = m.action()
    while lemma in ("forget", "choose") or thing.noun is None:  # one licenses the item, the other a free choice
        lemma, thing = m.action()
    start, rest = [*say(m.np(names=0.6)), verb_forms(lemma).past], [thing.noun.plural, *m.tail(), "."]
    return [*start, m.pick(("some", "the", "many")), *rest], [*start, "any", *rest]


def npi_scope_only(m: Maker) -> Pair:
    """The licensor must command the item: in the relative clause it does not."""
    subject, other = say(m.definite()), say(m.definite(number="plur"))
    inner = verb_forms(m.pick(HELD)).past
    rest = [inner, "has", "ever", verb_forms(m.pick(ALONE)).participle, *m.tail(), "."]
    return ["only", *subject, "who", *other, *rest], [*subject, "who", "only", *other, *rest]


def npi_scope_no(m: Maker) -> Pair:
    """As Marvin & Linzen 2018: the negative determiner changes places with the article of the relative clause."""
    subject, other = p.pick_noun(m.d, "person").lemma, p.pick_noun(m.d, "person").plural
    inner = verb_forms(m.pick(HELD)).past
    rest = [inner, "has", "ever", verb_forms(m.pick(ALONE)).participle, *m.tail(), "."]
    return ["no", subject, "who", "the", other, *rest], ["the", subject, "who", "no", other, *rest]


def _knows(m: Maker) -> list[str]:
    return [*say(m.np(names=0.6)), m.pick(("knows", "knew", "remembered", "discovered", "noticed"))]


def wh_with_gap(m: Maker) -> Pair:
    start, subject, lemma = (
        _knows(m),
        say(m.np(names=0.4)),
        m.pick(["buy", "repair", "wear", "carry", "find", "mention"]),
    )
    rest = [*subject, "has" if m.chance.happens(0.5) else "had", verb_forms(lemma).participle, "."]
    return [*start, "what", *rest], [*start, "that", *rest]


def that_without_gap(m: Maker) -> Pair:
    start, subject, (lemma, thing) = _knows(m), say(m.np(names=0.4)), m.action()
    rest = [*subject, verb_forms(lemma).past, *say(thing), "."]
    return [*start, "that", *rest], [*start, m.pick(("what", "who")), *rest]


def adjunct_island(m: Maker) -> Pair:
    subject, other = say(m.np(names=0.7)), say(m.np(names=0.7))
    first, second = m.chance.shuffled([v for v in HELD if v not in ("hear", "trust")])[:2]
    link = [m.pick(("before", "after", "while")), verb_forms(second).gerund]
    start = ["who", m.pick(("did", "will", "should")), *subject, first]
    return [*start, *link, *other, "?"], [*start, *other, *link, "?"]


def complex_np_island(m: Maker) -> Pair:
    speaker, subject, (lemma, _) = say(m.np(names=0.7)), say(m.np(names=0.5)), m.action()
    rest = ["that", *subject, verb_forms(lemma).past, "?"]
    start = ["what", "did", *speaker]
    verb, noun = m.pick(
        (
            ("claim", "claim"),
            ("report", "report"),
            ("dream", "dream"),
            ("say", "story"),
            ("think", "idea"),
            ("hope", "plan"),
        )
    )
    return [*start, verb, m.pick(("yesterday", "again")), *rest], [*start, "hear", "the", noun, *rest]


def coordinate_island(m: Maker) -> Pair:
    first, second, lemma = say(m.np(names=0.7)), say(m.np(names=0.7)), m.pick([v for v in HELD if v != "hear"])
    start = ["who", m.pick(("did", "will", "should"))]
    return [*start, *first, "and", *second, lemma, "?"], [*start, *first, lemma, *second, "and", "?"]


def left_branch_island(m: Maker) -> Pair:
    subject, (lemma, thing) = say(m.np(names=0.6)), m.action()
    wh, noun, auxiliary = m.pick(("which", "what", "whose")), thing.lemma, m.pick(("did", "will", "should"))
    return [wh, noun, auxiliary, *subject, lemma, "?"], [wh, auxiliary, *subject, lemma, noun, "?"]


def passive_of_intransitive(m: Maker) -> Pair:
    lemma, doer = m.pick(HELD), say(m.np(names=0.5))
    start = [*say(m.np()), m.pick(("was", "has been"))]
    start = [w for part in start for w in part.split()]
    rest = ["by", *doer, *m.tail(), "."]
    return [*start, verb_forms(lemma).participle, *rest], [*start, verb_forms(m.pick(ALONE[:8])).participle, *rest]


def causative(m: Maker) -> Pair:
    lemma, things, wrong = m.pick(_CAUSATIVES)
    subject, thing = say(m.np(names=0.5)), say(m.definite(things))
    tail = m.tail()
    return [*subject, verb_forms(lemma).past, *thing, *tail, "."], [
        *subject,
        verb_forms(m.pick(wrong.split())).past,
        *thing,
        *tail,
        ".",
    ]


def dropped_argument(m: Maker) -> Pair:
    subject = say(m.np(names=0.5))
    auxiliary, form = m.pick((("is", "gerund"), ("was", "gerund"), ("has", "participle"), ("should", "base")))
    tail = m.tail()
    lacking = m.pick(["praise", "admire", "greet", "thank", "describe", "ignore", "accuse", "repair", "carry"])
    right, wrong = (getattr(verb_forms(lemma), form) for lemma in (m.pick(ALONE), lacking))
    return [*subject, auxiliary, right, *tail, "."], [*subject, auxiliary, wrong, *tail, "."]


def object_of_intransitive(m: Maker) -> Pair:
    subject, thing, tail = say(m.np(names=0.5)), say(m.np(names=0.5)), m.tail()
    right, wrong = (
        verb_forms(m.pick(HELD)).past,
        verb_forms(m.pick(["sleep", "laugh", "smile", "work", "cry", "sneeze", "arrive"])).past,
    )
    return [*subject, right, *thing, *tail, "."], [*subject, wrong, *thing, *tail, "."]


def animate_subject(m: Maker) -> Pair:
    person, thing = m.definite().lemma, m.definite("thing furniture clothes tool").lemma
    rest = [verb_forms(m.pick(["laugh", "smile", "dream", "sneeze", "shout", "dance"])).past, *m.tail(), "."]
    owner = say(lx.possessor(p.name(m.d))) if m.chance.happens(0.5) else ["the"]
    return [*owner, person, *rest], [*owner, thing, *rest]


def existential_quantifier(m: Maker) -> Pair:
    entry = p.pick_noun(m.d, "person animal thing")
    tail = say(p.place(m.d))
    if m.chance.happens(0.5):
        start, noun, right, wrong = (
            ["there", m.pick(("is", "was"))],
            entry.lemma,
            m.pick(("a", "no")),
            m.pick(("every", "each")),
        )
    else:
        start, noun, right, wrong = (
            ["there", m.pick(("are", "were"))],
            entry.plural,
            m.pick(("many", "some", "two", "no")),
            m.pick(("all", "most")),
        )
    return [*start, right, noun, *tail, "."], [*start, wrong, noun, *tail, "."]


def superlative_quantifier(m: Maker) -> Pair:
    subject = p.pick_noun(m.d, "person").lemma
    lemma, thing = m.action()
    start, count = ["no", subject, verb_forms(lemma).past], m.pick(("two", "three", "four", "five", "six"))
    noun = thing.noun.plural if thing.noun else thing.form
    (right, wrong) = m.pick(((["more", "than"], ["at", "least"]), (["fewer", "than"], ["at", "most"])))
    return [*start, *right, count, noun, "."], [*start, *wrong, count, noun, "."]


def tough_or_raising(m: Maker) -> Pair:
    subject, be, tail = say(m.np(names=0.6)), m.pick(("is", "was")), m.tail()
    easy, likely = m.pick(("easy", "hard", "tough", "difficult")), m.pick(("likely", "certain", "sure", "about"))
    if m.chance.happens(0.5):
        rest = ["to", m.pick(["find", "trust", "describe", "recognize", "surprise"]), *tail, "."]
        return [*subject, be, easy, *rest], [*subject, be, likely, *rest]
    rest = ["to", m.pick(["smile", "laugh", "arrive", "fall", "disappear", "sneeze"]), *tail, "."]
    return [*subject, be, likely, *rest], [*subject, be, easy, *rest]


def ellipsis(m: Maker) -> Pair:
    lemma, thing = m.action()
    adjective = m.pick(adjectives(thing.noun)[:8]) if thing.noun else "red"
    first, second, verb = say(p.name(m.d)), say(p.name(m.d)), verb_forms(lemma).past
    more = m.pick(("two", "three", "several", "many"))
    start = [*first, verb, "one"]
    return [*start, adjective, thing.lemma, "and", *second, verb, more, "."], [
        *start,
        thing.lemma,
        "and",
        *second,
        verb,
        more,
        adjective,
        ".",
    ]


_CAUSATIVES = (
    ("break", "=cup,plate,vase,window,mirror,chair", "fall disappear vanish arrive"),
    ("open", "=door,window,box,gate,drawer", "arrive disappear fall appear"),
    ("close", "=door,window,box,gate,drawer", "arrive disappear fall rise"),
    ("move", "=table,chair,box,car,lamp", "fall disappear arrive vanish"),
    ("drop", "=cup,plate,coin,ball,bottle", "fall vanish disappear appear"),
    ("stop", "=car,train,bus,clock", "arrive disappear vanish happen"),
    ("sink", "=boat,ship,ferry", "arrive vanish disappear fall"),
)
