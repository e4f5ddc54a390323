"""Labelled data: every format, what is left out, how it is split, and how spans and majorities are scored."""

import gzip
import json
from pathlib import Path

import pytest

from bertology.record.errors import BadCorpus, BadRequest
from bertology.train.task import Example, read, span_counts, spans, task


def rows(n: int = 20) -> list[dict[str, str]]:
    return [{"text": f"text {k}", "label": "ab"[k % 2]} for k in range(n)]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def every(found) -> set[Example]:
    return {*found.train, *found.dev, *found.test}


def test_json_lines_csv_tsv_and_json_of_the_same_examples_are_the_same_task(tmp_path: Path) -> None:
    items = rows()
    files = [
        write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, items))),
        write(tmp_path / "a.csv", "\n".join(["text,label", *(f"{r['text']},{r['label']}" for r in items)])),
        write(tmp_path / "a.tsv", "\n".join(["label\ttext", *(f"{r['label']}\t{r['text']}" for r in items)])),
        write(tmp_path / "a.json", json.dumps(items)),
    ]
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(files[0].read_bytes()))
    first, *others = [read(file) for file in (*files, packed)]
    assert (len(first.train), len(first.dev), len(first.test)) == (16, 2, 2)
    assert first.labels == ("a", "b") and first.kind == "sentence" and first.name == "a"
    for other in others:
        assert (other.train, other.dev, other.test) == (first.train, first.dev, first.test)


def test_quotes_of_csv_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    lines = ["text,label", '"one, ""two""\nthree",a', *(f"t{k},{'ab'[k % 2]}" for k in range(19))]
    found = read(write(tmp_path / "q.csv", "\n".join(lines)))
    assert 'one, "two"\nthree' in {e.texts[0] for e in every(found)}


def test_a_quote_in_tsv_is_a_character(tmp_path: Path) -> None:
    found = read(write(tmp_path / "q.tsv", "text\tlabel\n" + "".join(f'"t{k}\t{"ab"[k % 2]}\n' for k in range(20))))
    assert all(e.texts[0].startswith('"t') for e in every(found)) and len(every(found)) == 20


def test_the_label_argument_chooses_the_column_and_with_it_the_kind_of_task(tmp_path: Path) -> None:
    lines = ["pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"]
    lines += [f"{k}\tA {k}\tB {k}\t{1 + k / 10}\t{'YN'[k % 2]}" for k in range(20)]
    file = write(tmp_path / "pairs.txt", "\n".join(lines))
    classes, numbers = read(file), read(file, label="relatedness_score")
    assert classes.kind == "pair" and classes.labels == ("N", "Y") and classes.train[0].texts[0].startswith("A ")
    assert numbers.kind == "regression" and numbers.labels == () and numbers.measure == "Spearman's rho"
    assert {e.label for e in every(numbers)} == {1 + k / 10 for k in range(20)}
    with pytest.raises(BadCorpus, match="entailment_judgment"):
        read(file, label="mood")


def test_texts_stand_in_the_order_of_the_columns(tmp_path: Path) -> None:
    lines = ["question,sentence,label", *(f"q{k},s{k},{'ab'[k % 2]}" for k in range(20))]
    assert all(e.texts[0][0] == "q" for e in read(write(tmp_path / "qnli.csv", "\n".join(lines))).train)


def test_conll_sentences_end_at_blank_lines_and_document_marks_are_none(tmp_path: Path) -> None:
    text = (
        "-DOCSTART- -X- O\n\n"
        + "Anna NNP B-PER\nsang VBD O\n\n" * 1
        + "".join(f"w{k} NN O\nParis{k} NNP B-LOC\n\n" for k in range(20))
    )
    found = read(write(tmp_path / "ner.conll", text))
    assert found.kind == "token" and found.spans and found.measure == "F1"
    assert Example(("w3", "Paris3"), ("O", "B-LOC")) in every(found)
    assert not any("-DOCSTART-" in e.texts for e in every(found))


def test_a_word_may_hold_a_blank_where_columns_are_tabs_and_lines_without_tag_are_counted(tmp_path: Path) -> None:
    text = "# a remark\n" + "".join(f"New York{k}\tB-L\nis\tO\n\n" for k in range(20))
    found = read(write(tmp_path / "ner.conll", text))
    assert any(e.texts[0].startswith("New York") for e in found.train)
    assert sum(count for reason, count in found.dropped if "without a tag" in reason) == 1


