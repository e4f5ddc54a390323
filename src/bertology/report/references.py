"""Studies as a list of references has them, out of the BibTeX entries that a run folder carries."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.M)
_NAMED = 3
"""Authors that are named; of more, the first and "et al."."""


class Reference(NamedTuple):
    """A study under its key; all but the key are empty where the run folder does not carry the entry."""

    key: str
    text: str = ""
    url: str = ""
    bibtex: str = ""


def references(keys: Iterable[str], entries: Mapping[str, str]) -> list[Reference]:
    """The studies of these keys in their order; `entries` is BibTeX by key, a field a line."""
    return [reference(key, entries.get(key, "")) for key in keys]


def reference(key: str, bibtex: str) -> Reference:
    """Authors (year). Title. Where it was published."""
    field = {name.lower(): re.sub(r"[{}]", "", value) for name, value in _FIELD.findall(bibtex)}
    if not {"author", "title", "year"} <= field.keys():
        return Reference(key, bibtex=bibtex)
    *others, last = field["author"].split(" and ")
    who = last if not others else f"{', '.join(others)} and {last}"
    if len(others) >= _NAMED:
        who = f"{others[0]} et al."
    where = field.get("booktitle") or field.get("journal") or (f"arXiv {field['eprint']}" if "eprint" in field else "")
    text = f"{who} ({field['year']}). {field['title']}." + f" {where}." * bool(where)
    url = f"https://doi.org/{field['doi']}" if "doi" in field else field.get("url", "")
    return Reference(key, text, url if url.startswith("https://") else "", bibtex)
