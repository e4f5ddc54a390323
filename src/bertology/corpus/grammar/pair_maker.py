"""The pieces that minimal pairs are made of, drawn as lists of words."""

from collections.abc import Sequence
from typing import TypeVar

from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.trees import Word

T = TypeVar("T")
Pair = tuple[list[str], list[str]]


HELD = [
    "see",
    "help",
    "visit",
    "follow",
    "thank",
    "invite",
    "meet",
    "praise",
    "admire",
    "ignore",
    "greet",
    "trust",
    "hear",
    "describe",
    "photograph",
    "watch",
]


ALONE = ["sleep", "laugh", "smile", "work", "dance", "sing", "cry", "shout", "wait", "sneeze", "rest", "dream"]


_OBJECTS = {
    "buy": "=hat,lamp,car,book,clock,mirror,bicycle,piano,cake,coat",
    "paint": "=wall,door,house,fence,boat,chair",
    "repair": "=car,clock,roof,chair,bicycle,boat",
    "break": "=cup,plate,vase,window,mirror,bowl",
    "steal": "=ring,wallet,car,bicycle,necklace,coin",
    "write": "=letter,book,poem,report,song",
    "hide": "=key,coin,letter,ring,box,map",
    "eat": "=apple,cake,sandwich,egg,cookie,pear",
    "draw": "=map,picture,tree,horse,flower",
    "wear": "=coat,hat,shirt,scarf,dress",
    "choose": "=hat,cake,car,book,dress",
    "forget": "=name,song,key,umbrella,ticket",
    "drive": "=car,truck,bus,tractor,taxi",
    "carry": "=box,chair,bag,lamp,ladder",
    "clean": "=room,window,kitchen,shoe,mirror",
    "find": "=key,ring,map,letter,coin",
    "wash": "=cup,plate,car,shirt,glass",
}


class Maker:
    """Draws the pieces of one pair; words come as lists, ready to be joined."""

    def __init__(self, d: Draft) -> None:
        self.d, self.chance = d, d.chance

    def np(
        self, classes: str = "person", *, number: str = "sing", gender: str = "", names: float = 0.0, rich: float = 0.0
    ) -> Word:
        found = p.phrase(self.d, classes, number=number, names=names, rich=rich, gender=gender)
        bare = not any(w.rel in ("det", "nummod", "nmod:poss") for w in found.before)
        if found.upos == "NOUN" and (
            bare or any(w.rel == "amod" and w.form in ("many", "several") for w in found.before)
        ):
            found.before = [
                lx.article("the"),
                *(w for w in found.before if w.rel == "amod" and w.form not in ("many", "several")),
            ]
        return found

    def definite(self, classes: str = "person", number: str = "sing") -> Word:
        return p.noun_phrase(self.d, p.pick_noun(self.d, classes), number=number, rich=0.0, definite=True)

    def pick(self, options: Sequence[T]) -> T:
        return self.chance.pick(options)

    def number(self) -> tuple[str, str]:
        return self.pick((("sing", "plur"), ("plur", "sing")))

    def action(self) -> tuple[str, Word]:
        """A verb and an indefinite object of it."""
        lemma = self.pick(tuple(_OBJECTS))
        return lemma, p.noun_phrase(self.d, p.pick_noun(self.d, _OBJECTS[lemma]), number="sing", rich=0.0)

    def tail(self) -> list[str]:
        """An adverbial of place, often nothing."""
        return say(p.place(self.d)) if self.chance.happens(0.6) else []


def say(word: Word) -> list[str]:
    return [w.form for w in word.subtree()]
