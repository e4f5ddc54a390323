"""The named corpora of a run, made when first read: the user's file where given, else from the embedded grammar.

A name of LANGUAGES may carry a language, "treebank.de": these corpora have no default and stand beside the plain one.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bertology.corpus import (
    attributes,
    cloze,
    conllu,
    constituents,
    inference,
    labelled,
    minimal_pairs,
    parallel,
    senses,
    spans,
    suites,
    text,
    word_pairs,
)
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.sentence import Corpus
from bertology.corpus.word_pairs import WordPair
from bertology.record.errors import BadCorpus, BadRequest


class Kind(NamedTuple):
    """What a name stands for: how its file is read, what it holds, and the annotation it cannot do without."""

    read: Callable[..., Any]
    says: str
    needs: tuple[str, ...] = ()


NAMES: Mapping[str, Kind] = MappingProxyType({
    "treebank": Kind(conllu.read, "dependency trees, parts of speech, features (CoNLL-U)"),
    "treebank2": Kind(conllu.read, "a second treebank, for claims that compare two (CoNLL-U; no default)"),
    "text": Kind(text.read, "running text (one paragraph a line; WikiText; wrapped lines)"),
    "raw": Kind(text.read, "running text to train on, for claims about training (as text)"),
    "segments": Kind(text.segments, "pairs of neighbouring sentences, taken from running text"),
    "pairs": Kind(minimal_pairs.read, "minimal pairs (BLiMP, SyntaxGym, verb forms; a file or a folder)"),
    "agreement": Kind(minimal_pairs.read_agreement, "minimal pairs of verb forms (Marvin & Linzen, Gulordava, Linzen)"),
    "senses": Kind(senses.read, "words in context with senses (CoarseWSD-20 folders or JSON lines)"),
    "word_pairs": Kind(word_pairs.read, "word pairs with a similarity (tsv, csv or JSON lines)"),
    "cloze": Kind(cloze.read, "sentences with a gap and words for it (.tsv or JSON lines, a file or a folder; also CPRAG, NEG, ROLE, and facts: LAMA, ParaRel, BEAR)"),
    "coref": Kind(spans.read, "anaphors and antecedents: JSON lines with links 'coref'", ("coref",)),
    "roles": Kind(spans.read, "predicates and arguments: JSON lines with links 'role'", ("role",)),
    "negation": Kind(spans.read, "cues and scopes: JSON lines with spans 'negation'", ("negation",)),
    "subjects": Kind(spans.read, "verbs and subjects: JSON lines with links 'agreement'", ("agreement",)),
    "spans": Kind(labelled.read, "labelled spans or pairs: entities, relations, roles, proto-roles (see corpus/labelled.py)"),
    "attributes": Kind(attributes.read, "nouns in carrier sentences with their attributes (a folder as of Forbes et al. 2019)"),
    "related": Kind(spans.read, "related words in a sentence: JSON lines with links 'related'", ("related",)),
    "parallel": Kind(parallel.read, "translations: a folder of CoNLL-U files with the same sentence ids, of files NAME.DE-EN.DE, or a file en-de.tsv (no default)", ("translation",)),
    "inference": Kind(inference.read, "premises, hypotheses and labels (MultiNLI, SNLI, SICK, MED, HANS, counterfactual revisions; a file or a folder)"),
    "suites": Kind(suites.read, "tests of a tuned model of inference: minimum functionality, invariance, direction (JSON lines; see corpus/suites.py)"),
    "constituents": Kind(constituents.read, "constituency trees in brackets (Penn Treebank; or CoNLL-U)", ("constituent",)),
})  # fmt: skip
LANGUAGES = ("treebank", "text", "raw", "agreement")
"""Names that may be given in further languages."""
ENGLISH = "en"


@dataclass(frozen=True)
class Corpora:
    """Each name of NAMES as an attribute, made when first read and then kept.

    `given` maps names to files, or to the corpus itself. `seed` drives the embedded grammar, the sampling and the
    corpora's splits. `scale` multiplies the sizes of the embedded corpora; a given corpus is sampled to at most
    `limit` sentences, whole documents first. Make it with `load`, which checks the arguments.

    coref, roles, negation, subjects and related default to the embedded treebank, also when `treebank` is given:
    it is one object, so that claims over them share a pass.
    """

    given: Mapping[str, Path | Corpus | tuple[WordPair, ...] | tuple[ClozeItem, ...]] = field(default_factory=dict)
    seed: int = 0
    scale: float = 1.0
    strict: bool = False
    limit: int = 20_000
    share: float = 1.0

    @classmethod
    def load(
        cls,
        given: Mapping[str, str | Path | Corpus | tuple[WordPair, ...] | tuple[ClozeItem, ...]] | None = None,
        *,
        seed: int = 0,
        scale: float = 1.0,
        strict: bool = False,
        limit: int = 20_000,
    ) -> "Corpora":
        """Checked at once: unknown names and sizes (BadRequest), missing files (BadCorpus). Reads nothing yet."""
        checked: dict[str, Path | Corpus | tuple[WordPair, ...] | tuple[ClozeItem, ...]] = {}
        for name, value in (given or {}).items():
            kind_of(name)
            checked[name] = _existing(name, Path(value)) if isinstance(value, str | Path) else value
        if not (math.isfinite(scale) and scale > 0):
            raise BadRequest(f"scale is {scale}, a number above 0 is due.", "1.0 is the default size.")
        if limit < 2:
            raise BadRequest(f"limit is {limit}, at least 2 sentences are due.", "20,000 is the default.")
        return cls(checked, seed, scale, strict, limit)

    @cached_property
    def treebank(self) -> Corpus:
        return self._corpus("treebank", lambda: self._embedded_treebank)

    @cached_property
    def treebank2(self) -> Corpus | None:
        """The second treebank, None unless given."""
        return self._corpus("treebank2", _nothing) if "treebank2" in self.given else None

    @cached_property
    def parallel(self) -> Corpus | None:
        """Translations of each other in two languages or more (see corpus/parallel.py), None unless given."""
        return self._corpus("parallel", _nothing) if "parallel" in self.given else None

    @cached_property
    def constituents(self) -> Corpus:
        """Default: what a head governs in the embedded treebank (`constituents.derived`)."""
        return self._corpus("constituents", lambda: constituents.derived(self._embedded_treebank))

    @cached_property
    def text(self) -> Corpus:
        return self._corpus("text", lambda: _grammar().text(self._size(600), seed=self.seed))

    @cached_property
    def raw(self) -> Corpus:
        return self._corpus("raw", lambda: _grammar().text(self._size(4000), seed=self.seed + 1))

    @cached_property
    def segments(self) -> Corpus:
        return self._corpus("segments", lambda: _grammar().segment_pairs(self._size(400), seed=self.seed))

    @cached_property
    def pairs(self) -> Corpus:
        return self._corpus("pairs", lambda: _grammar().minimal_pairs(self._size(100), seed=self.seed))

    @cached_property
    def agreement(self) -> Corpus:
        return self._corpus("agreement", lambda: _grammar().agreement(self._size(200), seed=self.seed))

    @cached_property
    def senses(self) -> Corpus:
        return self._corpus("senses", lambda: _grammar().senses(self._size(1600), seed=self.seed))

    @cached_property
    def word_pairs(self) -> tuple[WordPair, ...]:
        given = self.given.get("word_pairs")
        if isinstance(given, Path):
            return word_pairs.read(given, strict=self.strict)
        return _grammar().word_pairs() if given is None else _pairs_of_words(given)

    @cached_property
    def cloze(self) -> tuple[ClozeItem, ...]:
        """Items of all sets, which label "set" tells apart; of more than `limit`, whole pairs are drawn."""
        given = self.given.get("cloze")
        if given is None:
            from bertology.corpus import worlds  # only when an embedded corpus is read

            return worlds.cloze()
        items = cloze.read(given, strict=self.strict) if isinstance(given, Path) else _cloze_items(given)
        return cloze.sample(items, self.limit, seed=self.seed)

    @cached_property
    def coref(self) -> Corpus:
        return self._corpus("coref", lambda: self._embedded_treebank)

    @cached_property
    def roles(self) -> Corpus:
        return self._corpus("roles", lambda: self._embedded_treebank)

    @cached_property
    def negation(self) -> Corpus:
        return self._corpus("negation", lambda: self._embedded_treebank)

    @cached_property
    def subjects(self) -> Corpus:
        return self._corpus("subjects", lambda: self._embedded_treebank)

    @cached_property
    def related(self) -> Corpus:
        return self._corpus("related", lambda: self._embedded_treebank)

    @cached_property
    def attributes(self) -> Corpus:
        return self._corpus("attributes", attributes.embedded)

    @cached_property
    def inference(self) -> Corpus:
        return self._corpus("inference", self._embedded_inference)

    @cached_property
    def suites(self) -> Corpus:
        return self._corpus("suites", self._embedded_suites)

    @cached_property
    def spans(self) -> Corpus:
        return self._corpus("spans", self._embedded_spans)

    def read_given(self) -> "Corpora":
        """Reads every given file now, so that a broken one is refused before a run and not in the middle of it."""
        for name in self.given:
            self.named(name)
        return self

    def part(self, share: float) -> "Corpora":
        """The same names with a share (0 to 1) of the sentences: whole documents of what was given, less of the embedded ones."""
        given = {name: self.named(name) for name in self.given}
        return replace(self, given=given, scale=self.scale * share, share=share)

    def named(self, name: str) -> Any:
        """The corpus of a name, which may carry a language: "treebank" or "treebank.de"."""
        return self._foreign(name) if "." in name else getattr(self, name)

    def in_languages(self, name: str) -> dict[str, Corpus]:
        """The corpora of a name of LANGUAGES by language code, in alphabetical order; empty when none is given but English.

        English is NAME.en where that is given, else the plain name.
        """
        codes = {given.partition(".")[2] for given in self.given if given.startswith(f"{name}.")}
        if not codes - {ENGLISH}:
            return {}
        own = f"{name}.{ENGLISH}" if ENGLISH in codes else name
        return {code: self.named(own if code == ENGLISH else f"{name}.{code}") for code in sorted(codes | {ENGLISH})}

    def made(self) -> dict[str, Any]:
        """The corpora that were read or made so far, by name."""
        plain = {name: vars(self)[name] for name in NAMES if vars(self).get(name) is not None}
        return plain | self._in_other_languages

    @cached_property
    def _in_other_languages(self) -> dict[str, Corpus]:
        return {}

    def _foreign(self, name: str) -> Corpus:
        if name not in self._in_other_languages:
            self._in_other_languages[name] = self._corpus(name, _nothing)
        return self._in_other_languages[name]

    @cached_property
    def _embedded_treebank(self) -> Corpus:
        return replace(_grammar().treebank(self._size(4000), seed=self.seed), seed=self.seed)

    def _embedded_spans(self) -> Corpus:
        from bertology.corpus.grammar.entities import entities  # only when it is read

        some = self._embedded_treebank.sample(self._size(2000), seed=self.seed)
        return entities(some, relations=self._size(1000), places=self._size(800), seed=self.seed)

    def _embedded_inference(self) -> Corpus:
        from bertology.corpus.grammar.inference import inference  # only when it is read

        return inference(self._size(4000), seed=self.seed)

    def _embedded_suites(self) -> Corpus:
        from bertology.corpus.grammar.suites import suites  # only when it is read

        return suites(max(30, self._size(60)), seed=self.seed)

    def _size(self, default: int) -> int:
        return max(1, round(default * self.scale))

    def _corpus(self, name: str, default: Callable[[], Corpus]) -> Corpus:
        given = self.given.get(name)
        if given is None:
            corpus = default()
            return corpus if corpus.seed == self.seed else replace(corpus, seed=self.seed)
        kind, plain = kind_of(name), name.partition(".")[0]
        corpus = kind.read(given, strict=self.strict) if isinstance(given, Path) else given
        if not isinstance(corpus, Corpus):
            raise BadRequest(f"{name} is a {type(corpus).__name__}, a Corpus is due.", "Give a Corpus or a path.")
        if not corpus.having(*kind.needs):
            raise BadCorpus(
                f"corpus {name!r} ({corpus.name}) has no {' or '.join(kind.needs)} on any sentence.",
                f"It holds {kind.says}.",
            )
        limit = (
            self.limit - self.limit % 2 if plain in ("pairs", "agreement") else self.limit
        )  # a pair is two sentences
        return replace(corpus, seed=self.seed).sample(limit, seed=self.seed)


def parse(arguments: Sequence[str]) -> dict[str, Path]:
    """The mapping of NAME=PATH strings, as given to --corpus.

    Raises BadRequest for a string of another form, an unknown name or a name given twice, BadCorpus for a missing file.
    """
    given: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not path:
            raise BadRequest(f"--corpus {argument!r} is not NAME=PATH.", f"Names: {', '.join(NAMES)}.")
        kind_of(name)
        if name in given:
            raise BadRequest(f"corpus {name!r} is given twice: {given[name]} and {path}.", "Give each name once.")
        given[name] = _existing(name, Path(path))
    return given


def kind_of(name: str) -> Kind:
    """What a name stands for, whatever its language. Raises BadRequest for an unknown name or language."""
    plain, dot, code = name.partition(".")
    if plain not in NAMES:
        raise BadRequest(f"there is no corpus {name!r}.", f"Names: {', '.join(NAMES)}.")
    if dot and plain not in LANGUAGES:
        raise BadRequest(f"the corpus {plain!r} comes in one language, {name!r} was given.",
                         f"With a language: {', '.join(LANGUAGES)}.")  # fmt: skip
    if dot and not re.fullmatch(r"[a-z]{2,3}", code):
        raise BadRequest(f"{name!r} carries no language code.", f"Write it like {plain}.de or {plain}.fin.")
    return NAMES[plain]


def _existing(name: str, path: Path) -> Path:
    try:
        exists = path.exists()
    except (OSError, ValueError):  # a NUL in the name, or a name too long
        exists = False
    if not exists:
        raise BadCorpus(f"{path} (corpus {name!r}) does not exist.", "Check the path.")
    return path


def _grammar() -> Any:
    from bertology.corpus import grammar  # only when an embedded corpus is read

    return grammar


def _nothing() -> Corpus:
    raise BadRequest("this corpus has no default.", "Give it with --corpus NAME=PATH.")


def _pairs_of_words(given: Any) -> tuple[WordPair, ...]:
    if not isinstance(given, tuple) or not all(isinstance(pair, WordPair) for pair in given):
        raise BadRequest(f"word_pairs is a {type(given).__name__}, a tuple of WordPair is due.", "Give that or a path.")
    return given


def _cloze_items(given: Any) -> tuple[ClozeItem, ...]:
    if not isinstance(given, tuple) or not given or not all(isinstance(item, ClozeItem) for item in given):
        what = "an empty tuple" if given == () else f"a {type(given).__name__}"
        raise BadRequest(f"cloze is {what}, a tuple of ClozeItem is due.", "Give that or a path.")
    for item in given:
        if wrong := cloze.flaw(item):
            raise BadRequest(f"cloze item {item.id!r}: {wrong}.", "Correct the item, or leave it out.")
    return given
