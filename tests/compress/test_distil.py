"""Distillation: terms see what both models show, a student nears its teacher, nothing is left behind."""

from dataclasses import replace

import pytest
import torch

from bertology.compress.teaching.distil import (
    Attention,
    Direction,
    Distil,
    Hidden,
    Logits,
    PatientCLS,
    SoftTargets,
    Teacher,
    Term,
    ValueRelations,
)
from bertology.encoder import Encoder, hidden
from bertology.encoder.cut import cut
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, classifier, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=4, batch=8, rate=3e-3, schedule=Schedule(0.0, "constant"))
EVERY: tuple[Term, ...] = (
    SoftTargets(), Logits(), PatientCLS(), Hidden(), Direction(), Attention(), Attention(divergence=True), ValueRelations(heads=4),
)  # fmt: skip


def teacher_of(encoder: Encoder, task: Task) -> Teacher:
    tuned = finetune(encoder, task, FAST, seeds=1)
    assert tuned.best.model is not None
    return Teacher(tuned.best.model, encoder, "tuned")


def logits(model: torch.nn.Module, encoder: Encoder, task: Task) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat(
            [
                model.eval()(**b.inputs).logits
                for b in batches(encoded(encoder, task, task.test), task, 64, 0, encoder.device)
            ]
        )


@pytest.mark.parametrize("kind", ["sentence", "token", "regression"])
def test_a_student_nears_its_teacher(kind: str) -> None:
    task, whole = some(kind), tiny("bert", num_hidden_layers=4)
    teacher = teacher_of(whole, task)
    student = cut(whole, hidden(2), hidden(4))
    taught = finetune(
        student, task, replace(FAST, epochs=6, techniques=(Distil(teacher, (Logits(),), hard=0.0),)), seeds=1
    )
    untaught = classifier(student, task, 0)
    target = logits(teacher.model, whole, task)
    assert taught.best.model is not None
    near = (logits(taught.best.model, student, task) - target).square().mean()
    far = (logits(untaught, student, task) - target).square().mean()
    assert near < 0.5 * far


@pytest.mark.parametrize("term", EVERY, ids=lambda t: f"{type(t).__name__}{getattr(t, 'divergence', '')}")
def test_a_copy_of_the_teacher_has_nothing_to_learn_and_another_has(term: Term) -> None:
    """The loss of each term alone, at the first step: 0 for the teacher itself, more for a stranger."""
    task, whole = some(), tiny("bert", num_hidden_layers=2, scale=3.0)
    model = classifier(whole, task, 0).eval()
    found = {}
    for name, student in (("copy", whole), ("stranger", tiny("bert", seed=7, num_hidden_layers=2, scale=3.0))):
        seen: list[float] = []

        class Watching(Distil):
            def loss(self, tuning, batch, said, loss):  # type: ignore[no-untyped-def]
                total = super().loss(tuning, batch, said, loss)
                seen.append(float(total.detach()))  # noqa: B023
                return total

        technique = Watching(Teacher(model, whole, "itself"), (term,), hard=0.0)
        finetune(student, task, replace(FAST, epochs=0.01, rate=1e-9, techniques=(technique,)), seeds=1)
        found[name] = seen[0]
    assert found["copy"] == pytest.approx(0, abs=1e-6)
    assert found["stranger"] > 1e-5


def test_widths_that_differ_meet_in_a_map_that_is_thrown_away() -> None:
    task, whole = some(), tiny("bert", num_hidden_layers=2)
    narrow = tiny("bert", hidden_size=16, num_hidden_layers=1)
    tuned = finetune(narrow, task, replace(FAST, techniques=(Distil(teacher_of(whole, task), (Hidden(),)),)), seeds=1)
    assert tuned.best.model is not None
    assert not any("distil" in name for name, _ in tuned.best.model.named_parameters())
    assert "forward" not in vars(tuned.best.model)


def test_what_cannot_be_compared_is_refused() -> None:
    task, whole = some(), tiny("bert")
    teacher = Teacher(classifier(whole, task, 0), whole, "untuned")
    for student, terms, message in (
        (tiny("bert", kind="unigram"), (SoftTargets(),), "different tokenizers"),
        (tiny("bert", num_attention_heads=2), (Attention(),), "equal numbers of heads"),
        (tiny("bert", num_hidden_layers=4), (Hidden(),), "student of 4 layers"),
    ):
        with pytest.raises(BadRequest, match=message):
            finetune(student, task, replace(FAST, techniques=(Distil(teacher, terms),)), seeds=1)
