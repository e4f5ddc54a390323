"""An encoder with a task head: transformers' own classification model, its trunk copied from the encoder."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedModel

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.draft import IGNORED
from bertology.train.task import Example, Task


@dataclass(frozen=True, eq=False)
class Labelled:
    """A padded batch: keyword arguments of the model, the labels, and each example's place in its part of the task."""

    inputs: dict[str, Tensor]
    labels: Tensor
    index: list[int]

    def __len__(self) -> int:
        return len(self.index)


def classifier(encoder: Encoder, task: Task, seed: int) -> PreTrainedModel:
    """A sequence or token classification model of the encoder's family: its trunk, and a head drawn with `seed`.

    Raises BadRequest for a family that transformers has no such model for.
    """
    auto = AutoModelForTokenClassification if task.kind == "token" else AutoModelForSequenceClassification
    config: Any = deepcopy(encoder.config)
    if type(config) not in auto._model_mapping:
        raise BadRequest(
            f"transformers has no {task.kind} classification model for {config.model_type}.", "Choose another family."
        )
    config.num_labels = max(1, len(task.labels))
    config.id2label = dict(enumerate(task.labels or ("score",)))
    config.label2id = {name: k for k, name in config.id2label.items()}
    config.problem_type = "regression" if task.kind == "regression" else "single_label_classification"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = auto.from_config(config)
    own = model.base_model.state_dict()
    model.base_model.load_state_dict(
        {k: v.detach().clone() for k, v in encoder.base.state_dict().items() if k in own}, strict=False
    )
    return model.to(encoder.device)


def encoded(
    encoder: Encoder, task: Task, examples: Sequence[Example], *, most: int = 256
) -> list[dict[str, list[int]]]:
    """Ids, segment ids and label ids of each example, cut at `most` subwords; a word's label is its first subword's."""
    length = min(most, encoder.max_length)
    number = {name: k for k, name in enumerate(task.labels)}
    found = []
    for start in range(0, len(examples), 1000):
        part = examples[start : start + 1000]
        if task.kind == "token":
            made = encoder.tokenizer(
                [list(e.texts) for e in part], is_split_into_words=True, truncation=True, max_length=length
            )
        else:
            texts = [[e.texts[k] for e in part] for k in range(len(part[0].texts))]
            made = encoder.tokenizer(*texts, truncation=True, max_length=length)
        for i, example in enumerate(part):
            line = {"input_ids": made["input_ids"][i]}
            if "segments" in encoder.has:
                line["token_type_ids"] = made["token_type_ids"][i]
            if task.kind == "token":
                words = made.word_ids(i)
                line["labels"] = [
                    number[example.label[w]] if w is not None and (k == 0 or words[k - 1] != w) else IGNORED
                    for k, w in enumerate(words)
                ]
            else:
                line["labels"] = [example.label if task.kind == "regression" else number[example.label]]
            found.append(line)
    encoder.tokenizer.backend_tokenizer.no_truncation()
    return found


def batches(
    lines: Sequence[dict[str, list[int]]], task: Task, size: int, pad: int, device: torch.device, rng: np.random.Generator | None = None,
    order: Sequence[int] | None = None,
) -> Iterator[Labelled]:  # fmt: skip
    """Batches of `size` examples of similar length. With `rng` (training) examples are shuffled first, sorted within pools of 50
    batches, and the batches shuffled; without it they are sorted by length. `order` gives a fixed order instead."""
    numbers = np.arange(len(lines)) if order is None else np.asarray(order)
    length = np.array([len(line["input_ids"]) for line in lines])
    if order is not None:
        groups = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    elif rng is None:
        numbers = numbers[np.argsort(-length[numbers], kind="stable")]
        groups = [numbers[i : i + size] for i in range(0, len(numbers), size)]
    else:
        numbers = rng.permutation(numbers)
        groups = []
        for i in range(0, len(numbers), 50 * size):
            pool = numbers[i : i + 50 * size]
            pool = pool[np.argsort(length[pool], kind="stable")]
            groups += [pool[j : j + size] for j in range(0, len(pool), size)]
        groups = [groups[k] for k in rng.permutation(len(groups))]
    for group in groups:
        yield _collated([lines[i] for i in group], [int(i) for i in group], task, pad, device)


def loss_of(logits: Tensor, labels: Tensor, task: Task) -> Tensor:
    """Mean cross-entropy (squared error for regression), in float32."""
    if task.kind == "regression":
        return mse_loss(logits.float()[:, 0], labels)
    return cross_entropy(logits.float().flatten(0, -2), labels.flatten(), ignore_index=IGNORED)


def _collated(
    lines: list[dict[str, list[int]]], index: list[int], task: Task, pad: int, device: torch.device
) -> Labelled:
    width = max(len(line["input_ids"]) for line in lines)
    fill = lambda name, value: torch.tensor(
        [line[name] + [value] * (width - len(line["input_ids"])) for line in lines], device=device
    )
    inputs = {"input_ids": fill("input_ids", pad)}
    inputs["attention_mask"] = torch.tensor(
        [[1] * len(x["input_ids"]) + [0] * (width - len(x["input_ids"])) for x in lines], device=device
    )
    if "token_type_ids" in lines[0]:
        inputs["token_type_ids"] = fill("token_type_ids", 0)
    if task.kind == "token":
        labels = fill("labels", IGNORED)
    else:
        kind = torch.float32 if task.kind == "regression" else torch.long
        labels = torch.tensor([line["labels"][0] for line in lines], dtype=kind, device=device)
    return Labelled(inputs, labels, index)


def layer_of(name: str, encoder: Encoder) -> int:
    """Depth of a parameter: 0 for embeddings, 1 to L for layers, L + 1 for what stands above them."""
    pattern = encoder.family.layers.split(".")
    parts = name.split(".")
    for start in range(len(parts) - len(pattern) + 1):
        window = parts[start : start + len(pattern)]
        if all(p == "*" or p == w for p, w in zip(pattern, window, strict=True)):
            numbers = [int(w) for p, w in zip(pattern, window, strict=True) if p == "*"]
            return numbers[-1] + 1
    return 0 if "embed" in name else encoder.n_layers + 1


__all__ = ["Labelled", "batches", "classifier", "encoded", "layer_of", "loss_of"]
