"""sem-05: names that training held, and names that it did not."""

import numpy as np

from bertology.claims.knowledge.sem_05_seen_names import HELD_OUT, by_type
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.probe.edge_readings import draw_of
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 32}


def named(size: int = 900) -> Corpora:
    """Entities of four types, eighty names, the type a property of the name."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(size):
        name, filler = int(rng.integers(80)), rng.integers(10, size=3)
        words = [f"word{filler[0]}", f"name{name}", *(f"word{f}" for f in filler[1:])]
        made.append(sentence(words, f"s{number}", spans={"entity": ((1, 2, "ABCD"[name % 4]),)}))
    return Corpora.load({"spans": Corpus("names", tuple(made))})


def knows_seen_names(view: View) -> None:
    """The type of a name is written if training holds it, and of every other name that it does not."""
    kind, name = view.sentence.spans["entity"][0][2], view.sentence.words[1]
    if draw_of(name, 0) >= HELD_OUT or int(name[4:]) // 4 % 2:
        view.write(1, 1, kind, 3)


def knows_all_names(view: View) -> None:
    view.write(1, 1, view.sentence.spans["entity"][0][2], 3)


def test_types_of_seen_names_alone_hold(tmp_path) -> None:
    corpora = named()
    result = result_of("sem-05", Planted(knows_seen_names, [corpora.spans], static=0.0, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["seen names"].value > 95


def test_types_of_all_names_fail(tmp_path) -> None:
    corpora = named()
    result = result_of("sem-05", Planted(knows_all_names, [corpora.spans], static=0.0, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"


def test_random_weights_drop_but_do_not_hold(tmp_path) -> None:
    corpora = named()
    result = result_of("sem-05", random_encoder([corpora.spans], **SIZE), corpora, tmp_path)
    assert result.values["drop from seen to unseen names"].value > 10
    assert result.verdict != "holds"


def test_types_weigh_alike_and_absent_ones_do_not_count() -> None:
    assert np.allclose(by_type(np.array([[1.0, 0.5, np.nan], [0.2, 0.4, 0.6]])), [0.75, 0.4])
