"""Clauses: auxiliaries, agreement, negation and inversion around a predicate; verb phrases with their arguments."""

from functools import cache
from typing import NamedTuple

from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.lexicon import Noun, admits
from bertology.corpus.grammar.morphology import finite, verb_forms
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.trees import Word
from bertology.corpus.grammar.verbs import Verb, verbs, verbs_for


class Form(NamedTuple):
    """A finite clause's form. `negation`: "", "not", "n't", "never"; `middle`: an adverb after the first auxiliary."""

    tense: str = "past"
    modal: str = ""
    perfect: bool = False
    progressive: bool = False
    passive: bool = False
    negation: str = ""
    inverted: bool = False
    middle: str = ""

    @property
    def aspect(self) -> str:
        return self.modal or ("perfect" if self.perfect else "progressive" if self.progressive else "simple")


def draw_form(
    d: Draft,
    *,
    stative: bool = False,
    progressive: bool = True,
    negation: float = 0.08,
    auxiliary: float = 0.4,
    tense: str = "",
) -> Form:
    """A form at random. `auxiliary`: chance of a perfect, progressive or modal; statives take no progressive.

    With `tense` given the clause belongs to a story in that tense, so that perfects and modals are kept out.
    """
    story = bool(tense)
    form = Form(tense or ("past" if d.chance.happens(0.5) else "present"))
    kinds = (
        ("progressive", 0.4 if progressive and not stative else 0.0),
        ("perfect", 0.0 if story else 0.28),
        ("modal", 0.0 if story else 0.32),
    )
    if d.chance.happens(auxiliary) and any(weight for _, weight in kinds):
        kind = d.chance.weighted(kinds)
        if kind == "modal":
            modals = (("will", 2.0), ("may", 1.0)) if stative else _MODALS
            form = Form("present", modal=d.chance.weighted(modals))
        elif kind == "progressive":
            form = form._replace(progressive=True)
        else:
            form = Form("present" if d.chance.happens(0.6) else form.tense, perfect=True)
    if "polarity" not in d.notes.labels and d.chance.happens(negation):
        return form._replace(negation=d.chance.weighted((("n't", 5), ("not", 3), ("never", 2))))
    if "polarity" not in d.notes.labels and d.chance.happens(0.1):
        options = _MIDDLE.get(form.aspect if not form.modal else "modal" if form.modal == "will" else "", ())
        if form.aspect == "simple" and form.tense == "past":
            options = _MIDDLE["past"]
        if stative:
            options = tuple(o for o in options if o not in ("often", "usually", "sometimes", "just"))
        if options:
            form = form._replace(middle=d.chance.pick(options))
    return form


def predicate(
    d: Draft,
    subject: Word | None,
    head: Word,
    form: Form,
    *,
    agree: Word | None = None,
    main: bool = False,
    clause: Word | None = None,
) -> Word:
    """Makes `head` (a verb, or an adjective, noun or phrase with "be") the head of a finite clause.

    `agree` is the noun phrase agreed with where it is not the subject itself (the antecedent of a relative pronoun;
    the subject of a coordinated verb phrase whose own subject is not expressed).
    """
    if form.middle and head.upos == "VERB" and any(word.rel == "advmod" for word in head.before):
        form = form._replace(middle="")
    agreed = agree or subject
    assert agreed is not None
    chain: list[tuple[str, str, str]] = []  # lemma, relation, form required of the next
    if form.modal:
        chain.append((form.modal, "aux", "base"))
    if form.perfect:
        chain.append(("have", "aux", "participle"))
    if form.progressive and head.upos == "VERB":
        chain.append(("be", "aux", "gerund"))
    if form.passive:
        chain.append(("be", "aux:pass", "participle"))
    if head.upos != "VERB":
        chain.append(("be", "cop", ""))
    if not chain and head.lemma != "be" and (form.inverted or form.negation in ("not", "n't")):
        chain.append(("do", "aux", "base"))
    words: list[Word] = []
    required = "finite"
    for lemma, rel, then in chain:
        word = Word(lemma, "AUX", "VB", rel, lemma=lemma)
        inflect(word, required, form.tense, agreed)
        words.append(word)
        required = then
    if head.upos == "VERB":
        inflect(head, required, form.tense, agreed)
        if form.passive:
            head.feats["Voice"] = "Pass"
    first = words[0] if words else head
    if (
        first.feats.get("VerbForm") == "Fin"
        and "Number" in first.feats
        and agreed.rel != "conj"
        and not _coordinated(agreed)
    ):
        visible = first.feats["Tense"] == "Pres" or first.lemma == "be"
        if visible and agreed.person == 3 and (not form.inverted or subject is not None):
            d.notes.link("agreement", first, agreed, agreed.number)
    if subject is not None and subject.rel in ("root", "obj"):
        subject.rel = "nsubj:pass" if form.passive else "nsubj"
    pieces = _order(d, subject, words, head, form, clause or head)
    head.lead(*pieces)
    if main:
        d.notes.labels |= {
            "tense": form.tense,
            "voice": "passive" if form.passive else "active",
            "subject_number": agreed.number,
            "clause": "question" if form.inverted else "declarative",
        }
        d.notes.labels["topic"] = _topic(d, agreed)
    return head


