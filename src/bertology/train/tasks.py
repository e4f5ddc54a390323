"""Tasks made from annotated corpora: acceptability, parts of speech, properties of sentences, next sentences."""

from collections.abc import Callable, Sequence

import numpy as np

from bertology.corpus.inference import halves
from bertology.corpus.properties import properties
from bertology.corpus.sentence import Corpus
from bertology.record.errors import NotApplicable
from bertology.stats.tally import in_split
from bertology.train.task import Example, Kind, Task


def acceptability(pairs: Corpus) -> Task:
    """Is a sentence acceptable? Both sides of minimal pairs, as single sentences (the shape of CoLA: Warstadt et al. 2019)."""
    examples = [Example((s.text,), "acceptable" if s.labels["acceptable"] else "not") for s in pairs]
    return _by_blocks(f"acceptability of {pairs.name}", "sentence", examples, pairs)


def parts_of_speech(treebank: Corpus) -> Task:
    """Universal part of speech of each word."""
    examples = [Example(s.words, tuple(s.layers["upos"])) if "upos" in s.layers else None for s in treebank]
    return _by_blocks(f"parts of speech of {treebank.name}", "token", examples, treebank)


def property_of(corpus: Corpus, name: str) -> Task:
    """A property of sentences (corpus/properties.py). Raises NotApplicable when the corpus does not vary in it."""
    found = properties(corpus)
    if name not in found:
        raise NotApplicable(f"{corpus.name} does not vary in {name}")
    examples = [Example((s.text,), str(v)) if v else None for s, v in zip(corpus, found[name], strict=True)]
    return _by_blocks(f"{name} of {corpus.name}", "sentence", examples, corpus)


def next_sentence(segments: Corpus, *, seed: int = 0) -> Task:
    """Does the second sentence follow the first, or is it the second of another pair of the same split?"""
    texts = [halves(s) for s in segments]
    rng = np.random.default_rng([seed, 2])
    examples: list[Example | None] = [None] * len(texts)
    for split in ("train", "dev", "test"):
        here = np.flatnonzero(in_split(segments.blocks, split))
        swapped = rng.random(len(here)) < 0.5
        away = rng.permutation(here[swapped])
        for i in here:
            examples[i] = Example(texts[i], "next")
        for source, target in zip(here[swapped], np.roll(away, 1), strict=True):
            if texts[source][1] != texts[target][1]:
                examples[source] = Example((texts[source][0], texts[target][1]), "other")
    return _by_blocks(f"next sentence of {segments.name}", "pair", examples, segments)


def inference(pairs: Corpus) -> Task:
    """Does the premise entail the hypothesis? Labels "entailment" and "not". Sentences with label "revised", "heuristic" or "monotonicity",
    which are tests, are left out."""
    tests = {"revised", "heuristic", "monotonicity"}
    examples = [
        None
        if tests & set(s.labels)
        else Example(halves(s), "entailment" if s.labels["label"] == "entailment" else "not")
        for s in pairs
    ]
    return _by_blocks(f"inference of {pairs.name}", "pair", examples, pairs)


def _by_blocks(name: str, kind: Kind, examples: Sequence[Example | None], corpus: Corpus) -> Task:
    """Whole blocks to train, dev or test, as everywhere; labels that training lacks are left out of dev and test."""
    part: Callable[[str], list[Example]] = lambda split: [
        e for e, inside in zip(examples, in_split(corpus.blocks, split), strict=True) if inside and e is not None
    ]
    train, dev, test = part("train"), part("dev"), part("test")
    flat = lambda e: e.label if kind == "token" else (e.label,)
    seen = {x for e in train for x in flat(e)}
    if len(seen) < 2 or not dev or not test:
        raise NotApplicable(
            f"{name}: {len(train)} training, {len(dev)} dev, {len(test)} test examples, {len(seen)} labels"
        )
    known = lambda found: tuple(e for e in found if seen.issuperset(flat(e)))
    return Task(name, kind, tuple(sorted(seen)), tuple(train), known(dev), known(test))
