"""The evaluation harness: its accuracy on pairs is ours, its log-likelihoods are pseudo-log-likelihoods."""

# ruff: noqa: E402 (what needs the harness is imported once it is known to be there)

import json

import numpy as np
import pytest
import torch

lm_eval = pytest.importorskip("lm_eval", reason="the extra lm-eval is not installed")

from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_model
from lm_eval.tasks import TaskManager

from bertology.behave import accuracy, score
from bertology.behave.lm_eval import MaskedLM
from bertology.corpus import grammar, minimal_pairs
from bertology.record.errors import BadCorpus, BadRequest, NotApplicable
from tests.encoder.tiny import tiny
from tests.planted import random_encoder


def ask(lm: MaskedLM, *texts: tuple[str, str]) -> list[tuple[float, bool]]:
    return lm.loglikelihood([Instance("loglikelihood", {}, two, i) for i, two in enumerate(texts)])


def pairs_file(folder, phenomenon: str = "agreement_simple"):
    corpus = grammar.minimal_pairs(40).where(lambda s: s.labels["phenomenon"] == phenomenon, why="others")
    lines = [
        json.dumps({"sentence_good": good.text, "sentence_bad": bad.text, "UID": phenomenon})
        for good, bad in zip(corpus.sentences[0::2], corpus.sentences[1::2], strict=True)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return folder / "pairs.jsonl"


@pytest.mark.parametrize("method", ["pll", "pll-word-l2r"])
def test_accuracy_on_a_paradigm_is_our_own(tmp_path, method) -> None:
    file = pairs_file(tmp_path)
    pairs = minimal_pairs.read(file)
    encoder = random_encoder(
        [pairs], layers=1, heads=2, width=16, mlm=True
    )  # knows all words: the harness takes ties for right
    task = {
        "task": "paradigm", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(file)}}, "test_split": "test",
        "output_type": "multiple_choice", "doc_to_text": "", "doc_to_target": 0, "num_fewshot": 0,
        "doc_to_choice": "{{[sentence_good, sentence_bad]}}", "metric_list": [{"metric": "acc"}],
    }  # fmt: skip
    found = lm_eval.simple_evaluate(
        model=MaskedLM(encoder, method),
        tasks=[task],
        task_manager=TaskManager(include_defaults=False),
        bootstrap_iters=0,
    )
    scores = score(encoder, pairs, method=method)
    own = accuracy(pairs, scores.totals, scores.kept).macro
    assert found["results"]["paradigm"]["acc,none"] == pytest.approx(own.value)
    assert 0 < own.value < 1 and own.n == 40


def test_a_sentence_without_context_has_its_pseudo_log_likelihood(tmp_path) -> None:
    encoder = tiny("bert")
    pairs = minimal_pairs.read(pairs_file(tmp_path))
    values = ask(MaskedLM(encoder), *(("", f" {s.text}") for s in pairs))
    assert np.allclose([value for value, _ in values], score(encoder, pairs).totals, atol=1e-3)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_continuation_is_scored_given_its_context(family) -> None:
    encoder = tiny(family)
    context, continuation = "The cats near", " the old dog"
    made = encoder.tokenizer(context + continuation, return_offsets_mapping=True)
    ids, total, best = torch.tensor([made["input_ids"]]), 0.0, True
    places = [i for i, (a, b) in enumerate(made["offset_mapping"]) if b > a and b > len(context)]
    for place in places:
        masked = ids.clone()
        masked[0, place] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            log = torch.log_softmax(
                encoder.model(input_ids=masked, attention_mask=torch.ones_like(ids)).logits[0, place], -1
            )
        total += float(log[ids[0, place]])
        best &= int(log.argmax()) == int(ids[0, place])
    ((value, greedy),) = ask(MaskedLM(encoder, "pll"), (context, continuation))
    assert value == pytest.approx(total, abs=1e-4) and greedy is best
    assert value > ask(MaskedLM(encoder, "pll"), ("", context + continuation))[0][0]


def test_what_is_likeliest_everywhere_is_greedy() -> None:
    encoder = tiny("bert")
    context, ids = "The cats", encoder.tokenizer("The cats a")["input_ids"]
    ids[-2] = encoder.tokenizer.mask_token_id
    with torch.inference_mode():
        logits = encoder.model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits[0, -2]
    known = [encoder.tokenizer.convert_ids_to_tokens(i) or "" for i in logits.argsort(descending=True).tolist()]
    order = [word for word in known if word.isalpha()]
    values = dict(zip(order, ask(MaskedLM(encoder), *((context, f" {word}") for word in order)), strict=True))
    assert [word for word, (_, greedy) in values.items() if greedy] == [word for word in known[:1] if word.isalpha()]
    assert [v for v, _ in values.values()] == sorted((v for v, _ in values.values()), reverse=True)


def test_long_contexts_lose_their_beginning_and_long_texts_are_cut() -> None:
    encoder, lm = tiny("bert"), MaskedLM(tiny("bert"))
    long = "birds sing . " * 60
    ((value, _),) = ask(lm, (long, " the cats sit"))
    assert np.isfinite(value) and value < 0
    text, border = lm._fitted(long, " the cats sit")
    assert long.endswith(text[:border]) and lm._surplus(text) <= 0
    assert encoder.max_length - len(encoder.tokenizer(text)["input_ids"]) < 40
    (rolled,) = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (long,), 0)])
    windows = list(lm._windows(long))
    assert "".join(windows) == long and len(windows) > 1
    assert rolled == pytest.approx(sum(v for v, _ in ask(lm, *(("", w) for w in windows))))
    with pytest.raises(BadCorpus, match="continuation"):
        ask(lm, ("", long))


def test_it_is_registered_refuses_what_it_cannot_and_generates_nothing() -> None:
    assert get_model("bertology") is MaskedLM
    with pytest.raises(BadRequest, match="pll-word-l2r"):
        MaskedLM(tiny("bert"), "loudness")
    with pytest.raises(NotApplicable, match="head"):
        MaskedLM(tiny("bert", mlm=False))
    with pytest.raises(NotApplicable, match="generates no text"):
        MaskedLM(tiny("bert")).generate_until([])
    assert ask(MaskedLM(tiny("bert")), ("", ""), ("the cats", " ")) == [(0.0, True), (0.0, True)]
