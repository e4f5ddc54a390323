"""Pieces that several constructions share: fronting, subjects with a certain gender, bound pronouns, coordination."""

from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word, punct


def fronted(d: Draft, head: Word) -> Word:
    """Sometimes moves the last adverbial of time or place to the front, with a comma."""
    if head.after and d.chance.happens(0.3):
        last = head.after[-1]
        where = (
            last.rel.startswith("obl")
            and last.rel != "obl:agent"
            and last.before
            and last.before[0].form in ("in", "at", "near", "on")
        )
        if (
            last.rel == "obl:unmarked"
            or last.form == "ago"
            or (where and last.kind in ("time", "city", "place") and len(head.after) > 1)
        ):
            head.after.pop()
            head.lead(last, punct(","))
    return head


def gendered(d: Draft, *, rich: float = 0.0, distractor: float = 0.0) -> Word:
    """A subject whose pronoun is certain; with a noun beside it that the pronoun cannot mean."""
    if d.chance.happens(0.3) and not distractor:
        return p.name(d)
    if d.chance.happens(0.3):
        found = p.phrase(d, "person", number="plur", rich=rich)
    else:
        found = p.phrase(d, "person", number="sing", gender=d.chance.pick("fm"), rich=rich, names=0)
    if d.chance.happens(distractor) and not any(x.rel == "nmod" for x in found.after):
        opposite = {"m": "f", "f": "m"}.get(found.gender if found.number == "sing" else "", "m")
        other = p.phrase(d, "person", gender=opposite, number="sing", names=0.4, rich=0)
        found.add(lx.prepositional(d.chance.pick(("beside", "near", "behind")), other, "nmod"))
    return found


def subject_with_place(d: Draft) -> tuple[Word, Word]:
    """A common-noun phrase with a prepositional phrase, and the noun inside the latter."""
    kind = d.chance.weighted(
        (("person", 5), ("animal", 1.5), ("thing", 1.5), ("text", 1), ("vehicle", 1), ("plant", 0.7), ("clothes", 0.5))
    )
    subject = p.noun_phrase(d, p.pick_noun(d, kind), rich=0.35, definite=d.chance.happens(0.8))
    subject.after.clear()
    return subject, p.attach_place(d, subject, number=some_number(d, 0.5), rich=0.25)


def bound(d: Draft, owner: Word, classes: str, *, number: str = "sing") -> Word:
    """ "her dog": a noun phrase possessed by a pronoun that refers to the owner."""
    entry = p.pick_noun(d, classes)
    head = p.common(entry, "sing" if entry.lemma in ("mother", "father") else number)
    if d.chance.happens(0.2) and head.kind != "person" and (options := adjectives(head.noun)):
        head.lead(lx.adjective(p.quality(d, options), "amod"))
    anaphor = lx.personal(owner, "Gen")
    head.lead(anaphor)
    d.notes.link("coref", anaphor, owner, "possessive")
    return head


def coordinated(d: Draft, classes: str) -> Word:
    """ "the boy and the girls", now and then three of them."""
    first = p.phrase(d, classes, rich=0.35)
    count = 2 if d.chance.happens(0.15) else 1
    for k in range(count):
        other = p.phrase(d, classes, rich=0.35 if k == 0 else 0.0)
        if k == count - 1:
            other.lead(Word("and", "CCONJ", "CC", "cc"))
        else:
            other.lead(punct(","))
        first.add(other, "conj")
    first.number = "plur"
    return first


def some_number(d: Draft, plural: float = 0.35) -> str:
    return "plur" if d.chance.happens(plural) else "sing"


def some_negation(d: Draft) -> str:
    return d.chance.pick(("n't", "not")) if d.chance.happens(0.12) else ""
