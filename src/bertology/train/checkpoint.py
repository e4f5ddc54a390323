"""Checkpoints and log of a training: a transformers folder plus all that is needed to go on bit by bit. Whole or not there."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_model
from transformers import PreTrainedModel, logging

from bertology.record.errors import BadInput, CannotWrite


class Found(NamedTuple):
    """The newest complete checkpoint."""

    folder: Path
    state: dict[str, Any]


def write(place: Path, steps: int, model: PreTrainedModel, tokenizer: Any, state: dict[str, Any]) -> Path:
    """Writes `checkpoints/<steps>` beside its place, flushes it to disk and renames it. Older ones lose their state."""
    target = _folder(place, steps)
    part = target.with_name(target.name + ".part")
    with writing(place):
        for stale in target.parent.glob("*.part"):
            shutil.rmtree(stale)
        part.mkdir(parents=True)
        logging.disable_progress_bar()  # one of its own for each file
        try:
            model.save_pretrained(part)
            tokenizer.save_pretrained(part)
            _save(state, part / _STATE)
            for file in part.iterdir():
                _flush(file)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(part, target)
        except Exception:
            shutil.rmtree(part, ignore_errors=True)  # on a full disk it would stand in the way of all else
            raise
        _flush(target.parent)
        for older in target.parent.glob(f"*/{_STATE}"):
            if older.parent != target:
                older.unlink()
    return target


def latest(place: Path) -> Found | None:
    """The newest checkpoint that can be gone on from. Raises BadInput when it cannot be read."""
    found = sorted(file.parent for file in (place / "checkpoints").glob(f"*/{_STATE}") if file.parent.suffix != ".part")
    if not found:
        return None
    try:
        return Found(found[-1], torch.load(found[-1] / _STATE, weights_only=True))
    except Exception as error:
        raise BadInput(
            f"the checkpoint {found[-1]} cannot be read: {error}.", "Remove it to go on from an older state."
        ) from error


def read_weights(folder: Path, model: PreTrainedModel) -> None:
    """Puts a checkpoint's weights into a model of the same shape."""
    load_model(model, str(folder / "model.safetensors"))


def all_of(place: str | Path) -> list[tuple[int, Path]]:
    """(steps, folder) of every checkpoint, in order."""
    folders = (f for f in (Path(place) / "checkpoints").glob("*") if f.name.isdigit())
    return sorted((int(folder.name), folder) for folder in folders)


def publish(place: Path, steps: int) -> Path:
    """The checkpoint as `model/`, without the training state."""
    target, part = place / "model", place / "model.part"
    with writing(place):
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(_folder(place, steps), part, ignore=shutil.ignore_patterns(_STATE))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)
    return target


def log(place: Path, values: Mapping[str, Any]) -> None:
    """Adds a line to the log."""
    with writing(place), open(place / _LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def read_log(place: str | Path) -> Iterator[dict[str, Any]]:
    """The lines of a training log; what comes after one that was not written whole is left out."""
    file = Path(place) / _LOG
    if not file.is_file():
        raise BadInput(f"{place} holds no training (no {_LOG}).", "Give the --out of a pre-training.")
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                return


def cut_log(place: Path, steps: int) -> None:
    """Drops what was logged after the step that a run goes on from."""
    file = place / _LOG
    if file.is_file():
        part = file.with_name(f"{_LOG}.part")
        with writing(place):
            kept = (json.dumps(line) + "\n" for line in read_log(place) if line["step"] <= steps)
            part.write_text("".join(kept), encoding="utf-8")
            os.replace(part, file)


def read_json(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadInput(f"{file} cannot be read: {error}.", "Remove its folder, or give another --out.") from error


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Makes CannotWrite of what a disk refuses; safetensors and tokenizers do not raise OSError for it."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) or _REFUSED in str(error):
            raise CannotWrite(
                f"cannot write {place}: {error}.",
                "Free space or choose another --out; the last checkpoint is kept and the same command goes on from it.",
            ) from error
        raise


_STATE = "training.pt"
_LOG = "log.jsonl"
_REFUSED = "(os error "


def _save(state: dict[str, Any], file: Path) -> None:
    try:
        torch.save(state, file)
    except RuntimeError as error:  # its own words for a disk that refuses, and no errno
        raise OSError(f"torch.save: {error}") from error


def _folder(place: Path, steps: int) -> Path:
    return place / "checkpoints" / f"{steps:08d}"


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
