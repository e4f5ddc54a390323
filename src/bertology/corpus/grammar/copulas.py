"""Clauses with "be": existential, adjectival, nominal; comparison; adjectives with an infinitive."""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import noun, nouns, select
from bertology.corpus.grammar.morphology import comparative, superlative
from bertology.corpus.grammar.parts import (
    some_negation,
    some_number,
)
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import SCALAR, adjectives
from bertology.corpus.grammar.trees import Word
from bertology.corpus.grammar.verbs import verb


def existential(d: Draft) -> Word:
    thing = p.common(
        entry := p.pick_noun(d, "animal person thing furniture vehicle =tree,letter,book,map,newspaper"),
        some_number(d, 0.5),
    )
    plural = thing.number == "plur"
    options = (
        (("two", 2), ("three", 2), ("many", 2), ("some", 2), ("several", 1), ("four", 1), ("", 1))
        if plural
        else (("a", 1.0),)
    )
    word = d.chance.weighted(options)
    if d.chance.happens(0.35) and (found := adjectives(entry)):
        thing.lead(lx.adjective(p.quality(d, found), "amod"))
    negative = d.chance.happens(0.14)
    cue = lx.quantifier("no")
    determiner = (
        lx.numeral(word)
        if word in ("two", "three", "four")
        else lx.article("a")
        if word == "a"
        else lx.quantifier(word)
    )
    if negative:
        thing.lead(cue)
    elif word:
        thing.lead(determiner)
    head = Word("be", "VERB", "VB", lemma="be")
    d.notes.link("role", head, thing, "theme")
    there = Word("there", "PRON", "EX", "expl", number=thing.number)
    form = Form("past" if d.chance.happens(0.5) else "present", middle="")
    c.inflect(head, "finite", form.tense, thing)
    d.notes.link("agreement", head, thing, thing.number)
    asks = not negative and d.chance.happens(0.12)
    if asks:
        head.add(there)
        there.rel = "expl"
    else:
        head.lead(there)
    head.add(thing, "nsubj")
    where = p.place(d)
    head.add(where)
    d.notes.link("role", head, where, "location")
    d.notes.labels |= {"tense": form.tense, "voice": "active", "subject_number": thing.number, "topic": d.scene.topic}
    d.notes.labels["clause"] = "question" if asks else "declarative"
    if negative:
        d.notes.negate(cue, head)
    return head


def copular_adjective(d: Draft) -> Word:
    subject = p.phrase(
        d,
        d.chance.pick(("person", "person", "animal", "thing", "place", "food", "text", "clothes", "vehicle", "event")),
    )
    entry = subject.noun or noun("woman")
    return copular(d, subject, p.quality(d, [a for a in adjectives(entry) if a != "secret"]))


def copular_noun(d: Draft) -> Word:
    subject = (
        p.name(d)
        if d.chance.happens(0.6)
        else p.phrase(d, "=man,woman,boy,girl,neighbor,stranger", names=0, number="sing", definite=True)
    )
    options = tuple(
        n
        for n in nouns()["person"]
        if n.topics and n.topics != ("home",) and n.gender in ("", subject.gender) and n.lemma != "cousin"
    )
    options = (
        tuple(n for n in options if d.scene.topic in n.topics and n.lemma not in ("king", "queen", "mayor", "baby"))
        or options
    )
    head = p.common(d.chance.pick(options), "sing")
    if d.chance.happens(0.6):
        head.lead(
            lx.adjective(
                p.quality(d, [a for a in adjectives(head.noun) if a not in ("tired", "hungry", "thirsty")]), "amod"
            )
        )
    head.lead(lx.article("a"))
    if d.chance.happens(0.35):
        head.add(
            lx.prepositional(
                "from",
                p.city(d) if d.chance.happens(0.6) else p.phrase(d, "=village,town", number="sing", definite=True),
                "nmod",
            )
        )
    form = Form("past" if d.chance.happens(0.5) else "present", negation=some_negation(d))
    return c.predicate(d, subject, head, form, main=True)


