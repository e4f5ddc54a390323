"""What is masked as one, how much of it, and what stands there instead."""

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from bertology.record.errors import BadRequest
from bertology.train.draft import Draft, Piece, Source, Symbols
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.objectives.units import NGrams, Phrases, PoissonSpans, Spans, Subwords, Units, WholeWords, take
from tests.encoder.tiny import tokenizer
from tests.train.hand import (
    CLS,
    MASK,
    NO,
    SEP,
    SOURCE,
    SYMBOLS,
    UNKNOWN,
    flat,
    over,
    same_length,
    scripted,
    seeds,
    shares,
    sources,
    stream,
    within,
)  # fmt: skip

WORDS = [[1, 2], [3], [4, 5, 6], [7], [8], [9, 10]]
"""The words of the first document as positions of its draft."""

ALL_UNITS: tuple[Units, ...] = (
    Subwords(), Subwords(rare_first=True), WholeWords(), Spans(), NGrams(), PoissonSpans(),
    Phrases(frozenset({(12, 13, 14, 15), (7, 7), (20,)})),
)  # fmt: skip


def document() -> Draft:
    """[CLS] 10 11 12 13 14 15 16 17 18 19 [SEP]."""
    return SOURCE.assemble([(0, 10)])


def lists(units: Any, most: int = 100) -> list[list[int]]:
    return [unit.tolist() for unit, _ in zip(units, range(most), strict=False)]


def test_subwords_come_one_by_one_in_random_order() -> None:
    order = [8, 1, 5, 2, 9, 10, 3, 4, 7, 6]
    assert lists(Subwords()(document(), SOURCE, scripted(("permutation", order)))) == [[k] for k in order]


def test_whole_words_come_with_all_their_subwords() -> None:
    rng = scripted(("permutation", [2, 0, 5, 1, 3, 4]))
    assert lists(WholeWords()(document(), SOURCE, rng)) == [WORDS[k] for k in (2, 0, 5, 1, 3, 4)]


def test_a_word_that_two_pieces_share_is_two_units() -> None:
    draft = SOURCE.assemble([(0, 4), (4, 6)])  # 10 11 | 12 | 13 and, cut from it, 14 15
    assert sorted(lists(WholeWords()(draft, SOURCE, np.random.default_rng(0)))) == [[1, 2], [3], [4], [6, 7]]


@pytest.mark.parametrize("units", [Spans(), NGrams(), PoissonSpans()], ids=repr)
def test_spans_are_runs_of_words_from_a_random_place(units: Units) -> None:
    rng = scripted(("integers", 1), ("choice", 2), ("integers", 5), ("choice", 2), ("integers", 4), ("choice", 2))
    found = units(document(), SOURCE, rng)
    assert next(iter(found)).tolist() == [3, 4, 5, 6]  # words 1 and 2
    assert next(iter(found)).tolist() == [8, 9, 10]  # word 5 has no second word behind it: drawn again


def test_a_span_never_crosses_a_special_token() -> None:
    draft = SOURCE.assemble([(2, 3), (6, 8)])  # [CLS] 12 [SEP] 16 17 [SEP]
    rng = scripted(("integers", 0), ("choice", 2), ("integers", 1), ("choice", 2))
    assert next(iter(Spans()(draft, SOURCE, rng))).tolist() == [3, 4]
    found = {tuple(unit) for unit in lists(Spans()(draft, SOURCE, np.random.default_rng(0)), 300)}
    assert found == {(1,), (3,), (4,), (3, 4)}


@over(sources(), seeds, st.sampled_from(ALL_UNITS))
def test_units_are_unbroken_text_and_whole_words(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, units: Units
) -> None:
    source, pieces = given_
    draft = source.assemble(pieces)
    for unit in lists(units(draft, source, rng), 30):
        assert unit == list(range(unit[0], unit[-1] + 1))
        assert (draft.words[unit] >= 0).all()
        if not isinstance(units, Subwords):
            assert draft.words[unit[0] - 1] != draft.words[unit[0]]
            assert draft.words[unit[-1] + 1] != draft.words[unit[-1]]


