"""Edge probes: spans pooled over the layer that knows, a convolution's reach, several labels, and what is refused."""

import numpy as np
import pytest

import bertology as bt
from bertology.probe.edge import POOLINGS, EdgeProbe
from bertology.record.errors import BadRequest, NotFinite

WIDTH = 12
QUICK = {"size": 16, "hidden": 16, "min_steps": 200}


def world(*, sentences: int = 300, words: int = 6, knowing: int = 1, layers: int = 3, seed: int = 0):
    """Vectors of noise in which layer `knowing` writes a class on the last word of the first span and the first word of the second;
    the label is their sum modulo three. Also the class of the first alone."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(layers, sentences * words, WIDTH))
    directions = np.eye(WIDTH)
    start = np.arange(sentences) * words
    a, b = rng.integers(3, size=sentences), rng.integers(3, size=sentences)
    vectors[knowing, start + 1] += 5 * directions[a]
    vectors[knowing, start + 3] += 5 * directions[3 + b]
    spans = np.stack([np.stack([start, start + 2], 1), np.stack([start + 3, start + 5], 1)], 1)
    return vectors.astype(np.float32), spans, a, (a + b) % 3, np.repeat(np.arange(sentences), words)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_class_written_in_one_layer_is_read_there_and_nowhere_else(pooling: str) -> None:
    vectors, spans, label, _, sentence = world()
    test = world(seed=1)
    scores = EdgeProbe(pooling, **QUICK).fit(vectors, spans[:, 0], label, sentence=sentence)
    accuracy = scores.score(test[0], test[1][:, 0], test[2], sentence=test[4])
    assert accuracy[1] > 0.9
    assert max(accuracy[0], accuracy[2]) < 0.5


def test_two_spans_are_read_together() -> None:
    vectors, spans, _, joint, _ = world(sentences=900, layers=1, knowing=0)
    test = world(layers=1, knowing=0, seed=1)
    probe = EdgeProbe(size=32).fit(vectors, spans, joint)
    assert probe.score(test[0], test[1], test[3])[0] > 0.8
    alone = EdgeProbe(size=32).fit(vectors, spans[:, 0], joint)
    assert alone.score(test[0], test[1][:, 0], test[3])[0] < 0.5


def test_the_mix_finds_the_layer_that_knows() -> None:
    vectors, spans, label, _, _ = world(layers=4, knowing=2)
    probe = EdgeProbe(mix=True, **QUICK).fit(vectors, spans[:, 0], label)
    assert probe.mix_ is not None and probe.mix_.shape == (4,) and probe.mix_.sum() == pytest.approx(1)
    assert probe.mix_.argmax() == 2
    test = world(layers=4, knowing=2, seed=1)
    assert probe.score(test[0], test[1][:, 0], test[2]).shape == (1,)
    assert probe.score(test[0], test[1][:, 0], test[2])[0] > 0.85


def test_layers_learnt_together_are_those_learnt_alone() -> None:
    vectors, spans, label, _, _ = world(layers=2)
    together = EdgeProbe(**QUICK).fit(vectors, spans[:, 0], label).predict(vectors, spans[:, 0])
    for layer in range(2):
        alone = EdgeProbe(**QUICK).fit(vectors[layer : layer + 1], spans[:, 0], label)
        assert (alone.predict(vectors[layer : layer + 1], spans[:, 0])[0] == together[layer]).mean() > 0.97


def test_a_window_reads_neighbours_but_not_those_of_another_sentence() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(3, size=400)
    for offset, same, knows in ((1, True, True), (1, False, False), (2, True, True), (3, True, False)):
        vectors = rng.normal(size=(1, 400 * 8, WIDTH))
        target = np.arange(400) * 8 + 2
        vectors[0, target + offset] += 5 * np.eye(WIDTH)[label]
        sentence = np.repeat(np.arange(400), 8) if same else np.arange(400 * 8)
        spans = np.stack([target, target + 1], 1)
        fit, judged = np.arange(300), np.arange(300, 400)
        probe = EdgeProbe(window=2, **QUICK).fit(vectors, spans, label, sentence=sentence, examples=fit)
        accuracy = probe.score(vectors, spans, label, sentence=sentence, examples=judged)[0]
        assert (accuracy > 0.85) if knows else (accuracy < 0.55), (offset, same)


def test_labels_that_hold_by_themselves_are_scored_by_micro_f1() -> None:
    vectors, spans, a, _, _ = world()
    labels = np.stack([a == 0, a >= 1, a == 1], 1).astype(float)
    labels[::7, 1] = np.nan
    probe = EdgeProbe(**QUICK).fit(vectors, spans[:, 0], labels)
    scores = probe.evaluate(vectors, spans[:, 0], labels)
    assert scores.predicted.shape == (3, 300, 3)
    assert scores.micro_f1[1] > 0.9
    hit = wrong = 0
    for guess, true in zip(scores.predicted[0], labels, strict=True):
        for g, t in zip(guess, true, strict=True):
            if not np.isnan(t):
                hit += bool(g and t)
                wrong += bool(g) != bool(t)
    assert scores.micro_f1[0] == pytest.approx(2 * hit / (2 * hit + wrong))


def test_micro_f1_of_one_label_an_example_is_accuracy_also_by_blocks() -> None:
    vectors, spans, a, _, _ = world()
    scores = EdgeProbe(**QUICK).fit(vectors, spans[:, 0], a).evaluate(vectors, spans[:, 0], a)
    assert np.allclose(scores.micro_f1, (scores.predicted == a).mean(1))
    assert np.allclose(scores.tally(np.arange(300) % 7).rate(), scores.micro_f1)


def test_dev_examples_keep_weights_from_before_overfitting() -> None:
    rng = np.random.default_rng(0)
    vectors, label = rng.normal(size=(1, 200, 40)), rng.integers(2, size=200)
    spans = np.stack([np.arange(200), np.arange(200) + 1], 1)
    long = {"size": 32, "hidden": 32, "min_steps": 600, "decay": 0.0}
    loss = {}
    for dev in (None, np.arange(100, 150)):
        probe = EdgeProbe(**long).fit(vectors, spans, label, examples=np.arange(100), dev=dev)
        loss[dev is None] = float(abs(probe._weights["out"]).max())
    assert loss[False] < loss[True]


@pytest.mark.parametrize(
    "spans, message",
    [
        ([[0, 7]], "does not lie in one sentence"),
        ([[3, 3]], "does not lie"),
        ([[-1, 2]], "does not lie"),
        ([[5, 99]], "does not lie"),
        ([[0, 1, 2]], "shape"),
        ([[0.0, 1.0]], "type"),
        ([[[0, 1], [1, 2], [2, 3]]], "shape"),
    ],
)
def test_spans_outside_a_sentence_are_refused(spans: list, message: str) -> None:
    vectors, _, _, _, sentence = world(sentences=20)
    probe = EdgeProbe(**QUICK)
    with pytest.raises(BadRequest, match=message):
        probe.fit(vectors[:, :60], np.array(spans), np.zeros(1), sentence=sentence[:60])


def test_one_class_more_classes_than_examples_and_odd_options_are_refused() -> None:
    vectors, spans, label, _, sentence = world(sentences=20)
    fit = lambda labels, **options: EdgeProbe(**options).fit(vectors, spans[:, 0], labels, sentence=sentence)
    with pytest.raises(BadRequest, match="1 class"):
        fit(np.zeros(20))
    with pytest.raises(BadRequest, match="30 classes for 20 examples"):
        EdgeProbe().fit(vectors, spans[:, 0], label, classes=np.arange(30))
    with pytest.raises(BadRequest, match="3 labels for 20 examples"):
        fit(label[:3])
    with pytest.raises(BadRequest, match="pooling 'max'"):
        fit(label, pooling="max")
    with pytest.raises(BadRequest, match="without `sentence`"):
        EdgeProbe(window=1).fit(vectors, spans[:, 0], label)
    with pytest.raises(BadRequest, match="other values"):
        fit(np.full((20, 2), 3.0))
    with pytest.raises(NotFinite):
        EdgeProbe().fit(np.where(np.arange(len(sentence))[None, :, None] == 1, np.nan, vectors), spans[:, 0], label)


def test_the_probe_is_reached_by_name() -> None:
    assert bt.probe.edge.EdgeProbe is bt.probe.EdgeProbe is EdgeProbe
    assert EdgeProbe(window=2).get_params()["window"] == 2
