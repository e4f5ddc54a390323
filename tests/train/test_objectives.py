"""Objectives over pieces of text, span boundaries, word order, missing text and conditions."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from bertology.record.errors import BadRequest
from bertology.train.batch import TrainingBatch, collate
from bertology.train.draft import Draft, Piece, Source
from bertology.train.objectives.conditional import ConditionalMLM
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.missing_text import Deletion, Infilling
from bertology.train.objectives.mlm import MLM, TranslationLM
from bertology.train.objectives.objective import Objective, draft
from bertology.train.objectives.sentences import (
    NSP,
    SOP,
    Distance,
    NextPrevious,
    PieceClassification,
    Reordering,
    apart_in_document,
    elsewhere,
)  # fmt: skip
from bertology.train.objectives.span_boundary import SpanBoundary, boundaries
from bertology.train.objectives.units import PoissonSpans, WholeWords
from bertology.train.objectives.word_order import WordOrder
from bertology.train.reading import Reading
from tests.encoder.tiny import tiny
from tests.train.hand import (
    CLS,
    MASK,
    NO,
    SEP,
    SOURCE,
    SYMBOLS,
    flat,
    over,
    same_length,
    scripted,
    seeds,
    sources,
    stream,
    streams,
    within,
)  # fmt: skip

PAIR = ((0, 3), (3, 7))
LONG = Source(stream([10] * 300, range(300), range(0, 301, 5), [0, 100, 200, 300]), SYMBOLS)
"""Three documents of twenty sentences of five subwords."""


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return tiny("bert").model.eval()


def reading(model: torch.nn.Module, batch: TrainingBatch, seed: int = 0) -> Reading:
    """A reading whose hidden states are random numbers, whatever the batch says."""
    found = Reading(model, batch)
    found.__dict__["states"] = torch.randn(*batch.ids.shape, 32, generator=torch.Generator().manual_seed(seed))
    return found


def packed(*drafts: Draft, length: int = 32) -> TrainingBatch:
    return collate(drafts, length=length, pad=0)


def head_of(objective: Objective, model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    head = objective.head(model)
    assert head is not None
    return head


# pieces of text


def test_half_of_the_time_the_next_sentence_stays() -> None:
    assert NSP().arrange(PAIR, SOURCE, scripted(("random", 0.49))) == (PAIR, {"nsp": 0})


def test_otherwise_it_comes_from_another_document() -> None:
    # sentence 0 overlaps the piece; 2 is of the same document; 5 begins at 17, where 4 subwords do not fit; 4 is at 14
    rng = scripted(("random", 0.51), ("integers", 0), ("integers", 2), ("integers", 5), ("integers", 4))
    assert NSP().arrange(PAIR, SOURCE, rng) == (((0, 3), (14, 18)), {"nsp": 1})


def test_what_follows_the_pair_stays() -> None:
    found, _ = NSP().arrange((*PAIR, (7, 10)), SOURCE, scripted(("random", 0.6), ("integers", 3)))
    assert found == ((0, 3), (10, 14), (7, 10))


def test_sentence_order_swaps_half_of_the_pairs() -> None:
    assert SOP().arrange(PAIR, SOURCE, scripted(("random", 0.49))) == (PAIR, {"sop": 0})
    assert SOP().arrange(PAIR, SOURCE, scripted(("random", 0.51))) == (((3, 7), (0, 3)), {"sop": 1})


@pytest.mark.parametrize(("kind", "expected"), [(0, PAIR), (1, PAIR[::-1]), (2, ((0, 3), (14, 18)))])
def test_next_previous_or_another(kind: int, expected: tuple[Piece, ...]) -> None:
    rng = scripted(("integers", kind), ("integers", 4))
    assert NextPrevious().arrange(PAIR, SOURCE, rng) == (expected, {"next_previous": kind})


def test_reordering_tells_which_of_six_orders_was_read() -> None:
    pieces = ((0, 3), (3, 7), (7, 10))
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    for kind, order in enumerate(orders):
        expected = tuple(pieces[k] for k in order)
        assert Reordering().arrange(pieces, SOURCE, scripted(("integers", kind))) == (expected, {"reordering": kind})
    with pytest.raises(BadRequest, match="3 pieces, this layout makes 2"):
        Reordering().arrange(PAIR, SOURCE, np.random.default_rng(0))


def test_distance_is_adjacent_apart_or_in_another_document() -> None:
    pair = ((10, 14), (14, 17))
    assert Distance().arrange(pair, SOURCE, scripted(("integers", 0))) == (pair, {"distance": 0})
    found = Distance().arrange(pair, SOURCE, scripted(("integers", 1), ("choice", 17)))
    assert found == (((10, 14), (17, 20)), {"distance": 1})
    found = Distance().arrange(pair, SOURCE, scripted(("integers", 2), ("integers", 1)))
    assert found == (((10, 14), (3, 6)), {"distance": 2})


def test_in_a_document_too_short_nothing_is_apart() -> None:
    pair = ((0, 3), (3, 10))
    assert Distance().arrange(pair, SOURCE, scripted(("integers", 1))) == (pair, {"distance": 0})


def test_apart_means_with_text_between() -> None:
    source = Source(stream([10] * 15, range(15), [0, 3, 6, 9, 12, 15], [0, 15]), SYMBOLS)
    rng = np.random.default_rng(0)
    found = {apart_in_document((6, 9), (9, 12), source, rng) for _ in range(50)}
    assert found == {(0, 3), (12, 15)}  # 3-6 is adjacent from the left


def draws(
    objective: PieceClassification, pieces: tuple[Piece, ...], n: int = 3000
) -> list[tuple[tuple[Piece, ...], int]]:
    rng = np.random.default_rng(8)
    found = [objective.arrange(pieces, LONG, rng) for _ in range(n)]
    return [(arranged, classes[objective.name]) for arranged, classes in found]


@pytest.mark.parametrize("objective", [NSP(), SOP(), NextPrevious(), Reordering(), Distance()], ids=lambda o: o.name)
def test_classes_have_equal_shares(objective: PieceClassification) -> None:
    pieces = ((100, 110), (110, 125), (125, 130))[: objective.pieces]
    kinds = [kind for _, kind in draws(objective, pieces)]
    for kind in range(objective.classes):
        assert within(kinds.count(kind) / len(kinds), 1 / objective.classes, len(kinds))


@pytest.mark.parametrize(("objective", "foreign"), [(NSP(), 1), (NextPrevious(), 2), (Distance(), 2)], ids=repr)
def test_a_foreign_piece_is_as_long_and_starts_a_sentence_of_another_document(
    objective: PieceClassification, foreign: int
) -> None:
    seconds = [pieces[1] for pieces, kind in draws(objective, ((100, 110), (110, 125))) if kind == foreign]
    assert len(seconds) > 500
    assert {end - first for first, end in seconds} == {15}
    assert {first % 5 for first, _ in seconds} == {0}
    assert not any(first < 200 and end > 100 for first, end in seconds)
    assert len({first for first, _ in seconds}) == 18 + 18  # wherever 15 subwords of another document follow


def test_an_apart_piece_is_of_the_same_document() -> None:
    seconds = {pieces[1] for pieces, kind in draws(Distance(), ((100, 110), (110, 125))) if kind == 1}
    assert seconds == {(first, first + 15) for first in range(125, 186, 5)}


def test_where_no_other_document_has_room_a_foreign_piece_is_at_least_another_one() -> None:
    source = Source(stream([10] * 17, range(17), [0, 5, 10, 15, 17], [0, 15, 17]), SYMBOLS)
    rng = np.random.default_rng(0)
    assert {elsewhere((5, 10), source, rng) for _ in range(50)} == {(0, 5), (10, 15)}


def test_in_a_single_document_a_foreign_piece_is_anywhere_but_here() -> None:
    source = Source(stream([10] * 20, range(20), [0, 5, 10, 15, 20], [0, 20]), SYMBOLS)
    rng = np.random.default_rng(0)
    assert {elsewhere((5, 10), source, rng) for _ in range(50)} == {(0, 5), (10, 15), (15, 20)}


def test_a_class_is_predicted_from_each_drafts_own_cls(model: torch.nn.Module) -> None:
    objective = Distance(weight=0.5)
    drafts = [SOURCE.assemble(PAIR), SOURCE.assemble([(0, 3)]), SOURCE.assemble([(10, 18)])]
    for made, kind in zip(drafts, (2, 0, 1), strict=True):
        made.targets["distance"] = kind
    batch, head = packed(*drafts, length=16), head_of(objective, model)
    assert len(batch.ids) == 2  # 10 and 5 subwords share a row
    read = reading(model, batch)
    linear, _, last = head
    first = {k: torch.nonzero(batch.example == k)[0].tolist() for k in range(3)}
    logits = torch.stack([last(torch.tanh(linear(read.states[r, c]))) for r, c in first.values()])
    expected = -(log_softmax(logits, -1)[[0, 1, 2], [2, 0, 1]]).sum()
    assert float(objective.losses(read, head)["distance"]) == pytest.approx(float(expected), rel=1e-5)
    assert objective.counts(batch) == {"distance": 3} and objective.weights() == {"distance": 0.5}
    assert logits.shape == (3, 3)


def test_objectives_are_applied_in_turn() -> None:
    rng = scripted(
        ("random", 0.51), ("random", 0.9), ("permutation", [6, 1, 2, 3, 4, 7, 8]), ("random", [0.1]), ("choice", [50])
    )  # fmt: skip
    found = draft((SOP(), MLM()), PAIR, SOURCE, rng)
    assert found.ids.tolist() == [CLS, 13, 14, 15, 16, SEP, MASK, 11, 12, SEP]
    assert found.labels.tolist() == [NO] * 6 + [10] + [NO] * 3
    assert found.targets == {"sop": 1}


# span boundaries


def test_boundaries_are_the_unmasked_neighbours_of_a_span() -> None:
    labels = torch.tensor([[NO, 7, 7, NO, 7, NO, NO, 7, 7, 7, NO], [NO, NO, 7, NO, NO, 7, NO, NO, NO, NO, NO]])
    left, right = boundaries(labels)
    masked = labels != NO
    assert left[masked].tolist() == [0, 0, 3, 6, 6, 6, 1, 4]
    assert right[masked].tolist() == [3, 3, 5, 10, 10, 10, 3, 6]


def test_a_span_is_predicted_from_its_boundaries_and_places(model: torch.nn.Module) -> None:
    objective = SpanBoundary(longest=2)
    first, second = SOURCE.assemble([(0, 10)]), SOURCE.assemble([(10, 14)])
    for made, places in ((first, [1, 4, 5, 6]), (second, [2, 3])):
        made.labels[places] = made.clean[places]
    batch, head = packed(first, second), head_of(objective, model)
    assert len(batch.ids) == 1
    read = reading(model, batch)
    # (boundary, place, label): [CLS] 10 11 12 13 14 15 16 ... and, from 12 on, [CLS] 20 21 22 23 [SEP]; places beyond 1 share
    spans = [(0, 2, 0, 10), (3, 7, 0, 13), (3, 7, 1, 14), (3, 7, 1, 15), (13, 16, 0, 21), (13, 16, 1, 22)]
    expected = 0.0
    for left, right, place, label in spans:
        around = torch.cat([read.states[0, left], read.states[0, right], head.places.weight[place]])  # type: ignore[union-attr,index]
        logits = model.get_input_embeddings().weight @ head.layers(around)  # type: ignore[operator,union-attr]
        expected -= float(log_softmax(logits, -1)[label])
    losses = objective.losses(read, head)
    assert float(losses["sbo"]) == pytest.approx(expected, rel=1e-4)
    assert float(losses["mlm"]) == pytest.approx(float(MLM().losses(read, None)["mlm"]), rel=1e-6)
    assert objective.counts(batch) == {"mlm": 6, "sbo": 6}


@over(sources(), seeds)
def test_every_masked_position_has_boundaries_in_its_own_example(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator
) -> None:
    source, pieces = given_
    drafts = [draft((SpanBoundary(),), (piece,), source, rng) for piece in pieces]
    batch = packed(*drafts, length=400)
    left, right = boundaries(batch.labels)
    row, column = torch.nonzero(batch.labels != NO, as_tuple=True)
    for edge in (left[row, column], right[row, column]):
        assert (batch.example[row, edge] == batch.example[row, column]).all()
        assert (batch.labels[row, edge] == NO).all()


# word order


def test_runs_of_unmasked_subwords_are_shuffled() -> None:
    made = SOURCE.assemble([(0, 10)])
    rng = scripted(
        ("random", 0.5), ("permutation", [2, 1, 3, 4, 5, 6, 7, 8, 9, 10]), ("random", [0.5]), ("choice", [50]),
        # from 1 on it holds the masked place, from 0 and 9 on a special token, from 5 and 6 on a shuffled place
        ("permutation", [1, 0, 4, 5, 9, 6, 8, 7, 2, 3]), ("permutation", [2, 0, 1]), ("permutation", [0, 2, 1]),
    )  # fmt: skip
    WordOrder(mlm=MLM(Masking(rate=0.1)), rate=0.6).corrupt(made, SOURCE, rng)
    assert made.ids.tolist() == [CLS, 10, MASK, 12, 15, 13, 14, 16, 17, 19, 18, SEP]
    assert made.labels.tolist() == [NO, NO, 11, NO, 13, 14, 15, NO, 17, 18, 19, NO]


def test_the_share_of_shuffled_subwords_is_as_asked() -> None:
    source, made = flat(list(range(5, 60)) * 20)
    WordOrder().corrupt(made, source, np.random.default_rng(9))
    labelled = made.labels != NO
    assert labelled.sum() == 165 + 54  # .15 x 1100, and round(.05 x 1100 / 3) runs of three
    moved = labelled & (made.ids != made.clean) & (made.ids != MASK)
    assert 30 < moved.sum() < 54 + 30


@over(sources(), seeds, st.floats(0.05, 0.9))
def test_shuffling_only_moves_subwords(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, rate: float
) -> None:
    source, pieces = given_
    made = source.assemble(pieces)
    WordOrder(mlm=MLM(Masking(masked=1, random=0)), rate=rate).corrupt(made, source, rng)
    labelled = made.labels != NO
    assert same_length(made) and (made.words[labelled] >= 0).all()
    assert (made.labels[labelled] == made.clean[labelled]).all()
    assert (made.ids[~labelled] == made.clean[~labelled]).all()
    read = labelled & (made.ids != MASK)
    assert read.sum() % 3 == 0
    assert sorted(made.ids[read]) == sorted(made.clean[read])


# missing text


def lines(found: Draft) -> list[list[int]]:
    """The noted lines, up to the first -1 of each."""
    return [line[: 2 + line[1]].tolist() for line in found.targets["missing"] if line[0] >= 0]


def test_spans_become_one_mask_each_and_some_masks_stand_for_nothing() -> None:
    made = SOURCE.assemble([(0, 10)])
    rng = scripted(
        ("random", 0.5),  # budget 3
        ("integers", 1), ("choice", 1),  # 12
        ("integers", 4), ("choice", 2),  # 17 18 19: beyond the budget
        ("integers", 3), ("choice", 2),  # 16 17
        ("binomial", 1), ("choice", [5]),  # one more behind 14
    )  # fmt: skip
    Infilling().corrupt(made, SOURCE, rng)
    assert made.ids.tolist() == [CLS, 10, 11, MASK, 13, 14, MASK, 15, MASK, 18, 19, SEP]
    assert lines(made) == [[3, 1, 12], [6, 0], [8, 2, 16, 17]]
    assert (made.targets["missing"][0] == [3, 1, 12, *[-1] * 11]).all()
    assert made.positions.tolist() == list(range(12))
    assert made.words.tolist() == [-1, 1, 1, 2, 3, 3, 3, 3, 4, 6, 6, -1]


def test_an_infilled_example_never_outgrows_its_layout() -> None:
    made = SOURCE.assemble([(6, 8)])  # [CLS] 16 17 [SEP]
    rng = scripted(("random", 0.1), ("integers", 0), ("choice", 1), ("binomial", 1), ("choice", []))
    Infilling().corrupt(made, SOURCE, rng)
    assert made.ids.tolist() == [CLS, MASK, 17, SEP]


def test_deleted_subwords_are_noted_behind_the_one_before() -> None:
    made = SOURCE.assemble([(0, 10)])
    rng = scripted(("random", 0.5), ("permutation", [5, 10, 6, 1, 2, 3, 4, 7, 8, 9]))
    Deletion(Masking(rate=0.3)).corrupt(made, SOURCE, rng)
    assert made.ids.tolist() == [CLS, 10, 11, 12, 13, 16, 17, 18, SEP]
    assert lines(made) == [[0, 0], [1, 0], [2, 0], [3, 0], [4, 2, 14, 15], [5, 0], [6, 0], [7, 1, 19], [8, 0]]
    assert made.positions.tolist() == list(range(9))


@over(sources(), seeds, st.floats(0.05, 0.9))
def test_infilled_text_can_be_restored(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, rate: float
) -> None:
    source, pieces = given_
    made, whole = source.assemble(pieces), source.assemble(pieces)
    Infilling(Masking(rate, PoissonSpans(longest=2), masked=1, random=0), empty=0.5).corrupt(made, source, rng)
    assert same_length(made) and len(made) <= len(whole)
    noted = {line[0]: line[2:] for line in lines(made)}
    assert sorted(noted) == np.flatnonzero(made.ids == MASK).tolist()
    restored = [i for p, old in enumerate(made.ids.tolist()) for i in noted.get(p, [old])]
    longest = max(map(len, noted.values()))
    if longest < Infilling.most:
        assert restored == whole.clean.tolist()


@over(sources(), seeds, st.floats(0.05, 0.5))
def test_deleted_text_can_be_restored(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, rate: float
) -> None:
    source, pieces = given_
    made, whole = source.assemble(pieces), source.assemble(pieces)
    Deletion(Masking(rate)).corrupt(made, source, rng)
    assert same_length(made) and len(made) < len(whole)
    noted = {line[0]: line[2:] for line in lines(made)}
    assert sorted(noted) == list(range(min(len(made), Deletion.slots)))
    if max(map(len, noted.values())) < Deletion.most and len(made) <= Deletion.slots:
        assert [i for p, old in enumerate(made.ids.tolist()) for i in (old, *noted[p])] == whole.clean.tolist()


def test_no_more_than_most_missing_subwords_are_asked_for() -> None:
    source = Source(stream([10] * 20, [0], [0, 20], [0, 20]), SYMBOLS)  # one word of 20 subwords
    made = source.assemble([(0, 20)])
    Infilling(Masking(0.3, WholeWords())).corrupt(made, source, np.random.default_rng(0))
    assert lines(made) == [[1, 12, *[10] * 12]]


def test_amounts_and_contents_are_scored_at_their_places(model: torch.nn.Module) -> None:
    objective = Deletion(Masking(rate=0.3))
    first, second = SOURCE.assemble([(0, 10)]), SOURCE.assemble([(10, 12)])
    objective.corrupt(first, SOURCE, scripted(("random", 0.5), ("permutation", [5, 10, 6, 1, 2, 3, 4, 7, 8, 9])))
    objective.corrupt(second, SOURCE, scripted(("random", 0.9), ("permutation", [1, 2])))
    batch, head = packed(second, first), head_of(objective, model)
    read = reading(model, batch)
    at = {k: batch.firsts[k].tolist() for k in (0, 1)}
    missing = {(1, 4): [14, 15], (1, 7): [19], (0, 0): [20]}
    amount = content = 0.0
    for k, made in ((0, second), (1, first)):
        for p in range(len(made)):
            state = read.states[at[k][0], at[k][1] + p]
            gone = missing.get((k, p), [])
            amount -= float(log_softmax(head.amount(state), -1)[len(gone)])  # type: ignore[operator]
            for place, label in enumerate(gone):
                guess = head.layers(torch.cat([state, head.places.weight[place]]))  # type: ignore[operator,union-attr,index]
                content -= float(log_softmax(model.get_input_embeddings().weight @ guess, -1)[label])  # type: ignore[operator,union-attr]
    losses = objective.losses(read, head)
    assert float(losses["amount"]) == pytest.approx(amount, rel=1e-4)
    assert float(losses["content"]) == pytest.approx(content, rel=1e-4)
    assert objective.counts(batch) == {"amount": 12, "content": 4}


# conditions


def test_a_condition_is_every_positions_segment() -> None:
    objective = ConditionalMLM(labels=(0, 1), mlm=MLM(Masking(rate=0.25)))
    rng = scripted(("random", 0.5), ("permutation", [3, 1, 2, 4]), ("random", [0.5]), ("choice", [50]))
    found = draft((objective,), ((13, 17),), SOURCE, rng)
    assert found.segments.tolist() == [1] * 6
    assert found.ids.tolist() == [CLS, 23, 24, MASK, 26, SEP]
    assert found.targets == {"condition": 1}


def test_a_condition_is_words_in_front_that_are_never_masked() -> None:
    objective = ConditionalMLM(labels=(1, 0), how="words", names=((30,), (31, 32)), mlm=MLM(Masking(rate=0.25)))
    rng = scripted(("random", 0.5), ("permutation", [3, 1, 2, 4]), ("random", [0.5]), ("choice", [50]))
    found = draft((objective,), ((3, 7),), SOURCE, rng)
    assert found.ids.tolist() == [CLS, 31, 32, SEP, 13, 14, MASK, 16, SEP]
    assert found.clean.tolist() == [CLS, 31, 32, SEP, 13, 14, 15, 16, SEP]
    assert found.labels.tolist() == [NO] * 6 + [15, NO, NO]
    assert found.words.tolist() == [-1, -1, -1, -1, 4, 4, 4, 5, -1]
    assert found.segments.tolist() == [0] * 9 and found.positions.tolist() == list(range(9))


def test_a_document_without_a_label_is_named() -> None:
    with pytest.raises(BadRequest, match="document 1 has no label, there are 1"):
        ConditionalMLM(labels=(0,)).arrange(((10, 14),), SOURCE, np.random.default_rng(0))


@over(streams(), seeds, st.sampled_from(["segment", "words"]))
def test_a_condition_is_that_of_the_documents_own_label(found: Any, rng: np.random.Generator, how: Any) -> None:
    names = ((30,), (31, 32), (33,))
    labels = tuple(rng.integers(3, size=len(found.documents) - 1).tolist())
    source = Source(found, SYMBOLS)
    for document, first in enumerate(found.documents[:-1].tolist()):
        made = draft((ConditionalMLM(labels=labels, how=how, names=names),), ((first, first + 1),), source, rng)
        label = labels[document]
        assert same_length(made)
        if how == "segment":
            assert set(made.segments) == {label}
        else:
            assert tuple(made.ids[1 : 1 + len(names[label])]) == names[label]


# the plain loss


def test_the_loss_is_the_cross_entropy_of_the_models_own_head(model: torch.nn.Module) -> None:
    made = SOURCE.assemble([(0, 10)])
    made.ids[[2, 5]], made.labels[[2, 5]] = MASK, (11, 14)
    batch = packed(made)
    logits = model(input_ids=batch.ids, token_type_ids=batch.segments).logits[0]
    expected = cross_entropy(logits[[2, 5]], torch.tensor([11, 14]), reduction="sum")
    assert float(MLM().losses(Reading(model, batch), None)["mlm"]) == pytest.approx(float(expected), rel=1e-5)
    assert MLM().counts(batch) == {"mlm": 2}


@pytest.mark.parametrize("objective", [MLM(), NSP(), SpanBoundary(), Deletion()], ids=lambda o: type(o).__name__)
def test_every_part_of_a_loss_trains_the_layers_and_the_objectives_own_parameters(
    objective: Objective, model: torch.nn.Module
) -> None:
    pieces = ((0, 3), (3, 10)) if objective.pieces == 2 else ((0, 10),)
    batch = packed(draft((objective,), pieces, SOURCE, np.random.default_rng(0)))
    torch.manual_seed(0)
    head = objective.head(model)
    layer = model.base_model.encoder.layer[0].output.dense.weight  # type: ignore[union-attr,index]
    with torch.enable_grad():
        losses = objective.losses(Reading(model, batch), head)
        for loss in losses.values():
            assert torch.autograd.grad(loss, layer, retain_graph=True)[0].abs().sum() > 0
        own = list(head.parameters()) if head is not None else []
        found = torch.autograd.grad(sum(losses.values()), own, allow_unused=True) if own else ()  # type: ignore[arg-type]
    assert all(g is not None for g in found)


NOTHING: list[tuple[Objective, Callable[[Draft], None]]] = [
    (MLM(), lambda d: None), (SpanBoundary(), lambda d: None), (WordOrder(), lambda d: None),
    (Infilling(), lambda d: d.targets.update(missing=np.full((Infilling.slots, 14), -1))),
]  # fmt: skip


@pytest.mark.parametrize(("objective", "note"), NOTHING, ids=lambda x: type(x).__name__)
def test_where_nothing_is_to_predict_the_loss_is_nought(
    objective: Objective, note: Callable[[Draft], None], model: torch.nn.Module
) -> None:
    made = SOURCE.assemble([(0, 5)])
    note(made)
    batch = packed(made)
    torch.manual_seed(0)
    losses = objective.losses(Reading(model, batch), objective.head(model))
    assert set(losses) == set(objective.weights()) == set(objective.counts(batch))
    assert all(isinstance(v, Tensor) and float(v) == 0 for v in losses.values())
    assert set(objective.counts(batch).values()) == {0}


# translations


def test_a_translation_counts_its_own_positions_and_is_masked_as_the_sentence_is() -> None:
    found = draft((TranslationLM(Masking(rate=0.5)),), ((0, 3), (3, 7)), SOURCE, np.random.default_rng(0))
    assert found.clean.tolist() == [CLS, 10, 11, 12, SEP, 13, 14, 15, 16, SEP]
    assert found.segments.tolist() == [0] * 5 + [1] * 5
    assert found.positions.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    both = [
        draft((TranslationLM(Masking(rate=0.5)),), ((0, 3), (3, 7)), SOURCE, np.random.default_rng(k))
        for k in range(20)
    ]
    masked = np.concatenate([np.flatnonzero(d.labels != NO) for d in both])
    assert set(masked.tolist()) == {1, 2, 3, 5, 6, 7, 8}


def test_the_model_reads_the_positions_of_a_translation() -> None:
    model = tiny("bert").model.eval()
    made = draft((TranslationLM(),), ((0, 3), (3, 7)), SOURCE, np.random.default_rng(0))
    batch = collate([made], length=10, pad=0)
    assert batch.visible is None
    with torch.no_grad():
        found = Reading(model, batch).states
        own = model.base_model(batch.ids, token_type_ids=batch.segments, position_ids=batch.positions)[0]
        along = model.base_model(batch.ids, token_type_ids=batch.segments)[0]
    assert torch.equal(found, own)
    assert (found - along).abs().max() > 1e-2


def test_a_family_that_counts_along_the_row_cannot_read_translations() -> None:
    made = draft((TranslationLM(),), ((0, 3), (3, 7)), SOURCE, np.random.default_rng(0))
    with pytest.raises(BadRequest, match="counts positions along the row"):
        _ = Reading(tiny("mpnet").model, collate([made], length=10, pad=0)).states
