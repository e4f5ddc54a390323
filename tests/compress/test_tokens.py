"""PoWER-BERT: tokens that leave are gone, what is left computes as if they were there and never attended to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.inference.tokens import PoWERBERT, SoftExtract, computed, configuration, with_retention
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.backend import attention
from bertology.encoder.cut import cut
from bertology.encoder.sites import head
from bertology.encoder.watch import Watcher
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAMILIES = ("bert", "roberta", "distilbert", "albert", "modernbert", "electra", "mpnet", "roformer")
BETWEEN = ("bert", "roberta", "albert", "electra", "mpnet", "roformer")
KEEP = (9, 6, 6, 2)
FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def deep(family: str = "bert", layers: int = 4) -> Encoder:
    return tiny(family, num_hidden_layers=layers, **({"n_layers": layers} if family == "distilbert" else {}))


def given(encoder: Encoder, task: Task, size: int = 8) -> Any:
    return next(batches(encoded(encoder, task, task.train), task, size, 0, encoder.device))


def by_masks(encoder: Encoder, inputs: dict[str, torch.Tensor], keep: tuple[int, ...]) -> torch.Tensor:
    """[CLS] of a plain encoder in which those that would have left are not attended to, one text at a time, by plain loops."""
    vectors = []
    for row in range(len(inputs["input_ids"])):
        n = int(inputs["attention_mask"][row].sum())
        one = {k: v[row : row + 1, :n] for k, v in inputs.items()}
        stay = set(range(n))

        def edit(weights: torch.Tensor, _: Any, layer: int) -> torch.Tensor:
            gone = [k for k in range(n) if k not in stay]  # noqa: B023
            weights = weights.clone()
            weights[..., gone] = 0
            weights = weights / weights.sum(-1, keepdim=True)
            received = {k: float(weights[0, :, sorted(stay), k].sum()) for k in stay if k}  # noqa: B023
            best = sorted(received, key=received.__getitem__, reverse=True)[: keep[layer - 1] - 1]
            stay.intersection_update({0, *best})  # noqa: B023
            return weights

        edits = {
            ("attention", layer): lambda w, c, layer=layer: edit(w, c, layer)
            for layer in range(1, encoder.n_layers + 1)
        }
        watcher = Watcher(encoder.base, encoder.family, encoder.n_heads, encoder.n_layers, frozenset(), edits)  # type: ignore[arg-type]
        with torch.inference_mode(), attention(encoder.model, "eager"), watcher.watching():
            vectors.append(encoder.base(**one)[0][0, 0])
    return torch.stack(vectors)


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_that_left_are_tokens_that_no_one_attends_to(family: str) -> None:
    task, encoder = some(), deep(family)
    less = with_retention(encoder, task, KEEP)
    assert less.config.tokens["between"] == (family in BETWEEN)
    inputs = given(less, task).inputs
    base: Any = less.model.base_model
    last: list[torch.Tensor] = []
    hook = base.register_forward_hook(lambda module, args, output: last.append(output[0]))
    with torch.inference_mode():
        less.model(**inputs)
    hook.remove()
    assert inputs["input_ids"].shape[1] > 10 and last[-1].shape[1] == 2
    assert torch.allclose(last[-1][:, 0], by_masks(less, inputs, KEEP), atol=1e-4)
    assert not torch.allclose(last[-1][:, 0], by_masks(less, inputs, (99,) * 4), atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_said_of_a_text_does_not_depend_on_padding(family: str) -> None:
    task = some()
    less = with_retention(deep(family), task, KEEP)
    batch = given(less, task, 32)
    lengths = batch.inputs["attention_mask"].sum(1)
    with torch.inference_mode():
        together = less.model(**batch.inputs).logits
        for row in (0, 13, 31):
            alone = {k: v[row : row + 1, : int(lengths[row])] for k, v in batch.inputs.items()}
            assert torch.allclose(less.model(**alone).logits[0], together[row], atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert", "modernbert"])
def test_the_feed_forward_computes_what_is_left(family: str) -> None:
    task = some()
    less = with_retention(deep(family), task, KEEP)
    inputs = given(less, task).inputs
    with torch.inference_mode():
        less.model(**inputs)  # how arguments go along with tokens is found once
    seen: list[int] = []
    modules = {m for layer in _layers(less) for n, m in layer.named_modules() if n == less.family.neuron}
    for m in modules:
        m.register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[1]))
    with torch.inference_mode():
        less.model(**inputs)
    whole = inputs["input_ids"].shape[1]
    assert seen == (list(KEEP) if family in BETWEEN else [whole, *KEEP[:-1]])


def _layers(encoder: Encoder) -> Any:
    from bertology.encoder.watch import layer_modules

    return layer_modules(encoder.base, encoder.family)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "modernbert", "electra", "cut"])
def test_a_model_that_drops_tokens_is_saved_and_loaded(family: str, tmp_path: Path) -> None:
    task = some()
    less = with_retention(cut(deep("bert"), head(1, 0)) if family == "cut" else deep(family), task, KEEP)
    less.model.save_pretrained(tmp_path)  # type: ignore[operator]
    less.tokenizer.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = given(less, task).inputs
    with torch.inference_mode():
        assert torch.allclose(less.model(**inputs).logits, again(**inputs).logits, atol=1e-6)
        assert torch.allclose(less.model(**inputs).logits, loaded.model(**inputs).logits, atol=1e-6)
    assert again.config.tokens == less.config.tokens


def test_the_search_keeps_fewer_tokens_the_stronger_it_pushes_and_the_task_is_learnt() -> None:
    task = some(n=60)
    encoder = deep()
    whole = wrap(finetune(encoder, task, FAST).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    before = whole.fingerprint
    method = PoWERBERT(search=replace(FAST, epochs=3), recovery=replace(FAST, epochs=1), repeats=1)
    hard, soft = (replace(method, strength=s)(whole, task) for s in (30.0, 0.3))
    assert wrap(whole.model, whole.tokenizer, has_mlm=False).fingerprint == before
    assert sum(hard.keep) < sum(soft.keep)
    assert list(hard.keep) == sorted(hard.keep, reverse=True) and hard.keep[-1] < 6
    assert hard.counted > soft.counted >= 1 and hard.measured > 0
    assert hard.test[0] > 0.9 and hard.test[1] > 0.8


def test_a_fixed_configuration_is_taken_as_it_is() -> None:
    task = some()
    found = PoWERBERT(recovery=replace(FAST, epochs=1), repeats=1)(deep(), task, keep=KEEP)
    assert found.keep == KEEP == tuple(found.encoder.config.tokens["keep"])


def test_the_mass_of_the_gates_is_how_many_stay() -> None:
    gates = torch.tensor([[1.0, 1, 0.4, 0], [1, 1, 1, 1], [1, 0, 0, 0]])
    assert configuration(gates) == (3, 3, 1)
    assert computed([10, 2], (5, 3), between=True) == (10 + 5) / 2 + (5 + 3) / 2 + 2 + 2
    assert computed([10, 2], (5, 3), between=False) == 10 + 5 + 2 + 2


def test_soft_extraction_starts_at_the_plain_model_and_leaves_nothing_behind() -> None:
    task = some()
    encoder = deep()
    plain = finetune(encoder, task, FAST)
    still = SoftExtract(20, 0.0, 1e-9, True)
    tuned = finetune(encoder, task, replace(FAST, techniques=(still,)))
    assert tuned.outcomes[0].score(task) == plain.outcomes[0].score(task)
    assert {n for n, _ in tuned.best.model.named_parameters()} == {n for n, _ in plain.best.model.named_parameters()}  # type: ignore[union-attr]
    assert "forward" not in vars(tuned.best.model)


def test_what_does_not_let_tokens_leave_says_so() -> None:
    task = some()
    for family, reason in (("deberta-v2", "know of places"), ("fnet", "no attention"), ("convbert", "know of places")):
        with pytest.raises(NotApplicable, match=reason):
            with_retention(tiny(family), task, (4, 2))
    with pytest.raises(NotApplicable, match="reads all tokens"):
        with_retention(tiny("modernbert", classifier_pooling="mean"), task, (4, 2))
    with pytest.raises(NotApplicable, match="labels words"):
        with_retention(deep(), some("token"), KEEP)
    with pytest.raises(NotApplicable, match="labels words"):
        PoWERBERT()(deep(), some("token"))
    for keep in ((4, 5, 3, 2), (4, 2), (4, 2, 1, 0)):
        with pytest.raises(BadRequest, match="one number of tokens for each layer"):
            with_retention(deep(), task, keep)