def lengths(units: Units, draws: int) -> np.ndarray:
    """Numbers of words of many units of a text so long that its ends do not matter."""
    source, draft = flat([10] * 20_000)
    return np.array([len(unit) for unit in lists(units(draft, source, np.random.default_rng(1)), draws)])


def test_spans_are_3_8_words_long_on_average() -> None:
    n = np.arange(1, 11)
    chance = 0.2 * 0.8 ** (n - 1) / (1 - 0.8**10)
    found = lengths(Spans(), 5000)
    mean, spread = (chance * n).sum(), ((chance * n**2).sum() - (chance * n).sum() ** 2) ** 0.5
    assert mean == pytest.approx(3.8, abs=0.01)
    assert abs(found.mean() - mean) < 3 * spread / len(found) ** 0.5
    assert all(within((found == k).mean(), c, len(found), 3.5) for k, c in zip(n, chance, strict=True))


def test_n_grams_have_chances_of_one_over_n() -> None:
    found = lengths(NGrams(), 4000)
    assert all(within((found == k).mean(), 6 / 11 / k, len(found)) for k in (1, 2, 3))


def test_poisson_spans_have_poisson_chances_without_nought() -> None:
    found = lengths(PoissonSpans(longest=6), 4000)
    weights = np.array([3, 9 / 2, 27 / 6, 81 / 24, 243 / 120, 729 / 720])
    assert all(within((found == k + 1).mean(), c, len(found)) for k, c in enumerate(weights / weights.sum()))


def test_rare_subwords_come_first_in_proportion_to_one_over_the_root_of_their_frequency() -> None:
    source, draft = flat([10] + [20] * 9)  # weights 1 and nine times 1/3: the rare one has 1 of 4
    rng = np.random.default_rng(2)
    first = [next(iter(Subwords(rare_first=True)(draft, source, rng))).tolist() for _ in range(4000)]
    assert within(first.count([1]) / len(first), 1 / 4, len(first))
    assert all(within(first.count([k]) / len(first), 1 / 12, len(first), 3.5) for k in range(2, 11))


def test_phrases_come_before_words() -> None:
    phrases = Phrases(frozenset({(12, 13, 14, 15), (16, 17), (11, 12), (30, 31)}))
    rng = scripted(("permutation", [1, 0]), ("permutation", [1, 0]))
    assert lists(phrases(document(), SOURCE, rng)) == [[7, 8], [3, 4, 5, 6], [9, 10], [1, 2]]


@pytest.mark.parametrize("phrase", [(13, 14), (14, 15), (11, 12), (17, 18)])
def test_a_phrase_never_begins_or_ends_inside_a_word(phrase: tuple[int, ...]) -> None:
    found = lists(Phrases(frozenset({phrase}))(document(), SOURCE, np.random.default_rng(0)))
    assert sorted(found) == WORDS


def test_of_phrases_that_overlap_the_longer_one_counts() -> None:
    phrases = Phrases(frozenset({(16,), (12, 13, 14, 15), (13, 14, 15, 16, 17)}))
    for seed in range(20):
        found = lists(phrases(document(), SOURCE, np.random.default_rng(seed)))
        assert found[0] == [4, 5, 6, 7, 8] and sorted(found[1:]) == [[1, 2], [3], [9, 10]]


def test_a_phrase_never_crosses_a_special_token() -> None:
    draft = SOURCE.assemble([(2, 3), (6, 7)])  # [CLS] 12 [SEP] 16 [SEP]
    phrases = Phrases(frozenset({(12, SEP, 16), (12, 16)}))
    assert sorted(lists(phrases(draft, SOURCE, np.random.default_rng(0)))) == [[1], [3]]


