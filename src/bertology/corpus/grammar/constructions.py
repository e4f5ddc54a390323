"""Simple clauses: one function a construction, each turning a draft into a finished tree without its final stop."""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.copulas import copular
from bertology.corpus.grammar.lexicon import select
from bertology.corpus.grammar.parts import (
    bound,
    coordinated,
    fronted,
    gendered,
    some_number,
    subject_with_place,
)
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word
from bertology.corpus.grammar.verbs import verb, verbs


def intransitive(d: Draft) -> Word:
    frame = "intransitive" if d.chance.happens(0.6) else "motion"
    subject = c.draw_subject(d, rich=1.4)
    if frame == "motion" and subject.noun is not None and subject.kind not in ("person", "animal"):
        frame = "intransitive"
    if not c.verbs_for(frame, subject.noun):
        frame = "intransitive"
    return fronted(d, c.clause(d, subject=subject, frame=frame, main=True, adjuncts=1.6, time=0.35))


def transitive(d: Draft) -> Word:
    subject = c.draw_subject(d, animate=True)
    return fronted(d, c.clause(d, subject=subject, frame="transitive", main=True))


def ditransitive(d: Draft) -> Word:
    return _give(d, double=True)


def dative(d: Draft) -> Word:
    return _give(d, double=False)


def passive(d: Draft, *, agent: bool = True) -> Word:
    entry = d.chance.zipf(c.passive_verbs())
    thing = c.phrase_for(d, entry.object, rich=1.2)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    form = c.draw_form(d, stative=entry.stative, progressive=False, auxiliary=0.35)._replace(passive=True)
    d.notes.link("role", head, thing, entry.roles[1])
    c.predicate(d, thing, head, form, main=True)
    if agent:
        doer = p.phrase(d, entry.subject, rich=0.9, names=0.35)
        head.add(lx.prepositional("by", doer, "obl:agent"))
        d.notes.link("role", head, doer, entry.roles[0])
    c.add_adverbials(d, head, entry, manner=0.0, place=0.0 if entry.stative or "l" in entry.marks else 0.3)
    c.add_time(d, head, form, probability=0.0 if entry.stative else 0.35)
    return fronted(d, head)


def short_passive(d: Draft) -> Word:
    return passive(d, agent=False)


def noun_pp(d: Draft) -> Word:
    """A subject with one or two prepositional phrases before a verb that shows agreement."""
    subject, innermost = subject_with_place(d)
    inanimate = innermost.noun is not None and innermost.kind in _STANDING
    if inanimate and d.chance.happens(0.45):
        p.attach_place(d, innermost, rich=0.15)
    form = c.draw_form(d, stative=True, tense="present", negation=0.12)
    if subject.kind in ("person", "animal") and d.chance.happens(0.65):
        found = c.verb_phrase(d, subject, rich=0.4, main=True)
        return c.predicate(d, subject, found.head, form, main=True)
    head = lx.adjective(p.quality(d, adjectives(subject.noun)))
    if form.modal or d.chance.happens(0.5):
        form = Form("past" if d.chance.happens(0.5) else "present", negation=form.negation)
    form = form._replace(middle="" if form.middle != "still" else "still")
    return c.predicate(d, subject, head, form, main=True)


def verb_pp(d: Draft) -> Word:
    """A verb with an instrument: the other reading of "saw the man with the telescope"."""
    lemma, things, instruments = d.chance.pick(_INSTRUMENTS)
    subject = p.phrase(d, "person")
    head = Word(lemma, "VERB", "VB", lemma=lemma)
    thing = p.phrase(d, things, rich=0.7)
    tool = p.phrase(d, instruments, number="sing", rich=0.8)
    head.add(thing, "obj")
    head.add(lx.prepositional("with", tool))
    does, undergoes = _ROLES.get(lemma, ("agent", "patient"))
    for word, role in ((subject, does), (thing, undergoes), (tool, "instrument")):
        d.notes.link("role", head, word, role)
    form = c.draw_form(d)
    c.predicate(d, subject, head, form, main=True)
    d.notes.labels["object_number"] = thing.number
    c.add_time(d, head, form)
    return fronted(d, head)


