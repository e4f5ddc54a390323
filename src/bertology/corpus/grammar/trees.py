"""Dependency trees under construction, and the sentence with its annotation that a finished tree becomes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bertology.corpus.grammar.lexicon import Noun
from bertology.corpus.grammar.morphology import needs_an
from bertology.corpus.sentence import Link, Sentence, Span, sentence


class Word:
    """A node: its dependents stand, in surface order, in `before` and `after`.

    `number` ("sing"/"plur"), `gender` ("m"/"f"/"n", "" where unknown) and `person` are what agreement and pronouns
    see, which for a coordination differs from the head noun's own features; `kind` is the semantic class.
    """

    __slots__ = (
        "after", "before", "feats", "form", "gender", "glued", "kind", "lemma", "noun", "number", "person",
        "rel", "sense", "upos", "xpos",
    )  # fmt: skip

    def __init__(
        self,
        form: str,
        upos: str,
        xpos: str,
        rel: str = "root",
        *,
        lemma: str = "",
        feats: Mapping[str, str] | None = None,
        glued: bool = False,
        number: str = "",
        gender: str = "",
        person: int = 3,
        kind: str = "",
        noun: Noun | None = None,
    ) -> None:
        self.form, self.upos, self.xpos, self.rel = form, upos, xpos, rel
        self.lemma = lemma or form.lower()
        self.feats = dict(feats or {})
        self.glued = glued  # no space before this word
        self.number, self.gender, self.person, self.kind = number, gender, person, kind
        self.noun = noun  # the lexicon's entry; None for names, pronouns and all that is no noun
        self.sense = ""
        self.before: list[Word] = []
        self.after: list[Word] = []

    def lead(self, *words: "Word") -> "Word":
        """Adds dependents at the left edge."""
        self.before[:0] = words
        return self

    def add(self, word: "Word", rel: str = "") -> "Word":
        """Adds a dependent at the right edge."""
        if rel:
            word.rel = rel
        self.after.append(word)
        return self

    def subtree(self) -> Iterator["Word"]:
        """The words below and including this one, in surface order."""
        for child in self.before:
            yield from child.subtree()
        yield self
        for child in self.after:
            yield from child.subtree()


class Notes:
    """What the constructions say about the words of a sentence beyond the tree, kept until places are known."""

    def __init__(self) -> None:
        self.links: list[tuple[str, Word, Word, str]] = []
        self.negations: list[tuple[Word, Word]] = []
        self.labels: dict[str, Any] = {}
        self.used: set[str] = set()
        self.modifiers = 0

    def link(self, name: str, source: Word, target: Word, label: str) -> None:
        self.links.append((name, source, target, label))

    def negate(self, cue: Word, clause: Word) -> None:
        """The cue negates the clause whose head this is."""
        self.negations.append((cue, clause))
        self.labels["polarity"] = "negative"


def punct(form: str, *, rel: str = "punct") -> Word:
    return Word(form, "PUNCT", form if form in ",.?!" else ":", rel, glued=True)


def finish(root: Word, notes: Notes, id: str, *, document: str = "", layers: Iterable[str] | None = None) -> Sentence:
    """The sentence of a tree, with layers, links, spans and labels; `layers` restricts which layers are kept."""
    return join([(root, notes)], id, document=document, layers=layers)


def join(
    trees: Sequence[tuple[Word, Notes]],
    id: str,
    *,
    document: str = "",
    layers: Iterable[str] | None = None,
    segments: bool = False,
) -> Sentence:
    """One or more trees as one text. Labels are the first tree's; `segments` adds the layer "segment" (tree number)."""
    words: list[Word] = []
    head: list[int] = []
    segment: list[int] = []
    place: dict[int, int] = {}
    for number, (root, _) in enumerate(trees):
        offset = len(words)
        words.extend(root.subtree())
        segment.extend([number] * (len(words) - offset))
        _articles(words, offset)
        words[offset].form = words[offset].form[0].upper() + words[offset].form[1:]
    place = {id_: i for i, id_ in enumerate(map(_key, words))}
    head = [-1] * len(words)
    for i, word in enumerate(words):
        for child in (*word.before, *word.after):
            head[place[_key(child)]] = i
    everything: dict[str, tuple[Any, ...]] = {
        "lemma": tuple(w.lemma for w in words),
        "upos": tuple(w.upos for w in words),
        "xpos": tuple(w.xpos for w in words),
        "feats": tuple(w.feats for w in words),
        "head": tuple(head),
        "deprel": tuple(w.rel for w in words),
    }
    if layers is not None:
        everything = {name: everything[name] for name in layers}
    if segments:
        everything["segment"] = tuple(segment)
    if any(w.sense for w in words):
        everything["sense"] = tuple(w.sense for w in words)
    labels = dict(trees[0][1].labels)
    if len(trees) == 1:
        labels |= {"n_words": len(words), "depth": _depth(head)}
    return sentence(
        [w.form for w in words],
        id,
        glued=[w.glued for w in words[1:]] + [True],
        layers=everything,
        links=_links(trees, place, words),
        spans=_spans(trees, place, words),
        labels=labels,
        document=document,
    )