def test_phrases_are_read_from_lines() -> None:
    tok = tokenizer()
    ids = tuple(tok("the cats", add_special_tokens=False)["input_ids"])
    assert len(ids) >= 2
    assert Phrases.of(["The cats ", "", "  "], tok).phrases == {ids}


def test_units_beyond_the_budget_are_passed_over() -> None:
    units = [np.array(u) for u in ([1, 2], [4, 5, 6], [3], [2, 3], [7], [8])]
    assert lists(take(iter(units), 4)) == [[1, 2], [3], [7]]


def test_the_first_unit_is_taken_whatever_its_size() -> None:
    assert lists(take(iter([np.array([4, 5, 6]), np.array([1])]), 1)) == [[4, 5, 6]]


def test_taking_gives_up_after_fifty_units_that_do_not_fit() -> None:
    wide = [np.array([4, 5, 6])] * 49
    last = [np.array([9])]
    assert lists(take(iter([np.array([1]), *wide, *last]), 2)) == [[1], [9]]
    assert lists(take(iter([np.array([1]), *wide, wide[0], *last]), 2)) == [[1]]
    assert lists(take(iter([np.array([1]), *wide, *last, *wide, np.array([10])]), 3)) == [[1], [9], [10]]


def test_masking_by_hand() -> None:
    draft = document()
    rng = scripted(
        ("random", 0.7),  # .35 x 10 is 3.5: rounded down
        ("permutation", [5, 2, 10, 1, 3, 4, 6, 7, 8, 9]),
        ("random", [0.79, 0.81, 0.91]),  # masked, random, kept
        ("choice", [50, 51, 52]),
    )
    MLM(Masking(rate=0.35)).corrupt(draft, SOURCE, rng)
    assert draft.ids.tolist() == [CLS, 10, 51, 12, 13, MASK, 15, 16, 17, 18, 19, SEP]
    assert draft.labels.tolist() == [NO, NO, 11, NO, NO, 14, NO, NO, NO, NO, 19, NO]
    assert draft.clean.tolist() == [CLS, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, SEP]


def test_the_budget_is_rounded_up_as_often_as_its_fraction_says() -> None:
    draft = document()
    rng = scripted(("random", 0.4), ("permutation", [5, 2, 10, 1, 3, 4, 6, 7, 8, 9]))
    assert lists(Masking(rate=0.35).choose(draft, SOURCE, rng)) == [[5], [2], [10], [1]]


def test_per_unit_one_die_decides_for_all_of_a_span() -> None:
    draft = document()
    units = [np.array([8, 9, 10]), np.array([1, 2]), np.array([4, 5, 6])]
    rng = scripted(("random", [0.85, 0.95, 0.5]), ("choice", [50, 51, 52, 53, 54, 55, 56, 57]))
    places = Masking(per_unit=True).hide(draft, units, SOURCE, rng)
    assert draft.ids.tolist() == [CLS, 10, 11, 12, MASK, MASK, MASK, 16, 50, 51, 52, SEP]
    assert draft.labels.tolist() == [NO, 10, 11, NO, 13, 14, 15, NO, 17, 18, 19, NO]
    assert places.tolist() == [1, 2, 4, 5, 6, 8, 9, 10]


def test_the_unknown_token_may_be_the_symbol() -> None:
    draft = document()
    Masking(symbol="unknown").hide(draft, [np.array([3])], SOURCE, scripted(("random", [0.1]), ("choice", [50])))
    assert draft.ids[3] == UNKNOWN


def test_an_example_without_text_is_left_alone() -> None:
    draft = SOURCE.assemble([])
    MLM().corrupt(draft, SOURCE, np.random.default_rng(0))
    assert draft.ids.tolist() == [CLS] and draft.labels.tolist() == [NO]


