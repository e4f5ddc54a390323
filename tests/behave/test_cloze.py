"""Cloze items answered: what is compared, what is not, and how many."""

import numpy as np
import pytest

from bertology.behave import cloze
from bertology.behave.gaps import fill
from bertology.behave.malformed import without
from bertology.corpus.cloze import ClozeItem
from bertology.report import charts
from tests.encoder.tiny import tiny

CONTEXT = "the [MASK] sit on mats"


def answers(*words: str, context: str = CONTEXT) -> cloze.Answers:
    encoder = tiny("bert")
    gaps = cloze.gaps((context, word) for word in words)
    return cloze.Answers(encoder, gaps, fill(encoder, gaps))


def test_the_likelier_word_is_preferred_and_a_word_never_to_itself() -> None:
    who = answers("cats", "birds")
    likely, unlikely = sorted(((CONTEXT, w) for w in ("cats", "birds")), key=who.log, reverse=True)
    assert (who.prefers(likely, unlikely), who.prefers(unlikely, likely), who.prefers(likely, likely)) == (1, 0, 0)
    assert who.prefers(likely, unlikely, margin=np.exp(who.log(likely)) - np.exp(who.log(unlikely)) - 1e-6) == 1
    assert who.prefers(likely, unlikely, margin=np.exp(who.log(likely)) - np.exp(who.log(unlikely)) + 1e-6) == 0


def test_words_of_unlike_numbers_of_subwords_are_not_compared_but_counted() -> None:
    who = answers("cats", "old dog")
    assert np.isnan(who.prefers((CONTEXT, "cats"), (CONTEXT, "old dog")))
    assert who.unread == {"whose words have unlike numbers of subwords": 1}
    assert "Left out: 2 odd; 1 comparisons whose" in cloze.note("All.", {"odd": 2}, who)


def test_words_without_a_subword_are_left_out_and_counted() -> None:
    who = answers("cats", "☃")
    assert not who.writes("☃") and np.isnan(who.log((CONTEXT, "☃"))) and np.isnan(who.rank((CONTEXT, "☃")))
    assert np.isnan(who.prefers((CONTEXT, "cats"), (CONTEXT, "☃")))
    assert who.unread == {"with a word that the encoder cannot write": 1}


def test_a_context_longer_than_the_encoder_is_left_out_and_counted() -> None:
    encoder = tiny("bert")
    long = "sit " * (encoder.max_length + 1) + "[MASK]"
    gaps = cloze.gaps([(long, "cats"), (long, "birds"), (CONTEXT, "cats")])
    who = cloze.Answers(encoder, gaps, fill(encoder, gaps))
    assert np.isnan(who.prefers((long, "cats"), (long, "birds"))) and who.unread == {"that the encoder cannot read": 1}


@pytest.mark.parametrize("family", ["bert", "roberta", "albert", "modernbert"])
def test_single_words_are_those_that_get_a_rank(family: str) -> None:
    encoder = tiny(family)
    words = ("cats", "birds", "old dog", "dog", "mats")
    found = fill(encoder, cloze.gaps((CONTEXT, word) for word in words))
    assert cloze.single(encoder, words) == tuple(w for w, n in zip(words, found.pieces, strict=True) if n == 1)


def test_an_expected_word_counts_when_it_is_among_the_first() -> None:
    who = answers("cats", "birds", "old dog")
    best = int(min(who.rank((CONTEXT, w)) for w in ("cats", "birds")))
    assert who.first(CONTEXT, ("cats", "birds"), k=best) == 1
    assert who.first(CONTEXT, ("cats", "birds"), k=best - 1) == 0
    assert np.isnan(who.first(CONTEXT, ("old dog",)))


def test_each_item_is_a_block_of_its_own_and_groups_stay_together() -> None:
    assert cloze.tally([1.0, 0.0, np.nan]).weight.tolist() == [1, 1, 0]
    assert cloze.tally([1.0, 0.0, 1.0], np.array([0, 0, 1])).weight.tolist() == [2, 1]


def test_role_pairs_go_by_cloze_value_then_by_what_is_expected() -> None:
    item = lambda id, context, **labels: ClozeItem(
        id, f"{context} [MASK].", "eaten", (), {"set": "ROLE", "pair": id[0], **labels}
    )
    a, b = item("1a", "fox hen", expected=("feared",)), item("1b", "hen fox", expected=("eaten",))
    assert cloze.role_pairs([a, b])[0] == [(b, a)]
    by_value = [i._replace(labels={**i.labels, "tgt_cloze": v}) for i, v in ((a, 0.4), (b, 0.1))]
    assert cloze.role_pairs(by_value)[0] == [(by_value[0], by_value[1])]
    lone, same = item("2a", "x", expected=()), item("3a", "y", expected=("eaten",))
    assert cloze.role_pairs([lone, same, same._replace(id="3b")]) == (
        [], {"items that are not two a pair": 1, "pairs of which neither context fits the target better": 1}
    )  # fmt: skip


def test_the_mark_between_item_and_side_is_the_one_that_the_report_knows() -> None:
    assert cloze.SIDES == charts.SIDES
    assert without(ClozeItem("x", "[MASK] it is.", "so", (), {"subject": "it"}), "subject") is None
