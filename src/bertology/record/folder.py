"""The run folder: results as small JSON, rows as Parquet, finished statistics as Arrow. Written whole or not at all."""

import contextlib
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bertology.record.errors import BadInput, CannotWrite, ForeignRun
from bertology.record.estimate import Estimate
from bertology.record.result import Comparison, Result, Row

Arrays = dict[str, NDArray[Any]]


class RunFolder:
    """`run.json`, `results/<claim>.json`, `rows/<claim>.parquet`, `report.html` under one path; `cache/<key>.arrow` and `made/<key>/`
    under `store`, which is the same path unless several runs share it."""

    def __init__(self, path: str | Path, store: str | Path | None = None) -> None:
        self.path = Path(path)
        self.store = Path(path if store is None else store)

    @classmethod
    def open(cls, path: str | Path, identity: Mapping[str, Any], *, store: str | Path | None = None) -> "RunFolder":
        """A new or resumed run. `identity` says what makes two runs the same (encoder, corpora, seed); runs with one `store`
        use each other's finished statistics and artefacts, whose keys name all that they depend on.

        Raises ForeignRun when the folder holds a run of another identity, or something that is no run.
        """
        folder = cls(path, store)
        refuse_foreign(folder._run_file, identity, "run")
        with disk(path):
            for place in (folder.path / "results", folder.path / "rows", folder.store / "cache"):
                place.mkdir(parents=True, exist_ok=True)
            for stale in folder.path.glob("**/*.part"):
                if stale.is_file():
                    stale.unlink()
        return folder

    @classmethod
    def existing(cls, path: str | Path) -> "RunFolder":
        """A finished or unfinished run, to read. Raises BadInput when there is none."""
        folder = cls(path)
        if not folder._run_file.is_file():
            raise BadInput(f"{path} holds no run (no run.json).", "Give a folder that `bertology run --out` wrote.")
        return folder

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def run(self) -> dict[str, Any]:
        """The content of run.json."""
        return read_json(self._run_file)

    def write_run(self, content: Mapping[str, Any]) -> None:
        self._write(self._run_file, write_json(content))

    def write_result(self, result: Result, rows: Sequence[Row] = ()) -> None:
        """One claim's result and the rows behind it."""
        table = pa.table({f.name: [getattr(row, f.name) for row in rows] for f in fields(Row)}, schema=_ROWS)
        target = self.path / "rows" / f"{result.claim}.parquet"
        with disk(target), whole(target) as part:
            pq.write_table(table, part)
        self._write(self.path / "results" / f"{result.claim}.json", write_json(_result_to_json(result)))

    def results(self) -> list[Result]:
        """All results, by claim id."""
        return [_result_from_json(read_json(file)) for file in sorted((self.path / "results").glob("*.json"))]

    def rows(self, claim: str) -> list[Row]:
        """The rows behind a claim's result; empty when it has none."""
        file = self.path / "rows" / f"{claim}.parquet"
        return [Row(**line) for line in pq.read_table(file).to_pylist()] if file.is_file() else []

    def write_report(self, page: str) -> Path:
        self._write(self.report, page)
        return self.report

    def place_of(self, key: str) -> Path:
        """The folder of an artefact."""
        return self.store / "made" / key

    # Finished statistics

    def has(self, key: str) -> bool:
        """Whether a finished statistic is kept."""
        return (self.store / "cache" / f"{key}.arrow").is_file()

    def get(self, key: str) -> Arrays | None:
        """A finished statistic's arrays, memory-mapped; None when it is not there or was not finished."""
        file = self.store / "cache" / f"{key}.arrow"
        if not file.is_file():
            return None
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
        arrays: Arrays = {}
        for i, name in enumerate(table["name"].to_pylist()):
            dtype, shape = table["dtype"][i].as_py(), tuple(table["shape"][i].as_py())
            if dtype == "file":
                arrays[name] = np.load(self.store / "cache" / f"{key}.{name}.npy", mmap_mode="r")
            else:
                arrays[name] = np.frombuffer(table["data"][i].as_buffer(), dtype=dtype).reshape(shape)
        return arrays

    def put(self, key: str, arrays: Arrays) -> Arrays:
        """Keeps a finished statistic; returns it as `get` would."""
        columns: dict[str, list[Any]] = {"name": [], "dtype": [], "shape": [], "data": []}
        with disk(self.path):
            for name, array in sorted(arrays.items()):
                on_disk = isinstance(array, np.memmap)
                if on_disk:
                    array.flush()
                    os.replace(self._scratch_file(key, name), self.store / "cache" / f"{key}.{name}.npy")
                columns["name"].append(name)
                columns["dtype"].append("file" if on_disk else array.dtype.str)
                columns["shape"].append(list(array.shape))
                columns["data"].append(b"" if on_disk else np.ascontiguousarray(array).tobytes())
            with whole(self.store / "cache" / f"{key}.arrow") as part, pa.OSFile(str(part), "wb") as sink:
                table = pa.table(columns, schema=_CACHE)
                with pa.ipc.new_file(sink, _CACHE) as writer:
                    writer.write_table(table)
        kept = self.get(key)
        assert kept is not None
        return kept

    def scratch(self, key: str, name: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        """An array on disk, for what is too big to hold; `put` keeps it under the same key and name."""
        with disk(self.path):
            file = self._scratch_file(key, name)
            with open(file, "wb") as handle:  # claim the space now, so that a full disk is met here and not in a store
                os.posix_fallocate(handle.fileno(), 0, int(np.prod(shape)) * np.dtype(dtype).itemsize + 256)
            return np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)

    @property
    def _run_file(self) -> Path:
        return self.path / "run.json"

    def _scratch_file(self, key: str, name: str) -> Path:
        return self.store / "cache" / f"{key}.{name}.npy.part"

    def _write(self, target: Path, text: str) -> None:
        with disk(target), whole(target) as part:
            part.write_text(text, encoding="utf-8")


