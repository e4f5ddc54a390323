"""Control tasks: a label per type, from the task's distribution, which only memory can solve."""

import numpy as np
import pytest

from bertology.probe.control import control_labels, selectivity
from bertology.probe.linear import LinearProbe
from bertology.record.errors import BadRequest


def test_every_occurrence_of_a_type_has_the_same_label():
    types = np.random.default_rng(0).integers(50, size=2000).astype(str)
    control = control_labels(types.tolist(), np.random.default_rng(1).choice(list("abc"), 2000))
    assert all(len(set(control[types == name])) == 1 for name in set(types))


def test_labels_of_types_follow_the_tasks_distribution():
    labels = np.random.default_rng(1).choice(list("abc"), 20_000, p=[0.7, 0.2, 0.1])
    control = control_labels([f"word{i}" for i in range(20_000)], labels)
    for name in "abc":
        assert abs((control == name).mean() - (labels == name).mean()) < 0.015


def test_the_seed_decides_and_other_types_do_not():
    labels = np.array(["x", "y"] * 500)
    types = [f"w{i}" for i in range(1000)]
    one = control_labels(types, labels, seed=3)
    np.testing.assert_array_equal(one, control_labels(types, labels, seed=3))
    assert (one != control_labels(types, labels, seed=4)).mean() > 0.3
    np.testing.assert_array_equal(one[:100], control_labels(types[:100], labels[:100], seed=3))


def test_selectivity_is_high_for_a_general_reading_and_low_for_a_memorised_one():
    rng = np.random.default_rng(0)
    identity = rng.normal(size=(200, 64))
    kind = (identity[:, 0] > 0).astype(int)
    word = rng.integers(200, size=6000)
    # Layer 0 names the word and its kind, layer 1 the kind alone.
    vectors = np.stack([identity[word], np.pad(identity[word, :1], ((0, 0), (0, 63)))]).astype(np.float32)
    task, control = kind[word], control_labels([str(w) for w in word], kind[word])
    scores = [
        LinearProbe().fit(vectors[:, :4000], y[:4000]).evaluate(vectors[:, 4000:], y[4000:]) for y in (task, control)
    ]
    gap = selectivity(*scores)
    assert gap[1] > gap[0] + 0.1 and gap[1] > 0.3


def test_lengths_that_differ_are_refused():
    with pytest.raises(BadRequest, match="2 word types for 3 labels"):
        control_labels(["a", "b"], np.array([1, 2, 3]))