def possessive(d: Draft) -> Word:
    """A genitive 's or a possessive pronoun bound by the subject."""
    if d.chance.happens(0.5):
        owner = p.phrase(d, "person", names=0.6, rich=0.5, definite=True)
        head = p.common(
            p.pick_noun(d, "thing tool text clothes vehicle =dog,cat,horse,garden,house,plan,idea"), some_number(d)
        )
        if d.chance.happens(0.35) and (options := adjectives(head.noun)):
            head.lead(lx.adjective(p.quality(d, options), "amod"))
        head.lead(lx.possessor(owner))
        return _about(d, head)
    subject = gendered(d, rich=0.8)
    d.notes.used |= _UNACCOMPANIED  # a used verb is not drawn again
    found = c.verb_phrase(
        d, subject, frame=d.chance.pick(("motion", "intransitive", "transitive")), adjuncts=0.4, rich=0.6, main=True
    )
    form = c.draw_form(d, stative=found.verb.stative)
    c.predicate(d, subject, found.head, form, main=True)
    owned = bound(
        d,
        subject,
        "=friend,brother,sister,mother,father,uncle,aunt,cousin,dog,neighbor,daughter,son",
        number=some_number(d, 0.2),
    )
    found.head.add(lx.prepositional("with", owned))
    return found.head


def negation(d: Draft) -> Word:
    if d.chance.happens(0.3):
        entry = p.pick_noun(d, "person animal")
        subject = p.common(entry, some_number(d)).lead(cue := lx.quantifier("no"))
    elif d.chance.happens(0.15):
        subject = cue = lx.indefinite("nobody")
    else:
        return fronted(d, c.clause(d, main=True, negation=1.0, subject=c.draw_subject(d, animate=True)))
    d.notes.labels["polarity"] = "negative"
    head = c.clause(d, subject=subject, main=True, negation=0.0)
    d.notes.negate(cue, head)
    return head


def reflexive(d: Draft) -> Word:
    subject = gendered(d, distractor=0.5)
    head = Word(lemma := d.chance.pick(_REFLEXIVE), "VERB", "VB", lemma=lemma)
    anaphor = lx.personal(subject, "Reflex")
    head.add(anaphor, "obj")
    d.notes.link("coref", anaphor, subject, "reflexive")
    d.notes.link("role", head, subject, "agent")
    d.notes.link("role", head, anaphor, "patient")
    form = c.draw_form(d, progressive=False)
    c.predicate(d, subject, head, form, main=True)
    if d.chance.happens(0.5):
        where = p.place(d)
        head.add(where)
        d.notes.link("role", head, where, "location")
    c.add_time(d, head, form)
    return fronted(d, head)


def numeral(d: Draft) -> Word:
    entry = p.pick_noun(d, "person animal")
    count = d.chance.zipf(("two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve", "twenty", "one"))
    subject = p.common(entry, "sing" if count == "one" else "plur")
    subject.lead(*([lx.article("the")] if count != "one" and d.chance.happens(0.3) else []), lx.numeral(count))
    if d.chance.happens(0.4):
        subject.before.append(lx.adjective(p.quality(d, adjectives(entry)), "amod"))
    return c.clause(d, subject=subject, main=True)