def test_json_lines_of_words_and_broken_lines_are_counted(tmp_path: Path) -> None:
    good = [json.dumps({"words": ["a", f"b{k}"], "labels": ["X", "Y"]}) for k in range(20)]
    bad = [json.dumps({"words": ["a"], "labels": ["X", "Y"]}), "[1]", "{", json.dumps({"words": [""], "labels": ["X"]})]
    found = read(write(tmp_path / "w.jsonl", "\n".join([*good, *bad])))
    assert found.kind == "token" and not found.spans and sum(count for _, count in found.dropped) == 4
    with pytest.raises(BadCorpus, match="line 21"):
        read(tmp_path / "w.jsonl", strict=True)


def test_missing_labels_and_empty_texts_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = ["text,label", *(f"t{k},{'ab'[k % 2]}" for k in range(20)), " ,a", "t,", "t,-", "short"]
    found = read(write(tmp_path / "m.csv", "\n".join(lines)))
    assert len(every(found)) == 20
    assert {reason.split(";")[0]: count for reason, count in found.dropped} == {"empty text": 1, "no label": 2, "short line": 1}  # fmt: skip


def test_json_with_parts_keeps_them_and_says_what_it_left_out(tmp_path: Path) -> None:
    pairs = [[r["text"], r["label"]] for r in rows(30)]
    content = {"train": pairs[:20], "val": pairs[20:25], "test": pairs[25:], "oos_train": pairs[:3]}
    found = read(write(tmp_path / "parts.json", json.dumps(content)))
    assert (len(found.train), len(found.dev), len(found.test)) == (20, 5, 5)
    assert found.train[0] == Example(("text 0",), "a")
    assert found.dropped == (("examples under 'oos_train', which is no part", 3),)


def test_a_folder_gives_its_parts_and_a_lacking_test_is_half_of_dev(tmp_path: Path) -> None:
    line = lambda items: "\n".join(map(json.dumps, items))
    write(tmp_path / "train.jsonl", line(rows(20)) + "\n{")
    write(tmp_path / "validation.jsonl", line([{"text": f"dev {k}", "label": "ab"[k % 2]} for k in range(10)]))
    write(tmp_path / "notes.md", "no data")
    found = read(tmp_path)
    assert (len(found.train), len(found.dev), len(found.test)) == (20, 5, 5)
    assert not set(found.dev) & set(found.test) and sum(count for _, count in found.dropped) == 1
    write(tmp_path / "train.csv", "text,label\na,b\n")
    with pytest.raises(BadCorpus, match=r"train\.csv"):
        read(tmp_path)


def test_several_files_are_one_pool_and_named_ones_are_parts(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", "\n".join(map(json.dumps, rows(10))))
    two = write(tmp_path / "two.csv", "text,label\n" + "".join(f"u{k},{'ab'[k % 2]}\n" for k in range(10)))
    assert len(every(read([one, two]))) == 20
    found = read({"train": one, "dev": two})
    assert len(found.train) == 10 and {e.texts[0][0] for e in (*found.dev, *found.test)} == {"u"}
    with pytest.raises(BadRequest, match="exam"):
        read({"train": one, "exam": two})


def test_labels_that_training_never_shows_are_dropped_and_counted(tmp_path: Path) -> None:
    line = lambda *labels: "\n".join(json.dumps({"text": f"t {k}", "label": x}) for k, x in enumerate(labels))
    write(tmp_path / "train.jsonl", line("a", "b"))
    write(tmp_path / "dev.jsonl", line("a", "new"))
    write(tmp_path / "test.jsonl", line("b"))
    found = read(tmp_path)
    assert found.labels == ("a", "b") and len(found.dev) == 1 and dict(found.dropped) == {
        "dev or test examples whose label training never shows": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "columns none"),
        ("text,label\n", "no example"),
        ("words,mood\na,b\n", "words, mood"),
        ("text,label\n" + "".join(f"t{k},a\n" for k in range(20)), "have the label 'a'"),
        ("text,label\n" + "".join(f"t{k},c{k}\n" for k in range(20)), "none of the labels"),
        ("text,label\na,b\nc,d\n", "1 training"),
        ("text,label\n" + "same,a\n" * 20, "0 training"),
    ],
)  # fmt: skip
def test_files_that_make_no_task_say_why(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(BadCorpus, match=says):
        read(write(tmp_path / "bad.csv", content))


def test_unknown_endings_missing_files_and_mixed_examples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"\.jsonl"):
        read(write(tmp_path / "a.xml", "x"))
    with pytest.raises(BadCorpus, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(BadCorpus, match="1 text"):
        task("mixed", [Example(("a",) if k % 2 else ("a", str(k)), "xy"[k % 2]) for k in range(40)])


def test_equal_texts_never_stand_in_two_parts() -> None:
    found = task("twins", [Example((f"t{k // 4}",), "ab"[k % 2]) for k in range(200)])
    texts = [{e.texts for e in part} for part in (found.train, found.dev, found.test)]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert len(found.train) + len(found.dev) + len(found.test) == 200


def test_the_split_follows_the_seed() -> None:
    examples = [Example((f"t{k}",), "ab"[k % 2]) for k in range(50)]
    assert task("s", examples).test == task("s", examples).test != task("s", examples, seed=1).test


def test_fewer_examples_keep_the_labels() -> None:
    whole = task("s", [Example((f"t{k}",), "ab"[k % 2]) for k in range(50)])
    few = whole.limited(3)
    assert len(few.train) == 3 and set(few.train) <= set(whole.train) and few.labels == whole.labels
    with pytest.raises(BadRequest):
        whole.limited(0)


def test_majority_is_in_the_measure_of_the_task() -> None:
    examples = [Example((f"t{k}",), "a" if k % 4 else "b") for k in range(400)]
    found = task("s", examples)
    assert found.majority == sum(e.label == "a" for e in found.test) / len(found.test)
    tags = task("t", [Example((f"w{k}", "x", "y"), ("B-A", "O", "O")) for k in range(50)])
    assert tags.majority == 0.0  # always O: no span is found
    parts = task("p", [Example((f"w{k}", "x", "y"), ("N", "V", "V")) for k in range(50)])
    assert parts.majority == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-A I-A O", [(0, 2, "A")]),
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("I-A I-A O I-A", [(0, 2, "A"), (3, 4, "A")]),
        ("B-A I-B I-B", [(0, 1, "A"), (1, 3, "B")]),
        ("B-A O I-A", [(0, 1, "A"), (2, 3, "A")]),
        ("B-A I-A E-A S-B O", [(0, 3, "A"), (3, 4, "B")]),
        ("E-A E-A", [(0, 1, "A"), (1, 2, "A")]),
        ("S-A I-A", [(0, 1, "A"), (1, 2, "A")]),
    ],
)  # fmt: skip
def test_spans_begin_and_end_where_conlleval_says(tags: str, expected: list[tuple[int, int, str]]) -> None:
    assert spans(tags.split()) == expected


