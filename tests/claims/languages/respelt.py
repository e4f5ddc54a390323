"""Languages made from the embedded English: the same trees over words of their own, in a script of their own."""

from collections.abc import Callable
from functools import cache

from bertology.claims.registry import survey
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence, sentence
from bertology.record.result import Finding, judge
from tests.planted import Planted, View

CODES = ("de", "es", "fi", "fr", "ru")
SCRIPTS = {"ru": 0x430, "el": 0x3B1, "ka": 0x10D0}
"""Languages that are written from another letter on than Latin a."""


def tongue(corpus: Corpus, code: str) -> Corpus:
    """The corpus with each word spelt as in the language `code`; English stays."""

    def change(s: Sentence) -> Sentence:
        words = [spelt(word, code) for word in s.words]
        glued = [end in s.starts for end in s.ends]
        kept = {"layers": s.layers, "links": s.links, "spans": s.spans, "labels": s.labels, "document": s.document}
        return sentence(words, f"{code} {s.id}", glued=glued, **kept)

    return corpus if code == "en" else corpus.map(change, name=f"{corpus.name} in {code}")


def spelt(word: str, code: str) -> str:
    """A word of letters in its form in a language: letters moved to its script, or led by its code."""
    if not word.isalpha():
        return word
    if code in SCRIPTS:
        return "".join(chr(SCRIPTS[code] + (ord(letter) - ord("a")) % 23) for letter in word.lower())
    return f"{code}{word.lower()}"


@cache
def treebanks(codes: tuple[str, ...] = CODES, scale: float = 0.06) -> Corpora:
    """Embedded corpora with the treebank in further languages."""
    plain = Corpora.load(scale=scale).treebank
    return Corpora.load({f"treebank.{code}": tongue(plain, code) for code in codes}, scale=scale)


def verdict(claim_id: str, finding: Finding) -> str:
    return judge(survey()[claim_id].claim, finding)[0]


def language_of(view: View) -> str:
    """The language of a planted sentence, by the id that `tongue` gave it."""
    return code if (code := view.sentence.id.split()[0]) in {*CODES, *SCRIPTS} else "en"


def shared_tags(view: View) -> None:
    """Parts of speech have one direction in all languages, and each language an offset of its own."""
    for word, tag in enumerate(view.sentence.layers["upos"]):
        view.write(1, word, f"tag {tag}", 2.0)
        view.write(1, word, f"language {language_of(view)}", 1.0)


def tags_of_their_own(view: View) -> None:
    """As readable in each language, in directions that no two languages share."""
    for word, tag in enumerate(view.sentence.layers["upos"]):
        view.write(1, word, f"{language_of(view)} {tag}", 2.0)


def planted(plant: Callable[[View], None], corpora: Corpora) -> Planted:
    return Planted(plant, corpora.in_languages("treebank").values(), layers=1, heads=2, width=64, static=0.3)