def inflect(word: Word, required: str, tense: str = "", agreed: Word | None = None) -> Word:
    """Sets form, xpos and feats of a verb or auxiliary: "finite", "base", "participle" or "gerund"."""
    if required == "finite":
        assert agreed is not None
        word.form = finite(word.lemma, tense=tense, number=agreed.number, person=agreed.person)
        if word.lemma in ("will", "can", "must", "should", "may"):
            word.xpos, word.feats = "MD", {"VerbForm": "Fin"}
            return word
        third = agreed.number == "sing" and agreed.person == 3
        word.xpos = "VBD" if tense == "past" else "VBZ" if third else "VBP"
        number = "Plur" if agreed.number == "plur" else "Sing"
        word.feats = {
            "Mood": "Ind",
            "Number": number,
            "Person": str(agreed.person),
            "Tense": "Past" if tense == "past" else "Pres",
        }
        word.feats["VerbForm"] = "Fin"
        return word
    forms = verb_forms(word.lemma)
    word.form = getattr(forms, required)
    word.xpos, word.feats = _NONFINITE[required]
    word.feats = dict(word.feats)
    return word


def infinitive(head: Word, *, to: bool = True) -> Word:
    """ "to" and the base form, or with "be" before an adjective."""
    if head.upos == "VERB":
        inflect(head, "base")
        for word in [w for w in head.before if w.rel == "advmod"]:
            head.before.remove(word)
            head.add(word)
    else:
        head.lead(inflect(Word("be", "AUX", "VB", "cop"), "base"))
    if to:
        head.lead(Word("to", "PART", "TO", "mark"))
    return head


class Phrase(NamedTuple):
    """A verb phrase whose verb is not inflected yet."""

    head: Word
    verb: Verb


def verb_phrase(
    d: Draft,
    subject: Word,
    *,
    frame: str = "",
    adjuncts: float = 1.0,
    rich: float = 1.0,
    main: bool = False,
    active: bool = False,
) -> Phrase:
    """A verb that suits the subject, with its objects and perhaps adverbials; `active` keeps statives out."""
    if not frame or not verbs_for(frame, subject.noun):
        options = [(f, w) for f, w in _FRAMES if verbs_for(f, subject.noun)]
        frame = d.chance.weighted(options)
    entry = draw_verb(d, verbs_for(frame, subject.noun), active=active)
    head = Word(entry.lemma, "VERB", "VB", lemma=entry.lemma)
    d.notes.link("role", head, subject, entry.roles[0])
    if frame == "transitive":
        thing = phrase_for(d, entry.object, rich=rich)
        head.add(thing, "obj")
        d.notes.link("role", head, thing, entry.roles[1])
        if main:
            d.notes.labels["object_number"] = thing.number
    elif frame == "motion":
        where, _, classes = d.chance.pick(entry.object.split()).partition(":")
        goal = p.city(d) if classes == "city" else p.phrase(d, classes, number="sing", rich=0.4 * rich, definite=True)
        head.add(lx.prepositional(where, goal))
        d.notes.link("role", head, goal, "location" if where in ("on", "under", "near", "behind") else "goal")
    elif frame == "dative":
        give(d, head, entry, double=d.chance.happens(0.5), main=main, rich=rich)
    place_at = 0.0 if "l" in entry.marks or entry.stative or frame == "motion" else 0.4
    add_adverbials(d, head, entry, manner=0.22 * adjuncts, place=place_at * adjuncts)
    return Phrase(head, entry)


