"""Tensor product networks: each finds the role scheme that a vector was made with."""

import numpy as np
import pytest

from bertology.corpus.sentence import sentence
from bertology.probe.tpdn import SCHEMES, TensorProductNetwork, tree_positions

NAMES = [name for name in SCHEMES if name != "bag of words"]


def sentences(n: int = 900) -> list:
    """Random projective trees over twenty words."""
    rng = np.random.default_rng(0)
    found = []
    for k in range(n):
        size = int(rng.integers(3, 8))
        heads = [-1] + [int(rng.integers(max(0, i - 3), i)) for i in range(1, size)]
        found.append(sentence([f"w{rng.integers(20)}" for _ in range(size)], f"{k}", layers={"head": tuple(heads)}))
    return found


def vectors_of(roles: list[list[str]], words: list[tuple[str, ...]]) -> np.ndarray:
    rng = np.random.default_rng(1)
    filler, role = (
        {name: rng.normal(size=6) for name in sorted({x for own in part for x in own})} for part in (words, roles)
    )
    output = rng.normal(size=(36, 24))
    sums = [
        sum(np.outer(filler[w], role[r]) for w, r in zip(*own, strict=True)) for own in zip(words, roles, strict=True)
    ]
    made = np.stack([s.reshape(-1) @ output for s in sums])
    made -= made.mean(0)
    return (made / np.sqrt(np.square(made).sum(1).mean())).astype(np.float32)


@pytest.mark.parametrize("true", ["left to right", "right to left", "bag of words", "tree positions"])
def test_the_scheme_that_made_the_vectors_has_the_lowest_error(true: str) -> None:
    every = sentences()
    words = [s.words for s in every]
    made = vectors_of([SCHEMES[true](s) for s in every], words)
    train, dev, test = np.arange(600), np.arange(600, 750), np.arange(750, 900)
    error = {}
    for name, scheme in SCHEMES.items():
        roles = [scheme(s) for s in every]
        found = TensorProductNetwork(epochs=12).fit(words, roles, made, train, dev).predict(words, roles)
        error[name] = float(np.square(found - made)[test].sum(1).mean())
    assert min(error, key=error.__getitem__) == true, error
    assert error[true] < 0.3


def test_roles_are_places_from_the_left_the_right_both_none_and_the_way_from_the_root() -> None:
    s = sentence(["the", "dog", "saw", "a", "small", "cat"], "x", layers={"head": (1, 2, -1, 5, 5, 2)})
    roles = {name: scheme(s) for name, scheme in SCHEMES.items()}
    assert roles["left to right"] == ["0", "1", "2", "3", "4", "5"]
    assert roles["right to left"] == ["6", "5", "4", "3", "2", "1"]
    assert len(set(roles["bidirectional"])) == 6 and len(set(roles["bag of words"])) == 1
    assert roles["tree positions"] == ["L0L0", "L0", "", "R0L1", "R0L0", "R0"]
    mirrored = sentence(s.words[::-1], "y", layers={"head": tuple(-1 if h < 0 else 5 - h for h in (2, 5, 5, -1, 2, 1))})
    assert [r.translate(str.maketrans("LR", "RL")) for r in tree_positions(mirrored)][::-1] == roles["tree positions"]


def test_words_never_seen_are_bound_and_the_same_seed_gives_the_same_network() -> None:
    every = sentences(120)
    words, roles = [s.words for s in every], [SCHEMES["tree positions"](s) for s in every]
    made = vectors_of(roles, words)
    fit = lambda: TensorProductNetwork(epochs=2).fit(words, roles, made, np.arange(80), np.arange(80, 120))
    assert np.array_equal(fit().predict(words, roles), fit().predict(words, roles))
    assert np.isfinite(fit().predict([("new", "words")], [["", "L9"]])).all()
