"""Masked choice: either word of a pair in the gap; regions of a suite; the scoring of a file by pairs."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from bertology.behave import score
from bertology.behave.choice import REST, Choosing, choose, region_totals
from bertology.corpus.pair import pair
from bertology.corpus.sentence import Corpus, Sentence
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus, BadRequest, NotAModel
from bertology.scoring import Chosen, score_file
from tests.encoder.tiny import tiny

PAIRS = (
    ("The cats near the old dog sleep.", "The cats near the old dog sleeps."),
    ("Anna sits on mats.", "Anna unbelievable on mats."),
)


def corpus_of(*texts: tuple[str, str], **labels) -> Corpus:
    made = []
    for k, two in enumerate(texts):
        made += pair([Sentence("", t, *words_of(t)) for t in two], "p", str(k), labels)
    return Corpus("pairs", tuple(made))


def by_hand(encoder, text: str, word: int, hidden: tuple[int, ...] = ()) -> float:
    """One pass a subword: it, the later ones of its word and the hidden words are masked."""
    words = words_of(text)
    made = encoder.tokenizer(text, return_offsets_mapping=True)
    ids = torch.tensor([made["input_ids"]])
    inside = lambda w: [
        i for i, (a, b) in enumerate(made["offset_mapping"])
        if b > a and a < words.starts[w] + len(words.words[w]) and b > words.starts[w]
    ]  # fmt: skip
    places, total = inside(word), 0.0
    for k, place in enumerate(places):
        masked = ids.clone()
        masked[0, [*places[k:], *(p for w in hidden for p in inside(w))]] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(input_ids=masked, attention_mask=torch.ones_like(ids)).logits
        total += float(torch.log_softmax(logits[0, place].float(), -1)[ids[0, place]])
    return total


@pytest.mark.parametrize("family", ["bert", "modernbert", "roberta"])
@pytest.mark.parametrize("hide", ["", "subject", REST])
def test_a_choice_equals_a_pass_for_each_subword(family, hide) -> None:
    encoder, corpus = tiny(family), corpus_of(*PAIRS, subject=0)
    found = choose(encoder, corpus, hide=hide)
    for k, (changed, n) in enumerate(((6, 8), (1, 5))):
        hidden = {"": (), "subject": (0,), REST: tuple(w for w in range(n) if w != changed)}[hide]
        expected = [by_hand(encoder, text, changed, hidden) for text in PAIRS[k]]
        assert np.allclose(found.logs[k], expected, atol=1e-4)
    assert found.pieces.max() > 1
    assert not found.dropped


def test_hiding_changes_the_choice_and_hiding_the_same_again_does_not() -> None:
    encoder, corpus = tiny("bert"), corpus_of(*PAIRS, subject=0)
    seen, hidden, alone = (choose(encoder, corpus, hide=h).logs for h in ("", "subject", REST))
    assert (np.abs(seen - hidden) > 1e-6).all() and (np.abs(alone - hidden) > 1e-6).all()


def test_pairs_that_differ_in_more_or_lack_the_label_are_left_out_and_counted() -> None:
    encoder = tiny("bert")
    corpus = corpus_of(
        PAIRS[0],
        ("The cats sleep.", "A cat sleep."),
        ("Cats sleep.", "Cats sleep now."),
        ("a [MASK] b.", "a [MASK] c."),
    )
    found = choose(encoder, corpus)
    assert np.isfinite(found.margin).tolist() == [True, False, False, False]
    assert found.dropped == {"pairs that differ in more than one word": 2, "pairs with [MASK] in them": 1}
    assert choose(encoder, corpus_of(PAIRS[0]), hide="subject").dropped == {"pairs whose subject is not known": 1}
    long = corpus_of(("sit " * 80 + "cats", "sit " * 80 + "dogs"), PAIRS[0])
    assert (
        choose(encoder, long).dropped
        == choose(encoder, long, hide=REST).dropped
        == {"pairs that the encoder cannot read": 1}
    )


def test_right_is_the_likelier_word_and_a_tie_is_wrong() -> None:
    encoder = tiny("bert")
    found = choose(encoder, corpus_of(PAIRS[0], PAIRS[0][::-1], ("cats sit.", "Cats sit.")))
    assert found.right[0] + found.right[1] == 1
    assert found.right[2] == 0 and found.margin[2] == 0  # one word for a lower-casing tokenizer


def test_choices_are_kept_and_keys_tell_what_is_hidden(tmp_path) -> None:
    asked = [Choosing(tiny("bert"), corpus_of(*PAIRS, subject=0), hide) for hide in ("", "subject", REST)]
    assert len({one.key for one in asked}) == 3
    asked[1].build(tmp_path, lambda what, done, total: None)
    made, loaded = choose(asked[1].encoder, asked[1].over, hide="subject"), asked[1].load(tmp_path)
    assert np.array_equal(made.logs, loaded.logs) and np.array_equal(made.pieces, loaded.pieces)
    assert made.dropped == loaded.dropped


def test_a_region_is_scored_alone_and_other_sentences_whole() -> None:
    encoder, corpus = tiny("bert"), corpus_of(*PAIRS)
    first = Sentence(
        corpus[0].id, corpus[0].text, corpus[0].words, corpus[0].starts, spans={"region": ((1, 3, "2"), (6, 7, "3"))}
    )
    corpus = Corpus("pairs", (first, *corpus.sentences[1:]))
    scores = score(encoder, corpus)
    totals = region_totals(encoder, corpus, scores)
    assert np.allclose(totals[1:], scores.totals[1:])
    expected = sum(by_hand(encoder, first.text, word) for word in (1, 2, 6))
    assert np.isclose(totals[0], expected, atol=1e-4) and totals[0] > scores.totals[0]


def write(folder, *texts: tuple[str, str]):
    lines = [json.dumps({"sentence_good": a, "sentence_bad": b, "UID": "p"}) for a, b in texts]
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    return folder / "pairs.jsonl"


def test_a_file_of_pairs_is_scored_by_masked_choice(tmp_path) -> None:
    encoder = tiny("bert")
    file = write(tmp_path, *PAIRS, ("The cats sleep.", "A cat sleep."))
    done = score_file(encoder, file, method="masked-pair", out=tmp_path / "choices.parquet")
    assert isinstance(done, Chosen)
    rows = pq.read_table(tmp_path / "choices.parquet").to_pylist()
    assert rows == done.to_json()["choices"] == done.rows()
    assert rows[0]["context"] == "The cats near the old dog [MASK]." and rows[1]["bad_word"] == "unbelievable"
    assert max(row["bad_subwords"] for row in rows) > 1
    assert np.isclose(rows[0]["good_log_probability"], by_hand(encoder, PAIRS[0][0], 6), atol=1e-4)
    right = [row["good_log_probability"] > row["bad_log_probability"] for row in rows]
    assert done.pairs.macro.value == np.mean(right) and done.pairs.macro.n == 2
    assert any("1 pairs that differ in more than one word" in line for line in done.lines())
    json.dumps(done.to_json())


def test_pairs_of_a_tab_file_and_of_a_suite_are_recognised(tmp_path) -> None:
    (tmp_path / "simple_agrmt.txt").write_text("True\tthe cats sleep\nFalse\tthe cats sleeps\n")
    assert score_file(tiny("bert"), tmp_path / "simple_agrmt.txt").pairs.macro.n == 1
    (tmp_path / "text.txt").write_text("the cats sleep\n")
    assert score_file(tiny("bert"), tmp_path / "text.txt").pairs is None


def test_masked_choice_is_refused_for_text_for_unfit_pairs_and_without_a_head(tmp_path) -> None:
    (tmp_path / "text.txt").write_text("the cats sleep\n")
    with pytest.raises(BadCorpus, match="no minimal pairs"):
        score_file(tiny("bert"), tmp_path / "text.txt", method="masked-pair")
    with pytest.raises(BadCorpus, match="1 pairs that differ in more than one word"):
        score_file(tiny("bert"), write(tmp_path, ("The cats sleep.", "A cat sleep.")), method="masked-pair")
    with pytest.raises(NotAModel, match="head"):
        score_file(tiny("bert", mlm=False), write(tmp_path, *PAIRS), method="masked-pair")
    with pytest.raises(BadRequest, match="masked-pair"):
        score_file(tiny("bert"), write(tmp_path, *PAIRS), method="loudness")
