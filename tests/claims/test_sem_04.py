"""sem-04: predictions before and after a name is exchanged, made up; and items that really are minimal changes."""

import numpy as np
import pytest

from bertology.behave.gaps import Filled
from bertology.claims.knowledge import sem_04_names as sem_04
from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.lexicon import nouns
from bertology.corpus.names import gender_of
from bertology.encoder import Encoder
from bertology.record.result import Result, judge
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def encoder(corpora: Corpora) -> Encoder:
    return random_encoder(corpora, layers=1, heads=2, width=16, mlm=True)


def verdict(encoder: Encoder, corpora: Corpora, *, name: float, noun: float) -> tuple[str, object]:
    """What comes out when a name changes that share of predictions, and a noun that."""
    asking = experiment("sem-04")(encoder, corpora, 0)
    (wish,) = next(asking).artefacts
    n = len(wish.gaps)
    rng = np.random.default_rng(0)
    favourites = np.full((n, 5), "same", dtype="<U5")
    for k, share in ((1, name), (2, noun)):
        favourites[k::3, 0] = np.where(rng.random(n // 3) < share, "other", "same")
    flat = np.zeros(n)
    filled = Filled(flat, flat, np.ones(n, np.int64), np.arange(n + 1), favourites, {})
    try:
        asking.send((filled,))
    except StopIteration as stop:
        return judge(survey()["sem-04"].claim, stop.value)[0], stop.value
    raise AssertionError("the claim asks for more")


@pytest.mark.parametrize("name, noun, expected", [(0.6, 0.1, "holds"), (0.3, 0.3, "fails"), (0.1, 0.6, "fails")])
def test_names_must_change_three_times_as_much(encoder, corpora, name, noun, expected) -> None:
    found, finding = verdict(encoder, corpora, name=name, noun=noun)
    assert found == expected
    assert abs(finding.values["predictions changed by a name"].value - 100 * name) < 12


def test_random_weights_do_not_hold(encoder: Encoder, corpora: Corpora, tmp_path) -> None:
    result: Result = result_of("sem-04", encoder, corpora, tmp_path)
    assert result.verdict != "holds"


def test_items_change_a_name_and_a_noun_for_their_like_and_nothing_else(encoder: Encoder, corpora: Corpora) -> None:
    corpus = corpora.treebank
    found = sem_04.items(corpus, encoder.tokenizer, 0)
    assert len(found) >= sem_04.FEWEST
    contexts = [gap.context for gap in sem_04.gaps(corpus, found)]
    classes = {w: e for entries in nouns().values() for e in entries for w in (e.lemma, e.plural)}
    for k, item in enumerate(found):
        s = corpus[item.sentence]
        (name, other_name), (noun, other_noun) = item.name, item.noun
        assert len({item.masked, name, noun}) == 3
        assert gender_of(s.words[name]) == gender_of(other_name) != "" and other_name != s.words[name]
        assert sem_04.others(s.words[noun]) and other_noun in sem_04.others(s.words[noun]) and other_noun in classes
        intact, named, nouned = (context.split() for context in contexts[3 * k : 3 * k + 3])
        assert len(intact) == len(named) == len(nouned)
        assert sum(a != b for a, b in zip(intact, named, strict=True)) == 1
        assert sum(a != b for a, b in zip(intact, nouned, strict=True)) == 1
        if s.words[noun - 1] in ("a", "an"):
            assert (s.words[noun - 1] == "an") == (other_noun[0] in "aeiou")


def test_others_of_a_noun_agree_with_it() -> None:
    assert {"cats", "horses"} <= set(sem_04.others("dogs")) | {"horses"} and "dog" not in sem_04.others("dogs")
    assert "queen" not in sem_04.others("king") and "prince" in sem_04.others("king")
    assert sem_04.others("Zanzibar") == ()
