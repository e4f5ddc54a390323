"""The audit: the same claims on many encoders and their random twins, and what each claim is over all of them."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bertology import report
from bertology.claims import registry
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET, identity_of, run, versions
from bertology.observe.wishes import Progress
from bertology.record.audit import Audited, AuditFolder
from bertology.record.claim import Claim
from bertology.record.errors import BadInput, BadRequest, CannotWrite
from bertology.record.result import Result
from bertology.stats.across import Across, across
from bertology.stats.twins import enough_twins
from bertology.train import checkpoint

Model = str | Path | Encoder


@dataclass(frozen=True)
class Audit:
    """A finished audit: where it lies, what became of each encoder, and each claim over all of them."""

    folder: AuditFolder
    encoders: list[Audited]
    across: list[Across]

    @property
    def page(self) -> Path:
        return self.folder.page

    @property
    def failed(self) -> list[Audited]:
        return [one for one in self.encoders if one.status == "failed"]

    def lines(self) -> Iterator[str]:
        """What it found, for a terminal."""
        for one in self.encoders:
            yield f"{one.status:<8} {one.name}" + (f": {one.reason}" if one.reason else "")
        for a in self.across:
            counts = ", ".join(f"{n} {verdict}" for verdict, n in a.counts.items() if n)
            passed = f"; held by {len(a.passed_by)} random twins" if a.passed_by else ""
            yield f"{a.claim:<9} {a.verdict:<10} {counts}{passed}"
        yield str(self.page)

    def to_json(self) -> dict[str, Any]:
        return {
            "encoders": [{"name": e.name, "status": e.status, "reason": e.reason} for e in self.encoders],
            "across": [a.to_json() for a in self.across], "page": str(self.page),
        }  # fmt: skip


def audit(
    models: Sequence[Model],
    *,
    claims: Sequence[str] = (),
    corpora: Mapping[str, str | Path | Corpus] | None = None,
    out: str | Path,
    on: str = "local",
    seed: int = 0,
    scale: float = 1.0,
    twins: bool = True,
    control_twins: int = 1,
    budget: float | None = None,
    progress: Progress = QUIET,
    strict: bool = False,
    **loading: Any,
) -> Audit:
    """Runs the same claims on every encoder, one after the other or (`on="ray"`, `"ray=ADDRESS"`) on a Ray cluster.

    A model is what `run` takes, or the folder of a pre-training, which stands for all its checkpoints. With `twins` a random
    twin of each architecture is audited too (drawn from another seed than the twins that claims compare with). Encoders share
    corpora, their encoding where tokenizers are equal, and all measurements of equal encoders: the twin of a training's
    checkpoints is read once. An encoder that cannot be loaded or read is recorded with the reason and the others go on.
    An audit that was stopped goes on when called again; models and claims may be added to it. `budget` is for each encoder,
    `control_twins` as in `run`.
    Raises BadRequest for no model, BadInput for corpora that cannot be read, ForeignRun for a folder of another audit.
    """
    if not models:
        raise BadRequest("no encoder was given.", "Name folders, hub ids or the folder of a pre-training.")
    enough_twins(control_twins)
    chosen = registry.select(claims)
    read = Corpora.load(corpora, seed=seed, scale=scale, strict=strict).read_given()
    identity = identity_of(read, control_twins)
    folder = AuditFolder.open(out, identity)
    about = {"identity": identity, "versions": versions()}
    if on == "local":
        runs: Runs = Here(folder.store, progress)
    else:
        from bertology.on_ray import connect  # only where ray is wanted

        runs = connect(on)
    every = _waiting(models, folder.encoders())
    folder.write(every, about)
    objects = {_shown(m): m for m in models if isinstance(m, Encoder)}
    options = {"claims": claims, "corpora": read, "budget": budget, "control_twins": control_twins}
    every = _all(every, objects, folder, about, chosen, twins, runs, options, loading)
    found = _keep(folder, every, about)
    if all(one.status == "done" for one in every):
        shutil.rmtree(folder.store / "cache", ignore_errors=True)  # measurements can be gigabytes; trainings stay
    return Audit(folder, every, found)


def redraw(path: str | Path) -> Path:
    """Draws the page of an audit again."""
    folder = AuditFolder.existing(path)
    return folder.write_page(report.render_audit(folder))


class Runs(Protocol):
    """Where runs happen: in this process or on a cluster."""

    @property
    def room(self) -> int:
        """How many may be under way before the first is waited for."""
        ...

    def start(self, encoder: Encoder, options: Mapping[str, Any], place: Path) -> Any:
        """Begins `run(encoder, **options)` into a folder."""
        ...

    def finish(self, started: Any) -> None:
        """Waits until the folder is written; raises what the run raised."""
        ...


class Here:
    """In this process, one after the other, with a store that all share."""

    room = 0

    def __init__(self, store: Path, progress: Progress) -> None:
        self.store, self.progress = store, progress

    def start(self, encoder: Encoder, options: Mapping[str, Any], place: Path) -> Callable[[], Any]:
        return partial(run, encoder, out=place, store=self.store, progress=self.progress, **options)

    def finish(self, started: Callable[[], Any]) -> None:
        started()


def _all(
    every: list[Audited], objects: Mapping[str, Encoder], folder: AuditFolder, about: Mapping[str, Any], chosen: Sequence[Claim],
    twins: bool, runs: Runs, options: Mapping[str, Any], loading: Mapping[str, Any],
) -> list[Audited]:  # fmt: skip
    """The entries after all runs; those that were finished before are left alone."""
    encodings: dict[str, dict[str, Any]] = {}
    entries = {e.place or e.name: e for e in every}
    finished = {e.fingerprint for e in every if _finished(folder, e, chosen)}
    under_way: list[tuple[Audited, Any]] = []

    def settle(room: int) -> None:
        while len(under_way) > room:
            entry, started = under_way.pop(0)
            entries[entry.place] = _settled(entry, started, runs)
            _keep(folder, in_order(entries.values(), every), about)

    for one in every:
        if one.twin_of or (one.fingerprint in finished and (not twins or _has_twin(one, every, finished))):
            continue  # a twin comes with its encoder
        encoder = _loaded(one, objects, loading)
        if isinstance(encoder, Audited):
            entries[one.place or one.name] = encoder
            continue
        _share(encoder, encodings)
        for which in [encoder, *([encoder.randomised(AUDITED_TWIN)] if twins else [])]:
            entry = _entry(one, which, folder)
            entries.pop(one.name, None)
            if which.fingerprint not in finished:
                finished.add(which.fingerprint)
                entries[entry.place] = entry
                under_way.append((entry, runs.start(which, options, folder.run_path(entry))))
                settle(runs.room)
    settle(0)
    return in_order(entries.values(), every)


def in_order(entries: Iterable[Audited], given: Sequence[Audited]) -> list[Audited]:
    """Encoders as they were given, their twins last."""
    place = {e.name: i for i, e in enumerate(given)}
    return sorted(entries, key=lambda e: (bool(e.twin_of), place.get(e.twin_of or e.name, 0)))


def _settled(entry: Audited, started: Any, runs: Runs) -> Audited:
    """The entry after its run: done, or failed with the reason. A disk that is full stops the audit."""
    try:
        runs.finish(started)
    except CannotWrite:
        raise
    except Exception as error:
        return replace(entry, status="failed", reason=_said(error))
    return replace(entry, status="done", reason="")


def _entry(one: Audited, encoder: Encoder, folder: AuditFolder) -> Audited:
    """The entry of an encoder, or of its twin."""
    twin = encoder.twin_seed == AUDITED_TWIN
    name = f"random twin of {one.name}" if twin else one.name
    place = folder.place_for(name, encoder.fingerprint)
    return Audited(name, one.model, encoder.fingerprint, one.name if twin else "", place)


AUDITED_TWIN = 7919
"""Seed of audited twins: another than those that claims compare with, which have the run's seed."""


