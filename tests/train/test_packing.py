"""Drafts in rows: what packing keeps, which families can do it, and that no loss depends on the cut."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from bertology.encoder.families import AFTER_PADDING, FAMILIES
from bertology.record.errors import BadRequest
from bertology.train.batch import TrainingBatch, collate
from bertology.train.draft import Draft, Piece, Source
from bertology.train.objectives.conditional import ConditionalMLM
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.missing_text import Deletion, Infilling
from bertology.train.objectives.mlm import MLM, TranslationLM
from bertology.train.objectives.objective import Objective, draft
from bertology.train.objectives.replaced_tokens import ReplacedTokens
from bertology.train.objectives.sentences import NSP, SOP, Distance, NextPrevious, Reordering
from bertology.train.objectives.span_boundary import SpanBoundary
from bertology.train.objectives.two_stream import EveryToken, MPNet, PermutationLM, PseudoMaskedLM
from bertology.train.objectives.word_order import WordOrder
from bertology.train.reading import Reading, inputs
from tests.encoder.tiny import tiny
from tests.train.hand import ARRAYS, NO, SOURCE, matrix, over, seeds, sources

PAD = 0


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


# rows


def test_rows_by_hand() -> None:
    made = [SOURCE.assemble([piece]) for piece in ((0, 2), (3, 7), (7, 8))]  # 4, 6 and 3 positions
    made[1].labels[2] = 14
    made[0].visible = np.tri(4, dtype=bool)
    for k, found in enumerate(made):
        found.targets["kind"] = k + 5
    batch = collate(made, length=8, pad=PAD)
    assert batch.ids.tolist() == [[2, 13, 14, 15, 16, 3, 0], [2, 10, 11, 3, 2, 17, 3]]
    assert batch.example.tolist() == [[1, 1, 1, 1, 1, 1, -1], [0, 0, 0, 0, 2, 2, 2]]
    assert batch.positions.tolist() == [[0, 1, 2, 3, 4, 5, 0], [0, 1, 2, 3, 0, 1, 2]]
    assert batch.words.tolist() == [[-1, 4, 4, 4, 5, -1, -1], [-1, 1, 1, -1, -1, 8, -1]]
    assert batch.labels.tolist() == [[NO, NO, 14, NO, NO, NO, NO], [NO] * 7]
    assert batch.firsts.tolist() == [[1, 0], [0, 0], [1, 4]]
    assert batch.targets["kind"].tolist() == [5, 6, 7]
    assert batch.n_tokens == 13
    assert batch.visible is not None
    assert batch.visible[0].tolist() == matrix(*["111111 0"] * 6, "000000 1")
    assert batch.visible[1].tolist() == matrix("1000 000", "1100 000", "1110 000", "1111 000", *["0000 111"] * 3)


def test_unpacked_each_draft_has_a_row_of_its_own() -> None:
    made = [SOURCE.assemble([piece]) for piece in ((0, 2), (3, 7))]
    batch = collate(made, length=20, pad=PAD, packed=False)
    assert batch.ids.tolist() == [[2, 10, 11, 3, 0, 0], [2, 13, 14, 15, 16, 3]]
    assert batch.firsts.tolist() == [[0, 0], [1, 0]]


def test_full_rows_need_no_mask() -> None:
    made = [SOURCE.assemble([piece]) for piece in ((0, 4), (4, 8))]
    assert collate(made, length=6, pad=PAD).visible is None
    assert collate(made, length=12, pad=PAD).visible is not None


def test_the_longest_drafts_are_placed_first() -> None:
    made = [SOURCE.assemble([(0, n - 2)]) for n in (3, 6, 4, 7, 5, 3)]
    batch = collate(made, length=10, pad=PAD)
    assert [sorted(set(row.tolist()) - {-1}) for row in batch.example] == [[0, 3], [1, 2], [4, 5]]


def test_a_draft_beyond_the_length_has_a_row_of_its_own() -> None:
    made = [SOURCE.assemble([(0, n - 2)]) for n in (4, 12)]
    assert [set(row.tolist()) - {-1} for row in collate(made, length=8, pad=PAD).example] == [{1}, {0}]


@over(sources(), seeds, st.integers(8, 60), st.booleans())
def test_a_batch_holds_each_draft_once_and_nobody_sees_another(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, length: int, packed: bool
) -> None:
    source, pieces = given_
    objectives: list[Objective] = [MLM(), PermutationLM(), EveryToken(), MLM()]
    made = [draft((objective,), (piece,), source, rng) for objective in objectives for piece in pieces]
    batch = collate(made, length=length, pad=PAD, packed=packed)
    assert batch.n_tokens == sum(map(len, made))
    assert packed or len(batch.ids) == len(made)
    for k, found in enumerate(made):
        row, first = batch.firsts[k].tolist()
        here = slice(first, first + len(found))
        assert (batch.example[row, here] == k).all()
        for name in ARRAYS:
            assert getattr(batch, name)[row, here].tolist() == getattr(found, name).tolist()
        assert batch.visible is not None
        sees = batch.visible[row, here]
        assert (sees[:, here].numpy() == (True if found.visible is None else found.visible)).all()
        assert int(sees.sum()) == int(sees[:, here].sum())
    for row, column in torch.nonzero(~batch.real).tolist():
        assert batch.visible is not None and torch.nonzero(batch.visible[row, column])[:, 0].tolist() == [column]
        assert batch.ids[row, column] == PAD and batch.labels[row, column] == NO and batch.words[row, column] == -1
    if packed:
        filled = batch.real.sum(1)
        assert all(
            n <= length or len(set(row[row >= 0].tolist())) == 1 for n, row in zip(filled, batch.example, strict=True)
        )


# families

UNSHARED = {
    "roformer": "takes no position ids", "esm": "takes no attention mask", "longformer": "takes no attention mask",
    "deberta": "takes no attention mask", "deberta-v2": "takes no attention mask", "mobilebert": "mixes neighbouring",
}  # fmt: skip
UNPADDED = {"convbert": "convolves", "nystromformer": "convolves", "fnet": "mixes all"}
ONE_STREAM = {**UNSHARED, **UNPADDED, "mpnet": "counts distances along the row"}


def drafts() -> list[Draft]:
    """Lengths 15, 5, 14 and 3; one holds the ids of padding and of an unknown word."""
    made = [SOURCE.assemble(pieces) for pieces in ([(0, 13)], [(2, 5)], [(13, 20), (5, 9)], [(9, 10)])]
    made[0].ids[[4, 9]] = 0, 1
    return made


def apart(model: torch.nn.Module, made: list[Draft], batch: TrainingBatch) -> float:
    """The greatest difference of states in a batch from those of the same drafts one a row, without padding."""
    states, found = Reading(model, batch).states, 0.0
    for k, one in enumerate(made):
        row, first = batch.firsts[k].tolist()
        alone = collate([one], length=64, pad=PAD)
        assert alone.visible is None
        difference = states[row, first : first + len(one)] - Reading(model, alone).states[0]
        found = max(found, float(difference.abs().max()))
    return found


def shuffled() -> tuple[Draft, Draft, np.ndarray]:
    """A draft with a `visible` of its own, and the same with its positions in another order."""
    plain, mixed = SOURCE.assemble([(0, 12), (13, 20)]), SOURCE.assemble([(0, 12), (13, 20)])
    order = np.random.default_rng(2).permutation(len(plain))
    plain.visible = np.tri(len(plain), dtype=bool)
    for name in ARRAYS:
        setattr(mixed, name, getattr(mixed, name)[order])
    mixed.visible = plain.visible[np.ix_(order, order)]
    return plain, mixed, order


def states(model: torch.nn.Module, made: Draft) -> torch.Tensor:
    return Reading(model, collate([made], length=64, pad=PAD)).states[0]


VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((family, {}) for family in FAMILIES),
    ("bert", {"attn_implementation": "eager"}),
    ("modernbert", {"attn_implementation": "eager"}),
    ("modernbert", {"local_attention": 4}),
    ("roberta", {"pad_token_id": 5}),
]


@pytest.mark.parametrize(
    ("family", "options"), VARIANTS, ids=lambda x: x if isinstance(x, str) else "-".join(x) or "plain"
)
def test_a_family_reads_shared_rows_as_single_ones_or_refuses(family: str, options: dict[str, Any]) -> None:
    settings = dict(options)
    how = settings.pop("attn_implementation", None)
    model = tiny(family, **settings).model.eval()
    if how:
        model.set_attn_implementation(how)
        assert model.config._attn_implementation == how
    made, (plain, mixed, order) = drafts(), shuffled()
    shared = collate(made, length=20, pad=PAD)
    padded = collate(made, length=20, pad=PAD, packed=False)
    assert len(shared.ids) == 2

    if family in UNPADDED:
        with pytest.raises(BadRequest, match=f"{family} {UNPADDED[family]}"):
            Reading(model, padded).states  # noqa: B018
    else:
        assert apart(model, made, padded) < 1e-5
    if family in UNSHARED | UNPADDED:
        with pytest.raises(BadRequest, match=f"{family} .*rows"):
            Reading(model, shared).states  # noqa: B018
    else:
        assert apart(model, made, shared) < 1e-5
    if family in ONE_STREAM:
        with pytest.raises(BadRequest, match=f"{family} {ONE_STREAM[family]}"):
            states(model, mixed)
    else:
        assert (states(model, plain)[order] - states(model, mixed)).abs().max() < 1e-5


def test_a_shared_row_read_without_its_mask_would_differ() -> None:
    """The comparison sees what it must: states do depend on neighbours, places and segments."""
    model, made = tiny("bert").model.eval(), drafts()
    batch = collate(made, length=20, pad=PAD)
    given_ = inputs(model, batch, batch.ids)
    right = model.base_model(**given_)[0]
    for name in ("attention_mask", "position_ids", "token_type_ids"):
        wrong = model.base_model(**{key: value for key, value in given_.items() if key != name})[0]
        assert (wrong - right).abs().max() > 1e-2


@pytest.mark.parametrize("family", sorted(AFTER_PADDING & {"roberta", "camembert", "mpnet", "data2vec-text"}))
def test_positions_behind_padding_are_the_models_own(family: str) -> None:
    model = tiny(family).model.eval()
    batch = collate([SOURCE.assemble([(0, 10)])], length=12, pad=PAD)
    own = (
        model.base_model(input_ids=batch.ids, token_type_ids=batch.segments)
        if family != "mpnet"
        else model.base_model(batch.ids)
    )
    assert (own[0] - Reading(model, batch).states).abs().max() < 1e-6


# cuts

OBJECTIVES: list[Objective] = [
    MLM(), NSP(), SOP(), NextPrevious(), Reordering(), Distance(), SpanBoundary(), WordOrder(rate=0.3), Infilling(),
    Deletion(), PermutationLM(), MPNet(), EveryToken(), PseudoMaskedLM(), TranslationLM(), ConditionalMLM(labels=(0, 1)),
    ConditionalMLM(labels=(0, 1), how="words", names=((30,), (31, 32))), ReplacedTokens(Masking(0.3, masked=1, random=0)),
]  # fmt: skip
PIECES = {1: (((0, 10),), ((10, 17),), ((3, 7),), ((10, 12),), ((14, 20),)), 2: (((0, 3), (3, 10)), ((10, 14), (14, 17)), ((3, 7), (7, 10))), 3: (((0, 3), (3, 7), (7, 10)), ((10, 14), (14, 17), (17, 20)))}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return tiny("bert", scale=3.0).model.eval()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_losses_do_not_depend_on_the_cut_into_batches(
    objective: Objective, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "rand_like", lambda x: torch.full_like(x, 0.5))  # the same draw for every position
    rng = np.random.default_rng(4)
    made = [draft((objective,), pieces, SOURCE, rng) for pieces in PIECES[objective.pieces]]
    torch.manual_seed(0)
    head = objective.head(model)
    head = head.eval() if head is not None else None
    found = []
    for cut, packed in ((len(made), True), (len(made), False), (1, True), (2, True)):
        batches = [collate(made[k : k + cut], length=64, pad=PAD, packed=packed) for k in range(0, len(made), cut)]
        parts = [objective.losses(Reading(model, batch), head) for batch in batches]
        losses = {name: sum(float(part[name]) for part in parts) for name in objective.weights()}
        counts = {name: sum(objective.counts(batch)[name] for batch in batches) for name in objective.weights()}
        assert all(set(part) == set(losses) for part in parts)
        found.append((losses, counts))
    assert all(n > 0 for n in found[0][1].values())
    for losses, counts in found[1:]:
        assert counts == found[0][1]
        assert losses == pytest.approx(found[0][0], rel=1e-4)


def test_a_batch_moves_whole() -> None:
    batch = collate(drafts(), length=20, pad=PAD)
    moved = batch.to(torch.device("meta"))
    assert {value.device.type for value in vars(moved).values() if isinstance(value, torch.Tensor)} == {"meta"}
    assert set(vars(moved)) == set(vars(batch)) and (moved.visible is None) == (batch.visible is None)
