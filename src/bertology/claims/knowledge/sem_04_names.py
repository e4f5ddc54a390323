"""Predictions are brittle to the replacement of named entities (Balasubramanian et al. 2020)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from bertology.behave.asks import Filling
from bertology.behave.gaps import Gap
from bertology.claims.registry import claim
from bertology.corpus.cloze import MASK
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.lexicon import Noun, nouns
from bertology.corpus.names import GIVEN, gender_of
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap, of_items

MOST = 600
FEWEST = 50
MASKED = ("NOUN", "VERB", "ADJ", "ADV", "PRON", "ADP", "AUX")


class Item(NamedTuple):
    """A sentence with one word masked; `name` and `noun` are (place, replacement)."""

    sentence: int
    masked: int
    name: tuple[int, str]
    noun: tuple[int, str]


@cache
def _kinds() -> Mapping[str, tuple[Noun, str]]:
    """For each form of a common noun of the grammar's lexicon its entry and number; its first class where it has several."""
    found: dict[str, tuple[Noun, str]] = {}
    for entries in nouns().values():
        for entry in entries:
            found.setdefault(entry.lemma, (entry, "sing"))
            if not entry.mass:
                found.setdefault(entry.plural, (entry, "plur"))
    return found


def others(form: str) -> tuple[str, ...]:
    """Common nouns of the same class, gender, countability and number; empty for a word outside the lexicon."""
    if form.lower() not in _kinds():
        return ()
    entry, number = _kinds()[form.lower()]
    return tuple(
        other.lemma if number == "sing" else other.plural
        for other in nouns()[entry.kind]
        if (other.gender, other.mass) == (entry.gender, entry.mass) and other.lemma != entry.lemma
    )


def items(corpus: Corpus, tokenizer: Any, seed: int) -> list[Item]:
    """Sentences with a person's name and a common noun that can both be exchanged, and a third word to predict.

    Name, noun and their replacements are one subword each, or several each. Of the words that could be masked the one is
    taken whose distances to the name and to the noun differ least. At most MOST, in a seeded choice of sentences.
    """
    rng = np.random.default_rng([seed, 41])
    whole = cache(lambda word: len(tokenizer.tokenize(f" {word}")) == 1)
    made: list[Item] = []
    for index in rng.permutation(len(corpus)).tolist():
        found = _item(corpus[index], index, whole, rng)
        if found is not None:
            made.append(found)
        if len(made) == MOST:
            break
    return sorted(made)


def _item(s: Sentence, index: int, whole: Any, rng: np.random.Generator) -> Item | None:
    tags = s.layers.get("upos", ())
    names = [i for i, tag in enumerate(tags) if tag == "PROPN" and gender_of(s.words[i])]
    commons = [i for i, tag in enumerate(tags) if tag == "NOUN" and others(s.words[i])]
    words = [i for i, tag in enumerate(tags) if tag in MASKED and whole(s.words[i]) and s.words[i].isalpha()]
    pairs = [(a, b) for a in names for b in commons if whole(s.words[a]) == whole(s.words[b])]
    for name, noun in rng.permutation(pairs).tolist() if pairs else ():
        as_whole = whole(s.words[name])
        present = {word.lower() for word in s.words}
        bearers = [n for n in GIVEN[gender_of(s.words[name])] if gender_of(n)]
        people = [n for n in bearers if whole(n) == as_whole and n.lower() not in present]
        things = [n for n in others(s.words[noun]) if whole(n) == as_whole and n not in present]
        things = [n for n in things if _fits(s, noun, n)]
        free = [i for i in words if i not in (name, noun)]
        if people and things and free:
            uneven = [abs(abs(i - name) - abs(i - noun)) for i in free]
            nearest = [i for i, u in zip(free, uneven, strict=True) if u == min(uneven)]
            return Item(
                index, int(rng.choice(nearest)), (name, str(rng.choice(people))), (noun, str(rng.choice(things)))
            )
    return None


