"""Exporting as a job: an encoder in; an ONNX or OpenVINO file with its tokenizer out, and what it measured beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bertology.compress.inference.export import Exported, Target, export
from bertology.compress.inference.ladder import Ladder, ladder
from bertology.corpus import text
from bertology.corpus.corpora import Corpora
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET
from bertology.observe.wishes import Progress
from bertology.record.folder import disk, whole, write_json
from bertology.report import render_ladder
from bertology.train.task import read


class ExportJob(NamedTuple):
    """What was exported (None when only the ladder was asked for), and the ladder, in the folder `place`."""

    name: str
    exported: Exported | None
    ladder: Ladder | None
    place: Path

    def lines(self) -> list[str]:
        """What the terminal shows."""
        found = []
        if self.exported is not None:
            e = self.exported
            speed = ", ".join(f"{s:.2f}x at {b} x {n}" for (b, n), s in e.speedup.items())
            found.append(f"{self.name}: {e.bytes / 1e6:.1f} MB, differs by up to {e.difference:.1e} (lowest cosine {e.cosine:.4f}), {speed}")  # fmt: skip
            found.append(str(e.file))
        if self.ladder is not None:
            found += [*self.ladder.lines(), str(self.place / "ladder.html")]
        return found

    def to_json(self) -> dict[str, Any]:
        e = self.exported
        return {
            "encoder": self.name, "place": str(self.place), "ladder": self.ladder and self.ladder.to_json(),
            "export": e and {
                "file": e.file.name, "bytes": e.bytes, "difference": e.difference, "cosine": e.cosine,
                "speedup": [{"batch": b, "length": n, "times": s} for (b, n), s in e.speedup.items()],
            },
        }  # fmt: skip


def export_job(
    model: str | Path | Encoder | None, out: str | Path, *, to: Target | None = "onnx", int8: bool = False, force: bool = False, climb: bool = False,
    against: str | Path | Encoder | None = None, on: str | Path | None = None, texts: int = 200, files: Sequence[str | Path] = (), label: str = "", repeats: int = 5, seed: int = 0,
    progress: Progress = QUIET, **loading: Any,
) -> ExportJob:  # fmt: skip
    """Writes the export and `export.json`; with `climb` also `ladder.json` and `ladder.html`: every form there is, timed on this machine.

    Parity, calibration and speed are measured on `texts` texts of the file `on`, or of the embedded sentences and paragraphs. `files` hold the task that scores
    the ladder's rungs (compress/inference/ladder.py); `against` is the encoder that this was made from, and the ladder's base. `to` None writes the ladder alone. Raises Refused unless `force`, BadRequest, BadCorpus, CannotWrite.
    """
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    found = (text.read(Path(on)),) if on is not None else (Corpora.load({}).treebank, Corpora.load({}).text)
    sentences = [s.text for corpus in found for s in corpus.sample(max(1, texts // len(found)), seed=seed)]
    sentences = [sentences[i] for i in np.random.default_rng(seed).permutation(len(sentences))]
    place = Path(out)
    with disk(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        made = export(encoder, place, to=to, int8=int8, texts=sentences[:64], force=force) if to is not None else None
        place.mkdir(exist_ok=True)
    rungs = None
    if climb:
        task = read(files, label=label or None, seed=seed) if files else None
        whole_one = load(against, **loading) if isinstance(against, str | Path) else against
        rungs = ladder(encoder, sentences, task=task, repeats=repeats, against=whole_one, progress=progress)
    job = ExportJob(encoder.name, made, rungs, place)
    content: dict[str, str] = {}
    if made is not None:
        content["export.json"] = write_json({**job.to_json(), "ladder": None})
    if rungs is not None:
        content |= {"ladder.json": write_json(rungs.to_json()), "ladder.html": render_ladder(rungs.to_json())}
    with disk(place):
        for name, said in content.items():
            with whole(place / name) as part:
                part.write_text(said, encoding="utf-8")
    return job
