"""CoNLL-U: words, texts, trees and documents as the format has them, and one clear message for each way to break it."""

import gzip
import time

import conllu as reference
import pytest

from bertology.corpus import conllu
from bertology.record.errors import BadCorpus, BadTreebank


def token(id, form, head, deprel="dep", *, upos="NOUN", feats="_", misc="_", lemma=None):
    return "\t".join([str(id), form, lemma or form.lower(), upos, "NN", feats, str(head), deprel, "_", misc])


def wide(id, form, misc="_"):
    return "\t".join([id, form, *["_"] * 7, misc])


GOOD = "\n".join(
    [
        "# newdoc id = letters",
        "# sent_id = l-1",
        "# text = I don't know.",
        token(1, "I", 4, "nsubj", upos="PRON", feats="Case=Nom|Person=1"),
        wide("2-3", "don't"),
        token(2, "do", 4, "aux", upos="AUX"),
        token(3, "n't", 4, "advmod", upos="PART"),
        token(4, "know", 0, "root", upos="VERB", misc="SpaceAfter=No"),
        token(5, ".", 4, "punct", upos="PUNCT"),
    ]
)


@pytest.fixture
def write(tmp_path):
    def write(text, name="dev.conllu"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def test_a_sentence_is_read_with_all_its_layers(write):
    corpus = conllu.read(write(GOOD))
    (s,) = corpus
    assert (corpus.name, s.id, s.document, corpus.dropped) == ("dev", "l-1", "letters", {})
    assert s.words == ("I", "do", "n't", "know", ".")
    assert s.text == "I don't know." and s.starts == (0, 2, 4, 8, 12)
    assert s.layers["head"] == (3, 3, 3, -1, 3)
    assert s.layers["deprel"] == ("nsubj", "aux", "advmod", "root", "punct")
    assert s.layers["upos"] == ("PRON", "AUX", "PART", "VERB", "PUNCT")
    assert s.layers["lemma"][0] == "i" and s.layers["xpos"][0] == "NN"
    assert s.layers["feats"] == ({"Case": "Nom", "Person": "1"}, {}, {}, {}, {})


def test_words_that_do_not_spell_their_token_start_where_it_starts(write):
    rows = [
        "# text = Peur du chat.",
        token(1, "Peur", 0, "root"),
        wide("2-3", "du"),
        token(2, "de", 4),
        token(3, "le", 4),
        token(4, "chat", 1, misc="SpaceAfter=No"),
        token(5, ".", 1),
    ]
    (s,) = conllu.read(write("\n".join(rows)))
    assert s.words == ("Peur", "de", "le", "chat", ".")
    assert s.starts == (0, 5, 5, 8, 12)


def test_a_text_is_rebuilt_where_it_is_missing_or_does_not_fit(write):
    without = GOOD.replace("# text = I don't know.\n", "")
    (s,) = conllu.read(write(without))
    assert s.text == "I don't know." and s.starts == (0, 2, 4, 8, 12)
    corpus = conllu.read(write(GOOD.replace("I don't know.", "You do not know.")))
    assert corpus[0].text == "I don't know."
    assert sum(corpus.dropped.values()) == 1 and "rebuilt" in next(iter(corpus.dropped))


def test_double_spaces_in_the_text_are_kept(write):
    (s,) = conllu.read(write(GOOD.replace("= I don't know.", "= I  don't know . ")))
    assert s.text == "I  don't know ." and s.starts == (0, 3, 5, 9, 14)


def test_empty_nodes_are_left_out_and_counted(write):
    rows = [token(1, "a", 0), wide("1.1", "b"), token(2, "c", 1), wide("2.1", "d"), wide("2.2", "e")]
    corpus = conllu.read(write("\n".join([wide("0.1", "z"), *rows])), strict=True)
    assert corpus[0].words == ("a", "c") and corpus[0].text == "a c"
    assert corpus.dropped == {"empty nodes, left out of their sentences": 4}


def test_documents_come_from_newdoc_then_sent_id_then_the_sentence(write):
    one = token(1, "a", 0)
    file = write(
        f"# sent_id = doc-7-1\n{one}\n\n# sent_id = plain\n{one}\n\n{one}\n\n# newdoc id = n\n{one}\n\n{one}\n"
    )
    corpus = conllu.read(file)
    assert [s.document for s in corpus] == ["doc-7", "", "", "n", "n"]
    assert len({s.id for s in corpus}) == 5
    corpus = conllu.read(write(f"# newdoc\n{one}\n\n{one}\n\n# newdoc\n{one}\n"))
    assert [s.document for s in corpus] == ["dev#1", "dev#1", "dev#2"]


def test_a_broken_sentence_still_opens_its_document(write):
    one = token(1, "a", 0)
    corpus = conllu.read(write(f"# newdoc id = x\n{one}\n\n# newdoc id = y\n{token(1, 'a', 9)}\n\n{one}\n"))
    assert [s.document for s in corpus] == ["x", "y"]


def test_layers_that_are_blank_throughout_are_absent(write):
    blank = token(1, "a", 0).replace("\tNN\t", "\t_\t")
    corpus = conllu.read(write(f"{blank}\n\n{blank}\n"))
    assert "xpos" not in corpus[0].layers and "upos" in corpus[0].layers
    corpus = conllu.read(write(f"{blank}\n\n{token(1, 'b', 0)}\n"))
    assert corpus[0].layers["xpos"] == ("",) and corpus[1].layers["xpos"] == ("NN",)


def test_the_lemma_of_an_underscore_is_an_underscore(write):
    assert conllu.read(write(token(1, "_", 0)))[0].layers["lemma"] == ("_",)


def test_packing_marks_and_line_ends_do_not_change_the_corpus(write):
    plain = conllu.read(write(GOOD)).fingerprint
    for changed in (gzip.compress(GOOD.encode()), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n")):
        assert conllu.read(write(changed)).fingerprint == plain
    assert conllu.read(write(GOOD + "\n\n\n \n")).fingerprint == plain


BROKEN = {
    "head 31": ([token(1, "a", 0), token(2, "b", 31)], r"line 12: token 2 has head 31, the sentence has 2 tokens"),
    "circle": ([token(1, "a", 0), token(2, "b", 3), token(3, "c", 2)], r"line 1[23]: .*token [23] go in a circle"),
    "long circle": (
        [token(1, "a", 2), token(2, "b", 3), token(3, "c", 4), token(4, "d", 2), token(5, "e", 0)],
        r"go in a circle",
    ),
    "self": ([token(1, "a", 0), token(2, "b", 2)], r"line 12: token 2 is its own head"),
    "two roots": ([token(1, "a", 0), token(2, "b", 0)], r"line 12: 2 roots \(tokens 1, 2\)"),
    "no root": ([token(1, "a", 2), token(2, "b", 1)], r"line 11: 0 roots, one is due"),
    "columns": (["1\ta\ta"], r"line 11: 3 tab-separated columns, ten are due"),
    "blanks": (["1 a a NOUN NN _ 0 root _ _"], r"line 11: 1 tab-separated columns"),
    "ids": ([token(1, "a", 0), token(3, "b", 1)], r"line 12: token id '3', 2 is due"),
    "no id": ([token("x", "a", 0)], r"line 11: token id 'x', 1 is due"),
    "superscript id": ([token("²", "a", 0)], r"line 11: token id"),
    "no head": ([token(1, "a", "_")], r"line 11: token 1 has head '_'"),
    "negative head": ([token(1, "a", "-1")], r"line 11: token 1 has head '-1'"),
    "no form": ([token(1, "", 0, lemma="a")], r"line 11: token 1 has no form"),
    "feats": ([token(1, "a", 0, feats="Plur")], r"line 11: feats 'Plur'"),
    "late range": ([token(1, "a", 0), wide("1-2", "ab"), token(2, "b", 1)], r"line 12: multiword token 1-2"),
    "open range": ([wide("1-3", "ab"), token(1, "a", 0), token(2, "b", 1)], r"ends at 3, the sentence has 2"),
    "overlap": ([wide("1-2", "ab"), token(1, "a", 0), wide("2-3", "bc"), token(2, "b", 1), token(3, "c", 1)], r"2-3"),
    "only a node": ([wide("1.1", "a")], r"a sentence without a word"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_sentence_is_counted_or_refused_with_its_line(write, name):
    rows, message = BROKEN[name]
    file = write("\n".join([GOOD, "", *rows, "", GOOD]))
    corpus = conllu.read(file)
    assert len(corpus) == 2
    assert list(corpus.dropped.values()) == [1] and "dev.conllu line 1" in next(iter(corpus.dropped))
    with pytest.raises(BadTreebank, match=rf"dev.conllu .*{message}"):
        conllu.read(file, strict=True)


def test_the_message_groups_thousands_and_says_what_to_do(write):
    rows = [token(i, "x", 1 if i > 1 else 0) for i in range(1, 1_204)]
    with pytest.raises(BadTreebank) as error:
        conllu.read(write("\n".join([*rows, token(1_204, "y", 3_000)])), strict=True)
    assert "dev.conllu line 1,204: token 1204 has head 3000, the sentence has 1204 tokens." in str(error.value)
    assert "--strict" in str(error.value)


def test_a_file_without_a_usable_sentence_is_refused(write):
    for text in ("", "\n\n", "# a comment\n\n", token(1, "a", 1)):
        with pytest.raises(BadCorpus, match="holds no usable sentence"):
            conllu.read(write(text))


def test_a_deep_chain_is_a_tree(write):
    rows = [token(i, "x", i - 1) for i in range(1, 5_001)]
    assert len(conllu.read(write("\n".join(rows)))[0]) == 5_000


def test_english_web_treebank_has_its_published_size_and_is_read_in_time(data):
    dev = conllu.read(data / "ud_english_ewt" / "en_ewt-ud-dev.conllu.gz", strict=True)
    assert (len(dev), sum(map(len, dev))) == (2_001, 25_147)
    assert len({s.document for s in dev}) == 318
    for s in dev:
        if "'" not in s.text:
            assert all(s.text[a:b] == word for a, b, word in zip(s.starts, s.ends, s.words, strict=True))
    begun = time.process_time()
    train = conllu.read(data / "ud_english_ewt" / "en_ewt-ud-train.conllu.gz", strict=True)
    assert time.process_time() - begun < 6
    assert (len(train), sum(map(len, train))) == (12_544, 204_577)


def test_every_treebank_at_hand_passes_strictly(data):
    files = sorted((data / "ud_multilingual_dev").glob("*.gz")) + sorted((data / "ud_pud_parallel").glob("*.gz"))
    assert files
    for file in files:
        corpus = conllu.read(file, strict=True)
        assert not any("rebuilt" in reason for reason in corpus.dropped), file
        assert all(a <= b for s in corpus for a, b in zip(s.starts, s.starts[1:], strict=False)), file


def test_the_conllu_package_reads_the_same_words_and_heads(data):
    file = data / "ud_pud_parallel" / "fr_pud-ud-part1.conllu.gz"
    ours = conllu.read(file)
    theirs = reference.parse(gzip.decompress(file.read_bytes()).decode())
    assert len(ours) == len(theirs)
    for s, other in zip(ours, theirs, strict=True):
        tokens = [token for token in other if isinstance(token["id"], int)]
        assert s.id == other.metadata["sent_id"] and s.text == other.metadata["text"]
        assert s.words == tuple(token["form"] for token in tokens)
        assert s.layers["head"] == tuple(token["head"] - 1 for token in tokens)
        assert s.layers["feats"] == tuple(token["feats"] or {} for token in tokens)
        assert s.layers["deprel"] == tuple(token["deprel"] for token in tokens)
