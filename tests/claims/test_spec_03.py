"""spec-03: norms and special tokens."""

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return Corpora.load(scale=0.15)


def attends_to_sep(view: View, norm: float) -> None:
    """Two thirds of all attention goes to [SEP], whose value vector is scaled."""
    view.attention *= 1 / 3
    view.attention[..., -1] += 2 / 3
    view.value[:, -1] *= norm


def small_sep(view: View) -> None:
    attends_to_sep(view, 0.05)


def large_sep(view: View) -> None:
    attends_to_sep(view, 20)


def test_a_sep_of_small_norm_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("spec-03", Planted(small_sep, [corpora.text]), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["share by weight"].value > 0.6 > 0.2 > result.values["share by norm"].value


def test_a_sep_of_large_norm_fails(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-03", Planted(large_sep, [corpora.text]), corpora, tmp_path).verdict == "fails"


def test_random_weights_attend_too_little_to_special_tokens(corpora: Corpora, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="no layer gives special tokens"):
        result_of("spec-03", random_encoder([corpora.text]), corpora, tmp_path)
