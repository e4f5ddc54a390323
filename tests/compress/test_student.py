"""Students have the shape that was asked for, and what else they have is their teacher's."""

from pathlib import Path

import pytest
import torch

from bertology.compress.pruning.width import narrowed
from bertology.compress.teaching.student import Shape, fitting, shape, shortened, student
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.check import check
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.architecture import n_parameters
from tests.encoder.tiny import tiny

FAMILIES = (
    "bert",
    "roberta",
    "distilbert",
    "albert",
    "modernbert",
    "electra",
    "deberta-v2",
    "fnet",
    "eurobert",
    "mpnet",
)


def output(encoder: Encoder, text: str = "the cats sit on mats") -> torch.Tensor:
    ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return encoder.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_student_has_its_sizes_and_is_of_the_teachers_family(family: str, tmp_path: Path) -> None:
    teacher = tiny(family)
    small = student(teacher, layers=1, width=16, heads=2, neurons=20)
    assert shape(small) == Shape(1, 16, 2, 20)
    assert small.has_mlm == teacher.has_mlm
    assert small.config.model_type == teacher.config.model_type
    assert small.config.vocab_size == teacher.config.vocab_size
    assert small.config.pad_token_id == teacher.config.pad_token_id
    assert small.tokenizer.get_vocab() == teacher.tokenizer.get_vocab()
    assert not [c for c in check(small) if c.verdict == "fails"]
    small.model.save_pretrained(tmp_path)
    small.tokenizer.save_pretrained(tmp_path)
    assert torch.equal(output(load(tmp_path)), output(small))


def test_what_is_not_given_is_the_teachers_and_heads_and_neurons_follow_the_width() -> None:
    teacher = tiny("bert")
    assert shape(student(teacher, layers=1)) == Shape(1, 32, 4, 48)
    assert shape(student(teacher, width=16)) == Shape(2, 16, 2, 24)
    assert shape(student(teacher, width=12)) == Shape(2, 12, 4, 18)


def test_a_seed_is_a_student_and_nothing_of_the_teacher_moves() -> None:
    teacher = tiny("bert")
    before, state = teacher.fingerprint, torch.get_rng_state()
    assert student(teacher, layers=1).fingerprint == student(teacher, layers=1).fingerprint
    assert student(teacher, layers=1).fingerprint != student(teacher, layers=1, seed=1).fingerprint
    assert wrap(teacher.model, teacher.tokenizer).fingerprint == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_teacher_without_a_language_model_head_has_such_students_and_a_narrow_one_too() -> None:
    assert not student(tiny("bert", mlm=False), layers=1).has_mlm
    assert shape(student(narrowed(tiny("modernbert"), range(24)), layers=1)) == Shape(1, 24, 4, 48)


@pytest.mark.parametrize(("map", "kept"), [("uniform", (2, 4)), ("first", (1, 2)), ("last", (3, 4))])
def test_a_short_student_has_the_teachers_layers(map: str, kept: tuple[int, ...]) -> None:
    teacher = tiny("bert", num_hidden_layers=4)
    short = shortened(teacher, 2, map)  # type: ignore[arg-type]
    assert short.n_layers == 2
    for k, t in enumerate(kept):
        mine, theirs = (e.base.encoder.layer[i].state_dict() for e, i in ((short, k), (teacher, t - 1)))  # type: ignore[union-attr,index]
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert torch.equal(output(shortened(teacher, 4)), output(teacher))


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "albert", "deberta-v2"])
def test_every_family_is_shortened_and_loads_again(family: str, tmp_path: Path) -> None:
    short = shortened(tiny(family, num_hidden_layers=3, **({"n_layers": 3} if family == "distilbert" else {})), 2)
    short.model.save_pretrained(tmp_path)
    short.tokenizer.save_pretrained(tmp_path)
    assert (output(load(tmp_path)) - output(short)).abs().max() < 1e-6


def test_the_largest_shape_of_the_proportions_fits_a_budget() -> None:
    teacher = tiny("bert", num_hidden_layers=4, hidden_size=64, num_attention_heads=8, intermediate_size=256)
    assert shape(teacher) == Shape(4, 64, 8, 256)
    n = teacher.n_parameters
    sizes = []
    for share in (0.1, 0.2, 0.4, 0.6, 0.8, 0.95):
        found = fitting(teacher, parameters=int(share * n))
        assert found.width == 8 * found.heads
        assert found.neurons == 4 * found.width
        assert abs(found.layers / 4 - found.heads / 8) <= 0.26
        sizes.append(student(teacher, **found._asdict()).n_parameters)
        assert sizes[-1] <= share * n
    assert sizes == sorted(sizes)
    assert sizes[-1] > 0.6 * n
    assert fitting(teacher, bytes=4 * int(0.4 * n)) == fitting(teacher, parameters=int(0.4 * n))


def test_the_next_larger_shape_does_not_fit() -> None:
    teacher = tiny("bert", num_hidden_layers=4, hidden_size=64, num_attention_heads=8, intermediate_size=256)
    found = fitting(teacher, parameters=60_000)
    size = student(teacher, **found._asdict()).n_parameters
    assert fitting(teacher, parameters=size) == found
    assert fitting(teacher, parameters=size - 1) != found


def test_a_speed_is_met_by_a_clock() -> None:
    teacher = tiny("bert", num_hidden_layers=4, hidden_size=64, num_attention_heads=8, intermediate_size=256)
    clock = lambda one: float(n_parameters(one.base.encoder))  # type: ignore[arg-type]
    found = fitting(teacher, speedup=3.0, timed=clock)
    assert 3.0 <= clock(teacher) / clock(student(teacher, **found._asdict())) < 5.0
    with pytest.raises(BadRequest, match=r"times as fast, 1e\+06 times as fast was asked"):
        fitting(teacher, speedup=1e6, timed=clock)


def test_a_budget_out_of_reach_says_what_is_in_reach() -> None:
    teacher = tiny("bert")
    smallest = student(teacher, layers=1, width=8, heads=1, neurons=12).n_parameters
    with pytest.raises(BadRequest, match=f"is {smallest:,} parameters, 10 parameters was asked"):
        fitting(teacher, parameters=10)
    with pytest.raises(BadRequest, match="no budget was given"):
        fitting(teacher)
    with pytest.raises(BadRequest, match="parameters and bytes was given"):
        fitting(teacher, parameters=3, bytes=5)
    with pytest.raises(BadRequest, match="a speedup of 1"):
        fitting(teacher, speedup=1.0)


def test_sizes_that_do_not_go_together_are_refused() -> None:
    teacher = tiny("bert")
    with pytest.raises(BadRequest, match="a width of 30 is no multiple of 4 heads"):
        student(teacher, width=30, heads=4)
    with pytest.raises(BadRequest, match="0 layers"):
        student(teacher, layers=0)
    with pytest.raises(BadRequest, match="parameters for a teacher of"):
        student(teacher, width=64, heads=4)
    with pytest.raises(BadRequest, match="cannot be chosen by 'top'"):
        shortened(teacher, 1, "top")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="a student of 3 layers for a teacher of 2"):
        shortened(teacher, 3)
    with pytest.raises(NotApplicable, match="mobilebert has no students of a free shape"):
        student(tiny("mobilebert"), layers=1)
