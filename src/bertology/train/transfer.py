"""A task of words learnt in one language, scored in others: fine-tuned once, counted on the sentences of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.record.keys import made_key
from bertology.train.classifier import encoded, evaluate
from bertology.train.finetune import FineTuning, finetune
from bertology.train.recipe import plain
from bertology.train.task import Example, Task

Elsewhere = tuple[tuple[str, tuple[Example, ...]], ...]
"""Names (of languages) and their sentences."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """`recipe` on a token task from one seed, scored on sentences `elsewhere` whose tags are among the task's labels.

    Gives the number of words tagged right in each sentence, by name; a word that is cut off is wrong. The task's own dev and test
    parts are scored only where they are among these. Raises BadRequest for another kind of task.
    """

    encoder: Encoder
    task: Task
    recipe: FineTuning
    seed: int
    elsewhere: Elsewhere

    def __post_init__(self) -> None:
        if self.task.kind != "token":
            raise BadRequest(f"{self.task.name} is a {self.task.kind} task.", "Give a task of words.")

    @property
    def key(self) -> str:
        task = (self.task.name, self.task.labels, self.task.train)
        return made_key("transfer", self.encoder.fingerprint, task, plain(self.recipe), self.seed, self.elsewhere)

    def build(self, place: Path, progress: Callable[[str, int, int], None]) -> None:
        tuned = finetune(self.encoder, self.task, self.recipe, seeds=[self.seed], progress=progress)
        pad, right = self.encoder.tokenizer.pad_token_id or 0, {}
        for name, examples in self.elsewhere:
            lines = encoded(self.encoder, self.task, examples)
            _, said = evaluate(tuned.best.model, lines, self.task, pad, self.encoder.device, examples)
            pairs = zip(said, examples, strict=True)
            right[name] = np.array([sum(a == b for a, b in zip(tags, e.label, strict=True)) for tags, e in pairs])
        np.savez(place / "right.npz", **right)

    def load(self, place: Path) -> dict[str, NDArray[np.int64]]:
        with np.load(place / "right.npz") as kept:
            return dict(kept)


__all__ = ["Elsewhere", "Transfer"]