def _key(word: Word) -> int:
    return id(word)


def _articles(words: list[Word], offset: int) -> None:
    for word, following in zip(words[offset:], words[offset + 1 :], strict=False):
        if word.lemma == "a" and word.upos == "DET":
            word.form = "an" if needs_an(following.form) else "a"


def _depth(head: Sequence[int]) -> int:
    """Edges from the root to the deepest word."""
    deepest = 0
    for start in range(len(head)):
        steps, at = 0, start
        while head[at] >= 0:
            steps, at = steps + 1, head[at]
        deepest = max(deepest, steps)
    return deepest


def _links(
    trees: Sequence[tuple[Word, Notes]], place: Mapping[int, int], words: Sequence[Word]
) -> dict[str, tuple[Link, ...]]:
    found: dict[str, list[Link]] = {}
    for _, notes in trees:
        for name, source, target, label in notes.links:
            i, j = place.get(id(source)), place.get(id(target))
            if i is None or j is None:
                raise AssertionError(f"A link {name} names a word outside its tree: {source.form}, {target.form}")
            found.setdefault(name, []).append((i, j, label))
            if name == "agreement":
                found.setdefault("distractor", []).extend(_distractors(i, j, label, words))
    return {name: tuple(sorted(set(links))) for name, links in sorted(found.items()) if links}


def _distractors(verb: int, subject: int, number: str, words: Sequence[Word]) -> Iterator[Link]:
    """Nouns between a subject and its verb. Times and places count too: they are nouns that could be agreed with."""
    for k in range(subject + 1, verb):
        if words[k].upos in ("NOUN", "PROPN") and words[k].rel != "flat" and words[k].number:
            yield verb, k, "match" if words[k].number == number else "mismatch"


def _spans(
    trees: Sequence[tuple[Word, Notes]], place: Mapping[int, int], words: Sequence[Word]
) -> dict[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {}
    chunks = [
        (_left_edge(w, place), place[id(w)] + 1 + sum(c.rel == "flat" for c in w.after), "NP")
        for w in words
        if w.upos in ("NOUN", "PROPN", "PRON") and w.xpos not in ("PRP$", "EX", "WDT") and w.rel != "flat"
    ]
    found["np"] = [c for c in chunks if not any(o != c and o[0] <= c[0] and c[1] <= o[1] for o in chunks)]
    found["entity"] = [
        (i, i + 1 + sum(c.rel == "flat" for c in w.after), "PLACE" if w.kind == "city" else "PERSON")
        for i, w in enumerate(words)
        if w.upos == "PROPN" and w.rel != "flat" and w.kind in ("person", "city")
    ]
    for _, notes in trees:
        for cue, clause in notes.negations:
            found.setdefault("negation", []).append((place[id(cue)], place[id(cue)] + 1, "cue"))
            inside = sorted(place[id(w)] for w in _scope(clause) if w is not cue)
            found["negation"].extend((start, end, "scope") for start, end in _runs(inside))
    return {name: tuple(spans) for name, spans in sorted(found.items()) if spans}


def _left_edge(noun: Word, place: Mapping[int, int]) -> int:
    """Where the base noun phrase begins: the dependents before the noun, but no preposition, subject or auxiliary."""
    start = place[id(noun)]
    for child in reversed(noun.before):
        if child.rel not in ("det", "amod", "nummod", "nmod:poss", "compound", "advmod") or child.xpos in ("RB", "WRB"):
            break
        start = place[id(next(child.subtree()))]
    return start


_OUTSIDE_SCOPE = frozenset(("punct", "cc", "conj", "mark", "advcl", "parataxis", "discourse"))


def _scope(clause: Word) -> Iterator[Word]:
    """A negated clause without its linkers, adverbial clauses and conjuncts (as in the *SEM 2012 guidelines)."""
    for child in clause.before:
        if child.rel not in _OUTSIDE_SCOPE:
            yield from child.subtree()
    yield clause
    for child in clause.after:
        if child.rel not in _OUTSIDE_SCOPE:
            yield from child.subtree()


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for at in places:
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs
