"""Pairs of verb forms: four formats, one set of labels."""

import json

import pytest

from bertology.corpus import grammar, minimal_pairs
from bertology.corpus.grammar.lexicon import nouns
from bertology.corpus.pair import changed_word
from bertology.corpus.sentence import Corpus
from bertology.record.errors import BadCorpus

HEADER = [
    "pattern", "constr_id", "sent_id", "correct_number", "form", "class", "type", "prefix", "n_attr", "punct", "freq",
    "len_context", "len_prefix", "sent",
]  # fmt: skip
ROW = [
    "L__NOUN_VERB",
    "1",
    "7",
    "sing",
    "runs",
    "correct",
    "generated",
    "an old insight in fifty",
    "1",
    "False",
    "9",
    "3",
    "5",
]


def marked(folder, name: str, *pairs: tuple[str, str]) -> Corpus:
    file = folder / f"{name}.txt"
    file.write_text("".join(f"True\t{good}\nFalse\t{bad}\n" for good, bad in pairs))
    return minimal_pairs.read_agreement(file)


@pytest.mark.parametrize(
    ("name", "good", "bad", "verb", "subject", "attractors"),
    [
        ("simple_agrmt", "the author laughs", "the author laugh", "laughs", "author", 0),
        ("prep_anim", "the authors next to the guard laugh", "the authors next to the guard laughs", "laugh", "authors", 1),
        ("prep_anim", "the authors next to the guards laugh", "the authors next to the guards laughs", "laugh", "authors", 0),
        ("subj_rel", "the author that likes the guards is old", "the author that likes the guards are old", "is", "author", 1),
        ("obj_rel_across_anim", "the author that the guards like laughs", "the author that the guards like laugh", "laughs", "author", 1),
        ("obj_rel_no_comp_across_anim", "the author the guard likes laughs", "the author the guard likes laugh", "laughs", "author", 0),
        ("obj_rel_within_anim", "the authors that the guard likes laugh", "the authors that the guard like laugh", "likes", "guard", 0),
        ("sent_comp", "the mechanics said the author laughs", "the mechanics said the author laugh", "laughs", "author", 0),
        ("vp_coord", "the author laughs and swims", "the author laughs and swim", "swims", "author", 0),
        ("long_vp_coord", "the author knows many games and is old", "the author knows many games and are old", "is", "author", None),
        ("prep_anim", "die Bauern vor dem Koch lachen", "die Bauern vor dem Koch lacht", "lachen", "Bauern", None),
    ],
)  # fmt: skip
def test_a_construction_says_where_its_subject_is_and_what_stands_between(
    tmp_path, name, good, bad, verb, subject, attractors
):
    right, wrong = marked(tmp_path, name, (good, bad))
    assert right.words[right.labels["verb"]] == verb != wrong.words[wrong.labels["verb"]]
    assert right.words[right.labels["subject"]] == subject
    assert right.labels["attractors"] == attractors
    assert right.text == good + "."
    assert (right.labels["construction"], right.labels["nonce"], right.labels["acceptable"]) == (name, False, True)


def test_reflexives_and_polarity_items_are_pairs_but_no_verb_forms(tmp_path):
    good, bad = "the author hurt himself", "the author hurt themselves"
    with pytest.raises(BadCorpus, match="1 dropped: pairs of reflexives"):
        marked(tmp_path, "simple_reflexives", (good, bad))
    assert len(minimal_pairs.read(tmp_path / "simple_reflexives.txt")) == 2


@pytest.mark.parametrize(
    ("text", "count"), [("True\ta b\nTrue\ta c\nFalse\ta d\n", 2), ("False\ta b\n", 1), ("Maybe\ta b\n", 1)]
)
def test_sentences_without_a_partner_are_counted_or_refused(tmp_path, text, count):
    file = tmp_path / "simple_agrmt.txt"
    file.write_text("True\tthe author laughs\nFalse\tthe author laugh\n" + text)
    found = minimal_pairs.read(file)
    assert len(found) == 2 and sum(found.dropped.values()) == count
    with pytest.raises(BadCorpus, match="line 4" if count == 2 else "line 3"):
        minimal_pairs.read(file, strict=True)


def generated(*rows: list[str]) -> str:
    return "\n".join("\t".join(row) for row in (HEADER, *rows))


def test_the_forms_of_gulordava_stand_after_their_prefix(tmp_path):
    sent = '"an old insight in fifty surrounds "" it "" . <eos>"'
    wrong = [*ROW[:4], "run", "wrong", *ROW[6:]]
    (tmp_path / "made.tab").write_text(generated([*ROW, sent], [*wrong, sent]))
    good, bad = minimal_pairs.read_agreement(tmp_path / "made.tab", strict=True)
    assert good.text == 'an old insight in fifty runs " it " .'
    assert (good.words[good.labels["verb"]], bad.words[bad.labels["verb"]]) == ("runs", "run")
    assert good.words[good.labels["subject"]] == "insight"
    assert (good.labels["nonce"], good.labels["attractors"]) == (True, 1)


