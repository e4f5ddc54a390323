"""Suites of behavioural tests (CheckList: Ribeiro et al. 2020): minimum functionality, invariance, direction."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from bertology.corpus.lines import Account, BadLine, objects, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.corpus.text import words_of

Kind = Literal["MFT", "INV", "DIR"]
Direction = Literal["", "up", "down"]


class Case(NamedTuple):
    """One test. MFT: `label` is right for `texts`. INV: what is said of `changed` is what is said of `texts`. DIR: from `texts` to `changed` the
    probability of `label` goes in `direction`, or stays."""

    suite: str
    kind: Kind
    texts: tuple[str, ...]
    changed: tuple[str, ...] = ()
    label: str = ""
    direction: Direction = ""


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Cases from JSON lines, as `corpus` makes them of Cases.

    {"suite": "denial", "kind": "MFT", "texts": ["A came.", "A did not come."], "label": "not"}; INV and DIR have "changed", as many texts
    again, and DIR has "label" and "direction", "up" or "down". Lines that are no case are left out and counted. Raises BadCorpus when none is left.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    found = []
    for number, item in objects(path, account):
        try:
            found.append(_case(item, number))
        except BadLine as bad:
            account.skip(bad)
    return need(corpus(stem(path), found, dropped=account.dropped), str(path))


def corpus(name: str, cases: Iterable[Case], **annotation: Any) -> Corpus:
    """One Sentence a case: its texts, then its changed texts, each a number of the layer "segment"; labels "suite", "kind", "label", "direction"."""
    return Corpus(name, tuple(_sentence(f"{name}-{n}", one) for n, one in enumerate(cases)), **annotation)


def cases(suites: Corpus) -> Iterator[Case]:
    """The Cases that `corpus` was made of."""
    for s in suites:
        texts = _segments(s)
        half = len(texts) if s.labels["kind"] == "MFT" else len(texts) // 2
        named = (s.labels[name] for name in ("label", "direction"))
        yield Case(s.labels["suite"], s.labels["kind"], texts[:half], texts[half:], *named)


def _case(item: dict[str, Any], line: int) -> Case:
    texts, changed = (item.get(name, []) for name in ("texts", "changed"))
    texts, changed = ([one] if isinstance(one, str) else one for one in (texts, changed))
    label, direction, kind = (str(item.get(name) or "") for name in ("label", "direction", "kind"))
    if not isinstance(item.get("suite"), str) or kind not in get_args(Kind):
        raise BadLine(
            line,
            "no suite or kind",
            f"suite {item.get('suite')!r}, kind {kind!r} where one of {', '.join(get_args(Kind))} is due",
        )
    if not all(
        isinstance(part, list) and all(isinstance(t, str) and words_of(t).words for t in part)
        for part in (texts, changed)
    ):
        raise BadLine(line, "a text without a word", "a text without a word")
    if not texts or len(changed) != (0 if kind == "MFT" else len(texts)):
        raise BadLine(line, "unequal texts", f"{len(texts)} texts and {len(changed)} changed ones")
    if (kind != "INV" and not label) or (kind == "DIR" and direction not in ("up", "down")):
        raise BadLine(line, "no label or direction", f"label {label!r}, direction {direction!r}")
    return Case(item["suite"], kind, tuple(texts), tuple(changed), label, direction)  # type: ignore[arg-type]


def _sentence(id: str, case: Case) -> Sentence:
    words: list[str] = []
    starts: list[int] = []
    segment: list[int] = []
    at = 0
    for number, text in enumerate((*case.texts, *case.changed)):
        found = words_of(text, at=at)
        words += found.words
        starts += found.starts
        segment += [number] * len(found.words)
        at += len(text) + 1
    labels = {"suite": case.suite, "kind": case.kind, "label": case.label, "direction": case.direction}
    text = " ".join((*case.texts, *case.changed))
    return Sentence(
        id, text, tuple(words), tuple(starts), layers={"segment": tuple(segment)}, labels=labels, document=id
    )


def _segments(s: Sentence) -> tuple[str, ...]:
    layer = s.layers["segment"]
    cuts = [0, *(s.starts[layer.index(k)] for k in range(1, max(layer) + 1)), len(s.text)]
    return tuple(s.text[a:b].strip() for a, b in pairwise(cuts))
