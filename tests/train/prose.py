"""Raw text to train on, written on the spot, and recipes that train in a blink."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from bertology.train.architecture import Architecture
from bertology.train.layout import Blocks
from bertology.train.objectives.replaced_tokens import ReplacedTokens
from bertology.train.optimizer import AdamW
from bertology.train.recipe import Recipe

WORDS = (
    "the", "a", "this", "every", "old", "young", "small", "tired", "happy", "quiet", "cat", "dog", "bird", "girl", "boy", "farmer",
    "river", "garden", "house", "letter", "sees", "finds", "likes", "watches", "follows", "hears", "paints", "remembers", "and", "but",
    "while", "near", "behind", "under", "with", "slowly", "often", "never", "again",
)  # fmt: skip

BERT = Recipe(
    "tiny", (), Architecture("bert", layers=1, heads=2, width=32, feed_forward=64, positions=32, dropout=0.1),
    layout=Blocks(24), optimizer=AdamW(2e-3), tokens_per_step=8 * 24, vocabulary=200,
)  # fmt: skip
"""Eight examples of 24 subwords a step."""

STEP = 8 * 24

ELECTRA = replace(
    BERT,
    name="tiny-electra",
    architecture=replace(BERT.architecture, family="electra", options=(("embedding_size", 16),)),
    objectives=(ReplacedTokens(),),
)


def still(recipe: Recipe) -> Recipe:
    """The recipe without dropout."""
    return replace(recipe, architecture=replace(recipe.architecture, dropout=0.0))


def prose(file: Path, *, documents: int = 12, sentences: int = 8, seed: int = 0) -> Path:
    """Documents of sentences, one a line, with a blank line between documents."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(documents):
        for _ in range(sentences):
            line = " ".join(rng.choice(WORDS, rng.integers(5, 12)))
            lines.append(line[0].upper() + line[1:] + ".")
        lines.append("")
    file.write_text("\n".join(lines), encoding="utf-8")
    return file
