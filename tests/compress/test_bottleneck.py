"""MobileBERT students: sizes by hand, embeddings of the teacher's, layers that learn one after another."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching.bottleneck import MobileBert, Transfer, mobilebert_on_text, student_of, texts_of
from bertology.encoder import Encoder, hidden, load, wrap
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import classifier, layer_of
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Example
from tests.compress.test_on_text import TEXT, divergence
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=3, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
SHORT = Transfer(epochs=4, tokens=256, rate=2e-3)


def outputs(encoder: Encoder) -> torch.Tensor:
    batch = next(encoder.batches(TEXT, attention=False))
    return encoder.observe(batch).hidden(encoder.n_layers)


def test_sizes_are_the_papers_proportions() -> None:
    student = student_of(tiny("bert", hidden_size=48, num_hidden_layers=3))
    config = student.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (48, 3, 4)
    assert (config.intra_bottleneck_size, config.intermediate_size, config.num_feedforward_networks) == (12, 48, 4)
    assert config.embedding_size == 12 and config.true_hidden_size == 12 and config.normalization_type == "no_norm"
    # of a teacher of 24 layers, 1024 wide inside, 512 between layers, with 4 heads: 128 inside, as published
    wide = tiny("bert", hidden_size=512, num_hidden_layers=1, intermediate_size=8)
    assert student_of(wide).config.intra_bottleneck_size == 128
    layer = layer_modules(student.base, student.family)[0]
    linear = lambda rows, columns: rows * columns + rows
    norm = lambda width: 2 * width
    bottlenecks = 2 * (linear(12, 48) + norm(12)) + linear(48, 12) + norm(48)
    attention = 2 * linear(12, 12) + linear(12, 48) + linear(12, 12) + norm(12)
    stacks = 4 * (linear(48, 12) + linear(12, 48) + norm(12))
    assert sum(p.numel() for p in layer.parameters()) == bottlenecks + attention + stacks


def test_embeddings_begin_as_the_teachers_in_its_first_directions() -> None:
    teacher = tiny("bert")
    words = teacher.base.embeddings.word_embeddings.weight.data  # type: ignore[union-attr,operator]
    words.copy_(torch.randn(len(words), 8) @ torch.randn(8, 32))
    student = student_of(teacher)
    made: Any = student.base.embeddings
    ids = torch.tensor([[7]])
    found = made.embedding_transformation(torch.nn.functional.pad(made.word_embeddings(ids), (8, 8)))[0, 0]
    assert torch.allclose(found, words[7], atol=1e-3)
    own: Any = teacher.base.embeddings
    assert torch.equal(made.position_embeddings.weight[:5], own.position_embeddings.weight[:5])
    assert torch.equal(made.token_type_embeddings.weight, own.token_type_embeddings.weight)
    roberta: Any = tiny("roberta")
    assert torch.equal(
        student_of(roberta).base.embeddings.position_embeddings.weight[0],  # type: ignore[union-attr,operator]
        roberta.base.embeddings.position_embeddings.weight[1],
    )
    model: Any = student.model
    assert model.cls.predictions.decoder.weight is made.word_embeddings.weight


def test_a_layer_learns_while_those_below_and_above_stay() -> None:
    teacher = tiny("bert", num_hidden_layers=3, scale=2.0)
    student = student_of(teacher)
    before = {n: p.clone() for n, p in student.model.named_parameters()}
    moved: list[set[int]] = []

    class Watching(Transfer):
        def _layer(self, learner: Encoder, *args: Any) -> Any:
            start = {n: p.clone() for n, p in learner.model.named_parameters()}
            yield from super()._layer(learner, *args)
            moved.append(
                {layer_of(n, learner) for n, p in learner.model.named_parameters() if not torch.equal(p, start[n])}
            )

    taught, stages = Watching(epochs=6, tokens=256, rate=3e-3)(student, teacher, TEXT)
    assert moved == [{0, 1}, {2}, {3}]
    assert [(s.layer, s.teacher) for s in stages] == [(1, 1), (2, 2), (3, 3)]
    assert all(s.last < s.first for s in stages)
    assert all(torch.equal(p, before[n]) for n, p in student.model.named_parameters())
    assert all(p.requires_grad for p in taught.model.parameters())
    assert all("forward" not in vars(layer) for layer in layer_modules(taught.base, taught.family))
    batch = next(taught.batches(TEXT))
    off = lambda who: float((who.observe(batch, frozenset({hidden(1)})).hidden(1) - teacher.observe(batch, frozenset({hidden(1)})).hidden(1)).square().mean())  # fmt: skip
    assert off(taught) < 0.8 * off(student)


def test_on_text_it_nears_the_teachers_predictions_and_loads_anywhere(tmp_path: Path) -> None:
    teacher = tiny("bert", num_hidden_layers=2, scale=4.0)
    options: dict[str, Any] = dict(transfer=replace(SHORT, epochs=2), rate=2e-3, stacks=2, norm="layer_norm")
    untrained = student_of(teacher, stacks=2, norm="layer_norm")
    taught = mobilebert_on_text(teacher, TEXT, epochs=25, hard=0.0, **options)
    assert divergence(taught, teacher) < 0.8 * divergence(untrained, teacher)
    taught.model.save_pretrained(tmp_path)
    taught.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.has_mlm and torch.allclose(outputs(again), outputs(taught), atol=1e-6)
    plain: Any = AutoModelForMaskedLM.from_pretrained(tmp_path)
    ids = torch.tensor([[2, 9, 10, 3]])
    with torch.inference_mode():
        assert torch.allclose(plain(input_ids=ids).logits, taught.model(input_ids=ids).logits, atol=1e-6)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "albert", "modernbert", "deberta-v2"])
def test_every_family_can_teach(family: str) -> None:
    teacher = tiny(family, mlm=family == "bert")
    depth = min(2, teacher.n_layers)
    options: dict[str, Any] = dict(layers=depth, stacks=1)
    taught = mobilebert_on_text(teacher, TEXT, transfer=replace(SHORT, epochs=1), epochs=1, **options)
    assert taught.n_layers == depth and type(taught.model).__name__.startswith("MobileBert")
    assert taught.has_mlm is (family == "bert")


def test_on_a_task_the_student_is_a_classifier_of_transformers(tmp_path: Path) -> None:
    encoder = tiny("bert")
    whole = wrap(
        finetune(encoder, some(), replace(FAST, epochs=8), seeds=1).best.model, encoder.tokenizer, has_mlm=False
    )  # type: ignore[arg-type]
    method = MobileBert(
        replace(SHORT, epochs=10, rate=3e-3), replace(FAST, epochs=25, rate=3e-3), norm="layer_norm", stacks=2
    )
    found = method(whole, some())
    assert found.dev == pytest.approx(dev_score(found.encoder, some()))
    assert dev_score(found.encoder, replace(some(), dev=some().train)) > 0.8  # what it was taught, of 32
    assert len(found.stages) == 2 and found.encoder.n_parameters < whole.n_parameters * 2
    found.encoder.model.save_pretrained(tmp_path)
    found.encoder.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    ids = torch.tensor([[2, 9, 10, 3]])
    with torch.inference_mode():
        assert torch.allclose(again(input_ids=ids).logits, found.encoder.model(input_ids=ids).logits, atol=1e-6)
    assert torch.allclose(outputs(load(tmp_path)), outputs(found.encoder), atol=1e-6)


def test_texts_of_a_task_are_its_training_texts_once() -> None:
    pairs = [Example(("a b", "c d"), "x"), Example(("a b", "e"), "y")]
    made = replace(some(), kind="pair", train=tuple(pairs))
    assert [s.text for s in texts_of(made)] == ["a b", "c d", "e"]
    assert texts_of(some("token"))[0].text == " ".join(some("token").train[0].texts)


def test_what_does_not_fit_is_refused() -> None:
    teacher = tiny("bert")
    for wrong in ({"bottleneck": 6}, {"bottleneck": 32}, {"stacks": 0}, {"layers": 3}):
        with pytest.raises(BadRequest, match="a bottleneck of"):
            student_of(teacher, **wrong)  # type: ignore[arg-type]
    student = student_of(teacher)
    with pytest.raises(BadRequest, match="different tokenizers"):
        SHORT(student, tiny("bert", kind="unigram"), TEXT)
    with pytest.raises(BadRequest, match="wide between layers"):
        SHORT(student, tiny("bert", hidden_size=48), TEXT)
    with pytest.raises(BadRequest, match="tiny bert 2"):
        SHORT(student, tiny("bert", num_attention_heads=2), TEXT)
    fnet = tiny("fnet")
    with pytest.raises(NotApplicable, match="shows no attention"):
        SHORT(student, fnet, TEXT)
    model = classifier(student, some(), 0)
    assert type(model).__name__ == "MobileBertForSequenceClassification"
