"""Plain text: tokenization with offsets, documents, windows at sentence ends, pairs of neighbours."""

import pytest

from bertology.corpus import text
from bertology.record.errors import BadCorpus, BadRequest


@pytest.fixture
def write(tmp_path):
    def write(content):
        file = tmp_path / "notes.txt"
        file.write_text(content, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("He isn't well-known.", ["He", "isn't", "well", "-", "known", "."]),
        ("It cost $1,500.50 (or 0.7).", ["It", "cost", "$", "1,500.50", "(", "or", "0.7", ")", "."]),
        ("wait... what?!", ["wait", "...", "what", "?", "!"]),
        ("the <unk> and [MASK]s", ["the", "<unk>", "and", "[MASK]", "s"]),
        ("中文字 and 3rd", ["中", "文", "字", "and", "3rd"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("nai\u0308ve “quote” 😀", ["nai\u0308ve", "“", "quote", "”", "😀"]),
        ("a\u200b \u200b b\x01c", ["a\u200b", "b", "c"]),
        (" \t\u3000", []),
    ],
)
def test_words_are_split_off_punctuation_and_stand_where_they_say(given, words):
    found = text.words_of(given, at=10)
    assert list(found.words) == words
    assert all(given.startswith(w, start - 10) for w, start in zip(found.words, found.starts, strict=True))


def test_lines_are_paragraphs_and_blank_lines_part_documents(write):
    corpus = text.read(write("One here.\nTwo there.\n\n\nThree.\n"))
    assert [s.text for s in corpus] == ["One here.", "Two there.", "Three."]
    assert [s.document for s in corpus] == ["notes#1", "notes#1", "notes#2"]
    assert corpus.dropped == {}


def test_wikitext_articles_are_documents_and_headings_are_counted(write):
    corpus = text.read(
        write(" \n = Lobster = \n \n A hard @-@ shelled one weighs 0 @.@ 7 of 1 @,@ 500 <unk> . \n \n"
              " = = Size = = \n \n Big . \n \n = Crab = \n \n Small . \n")
    )  # fmt: skip
    assert [s.document for s in corpus] == ["notes#1 Lobster", "notes#1 Lobster", "notes#2 Crab"]
    assert corpus[0].text == "A hard-shelled one weighs 0.7 of 1,500 <unk> ."
    assert corpus[0].words[-3:] == ("1,500", "<unk>", ".")
    assert corpus.dropped == {"headings": 3}


def test_wrapped_lines_become_one_paragraph(write):
    line = "the quick brown fox jumps over the lazy dog and does not stop at"
    corpus = text.read(write(f"{line}\n{line}\n{line}\nall.\n\n{line}\n{line}\n{line}\n{line}\nall.\n"))
    assert len(corpus) == 2 and corpus[0].text.count("quick") == 3 and corpus[1].text.count("quick") == 4
    assert len(text.read(write(f"{line}\n{line}\nall.\n"), wrapped=True)) == 1
    assert len(text.read(write(f"{line}\n{line}\nall.\n"))) == 3


def test_windows_end_after_sentences_and_lose_no_word(write):
    paragraph = "One two three. Four five six seven. Eight nine ten eleven twelve thirteen."
    corpus = text.read(write(paragraph), max_words=9)
    assert [s.text for s in corpus] == [
        "One two three. Four five six seven.",
        "Eight nine ten eleven twelve thirteen.",
    ]
    assert [s.labels["window"] for s in corpus] == [0, 1] and corpus[0].labels["windows"] == 2
    assert len({s.id for s in corpus}) == 2
    assert all(s.text[a:b] == w for s in corpus for a, b, w in zip(s.starts, s.ends, s.words, strict=True))


def test_a_sentence_longer_than_the_window_is_cut_at_it(write):
    corpus = text.read(write(" ".join(f"w{i}" for i in range(250))))
    assert [len(s) for s in corpus] == [100, 100, 50]
    assert [w for s in corpus for w in s.words] == [f"w{i}" for i in range(250)]


@pytest.mark.parametrize("kept", ["Mr. Bennet left at ten today", "J. Smith saw H. gammarus", "He ate 3. then left"])
def test_a_full_stop_after_an_abbreviation_ends_no_sentence(write, kept):
    corpus = text.read(write(f"It rained. {kept}."), max_words=8)
    assert [s.text for s in corpus] == ["It rained.", f"{kept}."]


def test_a_closing_quote_stays_with_its_sentence(write):
    corpus = text.read(write('She said "I know." He left "now."'), max_words=8)
    assert [s.text for s in corpus] == ['She said "I know."', 'He left "now."']


def test_neighbouring_sentences_are_paired_once_within_a_document(write):
    corpus = text.segments(write("One is. Two is. Three is.\nFour is. Five is.\n\nSix is.\n\nSeven is. Eight is.\n"))
    assert [s.text for s in corpus] == ["One is. Two is.", "Three is. Four is.", "Seven is. Eight is."]
    assert corpus[0].layers["segment"] == (0, 0, 0, 1, 1, 1)
    assert all(s.text[a:b] == w for s in corpus for a, b, w in zip(s.starts, s.ends, s.words, strict=True))


def test_pairs_too_long_are_counted(write):
    corpus = text.segments(write("One is. Two is.\n\nOne is what it always was. Two is.\n"), max_words=8)
    assert len(corpus) == 1 and corpus.dropped == {"pairs of more than 8 words": 1}


def test_a_paragraph_without_a_word_is_counted_or_refused(write):
    file = write("One.\n\u200b\nTwo.\n")
    corpus = text.read(file)
    assert len(corpus) == 2 and list(corpus.dropped.values()) == [1]
    with pytest.raises(BadCorpus, match=r"notes.txt line 2: a paragraph without a word"):
        text.read(file, strict=True)


def test_files_without_text_and_windows_of_nothing_are_refused(write):
    for content in ("", "\n\n", " = Title = \n"):
        with pytest.raises(BadCorpus, match="no usable sentence"):
            text.read(write(content))
    with pytest.raises(BadCorpus, match="no usable sentence"):
        text.segments(write("Only one."))
    with pytest.raises(BadRequest, match="max_words is 0"):
        text.read(write("One."), max_words=0)


def test_wikitext_2_is_60_articles_of_whole_words(data):
    corpus = text.read(data / "text_wikitext2" / "wikitext2_valid.txt.gz", strict=True)
    assert len({s.document for s in corpus}) == 60
    assert max(map(len, corpus)) <= 100
    assert corpus.dropped == {"headings": 620}
    assert all(s.text[a:b] == w for s in corpus for a, b, w in zip(s.starts, s.ends, s.words, strict=True))
    assert not any(" @" in s.text and "@ " in s.text for s in corpus)


def test_a_wrapped_novel_is_read_by_paragraphs(data):
    corpus = text.read(data / "text_gutenberg_novels" / "219_heart_of_darkness.txt.gz")
    whole = [s for s in corpus if s.labels["windows"] == 1 and len(s) > 40]
    assert sum(s.text.rstrip("”’\"'_)")[-1] in ".!?" for s in whole) >= 0.9 * len(whole)
