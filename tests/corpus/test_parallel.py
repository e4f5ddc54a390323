"""Translations: three layouts of files, and corpora in further languages."""

import gzip
from pathlib import Path

import pytest

from bertology.corpus import parallel
from bertology.corpus.corpora import Corpora, parse
from bertology.judging import lacking
from bertology.record.claim import Claim
from bertology.record.errors import BadCorpus, BadRequest

TREE = "# sent_id = {id}\n# text = {text}\n1\t{text}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"


def trees(folder: Path, **words: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for code, by_id in words.items():
        content = "".join(TREE.format(id=id, text=text) for id, text in by_id.items())
        (folder / f"{code}_pud-ud-test.conllu").write_text(content, encoding="utf-8")
    return folder


def test_treebanks_are_aligned_by_their_sentence_ids(tmp_path: Path) -> None:
    words = {
        "en": {"a-1": "dog", "a-2": "cat"},
        "de": {"a-2": "Katze", "a-1": "Hund"},
        "fi": {"a-1": "koira", "b-9": "talo"},
    }
    corpus = parallel.read(trees(tmp_path / "pud", **words))
    assert parallel.languages_of(corpus) == ["en", "de", "fi"]
    said = [tuple(corpus[i].text for i in pair) for pair in parallel.pairs_of(corpus, "en", "de")]
    assert said == [("dog", "Hund"), ("cat", "Katze")]
    assert corpus.dropped == {"no translation in another language": 1}
    assert corpus[0].layers["upos"] == ("NOUN",)


def test_a_sentence_and_its_translations_share_a_block(tmp_path: Path) -> None:
    ids = [f"d{k}-1" for k in range(40)]
    corpus = parallel.read(trees(tmp_path, en=dict.fromkeys(ids, "dog"), de=dict.fromkeys(ids[::-1], "Hund")))
    pairs = parallel.pairs_of(corpus, "en", "de")
    assert len(pairs) == 40
    assert (corpus.blocks[pairs[:, 0]] == corpus.blocks[pairs[:, 1]]).all()
    assert len(set(corpus.blocks)) == 40


def test_text_files_are_aligned_by_line_and_codes_made_short(tmp_path: Path) -> None:
    (tmp_path / "tatoeba.deu-eng.deu").write_text("Der Hund schläft.\n\nJa.\n", encoding="utf-8")
    (tmp_path / "tatoeba.deu-eng.eng.gz").write_bytes(gzip.compress(b"The dog sleeps.\nNothing.\nYes.\n"))
    corpus = parallel.read(tmp_path)
    assert [(s.labels["language"], s.text) for s in corpus] == [
        ("de", "Der Hund schläft."), ("en", "The dog sleeps."), ("de", "Ja."), ("en", "Yes."),
    ]  # fmt: skip
    assert corpus.dropped == {"pairs with a side without words": 1}
    assert corpus[0].document == corpus[1].document != corpus[2].document


def test_a_table_says_its_languages_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "help.en-fr.tsv").write_text("one\tun\nbroken\ntwo\tdeux\n", encoding="utf-8")
    corpus = parallel.read(tmp_path / "help.en-fr.tsv")
    assert [s.text for s in corpus] == ["one", "un", "two", "deux"]
    assert "not two columns" in next(iter(corpus.dropped))
    (tmp_path / "help.tsv").write_text("one\tun\n", encoding="utf-8")
    with pytest.raises(BadCorpus, match="does not say its languages"):
        parallel.read(tmp_path / "help.tsv")


def test_what_is_no_translation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCorpus, match="is in one language: en"):
        parallel.read(trees(tmp_path / "one", en={"a-1": "dog"}))
    with pytest.raises(BadCorpus, match="in two languages"):
        parallel.read(trees(tmp_path / "two", en={"a-1": "dog"}, de={"b-1": "Hund"}))
    (tmp_path / "x.de-en.de").write_text("a\nb\n")
    with pytest.raises(BadCorpus, match=r"no file x\.de-en\.en"):
        parallel.read(tmp_path)
    (tmp_path / "x.de-en.en").write_text("a\n")
    with pytest.raises(BadCorpus, match="2 lines"):
        parallel.read(tmp_path)


def test_a_name_with_a_language_stands_beside_the_plain_one(tmp_path: Path) -> None:
    folder = trees(tmp_path / "pud", en={"a-1": "dog"}, de={"a-1": "Hund"})
    german = folder / "de_pud-ud-test.conllu"
    corpora = Corpora.load({"treebank.de": german}, scale=0.01)
    assert list(corpora.in_languages("treebank")) == ["de", "en"]
    assert corpora.in_languages("treebank")["de"][0].text == "Hund"
    assert corpora.in_languages("treebank")["en"] is corpora.treebank
    assert corpora.in_languages("text") == {}
    assert set(corpora.made()) == {"treebank", "treebank.de"}
    english = Corpora.load({"treebank.en": folder / "en_pud-ud-test.conllu"})
    assert english.in_languages("treebank") == {}
    both = Corpora.load({"treebank.en": folder / "en_pud-ud-test.conllu", "treebank.de": german})
    assert both.in_languages("treebank")["en"][0].text == "dog"


@pytest.mark.parametrize(
    ("argument", "says"),
    [("pairs.de=x", "comes in one language"), ("treebank.german=x", "no language code"), ("nothing.de=x", "no corpus")],
)
def test_languages_that_cannot_be_are_refused(argument: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        parse([argument])


def test_a_claim_about_languages_says_what_to_give(tmp_path: Path) -> None:
    c = Claim("x-1", "8", "says", (), "method", needs=("treebank.*", "parallel"))
    folder = trees(tmp_path / "pud", en={"a-1": "dog"}, de={"a-1": "Hund"})
    assert "treebank.de=FILE" in lacking(c, None, Corpora.load())  # type: ignore[arg-type]
    some = Corpora.load({"treebank.de": folder / "de_pud-ud-test.conllu"})
    assert "--corpus parallel=FILE" in lacking(c, None, some)  # type: ignore[arg-type]
    every = Corpora.load({"treebank.de": folder / "de_pud-ud-test.conllu", "parallel": folder})
    assert lacking(c, None, every) == ""  # type: ignore[arg-type]
