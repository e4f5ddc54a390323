"""Facts as cloze items, one a template: LAMA (Petroni et al. 2019), ParaRel (Elazar et al. 2021), BEAR (Wiland et al. 2024).

A template holds [X] for the subject and [Y] for the object, which becomes the gap.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.cloze import MASK, ClozeItem, flaw
from bertology.corpus.lines import Account, BadLine, first_line, lines, objects, stem
from bertology.record.errors import BadCorpus

SET = "FACT"
"""The label "set" of facts."""


class Fact(NamedTuple):
    """`source` names the collection it comes from."""

    subject: str
    object: str
    source: str = ""


def filled_templates(
    relation: str, templates: Sequence[str], facts: Iterable[Fact], **labels: Any
) -> Iterator[ClozeItem]:
    """An item for each fact and template, the object its target.

    Labels: "set" FACT, "relation", "subject", "template" (number from 0), "source", "pair" (the fact: items of all templates),
    "expected" where the same subject has further objects; `labels` go on top. A sentence begins with a capital letter.
    """
    known = list(dict.fromkeys(facts))
    fits: dict[str, list[str]] = {}
    for fact in known:
        fits.setdefault(fact.subject, []).append(fact.object)
    for number, fact in enumerate(known):
        name = ":".join(part for part in (fact.source, relation, str(number)) if part)
        further = tuple(dict.fromkeys(w for w in fits[fact.subject] if w.casefold() != fact.object.casefold()))
        own = {"set": SET, "relation": relation, "subject": fact.subject, "source": fact.source, "pair": name}
        own |= ({"expected": further} if further else {}) | labels
        for place, template in enumerate(templates):
            context = template.replace("[X]", fact.subject, 1).replace("[Y]", MASK, 1)
            context = re.sub(r"\s+([.,;:!?])", r"\1", context)
            context = context if context.startswith(MASK) else context[:1].upper() + context[1:]
            yield ClozeItem(f"{name}-{place}", context, fact.object, (), {**own, "template": place})


def of_folder(
    folder: Path, files: Iterable[Path], account: Account, strict: bool
) -> tuple[list[ClozeItem], list[Path]]:
    """Items of the fact files among `files`, and the files that were used.

    Facts are JSON lines with sub_label and obj_label; their relation is predicate_id or pred, else the file's name. Templates are
    looked for in the file's folder, then in those above it, and in the folders beside: JSON lines with relation and template
    (LAMA) or with pattern, named for the relation (ParaRel), or one JSON object of relations with templates (BEAR). Without any,
    a fact's own masked_sentences are its template. Label "source" is the top folder in which fact files differ, or the
    folder's own name. Facts of a relation
    without templates, doubles, and objects that are no question are counted in `account`.
    """
    kinds = {file: _kind(file) for file in files}
    places = {file: _templates(file, kind, strict) for file, kind in kinds.items() if kind not in ("", "facts")}
    rows = [file for file, kind in kinds.items() if kind == "facts"]
    if not rows:
        return [], []
    top = Path(os.path.commonpath([file.parent for file in rows]))
    groups: dict[tuple[str, str], tuple[tuple[str, ...], list[_Row]]] = {}
    accounts = [Account(file, strict=strict) for file in rows]
    for file, own in zip(rows, accounts, strict=True):
        source = next(iter(file.parent.relative_to(top).parts), folder.name)
        for relation, facts in _facts(file, own, source).items():
            templates = _near(relation, file, folder, places)
            groups.setdefault((source, relation), (templates, []))[1].extend(facts)
    found = [item for (_, relation), group in groups.items() for item in _items(relation, *group)]
    for own in accounts:
        account.merge(own)
    return found, [file for file, kind in kinds.items() if kind]


class _Row(NamedTuple):
    line: int
    fact: Fact
    sentences: tuple[str, ...]
    account: Account


def _items(relation: str, templates: tuple[str, ...], rows: Sequence[_Row]) -> Iterator[ClozeItem]:
    unique: dict[Fact, _Row] = {}
    for row in rows:
        if unique.setdefault(row.fact, row) is not row:
            row.account.note(f"facts of {relation} given twice")
    sound: list[Fact] = []
    for fact, row in unique.items():
        if templates:
            asked = list(filled_templates(relation, templates[:1], [fact]))
        else:
            asked = [ClozeItem("", sentence, fact.object, (), {}) for sentence in row.sentences[:1]]
        try:
            if not asked:
                raise BadLine(row.line, "facts of a relation without templates", f"no template is known for {relation}")
            if wrong := flaw(asked[0]):
                raise BadLine(row.line, "no question with an answer", wrong)
        except BadLine as bad:
            row.account.skip(bad)
            continue
        sound.append(fact)
    if templates:
        yield from filled_templates(relation, templates, sound)
        return
    for item in filled_templates(relation, [MASK], sound):
        fact = Fact(str(item.labels["subject"]), item.target, str(item.labels["source"]))
        yield item._replace(context_with_mask=unique[fact].sentences[0])


def _facts(file: Path, account: Account, source: str) -> dict[str, list[_Row]]:
    by_relation: dict[str, list[_Row]] = {}
    for number, row in objects(file, account):
        try:
            relation = str(row.get("predicate_id") or row.get("pred") or stem(file))
            sentences = row.get("masked_sentences") or ()
            if not isinstance(sentences, list | tuple) or not all(isinstance(s, str) for s in sentences):
                raise BadLine(number, "masked_sentences unusable", "masked_sentences are a list of sentences")
            subject, word = (_word(row, key, number) for key in ("sub_label", "obj_label"))
        except BadLine as bad:
            account.skip(bad)
            continue
        by_relation.setdefault(relation, []).append(
            _Row(number, Fact(subject, word, source), tuple(sentences), account)
        )
    return by_relation


def _word(row: Mapping[str, Any], key: str, number: int) -> str:
    if not isinstance(row.get(key), str) or not row[key].strip():
        raise BadLine(number, f"{key} is empty", f"{key} is empty or no text")
    return row[key].strip()


def _near(
    relation: str, file: Path, folder: Path, places: Mapping[Path, Mapping[str, tuple[str, ...]]]
) -> tuple[str, ...]:
    """The relation's templates from the nearest folder above the file that has any in it or below it."""
    for above in (file.parent, *file.parent.parents):
        near = [t for place, known in places.items() if place.is_relative_to(above) for t in known.get(relation, ())]
        if near:
            return tuple(dict.fromkeys(near))
        if above == folder:
            break
    return ()


