"""syn-01: the main auxiliary where it is not the first."""

import numpy as np
import pytest

from bertology.claims.knowledge.syn_01_main_auxiliary import SIZE
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.auxiliaries import MODALS, auxiliaries
from bertology.corpus.sentence import Corpus, sentence
from bertology.probe import main_auxiliary
from tests.planted import Planted, View, random_encoder, result_of

SMALL = {"layers": 2, "heads": 2, "width": 32}


@pytest.fixture(scope="module")
def corpus(corpora: Corpora) -> Corpus:
    return auxiliaries(round(SIZE * corpora.scale))


def shows_the_main_clause(view: View) -> None:
    """In layer 2 the words that the root governs are marked; in layer 1 those that come early."""
    for word, head in enumerate(view.sentence.layers["head"]):
        view.write(1, word, "early", 3.0 - 0.3 * word)
        if head >= 0 and view.sentence.layers["head"][head] == -1:
            view.write(2, word, "of the main clause", 2.0)


def shows_the_first(view: View) -> None:
    """The first auxiliary is marked in every layer."""
    first = view.sentence.layers["deprel"].index("aux")
    for layer in range(3):
        view.write(layer, first, "first", 2.0)


def test_a_mark_of_the_main_clause_holds(corpora: Corpora, corpus: Corpus, tmp_path) -> None:
    result = result_of("syn-01", Planted(shows_the_main_clause, [corpus], **SMALL), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "Layer 2 was chosen" in result.note


def test_a_mark_of_the_first_auxiliary_refutes_the_claim(corpora: Corpora, corpus: Corpus, tmp_path) -> None:
    result = result_of("syn-01", Planted(shows_the_first, [corpus], **SMALL), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["main auxiliary chosen, agreement"].value > 95
    assert result.values["main auxiliary chosen, conflict"].value < 5


def test_random_weights_do_not_hold(corpora: Corpora, corpus: Corpus, tmp_path) -> None:
    assert result_of("syn-01", random_encoder([corpus], **SMALL), corpora, tmp_path).verdict != "holds"


def test_the_rules_agree_in_half_of_the_sentences_and_part_ways_in_the_others(corpus: Corpus) -> None:
    seen = {"agree": 0, "conflict": 0}
    for s in corpus:
        places, main = main_auxiliary.auxiliaries(s)
        assert len(places) == 2 and {s.words[w] for w in places} <= set(MODALS)
        assert s.words[places[0]] != s.words[places[1]]
        assert (main == places[0]) == (s.labels["rules"] == "agree"), s.text
        before = {s.layers["upos"][w - 1] for w in places}
        assert before <= ({"NOUN", "PROPN"} if s.labels["rules"] == "agree" else {"NOUN", "PROPN", "VERB"}), s.text
        assert all(s.layers["upos"][w + 1] == "VERB" for w in places)
        seen[s.labels["rules"]] += 1
    assert seen["agree"] == seen["conflict"]
    assert len({s.text for s in corpus}) == len(corpus)
    assert [s.text for s in auxiliaries(20, seed=3)] == [s.text for s in auxiliaries(20, seed=3)]


def test_words_and_auxiliaries_are_as_common_in_both_kinds() -> None:
    every = auxiliaries(2000)
    share = {
        kind: {m: np.mean([m == s.words[main_auxiliary.auxiliaries(s)[1]] for s in every if s.labels["rules"] == kind]) for m in MODALS}
        for kind in ("agree", "conflict")
    }  # fmt: skip
    assert all(abs(share["agree"][m] - 0.2) < 0.05 and abs(share["conflict"][m] - 0.2) < 0.05 for m in MODALS)
    length = [np.mean([len(s) for s in every if s.labels["rules"] == kind]) for kind in ("agree", "conflict")]
    assert abs(length[0] - length[1]) < 0.5


def test_two_auxiliaries_of_one_verb_are_no_case() -> None:
    words, relations = ["he", "will", "have", "seen", "it"], ("nsubj", "aux", "aux", "root", "obj")
    assert (
        main_auxiliary.auxiliaries(sentence(words, "x", layers={"head": (3, 3, 3, -1, 3), "deprel": relations})) is None
    )
