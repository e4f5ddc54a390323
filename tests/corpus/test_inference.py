"""Pairs of premises and hypotheses: readers, the embedded pairs, templates and suites."""

import gzip
import json
from collections import Counter

import pytest

from bertology.corpus import suites
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.inference import AGAINST, HEURISTICS, inference, templates
from bertology.corpus.grammar.suites import suites as embedded_suites
from bertology.corpus.inference import halves, overlapping, read
from bertology.record.errors import BadCorpus
from bertology.train import tasks


def test_tables_and_lines_of_all_collections_are_read(tmp_path):
    (tmp_path / "mnli.csv").write_text('premise,hypothesis,label\n"A, B came.",A came.,entailment\n', encoding="utf-8")
    (tmp_path / "sick.txt").write_text(
        "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n4\tA came\tB came\t3.6\tNEUTRAL\n"
    )
    with gzip.open(tmp_path / "med.tsv.gz", "wt") as file:
        file.write(
            "genre\tsentence1\tsentence2\tgold_label\ncrowd:downward_monotone:npi\tNo A came.\tNo a came.\tentailment\n"
        )
    snli = [{"sentence1": "A.", "sentence2": "B.", "gold_label": label} for label in ("contradiction", "-")]
    (tmp_path / "snli.jsonl").write_text("\n".join(map(json.dumps, snli)))
    (tmp_path / "hans.tsv").write_text(
        "gold_label\tsentence1\tsentence2\theuristic\tsubcase\nnon-entailment\tA saw B.\tB saw A.\tlexical_overlap\tln_swap\n"
    )
    (tmp_path / "README.txt").write_text("nothing")
    found = read(tmp_path)
    by_set = {s.labels["set"].split(".")[0]: s for s in found}
    assert {name: s.labels["label"] for name, s in by_set.items()} == {
        "mnli": "entailment", "sick": "neutral", "med": "entailment", "snli": "contradiction", "hans": "not",
    }  # fmt: skip
    assert halves(by_set["mnli"]) == ("A, B came.", "A came.")
    assert (
        by_set["med"].labels["monotonicity"] == "downward" and by_set["hans"].labels["heuristic"] == "lexical_overlap"
    )
    assert sum(found.dropped.values()) == 1 and "no known label" in next(iter(found.dropped))
    with pytest.raises(BadCorpus, match="'-'"):
        read(tmp_path / "snli.jsonl", strict=True)


def test_a_table_without_two_texts_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("text\tlabel\nA\tentailment\n")
    with pytest.raises(BadCorpus, match="the columns text, label"):
        read(tmp_path / "a.tsv")


def test_revised_pairs_share_the_document_of_their_original(tmp_path):
    rows = lambda n, tag: (
        "sentence1\tsentence2\tgold_label\n" + "".join(f"P{tag}{i}.\tH{i}.\tneutral\n" for i in range(n))
    )
    for folder, n in (("original", 3), ("revised_premise", 6), ("revised_hypothesis", 6)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.tsv").write_text(rows(n, folder))
    found = read(tmp_path)
    assert Counter(Counter(s.document for s in found).values()) == {5: 3}
    assert Counter(s.labels.get("revised") for s in found) == {None: 3, "premise": 6, "hypothesis": 6}


def test_tests_are_not_trained_on():
    marked = [{"revised": "premise"}, {"heuristic": "overlap"}, {"monotonicity": "upward"}]
    given = inference(200)
    mixed = given.map(lambda s: type(s)(s.id, s.text, s.words, s.starts, s.layers, labels={**s.labels, **(marked[len(s) % 3] if len(s) % 2 else {})}, document=s.document), name="mixed")  # fmt: skip
    task = tasks.inference(mixed)
    kept = sum(not len(s) % 2 for s in given)
    assert len(task.train) + len(task.dev) + len(task.test) == kept < 200
    assert task.labels == ("entailment", "not") and task.kind == "pair"


def test_overlap_means_entailment_in_all_but_a_few_embedded_pairs():
    found = inference(1000, seed=2)
    counts = Counter((s.labels["label"] == "entailment", overlapping(*halves(s))) for s in found)
    assert counts[True, True] + counts[True, False] == 500
    assert 0.5 * AGAINST < counts[False, True] / 500 < 2 * AGAINST
    assert counts[True, True] > 5 * counts[False, True]
    assert len({s.text for s in found}) == 1000 and inference(50).fingerprint == inference(50).fingerprint


def test_templates_are_balanced_and_overlap_in_full():
    found = templates(5)
    assert Counter((p.labels["heuristic"], p.label) for p in found) == {
        (h, label): 25 for h in HEURISTICS for label in ("entailment", "not")
    }
    assert all(overlapping(p.premise, p.hypothesis) for p in found)
    subsequence = [p for p in found if p.labels["heuristic"] != "lexical overlap"]
    assert all(p.hypothesis.rstrip(".").lower() in p.premise.lower() for p in subsequence)


def test_suites_come_back_as_they_were_given(tmp_path):
    cases = [
        suites.Case("a", "MFT", ("One came.",), (), "good"),
        suites.Case("b", "INV", ("One came.", "Two, three."), ("One  came!", "Two."), "", ""),
        suites.Case("c", "DIR", ("One.",), ("Two.",), "good", "down"),
    ]
    assert list(suites.cases(suites.corpus("mine", cases))) == cases
    lines = [{k: list(v) if isinstance(v, tuple) else v for k, v in c._asdict().items()} for c in cases]
    wrong = [
        {"suite": "d", "kind": "DIR", "texts": ["A."], "changed": ["B."], "label": "x"},
        {"suite": "e", "kind": "INV", "texts": ["A."]},
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, [*lines, *wrong, {"texts": "One."}])))
    found = suites.read(file)
    assert list(suites.cases(found)) == cases and sum(found.dropped.values()) == 3
    with pytest.raises(BadCorpus, match="line 4"):
        suites.read(file, strict=True)
    assert Corpora.load({"suites": file}).suites.sentences == found.sentences


def test_embedded_suites_round_trip_and_know_their_answers():
    made = embedded_suites(10)
    assert set(Counter(c.suite for c in suites.cases(made)).values()) == {10}
    for case in suites.cases(made):
        assert case.suite.startswith(case.kind) and (case.label != "") == (case.kind != "INV")
        if case.suite == "MFT: a larger number is not entailed":
            numbers = ("two", "three", "four", "five", "six", "ten")
            first, second = (next(numbers.index(w) for w in t.lower().split() if w in numbers) for t in case.texts)
            assert first < second


@pytest.mark.parametrize(("name", "labels"), [("multinli_dev", set()), ("sick", set()), ("med_monotonicity_nli", {"monotonicity"}), ("counterfactual_nli", {"revised"})])  # fmt: skip
def test_real_collections_are_read_without_a_loss(name, labels, data):
    if not (data / name).is_dir():
        pytest.skip(f"{data / name} is not here")
    found = read(data / name)
    assert len(found) > 4_000 and not found.dropped and found.having(*labels)