def test_spans_agree_with_the_rules_of_conlleval_written_out() -> None:
    """Both tables of conlleval.pl, on every sequence of four tags of two types."""
    from itertools import product

    def starts(before: str, tag: str, type_before: str, kind: str) -> bool:
        pairs = {("B", "B"), ("I", "B"), ("O", "B"), ("E", "B"), ("S", "B"), ("O", "I"), ("O", "E"), ("E", "E"), ("E", "I"), ("S", "E"), ("S", "I")}  # fmt: skip
        return tag in ("B", "S") or (before, tag) in pairs or (tag != "O" and type_before != kind)

    def stops(before: str, tag: str, type_before: str, kind: str) -> bool:
        pairs = {(b, t) for b in "BI" for t in "BSO"}
        return before in ("E", "S") or (before, tag) in pairs or (before != "O" and type_before != kind)

    alphabet = ["O", *(f"{m}-{t}" for m in "BIES" for t in "XY")]
    for tags in product(alphabet, repeat=4):
        found, start = [], -1
        before, type_before = "O", ""
        for k, tag in enumerate([*tags, "O"]):
            mark, _, kind = tag.partition("-")
            if before != "O" and stops(before, mark, type_before, kind):
                found.append((start, k, type_before))
            if starts(before, mark, type_before, kind) and mark != "O":
                start = k
            before, type_before = mark, kind
        assert spans(tags) == found, tags


def test_a_span_is_right_only_with_its_borders_and_type() -> None:
    true = ["B-A", "I-A", "O", "B-B", "O", "B-A"]
    assert span_counts(["B-A", "I-A", "O", "B-A", "O", "O"], true) == (1, 2, 3)
    assert span_counts(["B-A", None, None, "B-B", "O", "B-A"], true) == (2, 3, 3)


REAL = {
    "sick/SICK_train.txt.gz": ("pair", 3, 4500),
    "banking77/train.csv.gz": ("sentence", 77, 10003),
    "multinli_dev/mnli_dev_part1.csv.gz": ("pair", 3, 15688),
    "counterfactual_nli/original": ("pair", 3, 1866),
    "wnut17_ner/wnut17train.conll.gz": ("token", 13, 3394),
    "clinc150/data_full_trainval.json.gz": ("sentence", 150, 18000),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read(name: str, data: Path) -> None:
    if not (data / name).exists():
        pytest.skip(f"{data} holds no {name}")
    kind, labels, examples = REAL[name]
    found = read(data / name)
    assert (found.kind, len(found.labels)) == (kind, labels)
    assert len(found.train) + len(found.dev) + len(found.test) == examples
