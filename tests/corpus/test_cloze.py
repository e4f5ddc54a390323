"""Cloze items: one gap a context, and the three sets of Ettinger (2020) with their own columns."""

import json
import warnings

import pytest

from bertology.corpus import cloze
from bertology.record.errors import BadCorpus


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "items.tsv"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_the_general_form_is_read_from_columns_and_json(write):
    (item,) = cloze.read(write("id\tcontext\ttarget\talternatives\tkind\nx\tA cat is a [MASK].\tpet\tdog|car\thyper\n"))
    assert item == ("x", "A cat is a [MASK].", "pet", ("dog", "car"), {"kind": "hyper"})
    row = {"id": "x", "context": "A cat is a [MASK].", "target": "pet", "alternatives": ["dog", "car"], "kind": "hyper"}
    assert cloze.read(write(json.dumps(row))) == (item,)


def test_a_negated_context_turns_target_and_alternative_round(write):
    header = "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n"
    plus, minus = cloze.read(write(header + "2\tAn ant is (a|an)\tAn ant is not (a|an)\tinsect\tvegetable\n"))
    assert plus[1:4] == ("An ant is an [MASK].", "insect", ("vegetable",))
    assert minus[1:4] == ("An ant is not a [MASK].", "vegetable", ("insect",))
    assert plus.labels["contexts"] == ("An ant is an [MASK].", "An ant is a [MASK].")
    assert [i.labels["polarity"] for i in (plus, minus)] == ["affirmative", "negative"]
    assert plus.labels["pair"] == minus.labels["pair"] == "2"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("No gap.\tpet\t", "the context holds 0"),
        ("[MASK] and [MASK]\tpet\t", "the context holds 2"),
        ("A [MASK].\t \t", "target is empty"),
        ("A [MASK].\tpet", "2 columns, the header has 3"),
        ("A [MASK].\tpet\tdog||cat", "alternatives are words"),
    ],
)
def test_a_broken_row_is_warned_of_or_refused(write, row, message):
    file = write(f"context\ttarget\talternatives\nA [MASK].\tpet\t\n{row}\n")
    with pytest.warns(UserWarning, match=r"items.tsv: 1 skipped: .*line 3"):
        assert len(cloze.read(file)) == 1
    with pytest.raises(BadCorpus, match=rf"line 3: .*{message}"):
        cloze.read(file, strict=True)


def test_unknown_columns_and_empty_files_are_refused(write):
    with pytest.raises(BadCorpus, match="are no cloze set's"):
        cloze.read(write("a\tb\n1\t2\n"))
    with pytest.raises(BadCorpus, match="no usable item"):
        cloze.read(write(""))
    with pytest.raises(BadCorpus, match="no usable item"):
        cloze.read(write('{"sentence": "x"}'))


def test_ettingers_sets_are_whole(data):
    folder = data / "ettinger_diagnostics"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cprag, negation, role = (cloze.read(folder / f"{n}.tsv") for n in ("CPRAG-102", "NEG-136-SIMP", "ROLE-44a"))
    assert (len(cprag), len(negation), len(role)) == (34, 36, 44)
    assert cprag[0].target == "chess" and cprag[0].alternatives == ("monopoly", "football")
    assert all(i.context_with_mask.count(cloze.MASK) == 1 and "|" not in i.context_with_mask for i in negation)
    assert all(
        len({i.target for i in role if i.labels["pair"] == pair}) == 1 for pair in {i.labels["pair"] for i in role}
    )
    assert role[0].labels["expected"] == ("avoided", "hated", "read", "met")
