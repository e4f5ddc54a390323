"""English inflection: verbs, nouns, adjectives; regular by rule, irregular by table."""

from functools import cache
from typing import NamedTuple


class VerbForms(NamedTuple):
    base: str
    present: str
    past: str
    participle: str
    gerund: str


@cache
def verb_forms(lemma: str) -> VerbForms:
    """base, third person singular, past, past participle, -ing form of a full verb."""
    past, participle = _IRREGULAR.get(lemma, (_add_ed(lemma),) * 2)
    return VerbForms(lemma, _THIRD.get(lemma) or add_s(lemma), past, participle, _add_ing(lemma))


def is_irregular(lemma: str) -> bool:
    return lemma in _IRREGULAR


@cache
def add_s(word: str) -> str:
    """The regular -s of nouns and verbs."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in _VOWELS:
        return word[:-1] + "ies"
    return word + "s"


@cache
def comparative(adjective: str) -> str | None:
    """The form in -er, or None where English says "more"."""
    return _graded(adjective, "er")


@cache
def superlative(adjective: str) -> str | None:
    """The form in -est, or None where English says "most"."""
    return _graded(adjective, "est")


def needs_an(following: str) -> bool:
    """Whether the indefinite article before this word is "an"."""
    word = following.lower()
    return (word[0] in _VOWELS and not word.startswith(("uni", "use", "eur", "one"))) or word.startswith("hon")


def finite(lemma: str, *, tense: str, number: str, person: int) -> str:
    """A finite form of any verb or auxiliary. `tense` "past" or "present", `number` "sing" or "plur"."""
    if lemma in _MODALS:
        return lemma
    if lemma == "be":
        if tense == "past":
            return "was" if number == "sing" and person != 2 else "were"
        if number == "plur" or person == 2:
            return "are"
        return "am" if person == 1 else "is"
    forms = verb_forms(lemma)
    if tense == "past":
        return forms.past
    return forms.present if number == "sing" and person == 3 else forms.base


_VOWELS = "aeiou"
_MODALS = frozenset(["will", "can", "must", "should", "may", "could", "would", "might"])
_THIRD = {"have": "has", "do": "does", "go": "goes", "be": "is"}
_DOUBLED = frozenset(
    [
        "stop",
        "drop",
        "hug",
        "plan",
        "jog",
        "pat",
        "grab",
        "pet",
        "swim",
        "run",
        "win",
        "sit",
        "get",
        "put",
        "cut",
        "let",
        "hit",
        "begin",
        "forget",
        "admit",
        "chat",
        "hum",
        "slip",
        "spot",
        "tip",
        "uncap",
        "trap",
        "trim",
        "strum",
        "chop",
        "grip",
        "slap",
        "rot",
        "snap",
        "throb",
        "plug",
        "unplug",
        "rob",
        "ship",
        "lag",
        "dip",
    ]
)
_IRREGULAR = {
    line.split()[0]: (line.split()[1], line.split()[-1])
    for line in """
    be was been; begin began begun; bend bent; bind bound; bite bit bitten; blow blew blown; break broke broken
    bring brought
    build built; buy bought; catch caught; choose chose chosen; come came come; cost cost; cut cut; dig dug; do did done
    draw drew drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed; feel felt
    fight fought
    find found; flee fled; fly flew flown; forget forgot forgotten; freeze froze frozen; get got; give gave given
    go went gone
    grow grew grown; hang hung; have had; hear heard; hide hid hidden; hit hit; hold held; keep kept; know knew known
    lead led; leave left; lend lent; let let; lose lost; make made; meet met; pay paid; put put; read read
    ride rode ridden
    ring rang rung; rise rose risen; run ran run; say said; see saw seen; sell sold; send sent; shine shone
    show showed shown
    sing sang sung; sink sank sunk; sit sat; sleep slept; speak spoke spoken; spend spent; stand stood
    steal stole stolen
    sting stung; sweep swept; swim swam swum; take took taken; teach taught; tell told; think thought
    throw threw thrown
    understand understood; wake woke woken; wear wore worn; win won; write wrote written; shake shook shaken
    tear tore torn
    swing swung; strike struck; weave wove woven; hurt hurt; bleed bled; quit quit; sew sewed sewn; lay laid
    spread spread; swell swelled swollen; grind ground
    """.replace("\n", ";").split(";")
    if line.strip()
}
_GRADED = {"good": ("better", "best"), "bad": ("worse", "worst"), "far": ("farther", "farthest")}
_LONG = frozenset(
    [
        "famous",
        "nervous",
        "careful",
        "honest",
        "polite",
        "expensive",
        "beautiful",
        "delicious",
        "interesting",
        "boring",
        "exciting",
        "crowded",
        "wooden",
        "broken",
        "tired",
        "dangerous",
        "useful",
        "important",
        "difficult",
        "patient",
        "modern",
        "ancient",
        "popular",
        "comfortable",
        "curious",
        "generous",
        "stubborn",
        "skilled",
        "talented",
        "ripe",
        "fragile",
        "open",
        "serious",
        "empty",
        "pleasant",
        "sour",
        "special",
        "worried",
        "foreign",
        "cheerful",
        "grateful",
    ]
)


def _add_ed(lemma: str) -> str:
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma.endswith("y") and lemma[-2] not in _VOWELS:
        return lemma[:-1] + "ied"
    return lemma + (lemma[-1] if lemma in _DOUBLED else "") + "ed"


def _add_ing(lemma: str) -> str:
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith("ee") and lemma != "be":
        return lemma[:-1] + "ing"
    return lemma + (lemma[-1] if lemma in _DOUBLED else "") + "ing"


def _graded(adjective: str, ending: str) -> str | None:
    if adjective in _GRADED:
        return _GRADED[adjective][ending == "est"]
    if adjective in _LONG:
        return None
    if adjective.endswith("y"):
        return adjective[:-1] + "i" + ending
    if adjective.endswith("e"):
        return adjective + ending[1:]
    if adjective in ("big", "hot", "wet", "red", "sad", "fat", "thin"):
        return adjective + adjective[-1] + ending
    return adjective + ending
