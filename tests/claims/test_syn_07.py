"""syn-07: trees from perturbed masking."""

import pytest

from bertology.claims.knowledge import syn_07_perturbed_masking
from bertology.claims.knowledge.syn_07_perturbed_masking import edges, without_punctuation
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import sentence
from bertology.encoder import Encoder
from tests.claims.test_syn_05 import tree_in_layer_1
from tests.planted import SPECIAL, Planted, View, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 48}


@pytest.fixture(autouse=True)
def few_sentences(monkeypatch) -> None:
    """A planted encoder writes each of a sentence's hundred rows by hand."""
    monkeypatch.setattr(syn_07_perturbed_masking, "MOST", 60)


def impact_along(view: View, unseen: tuple[str, ...]) -> None:
    """A word shows each governor and dependant that is not masked, unless the arc's relation is among the unseen."""
    heads, relations = view.sentence.layers["head"], view.sentence.layers["deprel"]
    there = [(view.line.ids[list(pieces)] != SPECIAL.index("[MASK]")).any() for pieces in view.line.pieces]
    for word, head in enumerate(heads):
        if head >= 0 and relations[word] not in unseen:
            for seer, seen in ((word, head), (head, word)):
                if there[seen]:
                    view.write(1, seer, f"place {seen}", 1.0)


def trees_with_dim_impacts(view: View) -> None:
    tree_in_layer_1(view)
    impact_along(view, ("det", "case", "aux", "amod"))


def impacts_without_trees(view: View) -> None:
    impact_along(view, ())


def test_impacts_along_most_arcs_below_a_perfect_probe_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-07", Planted(trees_with_dim_impacts, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.baselines["structural probe"].value > 80
    assert result.values["UAS, gold root"].value <= result.values["UUAS"].value + 5


def test_impacts_that_are_the_annotated_trees_refute_the_claim(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-07", Planted(impacts_without_trees, corpora, **SIZE), corpora, tmp_path)
    assert result.values["UUAS"].value == pytest.approx(100)
    assert result.values["UAS, gold root"].value == pytest.approx(100)
    assert result.verdict == "fails"
    assert "gain over the structural probe" in result.reason


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-07", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_without_a_mask_token_the_claim_does_not_apply(corpora: Corpora) -> None:
    from bertology.claims.registry import survey
    from bertology.judging import lacking

    encoder: Encoder = Planted(impacts_without_trees, corpora, lacks=frozenset(("mask",)), **SIZE)
    assert "no mask token" in lacking(survey()["syn-07"].claim, encoder, corpora)


def test_a_tree_without_punctuation_is_counted_in_the_words_kept() -> None:
    tags = ("PUNCT", "NOUN", "PUNCT", "VERB", "ADV")
    gold = without_punctuation(
        sentence(["(", "dogs", ",", "sleep", "well"], "a", layers={"upos": tags, "head": (1, 3, 1, -1, 3)})
    )
    assert gold is not None and gold.words == [1, 3, 4]
    assert gold.heads.tolist() == [1, -1, 1]
    assert edges(gold.heads) == {(0, 1), (1, 2)}
    assert edges(gold.heads, gold.words) == {(1, 3), (3, 4)}
    tags = ("NOUN", "PUNCT", "VERB")
    assert without_punctuation(sentence(["a", ",", "b"], "a", layers={"upos": tags, "head": (1, 2, -1)})) is None


def test_the_probes_trees_are_those_that_the_curve_counts(corpora: Corpora) -> None:
    from bertology.observe.reading import summarise
    from bertology.observe.vectors import WordVectors
    from bertology.probe.read_trees import StructuralTrees
    from bertology.probe.readings import StructuralCurve

    encoder = Planted(trees_with_dim_impacts, corpora, **SIZE)
    treebank = corpora.treebank
    (table,) = summarise(encoder, treebank, WordVectors())
    encoded = encoder.encode(treebank)
    one, many = StructuralTrees(1), StructuralCurve()
    read = one.finish(one.compute(encoder, encoded, table=table))
    curve = many.finish(many.compute(encoder, encoded, table=table))
    hits = 0
    for k, s in enumerate(read.sentence.tolist()):
        gold = without_punctuation(treebank[s])
        assert gold is not None
        hits += len(read.edges(k) & edges(gold.heads, gold.words))
    assert hits == pytest.approx(curve.hits.on("test").total.sum(0)[1], rel=0.01)
