"""Clauses within clauses: complements, control, raising, coordination, adverbial clauses, pronouns across them."""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import noun
from bertology.corpus.grammar.parts import bound, fronted, gendered
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word, punct
from bertology.corpus.grammar.verbs import verbs, verbs_for


def that_complement(d: Draft) -> Word:
    subject = p.phrase(d, "person", rich=0.7)
    entry = c.draw_verb(d, verbs_for("clausal", subject.noun))
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    form = c.draw_form(d, stative=entry.stative, auxiliary=0.15, negation=0.08)
    c.predicate(d, subject, head, form, main=True)
    tense = "past" if form.tense == "past" and d.chance.happens(0.8) else ""
    inner = c.clause(d, tense=tense, time=0.15, negation=0.06)
    if d.chance.happens(0.75) or entry.lemma in (
        "doubt",
        "hear",
        "notice",
        "explain",
        "report",
        "announce",
        "discover",
    ):
        inner.lead(Word("that", "SCONJ", "IN", "mark"))
    head.add(inner, "ccomp")
    return head


def subject_control(d: Draft) -> Word:
    subject = c.draw_subject(d, animate=True)
    entry = c.draw_verb(d, verbs_for("subject control", subject.noun))
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    inner = c.verb_phrase(d, subject, adjuncts=0.7, rich=0.9, active=True)
    head.add(c.infinitive(inner.head), "xcomp")
    form = c.draw_form(d, stative=entry.stative)
    return c.predicate(d, subject, head, form, main=True)


def object_control(d: Draft) -> Word:
    subject = p.phrase(d, "person", rich=0.7)
    entry = c.draw_verb(d, verbs_for("object control", subject.noun))
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    thing = p.phrase(d, "person", rich=0.5)
    head.add(thing, "obj")
    d.notes.link("role", head, subject, entry.roles[0])
    d.notes.link("role", head, thing, entry.roles[1])
    inner = c.verb_phrase(d, thing, adjuncts=0.6, rich=0.7, active=True)
    head.add(c.infinitive(inner.head), "xcomp")
    form = c.draw_form(d, stative=True)
    d.notes.labels["object_number"] = thing.number
    return c.predicate(d, subject, head, form, main=True)


def raising(d: Draft) -> Word:
    subject = c.draw_subject(d)
    options = verbs_for("raising", subject.noun)
    if not options:
        subject = p.phrase(d, "person")
        options = verbs_for("raising", subject.noun)
    entry = d.chance.zipf(options)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    qualities = adjectives(subject.noun or noun("woman"))
    if entry.lemma in ("seem", "appear") and qualities and d.chance.happens(0.6):
        inner = lx.adjective(p.quality(d, qualities))
        if d.chance.happens(0.6):
            c.infinitive(inner)
    elif c.verbs_for("intransitive", subject.noun):
        frame = "" if subject.kind in ("person", "animal", "") else "intransitive"
        inner = c.infinitive(c.verb_phrase(d, subject, frame=frame, adjuncts=0.7, rich=0.7).head)
    else:
        inner = c.infinitive(lx.adjective(p.quality(d, qualities)))
        head.lemma = "seem"
    head.add(inner, "xcomp")
    form = c.draw_form(d, stative=True, auxiliary=0.12)._replace(middle="")
    if form.modal in ("can", "must", "should"):
        form = form._replace(modal="may")
    c.predicate(d, subject, head, form, main=True)
    return head


def vp_coordination(d: Draft) -> Word:
    subject = c.draw_subject(d, animate=True)
    found = c.verb_phrase(d, subject, main=True, rich=0.8, adjuncts=0.6)
    form = c.draw_form(d, stative=True, negation=0.05, auxiliary=0.25)._replace(middle="")
    c.predicate(d, subject, found.head, form, main=True)
    other = c.verb_phrase(d, subject, rich=0.7, adjuncts=0.6)
    if form.modal or form.perfect:
        c.inflect(other.head, "participle" if form.perfect else "base")
    else:
        c.predicate(d, None, other.head, Form(form.tense), agree=subject)
    linker = "but" if form.negation else d.chance.pick(("and", "and", "and", "or" if form.modal else "and", "but"))
    if form.negation and not (form.modal or form.perfect):
        linker = "but"
    other.head.lead(Word(linker, "CCONJ", "CC", "cc"))
    found.head.add(other.head, "conj")
    return found.head


def clause_coordination(d: Draft) -> Word:
    tense = "past" if d.chance.happens(0.55) else "present"
    first = c.clause(d, main=True, tense=tense, rich=0.8, time=0.1)
    other = c.clause(d, tense=tense, rich=0.8, time=0.1)
    first.add(other.lead(punct(","), Word(d.chance.pick(("and", "but", "and", "so")), "CCONJ", "CC", "cc")), "conj")
    return first


def adverbial_clause(d: Draft) -> Word:
    tense = "past" if d.chance.happens(0.6) else "present"
    main = c.clause(d, main=True, tense=tense, time=0.0, rich=0.8, adjuncts=0.6)
    inner = c.clause(d, form=Form(tense), time=0.0, rich=0.8, adjuncts=0.6, subject=c.draw_subject(d, animate=True))
    return attach_adverbial(d, main, inner, d.chance.pick(_LINKERS))


def pronoun_clause(d: Draft) -> Word:
    """Two clauses; a pronoun in the second means one noun phrase of the first and cannot mean the other."""
    first, second = _contrasting(d)
    entry = d.chance.zipf(
        [v for v in verbs("transitive") if v.object.split()[0] == "person" and "person" in v.subject.split()]
    )
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    head.add(second, "obj")
    d.notes.used.add(entry.lemma)
    d.notes.link("role", head, first, entry.roles[0])
    d.notes.link("role", head, second, entry.roles[1])
    tense = "past" if d.chance.happens(0.65) else "present"
    form = c.draw_form(d, stative=True, auxiliary=0.0, negation=0.06, tense=tense)._replace(middle="")
    c.predicate(d, first, head, form, main=True)
    d.notes.labels["object_number"] = second.number
    antecedent = d.chance.pick((first, second))
    style = d.chance.weighted((("adverbial", 5), ("coordination", 2), ("possessive", 2)))
    if style == "possessive":
        head.add(
            lx.prepositional(
                d.chance.pick(("in", "near", "behind")), bound(d, antecedent, "=house,garden,office,shop,room")
            )
        )
        return fronted(d, head)
    anaphor = lx.personal(antecedent, "Nom" if (nominative := d.chance.happens(0.7)) else "Acc")
    d.notes.link("coref", anaphor, antecedent, "pronoun")
    if nominative:
        if style == "adverbial" and d.chance.happens(0.4):
            inner = c.predicate(d, anaphor, lx.adjective(d.chance.pick(_MOODS)), Form(tense))
        else:
            frame = d.chance.weighted((("intransitive", 0.3), ("motion", 0.35), ("transitive", 0.35)))
            found = c.verb_phrase(d, anaphor, frame=frame, adjuncts=0.5, rich=0.5)
            inner = c.predicate(d, anaphor, found.head, Form(tense))
    else:
        other = p.phrase(d, "person", names=0.2, rich=0.3, number="sing")
        options = [v for v in ("see", "call", "help", "ignore", "thank", "greet") if v not in d.notes.used]
        inner = Word(lemma := d.chance.pick(options), "VERB", "VB", lemma=lemma)
        inner.add(anaphor, "obj")
        d.notes.link("role", inner, other, "experiencer" if lemma == "see" else "agent")
        d.notes.link("role", inner, anaphor, "theme")
        c.predicate(d, other, inner, Form(tense))
    if style == "adverbial":
        return attach_adverbial(d, head, inner, d.chance.pick(_LINKERS), front=0.15 if not nominative else 0.0)
    head.add(inner.lead(punct(","), Word(d.chance.pick(("and", "but")), "CCONJ", "CC", "cc")), "conj")
    return head


