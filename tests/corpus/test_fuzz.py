"""Whatever the bytes, a reader answers with a corpus or with one clear error; valid trees come back as they were."""

import gzip
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertology.corpus import cloze, conllu, constituents, minimal_pairs, senses, spans, text, word_pairs
from bertology.corpus.sentence import Corpus
from bertology.record.errors import BadInput

READERS = {
    "conllu": conllu.read,
    "constituents": constituents.read,
    "text": text.read,
    "segments": text.segments,
    "pairs": minimal_pairs.read,
    "agreement": minimal_pairs.read_agreement,
    "spans": spans.read,
    "senses": senses.read,
    "cloze": cloze.read,
    "word_pairs": word_pairs.read,
}
SEEDS = (
    "# newdoc id = a\n# text = a b\n1\ta\ta\tX\t_\tA=b\t0\troot\t_\tSpaceAfter=No\n"
    "2-3\tbc\t_\t_\t_\t_\t_\t_\t_\t_\n2\tb\tb\tX\t_\t_\t1\tx\t_\t_\n3\tc\tc\tX\t_\t_\t2\tx\t_\t_\n"
    "3.1\td\t_\t_\t_\t_\t_\t_\t_\t_\n\n",
    '{"words": ["a", "b"], "spans": [[0, 1, "x"]], "links": {"coref": [[1, 0, "y"]]}, "layers": {"head": [-1, 0]}}\n',
    '{"words": ["a", "b"], "index": 1, "sense": "x", "lemma": "b"}\n',
    '{"sentence_good": "a b", "sentence_bad": "a c", "UID": 1}\n{"word1": "a", "word2": "b", "score": 1e999}\n',
    '1\t"<e1>a</e1> b <e2>c</e2>"\nOther\n\nword\tB-x\nword\tI-y\n',
    "context\ttarget\talternatives\na [MASK]\tb\tc|d\nitem\tcontext\texpected\ttarget\ttgt_cloze\n",
    "item\tcontext_aff\tcontext_neg\ttarget_aff\ttarget_neg\n1\ta (a|an)\tb\tc\td\n",
    " = Title = \n\n A b . \"C\" d @-@ e .\n\n = = F = = \n",
    "word1,word2,score\na,b,1\n\"a,b\n",
    "True\ta b\nFalse\ta c\n",
    "pattern\tconstr_id\tsent_id\tform\tclass\ttype\tn_attr\tlen_context\tlen_prefix\tsent\n"
    "a\t1\t1\tb\tcorrect\toriginal\t0\t1\t1\ta b c <eos>\na\t1\t1\td\twrong\toriginal\t0\t1\t1\ta b c <eos>\n",
    "0\t0\ta ***mask*** b\tc\td\n",
    '{"meta": {}, "predictions": [{"formula": "(1;%a%) < (1;%b%)"}], "items": [{"conditions": [{"condition_name": "a", "regions": '
    '[{"region_number": 1, "content": "a"}]}, {"condition_name": "b", "regions": [{"region_number": 1, "content": "b"}]}]}]}\n',
    "( (S (NP-SBJ-1 (-NONE- *)) (VP (VB go)))\n(S (X a) b))\n",
)  # fmt: skip
PIECES = st.sampled_from(
    [*SEEDS, "\t", "\n", "\n\n", '"', "{", "}", "[", "]", "(", ")", "1", "0", "-", "_", "\ufeff", "\u2028", "\x00"]
)
FUZZ = settings(
    max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _sound(found) -> None:
    """What every corpus must be: not empty, and each word inside its text unless the words do not spell their token."""
    assert len(found)
    assert not isinstance(found, Corpus) or len(found.fingerprint) == 16
    for s in found:
        if hasattr(s, "starts"):
            assert len(s.words) == len(s.starts) >= 1
            assert all(0 <= start < len(s.text) for start in s.starts), s
            assert all(len(layer) == len(s) for layer in s.layers.values())
            assert all(word and not word.isspace() for word in s.words)


def _try(reader, file: Path) -> None:
    for strict in (False, True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = reader(file, strict=strict)
        except BadInput as error:
            assert "\n" not in error.found and error.do
        else:
            _sound(found)


@pytest.mark.parametrize("name", READERS)
@FUZZ
@given(raw=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_bad_input(tmp_path, name, raw):
    file = tmp_path / "fuzz"
    for content in (raw, b"\x1f\x8b" + raw, gzip.compress(raw)):
        file.write_bytes(content)
        _try(READERS[name], file)


@pytest.mark.parametrize("name", READERS)
@FUZZ
@given(pieces=st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=8))
def test_near_misses_of_every_format_raise_nothing_but_bad_input(tmp_path, name, pieces):
    file = tmp_path / "fuzz"
    file.write_text("".join(pieces), encoding="utf-8", errors="ignore", newline="")
    _try(READERS[name], file)


@pytest.mark.parametrize("name", READERS)
@FUZZ
@given(seed=st.sampled_from(SEEDS), at=st.floats(0, 1), drop=st.integers(0, 6), put=st.text(max_size=3))
def test_damaged_files_of_every_format_raise_nothing_but_bad_input(tmp_path, name, seed, at, drop, put):
    cut = int(at * len(seed))
    file = tmp_path / "fuzz"
    file.write_text(seed + seed[:cut] + put + seed[cut + drop :], encoding="utf-8", errors="ignore", newline="")
    _try(READERS[name], file)


FORMS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=6).filter(
    lambda form: not form.isspace() and not set(form) & {"\t", "\n", "\r"}
)
NAMES = st.text("abcXYZ", min_size=1, max_size=4)


@st.composite
def trees(draw):
    """Forms, heads of a random tree (0-based, -1 the root), deprels, feats, whether a space follows."""
    n = draw(st.integers(1, 9))
    order = draw(st.permutations(range(n)))
    heads = [-1] * n
    for place, word in enumerate(order[1:], start=1):
        heads[word] = order[draw(st.integers(0, place - 1))]
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))
    return column(FORMS), heads, column(NAMES), column(st.dictionaries(NAMES, NAMES, max_size=2)), column(st.booleans())


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sentences=st.lists(trees(), min_size=1, max_size=3), mark=st.booleans(), end=st.sampled_from(["\n", "\r\n"]))
def test_valid_trees_come_back_as_they_were(tmp_path, sentences, mark, end):
    rows = []
    for forms, heads, deprels, feats, spaced in sentences:
        for i, form in enumerate(forms):
            features = "|".join(f"{k}={v}" for k, v in feats[i].items()) or "_"
            misc = "_" if spaced[i] else "SpaceAfter=No"
            rows.append(
                "\t".join([str(i + 1), form, form, "X", "Y", features, str(heads[i] + 1), deprels[i], "_", misc])
            )
        rows.append("")
    file = tmp_path / "trees.conllu"
    file.write_text(("\ufeff" if mark else "") + end.join(rows), encoding="utf-8", newline="")
    corpus = conllu.read(file, strict=True)
    _sound(corpus)
    assert len(corpus) == len(sentences)
    for s, (forms, heads, deprels, feats, spaced) in zip(corpus, sentences, strict=True):
        assert s.words == tuple(forms) and s.layers["head"] == tuple(heads)
        assert s.layers["deprel"] == tuple(deprels) and s.layers["feats"] == tuple(feats)
        assert s.layers["lemma"] == tuple(forms)
        assert all(s.text[a:b] == word for a, b, word in zip(s.starts, s.ends, s.words, strict=True))
        glue = ["" if not space else " " for space in spaced[:-1]] + [""]
        assert s.text == "".join(form + space for form, space in zip(forms, glue, strict=True))
