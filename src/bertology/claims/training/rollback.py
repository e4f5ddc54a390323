"""Roll-back of lower layers: a fine-tuned model with its lowest layers as they were before (Hao et al. 2019)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.record.keys import made_key
from bertology.train.artefacts import Progress
from bertology.train.classifier import Scored, evaluate
from bertology.train.finetune import FineTuning, encoded_parts, finetune
from bertology.train.recipe import plain
from bertology.train.task import Task


@dataclass(frozen=True, eq=False)
class RollBack:
    """Test scores of one fine-tuning, (layers + 1,): with none, one, ... all of its layers from the bottom restored.

    The embeddings are restored together with the first layer; the head stays as tuned.
    """

    encoder: Encoder
    task: Task
    recipe: FineTuning
    seed: int

    @property
    def key(self) -> str:
        examples = (self.task.train, self.task.dev, self.task.test)
        what = (self.encoder.fingerprint, self.task.name, examples, plain(self.recipe), self.seed)
        return made_key("rollback", *what)

    def build(self, place: Path, progress: Progress) -> None:
        tuned = finetune(self.encoder, self.task, self.recipe, seeds=(self.seed,), progress=progress)
        scores = rolled_back(self.encoder, self.task, tuned.best.model)
        (place / "scores.json").write_text(json.dumps(scores), encoding="utf-8")

    def load(self, place: Path) -> NDArray[np.float64]:
        return np.array(json.loads((place / "scores.json").read_text(encoding="utf-8")))


@torch.no_grad()
def rolled_back(encoder: Encoder, task: Task, model: Any) -> list[float]:
    """The test score with 0, 1, ... all layers from the bottom as in the encoder; the model is left so."""
    lines = encoded_parts(encoder, task)["test"]

    def score() -> float:
        _, said = evaluate(model, lines, task, encoder.tokenizer.pad_token_id or 0, encoder.device, task.test)
        return Scored(said, task.test, task).score()

    scores = [score()]
    before, after = (layer_modules(base, encoder.family) for base in (encoder.base, model.base_model))
    given = dict(encoder.base.named_parameters())
    for name, parameter in model.base_model.named_parameters():
        if "embed" in name and name in given:
            parameter.copy_(given[name])
    for old, new in zip(before, after, strict=True):
        new.load_state_dict(old.state_dict())
        scores.append(score())
    return scores


def untouched(scores: NDArray[np.float64], majority: float, *, kept: float = 0.95) -> int:
    """How many layers from the bottom can be restored, one after another, with that share of the score above the majority class kept."""
    share = (scores - majority) / (scores[0] - majority)
    lost = np.flatnonzero(share < kept)
    return int(lost[0]) - 1 if len(lost) else len(scores) - 1
