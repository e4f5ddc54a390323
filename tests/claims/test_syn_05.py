"""syn-05: trees by a linear map."""

import re

import numpy as np

from bertology.claims import registry
from bertology.corpus.corpora import Corpora
from bertology.observe.planner import Planner
from bertology.record.folder import RunFolder
from bertology.report.charts import charts
from tests.planted import Planted, View, code, random_encoder, result_of, small

SIZE = {"layers": 2, "heads": 2, "width": 48}


def tree_in_layer_1(view: View) -> None:
    """In layer 1 each arc adds one axis to all words below it, so that squared distances are tree distances."""
    heads = view.sentence.layers["head"]
    width = view.hidden.shape[-1]
    for word in range(len(heads)):
        above, at = np.zeros(width, np.float32), word
        while heads[at] >= 0:
            above += 3 * code(f"arc {at % 12}", width)
            at = heads[at]
        for piece in view.line.pieces[word]:
            view.hidden[1, piece] = 0.1 * view.hidden[1, piece] + above


def test_a_planted_tree_holds_in_its_layer(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-05", Planted(tree_in_layer_1, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "Layer 1 was chosen" in result.note


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-05", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_trees_of_three_test_sentences_are_drawn_and_a_planted_tree_is_found_whole(corpora: Corpora, tmp_path) -> None:
    result_rows = rows_of("syn-05", Planted(tree_in_layer_1, corpora, **SIZE), corpora, tmp_path)
    trees = [c for c in charts(result_rows) if "gold tree" in c.title]
    assert len(trees) == 3
    shared = [tuple(map(int, re.findall(r"(\d+) of (\d+) arcs", c.caption)[0])) for c in trees]
    assert sum(found for found, _ in shared) > 0.8 * sum(gold for _, gold in shared)


def rows_of(claim_id: str, encoder, corpora: Corpora, folder) -> list:
    """The rows of a claim's finding."""
    planner = Planner(encoder, RunFolder.open(folder, {"encoder": encoder.fingerprint}))
    ((_, outcome),) = planner.outcomes({claim_id: registry.experiment(claim_id)(encoder, corpora, 0)})
    return list(outcome.rows)


def test_a_probe_that_is_still_learning_refutes_nothing(tmp_path) -> None:
    few = small(scale=0.05)
    found = result_of("syn-05", Planted(faint_tree_in_layer_1, few, layers=2, heads=2, width=160), few, tmp_path)
    over, more = found.values["gain over the chain"], found.values["gain from the second half of the sentences"]
    assert over.value < 0 < more.value and over.high >= over.value + more.value
    assert over.low <= over.value and "what more sentences may give" in over.method
    assert found.verdict == ("undecided" if over.high >= 5 else "fails")


def faint_tree_in_layer_1(view: View) -> None:
    """The tree of `tree_in_layer_1` under much noise, in many dimensions: it takes many sentences to find."""
    tree_in_layer_1(view)
    view.hidden[1] += view.rng.standard_normal(view.hidden[1].shape).astype(np.float32)
