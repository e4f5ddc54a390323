"""What a recipe is trained on, in the training's own folder: its tokenizer, the text as a stream, examples. Whole or not there."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology.record.errors import BadCorpus, BadRequest, ForeignRun
from bertology.record.folder import whole
from bertology.train.checkpoint import read_json, writing
from bertology.train.draft import Symbols
from bertology.train.recipe import Recipe
from bertology.train.stream import Stream, fingerprint, open_stream
from bertology.train.tokenizer import read_tokenizer, train_tokenizer


class Material(NamedTuple):
    """What a recipe is trained on."""

    tokenizer: Any
    stream: Stream
    held_out: Stream | None
    examples: Any


def material(
    place: Path, recipe: Recipe, text: Sequence[str | Path], valid: Sequence[str | Path], given: str | Path | None,
    further: Mapping[str, Any],
) -> Material:  # fmt: skip
    """Makes the folder this training's own, or finds that it is: the same recipe, text, tokenizer and `further` values.

    A new folder holds all or nothing: what training would raise later is raised here. Raises ForeignRun when the folder
    is another's, BadCorpus, BadRequest, CannotWrite.
    """
    new = not (place / _ABOUT).is_file()
    with _new_folder(place) if new else contextlib.nullcontext(place) as folder:
        kept = folder / "tokenizer"
        if new:
            tok = read_tokenizer(given) if given is not None else _trained_tokenizer(recipe, text)
            tok.save_pretrained(kept)
        tok = read_tokenizer(kept if new or given is None else given)
        identity = {"recipe": recipe.identity, "text": fingerprint(text, tok), **further}
        if not new:
            _compare(place, identity)
        stream = open_stream(text, tok, folder / "text")
        held_out = open_stream(valid, tok, folder / "valid") if valid else None
        made = Material(tok, stream, held_out, recipe.layout.examples(stream))
        _check(recipe, made)
        if new:
            with whole(folder / _ABOUT) as part:
                part.write_text(json.dumps(identity, indent=1), encoding="utf-8")
    return made


def _check(recipe: Recipe, made: Material) -> None:
    """Raises what training would raise later."""
    Symbols.of(made.tokenizer)
    if made.tokenizer.pad_token_id is None:
        raise BadRequest("the tokenizer has no pad token.", "Use one made for BERT-like encoders.")
    recipe.architecture.config(made.tokenizer)
    if recipe.layout.length > recipe.architecture.positions:
        raise BadRequest(
            f"examples of {recipe.layout.length} subwords do not fit {recipe.architecture.positions} positions.",
            "Give the architecture more positions, or the layout a shorter length.",
        )
    if len(made.examples) < 2:
        raise BadCorpus(f"the text makes {len(made.examples)} example(s).", "Give more text, or shorter examples.")
    if made.held_out is not None:
        recipe.layout.examples(made.held_out)


@contextlib.contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    """A folder whose content becomes that of `place` at the end, or of which nothing is left."""
    part = place / "preparing.part"
    there = place.is_dir()
    if place.is_file() or (there and any(place.iterdir()) and not part.is_dir()):
        raise ForeignRun(f"{place} is not empty and holds no pre-training.", "Give an empty or new folder as --out.")
    try:
        with writing(place):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            yield part
            for item in sorted(part.iterdir(), key=lambda item: item.name == _ABOUT):  # what makes it a run comes last
                shutil.rmtree(place / item.name, ignore_errors=True)  # left by a start that was killed right here
                os.replace(item, place / item.name)
            part.rmdir()
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        if not there:
            shutil.rmtree(place, ignore_errors=True)
        raise


def _trained_tokenizer(recipe: Recipe, text: Sequence[str | Path]) -> Any:
    segments = recipe.architecture.segments > 1 and recipe.architecture.family not in _WITHOUT_SEGMENTS
    return train_tokenizer(
        text, size=recipe.vocabulary, kind=recipe.tokenizer, lowercase=recipe.lowercase, segments=segments
    )


def _compare(place: Path, identity: dict[str, Any]) -> None:
    before = read_json(place / _ABOUT)
    differing = [_IDENTITY.get(key, key) for key in sorted(identity) if before.get(key) != identity[key]]
    if differing:
        raise ForeignRun(
            f"{place} holds a pre-training with another {' and '.join(differing)}.",
            "Give another --out, or remove that folder.",
        )


_ABOUT = "pretraining.json"
_WITHOUT_SEGMENTS = ("distilbert", "modernbert", "mpnet")
_IDENTITY = {"text": "text or tokenizer", "tokens": "budget of tokens", "seconds": "budget of minutes"}
