"""Folders of facts and templates: LAMA, ParaRel and BEAR become cloze items, and what is left out is counted."""

import gzip
import json
import warnings
from collections import Counter

import pytest

from bertology.corpus import cloze
from bertology.corpus.facts import Fact, filled_templates
from bertology.record.errors import BadCorpus


def put(folder, name, *rows, zipped=False):  # type: ignore[no-untyped-def]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())


def fact(subject, word, **more):  # type: ignore[no-untyped-def]
    return {"sub_label": subject, "obj_label": word, **more}


def quietly(folder, **options):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cloze.read(folder, **options)


def pararel(folder):  # type: ignore[no-untyped-def]
    put(
        folder,
        "graphs_json/P36.jsonl",
        {"pattern": "The capital of [X] is [Y] ."},
        {"pattern": "[Y], the capital of [X]."},
    )
    put(folder, "trex_lms_vocab/P36.jsonl.gz", fact("Peru", "Lima"), fact("old Egypt", "Memphis"), zipped=True)  # fmt: skip


def bear(folder):  # type: ignore[no-untyped-def]
    about = {"P36": {"templates": ["[X] has the capital [Y]."], "answer_space_labels": ["Lima", "Rabat"]}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata_relations.json").write_text(json.dumps(about, indent=1))
    put(folder, "P36.jsonl", fact("Peru", "Lima", answer_idx=0), fact("Morocco", "Rabat", answer_idx=1))


def test_patterns_and_facts_of_two_folders_meet_by_relation(tmp_path):
    pararel(tmp_path)
    items = quietly(tmp_path, strict=True)
    assert [i.context_with_mask for i in items] == [
        "The capital of Peru is [MASK].", "[MASK], the capital of Peru.",
        "The capital of old Egypt is [MASK].", "[MASK], the capital of old Egypt.",
    ]  # fmt: skip
    assert items[3].target == "Memphis" and items[3].labels == {
        "set": "FACT", "relation": "P36", "subject": "old Egypt", "template": 1, "source": tmp_path.name,
        "pair": f"{tmp_path.name}:P36:1",
    }  # fmt: skip


def test_one_object_of_relations_with_templates_is_read(tmp_path):
    bear(tmp_path)
    assert [i.context_with_mask for i in quietly(tmp_path, strict=True)] == [
        "Peru has the capital [MASK].", "Morocco has the capital [MASK].",
    ]  # fmt: skip


def test_collections_side_by_side_are_two_sources_with_their_own_templates(tmp_path):
    pararel(tmp_path / "a")
    bear(tmp_path / "b")
    items = quietly(tmp_path, strict=True)
    assert Counter(i.labels["source"] for i in items) == {"a": 4, "b": 2}
    assert len({i.id for i in items}) == 6 and len({i.labels["pair"] for i in items}) == 4


def test_templates_of_lama_lie_above_the_facts_and_masked_sentences_stand_for_missing_ones(tmp_path):
    put(tmp_path, "relations.jsonl", {"relation": "P19", "template": "[X] was born in [Y] .", "type": "N-1"})
    put(tmp_path, "TREx/P19.jsonl", fact("Ada", "London", predicate_id="P19"))
    sentences = ["You find a bird in a [MASK].", "Another [MASK] with a bird."]
    put(tmp_path, "ConceptNet/test.jsonl", fact("bird", "nest", pred="AtLocation", masked_sentences=sentences))
    nest, ada = quietly(tmp_path, strict=True)
    assert (ada.context_with_mask, ada.labels["source"]) == ("Ada was born in [MASK].", "TREx")
    assert (nest.context_with_mask, nest.labels["relation"], nest.labels["template"]) == (sentences[0], "AtLocation", 0)


def test_what_cannot_be_asked_is_counted_or_refused(tmp_path):
    pararel(tmp_path)
    put(tmp_path, "trex_lms_vocab/P31.jsonl", fact("Ada", "person"), fact("Bob", "person"))
    put(
        tmp_path,
        "graphs_json/P31.jsonl",
        {"pattern": "[X] is one."},
        {"pattern": "[X] and [X] are [Y]."},
        {"pattern": 5},
    )
    put(tmp_path, "trex_lms_vocab/P40.jsonl", fact("", "x"), fact("A", 3), fact("A", "b", masked_sentences="c"))
    put(tmp_path, "trex_lms_vocab/P36.jsonl", fact("Peru", "Lima"), fact("Peru", "Lima"), fact("[MASK]", "Lima"))
    with pytest.warns(UserWarning) as caught:
        items = cloze.read(tmp_path)
    told = " ".join(str(w.message) for w in caught)
    assert len({i.labels["pair"] for i in items}) == 2
    for part in (
        "2 skipped: facts of a relation without templates; first at P31.jsonl line 1: no template is known for P31",
        "1 skipped: sub_label is empty", "1 skipped: obj_label is empty", "1 skipped: masked_sentences unusable",
        "2 skipped: facts of P36 given twice", "1 skipped: no question with an answer",
    ):  # fmt: skip
        assert part in told
    with pytest.raises(BadCorpus, match=r"line 1"):
        cloze.read(tmp_path, strict=True)


def test_facts_without_any_template_are_no_cloze_set(tmp_path):
    put(tmp_path, "P36.jsonl", fact("Peru", "Lima"))
    with pytest.raises(BadCorpus, match="holds no cloze set"):
        cloze.read(tmp_path)


def test_cloze_files_and_facts_are_read_from_one_folder(tmp_path):
    pararel(tmp_path)
    (tmp_path / "items.tsv").write_text("context\ttarget\nA [MASK].\tpet\n")
    assert Counter(i.labels.get("set") for i in quietly(tmp_path, strict=True)) == {"FACT": 4, None: 1}


def test_a_relation_parted_over_files_is_one(tmp_path):
    pararel(tmp_path)
    put(tmp_path, "trex_lms_vocab/train/P36.jsonl", fact("Cuba", "Havana"))
    put(tmp_path, "trex_lms_vocab/train/more/P36.jsonl", fact("Chile", "Santiago"))
    items = quietly(tmp_path, strict=True)
    assert len({i.id for i in items}) == len(items) == 8


def test_further_objects_of_a_subject_are_expected_too():
    a, b, c = filled_templates("speaks", ["[X] speaks [Y]."], [Fact("Eve", "Greek"), Fact("Eve", "Latin"), Fact("Al", "Greek")])  # fmt: skip
    assert (a.labels["expected"], b.labels["expected"]) == (("Latin",), ("Greek",))
    assert "expected" not in c.labels


def test_a_sample_keeps_a_fact_with_all_of_its_templates():
    items = tuple(filled_templates("r", ["[X] a [Y].", "[X] b [Y]."], [Fact(f"s{n}", f"o{n}") for n in range(50)]))
    some = cloze.sample(items, 20)
    assert len(some) == 20 and set(Counter(i.labels["pair"] for i in some).values()) == {2}


def test_real_collections_are_whole(data):
    with pytest.warns(UserWarning, match="1801 skipped: facts of a relation without templates"):
        items = cloze.read(data / "pararel")
    assert len({i.labels["relation"] for i in items}) == 39
    with pytest.warns(UserWarning, match="left out: README.md"):
        items = cloze.read(data / "bear_facts")
    assert len(items) == 15672 and len({i.labels["relation"] for i in items}) == 40