def npi(d: Draft) -> Word:
    """ever, any, at all, under negation, "no", "only", a question or a condition."""
    licensor = d.chance.weighted((("not", 4), ("no", 2), ("question", 2), ("only", 1), ("if", 1.2)))
    item = d.chance.pick(("ever", "any", "at all"))
    subject = p.phrase(d, "person", rich=0.8)
    cue: Word | None = None
    if licensor == "no":
        subject = p.common(p.pick_noun(d, "person"), "plur" if d.chance.happens(0.5) else "sing").lead(
            cue := lx.quantifier("no")
        )
    elif licensor == "only":
        subject.lead(Word("only", "ADV", "RB", "advmod"))
    elif licensor == "if":
        subject = lx.indefinite(d.chance.pick(("anyone", "anybody")))
    frame = "transitive" if item == "any" else d.chance.pick(("transitive", "motion", "intransitive"))
    options = [
        v
        for v in verbs_for(frame, subject.noun if licensor != "if" else None)
        if item != "at all" or v.manner or v.stative
    ]
    entry = d.chance.zipf([v for v in options if v.lemma not in ("want", "need", "know")] or options)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    if frame == "transitive":
        thing = c.phrase_for(d, entry.object, rich=0.7, names=0.0) if item != "any" else _any(d, entry.object)
        head.add(thing, "obj")
        d.notes.link("role", head, thing, entry.roles[1])
        d.notes.labels["object_number"] = thing.number
    elif frame == "motion":
        where, _, classes = d.chance.pick(entry.object.split()).partition(":")
        head.add(
            lx.prepositional(
                where, p.city(d) if classes == "city" else p.phrase(d, classes, number="sing", definite=True, rich=0.3)
            )
        )
    negation = d.chance.pick(("n't", "n't", "not")) if licensor == "not" else ""
    form = Form("past" if d.chance.happens(0.4) else "present", perfect=item == "ever" or d.chance.happens(0.3))
    form = form._replace(negation=negation, inverted=licensor == "question", middle="ever" if item == "ever" else "")
    if licensor == "if":
        form = form._replace(perfect=form.perfect and item != "ever", tense="present")
    c.predicate(d, subject, head, form, main=licensor != "if")
    if item == "at all":
        head.add(lx.prepositional("at", Word("all", "DET", "DT", "obl", feats={"PronType": "Tot"})))
    if cue is not None:
        d.notes.negate(cue, head)
    if licensor != "if":
        return head
    outer = c.clause(
        d,
        form=Form("present", modal="will"),
        main=True,
        rich=0.6,
        adjuncts=0.4,
        time=0.0,
        subject=p.phrase(d, "person", rich=0.5),
    )
    return outer.lead(head.lead(Word("if", "SCONJ", "IN", "mark")), punct(",")) if _advcl(head) else outer


def attach_adverbial(d: Draft, main: Word, inner: Word, linker: str, *, front: float = 0.35) -> Word:
    """An adverbial clause after the main clause or, with a comma, before it."""
    if linker == "when":
        inner.lead(Word("when", "ADV", "WRB", "advmod", feats={"PronType": "Int"}))
    else:
        inner.lead(Word(linker, "SCONJ", "IN", "mark"))
    _advcl(inner)
    if d.chance.happens(front):
        return main.lead(inner, punct(","))
    if linker == "although":
        inner.lead(punct(","))
    main.add(inner)
    return main


def _advcl(word: Word) -> Word:
    word.rel = "advcl"
    return word


def _any(d: Draft, classes: str) -> Word:
    entry = p.pick_noun(d, d.chance.pick(classes.split()))
    return p.common(entry, "sing" if entry.mass else "plur").lead(lx.quantifier("any"))


def _contrasting(d: Draft) -> tuple[Word, Word]:
    """Two people or groups that no pronoun confuses."""
    first = gendered(d, rich=0.3)
    first.after = [x for x in first.after if x.rel == "flat"]
    if first.number == "plur" or d.chance.happens(0.75):
        second = p.phrase(
            d,
            "person",
            number="sing",
            gender={"m": "f", "f": "m"}.get(first.gender if first.number == "sing" else "", d.chance.pick("fm")),
            names=0.45,
            rich=0.3,
        )
        second.after = [x for x in second.after if x.rel == "flat"]
        return first, second
    second = p.phrase(d, "person", number="plur", rich=0.3)
    second.after = []
    return first, second


_LINKERS = ("because", "when", "after", "before", "although", "while")
_MOODS = ["tired", "happy", "angry", "hungry", "late", "lonely", "nervous", "busy", "thirsty", "proud"]
