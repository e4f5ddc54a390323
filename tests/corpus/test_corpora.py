"""The corpora of a run: embedded by default and shared, a user's file where given, nothing read before it is asked."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from bertology.corpus import corpora
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.corpora import NAMES, Corpora, parse
from bertology.corpus.sentence import Corpus, sentence
from bertology.corpus.word_pairs import WordPair
from bertology.record.errors import BadCorpus, BadRequest

TREE = "1\ta\ta\tX\t_\t_\t0\troot\t_\t_\n\n"


@pytest.fixture
def asked(monkeypatch):
    """A stand-in for the grammar that writes down what it is asked to make."""
    asked: Counter = Counter()

    def make(name):
        def made(size, *, seed):
            asked[name, size, seed] += 1
            return Corpus(name, tuple(sentence(["a"], f"{name}-{i}") for i in range(3)))

        return made

    names = ("treebank", "text", "segment_pairs", "minimal_pairs", "agreement", "senses")
    grammar = SimpleNamespace(**{name: make(name) for name in names}, word_pairs=lambda: (WordPair("a", "b", 1.0),))
    monkeypatch.setattr(corpora, "_grammar", lambda: grammar)
    return asked


@pytest.fixture
def trees(tmp_path):
    file = tmp_path / "mine.conllu"
    file.write_text("".join(f"# newdoc id = d{i // 2}\n{TREE}" for i in range(12)))
    return file


def test_nothing_is_made_before_it_is_read_and_then_only_once(asked):
    c = Corpora.load(seed=3, scale=0.5)
    assert not asked
    assert c.treebank is c.treebank and c.text is c.text
    assert asked == {("treebank", 2_000, 3): 1, ("text", 300, 3): 1}


def test_the_default_sizes_are_those_of_the_full_run(asked):
    c = Corpora.load()
    for name in NAMES:
        getattr(c, name)
    assert {(name, size) for name, size, _ in asked} == {
        ("treebank", 4_000), ("text", 600), ("text", 4_000), ("segment_pairs", 400), ("minimal_pairs", 100), ("agreement", 200),
        ("senses", 1_600),
    }  # fmt: skip
    assert c.treebank2 is None and c.word_pairs == (WordPair("a", "b", 1.0),)


def test_linked_corpora_are_one_object_also_beside_a_given_treebank(asked, trees):
    c = Corpora.load()
    assert c.coref is c.roles is c.negation is c.subjects is c.related is c.treebank
    c = Corpora.load({"treebank": trees})
    assert c.treebank.name == "mine" and c.coref.name == "treebank"
    assert c.coref is c.roles is c.negation is c.subjects is c.related


def test_the_seed_drives_every_corpus(asked, trees):
    c = Corpora.load({"treebank2": trees}, seed=7)
    assert {corpus.seed for corpus in (c.treebank, c.treebank2, c.text, c.pairs) if corpus} == {7}


def test_a_given_corpus_is_sampled_by_whole_documents(trees):
    c = Corpora.load({"treebank": trees}, limit=6)
    assert len(c.treebank) == 6
    assert set(Counter(s.document for s in c.treebank).values()) == {2}
    assert len(Corpora.load({"treebank": trees}).treebank) == 12
    samples = {tuple(s.id for s in Corpora.load({"treebank": trees}, limit=6, seed=k).treebank) for k in range(5)}
    assert len(samples) > 1


def test_sampling_never_halves_a_minimal_pair(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps({"sentence_good": f"a {i}", "sentence_bad": f"b {i}"}) for i in range(9)))
    pairs = Corpora.load({"pairs": file}, limit=7).pairs
    assert len(pairs) == 6 and [s.labels["acceptable"] for s in pairs] == [True, False] * 3


def test_corpora_may_be_given_as_objects():
    mine = Corpus("mine", (sentence(["a", "b"], "x", links={"coref": ((1, 0, "pronoun"),)}),))
    c = Corpora.load({"coref": mine, "word_pairs": (WordPair("a", "b", 2.0),)})
    assert c.coref.sentences == mine.sentences and c.word_pairs[0].similarity == 2.0
    with pytest.raises(BadRequest, match="a Corpus is due"):
        _ = Corpora.load({"text": ("a", "b")}).text  # pyright: ignore[reportArgumentType]
    with pytest.raises(BadRequest, match="a tuple of WordPair is due"):
        _ = Corpora.load({"word_pairs": mine}).word_pairs


def test_a_corpus_without_the_needed_annotation_is_refused(tmp_path):
    file = tmp_path / "c.jsonl"
    file.write_text('{"words": ["a", "b"], "links": {"role": [[0, 1, "agent"]]}}')
    assert len(Corpora.load({"roles": file}).roles) == 1
    with pytest.raises(BadCorpus, match=r"'coref' \(c\) has no coref"):
        _ = Corpora.load({"coref": file}).coref


def test_given_files_can_be_read_before_the_run(tmp_path, trees):
    broken = tmp_path / "broken.conllu"
    broken.write_text(TREE + "x\n")
    assert Corpora.load({"treebank": trees}).read_given().treebank.name == "mine"
    assert Corpora.load({"treebank": broken}).treebank.dropped
    with pytest.raises(BadCorpus, match=r"broken.conllu line 3"):
        Corpora.load({"treebank": broken}, strict=True).read_given()


def test_a_text_file_serves_as_segments(tmp_path):
    file = tmp_path / "t.txt"
    file.write_text("One is. Two is.\n")
    assert Corpora.load({"segments": file}).segments[0].layers["segment"] == (0, 0, 0, 1, 1, 1)


@pytest.mark.parametrize("options", [{"scale": 0}, {"scale": -1.0}, {"scale": float("nan")}, {"limit": 1}])
def test_impossible_sizes_are_refused(options):
    with pytest.raises(BadRequest, match=next(iter(options))):
        Corpora.load(**options)


def test_name_and_path_are_parsed(trees, tmp_path):
    odd = tmp_path / "a=b.txt"
    odd.write_text("x")
    assert parse([f"treebank={trees}", f"text={odd}"]) == {"treebank": trees, "text": odd}
    assert parse([]) == {}


@pytest.mark.parametrize("argument", ["treebank", "treebank=", "", "="])
def test_an_argument_of_another_form_is_refused(argument):
    with pytest.raises(BadRequest, match=r"is not NAME=PATH|there is no corpus ''"):
        parse([argument])


def test_unknown_names_are_answered_with_the_known_ones(trees):
    for load in (lambda: parse([f"tree={trees}"]), lambda: Corpora.load({"tree": trees})):
        with pytest.raises(BadRequest, match=r"no corpus 'tree'(.|\n)*treebank, treebank2, text"):
            load()


def test_missing_files_are_refused_before_anything_is_read(tmp_path, trees):
    for missing in (tmp_path / "none", "nul\0", "x" * 5_000):
        for load in (lambda m=missing: parse([f"text={m}"]), lambda m=missing: Corpora.load({"text": Path(m)})):
            with pytest.raises(BadCorpus, match=r"\(corpus 'text'\) does not exist"):
                load()
    with pytest.raises(BadRequest, match="given twice"):
        parse([f"text={trees}", f"text={trees}"])


def test_every_name_has_an_attribute_and_a_description():
    for name, kind in NAMES.items():
        assert hasattr(Corpora, name) and kind.says


def test_the_embedded_grammar_answers_to_the_names():
    c = Corpora.load(scale=0.02, seed=1)
    assert c.treebank.having("head", "upos", "coref", "role", "agreement") and len(c.treebank) == 80
    assert len(c.text) == 12 and c.segments.having("segment")


def test_cloze_items_are_embedded_or_given_as_a_file_a_folder_or_a_tuple(tmp_path):
    item = ClozeItem("x", "A [MASK].", "pet", ("car",), {})
    (tmp_path / "a.tsv").write_text("id\tcontext\ttarget\talternatives\nx\tA [MASK].\tpet\tcar\n")
    assert Corpora.load({"cloze": (item,)}).cloze == Corpora.load({"cloze": tmp_path / "a.tsv"}).cloze == (item,)
    assert Corpora.load({"cloze": tmp_path}).cloze == (item._replace(id="a.tsv:x"),)
    assert {i.labels["set"] for i in Corpora.load().cloze} >= {"NEG", "CPRAG", "ROLE", "TRIPLE"}
    assert len(Corpora.load({"cloze": tuple(item._replace(id=str(k)) for k in range(9))}, limit=4).cloze) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "an empty tuple"),
        ((WordPair("a", "b", 1.0),), "a tuple, a tuple of ClozeItem is due"),
        ([ClozeItem("x", "A [MASK].", "a", (), {})], "cloze is a list"),
        ((ClozeItem("x", "no gap", "a", (), {}),), r"'x': the context holds 0 \[MASK\]"),
        ((ClozeItem("x", "A [MASK].", "a", ("A",), {}),), "is the target and an alternative"),
        ((ClozeItem("x", "A [MASK].", " ", (), {}),), "a word for the gap is empty"),
    ],
)
def test_cloze_items_that_are_none_are_refused(given, message):
    with pytest.raises(BadRequest, match=message):
        _ = Corpora.load({"cloze": given}).cloze