def _loaded(one: Audited, given: Mapping[str, Encoder], loading: Mapping[str, Any]) -> Encoder | Audited:
    try:
        return given[one.model] if one.model in given else load(one.model, **loading)
    except Exception as error:
        return replace(one, status="failed", reason=_said(error))


def _share(encoder: Encoder, encodings: dict[str, dict[str, Any]]) -> None:
    """Encoders with one tokenizer encode a corpus once."""
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if backend is not None:
        key = f"{backend.to_str()} {encoder.max_length}"
        encoder._encoded = encodings.setdefault(key, encoder._encoded)


def _waiting(models: Sequence[Model], before: Sequence[Audited]) -> list[Audited]:
    """The encoders of an audit: those it had, then the new ones."""
    every = list(before)
    known = {(e.model, e.name) for e in before}
    for model in models:
        for name, path in _expanded(model):
            if (path, name) not in known:
                known.add((path, name))
                every.append(Audited(name, path))
    return every


def _expanded(model: Model) -> Iterator[tuple[str, str]]:
    """(name, what to load) of a model, or of every checkpoint of a pre-training."""
    shown = _shown(model)
    if isinstance(model, Encoder):
        yield shown, shown
        return
    place = Path(shown)
    found = checkpoint.all_of(place) if place.is_dir() and not (place / "config.json").is_file() else []
    if not found:
        yield (place.name if place.is_dir() else shown), shown
    for steps, folder in found:
        yield f"{place.name} at step {steps:,}", str(folder)


def _shown(model: Model) -> str:
    return model.name if isinstance(model, Encoder) else str(model)


def _finished(folder: AuditFolder, one: Audited, chosen: Sequence[Claim]) -> bool:
    return one.status == "done" and {c.id for c in chosen} <= {r.claim for r in folder.results(one)}


def _has_twin(one: Audited, every: Sequence[Audited], finished: set[str]) -> bool:
    return any(e.twin_of == one.name and e.fingerprint in finished for e in every)


def _keep(folder: AuditFolder, every: Sequence[Audited], about: Mapping[str, Any]) -> list[Across]:
    """Writes what there is so far, page and all; each claim over the encoders that are done."""
    done = [e for e in every if e.status == "done"]
    found: dict[str, list[Result]] = {e.name: folder.results(e) for e in done if not e.twin_of}
    twins = {e.name: folder.results(e) for e in done if e.twin_of}
    over = across([entry.claim for entry in registry.survey().values() if entry.claim.expects], found, twins)
    folder.write(every, about, [one.to_json() for one in over])
    folder.write_matrix()
    folder.write_page(report.render_audit(folder))
    return over


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"


__all__ = ["Audit", "audit", "redraw"]
