"""Every study of the survey is told in words on the page, not by its key alone."""

import pytest

from bertology.claims import registry
from bertology.report.references import reference, references

KOVALEVA = """@inproceedings{kovaleva-2019,
  author = {Olga Kovaleva and Alexey Romanov and Anna Rogers and Anna Rumshisky},
  title = {{Revealing the Dark Secrets of BERT}},
  booktitle = {EMNLP-IJCNLP},
  year = {2019},
  doi = {10.18653/v1/D19-1445}
}"""


def test_a_study_has_authors_year_title_place_and_link() -> None:
    found = reference("kovaleva-2019", KOVALEVA)
    assert found.text == "Olga Kovaleva et al. (2019). Revealing the Dark Secrets of BERT. EMNLP-IJCNLP."
    assert found.url == "https://doi.org/10.18653/v1/D19-1445"
    assert found.bibtex == KOVALEVA


@pytest.mark.parametrize("key", sorted(registry.references()))
def test_every_entry_is_read(key: str) -> None:
    entry = registry.references()[key]
    found = reference(key, entry)
    assert found.text.count("(") >= 1 and "{" not in found.text and " and and " not in found.text
    assert bool(found.url) == ("doi = " in entry or "url = " in entry)


def test_two_and_three_authors_are_named() -> None:
    lines = "author = {{{}}},\n title = {{T}},\n year = {{2020}}".format
    assert reference("a", lines("A B")).text.startswith("A B (2020)")
    assert reference("a", lines("A B and C D")).text.startswith("A B and C D (2020)")
    assert reference("a", lines("A B and C D and E F")).text.startswith("A B, C D and E F (2020)")


def test_what_is_no_link_is_none_and_what_is_missing_stays_a_key() -> None:
    hostile = KOVALEVA.replace("doi = {10.18653/v1/D19-1445}", "url = {javascript:alert(1)}")
    assert reference("kovaleva-2019", hostile).url == ""
    assert references(["nobody-1900"], {}) == [("nobody-1900", "", "", "")]
