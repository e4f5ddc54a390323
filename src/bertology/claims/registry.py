"""The survey as a registry: every claim, running or planned, listed without importing a single experiment.

A running claim is one file under claims/, holding one function decorated with `@claim(...)`. The decorator's arguments
are plain expressions, so that the list is read from the source text: `bertology list` needs no torch. Claims that
nobody has made executable yet stand in planned.toml; one with a `why` there is left out for good, for that reason.
"""

import ast
import importlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bertology.record.claim import Ability, Claim, Published, above, below, between
from bertology.record.errors import BadRequest

if TYPE_CHECKING:
    from bertology.corpus.corpora import Corpora
    from bertology.encoder.encoder import Encoder
    from bertology.observe.wishes import Asking
    from bertology.record.result import Finding

    Experiment = Callable[[Encoder, Corpora, int], Asking[Finding]]

ROOT = Path(__file__).parent
_WORDS = {"Ability": Ability, "Published": Published, "above": above, "below": below, "between": between}
_experiments: dict[str, "Experiment"] = {}


def claim(**described: Any) -> "Callable[[Experiment], Experiment]":
    """Registers `function(encoder, corpora, seed)`, a generator of asks that returns a Finding, as a claim's experiment.

    The keyword arguments are those of record.claim.Claim, written as literals: the registry reads them from the source.
    """
    made = Claim(**described)

    def register(function: "Experiment") -> "Experiment":
        _experiments[made.id] = function
        return function

    return register


class Entry(NamedTuple):
    """A claim and the module that runs it (None while it is planned)."""

    claim: Claim
    module: str | None


@cache
def survey() -> Mapping[str, Entry]:
    """Every claim of the survey by id, in the order of its sections."""
    entries = {entry.claim.id: entry for entry in _running()}
    for row in tomllib.loads((ROOT / "planned.toml").read_text(encoding="utf-8"))["claim"]:
        if row["id"] not in entries:
            entries[row["id"]] = Entry(_planned(row), None)
    return dict(sorted(entries.items(), key=lambda item: _order(item[1].claim)))


def select(wanted: Sequence[str] = ()) -> list[Claim]:
    """Claims by id, id prefix ("head") or section ("4.2", with all below it); when nothing is named, all that run without training.

    Sections and prefixes take running claims only; an id takes a planned claim too. Raises BadRequest for what matches nothing.
    """
    everything = [entry.claim for entry in survey().values()]
    if not wanted:
        return [c for c in everything if c.status == "runs" and "training" not in c.needs]
    chosen: dict[str, Claim] = {}
    for name in wanted:
        found = [c for c in everything if c.id == name] or [
            c for c in everything if _matches(c, name) and c.status == "runs"
        ]
        if not found:
            planned = [c.id for c in everything if _matches(c, name)]
            raise BadRequest(
                f"no claim that runs matches {name!r}" + (f" (planned: {', '.join(planned[:8])})." if planned else "."),
                "`bertology list` shows every id and section.",
            )
        chosen |= {c.id: c for c in found}
    return list(chosen.values())


def abilities(wanted: Sequence[str] = ()) -> list[tuple[Claim, Ability]]:
    """What encoders can do, with the claim that measures it: all, or those named, or whose claim is or begins with a name of `wanted`.

    Raises BadRequest for what matches nothing.
    """
    every = [(entry.claim, a) for entry in survey().values() for a in entry.claim.abilities]
    if not wanted:
        return every
    chosen: list[tuple[Claim, Ability]] = []
    for name in wanted:
        found = [(c, a) for c, a in every if name in (a.name, c.id)] or [
            (c, a) for c, a in every if a.name.startswith(name) or c.id.startswith(name)
        ]
        if not found:
            there = ", ".join(f"{a.name} ({c.id})" for c, a in every)
            raise BadRequest(f"no ability is called {name!r}.", f"There are: {there}.")
        chosen += [x for x in found if x not in chosen]
    return chosen


def experiment(claim_id: str) -> "Experiment":
    """The function of a running claim; imports its module."""
    entry = survey()[claim_id]
    if entry.module is None:
        why = f": {entry.claim.why}" if entry.claim.why else " and does not run yet"
        raise BadRequest(f"{claim_id} is {entry.claim.status}{why}.", "`bertology list` shows what runs.")
    if claim_id not in _experiments:
        importlib.import_module(entry.module)
    return _experiments[claim_id]


@cache
def references() -> Mapping[str, str]:
    """BibTeX entries by key."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    entries = ("@" + part.strip() for part in text.split("\n@") if "{" in part)
    return {e[e.index("{") + 1 : e.index(",")].strip(): e.replace("@@", "@") for e in entries}


def _running() -> list[Entry]:
    found = []
    for file in sorted(ROOT.glob("*/*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "claim":
                    module = ".".join(("bertology.claims", file.parent.name, file.stem))
                    found.append(Entry(_read(call, file), module))
    return found


def _read(call: ast.Call, file: Path) -> Claim:
    described = {}
    for keyword in call.keywords:
        code = compile(ast.Expression(keyword.value), str(file), "eval")
        described[str(keyword.arg)] = eval(code, {"__builtins__": {}}, _WORDS)
    return Claim(**described)


def _planned(row: dict[str, Any]) -> Claim:
    published = tuple(
        Published(p["value"], p["what"], p["model"], p["data"], p["source"], p["status"])
        for p in row.get("published", ())
    )
    return Claim(
        id=row["id"], section=row["section"], says=row["says"], cites=tuple(row["cites"]), method=row["measure"],
        published=published, needs=tuple(row["needs"]),
        status="left out" if row.get("why") else "planned", why=row.get("why", ""),
    )  # fmt: skip


def _matches(c: Claim, name: str) -> bool:
    in_section = c.section == name or c.section.startswith(f"{name}.")
    return in_section or (not name[0].isdigit() and c.id.startswith(name))


def _order(c: Claim) -> tuple[Any, ...]:
    numbers = tuple(int(part) for part in c.section.split()[0].split(".") if part.isdigit())
    return numbers, c.id
