"""Redundancy as a job: an encoder and a task or text in; how much of it could go, as a page and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology.compress import redundancy as room
from bertology.corpus import text
from bertology.corpus.corpora import Corpora
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET
from bertology.observe.wishes import Progress
from bertology.record.errors import BadRequest
from bertology.record.folder import disk, whole, write_json
from bertology.report import render_redundancy
from bertology.train import finetuning_recipes
from bertology.train.task import read
from bertology.train.tuned import tuned


class Found(NamedTuple):
    """What could go, and the folder of `redundancy.html` and `redundancy.json` (None when none was asked for)."""

    redundancy: room.Redundancy
    place: Path | None

    def lines(self) -> list[str]:
        """What the terminal shows."""
        return [*self.redundancy.lines(), *([str(self.place / "redundancy.html")] if self.place else [])]

    def to_json(self) -> dict[str, Any]:
        return {**self.redundancy.to_json(), "place": self.place and str(self.place)}


def redundancy_job(
    model: str | Path | Encoder | None, files: Sequence[str | Path] = (), *, out: str | Path | None = None, on: str | Path | None = None, label: str = "",
    limit: int | None = None, recipe: str = "standard", parts: Sequence[str] = room.PARTS, seeds: int = 3, examples: int = 300, seed: int = 0,
    progress: Progress = QUIET, **loading: Any,
) -> Found:  # fmt: skip
    """On the task in `files` (see `train.task.read`): the encoder is fine-tuned to it first with `recipe`. Without files, on text: a file `on`,
    or the embedded text; by the masked-language-model loss where there is a head, else by the drift of sentence vectors.

    `seeds` random orders stand beside each ranking. Raises BadRequest, BadCorpus, CannotWrite.
    """
    if files and on is not None:
        raise BadRequest("a task and a text were given.", "Give one of them.")
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    given: Any
    if files:
        given = read(files, label=label or None, seed=seed)
        given = given if limit is None else given.limited(limit, seed)
        encoder = tuned(encoder, given, finetuning_recipes.recipe(recipe), seed=seed, progress=progress)
    else:
        given = text.read(Path(on)) if on is not None else Corpora.load({}).text
    found = room.redundancy(encoder, given, parts=parts, seeds=seeds, examples=examples, seed=seed, progress=progress)
    if out is None:
        return Found(found, None)
    place = Path(out)
    content = found.to_json()
    with disk(place):
        place.mkdir(parents=True, exist_ok=True)
        for name, said in (("redundancy.json", write_json(content)), ("redundancy.html", render_redundancy(content))):
            with whole(place / name) as part:
                part.write_text(said, encoding="utf-8")
    return Found(found, place)
