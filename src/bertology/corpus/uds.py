"""Semantic proto-role properties of Universal Decompositional Semantics (White et al. 2020; Reisinger et al. 2015).

The ratings name words of the English Web Treebank by number; the treebank's own files must lie beside them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertology.corpus import conllu
from bertology.corpus.lines import lines
from bertology.corpus.sentence import Corpus, Link, Sentence, need
from bertology.record.errors import BadCorpus

_HEAD = re.compile(r".*-semantics-(pred|arg)-(\d+)")


def is_uds(path: Path) -> bool:
    """Whether a folder, or a folder in it, holds protoroles.json."""
    return _find(path, "protoroles.json*") is not None


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Sentences with links "proto-role": (predicate, argument, "+volition") or "-volition", one for each rated property.

    The folder, or folders in it, hold protoroles.json and ud_ids.json (graph id to sentence id) of the toolkit's
    normalised annotation, and the treebank as *ewt*.conllu, each plain or gzip. A property holds when its normalised rating is
    above zero. The ratings' word numbers are those of treebank version 1.2: a sentence in which a predicate falls on no verb or
    an argument on punctuation, or beyond the end, was tokenised anew and is dropped and counted; so is one the treebank lacks.
    Raises BadCorpus when a file is missing or of another form, and under `strict` when any sentence is dropped.
    """
    path = Path(path)
    ratings, ids = (_objects(_needed(path, name)) for name in ("protoroles.json", "ud_ids.json"))
    if not isinstance(ratings.get("data"), dict):
        raise BadCorpus(f'{path} has a protoroles.json without "data".', "Take the normalised sentence annotation.")
    files = sorted({file for pattern in ("*ewt*.conllu*", "*/*ewt*.conllu*") for file in path.glob(pattern)})
    if not files:
        raise BadCorpus(f"{path} holds no *ewt*.conllu.", "Put the files of the English Web Treebank into it.")
    trees = {s.id: s for file in files for s in conllu.read(file, strict=strict)}
    found: list[Sentence] = []
    dropped: dict[str, int] = {}
    for graph, edges in ratings["data"].items():
        try:
            found.append(_rated(trees, ids.get(graph), edges))
        except _Unusable as unusable:
            if strict:
                raise BadCorpus(f"{graph}: {unusable}.", "Read without --strict to leave such sentences out.") from None
            dropped[str(unusable)] = dropped.get(str(unusable), 0) + 1
    return need(Corpus(path.name, tuple(found), "CC BY-SA 4.0", "White et al. 2020", dropped), str(path))


class _Unusable(Exception):
    """Why a sentence is left out."""


def _rated(trees: Mapping[str, Sentence], where: Any, edges: Any) -> Sentence:
    s = trees.get(where["sentence_id"]) if isinstance(where, dict) and "sentence_id" in where else None
    if s is None:
        raise _Unusable("the treebank lacks the sentence")
    links: list[Link] = []
    for edge, rated in edges.items() if isinstance(edges, dict) else ():
        ends = [_HEAD.fullmatch(name) for name in edge.split("%%")]
        if len(ends) != 2 or not all(ends) or not isinstance(rated, dict) or "protoroles" not in rated:
            raise _Unusable("an edge is no predicate and argument with proto-roles")
        heads = {end[1]: int(end[2]) - 1 for end in ends if end}
        if set(heads) != {"pred", "arg"} or max(heads.values()) >= len(s) or min(heads.values()) < 0:
            raise _Unusable("a predicate or argument beyond the sentence: tokenised anew")
        if s.layers["upos"][heads["pred"]] not in ("VERB", "AUX") or s.layers["upos"][heads["arg"]] == "PUNCT":
            raise _Unusable("a predicate that is no verb, or an argument on punctuation: tokenised anew")
        for name, rating in sorted(rated["protoroles"].items()):
            links.append((heads["pred"], heads["arg"], f"{'+' if rating['value'] > 0 else '-'}{name}"))
    return replace(s, links={**s.links, "proto-role": tuple(links)})


def _objects(path: Path) -> dict[str, Any]:
    try:
        made = json.loads("\n".join(lines(path)))
    except (ValueError, RecursionError) as error:
        raise BadCorpus(f"{path} is no JSON: {error}.", "Copy the file again.") from None
    if not isinstance(made, dict):
        raise BadCorpus(f"{path} is no JSON object.", "Copy the file again.")
    return made


def _needed(path: Path, name: str) -> Path:
    found = _find(path, f"{name}*")
    if found is None:
        raise BadCorpus(f"{path} holds no {name}.", "Put protoroles.json and ud_ids.json into it.")
    return found


def _find(path: Path, pattern: str) -> Path | None:
    return next((file for depth in ("", "*/") for file in sorted(path.glob(depth + pattern))), None)
