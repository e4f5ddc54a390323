"""Made-up answers of probes across languages, right as often as is wished."""

from collections.abc import Callable, Sequence

import numpy as np

from bertology.corpus.sentence import Corpus
from bertology.probe.cross_lingual import CrossTags, Target

Accuracy = Callable[[int, int], float]
"""(place of the source, place of the target) -> share of right tags."""


def tags(
    codes: Sequence[str], accuracy: Accuracy, seed: int, treebank: Corpus | None = None, words: int = 3000
) -> CrossTags:
    """Every fifth word is a noun, the rest are of four other tags; or the first words of a treebank with their own tags."""
    rng, n = np.random.default_rng(seed), len(codes)
    if treebank is None:
        sentence, word = np.arange(words), np.zeros(words, dtype=int)
        blocks, gold = (
            np.arange(words) % 250,
            np.array(["NOUN", "VERB", "ADJ", "DET", "ADP"])[np.arange(words) // 250 % 5],
        )
    else:
        places = [(s, w) for s in range(len(treebank)) for w in range(len(treebank[s]))][:words]
        sentence, word = (np.array(x) for x in zip(*places, strict=True))
        blocks, gold = treebank.blocks[sentence], np.array([treebank[s].layers["upos"][w] for s, w in places])
    share = lambda t: np.array([[accuracy(s, t)] for s in range(n)])
    said = lambda t: np.where(rng.random((n, len(gold))) < share(t), gold, "X")
    targets = tuple(Target(sentence, word, blocks, gold, said(t)) for t in range(n))
    return CrossTags(tuple(codes), np.ones(n, int), np.full(n, 3600), targets)