def give(
    d: Draft, head: Word, entry: Verb, *, double: bool, main: bool = False, rich: float = 1.0
) -> tuple[Word, Word]:
    """Adds recipient and theme in either order; returns (recipient, theme)."""
    recipient = p.phrase(d, "person", names=0.55, rich=0.35 * rich)
    theme = p.phrase(d, entry.object, rich=0.6 * rich)
    if double:
        head.add(recipient, "iobj")
        head.add(theme, "obj")
    else:
        head.add(theme, "obj")
        head.add(lx.prepositional("to", recipient))
    d.notes.link("role", head, recipient, "recipient")
    d.notes.link("role", head, theme, "theme")
    if main:
        d.notes.labels["object_number"] = theme.number
    return recipient, theme


def add_adverbials(d: Draft, head: Word, entry: Verb, *, manner: float, place: float) -> None:
    """Adverbials after the objects: manner, then place."""
    if entry.manner and d.chance.happens(manner):
        word = lx.adverb(d.chance.pick(entry.manner))
        if word.form in _BEFORE_VERB:
            head.lead(word)
        else:
            head.add(word)
    if any(inner.rel == "nmod" for argument in head.after for inner in argument.after):
        place *= 0.25
    if d.chance.happens(place):
        where = p.place(d)
        head.add(where)
        d.notes.link("role", head, where, "location")


def add_time(d: Draft, head: Word, form: Form, *, probability: float = 0.3) -> None:
    """A time adverbial at the end of a clause (never beside a frequency adverb in the middle)."""
    if not form.middle and form.negation != "never" and d.chance.happens(probability):
        if form.aspect == "perfect" and form.tense == "past":
            return
        head.add(p.time(d, form.tense, form.aspect))


def clause(
    d: Draft,
    *,
    subject: Word | None = None,
    frame: str = "",
    form: Form | None = None,
    main: bool = False,
    rich: float = 1.0,
    time: float = 0.42,
    negation: float = 0.08,
    adjuncts: float = 1.0,
    tense: str = "",
) -> Word:
    """A finite clause with subject, verb phrase and adverbials."""
    subject = subject or draw_subject(d, rich=rich)
    found = verb_phrase(d, subject, frame=frame, rich=rich, main=main, adjuncts=adjuncts)
    form = form or draw_form(
        d, stative=found.verb.stative, progressive="n" not in found.verb.marks, negation=negation, tense=tense
    )
    predicate(d, subject, found.head, form, main=main)
    add_time(d, found.head, form, probability=time if not found.verb.stative else 0.0)
    return found.head


def draw_subject(d: Draft, *, rich: float = 1.0, animate: bool = False) -> Word:
    """People mostly; animals, things and pronouns now and then."""
    kinds = (("person", 0.8), ("animal", 0.14), ("we", 0.03), ("I", 0.03)) if animate else _SUBJECTS
    kind = d.chance.weighted(kinds)
    if kind in ("I", "we", "they"):
        return lx.speaker(kind)
    return p.phrase(d, kind, rich=rich, names=0.44)


