"""An encoder with a task head: transformers' own classification model, its trunk copied from the encoder."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedModel

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.draft import IGNORED
from bertology.train.task import Example, Task, f1, span_counts


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

    A pooler that the encoder lacks (a masked language model has none) is drawn too. An encoder that is such a model for the
    same labels already keeps its head. Raises BadRequest for a family that transformers has no such model for, or whose
    model has a trunk of other weights.
    """
    auto = AutoModelForTokenClassification if task.kind == "token" else AutoModelForSequenceClassification
    if made_for(encoder, task):
        return deepcopy(encoder.model)  # type: ignore[return-value]
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
    given = {k: v.detach().clone() for k, v in encoder.base.state_dict().items() if k in own}
    lacking = sorted(k for k in set(own) - set(given) if "pooler" not in k)
    if lacking:
        raise BadRequest(
            f"{encoder.name} lacks {len(lacking)} weights of {type(model).__name__}, first {lacking[0]}.",
            "They would be random. Choose another family.",
        )
    model.base_model.load_state_dict(given, strict=False)
    return model.to(encoder.device)


def made_for(encoder: Encoder, task: Task) -> bool:
    """Whether the encoder's model is a classification model of the task's kind and labels."""
    suffix = "ForTokenClassification" if task.kind == "token" else "ForSequenceClassification"
    labels = task.labels or ("score",)
    return type(encoder.model).__name__.endswith(suffix) and tuple(encoder.config.id2label.values()) == tuple(labels)


def encoded(
    encoder: Encoder, task: Task, examples: Sequence[Example], *, most: int = 256
) -> list[dict[str, list[int]]]:
    """Ids, segment ids and label ids of each example, cut at `most` subwords.

    In token tasks a word's label is at its first subword, and `words` has the word's number there, -1 elsewhere. Words are found by
    characters in the text joined by blanks, so the tokenizer need not know of words.
    """
    length = min(most, encoder.max_length)
    number = {name: k for k, name in enumerate(task.labels)}
    found = []
    try:
        for start in range(0, len(examples), 1000):
            part = examples[start : start + 1000]
            texts = [[" ".join(e.texts) if task.kind == "token" else e.texts[k] for e in part]
                     for k in range(1 if task.kind == "token" else len(part[0].texts))]  # fmt: skip
            options = {"return_offsets_mapping": True} if task.kind == "token" else {}
            made = encoder.tokenizer(*texts, truncation=True, max_length=length, **options)
            for i, example in enumerate(part):
                line = {"input_ids": made["input_ids"][i]}
                if "segments" in encoder.has:
                    line["token_type_ids"] = made["token_type_ids"][i]
                if task.kind == "token":
                    line["words"] = _first_subwords(example.texts, made["offset_mapping"][i])
                    line["labels"] = [number[example.label[w]] if w >= 0 else IGNORED for w in line["words"]]
                else:
                    line["labels"] = [example.label if task.kind == "regression" else number[example.label]]
                found.append(line)
    finally:
        encoder.tokenizer.backend_tokenizer.no_truncation()
    return found


def _first_subwords(words: Sequence[str], offsets: Sequence[tuple[int, int]]) -> list[int]:
    """The number of the word that each subword begins, -1 where it begins none; a subword's word is that of its last character."""
    blanks = np.cumsum([len(w) + 1 for w in words]) - 1
    seen, found = -1, []
    for first, end in offsets:
        word = int(np.searchsorted(blanks, end - 1))
        begins = end > first and word > seen and blanks[word] != end - 1
        found.append(word if begins else -1)
        seen = word if begins else seen
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
    """Depth of a parameter of the encoder or of a classifier on it: 0 for embeddings, 1 to L for layers, L for the rest of the trunk
    (a final norm), L + 1 for what stands above: the head, and the pooler.

    A layer that is used L times (ALBERT) has depth 1.
    """
    pattern = encoder.family.layers.split(".")
    parts = name.split(".")
    for start in range(len(parts) - len(pattern) + 1):
        window = parts[start : start + len(pattern)]
        if all(p == "*" or p == w for p, w in zip(pattern, window, strict=True)):
            numbers = [int(w) for p, w in zip(pattern, window, strict=True) if p == "*"]
            inner = int(getattr(encoder.config, "inner_group_num", 1))
            return (numbers[-2] * inner if len(numbers) > 1 else 0) + numbers[-1] + 1
    if "embed" in name.lower():
        return 0
    trunk: Any = encoder.model
    in_trunk = name.startswith(f"{trunk.base_model_prefix}.") and "pooler" not in parts
    return encoder.n_layers + (0 if in_trunk else 1)


