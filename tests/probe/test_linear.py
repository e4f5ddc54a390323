"""Linear probes: planted structure is found, noise gives chance, and the optimum is scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bertology.probe import rows as rows_of_vectors
from bertology.probe.linear import LinearProbe
from bertology.record.errors import BadRequest, NotFinite
from tests.probe.planted import classes


def test_planted_classes_are_found_and_noise_gives_chance():
    train, test = classes(seed=0), classes(seed=1)
    accuracy = LinearProbe().fit(*train).score(*test)
    assert abs(accuracy[0] - 0.25) < 0.06
    assert accuracy[1] > 0.6 and accuracy[2] > 0.97


def test_random_labels_give_chance_on_informative_vectors():
    vectors, labels = classes()
    shuffled = np.random.default_rng(5).permutation(labels)
    accuracy = LinearProbe().fit(vectors[:, :800], shuffled[:800]).score(vectors[:, 800:], shuffled[800:])
    assert (np.abs(accuracy - 0.25) < 0.1).all()


@pytest.fixture(params=["at once", "in batches"])
def few(request, monkeypatch):
    """Both ways to the optimum: 3,000 rows are few, or are as many as 200,000."""
    if request.param == "in batches":
        monkeypatch.setattr(rows_of_vectors, "SAMPLED", 1000)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("l2", [1.0, 30.0])
def test_loss_and_accuracy_equal_scikit_learn_at_the_same_strength(l2):
    (vectors, labels), test = classes(strengths=(1.0, 3.0), rows=3000), classes(strengths=(1.0, 3.0), seed=1)
    probe = LinearProbe(l2=(l2,), min_steps=800).fit(vectors, labels)
    ours = probe.evaluate(*test)
    for layer in range(2):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / l2, max_iter=2000))
        model.fit(vectors[layer].astype(np.float64), labels)
        log_p = model.predict_log_proba(test[0][layer].astype(np.float64))
        theirs = -log_p[np.arange(len(test[1])), np.searchsorted(model.classes_, test[1])]
        assert abs(ours.loss[layer].mean() - theirs.mean()) < 0.003
        assert abs(ours.accuracy[layer] - model.score(test[0][layer].astype(np.float64), test[1])) < 0.006


def test_reordering_the_layers_reorders_the_results():
    train, test = classes(), classes(seed=1)
    order = [2, 0, 1]
    straight = LinearProbe().fit(*train).evaluate(*test).loss
    reordered = LinearProbe().fit(train[0][order], train[1]).evaluate(test[0][order], test[1]).loss
    np.testing.assert_allclose(reordered, straight[order], atol=1e-4)


@pytest.mark.usefixtures("few")
def test_one_seed_gives_one_probe_and_another_nearly_the_same():
    train, test = classes(rows=3000), classes(seed=1)
    one, again, other = (LinearProbe(seed=s).fit(*train).evaluate(*test).loss for s in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert abs(one.mean() - other.mean()) < 0.01


def test_float16_on_disk_gives_what_float32_in_memory_gives(tmp_path):
    (vectors, labels), test = classes(), classes(seed=1)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    on_disk = LinearProbe().fit(mapped, labels).evaluate(*test)
    in_memory = LinearProbe().fit(vectors.astype(np.float32), labels).evaluate(*test)
    np.testing.assert_allclose(on_disk.loss, in_memory.loss, atol=1e-4)


def test_learning_from_some_rows_is_learning_from_a_copy_of_them():
    (vectors, labels), test = classes(), classes(seed=1)
    rows = np.random.default_rng(0).permutation(1200)[:500]
    by_rows = LinearProbe().fit(vectors, labels, rows=rows).evaluate(*test)
    by_copy = LinearProbe().fit(vectors[:, rows], labels[rows]).evaluate(*test)
    np.testing.assert_allclose(by_rows.loss, by_copy.loss, atol=1e-4)


@pytest.mark.usefixtures("few")
def test_a_class_that_no_row_has_keeps_the_probability_of_half_a_row():
    vectors, labels = classes(rows=3000)
    known = np.array([*np.unique(labels), "zz"])
    probe = LinearProbe().fit(vectors, labels, classes=known)
    unseen = probe.log_probabilities(vectors)[:, :, -1].exp().mean(1).numpy()
    assert ((unseen > 0.3 / 3000) & (unseen < 2 / 3000)).all()
    without = LinearProbe().fit(vectors, labels).evaluate(vectors, labels).loss
    np.testing.assert_allclose(probe.evaluate(vectors, labels).loss.mean(1), without.mean(1), atol=2e-3)


def test_scores_of_rows_agree_with_each_other_and_with_predict():
    train, test = classes(), classes(seed=1)
    probe = LinearProbe().fit(*train)
    scores = probe.evaluate(*test)
    np.testing.assert_array_equal(scores.correct, probe.predict(test[0]) == test[1])
    log_p = probe.log_probabilities(test[0]).numpy()
    place = np.searchsorted(probe.classes_, test[1])
    np.testing.assert_allclose(scores.loss, -log_p[:, np.arange(len(place)), place], atol=1e-5)


def test_the_tally_counts_each_row_in_its_block():
    train, test = classes(), classes(seed=1)
    scores = LinearProbe().fit(*train).evaluate(*test)
    blocks = np.arange(len(test[1])) % 7
    tally = scores.tally(blocks, 10)
    assert tally.total.shape == (10, 3)
    np.testing.assert_allclose(tally.rate(), scores.accuracy)
    assert tally.total[3, 2] == scores.correct[2, blocks == 3].sum() and tally.total[8:].sum() == 0


def test_with_dev_rows_noise_is_given_the_strongest_penalty():
    (vectors, labels), dev = classes(rows=300), classes(seed=1)
    probe = LinearProbe(l2=(0.1, 1000.0)).fit(vectors, labels, dev=dev)
    assert probe.l2_[0] == 1000.0
    assert probe.l2_[2] == 0.1


def test_a_label_never_seen_is_wrong_and_infinitely_surprising():
    (vectors, labels), test = classes(), classes(seed=1)
    probe = LinearProbe().fit(vectors, labels)
    scores = probe.evaluate(test[0], np.where(np.arange(1200) == 5, "zebra", test[1]))
    assert np.isinf(scores.loss[:, 5]).all() and not scores.correct[:, 5].any()
    assert np.isfinite(np.delete(scores.loss, 5, axis=1)).all()


def test_constant_and_duplicated_features_do_no_harm():
    train, test = classes(), classes(seed=1)
    widen = lambda v: np.concatenate([v, v, np.full_like(v[:, :, :3], 7)], axis=2)
    plain = LinearProbe().fit(*train).score(*test)
    wide = LinearProbe().fit(widen(train[0]), train[1]).score(widen(test[0]), test[1])
    assert np.abs(plain - wide)[1:].max() < 0.02


def test_bad_input_says_what_was_found():
    vectors, labels = classes()
    with pytest.raises(BadRequest, match="7 labels for 1200 rows"):
        LinearProbe().fit(vectors, labels[:7])
    with pytest.raises(BadRequest, match="1 class"):
        LinearProbe().fit(vectors, np.zeros(1200))
    with pytest.raises(BadRequest, match="shape"):
        LinearProbe().fit(vectors[0], labels)
    broken = vectors.copy()
    broken[1, 77, 3] = np.nan
    with pytest.raises(NotFinite, match="layer 1"):
        LinearProbe().fit(broken, labels)