def draw_verb(d: Draft, options: tuple[Verb, ...], *, active: bool = False) -> Verb:
    if active:
        options = tuple(v for v in options if not v.stative) or options
    found = options[0]
    for _ in range(6):
        found = d.chance.zipf(options)
        if found.lemma not in d.notes.used:
            break
    d.notes.used.add(found.lemma)
    return found


def phrase_for(d: Draft, classes: str, *, rich: float = 1.0, number: str = "", names: float = 0.4) -> Word:
    """A noun phrase for an argument; classes of a mixed selection are equally likely, so that people and things mix."""
    items = classes.split()
    return p.phrase(d, d.chance.pick(items) if len(items) > 1 else classes, rich=0.9 * rich, number=number, names=names)


@cache
def takers(frame: str, thing: Noun | None, subject: Noun | None = None, *, passive: bool = False) -> tuple[Verb, ...]:
    """Verbs of a frame that take the noun (None: a name) as object, and the other one as subject."""
    found = verbs_for(frame, subject)
    found = (
        tuple(v for v in found if "person" in v.object.split())
        if thing is None
        else tuple(v for v in found if admits(thing, v.object))
    )
    return tuple(v for v in found if not (passive and "p" in v.marks))


def passive_verbs() -> tuple[Verb, ...]:
    return tuple(v for v in verbs("transitive") if "p" not in v.marks)


_FRAMES = (("transitive", 0.5), ("intransitive", 0.25), ("motion", 0.12), ("dative", 0.13))
_SUBJECTS = (
    ("person", 0.76),
    ("animal", 0.12),
    ("vehicle", 0.02),
    ("thing", 0.02),
    ("event", 0.02),
    ("I", 0.03),
    ("we", 0.03),
)
_BEFORE_VERB = frozenset(["suddenly", "finally", "immediately", "secretly", "deeply", "truly", "firmly", "proudly"])
_MIDDLE = {
    "simple": ("often", "usually", "always", "sometimes"),
    "past": ("often", "always", "sometimes"),
    "progressive": ("still",),
    "perfect": ("already", "just", "often"),
    "modal": ("probably", "certainly", "soon"),
}
_MODALS = (("will", 4.0), ("can", 2.0), ("must", 1.5), ("should", 1.5), ("may", 1.0))
_CONTRACTED = {"will": "wo", "can": "ca"}
_NONFINITE = {
    "base": ("VB", {"VerbForm": "Inf"}),
    "participle": ("VBN", {"Tense": "Past", "VerbForm": "Part"}),
    "gerund": ("VBG", {"Tense": "Pres", "VerbForm": "Part"}),
}


def _order(d: Draft, subject: Word | None, words: list[Word], head: Word, form: Form, clause: Word) -> list[Word]:
    """Subject, auxiliaries, negation and the adverb in the middle, in surface order, as dependents of the head."""
    first, rest = words[:1], words[1:]
    negation: list[Word] = []
    if form.negation:
        if form.negation == "never":
            cue = lx.adverb("never", kind="Neg")
        else:
            contracted = form.negation == "n't" and first and first[0].form not in ("am", "may")
            cue = Word(
                "n't" if contracted else "not",
                "PART",
                "RB",
                "advmod",
                lemma="not",
                feats={"Polarity": "Neg"},
                glued=bool(contracted),
            )
            if contracted:
                first[0].form = _CONTRACTED.get(first[0].form, first[0].form)
        negation = [cue]
        d.notes.negate(cue, clause)
    middle = [lx.adverb(form.middle, kind="Ind" if form.middle == "ever" else "")] if form.middle else []
    before = [subject] if subject is not None else []
    if form.inverted:
        glued = [w for w in negation if w.glued]
        free = [w for w in negation if not w.glued]
        return [*first, *glued, *before, *free, *middle, *rest]
    return [*before, *first, *negation, *middle, *rest]


def _coordinated(noun: Word) -> bool:
    return any(child.rel == "conj" for child in noun.after)


def _topic(d: Draft, subject: Word) -> str:
    topics = subject.noun.topics if subject.noun is not None else ()
    return topics[0] if topics and d.scene.topic not in topics else d.scene.topic