def evaluate(
    model: Any, lines: list[dict[str, list[int]]], task: Task, pad: int, device: torch.device, examples: Sequence[Example]
) -> tuple[NDArray[np.float64], NDArray[Any]]:  # fmt: skip
    """Per example: whether it is right (share of right words for token tasks, squared error for regression), and what was said.

    In token tasks a tag is said for each word; None for words that the encoder did not read (cut off, or without a subword): these are wrong.
    """
    scores, said = np.zeros(len(lines)), np.empty(len(lines), dtype=object)
    model.eval()
    with torch.inference_mode():
        for batch in batches(lines, task, 64, pad, device):
            logits = model(**batch.inputs).logits.float()
            best = logits.argmax(-1).cpu().numpy()
            for row, i in enumerate(batch.index):
                if task.kind == "regression":
                    said[i] = float(logits[row, 0])
                    scores[i] = (said[i] - examples[i].label) ** 2
                elif task.kind == "token":
                    tags: list[str | None] = [None] * len(examples[i].texts)
                    for k, word in enumerate(lines[i]["words"]):
                        if word >= 0:
                            tags[word] = task.labels[int(best[row, k])]
                    said[i] = tuple(tags)
                    scores[i] = float(np.mean([s == t for s, t in zip(tags, examples[i].label, strict=True)]))
                else:
                    said[i] = task.labels[int(best[row])]
                    scores[i] = float(said[i] == examples[i].label)
    return scores, said


class Scored:
    """Predictions on some examples, scored by the task's measure: accuracy (of words in token tasks), F1 of spans, Spearman's
    correlation (0 when all predictions, or all truths, are equal)."""

    def __init__(self, said: NDArray[Any], examples: Sequence[Example], task: Task) -> None:
        self.correlated = task.kind == "regression"
        self.spans = task.spans
        if self.correlated:
            self.counts = np.array([[float(s), e.label] for s, e in zip(said, examples, strict=True)])
        elif self.spans:
            self.counts = np.array([span_counts(s, e.label) for s, e in zip(said, examples, strict=True)])
        elif task.kind == "token":
            right = lambda s, e: sum(a == b for a, b in zip(s, e.label, strict=True))
            self.counts = np.array([(right(s, e), len(e.label)) for s, e in zip(said, examples, strict=True)])
        else:
            self.counts = np.array([(s == e.label, 1) for s, e in zip(said, examples, strict=True)], dtype=int)

    def score(self, pick: NDArray[np.int64] | None = None) -> float:
        """The score over all examples, or over `pick` of them (a bootstrap sample)."""
        counts = self.counts if pick is None else self.counts[pick]
        if self.correlated:
            if (np.ptp(counts, axis=0) == 0).any():
                return 0.0
            return float(spearmanr(counts[:, 0], counts[:, 1]).statistic)  # type: ignore[attr-defined]
        total = counts.sum(axis=0)
        return f1(*total) if self.spans else float(total[0] / total[1])


def scored(encoder: Encoder, task: Task, part: str = "test") -> Scored:
    """What a tuned model, wrapped as an encoder, says on a part of its task."""
    examples = getattr(task, part)
    lines, pad = encoded(encoder, task, examples), encoder.tokenizer.pad_token_id or 0
    _, said = evaluate(encoder.model, lines, task, pad, encoder.device, examples)
    return Scored(said, examples, task)


__all__ = [
    "Labelled",
    "Scored",
    "batches",
    "classifier",
    "encoded",
    "evaluate",
    "layer_of",
    "loss_of",
    "made_for",
    "scored",
]
