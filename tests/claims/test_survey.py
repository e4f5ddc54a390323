"""The survey's table and its bibliography agree with each other, and no published figure stands without a source."""

import math
import re
import tomllib
import unicodedata
from collections import Counter
from importlib.resources import files

import pytest

from bertology.claims.registry import experiment, survey

CLAIMS = files("bertology.claims")
ENTRY = re.compile(r"^@(article|inproceedings|misc)\{([^,\s]+),$(.*?)^\}$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+) = \{(.*)\},?$", re.MULTILINE)
KEY = re.compile(r"[a-z]+(-[a-z]+)*-\d{4}[a-z]?")
DOI = re.compile(r"10\.\d{4,}/\S+")
EPRINT = re.compile(r"\d{4}\.\d{5}")
KEYS = {"id", "section", "says", "cites", "study_method", "measure", "needs", "published"}
PER_SECTION = {
    "3.1": ("syn", 13),
    "3.2": ("sem", 5),
    "3.3": ("wor", 8),
    "3.4": ("lim", 7),
    "4.1": ("emb", 8),
    "4.2.1": ("head", 13),
    "4.2.2": ("spec", 6),
    "4.3": ("lay", 10),
    "5.1": ("arch", 5),
    "5.2": ("reg", 4),
    "5.3": ("pre", 13),
    "5.4": ("ft", 13),
    "6.1": ("over", 9),
    "6.2": ("comp", 8),
    "6.3": ("prune", 7),
    "7": ("dir", 5),
    "8 (v1)": ("ml", 15),
}


@pytest.fixture(scope="module")
def claims() -> list[dict]:
    return tomllib.loads(CLAIMS.joinpath("planned.toml").read_text(encoding="utf-8"))["claim"]


@pytest.fixture(scope="module")
def bibliography() -> list[tuple[str, dict[str, str]]]:
    text = CLAIMS.joinpath("references.bib").read_text(encoding="utf-8")
    entries = [(key, dict(FIELD.findall(body))) for _, key, body in ENTRY.findall(text)]
    assert len(entries) == text.count("\n@"), "an entry is not of the house's form"
    return entries


def figures(claims: list[dict]) -> list[tuple[str, dict]]:
    return [(claim["id"], figure) for claim in claims for figure in claim["published"]]


def test_every_claim_of_the_survey_is_listed_once_running_or_planned(claims):
    planned = [claim["id"] for claim in claims]
    running = [claim_id for claim_id, entry in survey().items() if entry.module]
    assert len(set(planned + running)) == len(planned) + len(running) == sum(n for _, n in PER_SECTION.values()) == 149
    assert len(running) >= 35


def test_claims_are_numbered_without_gaps_within_their_section():
    expected = {}
    for section, (stem, count) in PER_SECTION.items():
        expected |= {f"{stem}-{number:02d}": section for number in range(1, count + 1)}
    assert {claim_id: entry.claim.section for claim_id, entry in survey().items()} == expected


def test_every_claim_has_exactly_the_agreed_keys_and_none_is_empty(claims):
    for claim in claims:
        assert set(claim) - {"why"} == KEYS, claim["id"]
        assert all(claim[key] for key in KEYS - {"published"}), claim["id"]


def test_every_claim_is_one_sentence_and_no_two_say_the_same(claims):
    for claim in claims:
        assert claim["says"].endswith(".") and claim["says"].count(". ") == 0, claim["id"]
    assert max(Counter(claim["says"] for claim in claims).values()) == 1


def test_every_measure_says_when_the_claim_holds_or_points_to_one_that_does(claims):
    by_id = {claim["id"]: claim["measure"] for claim in claims}
    for name, measure in by_id.items():
        pointed = re.fullmatch(r"As ([a-z]+-\d\d)\.", measure)
        runs = pointed and survey()[pointed[1]].module
        assert runs or re.search(r"Holds (if|for)", by_id[pointed[1]] if pointed else measure), name


def test_needs_are_short_words(claims):
    for claim in claims:
        assert len(set(claim["needs"])) == len(claim["needs"]), claim["id"]
        assert all(re.fullmatch(r"[a-z-]+( [a-z-]+)?", need) for need in claim["needs"]), claim["id"]


def test_no_planned_figure_lacks_a_source_or_a_status(claims):
    for name, figure in figures(claims):
        assert set(figure) == {"value", "what", "model", "data", "source", "status"}, name
        assert figure["status"] in ("verified", "memory"), name
        assert isinstance(figure["value"], float) and math.isfinite(figure["value"]), name
        assert all(figure[key].strip() for key in ("what", "model", "data", "source")), name


def test_a_verified_figure_says_where_it_was_seen(claims):
    for name, figure in figures(claims):
        if figure["status"] == "verified":
            assert re.fullmatch(r"\S+ \(.+\)", figure["source"]), (name, figure["source"])


def test_no_figure_of_a_claim_is_given_twice(claims):
    for claim in claims:
        counts = Counter((f["what"], f["model"], f["data"], f["source"]) for f in claim["published"])
        assert not [key for key, n in counts.items() if n > 1], claim["id"]


def test_every_study_cited_is_in_the_bibliography_and_the_reverse(bibliography):
    cited = {key for entry in survey().values() for key in entry.claim.cites}
    assert cited == {key for key, _ in bibliography}


def test_every_figure_comes_from_a_study_in_the_bibliography(claims, bibliography):
    known = {key for key, _ in bibliography}
    for name, figure in figures(claims):
        assert figure["source"].split(" ")[0] in known, (name, figure["source"])


def test_bibliography_keys_are_unique_sorted_and_in_the_house_style(bibliography):
    keys = [key for key, _ in bibliography]
    assert keys == sorted(set(keys))
    assert all(KEY.fullmatch(key) for key in keys)
    assert "rogers-2020" in keys


def test_every_reference_has_authors_title_venue_and_year(bibliography):
    for key, fields in bibliography:
        assert fields["author"] and fields["title"].strip("{}"), key
        assert re.fullmatch(r"20[012]\d", fields["year"]), key
        assert {"journal", "booktitle", "eprint"} & set(fields), key


def test_a_key_names_the_first_author(bibliography):
    for key, fields in bibliography:
        first = unicodedata.normalize("NFD", fields["author"].split(" and ")[0])
        first = first.encode("ascii", "ignore").decode().lower().replace(" ", "-")
        surname = re.sub(r"-\d{4}[a-z]?$", "", key).split("-")[0]
        assert surname in re.split(r"[-.]+", first), key


def test_identifiers_are_well_formed_and_used_once(bibliography):
    dois = [fields["doi"] for _, fields in bibliography if "doi" in fields]
    eprints = [fields["eprint"] for _, fields in bibliography if "eprint" in fields]
    assert all(map(DOI.fullmatch, dois)) and len(set(dois)) == len(dois)
    assert all(map(EPRINT.fullmatch, eprints)) and len(set(eprints)) == len(eprints)


def test_every_running_claim_has_an_experiment_that_can_be_imported() -> None:
    for claim_id, entry in survey().items():
        if entry.module is not None:
            assert callable(experiment(claim_id))
