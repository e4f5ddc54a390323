"""Labelling tasks on single words, from parts of speech to coreference (Liu et al. 2019; Tenney et al. 2019).

A task gives each word of a sentence a label, "" where it has none. The word alone is shown to the probe: of a role, the
argument; of coreference, the candidate antecedent.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence
from bertology.observe.vectors import WordTable
from bertology.stats.tally import in_split

FEWEST = 20
"""Rows of the training blocks that a label must have; rarer labels become ""."""


class Task(NamedTuple):
    """`labels` of a sentence's words; `needs` names the annotation read; `level` is "syntax" or "semantics"."""

    labels: Callable[[Sentence], list[str]]
    needs: str
    level: str
    says: str


def word_labels(task: str, corpus: Corpus, table: WordTable) -> NDArray[np.str_]:
    """The task's label of each row of a table, (row,)."""
    labels = TASKS[task].labels
    known = {s: labels(corpus[s]) for s in np.unique(table.sentence).tolist()}
    pairs = zip(table.sentence.tolist(), table.word.tolist(), strict=True)
    return np.array([known[s][w] for s, w in pairs], dtype=np.str_)


def frequent(labels: NDArray[np.str_], train: NDArray[np.bool_], fewest: int = FEWEST) -> NDArray[np.str_]:
    """The labels with those that have under `fewest` rows in training emptied."""
    names, counts = np.unique(labels[train], return_counts=True)
    return np.where(np.isin(labels, names[counts >= fewest]), labels, "")


def annotated(task: str, corpus: Corpus) -> bool:
    """Whether the corpus has what the task is read from."""
    return corpus.having(TASKS[task].needs)


def cases(task: str, corpus: Corpus) -> Corpus:
    """The sentences that hold a case, where the task's annotation is rare; else the corpus itself."""
    need = TASKS[task].needs
    if need in _EVERYWHERE:
        return corpus
    holds = lambda s: need in s.links or need in s.spans
    # Where most sentences have a case, the whole corpus serves, so that its vectors are shared with other tasks.
    if sum(map(holds, corpus)) > len(corpus) / 4:
        return corpus
    return corpus.where(holds, why=f"without {need}")


def pipeline(corpora: Corpora, tasks: Sequence[str] = ()) -> dict[str, Corpus]:
    """The tasks (all when none are named) that enough words are labelled for, and the corpus that each is read from."""
    found: dict[str, Corpus] = {}
    for task in tasks or TASKS:
        for name in _CORPORA.get(TASKS[task].needs, ("treebank",)):
            corpus = getattr(corpora, name)
            if annotated(task, corpus):
                corpus = cases(task, corpus)
                if _enough(task, corpus):
                    found[task] = corpus
                break
    return found


def _enough(task: str, corpus: Corpus) -> bool:
    """Two labels with FEWEST words each in training, and together 40 in dev and in test."""
    counts = {split: Counter[str]() for split in ("train", "dev", "test")}
    of_block = {split: in_split(corpus.blocks, split) for split in counts}
    for i, s in enumerate(corpus):
        split = next(name for name, inside in of_block.items() if inside[i])
        counts[split].update(label for label in TASKS[task].labels(s) if label)
    frequent_ones = [label for label, n in counts["train"].items() if n >= 2 * FEWEST]
    return (
        len(frequent_ones) > 1 and min(sum(counts[s][label] for label in frequent_ones) for s in ("dev", "test")) >= 40
    )


def _layer(name: str) -> Callable[[Sentence], list[str]]:
    return lambda s: [str(value) for value in s.layers.get(name, ("",) * len(s))]


def _feature(name: str) -> Callable[[Sentence], list[str]]:
    return lambda s: [(feats or {}).get(name, "") for feats in s.layers.get("feats", ({},) * len(s))]


def _relation(s: Sentence) -> list[str]:
    """The relation to the governor without its subtype."""
    return [relation.split(":")[0] for relation in s.layers.get("deprel", ("",) * len(s))]


