"""A tuned model as an encoder again: with its task head, to be scored, compressed and read like any other."""

from typing import Any

from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.train.finetune import FineTuning, Progress, finetune
from bertology.train.task import Task


def tuned(
    encoder: Encoder, task: Task, recipe: FineTuning, *, seed: int = 0, name: str | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Encoder:  # fmt: skip
    """A copy of the encoder with a head for the task, tuned with one seed; `name` is the encoder's unless given. Raises as `finetune` does."""
    model: Any = finetune(encoder, task, recipe, seeds=(seed,), progress=progress).best.model
    return wrap(model, encoder.tokenizer, name=encoder.name if name is None else name, has_mlm=False)
