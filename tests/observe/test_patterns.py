"""Types of attention maps, on maps written by hand."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.patterns import TYPES, MapPatterns, _type, _typed
from tests.planted import Planted, View

PAIR = sentence(["a", "b", "c", "d", "e", "f", "g", "h"], "pair", layers={"segment": (0,) * 4 + (1,) * 4})
SINGLE = sentence(["a", "b", "c", "d"], "single")


def one_map_each(view: View) -> None:
    """[CLS] 4 words [SEP] 4 words [SEP]: heads of every type, the last uniform."""
    t = len(view.line.ids)
    segment = np.array([-1, 0, 0, 0, 0, -1, 1, 1, 1, 1, -1])[:t]
    view.attention[:] = 1 / t
    view.attention[0, 0] = np.eye(t)[np.zeros(t, int)]
    view.attention[0, 1] = np.eye(t)[np.maximum(np.arange(t) - 1, 0)]
    view.attention[0, 2] = (view.attention[0, 0] + np.eye(t)) / 2
    same = (segment[:, None] == segment).astype(float)
    view.attention[0, 3] = same / same.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def found():
    corpus = Corpus("by hand", (PAIR, SINGLE))
    return summarise(Planted(one_map_each, [corpus], layers=1, heads=5, width=20), corpus, MapPatterns())[0]


def test_each_head_has_its_type(found) -> None:
    assert [TYPES[k] for k in found.types.rate()[0].argmax(-1)] == list(TYPES)


def test_sentences_without_a_second_segment_are_left_out(found) -> None:
    assert found.types.n == 1


def test_mass_is_that_of_words_only(found) -> None:
    special, near, previous, following = found.mass.rate()[0].T
    assert special == pytest.approx([1, 2 / 8, 0.5, 0, 3 / 11])  # two words follow a special token
    assert near == pytest.approx([0, 6 / 8, 0.5, 20 / 8 / 4, 20 / 8 / 11])
    assert previous[1] == 1
    assert following[4] == pytest.approx(1 / 11)


def test_a_map_near_a_boundary_is_not_firm() -> None:
    kinds, firm = _typed(np.array([0.42, 0.9, 0.1]), np.array([0.1, 0.1, 0.1]), np.array([0.1, 0.1, 0.1]))
    assert [TYPES[k] for k in kinds] == ["vertical", "vertical", "heterogeneous"]
    assert firm.tolist() == [False, True, True]


def test_mixture_matters_only_where_there_is_structure() -> None:
    assert _type(np.array([0.1, 0.9]), np.array([0.5, 0.5]), np.array([0.0, 0.0])).tolist() == [4, 2]
