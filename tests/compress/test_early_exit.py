"""Early exit: rows leave the batch for good, what is said of a text does not depend on its neighbours, rules are chosen on dev."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.inference.early_exit import PABEE, DeeBERT, chosen, reported
from bertology.compress.inference.layerwise import row_axes
from bertology.compress.inference.ramps import Rule, said_by_layer, with_ramps, with_rule
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.cut import cut
from bertology.encoder.sites import head
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAMILIES = (
    "bert",
    "roberta",
    "distilbert",
    "albert",
    "modernbert",
    "electra",
    "deberta-v2",
    "mpnet",
    "fnet",
    "roformer",
)
FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def deep(family: str = "bert", layers: int = 4) -> Encoder:
    return tiny(family, num_hidden_layers=layers, **({"n_layers": layers} if family == "distilbert" else {}))


def tuned(task: Task, family: str = "bert") -> Encoder:
    encoder = deep(family)
    return wrap(finetune(encoder, task, FAST).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def given(encoder: Encoder, task: Task, size: int) -> list[Any]:
    return list(batches(encoded(encoder, task, task.train), task, size, 0, encoder.device))


def lively(encoder: Encoder, task: Task) -> Encoder:
    """With ramps that tell texts apart, in double precision: ramps so steep would make much of a rounding."""
    made = with_ramps(encoder, task)
    model: Any = made.model.double()
    with torch.no_grad():
        for ramp, said in zip(model.ramps, said_by_layer(made, task, "train"), strict=False):
            scale = 2 / (said[:, 0] - said[:, 1]).std()
            ramp.classifier.weight.mul_(scale)
            ramp.classifier.bias.copy_(scale * (ramp.classifier.bias - said.median(0).values))
    return made


def halfway(encoder: Encoder, task: Task) -> Rule:
    """A rule by which about half the texts leave at the first layer."""
    spread = torch.log_softmax(said_by_layer(encoder, task, "train")[0], -1)
    seen = np.unique(-(spread.exp() * spread).sum(-1).numpy())
    return Rule("entropy", float(seen[len(seen) // 2 - 1 : len(seen) // 2 + 1].mean()))


@pytest.mark.parametrize("by", ["entropy", "patience"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_said_of_a_text_does_not_depend_on_its_neighbours(family: str, by: str) -> None:
    task = some()
    encoder = lively(deep(family), task)
    exiting = with_rule(encoder, halfway(encoder, task) if by == "entropy" else Rule("patience", 0.0, 1))
    model: Any = exiting.model
    logits, depths = torch.zeros(2, len(task.train), 2).double(), np.zeros((2, len(task.train)), dtype=int)
    with torch.inference_mode():
        for k, size in enumerate((1, 16)):
            for batch in given(exiting, task, size):
                one = batch.inputs
                if family == "fnet" and size == 1:  # its Fourier transform reads padding
                    continue
                output = model(**one)
                logits[k, batch.index], depths[k, batch.index] = output.logits, output.layers.numpy()
    if family != "fnet":
        assert (depths[0] == depths[1]).all()
        assert torch.allclose(logits[0], logits[1], atol=1e-5)
    assert len(set(depths[1])) > 1 or by == "patience"
    every = said_by_layer(encoder, task, "train")
    if family != "fnet":
        picked = every[torch.as_tensor(depths[1]) - 1, torch.arange(len(task.train))]
        assert torch.allclose(picked, logits[1].float(), atol=1e-5)
        assert (model.rule.depths(every) == depths[1]).all()


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert", "modernbert", "deberta-v2"])
def test_rows_that_have_left_are_not_computed(family: str) -> None:
    task = some()
    encoder = lively(deep(family), task)
    exiting = with_rule(encoder, halfway(encoder, task))
    model: Any = exiting.model
    batch, _ = given(exiting, task, 16)[0], row_axes(model)
    rows: list[int] = []
    modules = {
        m
        for n, m in model.base_model.named_modules()
        if n.endswith(exiting.family.neuron) and "attention" not in n and "attn" not in n
    }
    handles = [m.register_forward_pre_hook(lambda module, args: rows.append(len(args[0]))) for m in modules]
    with torch.inference_mode():
        depths = model(**batch.inputs).layers.numpy()
    for handle in handles:
        handle.remove()
    assert rows == [n for n in (int((depths >= layer).sum()) for layer in range(1, 5)) if n]
    assert rows[-1] < 16
    everyone = with_rule(encoder, Rule("entropy", 9.9))
    with torch.inference_mode():
        assert (everyone.model(**batch.inputs).layers == 1).all()


@pytest.mark.parametrize(
    "family", ["bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2", "cut"]
)
def test_a_model_with_exits_is_saved_and_loaded(family: str, tmp_path: Path) -> None:
    task = some()
    encoder = lively(cut(deep("bert"), head(1, 0)) if family == "cut" else deep(family), task)
    exiting = with_rule(encoder, halfway(encoder, task))
    exiting.model.float().save_pretrained(tmp_path)  # type: ignore[operator]
    exiting.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = given(exiting, task, 16)[0].inputs
    with torch.inference_mode():
        a = exiting.model(**inputs)
        for model in (again, load(tmp_path).model):
            b = model(**inputs)
            assert torch.allclose(a.logits, b.logits, atol=1e-6) and (a.layers == b.layers).all()
    assert len(set(a.layers.tolist())) > 1
    assert again.rule == exiting.model.rule


def test_deebert_trains_ramps_alone_and_meets_the_wish() -> None:
    task = some(n=80)
    whole = tuned(task)
    before = {n: p.clone() for n, p in whole.model.state_dict().items()}
    found = DeeBERT(recipe=FAST, repeats=1)(whole, task, speedup=1.5)
    after = found.encoder.model.state_dict()
    assert all(torch.equal(p, after[n]) for n, p in before.items())
    assert found.rule.by == "entropy"
    assert found.dev.counted >= 1.5 and found.test.layers == pytest.approx(found.depths.mean())
    assert found.dev.score > 0.9 and found.test.whole > 0.9
    assert found.test.measured > 0
    assert len(found.depths) == len(task.test)


@pytest.mark.parametrize("kind", ["sentence", "regression"])
def test_pabee_moves_the_trunk_and_keeps_a_share_of_the_score(kind: str) -> None:
    task = some(kind, n=80)
    encoder = deep()
    before = encoder.fingerprint
    found = PABEE(recipe=FAST, repeats=1)(encoder, task, least=0.9)
    assert wrap(encoder.model, encoder.tokenizer).fingerprint == before
    assert found.rule.by == "patience"
    assert found.dev.score >= 0.9 * found.dev.whole > 0.5
    assert found.test.counted > 1
    trunk = {n: p for n, p in encoder.base.state_dict().items() if "layer.0" in n and "weight" in n}
    moved = found.encoder.base.state_dict()
    assert any(not torch.equal(p, moved[n]) for n, p in trunk.items())


def test_the_rule_is_chosen_on_dev_alone() -> None:
    task = some(n=80)
    method = DeeBERT(recipe=FAST)
    trained = method.trained(tuned(task), task)
    rule = chosen(trained, task, method.rules, speedup=1.3)
    swapped = replace(task, test=tuple(e._replace(label="cat") for e in task.test[:2]))
    assert chosen(trained, swapped, method.rules, speedup=1.3) == rule
    assert reported(trained, task, rule, repeats=1).dev.counted >= 1.3


def test_patience_counts_agreements_in_a_row_and_entropy_is_in_nats() -> None:
    said = torch.tensor([[0, 1, 1, 1, 1], [0, 1, 0, 0, 0], [0, 1, 0, 1, 0]]).T
    logits = torch.nn.functional.one_hot(said, 2).float() * 5
    assert Rule("patience", 0.0, 1).depths(logits).tolist() == [3, 4, 5]
    assert Rule("patience", 0.0, 2).depths(logits).tolist() == [4, 5, 5]
    numbers = torch.tensor([[1.0, 1.5, 1.6, 1.61]]).T[..., None]
    assert Rule("patience", 0.2, 1).depths(numbers).tolist() == [3]
    even = torch.zeros(3, 1, 2)
    assert Rule("entropy", 0.70).depths(even).tolist() == [1]  # ln 2 = 0.693
    assert Rule("entropy", 0.69).depths(even).tolist() == [3]


def test_what_cannot_be_is_refused() -> None:
    task = some()
    with pytest.raises(BadRequest, match="not tuned for cats"):
        DeeBERT()(deep(), task, speedup=1.5)
    with pytest.raises(BadRequest, match="one wish"):
        DeeBERT()(deep(), task)
    with pytest.raises(BadRequest, match="ExitsBertForSequenceClassification already"):
        with_ramps(with_ramps(deep(), task), task)
    with pytest.raises(NotApplicable, match="labels words"):
        with_ramps(deep(), some("token"))
    with pytest.raises(NotApplicable, match="one layer"):
        with_ramps(deep(layers=1), task)
    with pytest.raises(NotApplicable, match="no entropy"):
        DeeBERT()(deep(), some("regression"), speedup=2)
    with pytest.raises(BadRequest, match=r"at most [0-9.]+ times fewer"):
        chosen(with_ramps(deep(), task), task, PABEE().rules, speedup=40)
    with pytest.raises(BadRequest, match="has no ramps"):
        with_rule(deep(), None)
