"""Text on disk as a stream, and how a stream is cut into examples: by hand and for random streams."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from bertology.record.errors import BadCorpus, BadRequest
from bertology.train.draft import Source, Symbols
from bertology.train.layout import Blocks, Layout, Pieces, Sentences
from bertology.train.stream import Stream, open_stream, paragraphs_of
from tests.train.hand import CLS, NO, SEP, SOURCE, STREAM, SYMBOLS, over, stream, streams

VOCABULARY = (
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##believ", "##able", "cats", "sleep", "sit", "birds", "sing", "dogs", ".", "##s"]
)  # fmt: skip
TEXT = "Cats sleep. Unbelievable cats sit.\nBirds sing.\n\nDogs sit. Cats.\n"


def tokenizer(*vocabulary: str) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.WordPiece({word: k for k, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"
    )  # fmt: skip


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "cats.txt"
    file.write_text(TEXT)
    return file


def as_lists(found: Stream) -> list[list[int]]:
    return [
        found.ids.tolist(),
        np.flatnonzero(~found.starts).tolist(),
        found.sentences.tolist(),
        found.documents.tolist(),
    ]


def test_a_text_becomes_ids_and_borders(text: Path, tmp_path: Path) -> None:
    found = open_stream([text], tokenizer(*VOCABULARY), tmp_path / "kept")
    # cats sleep . | un ##believ ##able cats sit . | birds sing . || dogs sit . | cats .
    assert as_lists(found) == [
        [8, 9, 14, 5, 6, 7, 8, 10, 14, 11, 12, 14, 13, 10, 14, 8, 14],
        [4, 5],
        [0, 3, 9, 12, 15, 17],
        [0, 12, 17],
    ]
    assert found.words.tolist() == [1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert found.frequencies.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 3, 1, 2, 1, 1, 1, 5]
    assert [found.document_of(i) for i in (0, 11, 12, 16)] == [0, 0, 1, 1]


def test_rare_words_weigh_one_over_the_root_of_their_frequency(text: Path, tmp_path: Path) -> None:
    source = Source(open_stream([text], tokenizer(*VOCABULARY), tmp_path / "kept"), SYMBOLS)
    assert source.weights[[4, 5, 8, 10, 14]] == pytest.approx([0, 1, 3**-0.5, 2**-0.5, 5**-0.5])


def test_a_stream_is_made_once_and_read_without_loading_it(text: Path, tmp_path: Path) -> None:
    folder, tok = tmp_path / "kept", tokenizer(*VOCABULARY)
    first = open_stream([text], tok, folder)
    made = (folder / "ids.npy").stat().st_mtime_ns
    again = open_stream([text], tok, folder)
    assert isinstance(again.ids, np.memmap)
    assert (folder / "ids.npy").stat().st_mtime_ns == made
    assert as_lists(again) == as_lists(first) and again.fingerprint == first.fingerprint


@pytest.mark.parametrize("what", ["text", "tokenizer"])
def test_another_text_or_tokenizer_makes_the_stream_anew(what: str, text: Path, tmp_path: Path) -> None:
    first = open_stream([text], tokenizer(*VOCABULARY), tmp_path / "kept")
    if what == "text":
        text.write_text("Dogs sleep.\n")
    vocabulary = VOCABULARY if what == "text" else [*VOCABULARY[:8], "sleep", "cats", *VOCABULARY[10:]]
    second = open_stream([text], tokenizer(*vocabulary), tmp_path / "kept")
    assert second.ids[:3].tolist() == ([13, 9, 14] if what == "text" else [9, 8, 14])
    assert second.fingerprint != first.fingerprint


def test_a_stream_that_was_cut_off_while_written_is_made_anew(text: Path, tmp_path: Path) -> None:
    tok = tokenizer(*VOCABULARY)
    whole = as_lists(open_stream([text], tok, tmp_path / "kept"))
    np.save(tmp_path / "kept" / "ids.npy", np.zeros(3, dtype=np.uint32))
    os.remove(tmp_path / "kept" / "stream.json")
    assert as_lists(open_stream([text], tok, tmp_path / "kept")) == whole


def test_a_write_that_fails_halfway_leaves_nothing_that_passes_for_whole(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tok, whole = tokenizer(*VOCABULARY), TEXT
    before = as_lists(open_stream([text], tok, tmp_path / "kept"))
    text.write_text("Dogs sleep.\n")
    save, saved = np.save, []

    def fail_second(*arguments: Any) -> None:
        saved.append(arguments)
        if len(saved) == 2:
            raise OSError
        save(*arguments)

    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(np, "save", fail_second)
        open_stream([text], tok, tmp_path / "kept")
    text.write_text(whole)
    assert as_lists(open_stream([text], tok, tmp_path / "kept")) == before


def test_a_sentence_may_begin_without_a_blank(text: Path, tmp_path: Path) -> None:
    text.write_text("Cats sleep.Dogs sit.\n")
    assert open_stream([text], tokenizer(*VOCABULARY), tmp_path / "kept").sentences.tolist() == [0, 3, 6]


def test_a_tokenizer_that_pads_and_truncates_does_neither_here_and_keeps_its_settings(
    text: Path, tmp_path: Path
) -> None:
    plain, strict = tokenizer(*VOCABULARY), tokenizer(*VOCABULARY)
    strict.backend_tokenizer.enable_padding(length=30)
    strict.backend_tokenizer.enable_truncation(4)
    before = strict.backend_tokenizer.to_str()
    found = open_stream([text], strict, tmp_path / "strict")
    assert as_lists(found) == as_lists(open_stream([text], plain, tmp_path / "plain"))
    assert strict.backend_tokenizer.to_str() == before


def test_files_of_one_name_are_documents_of_their_own(tmp_path: Path) -> None:
    files = [tmp_path / folder / "x.txt" for folder in "ab"]
    for file, line in zip(files, ("Cats sit.", "Dogs sleep."), strict=True):
        file.parent.mkdir()
        file.write_text(line)
    found = open_stream(files, tokenizer(*VOCABULARY), tmp_path / "kept")
    assert as_lists(found) == [[8, 10, 14, 13, 9, 14], [], [0, 3, 6], [0, 3, 6]]
    assert list(paragraphs_of(files)) == ["Cats sit.", "Dogs sleep."]


def test_a_missing_empty_or_absent_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    tok = tokenizer(*VOCABULARY)
    with pytest.raises(BadRequest, match="no text"):
        open_stream([], tok, tmp_path / "kept")
    with pytest.raises(BadCorpus, match=r"nowhere\.txt is not there"):
        open_stream([tmp_path / "nowhere.txt"], tok, tmp_path / "kept")
    with pytest.raises(BadCorpus, match=r"empty\.txt"):
        open_stream([tmp_path / "empty.txt"], tok, tmp_path / "kept")


def test_symbols_come_from_the_tokenizer_and_a_lacking_one_is_named() -> None:
    tok = tokenizer(*VOCABULARY)
    found = Symbols.of(tok)
    assert found[:4] == (2, 3, 4, 1)
    assert found.ordinary.tolist() == list(range(5, 16))
    tok.mask_token = None
    with pytest.raises(BadRequest, match="no mask token"):
        Symbols.of(tok)


def test_pieces_are_assembled_with_special_tokens() -> None:
    draft = SOURCE.assemble([(0, 5), (7, 10)])
    assert draft.ids.tolist() == [CLS, 10, 11, 12, 13, 14, SEP, 17, 18, 19, SEP]
    assert draft.words.tolist() == [-1, 1, 1, 2, 3, 3, -1, 8, 9, 9, -1]
    assert draft.segments.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert draft.positions.tolist() == list(range(11))
    assert draft.labels.tolist() == [NO] * 11
    assert draft.maskable.tolist() == [1, 2, 3, 4, 5, 7, 8, 9]
    draft.ids[1] = 99
    assert draft.clean[1] == 10


def test_a_third_piece_is_of_the_second_segment() -> None:
    assert SOURCE.assemble([(0, 2), (2, 3), (3, 4)]).segments.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


LAYOUTS: list[tuple[Layout, list]] = [
    (Blocks(8), [[[0, 6]], [[6, 12]], [[12, 18]]]),
    (Sentences(9), [((0, 7),), ((7, 10),), ((10, 17),), ((17, 20),)]),
    (
        Sentences(5),
        [((0, 3),), ((3, 6),), ((6, 7),), ((7, 10),), ((10, 13),), ((13, 14),), ((14, 17),), ((17, 20),)],
    ),
    (Pieces(13), [((0, 3), (3, 10)), ((10, 14), (14, 20))]),
    (Pieces(14, count=3), [((0, 3), (3, 7), (7, 10)), ((10, 14), (14, 17), (17, 20))]),
    (Pieces(10), [((0, 3), (3, 7)), ((10, 14), (14, 17))]),
]


@pytest.mark.parametrize(("layout", "expected"), LAYOUTS, ids=lambda x: repr(x)[:30])
def test_a_layout_cuts_the_text_as_by_hand(layout: Layout, expected: list) -> None:
    found = layout.examples(STREAM)
    assert (found.tolist() if isinstance(found, np.ndarray) else found) == expected


def test_cuts_fall_on_the_sentence_borders_next_to_equal_shares() -> None:
    found = stream(range(5, 35), range(30), [0, 2, 4, 13, 19, 28, 30], [0, 30])
    assert Pieces(33).examples(found) == [((0, 13), (13, 30))]  # 15 is next to 13
    assert Pieces(34, count=3).examples(found) == [((0, 13), (13, 19), (19, 30))]  # 10 and 20 are next to 13 and 19
    assert Pieces(37, count=6).examples(found) == [((0, 2), (2, 4), (4, 13), (13, 19), (19, 28), (28, 30))]


def test_a_text_too_short_for_a_layout_is_refused() -> None:
    with pytest.raises(BadCorpus, match="20 subwords, one block takes 21"):
        Blocks(23).examples(STREAM)
    with pytest.raises(BadCorpus, match="4 neighbouring sentences"):
        Pieces(30, count=4).examples(STREAM)


@over(streams(), st.integers(3, 20))
def test_blocks_are_full_and_cover_all_but_a_tail(found: Stream, length: int) -> None:
    size = length - 2
    if len(found) < size:
        with pytest.raises(BadCorpus):
            Blocks(length).examples(found)
        return
    blocks = Blocks(length).examples(found)[:, 0].tolist()
    assert [end - first for first, end in blocks] == [size] * len(blocks)
    assert [first for first, _ in blocks] == [0, *(end for _, end in blocks[:-1])]
    assert len(found) - blocks[-1][1] < size


@over(streams(), st.integers(3, 30))
def test_sentences_cover_the_text_and_never_cross_documents(found: Stream, length: int) -> None:
    room, borders = length - 2, set(found.sentences.tolist())
    runs = [piece for (piece,) in Sentences(length).examples(found)]
    assert [runs[0][0], *(end for _, end in runs)] == [*(first for first, _ in runs), len(found)]
    for first, end in runs:
        assert found.document_of(first) == found.document_of(end - 1)
        assert 0 < end - first <= room
        if end not in borders:  # only a sentence that is too long is cut, and what is cut off fills the example
            sentence = np.searchsorted(found.sentences, end)
            assert end - first == room and first >= found.sentences[sentence - 1]
    for (first, end), _ in pairwise(runs):  # no run could take in one sentence more
        following = found.sentences[np.searchsorted(found.sentences, end, side="right")]
        assert following - first > room or end in found.documents


@over(streams(), st.integers(2, 3), st.integers(5, 30))
def test_pieces_are_neighbours_of_whole_sentences_in_one_document(found: Stream, count: int, length: int) -> None:
    borders = set(found.sentences.tolist())
    room = length - 1 - count
    runs = [run for (run,) in Sentences(room + 2).examples(found)]
    enough = [(a, b) for a, b in runs if sum(a < border < b for border in borders) >= count - 1]
    if not enough:
        with pytest.raises(BadCorpus):
            Pieces(length, count).examples(found)
        return
    examples = Pieces(length, count).examples(found)
    assert [(pieces[0][0], pieces[-1][1]) for pieces in examples] == enough  # the runs that have sentences to part
    for pieces in examples:
        assert len(pieces) == count and all(first < end for first, end in pieces)
        assert all(left[1] == right[0] and left[1] in borders for left, right in pairwise(pieces))
        assert len(Source(found, SYMBOLS).assemble(pieces)) <= length


def test_lines_of_two_columns_are_documents_of_a_sentence_and_its_translation(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("Cats sleep. Birds sing.\tDogs sit.\n\nCats.\tBirds.\n")
    found = open_stream([file], tokenizer(*VOCABULARY), tmp_path / "kept")
    assert found.sentences.tolist() == [0, 6, 9, 11, 13]
    assert found.documents.tolist() == [0, 9, 13]
    assert Pieces(64, 2).examples(found) == [((0, 6), (6, 9)), ((9, 11), (11, 13))]


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("Cats.\tBirds.\nCats sleep\n")
    with pytest.raises(BadCorpus, match="line 2 has 1 columns"):
        open_stream([file], tokenizer(*VOCABULARY), tmp_path / "kept")


def test_a_block_from_a_sentence_begins_with_the_one_that_the_block_before_cut() -> None:
    # sentences begin at 0 3 7 10 14 17; blocks of 8 subwords
    found = Blocks(10, from_sentences=True).examples(STREAM)
    assert found[:, 0].tolist() == [[0, 8], [7, 15]]  # the next would begin at 14 and be too short


def test_a_sentence_longer_than_a_block_is_gone_on_with() -> None:
    found = Blocks(5, from_sentences=True).examples(STREAM)  # blocks of 3, the second sentence has 4
    assert found[:, 0, 0].tolist() == [0, 3, 6, 7, 10, 13, 14, 17]


@over(streams())
def test_blocks_from_sentences_leave_no_subword_out_but_at_the_end(found: Stream) -> None:
    if len(found) < 3:
        return
    blocks = Blocks(5, from_sentences=True).examples(found)[:, 0]
    seen = np.zeros(len(found), dtype=bool)
    for first, end in blocks.tolist():
        seen[first:end] = True
    assert seen[: blocks[-1, 1]].all()
    assert len(found) - blocks[-1, 1] < 3
    inside = blocks[1:, 0] != blocks[:-1, 1]
    assert np.isin(blocks[1:, 0][inside], found.sentences).all()
