"""ml-12: agreement as in syn-08, in each language."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from bertology.record.result import Result
from tests.claims.chosen import coin, result
from tests.claims.languages.respelt import tongue
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    english = Corpora.load(scale=0.1).agreement
    return Corpora.load(
        {"agreement": english, **{f"agreement.{code}": tongue(english, code) for code in ("de", "fr", "ru")}}
    )


@pytest.fixture(scope="module")
def encoder(corpora: Corpora):
    return random_encoder(corpora.in_languages("agreement").values(), layers=1, heads=2, width=16, mlm=True)


def found(encoder, corpora: Corpora, right: Callable[[str], bool]) -> Result:
    """Sees its subject in the languages that are `right`; a coin elsewhere and where the subject is hidden."""
    language = lambda s: s.id.split()[0] if s.id.split()[0] in ("de", "fr", "ru") else "en"
    return result("ml-12", lambda s, hide, i: coin(i) if hide or not right(language(s)) else 1.0, encoder, corpora)


def test_agreement_in_every_language_holds(encoder, corpora):
    made = found(encoder, corpora, lambda code: True)
    assert made.verdict == "holds"
    assert made.values["accuracy"].value == 100
    assert "en, fr, ru" in made.note


def test_agreement_in_english_alone_fails(encoder, corpora):
    made = found(encoder, corpora, lambda code: code == "en")
    assert made.values["share of languages above .8 and above the control"].value == 0.25
    assert made.verdict != "holds"


def test_right_forms_that_do_not_need_their_subject_do_not_hold(encoder, corpora):
    assert result("ml-12", lambda s, hide, i: 1.0, encoder, corpora).verdict != "holds"


def test_wrong_forms_fail(encoder, corpora):
    assert result("ml-12", lambda s, hide, i: coin(i) if hide else -1.0, encoder, corpora).verdict == "fails"


def test_pairs_whose_subject_is_not_known_are_controlled_by_masking_all_else(encoder, corpora):
    asked = []

    def margin(s, hide, i):
        asked.append(hide)
        return coin(i) if hide else 1.0

    unknown = lambda pairs: pairs.map(_without_subject, name=pairs.name)
    names = ("agreement", "agreement.de", "agreement.fr")
    bare = Corpora.load({name: unknown(corpora.named(name)) for name in names})
    assert result("ml-12", margin, encoder, bare).verdict == "holds"
    assert {"the rest", ""} == set(asked)


def test_random_weights_do_not_hold(encoder, corpora, tmp_path):
    assert result_of("ml-12", encoder, corpora, tmp_path).verdict == "fails"


def test_two_languages_are_too_few(encoder, corpora):
    two = Corpora.load({name: c for name, c in corpora.given.items() if name in ("agreement", "agreement.de")})
    with pytest.raises(NotApplicable, match=r"2 languages .* 3 are due"):
        result("ml-12", lambda s, hide, i: 1.0, encoder, two)


def _without_subject(s):
    return replace(s, labels={k: v for k, v in s.labels.items() if k != "subject"})
