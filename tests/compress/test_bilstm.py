"""BiLSTM-soft: a student that reads sides apart, learns a teacher's logits on made-up text, and loads again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.teaching.bilstm import Augmentation, BiLSTMSoft, recorded
from bertology.compress.teaching.without_attention import sides
from bertology.encoder import Encoder, load, wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Example, Task, task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
SMALL = BiLSTMSoft(
    embedding=16, units=12, head=16, augmentation=Augmentation(copies=4), recipe=replace(FAST, batch=16, rate=1e-2)
)


def tuned(of: Task, family: str = "bert") -> Encoder:
    encoder = tiny(family)
    return wrap(finetune(encoder, of, FAST).best.model, encoder.tokenizer, name="teacher", has_mlm=False)  # type: ignore[arg-type]


def pairs(n: int = 60) -> Task:
    side = lambda k: ("cats", "dog")[k] + " sat on"
    rng = np.random.default_rng(0)
    drawn = [(int(a), int(b), "abcdefghijklmnop"[c]) for a, b, c in rng.integers(0, (2, 2, 16), (n, 3))]
    more = lambda c: " e f g"[: 2 * (ord(c) % 4)]
    made = [((f"{side(a)} {c}", f"{side(b)} {c}{more(c)}"), a == b) for a, b, c in drawn]
    return task("pairs", [Example(texts, "same" if same else "other") for texts, same in made])


@pytest.mark.parametrize("kind", ["sentence", "regression"])
def test_a_student_learns_the_teachers_logits_and_is_far_smaller(kind: str) -> None:
    of = some(kind, n=60)
    teacher = tuned(of)
    before = teacher.fingerprint
    found = SMALL(teacher, of)
    assert wrap(teacher.model, teacher.tokenizer, has_mlm=False).fingerprint == before
    target, said = recorded(teacher, of), recorded(found.encoder, of)
    untaught = recorded(SMALL.student(teacher, of), of)
    assert (said - target).square().mean() < 0.3 * (untaught - target).square().mean()
    assert found.encoder.n_parameters < 0.6 * teacher.n_parameters
    assert found.examples > 2 * len(of.train)
    if kind == "sentence":  # the ranks of six numbers of two values say little
        assert found.dev[0] > 0.6 and found.dev[1] > 0.6


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2"])
@pytest.mark.parametrize("kind", ["sentence", "pair"])
def test_a_student_is_saved_and_loaded(family: str, kind: str, tmp_path: Path) -> None:
    of = pairs() if kind == "pair" else some()
    student = SMALL.student(tiny(family), of)
    student.model.save_pretrained(tmp_path)  # type: ignore[operator]
    student.tokenizer.save_pretrained(tmp_path)
    loaded, again = load(tmp_path), AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = next(batches(encoded(student, of, of.train), of, 8, 0, student.device)).inputs
    with torch.inference_mode():
        assert torch.allclose(student.model(**inputs).logits, again(**inputs).logits, atol=1e-6)
        assert torch.allclose(student.model(**inputs).logits, loaded.model(**inputs).logits, atol=1e-6)
    assert {"hidden", "neuron"} <= loaded.has and not {"attention", "head"} & loaded.has
    assert (loaded.n_layers, loaded.width) == (1, 24)


@pytest.mark.parametrize("of", [pairs(), some()], ids=lambda t: t.kind)
def test_a_text_does_not_depend_on_padding(of: Task) -> None:
    student = SMALL.student(tiny(), of)
    lines = encoded(student, of, of.train)
    together = {tuple(b.index): student.model(**b.inputs).logits for b in batches(lines, of, 48, 0, student.device)}
    alone = {b.index[0]: student.model(**b.inputs).logits[0] for b in batches(lines, of, 1, 0, student.device)}
    for index, logits in together.items():
        for row, i in enumerate(index):
            assert torch.allclose(logits[row], alone[i], atol=1e-6)


def test_sides_of_a_pair_are_read_apart() -> None:
    ids = torch.tensor([[2, 7, 8, 3, 9, 3, 0], [2, 7, 3, 5, 6, 4, 3]])
    (a, mask_a), (b, mask_b) = sides(ids, (ids > 0).long(), 3)
    assert a.tolist() == [[2, 7, 8, 3], [2, 7, 3, 0]] and mask_a.sum(1).tolist() == [4, 3]
    assert b.tolist() == [[9, 3, 0, 0], [5, 6, 4, 3]] and mask_b.sum(1).tolist() == [2, 4]
    student = SMALL.student(tiny(), pairs())
    model: Any = student.model
    swapped = torch.tensor([[2, 9, 3, 7, 8, 3]])
    with torch.inference_mode():
        seen: list[torch.Tensor] = []
        hook = model.dense.register_forward_pre_hook(lambda module, args: seen.append(args[0][0]))
        model(ids[:1, :6]), model(torch.tensor([[2, 7, 8, 3, 11, 3]])), model(swapped)
        hook.remove()
    assert torch.equal(seen[0][:24], seen[1][:24]) and not torch.equal(seen[0][24:48], seen[1][24:48])


def test_a_pair_student_learns_to_compare() -> None:
    of = pairs(90)
    method = replace(SMALL, augmentation=Augmentation(copies=0), recipe=replace(SMALL.recipe, epochs=12))
    teacher = method.student(tiny(), of)  # any model of the task can teach
    wise = wrap(finetune(teacher, of, method.recipe).best.model, teacher.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    assert method(wise, of).dev[1] > 0.8


def test_embeddings_start_from_the_teachers() -> None:
    teacher = tiny()
    table = teacher.base.get_input_embeddings().weight  # type: ignore[operator]
    same = replace(SMALL, embedding=None).student(teacher, some())
    assert torch.equal(same.base.get_input_embeddings().weight, table)  # type: ignore[operator]
    less = SMALL.student(teacher, some()).base.get_input_embeddings().weight  # type: ignore[operator]
    assert less.shape == (len(table), 16)
    gram = lambda x: (x - x.mean(0)) @ (x - x.mean(0)).T
    best = torch.linalg.eigvalsh(gram(table)).flip(0)[:16]
    assert torch.allclose(torch.linalg.eigvalsh(gram(less)).flip(0)[:16], best, rtol=1e-3)


def test_made_up_texts_mask_words_and_keep_ngrams() -> None:
    words = [f"w{k}" for k in range(12)]
    given = (Example((" ".join(words),), "x"), Example(("a b", "c d"), "y"))
    found = Augmentation(copies=60)(given, "[MASK]", seed=1)
    assert found[:2] == given and len({e.texts for e in found}) == len(found)
    assert found == Augmentation(copies=60)(given, "[MASK]", seed=1) != Augmentation(copies=60)(given, "[MASK]", seed=2)
    made = [e.texts[0].split() for e in found if e.label == "x"]
    assert any("[MASK]" in m for m in made) and any(len(m) <= 5 for m in made)
    masked = np.mean([w == "[MASK]" for m in made[1:] for w in m])
    assert 0.05 < masked < 0.2
    assert all("".join(w for w in m if w != "[MASK]") in "".join(words) for m in made if "[MASK]" not in m)
    both = {(e.texts[0] != "a b", e.texts[1] != "c d") for e in found if e.label == "y"}
    assert {(True, False), (False, True)} <= both
    assert not any("[MASK]" in e.texts[0] for e in Augmentation(copies=20)(given, ""))


def test_what_cannot_be_is_refused() -> None:
    of = some()
    with pytest.raises(BadRequest, match="not tuned for cats"):
        SMALL(tiny(), of)
    with pytest.raises(NotApplicable, match="labels words"):
        SMALL(tiny(), some("token"))
    with pytest.raises(BadRequest, match="embeddings of 64"):
        replace(SMALL, embedding=64).student(tiny(), of)
