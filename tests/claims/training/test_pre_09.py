"""pre-09: vectors of entities beside their names."""

import zlib

import numpy as np
import pytest

from bertology.behave.entity_vectors import Aligned, EntityVectors, FillingBeside
from bertology.claims.registry import experiment, survey
from bertology.claims.training import pre_09_entity_vectors as claimed
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, judge
from tests.claims.driving import driven
from tests.claims.filled import FakeEncoder, _answer

ITEMS = tuple(i for i in Corpora.load().cloze if i.labels.get("name") in ("helpful", "unhelpful"))
KIND = {str(i.labels["subject"]): i.labels["name"] for i in ITEMS}
NATION = {str(i.labels["subject"]): i.target for i in ITEMS}


def finding(plain, own, others, *, mentions=lambda name: 5) -> Finding:
    """`plain`, `own` and `others` (name) are the probability that the nation is recalled."""
    corpora = Corpora.load({"cloze": ITEMS, "raw": Corpus("raw", (sentence(["a"], "a"),))})

    def answer(asked):
        if isinstance(asked, EntityVectors):
            vectors = np.arange(len(asked.names), dtype=float)[:, None] * np.ones(3)
            names.extend(asked.names)
            return Aligned(vectors, np.array([mentions(n) for n in asked.names]), 100, 0.5)

        number = {g.context: k for k, g in enumerate(asked.gaps)}

        def log(context, word):
            name = next(n for n in names if n in context)
            share = plain
            if isinstance(asked, FillingBeside):
                share = own if names[int(asked.vectors[number[context], 0])] == name else others
                assert f"{asked.sign} / {name}" in context
            draw = zlib.crc32(context.split("/ ")[-1].encode()) / 2**32
            return -1.0 if word == NATION[name] and draw < share(name) else -9.0

        return _answer(asked, log, lambda context: "x")

    names: list[str] = []
    return driven(experiment("pre-09")(FakeEncoder(), corpora, 0), answer)


def verdict(*given, **named) -> str:
    return judge(survey()["pre-09"].claim, finding(*given, **named))[0]


def of(helpful: float, unhelpful: float):
    return lambda name: helpful if KIND[name] == "helpful" else unhelpful


def test_vectors_that_tell_what_names_do_not_hold():
    found = finding(of(0.7, 0.1), of(0.75, 0.6), of(0.6, 0.1))
    assert judge(survey()["pre-09"].claim, found)[0] == "holds"
    assert found.values["gain, unhelpful names"].value == pytest.approx(50, abs=8)


@pytest.mark.parametrize(
    ("own", "others"),
    [(of(0.7, 0.0), of(0.7, 0.05)), (of(1.0, 0.15), of(0.7, 0.1)), (of(0.7, 0.5), of(0.7, 0.9))],
    ids=["no gain", "helpful names gain more", "any vector does it"],
)
def test_each_rule_can_break_it(own, others):
    assert verdict(of(0.7, 0.1), own, others) == "fails"


def test_random_weights_recall_nothing_and_do_not_hold():
    nothing = of(0.0, 0.0)
    assert verdict(nothing, nothing, nothing) != "holds"


def test_names_that_the_text_does_not_speak_of_make_it_not_applicable():
    with pytest.raises(NotApplicable, match="--corpus raw=FILE"):
        finding(of(0.7, 0.1), of(0.7, 0.5), of(0.7, 0.1), mentions=lambda name: 2)


def test_every_name_gets_another_ones_vector():
    at = np.array([3, 3, 7, 9, 12, 9])
    moved = claimed._others(at, 0)
    assert (moved != at).all() and sorted(set(moved.tolist())) == sorted(set(at.tolist()))
    assert moved[0] == moved[1] and moved[3] == moved[5]
