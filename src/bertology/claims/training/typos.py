"""Typing errors: the attack that claims about robustness use."""

from collections.abc import Sequence

import numpy as np

from bertology.train.task import Example

SHARE = 0.3


def mistyped(examples: Sequence[Example], *, share: float = SHARE, seed: int = 0) -> tuple[Example, ...]:
    """The examples with two neighbouring inner letters swapped in about `share` of the words that have such letters.

    First and last letters stay, so that a reader still understands (Belinkov & Bisk 2018 call it "swap"). Labels stay.
    """
    rng = np.random.default_rng([seed, 19])
    return tuple(
        example._replace(texts=tuple(" ".join(_word(w, share, rng) for w in text.split(" ")) for text in example.texts))
        for example in examples
    )


def _word(word: str, share: float, rng: np.random.Generator) -> str:
    places = [k for k in range(1, len(word) - 2) if word[k : k + 2].isalpha() and word[k] != word[k + 1]]
    if not places or rng.random() >= share:
        return word
    k = int(rng.choice(places))
    return word[:k] + word[k + 1] + word[k] + word[k + 2 :]
