"""A teacher learns to read two vocabularies at once, and a student of the smaller one starts from where they meet."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bertology.compress.factors.low_rank import low_rank
from bertology.compress.factors.vocabulary import trimmed
from bertology.compress.teaching.mixed_vocabulary import Mixed, MixedVocabulary, _Both, mixture, vocabulary_of
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.align import encode
from bertology.encoder.check import check
from bertology.intervene.inputs import MaskWords, masked
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny

WORDS = ("the", "cats", "sit", "on", "mats", "dogs", "sing", "near", "old", "birds")
TEXT = Corpus("text", tuple(sentence([WORDS[(i + j) % 10] for j in range(5 + i % 6)], f"s{i}") for i in range(60)))
SMALL = MixedVocabulary(60, layers=1, width=16, first=30, second=30, first_rate=2e-3, second_rate=4e-3, tokens=512, terms=(), masking=0.3)  # fmt: skip


def surprise(encoder: Encoder) -> float:
    """Mean cross-entropy of masked words in nats."""
    total, n = 0.0, 0
    for batch in encoder.batches(TEXT, attention=False):
        given = MaskWords(0.2, 5).change(batch, encoder)
        where, true = masked(given)
        with torch.inference_mode():
            logits = encoder.mlm_logits(encoder.observe(given).hidden(encoder.n_layers)[where])
        total += float(torch.nn.functional.cross_entropy(logits, true[where], reduction="sum"))
        n += int(where.sum())
    return total / n


@pytest.fixture(scope="module")
def made() -> tuple[Encoder, Mixed]:
    teacher = tiny("bert", scale=1.0)
    return teacher, SMALL(teacher, TEXT)


def test_the_student_has_its_own_vocabulary_and_shape_and_loads_again(
    made: tuple[Encoder, Mixed], tmp_path: Path
) -> None:
    teacher, found = made
    small = found.encoder
    assert (small.n_layers, small.width, small.config.vocab_size) == (1, 16, len(small.tokenizer))
    assert len(small.tokenizer) <= 60 < len(teacher.tokenizer)
    assert small.n_parameters < 0.3 * teacher.n_parameters
    for encoder in (small, found.teacher):
        assert not [c for c in check(encoder) if c.verdict == "fails"]
        encoder.model.save_pretrained(tmp_path)
        encoder.tokenizer.save_pretrained(tmp_path)
        assert load(tmp_path).fingerprint == encoder.fingerprint


def test_the_teacher_learns_to_read_both_and_the_student_learns(made: tuple[Encoder, Mixed]) -> None:
    _, found = made
    assert found.after < 0.75 * found.before
    blind = np.log(len(found.encoder.tokenizer))
    assert surprise(found.teacher) < 0.75 * blind
    assert surprise(found.encoder) < 0.75 * blind


def test_the_teacher_that_was_given_stays_and_a_seed_is_a_student(made: tuple[Encoder, Mixed]) -> None:
    teacher, found = made
    assert wrap(teacher.model, teacher.tokenizer).fingerprint == tiny("bert", scale=1.0).fingerprint
    assert SMALL(teacher, TEXT).encoder.fingerprint == found.encoder.fingerprint


@pytest.mark.parametrize("family", ["roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2"])
def test_every_family_with_a_language_model_head_can_teach(family: str) -> None:
    few = Corpus("few", TEXT.sentences[:8])
    method = MixedVocabulary(60, layers=1, width=16, heads=2, first=1, second=1)
    found = method(tiny(family), few)
    assert found.encoder.has_mlm
    assert found.encoder.config.vocab_size == len(found.encoder.tokenizer)
    assert not [c for c in check(found.encoder) if c.verdict == "fails"]


def test_a_line_is_in_both_vocabularies_word_by_word() -> None:
    teacher = tiny("bert")
    own = vocabulary_of(teacher, TEXT, 50)
    mine = encode(TEXT, own, 64).lines
    roles = {teacher.tokenizer.cls_token_id: own.cls_token_id, teacher.tokenizer.sep_token_id: own.sep_token_id}
    for a, b in zip(teacher.encode(TEXT).lines, mine, strict=True):
        dice = np.random.default_rng(a.index)
        whole, none = (mixture(a, b, c, roles, 64, dice) for c in (1.0, 0.0))
        assert np.array_equal(whole.ids, b.ids)
        assert whole.own.all()
        assert np.array_equal(none.ids, a.ids)
        assert not none.own.any()
        both = mixture(a, b, 0.5, roles, 64, dice)
        names = [(own if o else teacher.tokenizer).convert_ids_to_tokens(int(i)) for i, o in zip(both.ids, both.own, strict=True)]  # fmt: skip
        spelled = "".join(n.removeprefix("##") for n, s in zip(names, both.special, strict=True) if not s)
        assert spelled == "".join(TEXT[a.index].words)
        assert not mixture(a, b, 1.0, roles, len(b.ids) - 1, dice).own.any()  # too long
    flags = np.concatenate([mixture(a, b, 0.5, roles, 64, np.random.default_rng(a.index)).own for a, b in zip(teacher.encode(TEXT).lines, mine, strict=True)])  # fmt: skip
    assert 0.3 < flags.mean() < 0.8


def test_thin_embeddings_start_from_the_teachers_and_the_teacher_reads_them_alone() -> None:
    teacher = tiny("bert")
    own = trimmed(teacher, [s.text for s in TEXT]).tokenizer
    both = _Both(teacher, own, 32, "teacher").eval()
    known, table = teacher.tokenizer.get_vocab(), teacher.base.get_input_embeddings().weight  # type: ignore[operator]
    rows = torch.stack([table[known[t]] for t, _ in sorted(own.get_vocab().items(), key=lambda x: x[1])])
    assert torch.allclose(both.lift(both.table.weight), rows, atol=1e-4)
    reads = both.alone(teacher, own)
    ids = [torch.tensor([e.tokenizer("the cats sit")["input_ids"]]) for e in (teacher, reads)]
    with torch.inference_mode():
        a, b = (e.base(input_ids=i)[0] for e, i in zip((teacher, reads), ids, strict=True))
    assert (a - b).abs().max() < 1e-3 * a.abs().max()
    thin = _Both(teacher, own, 8, "teacher")
    off = lambda one: float((one.lift(one.table.weight) - rows).detach().square().sum())
    assert off(both) < off(thin) < off(_Both(teacher, own, 8, "random"))


def test_a_tokenizer_can_be_given_and_terms_are_copied() -> None:
    teacher = tiny("bert")
    own = trimmed(teacher, [s.text for s in TEXT]).tokenizer
    found = MixedVocabulary(layers=1, width=16, first=1, second=1)(teacher, TEXT, tokenizer=own)
    assert found.encoder.tokenizer.get_vocab() == own.get_vocab()


def test_what_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(NotApplicable, match="no masked-language-model head"):
        SMALL(tiny("bert", mlm=False), TEXT)
    with pytest.raises(NotApplicable, match="are factored"):
        SMALL(low_rank(tiny("bert"), rank=4, matrices="embeddings"), TEXT)
    with pytest.raises(BadRequest, match="with probability 0"):
        MixedVocabulary(chance=0)
    with pytest.raises(BadRequest, match="0 and 1 epochs"):
        MixedVocabulary(first=0)
    with pytest.raises(BadRequest, match="a vocabulary of 20 is too small"):
        MixedVocabulary(20)(tiny("bert"), TEXT)