def test_a_table_without_a_column_or_with_a_broken_length_is_refused(tmp_path):
    (tmp_path / "made.tab").write_text("pattern\tconstr_id\tsent_id\tform\n")
    with pytest.raises(BadCorpus, match="no column class, type, n_attr"):
        minimal_pairs.read(tmp_path / "made.tab")
    rows = [[*ROW[:11], "x", "5", "a b c d e f"], [*ROW[:4], "run", "wrong", *ROW[6:11], "x", "5", "a b c d e f"]]
    (tmp_path / "made.tab").write_text(generated(*rows))
    with pytest.raises(BadCorpus, match="a length is no number"):
        minimal_pairs.read(tmp_path / "made.tab")


def test_the_text_and_the_forms_of_linzen_are_two_files(tmp_path):
    (tmp_path / "l.text").write_text("the keys to the cabinet are old . <eos>\nhe sees\n")
    (tmp_path / "l.gold").write_text("5\tare\tis\t1\n9\tsees\tsee\t0\n")
    for path in (tmp_path / "l.text", tmp_path / "l.gold", tmp_path):
        found = minimal_pairs.read_agreement(path)
        good, bad = found
        assert (good.text, bad.text) == ("the keys to the cabinet are old .", "the keys to the cabinet is old .")
        assert (good.labels["attractors"], good.labels["subject"], good.labels["nonce"]) == (1, None, False)
        assert list(found.dropped.values()) == [1]


def test_a_gap_with_two_forms_is_read(tmp_path):
    (tmp_path / "lgd.tsv").write_text("2\t0\tthe keys to it ***mask*** old .\tare\tis\nx\t0\ta ***mask***\tb\tc\n")
    found = minimal_pairs.read_agreement(tmp_path / "lgd.tsv")
    assert [s.text for s in found] == ["the keys to it are old .", "the keys to it is old ."]
    assert found[0].labels["attractors"] == 2 and sum(found.dropped.values()) == 1


def test_json_lines_of_ones_own_may_give_the_labels(tmp_path):
    line = {
        "sentence_good": "The keys are old.",
        "sentence_bad": "The keys is old.",
        "attractors": 0,
        "nonce": True,
        "subject": 1,
    }
    more = {"sentence_good": "The keys are old.", "sentence_bad": "The key is old."}
    (tmp_path / "mine.jsonl").write_text(f"{json.dumps(line)}\n{json.dumps(more)}")
    found = minimal_pairs.read_agreement(tmp_path / "mine.jsonl")
    assert [s.labels["verb"] for s in found] == [2, 2] and found[0].labels["nonce"] is True
    assert found.dropped == {"pairs that differ in more than one word": 1}


def test_embedded_verbs_agree_with_their_subject_and_with_no_attractor():
    plural = {n.plural for kind in nouns().values() for n in kind}
    every = plural | {n.lemma for kind in nouns().values() for n in kind} - {"saw"}  # the past of see, here
    corpus = grammar.agreement(60, seed=3)
    assert len(corpus) == 2 * 6 * 60 and len({s.text for s in corpus.sentences[0::2]}) == 360
    singular_verbs = ("is", "has", "s")
    for good, bad in zip(corpus.sentences[0::2], corpus.sentences[1::2], strict=True):
        verb, subject = good.labels["verb"], good.labels["subject"]
        assert changed_word(good, bad) == verb
        number = good.words[subject] in plural
        assert good.words[verb].endswith(singular_verbs) != number, good.text
        between = [w for w in good.words[subject + 1 : verb] if w in every]
        assert sum((w in plural) != number for w in between) == good.labels["attractors"], good.text


def test_embedded_cells_are_of_one_size_and_the_seed_decides():
    first, again, other = (grammar.agreement(20, seed=s) for s in (0, 0, 1))
    cells = [(s.labels["attractors"], s.labels["nonce"]) for s in first]
    assert {cell: cells.count(cell) for cell in set(cells)} == {(a, n): 40 for a in (0, 1, 2) for n in (False, True)}
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_real_pairs_are_read_without_a_loss_worth_a_word(data):
    gulordava = data / "agreement_gulordava_linzen"
    found = minimal_pairs.read_agreement(gulordava)
    assert len(found) == 2 * (410 + 7_489) - 2 * sum(found.dropped.values())
    assert sum(found.dropped.values()) < 10
    clams = minimal_pairs.read_agreement(data / "agreement_marvin_linzen_clams" / "fr", strict=True)
    assert {s.labels["construction"] for s in clams} >= {"simple_agrmt", "vp_coord"}
