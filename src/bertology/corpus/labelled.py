"""Sentences whose spans and pairs of spans carry labels: what edge probes learn from (Tenney et al. 2019).

Entities ("entity"), relations ("relation" or "related"), semantic roles ("role"), proto-role properties ("proto-role").
"""

from pathlib import Path

from bertology.corpus import spans, uds
from bertology.corpus.sentence import Corpus
from bertology.record.errors import BadCorpus

NAMES = ("entity", "relation", "related", "role", "proto-role")
"""Annotation of which a corpus must have some."""


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """A file as `spans.read` reads it; a folder with protoroles.json as `uds.read`; another folder, all its .conll files.

    Raises BadCorpus when no sentence has any of NAMES.
    """
    path = Path(path)
    if not path.is_dir():
        corpus = spans.read(path, strict=strict)
    elif uds.is_uds(path):
        corpus = uds.read(path, strict=strict)
    else:
        files = sorted(file for file in path.iterdir() if file.name.removesuffix(".gz").endswith(".conll"))
        if not files:
            raise BadCorpus(
                f"{path} holds neither protoroles.json nor .conll files.",
                "Name a file of spans, a folder of BIO files, or a folder with UDS and its treebank.",
            )
        parts = [spans.read(file, strict=strict) for file in files]
        dropped = {f"{part.name}: {why}": count for part in parts for why, count in part.dropped.items()}
        corpus = Corpus(path.name, tuple(s for part in parts for s in part), dropped=dropped)
    if not any(corpus.having(name) for name in NAMES):
        raise BadCorpus(f"{path} has no labelled spans or pairs on any sentence.", f"One of {', '.join(NAMES)} is due.")
    return corpus
