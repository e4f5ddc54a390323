"""Entity vectors: made of contexts, mapped to input embeddings, put beside names."""

from collections import Counter

import numpy as np
import pytest
import torch

from bertology.behave.cloze import subword_of
from bertology.behave.entity_vectors import FillingBeside, _forms, _mentions, aligned, beside, mark, standing_for
from bertology.behave.gaps import Filled, Gap, fill
from bertology.corpus.sentence import Corpus, sentence
from bertology.record.errors import NoEffect, NotApplicable
from tests.planted import random_encoder

GROUPS = {g: [f"w{g}{k}" for k in range(20)] for g in range(4)}


def text(*, sentences: int = 400) -> Corpus:
    """Sentences of words of one group; "Anna Bell" stands among group 0, "Carl Dorn" among group 1."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(sentences):
        words = rng.choice(GROUPS[i % 4], 8).tolist()
        if i % 4 < 2 and i % 8 < 4:
            words[3:3] = (["Anna", "Bell"], ["Dorn"])[i % 4]
        found.append(sentence(words, f"s{i}"))
    return Corpus("made", tuple(found))


@pytest.fixture(scope="module")
def encoder():
    corpus = text()
    more = Corpus("signs", (sentence(["the", "§", "/", "was", "of", "Carl", ".", "anna"], "x"),))
    made = random_encoder([corpus, more], layers=2, heads=2, width=8, mlm=True)
    table = made.base.get_input_embeddings().weight
    rng = np.random.default_rng(1)
    with torch.no_grad():  # words of a group are alike, as words of like contexts are in a trained encoder
        for words in GROUPS.values():
            centre = torch.from_numpy(rng.standard_normal(8)).float()
            for word in words:
                table[subword_of(made, word)] = centre + 0.2 * torch.from_numpy(rng.standard_normal(8)).float()
    return made


def test_names_land_among_the_words_they_stand_with(encoder):
    found = aligned(encoder, text(), ("Anna Bell", "Carl Dorn", "Eva Fox"))
    assert found.mentions.tolist() == [50, 50, 0] and found.words >= 16
    assert np.isnan(found.vectors[2]).all()
    assert found.cosine > 0.7
    table = encoder.base.get_input_embeddings().weight.detach().numpy()
    centre = np.stack([table[[subword_of(encoder, w) for w in words]].mean(0) for words in GROUPS.values()])
    for k in (0, 1):
        assert np.linalg.norm(found.vectors[k] - centre, axis=1).argmin() == k


def test_too_little_text_is_refused(encoder):
    with pytest.raises(NotApplicable, match="twice the width"):
        aligned(encoder, text(sentences=8), ("Anna Bell",))


def test_a_last_name_counts_where_it_is_one_persons_and_no_word():
    words = ["Mr", "Bell", "met", "Anna", "Bell", ",", "Gray", "and", "a", "gray", "Fox"]
    forms = _forms(("Anna Bell", "Tom Gray", "Eva Fox", "Ida Fox"), Counter(words))
    assert list(_mentions(words, forms)) == [(0, 1, 2), (0, 3, 5)]


def test_the_sign_is_one_subword_that_no_context_holds(encoder):
    assert mark(encoder, ["a", "b"]) == "§"
    with pytest.raises(NotApplicable, match="none of the signs"):
        mark(encoder, ["a §"])
    assert beside("Anna came.", 0, "§") == "§ / Anna came."


def test_its_own_embedding_in_place_of_the_sign_changes_nothing_and_another_does(encoder, tmp_path):
    gaps = (Gap("§ / w00 was of [MASK] .", ("w01",)), Gap("the § / w10 was of [MASK] .", ("w11",)))
    own = encoder.base.get_input_embeddings().weight[subword_of(encoder, "§")].detach().double().numpy()
    plain = fill(encoder, gaps)

    def beside_(vectors) -> Filled:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        place.mkdir()
        asked = FillingBeside(encoder, gaps, "§", np.stack(vectors))
        asked.build(place, lambda what, done, total: None)
        return asked.load(place)

    assert np.allclose(beside_([own, own]).values, plain.values, atol=1e-6)
    changed = beside_([own, own * np.array([3.0, -3.0] * 4)])
    assert np.isclose(changed.values[0], plain.values[0], atol=1e-6) and abs(changed.values[1] - plain.values[1]) > 1e-3
    again = fill(encoder, gaps)
    assert np.array_equal(again.values, plain.values)


def test_a_sign_that_is_never_read_is_an_error(encoder):
    with pytest.raises(NoEffect), standing_for(encoder, 3_000, np.zeros(8)):
        fill(encoder, (Gap("w00 was of [MASK] .", ("w01",)),))
