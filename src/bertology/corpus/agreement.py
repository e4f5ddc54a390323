"""Pairs of verb forms in context: Marvin & Linzen 2018 and CLAMS, Gulordava et al. 2018, Linzen et al. 2016.

Labels beside those of all pairs: "construction", "attractors" (nouns between subject and verb of the other number; None where
unknown), "nonce" (meaningless on purpose), "verb" and "subject" (word indices; the subject's head where known, else None).
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.pair import Form, Pair, changed_word, pair
from bertology.corpus.sentence import Sentence, sentence
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus


def _marked(path: Path, account: Account) -> Iterator[Pair]:
    """ "True<TAB>sentence", then its "False" variant. A full stop is added, since a masked model expects it in a last gap."""
    name, waiting = stem(path), None
    field = next((field for part, field in _FIELDS.items() if part in name), "morphology")
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        mark, _, text = line.partition("\t")
        text = text.strip() if text.rstrip().endswith((".", "?", "!")) else text.strip() + "."
        spoken = Sentence("", text, *words_of(text))
        try:
            if mark not in ("True", "False") or len(spoken) < 2:
                raise BadLine(
                    number, "no marked sentence", f"{line[:40]!r} is not True or False, a tab, and a sentence"
                )
            if (mark == "True") == (waiting is not None):
                raise BadLine(number, "sentence without its partner", "a True and a False sentence are due in turns")
        except BadLine as bad:
            waiting = None
            account.skip(bad)
            continue
        if waiting is None:
            waiting = spoken
            continue
        labels = _marked_labels(name, waiting, spoken)
        yield pair((waiting, spoken), name, str(number // 2), {**labels, "field": field}, f"{name}/{waiting.text}")
        waiting = None


def _marked_labels(name: str, good: Sentence, bad: Sentence) -> dict[str, Any]:
    """What the construction, as the file is called, says about subject and attractor; English plurals end in -s."""
    verb = changed_word(good, bad)
    labels: dict[str, Any] = {"construction": name, "attractors": None, "nonce": False, "verb": verb, "subject": None}
    if verb is None or any(part in name for part in _FIELDS):
        return labels
    near, across = ("simple_agrmt", "sent_comp", "_within"), ("prep_", "subj_rel", "obj_rel_")
    if any(part in name for part in near):
        return labels | {"attractors": 0, "subject": verb - 1}
    if name.startswith("vp_coord"):
        return labels | {"attractors": 0, "subject": 1}
    if name.startswith(across):
        between = good.words[verb - (2 if name.startswith("obj_rel_") else 1)]
        english = good.words[0].lower() == "the"
        differ = between.endswith("s") != good.words[1].endswith("s")
        return labels | {"attractors": int(differ) if english else None, "subject": 1}
    return labels | {"subject": 1}


def _generated(path: Path, account: Account) -> Iterator[Pair]:
    """The table of Gulordava et al.: rows of a correct and a wrong form, put in the place after the prefix."""
    rows = [(number, line.split("\t")) for number, line in enumerate(lines(path), start=1) if line.strip()]
    header = rows[0][1]
    if lack := [column for column in _COLUMNS if column not in header]:
        raise BadCorpus(
            f"{path.name} has no column {', '.join(lack)}.", "Give the table as Gulordava et al. publish it."
        )
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for number, cells in rows[1:]:
        if len(cells) != len(header):
            account.skip(
                BadLine(number, "columns unlike the header", f"{len(cells)} columns, the header {len(header)}")
            )
            continue
        row = dict(zip(header, cells, strict=True))
        key = tuple(row[c] for c in ("pattern", "constr_id", "sent_id", "type"))
        other = seen.pop(key, None)
        if other is None:
            seen[key] = row
            continue
        try:
            yield _of_forms(
                row if row["class"] == "correct" else other, row if row["class"] == "wrong" else other, number
            )
        except BadLine as bad:
            account.skip(bad)
    account.note("rows without their partner", len(seen))


def _of_forms(right: dict[str, str], wrong: dict[str, str], number: int) -> Pair:
    text = right["sent"].strip().removeprefix('"').removesuffix('"').replace('""', '"')
    words = text.removesuffix("<eos>").split()
    try:
        place, back, attractors = (int(right[c]) for c in ("len_prefix", "len_context", "n_attr"))
    except ValueError:
        raise BadLine(number, "a length is no number", "len_prefix, len_context and n_attr are numbers") from None
    if right is wrong or not 0 < place < len(words) or not 0 < back <= place:
        raise BadLine(number, "no pair of forms", "a correct and a wrong form after a prefix of the sentence are due")
    labels = {
        "field": "morphology", "construction": right["pattern"], "attractors": attractors,
        "nonce": right["type"] == "generated", "verb": place, "subject": place - back,
    }  # fmt: skip
    sides = _filled(words, place, (right["form"], wrong["form"]))
    name = "_".join((right["constr_id"], right["sent_id"], right["type"]))
    # a construction's originals and their nonce variants share words and structure
    return pair(sides, right["pattern"], name, labels, f"{right['pattern']}/{right['constr_id']}")


def _numbered(path: Path, account: Account) -> Iterator[Pair]:
    """Linzen's test sentences: NAME.text with a sentence a line, NAME.gold with place, right form, wrong form, attractors."""
    gold = path.with_name(path.name.replace(".text", ".gold"))
    texts, name = lines(_text_of(gold)), stem(path)
    for number, line in enumerate(lines(gold), start=1):
        cells = line.split("\t")
        try:
            if not _GOLD.fullmatch(line) or number > len(texts):
                raise BadLine(
                    number, "no place and forms", "place, right form, wrong form, attractors and a text are due"
                )
            words, place = texts[number - 1].removesuffix("<eos>").split(), int(cells[0])
            if place >= len(words) or words[place] != cells[1]:
                raise BadLine(number, "form not in its place", f"word {place} of the text is not {cells[1]!r}")
        except BadLine as bad:
            account.skip(bad)
            continue
        labels = {"field": "morphology", "construction": name, "attractors": int(cells[3]), "nonce": False,
                  "verb": place, "subject": None}  # fmt: skip
        yield pair(_filled(words, place, (cells[1], cells[2])), name, str(number), labels)


