"""An audit on disk: the runs of many encoders under one path.

`audit.json` lists the encoders and what became of each; `encoders/<name>/` are run folders; `store/` holds finished statistics
that they share; `matrix.parquet` has a line for each value of each claim on each encoder; `audit.html` is the page.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from bertology.record.errors import BadInput
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder, disk, read_json, refuse_foreign, whole, write_json
from bertology.record.result import Result

Status = Literal["waiting", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Audited:
    """One encoder of an audit. `place` is its run folder's name; `twin_of` is set for a random twin; `reason` says why it failed."""

    name: str
    model: str
    fingerprint: str = ""
    twin_of: str = ""
    place: str = ""
    status: Status = "waiting"
    reason: str = ""


_BLANK = Estimate(float("nan"), float("nan"), float("nan"), 0)
_MATRIX = pa.schema(
    [
        *((name, pa.string()) for name in ("encoder", "twin_of", "claim", "section", "verdict", "what", "rule")),
        ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("n", pa.int64()), ("unit", pa.string()),
    ]
)  # fmt: skip


class AuditFolder:
    """`audit.json`, `encoders/`, `store/` and `audit.html` under one path."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path, identity: Mapping[str, Any]) -> "AuditFolder":
        """A new or resumed audit; encoders and claims may be added to one, its seed, scale and corpora stay.

        Raises ForeignRun when the folder holds an audit of another identity, or something that is no audit.
        """
        folder = cls(path)
        refuse_foreign(folder._file, identity, "audit")
        return folder

    @classmethod
    def existing(cls, path: str | Path) -> "AuditFolder":
        """An audit, to read. Raises BadInput when there is none."""
        folder = cls(path)
        if not folder._file.is_file():
            raise BadInput(f"{path} holds no audit (no audit.json).", "Give a folder that `bertology audit` wrote.")
        return folder

    @property
    def page(self) -> Path:
        return self.path / "audit.html"

    @property
    def store(self) -> Path:
        """What the runs share; safe to delete when all are done."""
        return self.path / "store"

    def about(self) -> dict[str, Any]:
        """The content of audit.json."""
        return read_json(self._file)

    def encoders(self) -> list[Audited]:
        """The encoders in their order; empty for a new audit."""
        return [Audited(**item) for item in self.about().get("encoders", [])] if self._file.is_file() else []

    def write(
        self, encoders: Sequence[Audited], about: Mapping[str, Any], across: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """audit.json, whole. `across` has a line for each claim over all encoders."""
        content = {**about, "encoders": [asdict(one) for one in encoders], "across": list(across)}
        self._write(self._file, write_json(content))

    def write_page(self, page: str) -> Path:
        self._write(self.page, page)
        return self.page

    def write_matrix(self) -> Path:
        """matrix.parquet: encoder, twin_of, claim, section, verdict, what ("" where nothing was measured), rule, value, low, high, n, unit."""
        lines = [
            {"encoder": one.name, "twin_of": one.twin_of, "claim": r.claim, "section": r.section, "verdict": r.verdict, "what": name,
             "rule": r.rules.get(name, ""), "value": e.value, "low": e.low, "high": e.high, "n": e.n, "unit": e.unit}
            for one in self.encoders() for r in self.results(one) for name, e in (r.values or {"": _BLANK}).items()
        ]  # fmt: skip
        target = self.path / "matrix.parquet"
        with disk(target), whole(target) as part:
            pq.write_table(pa.Table.from_pylist(lines, schema=_MATRIX), part)
        return target

    def place_for(self, name: str, fingerprint: str) -> str:
        """The name of an encoder's run folder: readable, and another for other weights."""
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[:48] or 'encoder'}-{fingerprint[:8]}"

    def run_path(self, one: Audited) -> Path:
        return self.path / "encoders" / one.place

    def results(self, one: Audited) -> list[Result]:
        """An encoder's results; empty when its run has none yet."""
        return RunFolder(self.run_path(one)).results() if one.place else []

    @property
    def _file(self) -> Path:
        return self.path / "audit.json"

    def _write(self, target: Path, text: str) -> None:
        with disk(target):
            self.path.mkdir(parents=True, exist_ok=True)
            with whole(target) as part:
                part.write_text(text, encoding="utf-8")
