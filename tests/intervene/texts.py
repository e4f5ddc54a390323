"""A small corpus for the tests of interventions, and outputs in the order of the corpus."""

from dataclasses import replace

import numpy as np

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.intervene import Step

TEXTS = (
    "The cats near the old dog sleep .",
    "Birds sing .",
    "Anna 's cats did n't sit on mats .",
    "The old dog sat on mats !",
    "Cats sing near the unbelievable Birds and the old dog sleep on the mats near Anna .",
    "The dog sat .",
)
CORPUS = Corpus("texts", tuple(sentence(t.split(), f"s{i}") for i, t in enumerate(TEXTS)))


def outputs(
    encoder: Encoder, under: Step | None = None, *, corpus: Corpus = CORPUS, budget: int = 4096
) -> list[np.ndarray]:
    """The encoder's output of each sentence, real tokens only, in the order of the corpus."""
    found = {}
    for batch in encoder.batches(corpus, token_budget=budget):
        given = under.change(batch, encoder) if under else batch
        seen = encoder.observe(given, edits=under.edits(encoder, given) if under else {})
        for row, line in enumerate(given.lines):
            found[line.index] = seen.hidden(encoder.n_layers)[row, : len(line.ids)].numpy().copy()
    return [found[i] for i in sorted(found)]


def gap(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Largest difference between two lists of outputs."""
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def many(n: int) -> Corpus:
    """The texts over and over, each its own document."""
    return Corpus("many", tuple(replace(CORPUS[i % len(CORPUS)], id=f"m{i}") for i in range(n)))
