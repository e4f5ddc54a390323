"""The main job: an encoder and corpora in, verdicts and a report out."""

import os
import platform
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bertology import report
from bertology.claims import registry
from bertology.corpus import cloze
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.judging import fingerprint_of, first_wishes, judged, left_open
from bertology.observe.planner import Pass, Planner, Workers
from bertology.observe.wishes import Make, Progress, asks_of
from bertology.record.claim import Claim
from bertology.record.errors import BadInput, BadRequest
from bertology.record.folder import RunFolder
from bertology.record.result import Result
from bertology.stats.looks import ONCE, THRICE
from bertology.stats.twins import enough_twins
from bertology.train import variants  # noqa: F401 (registers architectures that transformers lacks)

QUIET: Progress = lambda what, done, total: None


@dataclass(frozen=True)
class Run:
    """A finished run: where it lies and what came out."""

    folder: RunFolder
    results: list[Result]

    @property
    def report(self) -> Path:
        return self.folder.report

    @property
    def errors(self) -> list[Result]:
        return [r for r in self.results if r.verdict == "error"]


WHOLE, FAR = 8, 3
"""A run's time over that of its first passes (with fits, scores and later passes 6 to 10 times were measured on small encoders);
and how many times a budget that is, from which on the sentences are shared out and not the claims."""


class Plan(NamedTuple):
    """What a run would cost. `more` names claims that ask again once they have seen their first answers."""

    passes: list[tuple[str, int, int]]  # name, tokens, statistics
    tokens_per_second: float
    seconds: float
    batch_bytes: int
    disk_bytes: int
    claims: list[str]
    artefacts: dict[str, int]  # claim -> models that it first trains or tunes, in none of the figures above


def run(
    model: str | Path | Encoder | None = None,
    *,
    claims: Sequence[str] = (),
    corpora: Mapping[str, str | Path | Corpus] | Corpora | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    budget: float | None = None,
    scale: float = 1.0,
    progress: Progress = QUIET,
    strict: bool = False,
    store: str | Path | None = None,
    on: str = "local",
    control_twins: int = 1,
    **loading: Any,
) -> Run:
    """Runs claims on an encoder and writes results, rows and report to `out` (a temporary folder when None).

    `claims` are ids, id prefixes or sections; all that run when empty. `corpora` maps names to files (or Corpus objects) that replace
    the embedded ones, or is a Corpora, whose seed and scale then count. `loading` goes to `load` (device, dtype, ...). `store` is a
    folder for finished statistics and artefacts that other runs use too. `on` is where passes, probe fits and trainings happen:
    "local", "ray" or "ray=ADDRESS". `control_twins` (1, or 3 and more) is how many random twins claims compare with; with several,
    intervals hold what another draw of weights would give (stats/twins.py).
    A `budget` in seconds is spent on what is cheapest first; claims that it does not reach stay undecided and say so. Where a full run
    is far beyond it, it is spent where verdicts are open: all claims on an eighth of the sentences, then those still undecided on half
    and on all of them, with wider intervals (stats/looks.py). What probes learn from fewer sentences is less: such verdicts are
    of the share that was read.
    A run that was stopped goes on where it was when called again with the same arguments.
    """
    chosen = registry.select(claims)
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    read = corpora if isinstance(corpora, Corpora) else Corpora.load(corpora, seed=seed, scale=scale, strict=strict)
    read.read_given()
    if budget is not None and budget <= 0:
        raise BadRequest(f"budget {budget:g} s is not positive.", "Write it like 90s, 10m or 1h.")
    enough_twins(control_twins)
    out = out if out is not None else tempfile.mkdtemp(prefix="bertology-")
    folder = RunFolder.open(out, _identity(encoder, read, control_twins), store=store)
    started = time.time()
    before = _before(folder)
    about = before | _about(encoder, read, chosen, control_twins)
    about["claims"] = list(dict.fromkeys([*before.get("claims", ()), *about["claims"]]))
    about["references"] = before.get("references", {}) | about["references"]
    folder.write_run(about)
    planner = Planner(encoder, folder, seed=read.seed, progress=progress, workers=_workers(on))
    looks = ONCE
    if budget is not None:
        planner.deadline = started + budget
        if WHOLE * _plan(encoder, read, chosen).seconds > FAR * budget:
            looks = THRICE
    results: dict[str, Result] = {}
    for result, rows in judged(planner, encoder, read, chosen, looks, control_twins=control_twins):
        folder.write_result(result, rows)
        results[result.claim] = result
    about |= {
        "seconds": round(before.get("seconds", 0) + time.time() - started, 1),
        "passes": [
            *before.get("passes", ()),
            *({"name": n, "tokens": t, "seconds": round(s, 2)} for n, t, s in planner.passes),
        ],
        "corpora": before.get("corpora", {})
        | {name: _describe(encoder, corpus) for name, corpus in read.made().items()},
    }
    if budget is not None:
        about["budget"] = {"seconds": budget, "looks": len(looks), "left open": left_open(results.values(), looks)}
    folder.write_run(about)
    folder.write_report(report.render(folder))
    return Run(folder, [results[c.id] for c in chosen])


def plan(
    model: str | Path | Encoder | None = None,
    *,
    claims: Sequence[str] = (),
    corpora: Mapping[str, str | Path | Corpus] | None = None,
    seed: int = 0,
    scale: float = 1.0,
    **loading: Any,
) -> Plan:
    """The passes that the chosen claims ask for first, with time, memory and disk, before anything runs."""
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    return _plan(encoder, Corpora.load(corpora, seed=seed, scale=scale), registry.select(claims))


