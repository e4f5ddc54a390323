"""What an encoder does, as one number that parts of it may lower: a task's score, the loss on masked text, the drift of its vectors."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.intervene.inputs import MaskWords, masked
from bertology.intervene.sweep import cross_entropy_of_masked
from bertology.record.errors import BadRequest
from bertology.stats.tally import in_split
from bertology.train.classifier import Scored, batches, encoded, evaluate, loss_of, made_for
from bertology.train.task import Task

SPLITS = ("train", "dev", "test")


class Table(Protocol):
    """Scores by item, `n` of them: what is resampled."""

    n: int

    def score(self, pick: NDArray[np.int64] | None = None) -> float: ...


class Reading(Protocol):
    """`worse` is how much worse a score is than the whole's, in units of `tolerance`; `losses` yields (examples, their summed loss)
    and `inputs` (inputs of the trunk, real tokens) of the training part."""

    of: str
    measure: str
    tolerance: str
    resampled: str

    def table(self, split: str = "test") -> Table: ...
    def worse(self, score: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def losses(self) -> Iterator[tuple[int, Callable[[], Tensor]]]: ...
    def inputs(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]: ...


def reading_of(encoder: Encoder, given: Task | Corpus, examples: int, seed: int = 0) -> Reading:
    """The reading of an encoder on a task it is tuned to, or on text, with at most `examples` in each part. Raises BadRequest."""
    if isinstance(given, Task):
        return OfTask(encoder, given, examples, seed)
    return OfText(encoder, given, examples, seed)


class _TaskTable(Scored):
    n = 0


class OfTask:
    """The task's score on test; within 1 point is no loss."""

    resampled, tolerance = "test examples", "1 point"

    def __init__(self, encoder: Encoder, task: Task, examples: int, seed: int) -> None:
        if not made_for(encoder, task):
            raise BadRequest(f"{encoder.name} has no head for {task.name}.", "Give a model that is tuned to the task.")
        self.encoder, self.task, self.of, self.measure = encoder, task, task.name, task.measure
        rng = np.random.default_rng([seed, 37])
        self.examples: dict[str, Any] = {}
        for split in SPLITS:
            part = getattr(task, split)
            self.examples[split] = [part[i] for i in sorted(rng.permutation(len(part))[:examples])]
        self.lines = {split: encoded(encoder, task, part) for split, part in self.examples.items()}

    def table(self, split: str = "test") -> Table:
        model: Any = self.encoder.model
        pad, part = self.encoder.tokenizer.pad_token_id or 0, self.examples[split]
        _, said = evaluate(model, self.lines[split], self.task, pad, self.encoder.device, part)
        made = _TaskTable(said, part, self.task)
        made.n = len(part)
        return made

    def worse(self, score: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
        # a rounding error must not turn a loss of exactly one point into more
        return np.round((whole - score) / 0.01, 9)

    def losses(self) -> Iterator[tuple[int, Callable[[], Tensor]]]:
        model: Any = self.encoder.model
        for batch in self._batches():
            yield len(batch), lambda batch=batch: loss_of(model(**batch.inputs).logits, batch.labels, self.task) * len(batch)  # type: ignore[misc]  # fmt: skip

    def inputs(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        for batch in self._batches():
            yield batch.inputs, batch.inputs["attention_mask"].bool()

    def _batches(self) -> Any:
        pad = self.encoder.tokenizer.pad_token_id or 0
        return batches(self.lines["train"], self.task, 32, pad, self.encoder.device)


class _Sums:
    """A rate by block: sum of totals over sum of weights."""

    def __init__(self, total: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
        self.total, self.weight, self.n = total, weight, len(total)

    def score(self, pick: NDArray[np.int64] | None = None) -> float:
        where = slice(None) if pick is None else pick
        return float(self.total[where].sum() / max(self.weight[where].sum(), 1e-12))


class OfText:
    """With an MLM head: nats a masked subword, within 1 % is no loss. Without: cosine of sentence vectors to the whole's, within 1 point."""

    resampled = "blocks of text"

    def __init__(self, encoder: Encoder, corpus: Corpus, examples: int, seed: int) -> None:
        self.encoder, self.of = encoder, corpus.name
        self.predicts = encoder.has_mlm and "mask" in encoder.has
        self.measure = "loss in nats" if self.predicts else "cosine to the whole"
        self.tolerance = "1 %" if self.predicts else "1 point of cosine"
        self.masking = MaskWords(0.15, seed)
        rng, self.batches = np.random.default_rng([seed, 37]), {}
        for split in SPLITS:
            there = np.flatnonzero(in_split(corpus.blocks, split))
            some = sorted(rng.permutation(there)[:examples].tolist())
            if len(some) < 5:
                raise BadRequest(f"{corpus.name} has {len(some)} sentences for {split}.", "Give more text.")
            part = Corpus(f"{corpus.name} ({split})", tuple(corpus[i] for i in some))
            found = encoder.batches(part, token_budget=2048, attention=False)
            self.batches[split] = [self.masking.change(b, encoder) for b in found] if self.predicts else list(found)
        self.whole = (
            {} if self.predicts else {split: [self._vectors(b) for b in self.batches[split]] for split in SPLITS}
        )

    def table(self, split: str = "test") -> Table:
        blocks, totals, weights = [], [], []
        for k, batch in enumerate(self.batches[split]):
            if self.predicts:
                with torch.inference_mode():
                    weight = masked(batch)[0].sum(1).double()
                    total = cross_entropy_of_masked(self.encoder, batch, self._output(batch)).double() * weight
            else:
                total = torch.cosine_similarity(self._vectors(batch), self.whole[split][k], dim=-1).double()
                weight = torch.ones_like(total)
            blocks.append(batch.blocks)
            totals.append(total.cpu().numpy())
            weights.append(weight.cpu().numpy())
        place, rate = np.concatenate(blocks), [np.concatenate(x) for x in (totals, weights)]
        known, at = np.unique(place, return_inverse=True)
        return _Sums(*(np.bincount(at, x, len(known)).astype(np.float64) for x in rate))

    def worse(self, score: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
        return (score / whole - 1) / 0.01 if self.predicts else (whole - score) / 0.01

    def losses(self) -> Iterator[tuple[int, Callable[[], Tensor]]]:
        for k, batch in enumerate(self.batches["train"]):
            yield len(batch.lines), lambda k=k, batch=batch: self._loss(k, batch)  # type: ignore[misc]

    def inputs(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        for batch in self.batches["train"]:
            yield self.encoder.inputs(batch), batch.mask

    def _loss(self, k: int, batch: Batch) -> Tensor:
        """Summed over sentences. Vectors: along drawn directions, whose mean slope is how far a vector moves (intervene/importance.py)."""
        output = self._output(batch)
        if self.predicts:
            return cross_entropy_of_masked(self.encoder, batch, output).sum()
        vectors = torch.nn.functional.normalize(_mean(batch, output), dim=-1)
        drawn = np.random.default_rng([self.masking.seed, 41, k]).standard_normal(vectors.shape)
        return (torch.from_numpy(drawn).to(vectors) * vectors).sum()

    def _output(self, batch: Batch) -> Tensor:
        return self.encoder.base(**self.encoder.inputs(batch))[0][:, : batch.mask.shape[1]]

    def _vectors(self, batch: Batch) -> Tensor:
        with torch.inference_mode():
            return _mean(batch, self._output(batch))


def _mean(batch: Batch, output: Tensor) -> Tensor:
    weight = batch.mask[..., None].to(output.dtype)
    return (output * weight).sum(1) / weight.sum(1)
