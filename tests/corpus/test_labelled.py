"""Labelled spans and pairs: UDS proto-roles, folders of BIO files, the embedded corpus with its many names."""

import json
from pathlib import Path

import pytest

from bertology.corpus import labelled, uds
from bertology.corpus.corpora import Corpora
from bertology.corpus.names import GIVEN, PLACES, SURNAMES, gender_of
from bertology.record.errors import BadCorpus

TREES = """# newdoc id = a
# sent_id = a-1
# text = Anna broke cups.
1	Anna	Anna	PROPN	NNP	_	2	nsubj	_	_
2	broke	break	VERB	VBD	_	0	root	_	_
3	cups	cup	NOUN	NNS	_	2	obj	_	SpaceAfter=No
4	.	.	PUNCT	.	_	2	punct	_	_

"""


def rating(value: float) -> dict:
    return {"value": value, "confidence": 1.0}


@pytest.fixture
def folder(tmp_path: Path):
    def make(edges: dict, *, ids: dict | None = None, trees: str = TREES) -> Path:
        name = "ewt-train-1"
        (tmp_path / "uds").mkdir(exist_ok=True)
        (tmp_path / "uds" / "protoroles.json").write_text(json.dumps({"metadata": {}, "data": {name: edges}}))
        where = {name: {"document_id": "a", "sentence_id": "a-1"}} if ids is None else ids
        (tmp_path / "uds" / "ud_ids.json").write_text(json.dumps(where))
        (tmp_path / "en_ewt-ud-dev.conllu").write_text(trees)
        return tmp_path

    return make


def edge(predicate: int, argument: int) -> str:
    return f"ewt-train-1-semantics-pred-{predicate}%%ewt-train-1-semantics-arg-{argument}"


def test_a_property_holds_where_its_rating_is_above_zero(folder) -> None:
    ratings = {"volition": rating(1.2), "was_used": rating(-0.4), "awareness": rating(-0.0)}
    (s,) = labelled.read(
        folder({edge(2, 1): {"protoroles": ratings}, edge(2, 3): {"protoroles": {"was_used": rating(0.1)}}})
    )
    assert s.words == ("Anna", "broke", "cups", ".")
    assert s.links["proto-role"] == (
        (1, 0, "-awareness"),
        (1, 0, "+volition"),
        (1, 0, "-was_used"),
        (1, 2, "+was_used"),
    )


@pytest.mark.parametrize(
    "edges, ids, reason",
    [
        ({edge(2, 9): {"protoroles": {}}}, None, "beyond the sentence"),
        ({edge(3, 1): {"protoroles": {}}}, None, "no verb"),
        ({edge(2, 4): {"protoroles": {}}}, None, "on punctuation"),
        ({"what": {"protoroles": {}}}, None, "no predicate and argument"),
        ({}, {}, "lacks the sentence"),
    ],
)
def test_ratings_that_do_not_fit_the_treebank_drop_the_sentence(folder, edges, ids, reason) -> None:
    with pytest.raises(BadCorpus, match=reason):
        uds.read(folder(edges, ids=ids), strict=True)
    with pytest.raises(BadCorpus, match=f"1 dropped: .*{reason}"):
        uds.read(folder(edges, ids=ids))


def test_missing_parts_of_uds_are_named(folder, tmp_path) -> None:
    place = folder({edge(2, 1): {"protoroles": {}}})
    (place / "en_ewt-ud-dev.conllu").unlink()
    with pytest.raises(BadCorpus, match=r"no \*ewt\*\.conllu"):
        labelled.read(place)
    (place / "uds" / "ud_ids.json").write_text("[1")
    with pytest.raises(BadCorpus, match="no JSON"):
        labelled.read(place)
    (place / "uds" / "ud_ids.json").unlink()
    with pytest.raises(BadCorpus, match=r"no ud_ids\.json"):
        labelled.read(place)


def test_a_folder_of_bio_files_is_one_corpus(tmp_path: Path) -> None:
    for name, row in (("a.conll", "Rome\tB-location"), ("b.conll", "Anna\tB-person")):
        (tmp_path / name).write_text(f"{row}\nsleeps\tO\n\n")
    corpus = labelled.read(tmp_path)
    assert [s.spans["entity"][0][2] for s in corpus] == ["location", "person"]


def test_a_folder_of_other_things_and_a_file_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCorpus, match=r"neither protoroles.json nor .conll"):
        labelled.read(tmp_path)
    file = tmp_path / "plain.jsonl"
    file.write_text(json.dumps({"words": ["a", "b"]}))
    with pytest.raises(BadCorpus, match="no labelled spans"):
        labelled.read(file)


@pytest.fixture(scope="module")
def embedded():
    return Corpora.load(scale=0.1, seed=3).spans


def test_the_embedded_corpus_has_every_kind_but_proto_roles_and_many_names(embedded) -> None:
    assert embedded.having("entity", "related", "role", "upos") and not embedded.having("proto-role")
    names = [s.words[start] for s in embedded for start, _, _ in s.spans.get("entity", ())]
    assert len(set(names)) > 100
    assert {kind for s in embedded for *_, kind in s.spans.get("entity", ())} == {"PERSON", "PLACE"}
    assert len({s.id for s in embedded}) == len(embedded)


def test_exchanged_names_keep_type_and_gender_and_stand_where_the_text_has_them(embedded) -> None:
    for s in embedded:
        assert all(s.text[a : a + len(w)] == w for a, w in zip(s.starts, s.words, strict=True))
        for start, end, kind in s.spans.get("entity", ()):
            assert s.words[start] in (PLACES if kind == "PLACE" else GIVEN["f"] + GIVEN["m"])
            assert all(word in SURNAMES for word in s.words[start + 1 : end])
            assert s.layers["lemma"][start] == s.words[start]
        for anaphor, antecedent, _ in s.links.get("coref", ()):
            gender = {"he": "m", "him": "m", "his": "m", "himself": "m", "she": "f", "her": "f", "herself": "f"}
            bearer = gender_of(s.words[antecedent])
            if s.layers["upos"][antecedent] == "PROPN" and bearer and s.words[anaphor] in gender:
                assert bearer == gender[s.words[anaphor]]


def test_equal_seeds_make_equal_corpora(embedded) -> None:
    assert Corpora.load(scale=0.1, seed=3).spans.fingerprint == embedded.fingerprint
    assert Corpora.load(scale=0.1, seed=4).spans.fingerprint != embedded.fingerprint


def test_uds_and_wnut_have_their_published_sizes(data, tmp_path) -> None:
    ner = labelled.read(data / "wnut17_ner")
    assert len(ner) == 4_403
    for name in ("uds_decomp", "ud_english_ewt"):
        if not (data / name).is_dir():
            pytest.skip(f"no {name} in {data}")
        (tmp_path / name).symlink_to(data / name)
    corpus = labelled.read(tmp_path)
    assert len(corpus) + sum(corpus.dropped.values()) == 2_482 and len(corpus) > 2_470
    pairs = {(s.id, p, a) for s in corpus for p, a, _ in s.links["proto-role"]}
    assert len(pairs) > 6_390
