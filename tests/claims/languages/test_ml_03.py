"""ml-03: a multilingual encoder fills gaps worse than a monolingual one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from bertology.behave.whole_words import WholeWordChoice, by_counts, whole_words
from bertology.claims.languages.ml_03_gaps import monolingual_fills_better
from bertology.claims.registry import survey
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.encoder.load import load
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, judge
from tests.claims.driving import driven
from tests.claims.languages.tongues import parallel
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    """Translations whose words are of letters."""
    letters = str.maketrans("0123456789", "abcdefghij")
    spelt = parallel(60).map(
        lambda s: replace(
            sentence([w.translate(letters) for w in s.words], s.id), labels=s.labels, document=s.document
        ),
        name="spelt",
    )
    return Corpora.load({"parallel": spelt}, scale=0.08)


@pytest.fixture(scope="module")
def encoder(corpora: Corpora) -> Encoder:
    return random_encoder([corpora.text, corpora.parallel], layers=1, heads=2, width=32, mlm=True)  # type: ignore[list-item]


@dataclass
class Answers:
    """Right in these shares of gaps: English by either encoder, other languages."""

    multilingual: float
    monolingual: float
    elsewhere: float
    encoder: Encoder
    corpora: Corpora

    def __call__(self, asked: WholeWordChoice) -> np.ndarray:
        rng = np.random.default_rng(len(asked.word))
        every = whole_words(asked.encoder.encode(asked.over), unknown=[asked.encoder.tokenizer.unk_token_id])
        gold = {
            (s, w): every.ids[0, k]
            for s, w, k in zip(every.sentence.tolist(), every.word.tolist(), every.kind.tolist(), strict=True)
        }
        place = {int(i): k for k, i in enumerate(asked.ids)}
        right = np.array([place[gold[s, w]] for s, w in zip(asked.sentence.tolist(), asked.word.tolist(), strict=True)])
        own = self.multilingual if asked.encoder is self.encoder else self.monolingual
        share = own if asked.over is self.corpora.text else self.elsewhere
        return np.where(rng.random(len(right)) < share, right, -1)


def found(
    encoder: Encoder, corpora: Corpora, multilingual: float, monolingual: float, elsewhere: float = 0.5
) -> tuple[str, Finding]:
    asking: Any = monolingual_fills_better(encoder, corpora, 0)
    finding = driven(asking, Answers(multilingual, monolingual, elsewhere, encoder, corpora))
    return judge(survey()["ml-03"].claim, finding)[0], finding


def test_a_multilingual_encoder_that_is_right_less_often_holds(encoder: Encoder, corpora: Corpora) -> None:
    verdict, finding = found(encoder, corpora, 0.4, 0.6)
    assert verdict == "holds"
    assert finding.values["monolingual − multilingual, accuracy"].value == pytest.approx(20, abs=6)
    assert finding.values["accuracy, monolingual"].value == pytest.approx(0.6, abs=0.05)


def test_one_that_is_right_more_often_fails(encoder: Encoder, corpora: Corpora) -> None:
    assert found(encoder, corpora, 0.6, 0.4)[0] == "fails"


def test_one_that_knows_no_more_than_frequencies_does_not_hold(encoder: Encoder, corpora: Corpora) -> None:
    assert found(encoder, corpora, 0.01, 0.6)[0] == "fails"


def test_an_encoder_of_english_alone_is_not_judged(encoder: Encoder, corpora: Corpora) -> None:
    with pytest.raises(NotApplicable, match="is not multilingual: in de, fi, tr"):
        found(encoder, corpora, 0.4, 0.6, elsewhere=0.0)
    with pytest.raises(NotApplicable, match="the monolingual encoder itself"):
        next(monolingual_fills_better(load(None), corpora, 0))


def test_random_weights_do_not_hold(encoder: Encoder, corpora: Corpora, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="is not multilingual"):
        result_of("ml-03", encoder, corpora, tmp_path)


def test_words_are_one_subword_for_both_and_told_apart_by_both(corpora: Corpora, encoder: Encoder) -> None:
    other = load(None)
    every = whole_words(
        encoder.encode(corpora.text), other.encode(corpora.text), unknown=[1, other.tokenizer.unk_token_id]
    )
    for number, who in enumerate((encoder, other)):
        lines = {line.index: line for line in who.encode(corpora.text).lines}
        assert len(set(every.ids[number].tolist())) == every.ids.shape[1]
        for s, w, kind in list(zip(every.sentence.tolist(), every.word.tolist(), every.kind.tolist(), strict=True))[
            :200
        ]:
            (piece,) = lines[s].pieces[w]
            assert lines[s].ids[piece] == every.ids[number, kind]
    assert all(
        corpora.text[s].words[w].isalpha() for s, w in zip(every.sentence.tolist(), every.word.tolist(), strict=True)
    )


def test_the_choice_is_the_likeliest_word_at_the_mask(corpora: Corpora, encoder: Encoder, tmp_path) -> None:
    every = whole_words(encoder.encode(corpora.text), unknown=[1])
    some = every.some(np.arange(5, 25))
    asked = WholeWordChoice(encoder, corpora.text, some.sentence, some.word, some.ids[0])
    asked.build(tmp_path, lambda *a: None)
    chosen = asked.load(tmp_path)
    lines = {line.index: line for line in encoder.encode(corpora.text).lines}
    for k in range(20):
        line = lines[int(some.sentence[k])]
        ids = torch.tensor(line.ids)[None].clone()
        place = line.pieces[int(some.word[k])][0]
        ids[0, place] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(input_ids=ids, token_type_ids=torch.zeros_like(ids)).logits[0, place]
        assert some.ids[0, chosen[k]] == some.ids[0, int(logits[torch.from_numpy(some.ids[0])].argmax())]


def test_counts_know_the_word_between_its_neighbours() -> None:
    said = [["old", "dogs", "sleep"], ["old", "cats", "eat"], ["the", "the", "the"], ["old", "cats", "eat"]]
    corpus = Corpus("said", tuple(sentence(said[k % 4], f"{k}") for k in range(200)))
    encoder = random_encoder([corpus], layers=1, heads=2, width=32)
    every = whole_words(encoder.encode(corpus), unknown=[1])
    usual, counted = by_counts(corpus, every, every)
    words = {
        kind: corpus[s].words[w]
        for s, w, kind in zip(every.sentence.tolist(), every.word.tolist(), every.kind.tolist(), strict=True)
    }
    assert words[usual] in ("old", "the")
    assert (counted == every.kind).mean() == 1.0