def test_of_masked_positions_80_10_10_are_symbols_others_and_themselves() -> None:
    source, draft = flat([10] * 50_000, SYMBOLS._replace(ordinary=np.arange(11, 2000)))
    MLM(Masking(rate=0.5)).corrupt(draft, source, np.random.default_rng(3))
    read = draft.ids[draft.labels != NO]
    assert len(read) == 25_000
    assert within((read == MASK).mean(), 0.8, len(read))
    assert within((read > 10).mean(), 0.1, len(read))
    assert within((read == 10).mean(), 0.1, len(read))
    drawn = read[read > 10]
    assert drawn.max() < 2000 and abs(drawn.mean() - 1005) < 3 * 1989 / 12**0.5 / len(drawn) ** 0.5


@pytest.mark.parametrize(("n", "rate"), [(11, 0.15), (9, 0.4), (100, 0.15)])
def test_the_masking_rate_is_exact_on_average(n: int, rate: float) -> None:
    source, draft = flat([10] * n)
    rng = np.random.default_rng(4)
    chosen = np.array([len(Masking(rate).choose(draft, source, rng)) for _ in range(3000)])
    fraction = rate * n % 1
    assert set(chosen) <= {int(rate * n), int(rate * n) + 1}
    assert within((chosen > int(rate * n)).mean(), fraction, len(chosen))


def test_spans_and_words_use_their_budget_up() -> None:
    rng = np.random.default_rng(5)
    source = Source(stream([10] * 512, np.flatnonzero(rng.random(512) < 0.7), [0, 512], [0, 512]), SYMBOLS)
    draft = source.assemble([(0, 512)])
    for units in (WholeWords(), Spans(), NGrams(), PoissonSpans()):
        covered = [sum(map(len, Masking(0.15, units).choose(draft, source, rng))) for _ in range(50)]
        assert max(covered) <= 77 and np.mean(covered) > 76.3  # .15 x 512 = 76.8


def test_every_position_is_masked_equally_often() -> None:
    source, draft = flat([10] * 10)
    rng = np.random.default_rng(6)
    chosen = np.concatenate([np.concatenate(Masking(0.2).choose(draft, source, rng)) for _ in range(3000)])
    found = shares(chosen.tolist(), range(1, 11))
    assert all(within(share, 0.1, len(chosen), 3.5) for share in found)


@pytest.mark.parametrize("options", [{"rate": 0}, {"rate": 1}, {"masked": 0.9, "random": 0.2}, {"random": -0.1}])
def test_rates_and_shares_that_are_none_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadRequest):
        Masking(**options)  # type: ignore[arg-type]


@over(sources(), seeds, st.sampled_from(ALL_UNITS), st.floats(0.05, 0.9), st.booleans())
def test_masking_writes_labels_and_symbols_in_the_text_only(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, units: Units, rate: float, per_unit: bool
) -> None:
    source, pieces = given_
    draft, before = source.assemble(pieces), source.assemble(pieces)
    MLM(Masking(rate, units, per_unit=per_unit)).corrupt(draft, source, rng)
    labelled = draft.labels != NO
    assert same_length(draft) and labelled.any()
    assert (draft.words[labelled] >= 0).all()
    assert (draft.labels[labelled] == before.clean[labelled]).all()
    assert (draft.ids[~labelled] == before.ids[~labelled]).all()
    assert set(draft.ids[labelled & (draft.ids != draft.clean)]) <= {MASK, *SYMBOLS.ordinary.tolist()}
    for name in ("clean", "words", "segments", "positions"):
        assert (getattr(draft, name) == getattr(before, name)).all()


def test_a_symbol_is_never_drawn_as_the_random_token() -> None:
    tok = tokenizer()
    found = Symbols.of(tok)
    source, draft = flat([found.ordinary[0]] * 3000, found)
    MLM(Masking(0.9, masked=0, random=1)).corrupt(draft, source, np.random.default_rng(7))
    assert not set(draft.ids[1:-1].tolist()) & set(tok.all_special_ids)
