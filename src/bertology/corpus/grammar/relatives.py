"""Relative clauses, full and reduced, on subjects and objects."""

from collections.abc import Callable

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word
from bertology.corpus.grammar.verbs import verbs_for


def subject_relative(d: Draft) -> Word:
    return _with_relative(d, relative_on_subject)


def object_relative(d: Draft) -> Word:
    return _with_relative(d, relative_on_object)


def participial(d: Draft) -> Word:
    """A reduced relative: "the man sitting on the bench", "the cake baked by the chef"."""
    subject = _antecedent(d)
    if d.chance.happens(0.5) and subject.kind in ("person", "animal"):
        while True:
            found = c.verb_phrase(
                d, subject, frame=d.chance.pick(("transitive", "motion", "intransitive")), adjuncts=1.0, rich=0.5
            )
            if not found.verb.stative and (found.head.after or found.verb.lemma in ("sleep", "laugh", "dance", "sing")):
                break
            d.notes.links = [link for link in d.notes.links if link[1] is not found.head]
        subject.add(c.inflect(found.head, "gerund"), "acl")
    else:
        options = [
            v
            for v in c.takers("transitive", subject.noun, None, passive=True)
            if v.lemma not in ("like", "know", "love")
        ]
        entry = d.chance.zipf(options)
        inner = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
        c.inflect(inner, "participle").feats["Voice"] = "Pass"
        doer = p.phrase(d, entry.subject, rich=0.4)
        inner.add(lx.prepositional("by", doer, "obl:agent"))
        d.notes.link("role", inner, subject, entry.roles[1])
        d.notes.link("role", inner, doer, entry.roles[0])
        subject.add(inner, "acl")
    return _main_clause(d, subject)


def relative_on_subject(d: Draft, antecedent: Word) -> bool:
    """Adds "who has seen the dog" to a noun."""
    pronoun = _relative_pronoun(d, antecedent)
    if antecedent.kind not in ("person", "animal") and not c.verbs_for("intransitive", antecedent.noun):
        return False
    frame = "" if antecedent.kind in ("person", "animal") else "intransitive"
    found = c.verb_phrase(d, antecedent, frame=frame, adjuncts=0.3, rich=0.35)
    form = c.draw_form(d, stative=found.verb.stative, negation=0.08, auxiliary=0.6)
    c.predicate(d, pronoun, found.head, form, agree=antecedent)
    antecedent.add(found.head, "acl:relcl")
    return True


def relative_on_object(d: Draft, antecedent: Word) -> bool:
    """Adds "that the girl has bought" to a noun; the pronoun is often left out."""
    subject = p.phrase(d, "person", rich=0.25, names=0.4)
    options = [
        v for v in c.takers("transitive", antecedent.noun, subject.noun) if v.lemma not in ("need", "wear", "have")
    ]
    if not options:
        return False
    entry = d.chance.zipf(options)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, antecedent, entry.roles[1])
    form = c.draw_form(d, stative=entry.stative, negation=0.06, auxiliary=0.45)
    c.predicate(d, subject, head, form)
    if d.chance.happens(0.7):
        pronoun = _relative_pronoun(d, antecedent)
        pronoun.rel = "obj"
        head.lead(pronoun)
    antecedent.add(head, "acl:relcl")
    return True


def _with_relative(d: Draft, attach: Callable[[Draft, Word], bool]) -> Word:
    if d.chance.happens(0.72):
        while True:
            subject = _antecedent(d, people=0.75 if attach is relative_on_subject else 0.45)
            if attach(d, subject):
                return _main_clause(d, subject)
    while True:
        subject = p.phrase(d, "person", names=0.6, rich=0.3)
        entry = d.chance.zipf([v for v in verbs_for("transitive", subject.noun) if v.lemma not in ("want", "need")])
        thing = _common_object(d, entry.object)
        if attach(d, thing):
            break
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    head.add(thing, "obj")
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, thing, entry.roles[1])
    d.notes.labels["object_number"] = thing.number
    return c.predicate(d, subject, head, c.draw_form(d, stative=entry.stative), main=True)


def _common_object(d: Draft, classes: str) -> Word:
    found = p.phrase(d, d.chance.pick(classes.split()), names=0.0, rich=0.25)
    found.after.clear()
    return found


def _antecedent(d: Draft, people: float = 0.6) -> Word:
    kind = (
        "person"
        if d.chance.happens(people)
        else d.chance.pick(("animal", "thing", "text", "vehicle", "animal", "clothes", "place"))
    )
    found = p.noun_phrase(d, p.pick_noun(d, kind), rich=0.25, definite=d.chance.happens(0.85))
    found.after.clear()
    return found


def _main_clause(d: Draft, subject: Word) -> Word:
    """A main clause for a long subject: a short verb phrase, or an adjective; often with an auxiliary."""
    if subject.kind not in ("person", "animal") or d.chance.happens(0.3):
        head = lx.adjective(p.quality(d, adjectives(subject.noun)))
        form = c.draw_form(d, stative=True, auxiliary=0.0, negation=0.1)._replace(middle="")
        return c.predicate(d, subject, head, form, main=True)
    found = c.verb_phrase(d, subject, rich=0.4, adjuncts=0.5, main=True)
    form = c.draw_form(d, stative=found.verb.stative, auxiliary=0.5)._replace(middle="")
    return c.predicate(d, subject, found.head, form, main=True)


def _relative_pronoun(d: Draft, antecedent: Word) -> Word:
    human = antecedent.kind == "person"
    form = d.chance.weighted((("who", 3), ("that", 1))) if human else d.chance.weighted((("that", 2), ("which", 1)))
    return Word(
        form,
        "PRON",
        "WP" if form == "who" else "WDT",
        feats={"PronType": "Rel"},
        number=antecedent.number,
        kind=antecedent.kind,
    )
