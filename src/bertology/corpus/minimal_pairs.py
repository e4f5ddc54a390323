"""Minimal pairs in BLiMP's JSON lines (Warstadt et al. 2020): two consecutive sentences a pair, the good one first."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bertology.corpus.lines import Account, BadLine, objects, scalar, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Pairs of a .jsonl[.gz] file, or of all such files of a folder in the order of their names.

    A line holds at least "sentence_good" and "sentence_bad"; "UID" defaults to the file's name and "pairID" to the line
    number. Each pair becomes TWO consecutive sentences with document "UID/pairID" and labels "acceptable" (bool),
    "phenomenon" (the UID), "field" ("syntax/semantics" is written syntax_semantics), "pair" (the pairID) and the other
    fields of the line. Words are those of `text.words_of`.
    Pairs of two equal sentences (BLiMP has a few) are left out and counted.
    Lines that are no pair are dropped and counted, raising BadCorpus under `strict` or when none is left.
    """
    path = Path(path)
    files = _files(path) if path.is_dir() else [path]
    total = Account(path, strict=strict)
    sentences: list[Sentence] = []
    for file in files:
        account = Account(file, strict=strict)
        for number, item in objects(file, account):
            try:
                good, bad = _pair(item, number, stem(file))
            except BadLine as broken:
                account.skip(broken)
                continue
            if good.text == bad.text:
                account.note("pairs of two equal sentences")
            else:
                sentences += good, bad
        total.merge(account)
    return need(Corpus(stem(path), tuple(sentences), dropped=total.dropped), str(path))


def _files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".jsonl", ".jsonl.gz")))
    if not files:
        raise BadCorpus(f"{folder} holds no .jsonl or .jsonl.gz file.", "Name the folder with the pairs, or a file.")
    return files


def _pair(item: dict[str, Any], number: int, default: str) -> Iterator[Sentence]:
    texts = [text for key in ("sentence_good", "sentence_bad") if isinstance(text := item.get(key), str)]
    if len(texts) < 2 or not all(words_of(text).words for text in texts):
        raise BadLine(number, "not a minimal pair", "sentence_good and sentence_bad, both with words, are due")
    uid, pair = str(item.get("UID") or default), str(item.get("pairID", number))
    others = {
        k: v for k, v in item.items() if k not in ("sentence_good", "sentence_bad", "UID", "pairID") and scalar(v)
    }
    field = str(item.get("field") or "").replace("/", "_")
    for text, kind in zip(texts, ("good", "bad"), strict=True):
        labels = others | {"acceptable": kind == "good", "phenomenon": uid, "field": field, "pair": pair}
        yield Sentence(f"{uid}/{pair}/{kind}", text, *words_of(text), labels=labels, document=f"{uid}/{pair}")