def np_coordination(d: Draft) -> Word:
    if d.chance.happens(0.6):
        subject = coordinated(d, "person" if d.chance.happens(0.75) else "animal")
        return c.clause(d, subject=subject, main=True)
    subject = c.draw_subject(d)
    while subject.noun is not None and subject.kind != "person":
        subject = p.phrase(d, "person")
    entry = d.chance.zipf(
        [v for v in verbs("transitive") if "person" in v.subject.split() and len(select(v.object)) > 8]
    )
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    ample = [classes for classes in entry.object.split() if len(select(classes)) > 5]
    thing = coordinated(d, d.chance.pick(ample) if ample else entry.object)
    head.add(thing, "obj")
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, thing, entry.roles[1])
    form = c.draw_form(d, stative=entry.stative)
    c.predicate(d, subject, head, form, main=True)
    d.notes.labels["object_number"] = "plur"
    c.add_time(d, head, form, probability=0.0 if entry.stative else 0.3)
    return fronted(d, head)


def _give(d: Draft, *, double: bool) -> Word:
    subject = p.phrase(d, "person", rich=0.8)
    entry = c.draw_verb(d, c.verbs_for("dative", subject.noun))
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    c.give(d, head, entry, double=double, main=True)
    c.add_adverbials(d, head, entry, manner=0.12, place=0.25)
    form = c.draw_form(d)
    c.predicate(d, subject, head, form, main=True)
    c.add_time(d, head, form)
    return fronted(d, head)


def _about(d: Draft, subject: Word) -> Word:
    """A predicate for any subject: a verb where one fits, else an adjective."""
    if c.verbs_for("intransitive", subject.noun) and d.chance.happens(0.4):
        return c.clause(d, subject=subject, frame="intransitive", main=True)
    options = c.takers("transitive", subject.noun, passive=True)
    if options and d.chance.happens(0.6):
        doer = p.phrase(d, "person", rich=0.4)
        entry = d.chance.zipf(options)
        head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
        head.add(subject, "obj")
        d.notes.link("role", head, doer, entry.roles[0])
        d.notes.link("role", head, subject, entry.roles[1])
        d.notes.labels["object_number"] = subject.number
        return c.predicate(d, doer, head, c.draw_form(d, stative=entry.stative), main=True)
    return copular(d, subject, p.quality(d, adjectives(subject.noun)))


_UNACCOMPANIED = {
    "sleep",
    "disappear",
    "fall",
    "sneeze",
    "cry",
    "dream",
    "kiss",
    "like",
    "love",
    "know",
    "want",
    "have",
    "need",
}
_ROLES = {lemma: verb("transitive", lemma).roles for lemma in ("see", "photograph", "write", "draw", "repair", "paint")}
_STANDING = ("furniture", "structure", "plant", "vehicle", "place")
_REFLEXIVE = [
    "blame",
    "praise",
    "admire",
    "wash",
    "hurt",
    "draw",
    "describe",
    "trust",
    "photograph",
    "defend",
    "paint",
    "see",
    "hide",
    "watch",
]
_INSTRUMENTS = (
    ("cut", "=bread,cake,rope,cheese,meat,apple,paper", "=knife,saw,axe"),
    ("open", "=box,door,letter,bottle,jar,envelope", "=knife,key,screwdriver"),
    ("paint", "=wall,door,fence,boat,chair", "=brush"),
    ("repair", "=chair,fence,roof,table,cart,door", "=hammer,screwdriver,nail,rope"),
    ("clean", "=floor,room,kitchen,window,oven,boat", "=brush,broom,towel"),
    ("see", "person animal =ship,house,village,tower", "=lamp,torch,lantern"),
    ("hit", "=ball,wall,box,thief,nail,door", "=stick,hammer,racket,bat,umbrella"),
    ("eat", "=soup,rice,cake,salad,meat,potato", "=spoon,fork"),
    ("write", "=letter,poem,message,note,report,story", "=pen,pencil,computer"),
    ("draw", "=map,picture,tree,horse,house", "=pencil,pen,stick,ruler"),
    ("photograph", "person animal place", "=camera,phone"),
    ("break", "=window,glass,mirror,plate,vase", "=stone,hammer,stick,ball"),
    ("catch", "=fish,butterfly,bird,crab", "=net,rope,hat,bucket"),
    ("lock", "=door,gate,box,drawer,shop", "=key"),
)
