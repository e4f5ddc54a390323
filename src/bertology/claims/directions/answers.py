"""What tuned models say to texts of ours, as artefacts: each is made once a run, from the tuned model that several claims share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.compress.artefacts import tuned_beside
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key
from bertology.train.artefacts import Progress, TunedModel
from bertology.train.classifier import batches, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.recipe import plain
from bertology.train.task import Example, Task

Texts = tuple[str, ...]
"""One text or two, as in `Example.texts`."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities (text, label) that a tuned model gives, labels in the order of its task's."""

    asked: TunedModel
    texts: tuple[Texts, ...]

    @property
    def key(self) -> str:
        return made_key("answers", self.asked.key, self.texts)

    def build(self, place: Path, progress: Progress) -> None:
        progress("answers", 0, 1)
        model = tuned_beside(self.asked, place, progress).model
        np.save(place / "probability.npy", probabilities(model, self.asked.encoder, self.asked.task, self.texts))

    def load(self, place: Path) -> NDArray[np.float64]:
        return np.load(place / "probability.npy")


@dataclass(frozen=True, eq=False)
class Taught:
    """The same of an encoder, or of a tuned model with its head, that is fine-tuned on a task first; the model is not kept.

    A tuned model keeps its head when the task has the same labels (train/classifier.py).
    """

    start: Encoder | TunedModel
    task: Task
    recipe: FineTuning
    seed: int
    texts: tuple[Texts, ...]

    @property
    def key(self) -> str:
        start = self.start.key if isinstance(self.start, TunedModel) else self.start.fingerprint
        task = (self.task.name, self.task.train, self.task.dev, self.task.test)
        return made_key("taught", start, task, plain(self.recipe), self.seed, self.texts)

    def build(self, place: Path, progress: Progress) -> None:
        encoder = self.start
        if isinstance(encoder, TunedModel):
            before = tuned_beside(encoder, place, progress)
            before.model.requires_grad_(True)
            encoder = before.encoder
        model = finetune(encoder, self.task, self.recipe, seeds=[self.seed], progress=progress).best.model
        np.save(place / "probability.npy", probabilities(model, encoder, self.task, self.texts))

    def load(self, place: Path) -> NDArray[np.float64]:
        return np.load(place / "probability.npy")


def probabilities(model: Any, encoder: Encoder, task: Task, texts: Sequence[Texts]) -> NDArray[np.float64]:
    """(text, label), of a classifier of whole texts."""
    lines = encoded(encoder, task, [Example(one, task.labels[0]) for one in texts])
    found = np.zeros((len(lines), len(task.labels)))
    model.eval()
    with torch.inference_mode():
        for batch in batches(lines, task, 64, encoder.tokenizer.pad_token_id or 0, encoder.device):
            found[batch.index] = model(**batch.inputs).logits.float().softmax(-1).double().cpu().numpy()
    return found
