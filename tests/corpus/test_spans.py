"""Spans and links: JSON lines in full, SemEval-2010 Task 8 blocks and BIO columns, told apart by content."""

import json
from collections import Counter

import pytest

from bertology.corpus import spans
from bertology.record.errors import BadCorpus

ITEM = {
    "id": "s1",
    "words": ["Anna", "saw", "herself", "."],
    "document": "d",
    "links": {"coref": [[2, 0, "reflexive"]]},
    "spans": {"np": [[0, 1, "NP"], [2, 3, "NP"]]},
    "layers": {"upos": ["PROPN", "VERB", "PRON", "PUNCT"], "head": [1, -1, 1, 1]},
    "labels": {"tense": "past", "n": 4},
}


@pytest.fixture
def write(tmp_path):
    def write(*items, name="given.jsonl"):
        file = tmp_path / name
        file.write_text("\n".join(i if isinstance(i, str) else json.dumps(i) for i in items), newline="")
        return file

    return write


def test_an_object_carries_every_annotation(write):
    (s,) = spans.read(write(ITEM))
    assert (s.id, s.text, s.document) == ("s1", "Anna saw herself .", "d")
    assert s.links == {"coref": ((2, 0, "reflexive"),)}
    assert s.spans == {"np": ((0, 1, "NP"), (2, 3, "NP"))}
    assert s.layers == {"upos": ("PROPN", "VERB", "PRON", "PUNCT"), "head": (1, -1, 1, 1)}
    assert s.labels == {"tense": "past", "n": 4}


def test_words_stand_where_the_text_has_them(write):
    (s,) = spans.read(write(ITEM | {"text": "Anna saw herself."}))
    assert s.text == "Anna saw herself." and s.starts == (0, 5, 9, 16)
    (s,) = spans.read(write(ITEM | {"text": "Another text."}))
    assert s.text == "Anna saw herself ."


def test_bare_lists_are_entities_and_relations_over_a_tokenized_text(write):
    (s,) = spans.read(write({"text": "Rome, not Oslo.", "spans": [[0, 1, "city"]], "links": [[0, 3, "unlike"]]}))
    assert s.words == ("Rome", ",", "not", "Oslo", ".")
    assert s.spans == {"entity": ((0, 1, "city"),)} and s.links == {"relation": ((0, 3, "unlike"),)}


@pytest.mark.parametrize(
    "change",
    [
        {"words": []},
        {"words": ["a", " ", "b", "c"]},
        {"words": "a b c d"},
        {"spans": [[0, 9, "x"]]},
        {"spans": [[2, 2, "x"]]},
        {"spans": [[0, 1]]},
        {"spans": [[0, True, "x"]]},
        {"spans": 3},
        {"links": {"coref": [[-1, 0, "x"]]}},
        {"links": {"coref": [[0, 1.5, "x"]]}},
        {"links": {"coref": "no"}},
        {"layers": {"upos": ["X"]}},
        {"layers": {"upos": [[1], [2], [3], [4]]}},
        {"layers": {"head": [1, -1, 1, 9]}},
        {"layers": {"head": [1, 0, -1, 2]}},
        {"layers": []},
        {"labels": {"x": [1]}},
    ],
)
def test_annotation_that_does_not_fit_the_words_drops_the_sentence(write, change):
    file = write(ITEM, ITEM | change)
    corpus = spans.read(file)
    assert len(corpus) == 1 and sum(corpus.dropped.values()) == 1
    with pytest.raises(BadCorpus, match=r"given.jsonl line 2: "):
        spans.read(file, strict=True)


def test_a_relation_points_from_its_first_argument_to_its_second(write):
    corpus = spans.read(
        write(
            '1\t"The <e1>tin box</e1> held <e2>pens</e2>."\r\nContent-Container(e2,e1)\r\nComment: yes\r\n\r',
            '2\t"A <e2>cry</e2> of <e1>great joy</e1>"\r\nOther\r\nComment:\r\n',
        )
    )
    first, second = corpus
    assert first.text == "The tin box held pens." and first.words[-1] == "."
    assert first.spans["entity"] == ((1, 3, "e1"), (4, 5, "e2"))
    assert first.links["relation"] == ((4, 2, "Content-Container"),)
    assert first.labels["relation"] == "Content-Container(e2,e1)"
    assert second.links["relation"] == ((4, 1, "Other"),)
    assert all(s.text[a:b] == w for s in corpus for a, b, w in zip(s.starts, s.ends, s.words, strict=True))


def test_a_block_without_marks_or_relation_is_dropped(write):
    good = '1\t"<e1>A</e1> <e2>b</e2>"\nOther\n\n'
    for bad in (
        '2\t"<e1>A</e1> b"\nOther\n',
        '2\t"<e1>A</e1> <e2></e2>b"\nOther\n',
        '2\t"<e1>A</e1> <e2>b</e2>"\nWhat\n',
    ):
        corpus = spans.read(write(good, bad))
        assert len(corpus) == 1 and sum(corpus.dropped.values()) == 1


def test_bio_tags_become_spans(write):
    rows = ["-DOCSTART-\tO", "", "New\tB-loc", "York\tI-loc", "Oslo\tB-loc", "and\tO", "Bo\tI-per", "\t"]
    corpus = spans.read(write(*rows, "US\tB-loc", "Open\tI-event"))
    first, second = corpus
    assert first.words == ("New", "York", "Oslo", "and", "Bo")
    assert first.spans["entity"] == ((0, 2, "loc"), (2, 3, "loc"), (4, 5, "per"))
    assert second.spans["entity"] == ((0, 1, "loc"), (1, 2, "event"))


def test_a_row_without_a_tag_is_dropped_or_refused(write):
    file = write("New\tB-loc", "", "York", "")
    assert len(spans.read(file)) == 1
    with pytest.raises(BadCorpus, match=r"line 3: 'York' is not a word and a tag"):
        spans.read(file, strict=True)


def test_another_format_is_refused_with_the_known_ones(write):
    with pytest.raises(BadCorpus, match="which is no known format"):
        spans.read(write("Just a line."))


def test_semeval_and_wnut_have_their_published_sizes(data):
    corpus = spans.read(data / "semeval2010_task8" / "TRAIN_FILE.TXT.gz", strict=True)
    assert len(corpus) == 8_000
    kinds = Counter(link[2] for s in corpus for link in s.links["relation"])
    assert len(kinds) == 10 and kinds["Other"] == 1_410 and kinds["Cause-Effect"] == 1_003
    ner = spans.read(data / "wnut17_ner" / "wnut17train.conll.gz", strict=True)
    assert len(ner) == 3_394
    assert sum(len(s.spans["entity"]) for s in ner) == 1_975
    assert len(spans.read(data / "wnut17_ner" / "emerging.dev.conll.gz", strict=True)) == 1_009
