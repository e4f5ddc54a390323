"""Checkpoints of a training: a transformers folder plus all that is needed to go on bit by bit. Whole or not there."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_model
from transformers import PreTrainedModel

from bertology.record.errors import BadInput
from bertology.record.folder import disk


class Found(NamedTuple):
    """The newest complete checkpoint."""

    folder: Path
    state: dict[str, Any]


def write(place: Path, steps: int, model: PreTrainedModel, tokenizer: Any, state: dict[str, Any]) -> Path:
    """Writes `checkpoints/<steps>` beside its place, flushes it to disk and renames it. Older ones lose their state."""
    target = _folder(place, steps)
    part = target.with_name(target.name + ".part")
    with disk(place):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        torch.save(state, part / _STATE)
        for file in part.iterdir():
            _flush(file)
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)
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
    with disk(place):
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(_folder(place, steps), part, ignore=shutil.ignore_patterns(_STATE))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)
    return target


_STATE = "training.pt"


def _folder(place: Path, steps: int) -> Path:
    return place / "checkpoints" / f"{steps:08d}"


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
