"""ft-05: pivots against random words."""

import pytest

from bertology.claims.training.ft_05_pivots import shared_words
from bertology.train.artefacts import Adapting
from bertology.train.task import Example
from bertology.train.techniques.pivots import pivots
from tests.claims.training.answered import finding, jitter, tiny, verdict


def score(chosen: float, random: float, seen: list):
    found: list[tuple[str, ...]] = []

    def of(asked, seed, order):
        gain = 0.0
        if isinstance(asked, Adapting):
            seen.extend([asked] if asked not in seen else [])
            own = set(pivots(asked.source, asked.target, asked.task.train, n=asked.pivots.pivots, least=asked.pivots.least)) if not found else set(found[0])  # fmt: skip
            found.append(tuple(own))
            gain = chosen if set(asked.words) == own else random
        return 0.6 + gain + jitter(asked, seed, order, 0.01)

    return of


@pytest.mark.parametrize(
    ("gains", "expected"),
    [((0.1, 0.0), "holds"), ((0.0, 0.1), "fails"), ((0.1, 0.1), "not"), ((0.0, 0.0), "not"), ((-0.1, -0.2), "fails")],
)
def test_pivots_must_beat_random_words_and_nothing(corpora, gains, expected):
    found = verdict("ft-05", score(*gains, []), corpora, tiny(corpora, mlm=True))
    assert found == expected if expected != "not" else found != "holds"


def test_random_words_are_as_many_shared_by_both_domains_no_pivots_and_new_each_seed(corpora):
    seen: list = []
    finding("ft-05", score(0.0, 0.0, seen), corpora, tiny(corpora, mlm=True))
    chosen = next(a for a in seen if len(a.seeds) > 1)
    random = [a for a in seen if len(a.seeds) == 1]
    assert len(random) == len(chosen.seeds) and len({a.words for a in random}) == len(random)
    assert all(not set(a.words) & set(chosen.words) for a in random)
    assert all(0 < len(a.words) <= len(chosen.words) for a in random)
    assert not set(chosen.source) & {e.texts[0] for e in chosen.task.test}


def test_shared_words_are_counted_by_texts() -> None:
    one, two = Example(("a b b b",), "x"), Example(("b c",), "x")
    assert shared_words((one, one), (two, two), 2) == ["b"] and shared_words((one,), (two, two), 2) == []
