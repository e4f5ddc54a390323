"""Function words as governors: worked examples, and trees stay trees."""

import pytest

from bertology.corpus.conllu import check_tree
from bertology.corpus.corpora import Corpora
from bertology.corpus.formalism import function_heads, with_function_heads, with_trees_of
from bertology.corpus.sentence import sentence


def turned(words: str, heads: tuple[int, ...], relations: str, tags: str = "") -> list[tuple[str, str, str]]:
    """(word, governor, relation) of a sentence with 1-based heads."""
    forms = words.split()
    layers = {"head": tuple(h - 1 for h in heads), "deprel": tuple(relations.split())}
    if tags:
        layers["upos"] = tuple(tags.split())
    after = function_heads(sentence(forms, "x", layers=layers))
    name = lambda h: forms[h] if h >= 0 else "-"
    return list(zip(forms, map(name, after.layers["head"]), after.layers["deprel"], strict=True))


def test_auxiliaries_govern_in_order_and_take_the_subject():
    assert turned("she may have slept .", (4, 4, 4, 0, 4), "nsubj aux aux root punct") == [
        ("she", "may", "nsubj"), ("may", "-", "root"), ("have", "may", "comp:aux"), ("slept", "have", "comp:aux"),
        (".", "may", "punct"),
    ]  # fmt: skip


def test_a_copula_governs_its_predicate_and_an_adposition_its_noun():
    found = turned("the man was in the garden", (2, 6, 6, 6, 6, 0), "det nsubj cop case det root")
    assert found == [
        ("the", "man", "det"), ("man", "was", "nsubj"), ("was", "-", "root"), ("in", "was", "comp:pred"),
        ("the", "garden", "det"), ("garden", "in", "comp:obj"),
    ]  # fmt: skip


def test_a_subordinator_governs_its_clause_and_hangs_where_the_clause_did():
    found = turned("i know that he will come", (2, 0, 6, 6, 6, 2), "nsubj root mark nsubj aux ccomp")
    assert found[2:] == [
        ("that", "know", "ccomp"), ("he", "will", "nsubj"), ("will", "that", "comp:obj"), ("come", "will", "comp:aux"),
    ]  # fmt: skip


def test_what_precedes_the_outermost_function_word_goes_with_it():
    found = turned("often he has gone home", (4, 4, 4, 0, 4), "advmod nsubj aux root advmod")
    assert found[0] == ("often", "has", "advmod") and found[4] == ("home", "gone", "advmod")


def test_a_subject_behind_its_auxiliary_goes_with_it_too():
    assert turned("has he slept", (3, 3, 0), "aux nsubj root")[1] == ("he", "has", "nsubj")


def test_a_possessive_s_stays_where_it_is():
    found = turned("ann 's dog", (3, 1, 0), "nmod:poss case root", "PROPN PART NOUN")
    assert found == [("ann", "dog", "nmod:poss"), ("'s", "ann", "case"), ("dog", "-", "root")]


def test_a_sentence_without_function_words_or_without_a_tree_stays_the_same():
    assert turned("dogs bark", (2, 0), "nsubj root") == [("dogs", "bark", "nsubj"), ("bark", "-", "root")]
    bare = sentence(["dogs", "bark"], "x")
    assert function_heads(bare) is bare


def test_every_tree_of_the_embedded_treebank_stays_a_tree_and_most_change():
    treebank = Corpora.load(scale=0.1).treebank
    after = with_function_heads(treebank)
    changed = 0
    for s, t in zip(treebank, after, strict=True):
        check_tree(t.layers["head"], range(len(t)))
        changed += s.layers["head"] != t.layers["head"]
        assert not {"aux", "cop", "mark"} & {r.split(":")[0] for r in t.layers["deprel"]}
    assert changed > len(treebank) / 2
    assert (after.blocks == treebank.blocks).all() and after.fingerprint != treebank.fingerprint


def test_real_trees_stay_trees(data):
    from bertology.corpus import conllu

    file = data / "ud_english_ewt" / "en_ewt-ud-dev.conllu.gz"
    if not file.is_file():
        pytest.skip(f"no {file}")
    for s in with_function_heads(conllu.read(file)):
        check_tree(s.layers["head"], range(len(s)))


def test_trees_of_another_treebank_are_taken_for_the_same_words():
    treebank = Corpora.load(scale=0.05).treebank
    other = with_function_heads(treebank.where(lambda s: len(s) > 8, why="short"))
    here, there = with_trees_of(treebank, other)
    assert len(here) == len(there) < len(treebank) and (here.blocks == there.blocks).all()
    by_words = {s.words: s for s in other}
    assert all(t.layers["head"] == by_words[t.words].layers["head"] for t in there)
