"""Prediction by attention masks: who sees whom, by hand, and that nothing leaks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from bertology.encoder.head import mlm_logits
from bertology.train.batch import collate
from bertology.train.draft import Draft, Piece, Source
from bertology.train.objectives.objective import Objective, draft
from bertology.train.objectives.two_stream import EveryToken, MPNet, PermutationLM, PseudoMaskedLM, factorisation
from bertology.train.reading import Reading
from tests.encoder.tiny import tiny
from tests.train.hand import (
    ARRAYS,
    CLS,
    MASK,
    NO,
    SEP,
    SOURCE,
    matrix,
    over,
    same_length,
    scripted,
    seeds,
    sources,
    within,
)

FAMILIES = ("bert", "modernbert", "roberta", "distilbert", "albert", "nomic_bert")
OBJECTIVES = (PermutationLM(k=2), MPNet(rate=0.5), EveryToken())
PIECE = ((3, 7),)
ORDER = ("permutation", [3, 1, 4, 2])
"""[CLS] 13 14 15 16 [SEP] in the order 3, 1, 4, 2: ranks 0 2 4 1 3 0; of it 4 and 2 are predicted."""


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def models() -> dict[str, torch.nn.Module]:
    """Tiny models with more layers than a leak needs to come round."""
    named = {family: {"n_layers" if family == "distilbert" else "num_hidden_layers": 4} for family in FAMILIES}
    return {family: tiny(family, scale=3.0, **layers).model.eval() for family, layers in named.items()}


def test_an_order_ranks_special_tokens_first_and_predicts_its_end() -> None:
    rank, predicted = factorisation(SOURCE.assemble(PIECE), 0.5, scripted(ORDER))
    assert rank.tolist() == [0, 2, 4, 1, 3, 0]
    assert predicted.tolist() == [4, 2]


def test_permutation_sees_what_came_before_in_the_order() -> None:
    found = draft((PermutationLM(k=2),), PIECE, SOURCE, scripted(ORDER))
    assert found.ids.tolist() == [CLS, 13, 14, 15, 16, SEP, MASK, MASK]
    assert found.clean.tolist() == [CLS, 13, 14, 15, 16, SEP, 16, 14]
    assert found.positions.tolist() == [0, 1, 2, 3, 4, 5, 4, 2]
    assert found.labels.tolist() == [NO] * 6 + [16, 14]
    assert found.words.tolist() == [-1, 4, 4, 4, 5, -1, -1, -1]
    assert found.visible is not None and found.visible.tolist() == matrix(
        "100001 00",  # [CLS]
        "110101 00",  # 13, second
        "111111 00",  # 14, last
        "100101 00",  # 15, first
        "110111 00",  # 16, third
        "100001 00",  # [SEP]
        "110101 10",  # the query of 16: what came before it, and itself
        "110111 01",  # the query of 14
    )


def test_mpnet_sees_all_places_throughout() -> None:
    found = draft((MPNet(rate=0.5),), PIECE, SOURCE, scripted(ORDER))
    assert found.ids.tolist() == [CLS, 13, 14, 15, 16, SEP, MASK, MASK, MASK, MASK]
    assert found.positions.tolist() == [0, 1, 2, 3, 4, 5, 4, 2, 4, 2]
    assert found.labels.tolist() == [NO] * 8 + [16, 14]
    assert found.visible is not None and found.visible.tolist() == matrix(
        "110101 11 00",  # [CLS]: what is not predicted, and [MASK] at 4 and 2
        "110101 11 00",
        "111111 00 00",  # 14, last: itself, and 16 before it
        "110101 11 00",
        "110111 01 00",  # 16: itself, and [MASK] at 2, which comes later
        "110101 11 00",
        "110101 11 00",  # [MASK] at 4
        "110101 11 00",  # [MASK] at 2
        "110101 11 00",  # the query of 16: both places are open
        "110111 01 00",  # the query of 14: knows 16
    )


def test_every_token_is_predicted_from_two_towers() -> None:
    found = draft((EveryToken(),), ((3, 5),), SOURCE, np.random.default_rng(0))
    assert found.ids.tolist() == [CLS, 13, 14, SEP, CLS, 13, 14, SEP, MASK, MASK]
    assert found.positions.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 1, 2]
    assert found.labels.tolist() == [NO] * 8 + [13, 14]
    assert found.visible is not None and found.visible.tolist() == matrix(
        "1000 0000 00", "1100 0000 00", "1110 0000 00", "1111 0000 00",
        "0000 1111 00", "0000 0111 00", "0000 0011 00", "0000 0001 00",
        "1000 0011 10", "1100 0001 01",
    )  # fmt: skip


class Given(PseudoMaskedLM):
    """Units 16 and 14-15 of PIECE, in this order."""

    @property
    def masking(self) -> Any:  # type: ignore[override]
        return type("Chosen", (), {"choose": lambda *_: [np.array([2, 3]), np.array([4])]})()


def test_pseudo_masks_predict_unit_after_unit_beside_the_masked_text() -> None:
    found = SOURCE.assemble(PIECE)
    PseudoMaskedLM.corrupt(object.__new__(Given), found, SOURCE, scripted(("permutation", [1, 0])))
    assert found.ids.tolist() == [CLS, 13, MASK, MASK, MASK, SEP, 16, 14, 15, MASK, MASK, MASK]
    assert found.clean.tolist() == [CLS, 13, 14, 15, 16, SEP, 16, 14, 15, 16, 14, 15]
    assert found.positions.tolist() == [0, 1, 2, 3, 4, 5, 4, 2, 3, 4, 2, 3]
    assert found.labels.tolist() == [NO, NO, 14, 15, 16, NO, NO, NO, NO, 16, 14, 15]
    text, known = "111111 000 000", "110001"
    assert found.visible is not None and found.visible.tolist() == matrix(
        *[text] * 6,
        known + "100 000",  # the content of 16: the known text and itself
        known + "111 000",  # 14: 16 before it, and its own unit
        known + "111 000",
        known + "000 100",  # the pseudo-mask of 16
        known + "100 011",  # of 14: knows 16, sees the other place of its unit
        known + "100 011",
    )


@over(sources(), seeds)
def test_no_path_leads_from_a_unit_to_its_pseudo_masks(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator
) -> None:
    source, pieces = given_
    found = draft((PseudoMaskedLM(),), pieces, source, rng)
    assert same_length(found) and found.visible is not None
    reach = (found.visible | np.eye(len(found), dtype=bool)).astype(np.float32)
    for _ in range(int(np.log2(len(found))) + 1):
        reach = (reach @ reach > 0).astype(np.float32)
    predicting = np.flatnonzero(found.labels != NO)
    assert len(predicting) % 2 == 0
    for query in predicting:
        tells = (found.positions == found.positions[query]) & (found.ids != MASK)
        assert tells.any() and not reach[query, tells].any()


def test_copies_keep_the_segment_of_their_place() -> None:
    for objective in OBJECTIVES:
        found = draft((objective,), ((3, 6), (6, 9)), SOURCE, np.random.default_rng(0))
        assert (found.segments == np.array([0] * 5 + [1] * 4)[found.positions]).all()


@over(sources(), seeds, st.sampled_from(OBJECTIVES))
def test_queries_carry_the_labels_and_the_text_stays_as_it_is(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, objective: Objective
) -> None:
    source, pieces = given_
    whole, found = source.assemble(pieces), draft((objective,), pieces, source, rng)
    n, query = len(whole), np.flatnonzero(found.labels != NO)
    assert same_length(found) and found.visible is not None and found.visible.shape == (len(found), len(found))
    assert all((getattr(found, name)[:n] == getattr(whole, name)).all() for name in ARRAYS)
    assert (found.ids[query] == MASK).all() and (found.words[n:] == -1).all()
    assert (found.labels[query] == whole.clean[found.positions[query]]).all()
    assert len(set(found.positions[query])) == len(query) > 0
    assert (found.words[found.positions[query]] >= 0).all()
    assert found.visible.any(1).all()  # nobody is left with nothing to attend to


@over(sources(), seeds, st.sampled_from(OBJECTIVES))
def test_no_path_of_attention_leads_from_a_token_to_its_query(
    given_: tuple[Source, tuple[Piece, ...]], rng: np.random.Generator, objective: Objective
) -> None:
    """However many layers: the transitive closure of who sees whom."""
    source, pieces = given_
    found = draft((objective,), pieces, source, rng)
    assert found.visible is not None
    reach = (found.visible | np.eye(len(found), dtype=bool)).astype(np.float32)
    for _ in range(int(np.log2(len(found))) + 1):
        reach = (reach @ reach > 0).astype(np.float32)
    for query in np.flatnonzero(found.labels != NO):
        tells = (found.positions == found.positions[query]) & (found.ids != MASK)
        assert tells.any() and not reach[query, tells].any()


def logits_of(model: torch.nn.Module, made: Draft) -> tuple[np.ndarray, torch.Tensor]:
    """The places of the queries in their order, and their logits."""
    query = np.flatnonzero(made.labels != NO)
    states = Reading(model, collate([made], length=len(made), pad=0)).states[0, query]
    return made.positions[query], mlm_logits(model, states)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_a_token_changes_later_queries_alone(
    objective: Objective, family: str, models: dict[str, torch.nn.Module]
) -> None:
    model = models[family]
    made = draft((objective,), ((0, 10),), SOURCE, np.random.default_rng(3))
    order, before = logits_of(model, made)
    assert len(order) == (10 if isinstance(objective, EveryToken) else 5)
    for k, place in enumerate(order):
        content = (made.positions == place) & (made.ids != MASK)
        assert content.sum() == (2 if isinstance(objective, EveryToken) else 1)
        kept = made.ids.copy()
        made.ids[content] = 60
        change = (logits_of(model, made)[1] - before).abs().amax(-1).numpy()
        made.ids = kept
        blind = np.arange(len(order)) == k if isinstance(objective, EveryToken) else np.arange(len(order)) <= k
        assert change[blind].max() < 1e-5
        assert (change[~blind] > 1e-3).all()


@pytest.mark.parametrize("family", ["bert", "modernbert"])
@pytest.mark.parametrize("objective", [PermutationLM(k=2), MPNet(rate=0.5)], ids=lambda o: type(o).__name__)
def test_what_is_not_predicted_changes_every_query(
    objective: Objective, family: str, models: dict[str, torch.nn.Module]
) -> None:
    made = draft((objective,), ((0, 10),), SOURCE, np.random.default_rng(3))
    order, before = logits_of(models[family], made)
    for place in set(range(1, 11)) - set(order.tolist()):
        kept = made.ids.copy()
        made.ids[place] = 60
        assert ((logits_of(models[family], made)[1] - before).abs().amax(-1) > 1e-3).all()
        made.ids = kept


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tokens_loss_is_that_of_one_position_at_a_time(family: str, models: dict[str, torch.nn.Module]) -> None:
    model, objective = models[family], EveryToken()
    made = draft((objective,), ((0, 10),), SOURCE, np.random.default_rng(0))
    together = float(objective.losses(Reading(model, collate([made], length=64, pad=0)), None)["mlm"])
    text, alone = [CLS, *range(10, 20), SEP], 0.0
    for place in range(1, 11):
        left, right = place, len(text) - place - 1
        visible = np.zeros((left + right + 1,) * 2, dtype=bool)
        visible[:left, :left] = np.tri(left, dtype=bool)
        visible[left:-1, left:-1] = np.tri(right, dtype=bool).T
        visible[-1] = True
        n = len(visible)
        one = Draft(
            np.array(text[:place] + text[place + 1 :] + text[place : place + 1]),
            np.array([*text[:place], *text[place + 1 :], MASK]), np.full(n, -1), np.zeros(n, dtype=int),
            np.array([*range(place), *range(place + 1, len(text)), place]), np.array([NO] * (n - 1) + [text[place]]), visible,
        )  # fmt: skip
        alone += float(objective.losses(Reading(model, collate([one], length=64, pad=0)), None)["mlm"])
    assert together == pytest.approx(alone, rel=1e-5)


def test_every_token_counts_all_and_the_others_their_share() -> None:
    counts: dict[str, Any] = {}
    for objective in (PermutationLM(), MPNet(), EveryToken()):
        made = [draft((objective,), ((a, 20),), SOURCE, np.random.default_rng(a)) for a in (0, 8)]
        counts[type(objective).__name__] = objective.counts(collate(made, length=64, pad=0))["mlm"]
    assert counts == {"PermutationLM": 3 + 2, "MPNet": 3 + 2, "EveryToken": 20 + 12}


def test_every_position_is_predicted_equally_often() -> None:
    made, rng = SOURCE.assemble([(0, 10), (10, 20)]), np.random.default_rng(1)
    places = np.concatenate([factorisation(made, 0.15, rng)[1] for _ in range(2000)])
    assert len(places) == 2000 * 3
    assert all(within((places == place).mean(), 1 / 20, len(places), 3.5) for place in made.maskable)
