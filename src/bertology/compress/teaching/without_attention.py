"""What students of our own without attention share: a table of embeddings, one place to read, a head for a text or two, a row and a class."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from transformers import AutoConfig, PreTrainedModel

from bertology.encoder.encoder import Encoder
from bertology.encoder.families import FAMILIES, Family
from bertology.record.errors import NotApplicable
from bertology.train.task import Task


class Read(nn.Identity):
    """Where the neurons of a layer are read."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_features = width


class Student(PreTrainedModel):
    """A model whose modules draw their own weights when they are built."""

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing is left to draw."""


class Table:
    """The trunk of a student: its table is `embeddings`."""

    embeddings: nn.Embedding

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings

    def set_input_embeddings(self, value: Any) -> None:
        self.embeddings = value


def loss_of(logits: Tensor, labels: Tensor | None, n_labels: int | None) -> Tensor | None:
    """Squared error of one output, cross-entropy of several; None without labels."""
    if labels is None:
        return None
    if n_labels == 1:
        return mse_loss(logits[:, 0], labels.to(logits.dtype))
    return cross_entropy(logits.flatten(0, -2), labels.flatten())


def sides(ids: Tensor, mask: Tensor, separator: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(ids, mask) of what goes up to the first separator, and of what comes after it."""
    n = mask.sum(1)
    ends = ((ids == separator) & mask.bool()).long()
    first = torch.where(ends.any(1), ends.argmax(1) + 1, n)
    found = []
    for start, length in ((torch.zeros_like(first), first), (first, n - first)):
        place = torch.arange(max(1, int(length.max())), device=ids.device)[None]
        inside = (place < length[:, None]).long()
        found.append((ids.gather(1, (start[:, None] + place).clamp(max=ids.shape[1] - 1)) * inside, inside))
    return found[0], found[1]


def fields_for(encoder: Encoder, task: Task | None) -> dict[str, Any]:
    """What the config of a student takes from the encoder's tokenizer and the task. Raises NotApplicable for pairs that no token separates."""
    tokenizer = encoder.tokenizer
    pair = task is not None and task.kind != "token" and len(task.train[0].texts) == 2
    if pair and tokenizer.sep_token_id is None:
        raise NotApplicable(f"the tokenizer of {encoder.name} has no token between two texts")
    names = dict(enumerate((task.labels if task is not None else ()) or ("score",)))
    regression = task is not None and task.kind == "regression"
    return {
        "pad_token_id": tokenizer.pad_token_id, "separator": -1 if tokenizer.sep_token_id is None else tokenizer.sep_token_id, "pair": pair,
        "type_vocab_size": int(getattr(encoder.config, "type_vocab_size", 1) or 1), "num_labels": len(names), "id2label": names,
        "label2id": {name: k for k, name in names.items()}, "problem_type": "regression" if regression else "single_label_classification",
    }  # fmt: skip


def make_known(row: Family, config: Any, models: dict[Any, Any]) -> None:
    """Tells the family table and transformers' Auto classes (Auto class to model class) about a student's config."""
    FAMILIES[config.model_type] = row
    AutoConfig.register(config.model_type, config, exist_ok=True)
    for auto, model in models.items():
        auto.register(config, model, exist_ok=True)