def _way_to_governor(s: Sentence) -> list[str]:
    """Side and distance of the governor, "+1" the next word; distances of three and more are one; "root"."""
    heads = s.layers.get("head", ())
    way = [int(np.clip(head - i, -3, 3)) for i, head in enumerate(heads)]
    return ["root" if h < 0 else f"{w:+d}" for h, w in zip(heads, way, strict=True)] or [""] * len(s)


def _governs(s: Sentence) -> list[str]:
    heads = s.layers.get("head", ())
    return ["yes" if i in heads else "no" for i in range(len(s))] if heads else [""] * len(s)


def _chunk(s: Sentence) -> list[str]:
    """ "B", "I" or "O" of base noun phrases: a noun or pronoun with the unbroken run of its dependants on its left."""
    heads, tags = s.layers.get("head", ()), s.layers.get("upos", ())
    if not heads or not tags:
        return [""] * len(s)
    label = ["O"] * len(s)
    for word in range(len(s) - 1, -1, -1):
        if tags[word] in ("NOUN", "PROPN", "PRON") and label[word] == "O":
            start = word
            while start > 0 and start <= heads[start - 1] <= word:
                start -= 1
            label[start : word + 1] = ["B"] + ["I"] * (word - start)
    return label


def _entity(s: Sentence) -> list[str]:
    """The type of the entity a word belongs to."""
    label = [""] * len(s)
    for start, end, kind in s.spans.get("entity", ()):
        label[start:end] = [kind] * (end - start)
    return label


def _role(s: Sentence) -> list[str]:
    """The role of an argument; that of its first predicate when it has several."""
    label = [""] * len(s)
    for _, argument, role in s.links.get("role", ()):
        label[argument] = label[argument] or role
    return label


def _antecedent(s: Sentence) -> list[str]:
    """Whether a noun, name or pronoun is what the sentence's anaphor refers to: "yes", or "no" for other candidates."""
    links = s.links.get("coref", ())
    if not links:
        return [""] * len(s)
    tags = s.layers.get("upos", ("NOUN",) * len(s))
    anaphors, antecedents = {i for i, _, _ in links}, {j for _, j, _ in links}
    candidate = [tag in ("NOUN", "PROPN", "PRON") and i not in anaphors for i, tag in enumerate(tags)]
    return ["yes" if i in antecedents else "no" if ok else "" for i, ok in enumerate(candidate)]


def _negated(s: Sentence) -> list[str]:
    """Whether a word is in the scope of the sentence's negation; cues have no label."""
    spans = s.spans.get("negation", ())
    if not spans:
        return [""] * len(s)
    label = ["no"] * len(s)
    for start, end, kind in sorted(spans, key=lambda span: span[2] == "cue"):
        label[start:end] = ["" if kind == "cue" else "yes"] * (end - start)
    return label


def _names() -> Iterator[tuple[str, Task]]:
    yield "part of speech", Task(_layer("upos"), "upos", "syntax", "universal part of speech")
    yield "chunk", Task(_chunk, "head", "syntax", "begin, inside or outside of a base noun phrase, from the tree")
    yield "number", Task(_feature("Number"), "feats", "syntax", "grammatical number, where marked")
    yield "tense", Task(_feature("Tense"), "feats", "syntax", "tense, where marked")
    yield "relation", Task(_relation, "deprel", "syntax", "relation to the governor")
    yield "way to governor", Task(_way_to_governor, "head", "syntax", "side and distance of the governor")
    yield "governs", Task(_governs, "head", "syntax", "whether some word depends on it")
    yield "entity", Task(_entity, "entity", "semantics", "type of a named entity")
    yield "role", Task(_role, "role", "semantics", "semantic role of an argument")
    yield "negation", Task(_negated, "negation", "semantics", "inside the scope of a negation")
    yield "coreference", Task(_antecedent, "coref", "semantics", "antecedent of the anaphor, or another candidate")


TASKS: Mapping[str, Task] = MappingProxyType(dict(_names()))
"""By name, in the order of the classical pipeline."""

_EVERYWHERE = ("upos", "head", "feats", "deprel")
_CORPORA = {
    "entity": ("treebank", "roles", "coref"),
    "role": ("roles",),
    "negation": ("negation",),
    "coref": ("coref",),
}
"""By annotation: the corpora it is looked for in, in this order."""