def _fits(s: Sentence, place: int, noun: str) -> bool:
    """Whether the indefinite article before the noun, if there is one, goes with another."""
    before = s.words[place - 1].lower() if place else ""
    return before not in ("a", "an") or (before == "an") == (noun[0] in "aeiou")


def gaps(corpus: Corpus, found: Sequence[Item]) -> Iterator[Gap]:
    """Three for each item: as it was, with another name, with another noun."""
    for item in found:
        s = corpus[item.sentence]
        for changed in ({}, dict([item.name]), dict([item.noun])):
            text, at = "", 0
            for i, word in enumerate(s.words):
                new = MASK if i == item.masked else changed.get(i, word)
                if i in changed and word[0].isupper():
                    new = new[0].upper() + new[1:]
                text += s.text[at : s.starts[i]] + new
                at = s.starts[i] + len(word)
            yield Gap(text + s.text[at:], (s.words[item.masked],))


@claim(
    id="sem-04",
    section="3.2",
    says="Predictions are brittle to the replacement of named entities.",
    cites=("balasubramanian-2020",),
    method="""The masked language model's first choice for a masked word of a sentence, before and after a person's given name elsewhere in
    it is replaced by another of the same gender. Control: in the same sentence, for the same masked word, a common noun is
    replaced by another of its class, gender and number. Name, noun and their replacements are one subword each or several each; the masked
    word is one that is about as far from the one as from the other. Holds if the name changes the prediction at least
    three times as often as the noun.""",
    published=(
        Published(85.0, "coreference predictions changed by replacing names, %", "BERT", "coreference", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={"changed by a name over changed by a noun": above(3.0)},
    needs=("mlm", "mask", "treebank:upos"),
)  # fmt: skip
def names_change_predictions(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.treebank
    found = items(corpus, encoder.tokenizer, seed)
    if len(found) < FEWEST:
        raise NotApplicable(
            f"{corpus.name} has {len(found)} sentences with a given name, a common noun that the lexicon knows and a third word; "
            f"{FEWEST} are due"
        )
    filled = yield from make(Filling(encoder, tuple(gaps(corpus, found))))
    first = filled.favourites[:, 0].reshape(-1, 3)
    likely = filled.first.reshape(-1, 3)
    readable = (first != "").all(1)
    flips = np.where(readable[:, None], first[:, 1:] != first[:, :1], np.nan)
    moved = np.where(readable[:, None], np.abs(likely[:, 1:] - likely[:, :1]), np.nan)
    blocks = corpus.blocks[[item.sentence for item in found]]
    changed, shifted = of_items(flips, blocks), of_items(moved, blocks)
    with np.errstate(all="ignore"):
        values = {
            "changed by a name over changed by a noun": bootstrap(
                lambda r: np.where(r[:, 1] > 0, r[:, 0] / r[:, 1], np.nan), changed, unit="ratio", seed=seed
            ),
            "predictions changed by a name": bootstrap(lambda r: 100 * r, changed[0], unit="%", seed=seed),
            "predictions changed by a noun": bootstrap(lambda r: 100 * r, changed[1], unit="%", seed=seed),
            "shift of the true word's log-probability, name": shifted[0].estimate(unit="nats", seed=seed),
            "shift of the true word's log-probability, noun": shifted[1].estimate(unit="nats", seed=seed),
        }
    rows = []
    whose = np.array([corpus[item.sentence].layers["upos"][item.masked] for item in found])
    for tag in sorted(set(whose[readable].tolist())):
        some = readable & (whose == tag)
        for k, what in enumerate(("name", "noun")):
            share = float(flips[some, k].mean())
            rows.append(
                Row("share of predictions changed", share, n=int(some.sum()), label=f"{what} replaced, {tag} masked")
            )
    note = f"{int(readable.sum())} sentences of {corpus.name}; predictions of single words instead of coreference chains as in the study."
    return Finding(values, {}, rows, note)
