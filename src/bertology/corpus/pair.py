"""What every reader of minimal pairs makes: two consecutive sentences of one document, the acceptable one first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.lines import Account, first_line, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.record.errors import BadCorpus

Pair = tuple[Sentence, Sentence]


class Form(NamedTuple):
    """A format: whether a file with this first line is written in it, and its pairs."""

    looks: Callable[[Path, str], bool]
    read: Callable[[Path, Account], Iterator[Pair]]


def pair(sides: Sequence[Sentence], phenomenon: str, name: str, labels: Mapping[str, Any], document: str = "") -> Pair:
    """Both sides with the labels that all pairs have beside their own: "acceptable", "phenomenon", "pair"."""
    good, bad = (
        Sentence(
            f"{phenomenon}/{name}/{kind}", s.text, s.words, s.starts, spans=s.spans,
            labels={**labels, "acceptable": kind == "good", "phenomenon": phenomenon, "pair": name},
            document=document or f"{phenomenon}/{name}",
        )
        for s, kind in zip(sides, ("good", "bad"), strict=True)
    )  # fmt: skip
    return good, bad


def changed_word(good: Sentence, bad: Sentence) -> int | None:
    """The index of the one word in which two sentences differ; None when they differ in none, in several or in length."""
    if len(good) != len(bad):
        return None
    places = [i for i, (a, b) in enumerate(zip(good.words, bad.words, strict=True)) if a != b]
    return places[0] if len(places) == 1 else None


def recognised(file: Path, forms: Sequence[Form]) -> Form | None:
    """The form of a file, None when it is written in none."""
    sample = first_line(file)
    return next((form for form in forms if form.looks(file, sample)), None)


def gather(path: str | Path, forms: Sequence[Form], *, strict: bool, due: str) -> Corpus:
    """The pairs of a file, or of all files of a folder that are written in one of the forms, in the order of names.

    Pairs of two equal sentences are left out and counted; so are broken ones, which raise BadCorpus under `strict`.
    BadCorpus too when no file has a known form (`due` says which there are) or no pair is left.
    """
    path = Path(path)
    files = sorted(p for p in path.iterdir() if p.is_file() and _may_hold_pairs(p)) if path.is_dir() else [path]
    total = Account(path, strict=strict)
    read = 0
    sentences: list[Sentence] = []
    for file in files:
        form = recognised(file, forms)
        if form is None:
            continue
        read += 1
        account = Account(file, strict=strict)
        for good, bad in form.read(file, account):
            if good.text == bad.text:
                account.note("pairs of two equal sentences")
            else:
                sentences += good, bad
        total.merge(account)
    if not read:
        raise BadCorpus(f"{path} holds no minimal pairs in a form that is known.", f"Give {due}.")
    return need(Corpus(stem(path), tuple(sentences), dropped=total.dropped), str(path))


def _may_hold_pairs(file: Path) -> bool:
    return file.name.removesuffix(".gz").endswith((".jsonl", ".json", ".tab", ".tsv", ".txt", ".gold"))
