"""Suites of SyntaxGym: predictions become pairs with a region."""

import json

import pytest

from bertology.corpus import minimal_pairs
from bertology.corpus.syntaxgym import Comparison, comparisons
from bertology.record.errors import BadCorpus


def suite(formula: str, **regions: list[str]) -> str:
    conditions = [
        {"condition_name": name, "regions": [{"region_number": i + 1, "content": c} for i, c in enumerate(contents)]}
        for name, contents in regions.items()
    ]
    return json.dumps(
        {
            "meta": {"name": "mine"},
            "predictions": [{"formula": formula}],
            "items": [{"item_number": 4, "conditions": conditions}],
        }
    )


@pytest.mark.parametrize(
    ("formula", "expected", "others"),
    [
        ("(7;%a%) < (7;%b%)", [("a", "b", ("7",))], 0),
        ("[ (7;%a%) > (7;%b%) ] & [(8;%c%)<(8;%d%)]", [("b", "a", ("7",)), ("c", "d", ("8",))], 0),
        ("[[(7;%a%) < (7;%b%)] & [(8;%c%)<(8;%d%)]]", [("a", "b", ("7",)), ("c", "d", ("8",))], 0),
        ("[ (7;%a%) + (8;%a%) ] < [ (8;%b%) + (7;%b%) ]", [("a", "b", ("7", "8"))], 0),
        ("(*;%a%) < (*;%b%)", [("a", "b", ("*",))], 0),
        ("(7;%a%) = (7;%b%)", [], 1),
        ("(7;%a%) < (8;%b%)", [], 1),
        ("(7;%a%) + (7;%b%) < (7;%c%) + (7;%d%)", [], 1),
        ("[(7;%a%)-(7;%b%)] > [(7;%c%)-(7;%d%)]", [], 1),
        ("[(6;%a%) > (6;%b%)] & [[(6;%a%) - (6;%b%)] > [(6;%c%) - (6;%d%)]]", [("b", "a", ("6",))], 1),
        ("[(6;%a%)-(6;%b%)]+[[(5;%c%)+(6;%c%)]-[(5;%d%)+(6;%d%)]]>0", [], 1),
        ("(7;%a%) < (7;%a%)", [], 1),
        ("nothing", [], 1),
    ],
)  # fmt: skip
def test_a_comparison_is_of_two_conditions_in_the_same_regions(formula, expected, others):
    assert comparisons(formula) == ([Comparison(*one) for one in expected], others)


def test_the_less_surprising_condition_is_the_good_sentence_and_the_region_a_span(tmp_path):
    text = suite(
        "(3;%off%) > (3;%on%)", on=["The author", "", "is", ",", "good"], off=["The author", "", "are", ",", "good"]
    )
    (tmp_path / "s.json").write_text(text)
    good, bad = minimal_pairs.read(tmp_path / "s.json", strict=True)
    assert (good.text, bad.text) == ("The author is, good.", "The author are, good.")
    assert good.spans["region"] == bad.spans["region"] == ((2, 3, "3"),)
    assert good.words[2] == "is" and good.text[good.starts[3]] == ","
    assert good.labels["phenomenon"] == "mine: on < off" and good.document == bad.document == "mine/4"


def test_a_suite_may_be_spread_over_lines_or_packed_in_one(tmp_path):
    text = suite("(2;%a%) < (2;%b%)", a=["it", "is"], b=["it", "are"])
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "b.json").write_text(json.dumps(json.loads(text), indent=2))
    assert len(minimal_pairs.read(tmp_path)) == 4


def test_what_is_no_comparison_or_lacks_its_region_is_counted(tmp_path):
    text = suite(
        "[(2;%a%) = (2;%b%)] & [(9;%a%) < (9;%b%)] & [(2;%a%) < (2;%b%)] & [(2;%a%) < (2;%no%)]",
        a=["it", "is"],
        b=["it", "are"],
    )
    (tmp_path / "a.json").write_text(text)
    found = minimal_pairs.read(tmp_path / "a.json")
    assert len(found) == 2
    assert sorted(found.dropped.values()) == [1, 1, 1]
    with pytest.raises(BadCorpus, match="no word in region 9"):
        minimal_pairs.read(tmp_path / "a.json", strict=True)


def test_the_suites_of_hu_et_al_give_pairs_of_every_readable_prediction(data):
    found = minimal_pairs.read(data / "syntaxgym_suites")
    assert len(found) > 2_400
    names = {s.labels["phenomenon"] for s in found}
    assert {"number_prep: match_sing < mismatch_sing", "npi_orc_ever: neg_pos < pos_neg"} <= names
    assert all(any(start < end for start, end, _ in s.spans["region"]) for s in found)
    agreement = minimal_pairs.read_agreement(data / "syntaxgym_suites" / "number_prep.json.gz")
    assert {(a.words[v], b.words[v]) for a, b in zip(agreement.sentences[0::2], agreement.sentences[1::2], strict=True)
            for v in [a.labels["verb"]]} >= {("is", "are"), ("are", "is")}  # fmt: skip
