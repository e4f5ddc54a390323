"""Similarities of words: by hand, and under other batches; targets and types."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe.reading import observing, summarise
from bertology.observe.similarity import ExplainableVariance, WordSimilarity, repeated
from bertology.observe.targets import TargetVectors
from bertology.observe.types import TypeVectors
from bertology.observe.vectors import WordTable, WordVectors
from tests.planted import random_encoder

WORDS = ["cat", "dog", "hat", ".", "tree", "sun"]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    rng = np.random.default_rng(0)
    made = []
    for i in range(60):
        words = tuple(rng.choice(WORDS, rng.integers(2, 7)))
        made.append(sentence(words, f"s{i}", layers={"sense": tuple("cat/1" if w == "cat" else "" for w in words)}))
    return Corpus("made", tuple(made))


@pytest.fixture(scope="module")
def encoder(corpus: Corpus):
    return random_encoder([corpus], layers=2, heads=2, width=16)


def test_similarity_equals_the_plain_double_loop(corpus: Corpus, encoder) -> None:
    encoded = encoder.encode(corpus)
    (table,) = summarise(encoder, corpus, WordVectors())
    statistic = WordSimilarity(most=8)
    made = statistic.finish(statistic.compute(encoder, encoded, words=table))
    rows = repeated(table, encoded, fewest=5, most=8, seed=0)
    assert made.types == len(rows) == 5
    blocks = table.blocks(corpus)
    vectors = table.vectors[1].astype(float)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same = [np.mean([unit[i] @ unit[j] for i in r for j in r if blocks[i] != blocks[j]]) for r in rows]
    apart = [
        (1 / (len(r) * len(o)), unit[i] @ unit[j])
        for r in rows for o in rows if r is not o for i in r for j in o if blocks[i] != blocks[j]
    ]  # fmt: skip
    weights, cosines = np.array(apart).T
    assert made.same.rate()[1] == pytest.approx(np.mean(same), abs=1e-5)
    assert made.different.rate()[1] == pytest.approx(np.average(cosines, weights=weights), abs=1e-5)
    within = [
        unit[i] @ m / np.linalg.norm(m)
        for i in range(len(unit))
        for m in [vectors[table.sentence == table.sentence[i]].mean(0)]
    ]
    assert made.within.rate()[1] == pytest.approx(np.mean(within), abs=1e-5)


@pytest.mark.parametrize("removing", ["mean and components", "widest dimensions"])
def test_a_cone_vanishes_when_what_makes_it_is_removed(corpus: Corpus, encoder, removing: str) -> None:
    rng = np.random.default_rng(0)
    (table,) = summarise(encoder, corpus, WordVectors())
    vectors = rng.standard_normal(table.vectors.shape) * 0.1
    vectors[..., :3] += 3 + rng.standard_normal(vectors[..., :3].shape)
    made = {}
    for name in ("nothing", removing):
        statistic = WordSimilarity(name)
        state = statistic.compute(
            encoder, encoder.encode(corpus), words=WordTable(vectors.astype(np.float16), *table[1:])
        )
        made[name] = statistic.finish(state).different.rate()
    assert (made["nothing"] > 0.8).all() and (np.abs(made[removing]) < 0.1).all()


def test_variance_along_one_line_is_all_explained(corpus: Corpus, encoder) -> None:
    (table,) = summarise(encoder, corpus, WordVectors())
    line = np.zeros(table.vectors.shape)
    line[..., 2] = np.random.default_rng(0).standard_normal(line.shape[:2])
    statistic = ExplainableVariance(fewest=5)
    spread = statistic.finish(
        statistic.compute(encoder, encoder.encode(corpus), words=WordTable(line.astype(np.float16), *table[1:]))
    )
    assert spread.explained == pytest.approx(np.ones_like(spread.explained), abs=1e-5)


def test_types_and_targets_do_not_depend_on_batches(corpus: Corpus, encoder) -> None:
    statistics = (TypeVectors(("cat", "sun", "absent")), TargetVectors())

    def answers(budget: int):
        encoded = encoder.encode(corpus)
        states = [s.start(encoder, encoded, lambda name, shape, dtype: np.zeros(shape, dtype)) for s in statistics]
        for batch, seen in observing(encoder, corpus, statistics, token_budget=budget):
            for s, state in zip(statistics, states, strict=True):
                s.update(state, batch, seen, encoder)
        return [s.finish(state) for s, state in zip(statistics, states, strict=True)]

    (types, targets), (types2, targets2) = answers(4096), answers(16)
    assert np.allclose(types.mean, types2.mean, atol=1e-5) and np.allclose(types.single, types2.single, atol=1e-5)
    assert types.contexts.tolist() == [sum(s.words.count(w) for s in corpus) for w in ("cat", "sun", "absent")]
    assert np.allclose(targets.vectors.astype(float), targets2.vectors.astype(float), atol=2e-3)
    assert len(targets.sentence) == types.contexts[0]
    assert np.allclose(types.mean[1, 0], targets.vectors[1].astype(float).mean(0), atol=2e-3)


def test_two_shards_of_types_make_the_whole(corpus: Corpus, encoder) -> None:
    statistic = TypeVectors(("cat", "sun"))
    parts = []
    for parity in (0, 1, None):
        state = statistic.start(encoder, encoder.encode(corpus), lambda name, shape, dtype: np.zeros(shape, dtype))
        for number, (batch, seen) in enumerate(observing(encoder, corpus, [statistic], token_budget=16)):
            if parity is None or number % 2 == parity:
                statistic.update(state, batch, seen, encoder)
        parts.append(state)
    for one in (statistic.merge(parts[0], parts[1]), statistic.merge(parts[1], parts[0])):
        made, whole = statistic.finish(one), statistic.finish(parts[2])
        assert np.allclose(made.mean, whole.mean) and np.array_equal(made.single, whole.single)


def test_the_context_of_a_target_leaves_the_target_out(corpus: Corpus, encoder) -> None:
    table, words = summarise(encoder, corpus, TargetVectors(), WordVectors())
    row = 0
    others = (words.sentence == table.sentence[row]) & (words.word != table.word[row])
    assert np.allclose(table.context[0, row], words.vectors[0][others].astype(float).mean(0), atol=2e-3)