def comparative_clause(d: Draft) -> Word:
    kind = d.chance.weighted(
        (("person", 4), ("animal", 1.5), ("thing", 1), ("vehicle", 1), ("place", 1), ("text", 1), ("clothes", 0.7))
    )
    subject = p.phrase(d, kind, rich=0.7, names=0.5)
    lemma = p.quality(d, [a for a in adjectives(subject.noun or noun("woman")) if a in SCALAR])
    form = comparative(lemma)
    head = lx.adjective(lemma, form=form or lemma, degree="Cmp" if form else "Pos")
    if form is None:
        head.lead(Word("more", "ADV", "RBR", "advmod", lemma="more", feats={"Degree": "Cmp"}))
    options = " ".join(f"={n.lemma}" for n in select(kind) if lemma in adjectives(n) and n.lemma not in d.notes.used)
    standard = p.phrase(d, "person" if kind == "person" else options, rich=0.5, names=0.5, definite=True)
    head.add(lx.prepositional("than", standard))
    form_ = Form("past" if d.chance.happens(0.4) else "present", negation=some_negation(d))
    return c.predicate(d, subject, head, form_, main=True)


def superlative_clause(d: Draft) -> Word:
    subject = p.name(d)
    options = tuple(n for n in nouns()["person"] if d.scene.topic in n.topics and n.gender in ("", subject.gender))
    options = tuple(n for n in options if n.lemma not in ("king", "queen", "mayor", "baby", "captain", "cousin")) or (
        noun("student"),
    )
    head = p.common(d.chance.pick(options), "sing")
    lemma = d.chance.pick([a for a in adjectives(head.noun) if a in SCALAR])
    form = superlative(lemma)
    quality = lx.adjective(lemma, "amod", form=form or lemma, degree="Sup" if form else "Pos")
    if form is None:
        quality.lead(Word("most", "ADV", "RBS", "advmod", lemma="most", feats={"Degree": "Sup"}))
    head.lead(lx.article("the"), quality)
    where = (
        p.city(d)
        if d.chance.happens(0.4)
        else p.phrase(d, "=village,town,school,city", number="sing", rich=0, definite=True)
    )
    head.add(lx.prepositional("in", where, "nmod"))
    return c.predicate(
        d, subject, head, Form("past" if d.chance.happens(0.4) else "present", negation=some_negation(d)), main=True
    )


def tough(d: Draft) -> Word:
    """ "The book is easy to read": the subject is the object of the infinitive."""
    entry = d.chance.pick([verb("transitive", lemma) for lemma in _TOUGH])
    subject = c.phrase_for(d, entry.object, names=0.3)
    head = lx.adjective(d.chance.pick(("easy", "hard", "difficult", "impossible", "easy")))
    inner = c.infinitive(Word(entry.lemma, "VERB", "VB", lemma=entry.lemma))
    head.add(inner, "xcomp")
    d.notes.link("role", inner, subject, entry.roles[1])
    return c.predicate(
        d, subject, head, Form("past" if d.chance.happens(0.4) else "present", negation=some_negation(d)), main=True
    )


def copular(d: Draft, subject: Word, lemma: str) -> Word:
    head = lx.adjective(lemma)
    if lemma in SCALAR and d.chance.happens(0.45):
        degree = d.chance.pick(("very", "very", "too", "quite", "so"))
        head.lead(lx.adverb(degree))
    form = c.draw_form(d, stative=True, auxiliary=0.0, negation=0.15)
    form = form._replace(
        middle=form.middle
        if form.middle in ("often", "sometimes") and lemma in ("tired", "angry", "hungry", "happy", "busy")
        else ""
    )
    return c.predicate(d, subject, head, form, main=True)


_TOUGH = [
    "read",
    "clean",
    "open",
    "carry",
    "find",
    "repair",
    "understand",
    "follow",
    "catch",
    "cut",
    "explain",
    "see",
    "use",
    "remember",
    "trust",
    "hear",
    "draw",
]