_ROWS = pa.schema(
    [
        ("measure", pa.string()), ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("n", pa.int64()), ("layer", pa.int32()), ("head", pa.int32()), ("label", pa.string()),
    ]
)  # fmt: skip
_CACHE = pa.schema(
    [("name", pa.string()), ("dtype", pa.string()), ("shape", pa.list_(pa.int64())), ("data", pa.large_binary())]
)


def refuse_foreign(file: Path, identity: Mapping[str, Any], what: str) -> None:
    """Raises ForeignRun unless the folder of `file` (run.json or its like, with a key "identity") is new, empty, or of this identity."""
    place = file.parent
    if place.exists() and not place.is_dir():
        raise ForeignRun(f"{place} is a file.", "Give another --out.")
    if file.is_file():
        before = read_json(file).get("identity", {})
        for key in sorted({*before, *identity}):
            if before.get(key) != identity.get(key):
                raise ForeignRun(
                    f"{place} holds a{'n' if what[0] in 'aeiou' else ''} {what} with another {key}: {before.get(key)!r}, this one has {identity.get(key)!r}.",
                    "Give another --out, or remove that folder.",
                )
    elif place.is_dir() and any(place.iterdir()):
        raise ForeignRun(f"{place} is not empty and holds no {what}.", "Give an empty or new folder as --out.")


@contextlib.contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A temporary neighbour that takes the target's place only when all is written."""
    part = target.with_name(target.name + ".part")
    try:
        yield part
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def disk(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EACCES,
            errno.EROFS,
            errno.EPERM,
            errno.ENOTDIR,
            errno.EIO,
        ):
            raise CannotWrite(
                f"cannot write {path}: {error.strerror}.",
                "Free space or choose another --out; finished results are kept and the same command goes on from them.",
            ) from error
        raise


def write_json(content: Mapping[str, Any]) -> str:
    """JSON for git diff: sorted keys, a key a line, no NaN."""
    return json.dumps(content, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(file: Path) -> dict[str, Any]:
    """Raises BadInput for a file that is not there or no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadInput(f"{file} cannot be read: {error}.", "Remove the file and run again.") from error


def _estimates(values: Mapping[str, Estimate]) -> list[dict[str, Any]]:
    """A list, since the order of names matters (the first is the headline) and JSON keys are sorted."""
    return [{"name": name, **estimate.to_json()} for name, estimate in values.items()]


def _estimates_back(items: Iterable[dict[str, Any]]) -> dict[str, Estimate]:
    return {item["name"]: Estimate.from_json(item) for item in items}


def _result_to_json(result: Result) -> dict[str, Any]:
    data = {f.name: getattr(result, f.name) for f in fields(Result)}
    data["values"], data["baselines"] = _estimates(result.values), _estimates(result.baselines)
    data["rules"] = [{"name": name, "expects": rule} for name, rule in result.rules.items()]
    data["published"] = [
        {**asdict(c), "measured": c.measured.to_json() if c.measured else None} for c in result.published
    ]
    data["cites"], data["provenance"] = list(result.cites), dict(result.provenance)
    data["p"] = None if result.p is None else float(f"{result.p:.6g}")
    return data


def _result_from_json(data: dict[str, Any]) -> Result:
    published = tuple(
        Comparison(**{**c, "measured": Estimate.from_json(c["measured"]) if c["measured"] else None})
        for c in data["published"]
    )
    return Result(
        **{
            **data,
            "values": _estimates_back(data["values"]),
            "baselines": _estimates_back(data["baselines"]),
            "rules": {rule["name"]: rule["expects"] for rule in data["rules"]},
            "published": published,
            "cites": tuple(data["cites"]),
        }
    )
