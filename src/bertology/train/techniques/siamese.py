"""Two texts read apart by one encoder, and compared (SBERT: Reimers & Gurevych 2019)."""

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class Siamese(Technique):
    """Each text of a pair is read alone; a new head reads (u, v, |u - v|) of the means of their last states in the place of the model's own.

    Raises BadRequest for tasks without pairs and for tokenizers without a separator.
    """

    cites: ClassVar = ("reimers-2019",)
    plain: ClassVar = False

    def prepare(self, tuning: Tuning) -> None:
        tokenizer, model = tuning.encoder.tokenizer, tuning.model
        if tuning.task.kind != "pair":
            raise BadRequest(f"{tuning.task.name} has no pairs of texts.", "Give a task of pairs.")
        if tokenizer.sep_token_id is None or tokenizer.cls_token_id is None:
            raise BadRequest(f"{tuning.encoder.name} marks no texts apart.", "Choose an encoder with [CLS] and [SEP].")
        head = nn.Linear(3 * tuning.encoder.width, len(tuning.task.labels)).to(tuning.encoder.device)
        model.add_module("siamese_head", head)
        ids = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id or 0
        model.forward = partial(_apart, model, *ids)


def _apart(model: Any, cls: int, sep: int, pad: int, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> Any:
    """The model's forward: logits of pairs whose texts are read apart."""
    u, v = (_mean(model, *part) for part in texts_of(input_ids, attention_mask, cls, sep, pad))
    return SimpleNamespace(logits=model.siamese_head(torch.cat([u, v, (u - v).abs()], -1)))


def _mean(model: Any, ids: Tensor, mask: Tensor) -> Tensor:
    states = model.base_model(input_ids=ids, attention_mask=mask)[0]
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def texts_of(ids: Tensor, mask: Tensor, cls: int, sep: int, pad: int) -> list[tuple[Tensor, Tensor]]:
    """(ids, mask) of the first and of the second texts, each as if it had been encoded alone."""
    first, second = [], []
    for row, real in zip(ids, mask.bool(), strict=True):
        line = row[real].tolist()
        end = line.index(sep)
        rest = [i for i in line[end:-1] if i not in (sep, cls)]
        first.append([*line[:end], sep])
        second.append([cls, *rest, sep])
    return [_padded(part, pad, ids.device) for part in (first, second)]


def _padded(lines: list[list[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(map(len, lines))
    ids = torch.tensor([[*line, *[pad] * (width - len(line))] for line in lines], device=device)
    mask = torch.tensor([[1] * len(line) + [0] * (width - len(line)) for line in lines], device=device)
    return ids, mask
