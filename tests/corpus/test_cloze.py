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
        ("A [MASK].\tpet\tdog|Pet", "'pet' is the target and an alternative"),
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


def test_equal_sides_are_no_question(write):
    header = "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n"
    good = "1\tAn ant is (a|an)\tAn ant is not (a|an)\tinsect\tvegetable\n"
    for bad in (
        "2\tA bee is (a|an)\tA bee is not (a|an)\tinsect\tinsect\n",
        "2\tA bee is (a|an)\tA bee is (a|an)\tinsect\ttree\n",
    ):
        with pytest.warns(UserWarning, match="1 skipped"):
            assert len(cloze.read(write(header + good + bad))) == 2
    header = "item\tcontext_s1\tcontext_s2\texpected\twithin_category\tbetween_category\n"
    with pytest.raises(BadCorpus, match="'chess' is the target and an alternative"):
        cloze.read(write(header + "1\tShe said check.\tIt was\tchess\tchess\tgolf\n"), strict=True)


def test_a_cloze_value_that_is_no_number_is_refused(write):
    header = "item\tcontext\texpected\texp_cloze\ttarget\ttgt_cloze\n"
    for value in ("much", "nan", "inf"):
        with pytest.raises(BadCorpus, match="tgt_cloze is"):
            cloze.read(write(header + f"1-a\twhich guest the waiter had\tserved\t.5\tserved\t{value}\n"), strict=True)


def test_the_opening_and_the_phrases_of_a_clause_become_labels(write):
    header = "item\tcontext_s1\tcontext_s2\texpected\twithin_category\tbetween_category\n"
    (item,) = cloze.read(write(header + "1\tShe said check.\tThe game was\tchess\tbridge\tgolf\n"))
    assert item.labels["opening"] == "She said check." and item.context_with_mask.startswith("She said check. The")
    header = "item\tcontext\texpected\texp_cloze\ttarget\ttgt_cloze\n"
    (item,) = cloze.read(
        write(header + "1-a\tHe knew which old guest the new waiter had\tserved|seen\t.5\tserved\t.5\n")
    )
    assert (item.labels["object"], item.labels["subject"]) == ("which old guest", "the new waiter")
    assert item.labels["expected"] == ("served", "seen")


def test_expected_words_of_the_general_form_are_a_list(write):
    for given in ("a|b", ["a", "b"]):
        (item,) = cloze.read(
            write(json.dumps({"context": "A [MASK].", "target": "x", "expected": given, "contexts": "odd"}))
        )
        assert item.labels == {"expected": ("a", "b")}


def test_a_folder_gives_the_items_of_all_its_cloze_sets_and_names_the_other_files(tmp_path):
    (tmp_path / "in").mkdir()
    neg = "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n1\tA trout is\tA trout is not\tfish\ttool\n"
    for name in ("a.tsv", "in/b.tsv"):
        (tmp_path / name).write_text(neg)
    (tmp_path / "c.jsonl").write_text('{"context": "A [MASK].", "target": "x"}\n')
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        items = cloze.read(tmp_path)
    assert len(items) == 5 and len({i.id for i in items}) == 5
    assert {i.labels["pair"] for i in items if "pair" in i.labels} == {"a.tsv:1", "in/b.tsv:1"}
    (tmp_path / "README.md").write_text("nothing")
    (tmp_path / "in" / "weights.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("")
    with pytest.warns(UserWarning) as caught:
        assert cloze.read(tmp_path) == items
    assert [str(w.message) for w in caught] == [
        f"{tmp_path.name}: no cloze sets, left out: README.md, empty, in/weights.bin."
    ]


def test_broken_rows_of_a_folder_are_counted_in_one_warning(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.tsv").write_text("context\ttarget\nA [MASK].\tpet\nNo gap.\tpet\n")
    with pytest.warns(UserWarning, match="2 skipped") as caught:
        assert len(cloze.read(tmp_path)) == 2
    assert len(caught) == 1
    with pytest.raises(BadCorpus, match=r"a.tsv line 3"):
        cloze.read(tmp_path, strict=True)


def test_a_folder_without_a_cloze_set_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(BadCorpus, match=r"holds no cloze set among its 1 files(.|\n)*columns context and target"):
        cloze.read(tmp_path)


def test_a_sample_keeps_pairs_together_and_the_order():
    items = tuple(cloze.ClozeItem(f"{i}", "A [MASK].", "x", (), {"set": "NEG", "pair": str(i // 2)}) for i in range(40))
    few = cloze.sample(items, 11, seed=1)
    assert len(few) == 10 and few == tuple(i for i in items if i in few)
    assert all(sum(i.labels["pair"] == pair for i in few) == 2 for pair in {i.labels["pair"] for i in few})
    assert cloze.sample(items, 40) == items and cloze.sample(items, 11, seed=2) != few


def test_ettingers_folder_is_read_at_once(data):
    with pytest.warns(UserWarning, match="no cloze sets, left out: LICENSE"):
        items = cloze.read(data / "ettinger_diagnostics")
    counts = {name: len(cloze.of_set(items, name)) for name in ("CPRAG", "NEG", "ROLE")}
    assert counts == {"CPRAG": 34, "NEG": 36, "ROLE": 44}
    assert all({"subject", "object"} <= i.labels.keys() for i in cloze.of_set(items, "ROLE"))
