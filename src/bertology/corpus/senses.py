"""Words in context with their senses: folders as in CoarseWSD-20 (Loureiro et al. 2021), or JSON lines."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bertology.corpus.lines import Account, BadLine, lines, objects, stem
from bertology.corpus.sentence import Corpus, Sentence, need, sentence
from bertology.record.errors import BadCorpus

PARTS = ("train", "test")


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Sentences with one target word each: layer "sense" is "word/label" there and "" elsewhere.

    A folder holds a folder a word (or is one) with classes_map.txt ({number: label}), {train,test}.data.txt[.gz]
    (position, tab, tokens) and {train,test}.gold.txt[.gz] (a sense number a line). A file holds JSON lines of "words",
    "index" and "sense", optionally "lemma", "id", "part" and "document". Layer "lemma" is the folder's word at the
    target and the lower-cased form elsewhere; labels "part", "word" and "target" (the position).
    Sentences whose position does not hold the word are dropped and counted; BadCorpus under `strict`, when data and
    gold differ in length, or when nothing is left.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    sentences = tuple(_folders(path, account) if path.is_dir() else _json(path, account))
    return need(Corpus(stem(path), sentences, dropped=account.dropped), str(path))


def _folders(path: Path, account: Account) -> Iterator[Sentence]:
    folders = (
        [path] if (path / "classes_map.txt").exists() else sorted(p.parent for p in path.glob("*/classes_map.txt"))
    )
    if not folders:
        raise BadCorpus(f"{path} holds no folder with classes_map.txt.", "Name the folder of words, or JSON lines.")
    for folder in folders:
        labels = _labels(folder / "classes_map.txt")
        found = [part for part in PARTS if _file(folder, f"{part}.data.txt")]
        if not found:
            raise BadCorpus(f"{folder} holds neither train.data.txt nor test.data.txt.", "Complete the folder.")
        for part in found:
            own = Account(folder / f"{part}.data.txt", strict=account.strict)
            yield from _part(folder, part, labels, own)
            account.merge(own)


def _part(folder: Path, part: str, labels: Mapping[str, str], account: Account) -> Iterator[Sentence]:
    data_file, gold_file = _file(folder, f"{part}.data.txt"), _file(folder, f"{part}.gold.txt")
    if data_file is None or gold_file is None:
        raise BadCorpus(f"{folder} lacks {part}.gold.txt.", "Complete the folder.")
    data, gold = lines(data_file), lines(gold_file)
    if len(data) != len(gold):
        found = f"{data_file.name} of {folder.name} has {len(data):,} lines, {gold_file.name} has {len(gold):,}"
        raise BadCorpus(f"{found}; they go line by line.", "Copy the two files again.")
    word = folder.name
    for number, (line, sense) in enumerate(zip(data, gold, strict=True), start=1):
        try:
            yield _instance(word, part, number, line, labels.get(sense.strip()), sense)
        except BadLine as bad:
            account.skip(bad)


def _instance(word: str, part: str, number: int, line: str, label: str | None, sense: str) -> Sentence:
    position, _, text = line.partition("\t")
    words = text.split()  # positions count runs of any blanks: two sentences hold a no-break space
    if label is None:
        raise BadLine(number, "sense without a label", f"sense {sense[:20]!r} of {word} is not in classes_map.txt")
    if not re.fullmatch(r"[0-9]{1,6}", position.strip()) or int(position) >= len(words):
        found = f"position {position[:20]!r} is no word of the {len(words)} in the sentence"
        raise BadLine(number, "position out of range", found)
    target = int(position)
    if words[target].lower() != word.lower():
        raise BadLine(number, "another word at the position", f"word {target} is {words[target][:30]!r}, not {word!r}")
    return _sensed(words, target, word, label, f"{word}/{part}/{number}", part)


def _json(path: Path, account: Account) -> Iterator[Sentence]:
    for number, item in objects(path, account):
        try:
            words, target, sense = (item.get(key) for key in ("words", "index", "sense"))
            if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
                raise BadLine(number, "no words", 'no usable "words"; a list of words is due')
            if type(target) is not int or not 0 <= target < len(words):
                raise BadLine(number, "position out of range", f'"index" {str(target)[:20]} is no word of {len(words)}')
            if not isinstance(sense, str | int) or sense == "":
                raise BadLine(number, "sense without a label", 'no usable "sense"; a text is due')
            word = str(item.get("lemma") or words[target].lower())
            label = str(sense).removeprefix(f"{word}/")
            id = str(item.get("id") or f"{stem(path)}-{number}")
            yield _sensed(words, target, word, label, id, str(item.get("part") or ""), str(item.get("document") or ""))
        except BadLine as bad:
            account.skip(bad)


def _sensed(words: list[str], target: int, word: str, label: str, id: str, part: str, document: str = "") -> Sentence:
    senses = tuple(f"{word}/{label}" if i == target else "" for i in range(len(words)))
    lemmas = tuple(word if i == target else form.lower() for i, form in enumerate(words))
    labels = {"word": word, "target": target} | ({"part": part} if part else {})
    return sentence(words, id, layers={"sense": senses, "lemma": lemmas}, labels=labels, document=document)


def _labels(path: Path) -> dict[str, str]:
    try:
        found = json.loads("\n".join(lines(path)))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found or not all(isinstance(label, str) for label in found.values()):
        raise BadCorpus(f"{path} is no JSON object of sense number to label.", 'Write it as {"0": "label", ...}.')
    return found


def _file(folder: Path, name: str) -> Path | None:
    return next((folder / n for n in (name, f"{name}.gz") if (folder / n).exists()), None)