def _kind(file: Path) -> str:
    """ "facts", what holds templates, or "" for any other file; told by the first object."""
    try:
        first = first_line(file).strip()
        if not first.startswith("{"):
            return ""
        row = next((row for _, row in objects(file, Account(file, strict=False))), None)
        if row is None or (row and all(isinstance(value, dict) for value in row.values())):
            return "metadata" if _metadata(file) else ""
    except BadCorpus:
        return ""
    for kind, columns in _COLUMNS.items():
        if columns <= row.keys():
            return kind
    return ""


_COLUMNS = {
    "facts": {"sub_label", "obj_label"},
    "relations": {"relation", "template"},
    "patterns": {"pattern"},
}


def _templates(file: Path, kind: str, strict: bool) -> dict[str, tuple[str, ...]]:
    """Sound templates by relation; each holds [X] and [Y] once."""
    found: dict[str, tuple[str, ...]] = {}
    if kind == "metadata":
        given = [(name, t) for name, about in _metadata(file).items() for t in about["templates"]]
    else:
        key = "template" if kind == "relations" else "pattern"
        given = [
            (str(row["relation"]) if kind == "relations" else stem(file), row.get(key))
            for _, row in objects(file, Account(file, strict=strict))
            if kind == "patterns" or "relation" in row
        ]
    for relation, template in given:
        if isinstance(template, str) and template.count("[X]") == template.count("[Y]") == 1:
            found[relation] = (*found.get(relation, ()), template)
    return found


def _metadata(file: Path) -> dict[str, dict[str, Any]]:
    """Relations with templates of a file that is one JSON object; none in any other file."""
    try:
        whole = json.loads("\n".join(lines(file)))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(whole, dict):
        return {}
    return {
        str(name): about
        for name, about in whole.items()
        if isinstance(about, dict) and isinstance(about.get("templates"), list)
    }
