"""Questions, direct and embedded: polar, about subjects, objects and adverbials."""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import noun, select
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word
from bertology.corpus.grammar.verbs import verbs_for


def wh_complement(d: Draft) -> Word:
    subject = p.phrase(d, "person", rich=0.7)
    entry = c.draw_verb(d, verbs_for("interrogative", subject.noun))
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    form = c.draw_form(d, stative=entry.stative, auxiliary=0.2)
    c.predicate(d, subject, head, form, main=True)
    tense = "past" if form.tense == "past" else ""
    kind = d.chance.pick(("whether", "what", "who", "where", "why", "when"))
    if kind == "whether":
        inner = c.clause(d, tense=tense, negation=0.0).lead(Word("whether", "SCONJ", "IN", "mark"))
    elif kind == "what":
        inner = _wh_object(d, inverted=False, tense=tense)
    elif kind == "who":
        inner = _wh_subject(d, tense=tense)
    else:
        inner = c.clause(d, tense=tense, time=0.0, negation=0.0, adjuncts=0.3, subject=c.draw_subject(d, animate=True))
        inner.lead(_wh_adverb(kind))
    head.add(inner, "ccomp")
    return head


def polar_question(d: Draft) -> Word:
    form = c.draw_form(d, stative=True, negation=0.1)
    if form.negation == "never":
        form = form._replace(negation="")
        d.notes.labels.pop("polarity", None)
    if d.chance.happens(0.2):
        subject = p.phrase(d, d.chance.pick(("person", "animal", "thing", "text", "place", "vehicle")), rich=0.8)
        head = lx.adjective(p.quality(d, adjectives(subject.noun or noun("woman"))))
        return c.predicate(d, subject, head, Form(form.tense, inverted=True), main=True)
    if form.middle in ("probably", "certainly", "soon", "already", "just", "still"):
        form = form._replace(middle="")
    return c.clause(d, form=form._replace(inverted=True), main=True, subject=c.draw_subject(d, animate=True))


def subject_question(d: Draft) -> Word:
    head = _wh_subject(d, main=True)
    d.notes.labels["clause"] = "question"
    return head


def object_question(d: Draft) -> Word:
    head = _wh_object(d, inverted=True, main=True)
    d.notes.labels["clause"] = "question"
    return head


def adverbial_question(d: Draft) -> Word:
    kind = d.chance.pick(("where", "when", "why", "how"))
    frame = "transitive" if d.chance.happens(0.6) else "intransitive"
    subject = p.phrase(d, "person", rich=1.2)
    found = c.verb_phrase(d, subject, frame=frame, adjuncts=0.15, rich=1.2, main=True, active=True)
    form = c.draw_form(d, negation=0.0, auxiliary=0.5)._replace(middle="", inverted=True)
    c.predicate(d, subject, found.head, form, main=True)
    if kind != "when":
        c.add_time(d, found.head, form)
    return found.head.lead(_wh_adverb(kind))


def _wh_subject(d: Draft, *, main: bool = False, tense: str = "") -> Word:
    human = d.chance.happens(0.65)
    if human:
        subject = Word("who", "PRON", "WP", feats={"PronType": "Int"}, number="sing", kind="person")
    else:
        subject = p.common(p.pick_noun(d, "person animal"), "plur" if d.chance.happens(0.4) else "sing")
        subject.lead(Word("which", "DET", "WDT", "det", feats={"PronType": "Int"}))
    found = c.verb_phrase(d, subject, rich=1.2, adjuncts=0.6, main=main)
    form = c.draw_form(d, stative=True, negation=0.0, auxiliary=0.35, tense=tense)._replace(middle="")
    c.predicate(d, subject, found.head, form, main=main)
    c.add_time(d, found.head, form, probability=0.25)
    return found.head


def _wh_object(d: Draft, *, inverted: bool, main: bool = False, tense: str = "") -> Word:
    subject = p.phrase(d, "person animal" if d.chance.happens(0.1) else "person", rich=1.1)
    options = [
        v
        for v in verbs_for("transitive", subject.noun)
        if v.lemma not in ("attend", "milk", "cross", "enter", "climb", "ride", "drive")
    ]
    entry = d.chance.zipf(options)
    kind = d.chance.pick(entry.object.split())
    if d.chance.happens(0.35):
        asked = p.common(p.pick_noun(d, kind), "plur" if d.chance.happens(0.35) else "sing")
        if asked.noun is not None and asked.noun.mass:
            asked = p.common(asked.noun, "sing")
        asked.lead(Word(d.chance.pick(("which", "what")), "DET", "WDT", "det", feats={"PronType": "Int"}))
    else:
        who = select(kind)[0].kind in ("person", "infant")
        asked = Word("who" if who else "what", "PRON", "WP", feats={"PronType": "Int"}, number="sing", kind=kind)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, asked, entry.roles[1])
    form = c.draw_form(d, stative=entry.stative, negation=0.0, tense=tense)._replace(middle="", inverted=inverted)
    c.predicate(d, subject, head, form, main=main)
    asked.rel = "obj"
    c.add_adverbials(d, head, entry, manner=0.0, place=0.0 if entry.stative or "l" in entry.marks else 0.3)
    c.add_time(d, head, form, probability=0.0 if entry.stative else 0.25)
    return head.lead(asked)


def _wh_adverb(form: str) -> Word:
    return Word(form, "ADV", "WRB", "advmod", feats={"PronType": "Int"})
