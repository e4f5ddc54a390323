"""Distillation on text: a student that reads beside its teacher nears it."""

import pytest
import torch

from bertology.compress.teaching.distil import Attention, Direction, Hidden, SoftTargets, Term, ValueRelations
from bertology.compress.teaching.on_text import distil_on_text
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, hidden
from bertology.encoder.cut import cut
from bertology.intervene.inputs import MaskWords, masked
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny

WORDS = ("the", "cats", "sit", "on", "mats", "dogs", "sing", "near", "old", "birds")
TEXT = Corpus(
    "text", tuple(sentence([WORDS[(7 * i + 3 * j) % 10] for j in range(4 + i % 5)], f"s{i}") for i in range(60))
)


def divergence(student: Encoder, teacher: Encoder) -> float:
    """Of the teacher's predictions at masked places, mean nats."""
    total, n = 0.0, 0
    for batch in student.batches(TEXT, attention=False):
        given = MaskWords(0.3, 99).change(batch, student)
        where, _ = masked(given)
        p, q = (
            torch.log_softmax(w.mlm_logits(w.observe(given).hidden(w.n_layers)[where]), -1) for w in (teacher, student)
        )
        total, n = total + float((p.exp() * (p - q)).sum().detach()), n + int(where.sum())
    return total / n


def test_a_short_student_nears_its_teachers_predictions() -> None:
    teacher = tiny("bert", num_hidden_layers=4, scale=4.0)
    student = cut(teacher, hidden(2), hidden(4))
    before = divergence(student, teacher)
    taught = distil_on_text(
        student, teacher, TEXT, (SoftTargets(temperature=1.0), Direction()), hard=0.0, epochs=30, tokens=256, rate=2e-3
    )
    assert divergence(taught, teacher) < 0.7 * before
    assert divergence(student, teacher) == pytest.approx(before)


@pytest.mark.parametrize(
    "term", [Hidden(), Attention(), ValueRelations(heads=4), Direction()], ids=lambda t: type(t).__name__
)
def test_what_layers_show_is_copied_without_a_language_model(term: Term) -> None:
    teacher = tiny("bert", mlm=False, num_hidden_layers=2)
    student = tiny("bert", mlm=False, num_hidden_layers=2, seed=3)
    losses = []

    class Noted(type(term)):  # type: ignore[misc]
        def loss(self, *args):  # type: ignore[no-untyped-def]
            found = super().loss(*args)
            losses.append(float(found.detach()))
            return found

    distil_on_text(
        student,
        teacher,
        TEXT,
        (Noted(),) if not isinstance(term, ValueRelations) else (Noted(heads=4),),
        epochs=20,
        tokens=256,
        rate=2e-3,
    )
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_what_cannot_be_copied_is_refused() -> None:
    with pytest.raises(NotApplicable, match="no masked-language-model head"):
        distil_on_text(tiny("bert", mlm=False), tiny("bert"), TEXT)
    with pytest.raises(BadRequest, match="different tokenizers"):
        distil_on_text(tiny("bert", kind="unigram"), tiny("bert"), TEXT)
    with pytest.raises(BadRequest, match="2 heads"):
        distil_on_text(tiny("bert", num_attention_heads=2), tiny("bert"), TEXT, (Attention(),))
