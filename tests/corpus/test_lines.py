"""Lines of plain and packed files: what is accepted, and what is said of a file that cannot be read."""

import gzip

import pytest

from bertology.corpus.lines import first_line, lines
from bertology.record.errors import BadCorpus


def test_gzip_is_known_by_content_and_not_by_name(tmp_path):
    packed, plain = tmp_path / "packed.txt", tmp_path / "plain.gz"
    packed.write_bytes(gzip.compress(b"one\ntwo\n"))
    plain.write_bytes(b"one\ntwo\n")
    assert lines(packed) == lines(plain) == ["one", "two"]


def test_a_byte_order_mark_and_crlf_leave_no_trace(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo")
    assert lines(file) == ["one", "", "two"]


def test_only_newlines_end_a_line(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("a\u2028b\x0cc\x85d\x1ee\rf\n", newline="")
    assert lines(file) == ["a\u2028b\x0cc\x85d\x1ee\rf"]


def test_a_byte_that_is_not_utf8_is_named_with_its_line(tmp_path):
    file = tmp_path / "latin.txt"
    file.write_bytes(b"\xef\xbb\xbfgut\ngut\nM\xfcller\n")
    with pytest.raises(BadCorpus, match=r"latin.txt line 3: byte 0xfc is not UTF-8"):
        lines(file)


@pytest.mark.parametrize("cut", [3, 12, -1, -9])
def test_a_truncated_gzip_file_is_damaged(tmp_path, cut):
    file = tmp_path / "half.gz"
    file.write_bytes(gzip.compress(b"some words to pack, some words to pack\n" * 50)[:cut])
    with pytest.raises(BadCorpus, match=r"half.gz is a damaged gzip file"):
        lines(file)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(BadCorpus, match="does not exist"):
        lines(tmp_path / "none.txt")
    with pytest.raises(BadCorpus, match="is a folder"):
        lines(tmp_path)


def test_the_first_line_skips_blank_ones(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("\n  \nfirst\nsecond\n")
    assert first_line(file) == "first"
    file.write_text("\n")
    assert first_line(file) == ""
