"""Minimal pairs: two consecutive sentences a pair, the good one first; files told apart by content.

BLiMP's JSON lines (Warstadt et al. 2020), suites of SyntaxGym (Hu et al. 2020), and pairs of verb forms (`agreement.py`).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertology.corpus import agreement, syntaxgym
from bertology.corpus.lines import Account, BadLine, objects, scalar, stem
from bertology.corpus.pair import Form, Pair, changed_word, gather, pair, recognised
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.corpus.text import words_of


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Pairs of a file, or of the files of a folder in the order of their names. Each pair becomes TWO consecutive sentences.

    JSON lines hold at least "sentence_good" and "sentence_bad"; "UID" defaults to the file's name and "pairID" to the line
    number; document "UID/pairID"; labels "acceptable" (bool), "phenomenon" (the UID), "field" ("syntax/semantics" is written
    syntax_semantics), "pair" (the pairID) and the other fields of the line.
    A SyntaxGym suite gives a pair for each comparison of two conditions in one region, "acceptable" the one that is predicted
    to be the less surprising there; the region is a span "region", and only it should be scored (`behave.choice.region_totals`).
    Verb forms have the labels of `agreement.py`.
    Pairs of two equal sentences (BLiMP has a few) are left out and counted.
    What is no pair is dropped and counted, raising BadCorpus under `strict` or when none is left.
    """
    return gather(path, FORMS, strict=strict, due=_DUE)


def read_agreement(path: str | Path, *, strict: bool = False) -> Corpus:
    """The pairs of `read` that differ in one word, a verb form: labels "construction", "attractors", "nonce", "verb", "subject".

    JSON lines may give these; where they do not, the construction is the phenomenon and "nonce" is false. Pairs that differ in
    more, and those of reflexives and polarity items (Marvin & Linzen have them), are left out and counted.
    """
    found = gather(path, FORMS, strict=strict, due=_DUE)
    kept: list[Sentence] = []
    lost: dict[str, int] = {}
    for good, bad in zip(found.sentences[0::2], found.sentences[1::2], strict=True):
        place, construction = changed_word(good, bad), str(good.labels.get("construction", good.labels["phenomenon"]))
        why = "" if place is not None else "pairs that differ in more than one word"
        if agreement.NOT_VERBS.search(construction):
            why = "pairs of reflexives or polarity items"
        if why:
            lost[why] = lost.get(why, 0) + 1
            continue
        defaults = {"attractors": None, "nonce": False, "subject": None}
        for one in (good, bad):
            labels = {**defaults, **one.labels, "construction": construction, "verb": place}
            kept.append(replace(one, labels=labels))
    return need(replace(found, sentences=tuple(kept), dropped={**found.dropped, **lost}), str(path))


def known(path: str | Path) -> bool:
    """Whether a file is written in a form of minimal pairs."""
    return recognised(Path(path), FORMS) is not None


def npi_kind(phenomenon: str) -> str:
    """Which of the three kinds of pairs on negative polarity items a phenomenon is; "" if none (Warstadt et al. 2019).

    "licensor": a licensor or another word above the item; "presence": the item or another word, without a licensor; "scope": the
    licensor commands the item or does not. Knows the names of BLiMP, SyntaxGym, Marvin & Linzen and the embedded grammar.
    """
    return next((kind for kind, names in _NPI.items() if names.search(phenomenon)), "")


def _lines(path: Path, account: Account) -> Iterator[Pair]:
    for number, item in objects(path, account):
        try:
            yield _pair(item, number, stem(path))
        except BadLine as broken:
            account.skip(broken)


def _pair(item: dict[str, Any], number: int, default: str) -> Pair:
    texts = [text for key in ("sentence_good", "sentence_bad") if isinstance(text := item.get(key), str)]
    if len(texts) < 2 or not all(words_of(text).words for text in texts):
        raise BadLine(number, "not a minimal pair", "sentence_good and sentence_bad, both with words, are due")
    taken = ("sentence_good", "sentence_bad", "UID", "pairID")
    others = {k: v for k, v in item.items() if k not in taken and scalar(v)}
    labels = others | {"field": str(item.get("field") or "").replace("/", "_")}
    sides = [Sentence("", text, *words_of(text)) for text in texts]
    return pair(sides, str(item.get("UID") or default), str(item.get("pairID", number)), labels)


FORMS = (syntaxgym.FORM, Form(lambda path, first: first.lstrip().startswith(("{", "[")), _lines), *agreement.FORMS)
_DUE = "BLiMP's JSON lines, a SyntaxGym suite, or pairs of verb forms (Marvin & Linzen, Gulordava, Linzen)"
_NPI = {
    "licensor": re.compile(
        r"npi_licensor|npi_under_|npi_in_question|no_as_licensor|simple_npi|^npi_.*: neg_pos < pos_pos$"
    ),
    "presence": re.compile(r"npi_presen"),
    "scope": re.compile(r"npi_scope|npi_across|^npi_.*: neg_(pos|neg) < pos_neg$"),
}