def compare(a: str | Path, b: str | Path, *, out: str | Path | None = None) -> Path:
    """A page with two runs side by side, written to `out` (default: comparison.html in the first run's folder)."""
    first, second = RunFolder.existing(a), RunFolder.existing(b)
    target = Path(out) if out is not None else first.path / "comparison.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report.render_comparison(first, second), encoding="utf-8")
    return target


def redraw(path: str | Path) -> Path:
    """Draws the report of a run folder again."""
    folder = RunFolder.existing(path)
    return folder.write_report(report.render(folder))


def _workers(on: str) -> Workers | None:
    if on == "local":
        return None
    from bertology.on_ray import connect  # only where ray is wanted

    return connect(on)


def _plan(encoder: Encoder, corpora: Corpora, chosen: Sequence[Claim]) -> Plan:
    with tempfile.TemporaryDirectory() as place:
        planner = Planner(encoder, RunFolder.open(place, {}), seed=corpora.seed)
        first = dict(first_wishes(chosen, encoder, corpora, corpora.seed))
        groups = planner.group([ask for wish in first.values() for ask in asks_of(wish)])
        speed, batch_bytes = _speed(encoder, groups)
        passes = [(g.name, encoder.encode(g.corpus).n_tokens, len(g.statistics)) for g in groups]
        disk = sum(
            array.nbytes
            for g in groups
            for s in g.statistics
            for array in s.start(encoder, encoder.encode(g.corpus), _no_scratch).values()
        )
    seconds = sum(tokens for _, tokens, _ in passes) / speed * 1.4
    artefacts = {claim: len(wish.artefacts) for claim, wish in first.items() if isinstance(wish, Make)}
    return Plan(passes, speed, seconds, batch_bytes, disk, list(first), artefacts)


def _no_scratch(name: str, shape: tuple[int, ...], dtype: str) -> Any:
    """An array that reports its size without taking it."""
    import numpy as np

    return np.broadcast_to(np.zeros((), dtype), shape)


def _speed(encoder: Encoder, groups: Sequence[Pass]) -> tuple[float, int]:
    """Tokens per second of the bare trunk, and the bytes of a batch's activations, on the first corpus's middle batch."""
    if not groups:
        return 1.0, 0
    batches = list(encoder.batches(groups[0].corpus))
    batch = batches[len(batches) // 2]
    with torch.inference_mode():
        encoder.observe(batch)
        started = time.perf_counter()
        encoder.observe(batch)
    n, s = batch.ids.shape
    size = 4 * n * s * encoder.n_layers * (encoder.width + encoder.n_heads * s)
    return n * s / max(time.perf_counter() - started, 1e-6), size


def seconds(text: str) -> float:
    """ "90s", "10m", "1.5h" or bare seconds, in seconds."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([smh]?)\s*", text)
    if match is None:
        raise BadRequest(f"budget {text!r} is no duration.", "Write it like 90s, 10m or 1h.")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def _identity(encoder: Encoder, corpora: Corpora, control_twins: int) -> dict[str, Any]:
    return {"encoder": encoder.fingerprint, **identity_of(corpora, control_twins)}


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    return {name: version(name) for name in ("bertology", "torch", "transformers", "numpy")}


def identity_of(corpora: Corpora, control_twins: int) -> dict[str, Any]:
    """What makes two runs on one encoder the same."""
    more = {"control twins": control_twins} if control_twins > 1 else {}
    return {
        **more,
        "seed": corpora.seed,
        "scale": corpora.scale,
        "corpora": {name: fingerprint_of(name, corpora.named(name)) for name in corpora.given},
    }


def _about(encoder: Encoder, corpora: Corpora, chosen: Sequence[Claim], control_twins: int) -> dict[str, Any]:
    keys = {key for c in chosen for key in c.cites} | {"rogers-2020"}
    bib = registry.references()
    return {
        "identity": _identity(encoder, corpora, control_twins),
        "encoder": {
            "name": encoder.name, "fingerprint": encoder.fingerprint, "model_type": encoder.config.model_type,
            "layers": encoder.n_layers, "heads": encoder.n_heads, "width": encoder.width, "parameters": encoder.n_parameters,
            "has": sorted(encoder.has), "dtype": str(encoder.dtype).removeprefix("torch."), "device": str(encoder.device),
        },
        "seed": corpora.seed,
        "claims": [c.id for c in chosen],
        "versions": versions(),
        "machine": {"python": platform.python_version(), "processor": platform.machine(), "cores": os.cpu_count()},
        "references": {key: bib[key] for key in sorted(keys) if key in bib},
    }  # fmt: skip


def _describe(encoder: Encoder, corpus: Any) -> dict[str, Any]:
    """Provenance of a corpus: what it is and what was dropped on the way."""
    if not isinstance(corpus, Corpus):
        items = corpus and isinstance(corpus[0], cloze.ClozeItem)
        return {"name": "cloze items" if items else "word pairs", "items": len(corpus), "sentences": len(corpus)}
    dropped = dict(corpus.dropped)
    if corpus.fingerprint in encoder._encoded:
        dropped |= encoder._encoded[corpus.fingerprint].dropped
    return {
        "name": corpus.name, "sentences": len(corpus), "fingerprint": corpus.fingerprint, "licence": corpus.licence,
        "citation": corpus.citation, "dropped": dropped, "blocks": corpus.n_blocks,
    }  # fmt: skip


def _before(folder: RunFolder) -> dict[str, Any]:
    """What run.json says of the run that is resumed, or nothing."""
    try:
        return {k: v for k, v in folder.run().items() if k != "budget"}
    except BadInput:
        return {}
