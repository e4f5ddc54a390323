"""The convolutional student: shorter inside, deaf to padding, loaded by transformers, taught by a tuned model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching.waldorf import Waldorf, convolutional_student
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.backend import set_attention
from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.compress.test_on_text import TEXT
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=8, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
IDS = torch.tensor([[2, 9, 10, 11, 12, 13, 3]])


def outputs(encoder: Encoder, ids: torch.Tensor = IDS, mask: torch.Tensor | None = None) -> torch.Tensor:
    with torch.inference_mode():
        return encoder.base(input_ids=ids, attention_mask=mask)[0]  # type: ignore[operator]


def test_attention_runs_on_the_short_sequence_and_the_output_is_long() -> None:
    student = convolutional_student(tiny("bert", num_hidden_layers=3), layers=2, stride=3, embedding=8)
    seen: list[tuple[int, ...]] = []
    for layer in student.base.encoder.layer:  # type: ignore[union-attr,operator]
        layer.attention.register_forward_pre_hook(lambda module, args: seen.append(tuple(args[0].shape)))
    assert outputs(student).shape == (1, 7, 16)
    assert seen == [(1, 3, 16)] * 2
    assert student.n_layers == 2 and student.width == 16 and student.config.embedding_size == 8
    assert not {"attention", "head", "value"} & student.has


@pytest.mark.parametrize("backend", ["sdpa", "eager"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_padding_changes_nothing(backend: str, stride: int) -> None:
    student = convolutional_student(tiny("bert"), stride=stride)
    set_attention(student.model, backend)
    alone = outputs(student, IDS, torch.ones_like(IDS))
    for more in (1, 2, 5):
        ids = torch.cat([IDS, torch.full((1, more), 20)], 1)
        mask = torch.cat([torch.ones_like(IDS), torch.zeros(1, more, dtype=torch.long)], 1)
        other = torch.cat([torch.full((1, 7 + more), 15), ids]), torch.cat([torch.ones_like(mask), mask])
        assert torch.allclose(outputs(student, *other)[1:, :7], alone, atol=1e-5)
    changed = IDS.clone()
    changed[0, 5] = 30
    assert not torch.allclose(outputs(student, changed)[0, 0], alone[0, 0], atol=1e-4)


def test_sizes_follow_the_teacher_and_embeddings_are_its_best_of_their_rank() -> None:
    teacher = tiny("bert")
    words = teacher.base.embeddings.word_embeddings.weight.data  # type: ignore[union-attr,operator]
    words.copy_(torch.randn(len(words), 8) @ torch.randn(8, 32))
    student = convolutional_student(teacher, embedding=8)
    own = student.base.embeddings.word_embeddings.weight  # type: ignore[union-attr,operator]
    assert torch.allclose(own @ own.T, words @ words.T, rtol=1e-3, atol=1e-2)
    assert student.model.generator_lm_head.weight is own  # type: ignore[union-attr]
    assert student.width == 16 and student.config.intermediate_size == 64 and student.has_mlm
    assert convolutional_student(tiny("bert", mlm=False)).has_mlm is False


@pytest.mark.parametrize("family", ["roberta", "electra", "distilbert", "albert", "modernbert", "deberta-v2"])
def test_every_family_can_teach(family: str) -> None:
    student = convolutional_student(tiny(family, mlm=False), layers=2)
    assert torch.isfinite(outputs(student)).all()


def test_it_learns_a_task_from_a_tuned_model_and_loads_anywhere(tmp_path: Path) -> None:
    encoder = tiny("bert")
    whole = wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    method = Waldorf(epochs=5, rate=3e-3, tuning=replace(FAST, epochs=15), stride=2, width=32)
    found = method(whole, some())
    assert found.dev == pytest.approx(dev_score(found.encoder, some()))
    assert dev_score(found.encoder, replace(some(), dev=some().train)) > 0.8  # what it was taught, of 32
    found.encoder.model.save_pretrained(tmp_path)
    found.encoder.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    with torch.inference_mode():
        assert torch.allclose(again(input_ids=IDS).logits, found.encoder.model(input_ids=IDS).logits, atol=1e-6)
    assert torch.allclose(outputs(load(tmp_path)), outputs(found.encoder), atol=1e-6)
    assert type(AutoModel.from_pretrained(tmp_path)).__name__ == "WaldorfModel"
    tags: Any = finetune(found.encoder, some("token"), replace(FAST, epochs=1), seeds=1).best.model
    assert type(tags).__name__ == "WaldorfForTokenClassification"


def test_the_language_model_head_is_saved_too(tmp_path: Path) -> None:
    student = convolutional_student(tiny("bert"))
    student.model.save_pretrained(tmp_path)
    student.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.has_mlm
    with torch.inference_mode():
        assert torch.allclose(again.model(input_ids=IDS).logits, student.model(input_ids=IDS).logits, atol=1e-6)
    batch = next(again.batches(TEXT, attention=False))
    assert again.observe(batch).hidden(again.n_layers).shape[-1] == 16


def test_sizes_that_are_none_are_refused() -> None:
    for wrong in ({"layers": 0}, {"width": 64}, {"stride": 0}, {"embedding": 0}):
        with pytest.raises(BadRequest, match="a student of"):
            convolutional_student(tiny("bert"), **wrong)  # type: ignore[arg-type]
