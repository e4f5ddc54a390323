"""Constituents, read from brackets and derived from dependencies."""

import gzip
from dataclasses import replace

import pytest

from bertology.corpus.constituents import ancestors, bare, derived, punctuation, read
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.record.errors import BadCorpus, BadTreebank

WSJ = """
( (S
    (NP-SBJ-1 (DT The) (NN dog) )
    (VP (VBZ is)
      (ADVP (RB n't))
      (VP (VBN seen)
        (NP (-NONE- *-1) )
        (PP-LGS (IN by)
          (NP=2 (PRP him) ))))
    (. .) ))
(TOP (S (NP (NNP Rex)) (VP (VBZ sleeps))))
"""


def spans(s):
    return [(" ".join(s.words[a:b]), label) for a, b, label in s.spans["constituent"]]


@pytest.fixture
def wsj(tmp_path):
    file = tmp_path / "wsj_0001.mrg"
    file.write_text(WSJ)
    return read(file)


def test_penn_brackets_become_words_tags_and_constituents_without_traces(wsj):
    first, second = wsj
    assert first.text == "The dog isn't seen by him."
    assert first.layers["xpos"] == ("DT", "NN", "VBZ", "RB", "VBN", "IN", "PRP", ".")
    assert spans(first) == [
        ("The dog is n't seen by him .", "S"), ("The dog", "NP"), ("is n't seen by him", "VP"), ("n't", "ADVP"),
        ("seen by him", "VP"), ("by him", "PP"), ("him", "NP"),
    ]  # fmt: skip
    assert spans(second) == [("Rex sleeps", "S"), ("Rex", "NP"), ("sleeps", "VP")]


def test_ancestors_run_from_the_parent_to_the_root_also_through_constituents_of_the_same_words(tmp_path):
    file = tmp_path / "a.tree"
    file.write_text("(S (NP (NP (NNP Rex))) (VP (VBZ sleeps)))")
    (s,) = read(file)
    assert ancestors(s) == [["NP", "NP", "S"], ["VP", "S"]]
    file.write_text("(S (A (B (X a) (X b))) (X c))")
    assert ancestors(read(file)[0]) == [["B", "A", "S"], ["B", "A", "S"], ["S"]]


def test_a_folder_is_one_corpus_whose_files_are_documents(tmp_path):
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / "b.mrg").write_text("(S (X a))\n(S (X b))\n")
    (tmp_path / "00" / "a.tree.gz").write_bytes(gzip.compress(b"(S (X c))"))
    (tmp_path / "readme.md").write_text("not a tree")
    assert [(s.text, s.document) for s in read(tmp_path)] == [("c", "a"), ("a", "b"), ("b", "b")]
    with pytest.raises(BadCorpus, match="no file of trees"):
        read((tmp_path / "empty").mkdir() or tmp_path / "empty")


@pytest.mark.parametrize(
    "broken,reason",
    [
        ("(S (X a)\n", "never closed"),
        ("(S (X a) b)\n", "a word beside a bracket"),
        ("(S (-NONE- *))\n", "without words"),
        ("hello\n", "outside of brackets"),
        ("(S (X a)))\n", "outside of brackets"),
    ],
)
def test_a_broken_tree_is_counted_and_its_neighbour_is_kept(tmp_path, broken, reason):
    file = tmp_path / "t.txt"
    file.write_text(broken + "(S (X fine) (X words))\n")
    found = read(file)
    assert found[len(found) - 1].text == "fine words"
    assert [count for why, count in found.dropped.items() if reason in why] == [1]
    with pytest.raises(BadTreebank, match="line 1"):
        read(file, strict=True)


def test_brackets_and_quotes_are_spelled_as_written(tmp_path):
    file = tmp_path / "t.mrg"
    file.write_text("(S (`` ``) (X No) ('' '') (, ,) (X he) (X said) (-LRB- -LRB-) (X twice) (-RRB- -RRB-) (. .))")
    (s,) = read(file)
    assert s.text == '"No", he said (twice).'
    assert [s.words[w] for w in bare(s).words] == ["No", "he", "said", "twice"]


def tree(words, heads, **layers):
    return sentence(words.split(), words, layers={"head": tuple(heads), **layers})


def test_a_head_and_all_below_it_is_a_constituent_labelled_by_its_part_of_speech():
    s = tree("the dog saw a cat .", (1, 2, -1, 4, 2, 2), upos=("DET", "NOUN", "VERB", "DET", "NOUN", "PUNCT"))
    (found,) = derived(Corpus("t", (s,)))
    assert spans(found) == [("the dog saw a cat .", "VERB"), ("the dog", "NOUN"), ("a cat", "NOUN")]
    assert ancestors(found)[0] == ["NOUN", "VERB"]
    assert bare(found).words == [0, 1, 2, 3, 4]
    assert bare(found).spans == {(0, 5), (0, 2), (3, 5)}


def test_punctuation_in_the_middle_moves_the_spans_behind_it():
    s = tree("Rex , a dog , slept", (5, 3, 3, 0, 3, -1), upos=("PROPN", "PUNCT", "DET", "NOUN", "PUNCT", "VERB"))
    (found,) = derived(Corpus("t", (s,)))
    assert bare(found).spans == {(0, 4), (0, 3), (1, 3)}


def test_crossing_arcs_and_broken_trees_are_left_out_and_counted():
    fine, crossing = tree("a b c", (1, -1, 1)), tree("a b c d", (2, 3, -1, 2))
    circle, two = tree("a b c", (1, 0, -1)), tree("a b", (-1, -1))
    found = derived(Corpus("t", (fine, crossing, circle, two)))
    assert [s.text for s in found] == ["a b c"]
    assert sorted(found.dropped.values()) == [1, 2]


def test_without_tags_the_characters_tell_punctuation():
    s = sentence(["“", "well", "-", "it's", "$", "5"], "x")
    assert [punctuation(s, w) for w in range(6)] == [True, False, True, False, False, False]


def test_a_dependency_treebank_may_be_given_as_constituents(tmp_path):
    file = tmp_path / "d.conllu"
    file.write_text("1\ta\ta\tDET\t_\t_\t2\tdet\t_\t_\n2\tb\tb\tNOUN\t_\t_\t0\troot\t_\t_\n\n")
    assert spans(Corpora.load({"constituents": file}).constituents[0]) == [("a b", "NOUN")]


def test_the_embedded_constituents_are_those_of_the_embedded_treebank():
    corpora = Corpora.load(scale=0.05)
    assert [s.text for s in corpora.constituents] == [s.text for s in corpora.treebank]
    assert not corpora.constituents.dropped
    assert corpora.constituents.fingerprint != corpora.treebank.fingerprint
    s = corpora.constituents[0]
    assert (0, len(s)) in {(a, b) for a, b, _ in s.spans["constituent"]}
    assert replace(s, spans=corpora.treebank[0].spans) == corpora.treebank[0]
