"""Pseudo-log-likelihoods against a plain loop, minimal pairs and n-grams against counting by hand."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from bertology.behave import METHODS, NGrams, accuracy, score
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.record.errors import BadRequest, NotAModel, NotApplicable
from bertology.scoring import score_file
from tests.encoder.tiny import tiny

TEXTS = ("the cats sit on mats", "unbelievable cats did sit", "birds sing near the old dog", "a b c")


def corpus(*texts: str) -> Corpus:
    return Corpus("test", tuple(sentence(t.split(), f"s{k}") for k, t in enumerate(texts)))


def plain_loop(encoder: Encoder, text: str, later_too: bool) -> list[float]:
    """One forward pass a subword, the whole vocabulary at every position."""
    made = encoder.tokenizer(text, return_offsets_mapping=True)
    ids, words = torch.tensor([made["input_ids"]]), made.word_ids()
    found = []
    for place, word in enumerate(words):
        if word is None:
            continue
        masked = ids.clone()
        hidden = [p for p in range(place, len(words)) if words[p] == word] if later_too else [place]
        masked[0, hidden] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(input_ids=masked, attention_mask=torch.ones_like(ids)).logits
        found.append(float(torch.log_softmax(logits[0, place].float(), -1)[ids[0, place]]))
    return found


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "roberta", "distilbert"])
@pytest.mark.parametrize("method", METHODS)
def test_scores_equal_one_forward_pass_for_each_subword(family: str, method: str) -> None:
    encoder = tiny(family)
    scores = score(encoder, corpus(*TEXTS), method=method)
    for k, text in enumerate(TEXTS):
        mine = scores.values[scores.starts[k] : scores.starts[k + 1]]
        assert np.allclose(mine, plain_loop(encoder, text, method == "pll-word-l2r"), atol=1e-4)
    assert np.allclose(
        scores.totals, [scores.values[a:b].sum() for a, b in zip(scores.starts[:-1], scores.starts[1:], strict=True)]
    )


def test_a_word_of_several_subwords_scores_lower_left_to_right() -> None:
    encoder = tiny("bert")
    texts = corpus("sited cats")
    apart, together = score(encoder, texts, method="pll"), score(encoder, texts, method="pll-word-l2r")
    n = len(encoder.encode(texts).lines[0].pieces[0])
    assert n > 1
    assert not np.allclose(apart.values[: n - 1], together.values[: n - 1])
    assert np.allclose(apart.values[n - 1 :], together.values[n - 1 :], atol=1e-6)


def test_batch_size_and_order_change_nothing() -> None:
    encoder = tiny("bert")
    whole, small = score(encoder, corpus(*TEXTS)), score(encoder, corpus(*TEXTS), token_budget=16)
    back = score(encoder, corpus(*TEXTS[::-1]))
    assert np.allclose(whole.values, small.values, atol=1e-5)
    assert np.allclose(whole.totals, back.totals[::-1], atol=1e-4)


def test_bfloat16_drifts_little_and_float32_softmax_is_normalised() -> None:
    encoder = tiny("bert", scale=1.0)
    exact, drifted = score(encoder, corpus(*TEXTS)), score(encoder, corpus(*TEXTS), precision="bfloat16")
    assert 0 < np.abs(exact.values - drifted.values).max() < 0.1


def test_without_a_head_or_with_an_unknown_method_scoring_is_refused(tmp_path) -> None:
    with pytest.raises(NotApplicable):
        score(tiny("bert", mlm=False), corpus(*TEXTS))
    with pytest.raises(BadRequest):
        score(tiny("bert"), corpus(*TEXTS), method="causal")
    (tmp_path / "a.txt").write_text("the cats sit\n")
    with pytest.raises(NotAModel):
        score_file(tiny("bert", mlm=False), tmp_path / "a.txt")


def pairs() -> Corpus:
    made = []
    for k in range(4):
        for good in (True, False):
            labels = {"acceptable": good, "phenomenon": "a" if k < 3 else "b", "pair": str(k)}
            made.append(sentence(["x", str(k), str(good)], f"p{k}{good}", labels=labels, document=str(k)))
    return Corpus("pairs", tuple(made))


def test_accuracy_weighs_phenomena_alike_and_a_tie_is_a_mistake() -> None:
    totals = np.array([-1.0, -2.0, -1.0, -1.0, -3.0, -2.0, -5.0, -6.0])  # right, tie, wrong; right
    found = accuracy(pairs(), totals, np.arange(8))
    assert found.right.tolist() == [True, False, False, True]
    assert found.by_phenomenon["a"].value == pytest.approx(1 / 3) and found.by_phenomenon["b"].value == 1
    assert found.macro.value == pytest.approx((1 / 3 + 1) / 2) and found.macro.n == 4


def test_a_pair_with_an_unscored_side_is_counted_and_left_out() -> None:
    found = accuracy(pairs(), np.array([-1.0, -2.0, -5.0, -6.0]), np.array([0, 1, 6, 7]))
    assert found.macro.n == 2 and sum(found.dropped.values()) == 2


def test_bigrams_equal_counting_by_hand() -> None:
    encoder = tiny("bert")
    model = NGrams(encoder.tokenizer, ["a b", "a c", "a b"], discount=0.5)
    a, b, c = (encoder.tokenizer.convert_tokens_to_ids(x) for x in "abc")
    cls, sep = encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id
    alone = np.ones(len(encoder.tokenizer))
    for x, n in ((a, 3), (b, 2), (c, 1), (sep, 3)):
        alone[x] += n
    alone /= alone.sum()
    after_cls = (3 - 0.5) / 3 + 0.5 * 1 / 3 * alone[a]
    after_a = (2 - 0.5) / 3 + 0.5 * 2 / 3 * alone[b]
    after_b = (2 - 0.5) / 2 + 0.5 * 1 / 2 * alone[sep]
    assert model.log_probability(np.array([cls, a, b, sep]), 2) == pytest.approx(
        np.log([after_cls, after_a, after_b]).sum()
    )
    assert model.log_probability(np.array([cls, a, b, sep]), 1) == pytest.approx(np.log(alone[[a, b, sep]]).sum())
    mass = sum(np.exp(model.log_probability(np.array([a, x]), 2)) for x in range(len(encoder.tokenizer)))
    assert mass == pytest.approx(1.0)


def test_a_file_is_scored_and_its_table_adds_up(tmp_path) -> None:
    (tmp_path / "pairs.jsonl").write_text(
        "\n".join(
            f'{{"sentence_good": "the cats sit {w}", "sentence_bad": "the cats sits {w}", "UID": "x"}}' for w in "abc"
        )
    )
    done = score_file(tiny("bert"), tmp_path / "pairs.jsonl", out=tmp_path / "scores.parquet")
    table = pq.read_table(tmp_path / "scores.parquet")
    assert sum(table["log_probability"].to_pylist()) == pytest.approx(done.scores.totals.sum())
    assert done.pairs is not None and done.pairs.macro.n == 3
    assert any("macro accuracy" in line for line in done.lines()) and done.to_json()["pairs"]["macro"]["n"] == 3
