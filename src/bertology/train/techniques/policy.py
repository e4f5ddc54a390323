"""Fine-tuning by policy gradient: a label is drawn from what the model says, and rewarded if it is right (Williams 1992)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class PolicyGradient(Technique):
    """In the place of the task's loss -(r - b) log p(y): y drawn from p, r = 1 where it is the label, b the expected reward p(label).

    Its expectation is the gradient of the accuracy of drawn labels. Raises BadRequest for regression.
    """

    cites: ClassVar = ("williams-1992",)

    def prepare(self, tuning: Tuning) -> None:
        if tuning.task.kind == "regression":
            raise BadRequest(f"{tuning.task.name} has no labels to draw.", "Give a classification task.")

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        labels = batch.labels.flatten()
        counted = labels >= 0
        said, labels = logits.flatten(0, -2)[counted].float(), labels[counted]
        with torch.no_grad():
            p = said.softmax(-1)
            drawn = torch.multinomial(p, 1)[:, 0]
            gain = (drawn == labels).float() - p.gather(1, labels[:, None])[:, 0]
        return (gain * cross_entropy(said, drawn, reduction="none")).mean()
