"""Suites of tests of inference, made by the grammar: what a model of inference must be able to do, however well it scores."""

from collections.abc import Callable

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.inference import ADJECTIVES, Event, happening, maker, someone, written
from bertology.corpus.grammar.pair_maker import Maker, say
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.phrases import pick_noun, place
from bertology.corpus.sentence import Corpus
from bertology.corpus.suites import Case, corpus

ENTAILED, NOT = "entailment", "not"


def suites(per_suite: int = 60, *, seed: int = 0) -> Corpus:
    """Twelve suites for the labels "entailment" and "not": six of minimum functionality, three of invariance, three of direction."""
    found: list[Case] = []
    for number, (name, make) in enumerate(_SUITES.items()):
        chance, seen = Chance(seed, 23, number), set()
        while len(seen) < per_suite:
            case = make(maker(chance))._replace(suite=name)
            if (case.texts, case.changed) not in seen:
                seen.add((case.texts, case.changed))
                found.append(case)
    return corpus("grammar-suites", found, licence=LICENCE, citation=CITATION)


def _known(label: str, premise: list[str], hypothesis: list[str]) -> Case:
    return Case("", "MFT", (written(premise), written(hypothesis)), (), label)


def _placed(m: Maker) -> Event:
    """Something that happened somewhere."""
    return happening(m)._replace(place=say(place(m.d)), second="")


def _same(m: Maker) -> Case:
    event = happening(m)
    return _known(ENTAILED, event.words(), event.words())


def _left_out(m: Maker) -> Case:
    event = _placed(m)
    return _known(ENTAILED, event.words(), event._replace(place=[]).words())


def _denied(m: Maker) -> Case:
    event = happening(m)._replace(second="")
    return _known(NOT, event.words(), event.words(denied=True))


def _denied_before(m: Maker) -> Case:
    event = happening(m)._replace(second="")
    return _known(NOT, event.words(denied=True), event.words())


def _counted(m: Maker) -> Case:
    event, noun = happening(m)._replace(adjective=[], other=[]), pick_noun(m.d, "person").plural
    one, other = sorted(m.chance.shuffled(range(len(_NUMBERS)))[:2])  # "ten came" entails "two came", not the reverse
    one, other = _NUMBERS[one], _NUMBERS[other]
    return _known(NOT, event._replace(subject=[one, noun]).words(), event._replace(subject=[other, noun]).words())


def _opposed(m: Maker) -> Case:
    event = happening(m)
    one, other = m.chance.shuffled(m.pick(_OPPOSITES))
    return _known(NOT, event._replace(adjective=[one]).words(), event._replace(adjective=[other]).words())


def _renamed(m: Maker) -> Case:
    """The same person in both texts is another one."""
    event, other = _placed(m)._replace(other=[]), someone(m)
    pair = lambda e: (written(e.words()), written(e._replace(place=[] if plain else e.place, adjective=[]).words()))
    plain = m.chance.happens(0.5)
    return Case("", "INV", pair(event), pair(event._replace(subject=other)))


def _contracted(m: Maker) -> Case:
    event = _placed(m)
    premise, hypothesis = written(event.words(denied=m.chance.happens(0.5))), written(event.words(denied=True))
    short = lambda text: text.replace("did not", "didn't")
    return Case("", "INV", (premise, hypothesis), (short(premise), short(hypothesis)))


def _dated(m: Maker) -> Case:
    event = happening(m)
    hypothesis = (event if m.chance.happens(0.5) else event._replace(subject=someone(m))).words()
    when = m.pick((["yesterday"], ["last", "week"], ["one", "day"], ["in", "the", "morning"]))
    texts = written(event.words()), written(hypothesis)
    return Case("", "INV", texts, (written([*when, ",", *event.words()]), texts[1]))


def _denial_added(m: Maker) -> Case:
    event = _placed(m)
    less = event._replace(place=[])
    texts, changed = ((written(event.words()), written(less.words(denied=d))) for d in (False, True))
    return Case("", "DIR", texts, changed, ENTAILED, "down")


def _more_claimed(m: Maker) -> Case:
    event = _placed(m)
    less = event._replace(place=[], adjective=[])
    more = less._replace(adjective=[m.pick([a for a in ADJECTIVES if a not in event.adjective])])
    premise = written(event.words())
    return Case("", "DIR", (premise, written(less.words())), (premise, written(more.words())), ENTAILED, "down")


def _more_told(m: Maker) -> Case:
    event = _placed(m)
    less = event._replace(place=[], adjective=[])
    hypothesis = written(less.words())
    return Case("", "DIR", (written(less.words()), hypothesis), (written(event.words()), hypothesis), ENTAILED, "up")


_NUMBERS = ("two", "three", "four", "five", "six", "ten")
_OPPOSITES = (("young", "old"), ("rich", "poor"), ("happy", "sad"), ("tall", "short"))
_SUITES: dict[str, Callable[[Maker], Case]] = {
    "MFT: the same sentence is entailed": _same,
    "MFT: a sentence without its place is entailed": _left_out,
    "MFT: a denial is not entailed": _denied,
    "MFT: what is denied is not entailed": _denied_before,
    "MFT: a larger number is not entailed": _counted,
    "MFT: the opposite adjective is not entailed": _opposed,
    "INV: another person in both texts": _renamed,
    "INV: did not, didn't": _contracted,
    "INV: a date in front of the premise": _dated,
    "DIR: a denial makes entailment no likelier": _denial_added,
    "DIR: an adjective more makes entailment no likelier": _more_claimed,
    "DIR: a longer premise makes entailment no less likely": _more_told,
}  # fmt: skip
