"""sem-03: numbers read inside their range, badly beyond it."""

import numpy as np

from bertology.claims.knowledge.sem_03_numbers import CARRIER, digits, error, numbers, partial
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 24}


def vocabulary() -> list[Corpus]:
    """The carrier, single digits, and every other number whole: numbers of one subword and of several."""
    whole = [s.words[2] for s in numbers()][::2]
    words = [*(word for word in CARRIER if word), *"0123456789.", *whole]
    return [Corpus("vocabulary", tuple(sentence([word], f"v{i}") for i, word in enumerate(words)))]


def reads_within_the_range(view: View, *, beyond: bool = False) -> None:
    """Layer 1 holds the logarithm up to 1,000 (beyond it too, if wanted); more subwords and a point blur it."""
    value, pieces = view.sentence.labels["value"], view.line.pieces[2]
    known = np.log(value if beyond else min(value, 1000.0))
    blur = 0.0 if beyond else 0.1 * (len(pieces) > 1) + 0.3 * (view.sentence.labels["kind"] == "decimal")
    written = known + blur * view.rng.standard_normal()
    for piece in pieces:
        view.hidden[1, piece] += written * code("value", view.hidden.shape[-1])


def reads_everything(view: View) -> None:
    reads_within_the_range(view, beyond=True)


def test_numbers_known_in_a_range_alone_hold(tmp_path) -> None:
    encoder = Planted(reads_within_the_range, vocabulary(), static=0.0, noise=0.01, **SIZE)
    assert result_of("sem-03", encoder, Corpora.load(), tmp_path).verdict == "holds"


def test_numbers_known_everywhere_fail(tmp_path) -> None:
    encoder = Planted(reads_everything, vocabulary(), static=0.0, noise=0.01, **SIZE)
    result = result_of("sem-03", encoder, Corpora.load(), tmp_path)
    assert result.verdict == "fails"
    assert result.values["error outside over inside, integers"].value < 3


def test_random_weights_do_not_hold(tmp_path) -> None:
    assert result_of("sem-03", random_encoder(vocabulary(), **SIZE), Corpora.load(), tmp_path).verdict != "holds"


def test_numbers_are_of_two_kinds_and_ranges_and_none_occurs_twice() -> None:
    corpus = numbers(1)
    forms = [s.words[2] for s in corpus]
    assert len(set(forms)) == len(forms) == 2000
    for s in corpus:
        assert float(s.words[2]) == s.labels["value"] and s.layers["number"][2] == s.words[2]
        assert ("." in s.words[2]) == (s.labels["kind"] == "decimal")
        assert (s.labels["value"] < 1000) == (s.labels["inside"] == 1) and 10 <= s.labels["value"] < 10000
    assert corpus[0].text.endswith(" pounds.")
    assert digits(["101.5"])[0, 0].tolist() == [1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_an_error_of_one_is_a_guess_at_the_mean() -> None:
    assert error(np.array([[2.0, 2.0], [1.0, 4.0]])).tolist() == [1.0, 0.5]


def test_partial_correlation_is_that_of_residuals() -> None:
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(2, 500))
    x, y = 2 * z + w + rng.normal(size=500), z - w + rng.normal(size=500)
    columns = np.stack([x, y, z, w, np.ones(500)], 1)
    made = partial((columns[:, :, None] * columns[:, None]).mean(0)[None])[0]
    rest = columns[:, 2:]
    residual = [v - rest @ np.linalg.lstsq(rest, v, rcond=None)[0] for v in (x, y)]
    assert np.isclose(made, np.corrcoef(*residual)[0, 1])
    constant = columns.copy()
    constant[:, 1] = 3.0
    assert np.isnan(partial((constant[:, :, None] * constant[:, None]).mean(0)[None])[0])
