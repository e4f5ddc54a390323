"""Simple clauses: one function a construction, each turning a draft into a finished tree without its final stop."""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import SCALAR, adjectives, noun, nouns, select
from bertology.corpus.grammar.morphology import comparative, superlative
from bertology.corpus.grammar.parts import (
    bound,
    coordinated,
    fronted,
    gendered,
    some_negation,
    some_number,
    subject_with_place,
)
from bertology.corpus.grammar.phrases import Draft
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
    if d.chance.happens(0.45) and innermost.kind in (
        "furniture",
        "structure",
        "plant",
        "vehicle",
        "place",
        "person",
        "clothes",
    ):
        if innermost.noun is not None and innermost.kind != "person":
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
    for word, role in ((subject, "agent"), (thing, "patient"), (tool, "instrument")):
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
    return _copular(d, subject, p.quality(d, [a for a in adjectives(entry) if a != "secret"]))


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
    thing = coordinated(
        d, d.chance.pick(entry.object.split()) if len(select(entry.object.split()[0])) > 5 else entry.object
    )
    head.add(thing, "obj")
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, thing, entry.roles[1])
    form = c.draw_form(d, stative=entry.stative)
    c.predicate(d, subject, head, form, main=True)
    d.notes.labels["object_number"] = "plur"
    c.add_time(d, head, form, probability=0.0 if entry.stative else 0.3)
    return fronted(d, head)


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
    return _copular(d, subject, p.quality(d, adjectives(subject.noun)))


def _copular(d: Draft, subject: Word, lemma: str) -> Word:
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