def _gapped(path: Path, account: Account) -> Iterator[Pair]:
    """Linzen's sentences as Goldberg 2019 gives them: attractors, a number, the sentence with ***mask***, right form, wrong form."""
    name = stem(path)
    for number, line in enumerate(lines(path), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip():
            continue
        words = cells[2].split() if len(cells) == 5 else []
        if words.count(_GAP) != 1 or not re.fullmatch(r"\d{1,6}", cells[0]) or not all(cells[3:]):
            account.skip(
                BadLine(number, "no gap and forms", f"attractors, number, text with {_GAP} and two forms are due")
            )
            continue
        place = words.index(_GAP)
        labels = {"field": "morphology", "construction": name, "attractors": int(cells[0]), "nonce": False,
                  "verb": place, "subject": None}  # fmt: skip
        yield pair(_filled(words, place, (cells[3], cells[4])), name, str(number), labels)


def _filled(words: Sequence[str], place: int, forms: tuple[str, str]) -> list[Sentence]:
    return [sentence([*words[:place], form, *words[place + 1 :]], "") for form in forms]


def _text_of(gold: Path) -> Path:
    return gold.with_name(gold.name.replace(".gold", ".text"))


_GAP = "***mask***"
_GOLD = re.compile(r"\d{1,6}\t\S+\t\S+\t\d{1,6}")
_COLUMNS = ("pattern", "constr_id", "sent_id", "form", "class", "type", "n_attr", "len_context", "len_prefix", "sent")
_FIELDS = {"npi": "semantics", "reflexive": "syntax_semantics"}
FORMS = (
    Form(lambda path, first: first.startswith(("True\t", "False\t")), _marked),
    Form(lambda path, first: first.startswith("pattern\tconstr_id\tsent_id\t"), _generated),
    Form(
        lambda path, first: ".gold" in path.name and bool(_GOLD.fullmatch(first)) and _text_of(path).is_file(),
        _numbered,
    ),
    Form(
        lambda path, first: ".text" in path.name and path.with_name(path.name.replace(".text", ".gold")).is_file(),
        _numbered,
    ),
    Form(lambda path, first: _GAP in first and first.count("\t") == 4, _gapped),
)
NOT_VERBS = re.compile(r"npi|reflexive")
"""Constructions of Marvin & Linzen whose pairs are no verb forms."""
