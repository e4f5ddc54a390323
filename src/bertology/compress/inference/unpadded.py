"""Inference on texts of any lengths without paying for padding: exact, on any processor, for any family, without special kernels.

Texts are split into sub-batches of similar length. How finely is a trade: padding costs tokens, a further call costs its overhead. Both are
measured once for a model on this machine (`Cost`), and the cheapest split is found by dynamic programming over the sorted lengths. (Packing
texts into one row behind a block-diagonal mask saves the little padding that is left, and pays for attention between strangers.)
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, NotApplicable

Text = str | tuple[str, str]
Inputs = dict[str, NDArray[np.int64]]
Runner = Callable[[Inputs], NDArray[np.float32]]
"""A model as a function: named ids of one padded batch in, its first output as float32 out. What exports are, too (compress/inference/export.py)."""
Pooling = Literal["mean", "cls"]

NAMES = ("input_ids", "attention_mask", "token_type_ids")
LENGTHS, TOKENS = (8, 32, 128), (32, 256, 1024, 4096)
"""Rows of these lengths, as many as make these subwords in all, are timed for a `Cost`."""
WORTH = 0.97
"""A split that is not predicted to take less than this share of one batch's time is not made."""
SLOW = 1.0


class Cost(NamedTuple):
    """Seconds of a call: `call + token n l + pair n l^2 + spill max(0, n l - knee)` for n rows of l subwords.

    `pair` is attention, `spill` what a subword costs more once a batch no longer fits the caches.
    """

    call: float
    token: float
    pair: float
    spill: float = 0.0
    knee: float = 0.0

    def of(self, rows: Any, length: Any) -> Any:
        """Seconds; numbers or arrays."""
        tokens = np.asarray(rows, dtype=np.float64) * length
        return self.call + tokens * (self.token + self.pair * length) + self.spill * np.maximum(tokens - self.knee, 0.0)

    @classmethod
    def fitted(cls, rows: Any, lengths: Any, seconds: Any) -> "Cost":
        """The non-negative costs with the least relative errors, at the best of the knees that lie between the measured batches."""
        n, length, t = (np.asarray(x, dtype=np.float64) for x in (rows, lengths, seconds))
        tokens = n * length
        best: tuple[float, Cost] | None = None
        for knee in np.unique(tokens)[1:-1] if len(np.unique(tokens)) > 2 else [tokens.max()]:
            columns = np.stack([np.ones_like(t), tokens, tokens * length, np.maximum(tokens - knee, 0)], 1) / t[:, None]
            size = np.maximum(np.linalg.norm(columns, axis=0), 1e-30)
            found, error = nnls(columns / size, np.ones_like(t))
            call, token, pair, spill = (float(x) for x in found / size)
            made = cls(call, token, pair, spill, float(knee))
            if best is None or error < best[0]:
                best = error, made
        assert best is not None
        return best[1]

    @classmethod
    def measure(cls, run: Runner, most: int, *, names: Sequence[str] = NAMES[:2], repeats: int = 3) -> "Cost":
        """Times a model at batches of several shapes, the least of `repeats` of each; `most` is its longest input.

        Batches that take more than a second are not tried larger.
        """
        shapes = sorted({(max(1, t // min(w, most)), min(w, most)) for w in LENGTHS for t in TOKENS})
        given = {s: {name: np.full(s, 7 if name == "input_ids" else int(name == "attention_mask")) for name in names} for s in shapes}  # fmt: skip
        least: dict[tuple[int, int], float] = {}
        for _ in range(repeats + 1):  # the first round warms up
            for shape in shapes:
                if least.get(shape, 0.0) > SLOW or any(t > SLOW and s[1] == shape[1] and s < shape for s, t in least.items()):  # fmt: skip
                    continue
                started = time.perf_counter()
                run(given[shape])
                least[shape] = min(least.get(shape, np.inf), time.perf_counter() - started)
        return cls.fitted([n for n, _ in least], [width for _, width in least], list(least.values()))


class Split(NamedTuple):
    """Sub-batches by the places of their rows, longest last; the predicted seconds, of one batch too; subwords with padding over without."""

    batches: list[NDArray[np.int64]]
    seconds: float
    together: float
    padding: float


def split(lengths: Sequence[int] | NDArray[Any], cost: Cost, *, tokens: int = 1 << 14, equal: bool = False) -> Split:
    """The sub-batches with the least predicted time, each of at most `tokens` padded subwords.

    Neighbours in the order of length go together, so the best split is a shortest path over the lengths that there are. `equal` puts
    only texts of one length together. One batch is kept where splitting saves less than 3 %.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if len(sizes) == 0:
        return Split([], 0.0, 0.0, 1.0)
    order = np.argsort(sizes, kind="stable")
    distinct, counts = np.unique(sizes, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])
    best = np.concatenate([[0.0], np.full(len(distinct), np.inf)])
    came = np.zeros(len(distinct) + 1, dtype=np.int64)
    rows = np.array([_rows(int(n), cost, tokens) for n in distinct])
    for j in range(1, len(distinct) + 1):
        first = j - 1 if equal else 0
        counted = _priced(ends[j] - ends[first:j], int(distinct[j - 1]), int(rows[j - 1]), cost, tokens)[0]
        whole = best[first:j] + counted
        came[j] = first + int(whole.argmin())
        best[j] = whole.min()
    together = float(_priced(ends[-1:], int(distinct[-1]), int(rows[-1]), cost, tokens)[0][0])
    edges = [len(distinct)]
    while edges[-1]:
        edges.append(int(came[edges[-1]]))
    if not equal and best[-1] > WORTH * together:
        edges = [len(distinct), 0]
    batches: list[NDArray[np.int64]] = []
    for a, b in zip(edges[:0:-1], edges[-2::-1], strict=True):
        calls = _priced(ends[b : b + 1] - ends[a], int(distinct[b - 1]), int(rows[b - 1]), cost, tokens)[1]
        batches += np.array_split(order[ends[a] : ends[b]], int(calls[0]))
    padded = sum(len(part) * int(sizes[part].max()) for part in batches)
    return Split(batches, float(min(best[-1], together)), together, padded / max(int(sizes.sum()), 1))


def _rows(length: int, cost: Cost, tokens: int) -> int:
    """The rows of a length at which a row is cheapest, within `tokens`."""
    most = max(1, tokens // max(length, 1))
    choices = np.unique(np.minimum(most, np.round(1.25 ** np.arange(60)))).astype(np.int64)
    return int(choices[np.argmin(cost.of(choices, length) / choices)])


def _priced(counts: NDArray[np.int64], length: int, rows: int, cost: Cost, tokens: int) -> tuple[Any, Any]:
    """(seconds, calls) of so many rows of a length: one call, or even chunks of at most `rows` where these save 3 % or it must be."""
    calls = -(-counts // rows)
    chunks, once = calls * cost.of(counts / calls, length), cost.of(counts, length)
    single = (counts * length <= tokens) & (WORTH * once <= chunks)
    return np.where(single, once, chunks), np.where(single, 1, calls)


class Lines(NamedTuple):
    """Texts as subwords, not padded: ids and segment ids of each, and what pads."""

    ids: list[list[int]]
    types: list[list[int]]
    pad: int
    names: tuple[str, ...]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(x) for x in self.ids], dtype=np.int64)

    def batch(self, rows: Sequence[int] | NDArray[Any]) -> Inputs:
        """Some of the texts, padded on the right to their longest."""
        width = max(len(self.ids[i]) for i in rows)
        ids = np.full((len(rows), width), self.pad, dtype=np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for r, i in enumerate(rows):
            n = len(self.ids[i])
            ids[r, :n], mask[r, :n], types[r, :n] = self.ids[i], 1, self.types[i]
        return {k: v for k, v in zip(NAMES, (ids, mask, types), strict=True) if k in self.names}


def lines(encoder: Encoder, texts: Sequence[Text], *, most: int | None = None) -> Lines:
    """Texts, or pairs of texts, in the encoder's subwords, cut at `most` (its longest input). Raises BadRequest for an empty list, or a mixed one."""
    pairs = [isinstance(t, tuple) for t in texts]
    if not texts or any(pairs) != all(pairs):
        raise BadRequest("texts and pairs of texts are mixed." if texts else "there is no text.", "Give a list of one kind.")  # fmt: skip
    given = [[t[k] for t in texts] for k in range(2)] if pairs[0] else [list(texts)]
    limit = min(most or encoder.max_length, encoder.max_length)
    try:
        made = encoder.tokenizer(*given, truncation=True, max_length=limit)
    finally:
        encoder.tokenizer.backend_tokenizer.no_truncation()
    segments = "segments" in encoder.has
    types = made["token_type_ids"] if segments else [[0] * len(x) for x in made["input_ids"]]
    return Lines(made["input_ids"], types, encoder.tokenizer.pad_token_id or 0, NAMES if segments else NAMES[:2])


def torch_runner(model: Any, *, autocast: bool = False) -> Runner:
    """A torch model as a function; with `autocast`, matrix products in bfloat16."""

    def run(given: Inputs) -> NDArray[np.float32]:
        tensors = {name: torch.from_numpy(value).to(device) for name, value in given.items()}
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            return model(**tensors)[0].float().cpu().numpy()

    device = next(model.parameters()).device
    return run


def outputs(
    encoder: Encoder, texts: Lines, run: Runner, *, cost: Cost | None = None
) -> Iterator[tuple[NDArray[np.int64], Inputs, NDArray[np.float32]]]:
    """Places, inputs and output of each sub-batch, in whatever order is cheapest; `cost` is measured for `run` where it is None."""
    found = cost or cost_of(encoder, run, texts.names)
    for rows in split(texts.lengths, found, equal=reads_padding(encoder)).batches:
        given = texts.batch(rows)
        yield rows, given, run(given)


def embed(
    encoder: Encoder, texts: Sequence[Text], *, pooling: Pooling = "mean", normalise: bool = False, most: int | None = None,
    run: Runner | None = None, cost: Cost | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    """Sentence vectors (text, width) in the given order: the last layer's mean over real tokens, or at the first token ("cls").

    `normalise` makes their length 1. `run` is another form of the trunk (an export, fewer bits); without it the encoder's own is called.
    """
    if pooling not in ("mean", "cls"):
        raise BadRequest(f"there is no pooling {pooling!r}.", "Choose mean or cls.")
    encoded = lines(encoder, texts, most=most)
    found: NDArray[np.float32] | None = None
    for rows, given, output in outputs(encoder, encoded, run or trunk(encoder), cost=cost):
        vectors = pooled(output, given["attention_mask"], pooling, normalise)
        if found is None:
            found = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
        found[rows] = vectors
    assert found is not None
    return found


def pooled(
    output: NDArray[np.float32], mask: NDArray[np.int64], pooling: Pooling = "mean", normalise: bool = False
) -> NDArray[np.float32]:
    """(row, token, width) to (row, width); padded tokens do not count."""
    if pooling == "cls":
        vectors = output[:, 0]
    else:
        weight = (mask / mask.sum(1, keepdims=True)).astype(np.float32)
        vectors = np.matmul(weight[:, None], output)[:, 0]
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12) if normalise else vectors


def logits(
    encoder: Encoder, texts: Sequence[Text], *, most: int | None = None, run: Runner | None = None, cost: Cost | None = None
) -> NDArray[np.float32]:  # fmt: skip
    """Logits (text, label) of a sequence classifier, in the given order. Raises NotApplicable for a model without such a head."""
    if _shape(encoder) != 2:
        raise NotApplicable(f"{encoder.name} has no head that says something of a whole text")
    found: list[Any] = [None] * len(texts)
    for rows, _, output in outputs(encoder, lines(encoder, texts, most=most), run or whole(encoder), cost=cost):
        for row, value in zip(rows, output, strict=True):
            found[row] = value
    return np.stack(found)


def token_logits(
    encoder: Encoder, texts: Sequence[Text], *, most: int | None = None, run: Runner | None = None, cost: Cost | None = None
) -> list[NDArray[np.float32]]:  # fmt: skip
    """Logits (subword, label) of each text by a head that speaks of every subword: token classification, masked language model."""
    if _shape(encoder) != 3 or encoder.model is encoder.base:
        raise NotApplicable(f"{encoder.name} has no head that says something of every subword")
    encoded = lines(encoder, texts, most=most)
    found: list[Any] = [None] * len(texts)
    for rows, _, output in outputs(encoder, encoded, run or whole(encoder), cost=cost):
        for row, value in zip(rows, output, strict=True):
            found[row] = value[: len(encoded.ids[row])].copy()
    return found


def trunk(encoder: Encoder) -> Runner:
    """The encoder without its head as a function."""
    return _kept(encoder, ("trunk",), lambda: torch_runner(encoder.base))


def whole(encoder: Encoder) -> Runner:
    """The encoder with its head as a function."""
    return _kept(encoder, ("whole",), lambda: torch_runner(encoder.model))


def cost_of(encoder: Encoder, run: Runner, names: Sequence[str] = NAMES[:2]) -> Cost:
    """The cost of a form of an encoder on this machine with the threads that torch has, measured once."""
    key = ("cost", run, torch.get_num_threads(), encoder.dtype, encoder.config._attn_implementation)
    return _kept(encoder, key, lambda: Cost.measure(run, encoder.max_length, names=names))


def reads_padding(encoder: Encoder) -> bool:
    """Whether an encoder's output depends on how far a text is padded (FNet, convolutions): then only equal lengths go together."""
    return _kept(encoder, ("padding",), lambda: _moves_with_padding(encoder))


def _moves_with_padding(encoder: Encoder) -> bool:
    alone = lines(encoder, ["a b c d e"])
    given = alone.batch([0])
    n = given["input_ids"].shape[1]
    wide = {
        k: np.pad(v, ((0, 0), (0, 5)), constant_values=alone.pad if k == "input_ids" else 0) for k, v in given.items()
    }
    run = trunk(encoder)
    a, b = run(given), run(wide)[:, :n]
    off = float(np.abs(a - b).max()) / max(float(np.abs(a).max()), 1e-12)
    return off > (1e-4 if encoder.dtype == torch.float32 else 0.05)


def _shape(encoder: Encoder) -> int:
    return _kept(encoder, ("shape",), lambda: whole(encoder)(lines(encoder, ["a b c"]).batch([0])).ndim)


_REMEMBERED: "WeakKeyDictionary[Encoder, dict[Any, Any]]" = WeakKeyDictionary()


def _kept(encoder: Encoder, key: Any, make: Callable[[], Any]) -> Any:
    store = _REMEMBERED.setdefault(encoder, {})
    if key not in store:
        store[key] = make()
    return store[key]
