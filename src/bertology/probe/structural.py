"""Structural probes (Hewitt & Manning 2019): a linear map under which distances are the tree's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from bertology.probe.rows import Vectors, check, finite, location_and_scale, schedule, take
from bertology.probe.trees import spanning_trees, tree_depths, tree_distances
from bertology.record.errors import BadRequest

Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]


class DistanceScores(NamedTuple):
    """Per layer and sentence, in the order of the sentences asked for.

    `hits` (layer, sentence): edges of the predicted minimum spanning tree that are in the gold tree; `total`
    (sentence,): gold edges, punctuation left out of both. `spearman` (layer, sentence): mean over words of the rank
    correlation between a word's predicted and gold distances to all words, punctuation included; nan where undefined.
    `length` (sentence,) in words.
    """

    hits: NDArray[np.int64]
    total: NDArray[np.int64]
    spearman: NDArray[np.float64]
    length: NDArray[np.int64]

    @property
    def uuas(self) -> NDArray[np.float64]:
        """Undirected unlabelled attachment score, (layer,), 0 to 1."""
        return self.hits.sum(1) / max(1, int(self.total.sum()))

    @property
    def dspr(self) -> NDArray[np.float64]:
        """Spearman averaged per sentence length, then over lengths 5 to 50, (layer,).

        Chance is not 0: a word's distance to itself, 0 on both sides, is among the published ranks and alone correlates
        3 / (n + 1) in a sentence of n words.
        """
        return mean_by_length(self.spearman, self.length)


class DepthScores(NamedTuple):
    """Per layer and sentence, in the order of the sentences asked for.

    `root` (layer, sentence): whether the non-punctuation word with the smallest norm is the root; `spearman`
    (layer, sentence): rank correlation of predicted and gold depths, nan where undefined; `length` (sentence,).
    """

    root: NDArray[np.bool_]
    spearman: NDArray[np.float64]
    length: NDArray[np.int64]

    @property
    def root_accuracy(self) -> NDArray[np.float64]:
        """Share of sentences whose root was found, (layer,), 0 to 1."""
        return self.root.mean(1, dtype=np.float64)

    @property
    def nspr(self) -> NDArray[np.float64]:
        """Spearman averaged per sentence length, then over lengths 5 to 50, (layer,)."""
        return mean_by_length(self.spearman, self.length)


@dataclass
class _StructuralProbe:
    """What both probes share: a map of each layer, (width, rank), trained by Adam on the published loss.

    The loss is the absolute error summed over a sentence's pairs (words), divided by its squared length (length), and
    averaged over sentences. Features are divided by their standard deviation first, which the map could do itself.
    """

    rank: int = 64
    epochs: int = 12
    batch_words: int = 512
    learning_rate: float = 0.003
    seed: int = 0

    map_: Float[Tensor, "layer width rank"] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name, f in self.__dataclass_fields__.items() if f.init}

    def fit(
        self,
        vectors: Vectors,
        offsets: Ints,
        heads: Ints,
        *,
        sentences: Ints | None = None,
        dev: Ints | None = None,
    ) -> Self:
        """Learns from `vectors` (layer, row, width); sentence s is rows offsets[s] to offsets[s + 1].

        `heads` (row,) are 0-based within the sentence, -1 the root. `sentences` picks those to learn from, all by
        default; with `dev`, further sentences, each layer keeps the map of the epoch with the lowest dev loss.
        """
        chosen = _chosen(vectors, offsets, heads, sentences)
        gold = {int(s): self._gold(heads[offsets[s] : offsets[s + 1]]) for s in chosen}
        held_out = {} if dev is None else {int(s): self._gold(heads[offsets[s] : offsets[s + 1]]) for s in dev}
        rows = np.concatenate([np.arange(int(offsets[s]), int(offsets[s + 1])) for s in chosen.tolist()])
        layers, _, width = vectors.shape
        _, std, _ = location_and_scale(vectors, rows)
        rng = np.random.default_rng(self.seed)
        generator = torch.Generator().manual_seed(self.seed)
        start = torch.rand(1, width, min(self.rank, width), generator=generator)
        # Every layer starts from one map, so that layers can be reordered without changing their results.
        parameters = ((start * 2 - 1) * 0.05).repeat(layers, 1, 1)
        first, second = torch.zeros_like(parameters), torch.zeros_like(parameters)
        best, lowest = parameters.clone(), torch.full((layers,), torch.inf)
        steps = self.epochs * len(_batches(chosen, offsets, self.batch_words, np.random.default_rng(0)))
        step = 0
        for _ in range(self.epochs):
            for batch in _batches(chosen, offsets, self.batch_words, rng):
                step += 1
                x, target, mask = _padded(vectors, offsets, batch, gold)
                _, gradient = self._loss(x / std[:, None, None], parameters, target, mask, with_gradient=True)
                first.lerp_(gradient, 0.1)
                second.lerp_(gradient.square(), 0.01)
                rate = self.learning_rate * schedule(min(1.0, step / steps))
                parameters -= rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
            if held_out:
                loss = torch.zeros(layers)
                for batch in _batches(np.array(list(held_out)), offsets, 4 * self.batch_words, None):
                    x, target, mask = _padded(vectors, offsets, batch, held_out)
                    loss += len(batch) * self._loss(x / std[:, None, None], parameters, target, mask)[0]
                better = loss < lowest
                lowest = torch.where(better, loss, lowest)
                best[better] = parameters[better]
        finite(parameters, "structural maps learnt from the vectors")
        self.map_ = (best if held_out else parameters) / std[:, :, None]
        return self

    def loss(
        self, vectors: Vectors, offsets: Ints, heads: Ints, *, sentences: Ints | None = None
    ) -> NDArray[np.float64]:
        """The published loss, mean over sentences, (layer,)."""
        chosen = _chosen(vectors, offsets, heads, sentences)
        gold = {int(s): self._gold(heads[offsets[s] : offsets[s + 1]]) for s in chosen}
        total = np.zeros(len(vectors))
        for batch in _batches(chosen, offsets, 4 * self.batch_words, None):
            x, target, mask = _padded(vectors, offsets, batch, gold)
            total += len(batch) * self._loss(x, self.map_, target, mask)[0].double().numpy()
        return total / len(chosen)

    def _gold(self, heads: Ints) -> NDArray[np.int64]:
        raise NotImplementedError

    def _loss(
        self,
        x: Float[Tensor, "layer sentence word width"],
        parameters: Float[Tensor, "layer width rank"],
        target: Float[Tensor, "sentence ..."],
        mask: Tensor,
        *,
        with_gradient: bool = False,
    ) -> tuple[Float[Tensor, "layer"], Float[Tensor, "layer width rank"]]:
        raise NotImplementedError


@dataclass
class DistanceProbe(_StructuralProbe):
    """|B(h_i − h_j)|² ≈ number of arcs between words i and j; rank-limited B, one per layer."""

    def distances(self, vectors: Vectors) -> NDArray[np.float32]:
        """Predicted squared distances between the words of one sentence, (layer, word, word)."""
        check(vectors)
        return _squared_distances(torch.bmm(take(vectors, slice(None)), self.map_)).numpy()

    def evaluate(
        self, vectors: Vectors, offsets: Ints, heads: Ints, punctuation: Flags, *, sentences: Ints | None = None
    ) -> DistanceScores:
        """UUAS counts and Spearman per sentence; `punctuation` (row,) marks words that no tree may hold."""
        chosen = _chosen(vectors, offsets, heads, sentences)
        layers, length = len(vectors), np.diff(offsets)[chosen]
        hits, total = np.zeros((layers, len(chosen)), dtype=np.int64), np.zeros(len(chosen), dtype=np.int64)
        spearman = np.full((layers, len(chosen)), np.nan)
        for places, rows, n in _equal_lengths(chosen, offsets):
            gold = np.stack([tree_distances(heads[r]) for r in rows])
            z = torch.bmm(take(vectors, rows.reshape(-1)), self.map_).reshape(layers * len(rows), n, -1)
            predicted = _squared_distances(z).numpy()
            keep = ~np.asarray(punctuation, dtype=bool)[rows]
            hits[:, places], total[places] = edge_hits(predicted.reshape(layers, len(rows), n, n), gold, keep)
            if n > 1:
                with np.errstate(all="ignore"):
                    by_word = rank_correlation(predicted.reshape(layers, len(rows), n, n), gold[None])
                spearman[:, places] = by_word.mean(2)
        return DistanceScores(hits, total, spearman, length)

    def _gold(self, heads: Ints) -> NDArray[np.int64]:
        return tree_distances(heads)

    def _loss(self, x, parameters, target, mask, *, with_gradient=False):  # type: ignore[no-untyped-def]
        layers, sentences, words, width = x.shape
        flat = x.reshape(layers, sentences * words, width)
        z = torch.bmm(flat, parameters).reshape(layers * sentences, words, -1)
        pairs = (mask[:, :, None] & mask[:, None, :]).float()
        weight = pairs / mask.sum(1).float()[:, None, None].square() / sentences
        error = (_squared_distances(z).unflatten(0, (layers, sentences)) - target) * pairs
        loss = (error.abs() * weight).sum((1, 2, 3))
        if not with_gradient:
            return loss, parameters
        # d|z_i − z_j|²: each unordered pair stands twice in a symmetric sum, hence 4.
        slope = (error.sign() * weight).flatten(0, 1)
        pull = 4 * (slope.sum(2, keepdim=True) * z - torch.bmm(slope, z))
        return loss, torch.bmm(flat.transpose(1, 2), pull.reshape(layers, sentences * words, -1))


@dataclass
class DepthProbe(_StructuralProbe):
    """|B h_i|² ≈ number of arcs between word i and the root; rank-limited B, one per layer."""

    def depths(self, vectors: Vectors) -> NDArray[np.float32]:
        """Predicted squared norms, (layer, row)."""
        check(vectors)
        return torch.bmm(take(vectors, slice(None)), self.map_).square().sum(2).numpy()

    def evaluate(
        self, vectors: Vectors, offsets: Ints, heads: Ints, punctuation: Flags, *, sentences: Ints | None = None
    ) -> DepthScores:
        """Root found or not and Spearman, per sentence; `punctuation` (row,) marks words never taken as root."""
        chosen = _chosen(vectors, offsets, heads, sentences)
        layers, length = len(vectors), np.diff(offsets)[chosen]
        root = np.zeros((layers, len(chosen)), dtype=bool)
        spearman = np.full((layers, len(chosen)), np.nan)
        for places, rows, n in _equal_lengths(chosen, offsets):
            z = torch.bmm(take(vectors, rows.reshape(-1)), self.map_)
            predicted = z.square().sum(2).reshape(layers, len(rows), n).numpy()
            barred = np.asarray(punctuation, dtype=bool)[rows]
            barred &= ~barred.all(1, keepdims=True)
            found = np.where(barred, np.inf, predicted).argmin(2)
            root[:, places] = np.take_along_axis(heads[rows][None].repeat(layers, 0), found[..., None], 2)[..., 0] == -1
            if n > 1:
                with np.errstate(all="ignore"):
                    spearman[:, places] = rank_correlation(
                        predicted, np.stack([tree_depths(heads[r]) for r in rows])[None]
                    )
        return DepthScores(root, spearman, length)

    def _gold(self, heads: Ints) -> NDArray[np.int64]:
        return tree_depths(heads)

    def _loss(self, x, parameters, target, mask, *, with_gradient=False):  # type: ignore[no-untyped-def]
        layers, sentences, words, width = x.shape
        flat = x.reshape(layers, sentences * words, width)
        z = torch.bmm(flat, parameters)
        weight = mask.float() / mask.sum(1, keepdim=True) / sentences
        error = (z.square().sum(2).unflatten(1, (sentences, words)) - target) * mask
        loss = (error.abs() * weight).sum((1, 2))
        if not with_gradient:
            return loss, parameters
        slope = 2 * (error.sign() * weight).flatten(1, 2)[:, :, None]
        return loss, torch.bmm(flat.transpose(1, 2), slope * z)


def edge_hits(
    predicted: NDArray[np.floating[Any]], gold: NDArray[np.integer[Any]], keep: Flags
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edges of minimum spanning trees over the words kept that gold trees share, and the gold edges.

    `predicted` (layer, sentence, word, word) and `gold` (sentence, word, word) are distances, `keep` (sentence, word).
    Returns (layer, sentence) and (sentence,). Where a word left out governed others, the gold tree closes over it.
    """
    layers, sentences, n = predicted.shape[:3]
    right = spanning_trees(gold, keep)
    edges = np.zeros((sentences, n, n), dtype=bool)
    sentence, word = np.nonzero(right >= 0)
    edges[sentence, word, right[sentence, word]] = edges[sentence, right[sentence, word], word] = True
    guess = spanning_trees(predicted.reshape(layers * sentences, n, n), np.tile(keep, (layers, 1)))
    guess = guess.reshape(layers, sentences, n)
    found = edges[np.arange(sentences)[:, None], np.arange(n), guess] & (guess >= 0)
    return found.sum(2), (right >= 0).sum(1)


def rank_correlation(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Spearman's ρ along the last axis, ties at their mean rank; nan where either side is constant."""
    x, y = (rankdata(side, axis=-1) for side in (a, b))
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    return (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))


def mean_by_length(values: NDArray[np.float64], length: Ints, *, low: int = 5, high: int = 50) -> NDArray[np.float64]:
    """Per-sentence values averaged within each sentence length, then over lengths `low` to `high`, (layer,)."""
    groups = [values[:, length == n] for n in range(low, high + 1) if (length == n).any()]
    known = [np.isfinite(group) for group in groups]
    with np.errstate(all="ignore"):
        means = [np.where(k, g, 0).sum(1) / k.sum(1) for g, k in zip(groups, known, strict=True)]
    return np.nanmean(means, axis=0) if means else np.full(len(values), np.nan)


def _squared_distances(z: Float[Tensor, "sentence word rank"]) -> Float[Tensor, "sentence word word2"]:
    norm = z.square().sum(2)
    return (norm[:, :, None] + norm[:, None, :] - 2 * torch.bmm(z, z.transpose(1, 2))).clamp(min=0)


def _chosen(vectors: Vectors, offsets: Ints, heads: Ints, sentences: Ints | None) -> Ints:
    """The sentences to use; BadRequest if offsets, heads and rows do not fit together."""
    n = check(vectors)
    offsets = np.asarray(offsets)
    if len(heads) != n or len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != n or (np.diff(offsets) < 1).any():
        raise BadRequest(
            f"{len(offsets)} offsets and {len(heads)} heads do not describe {n} rows.",
            "Give offsets that rise from 0 to the number of rows, and one head per row.",
        )
    chosen = np.arange(len(offsets) - 1) if sentences is None else np.asarray(sentences)
    if not len(chosen):
        raise BadRequest("no sentence was chosen.", "Give at least one.")
    return chosen


def _batches(chosen: Ints, offsets: Ints, words: int, rng: np.random.Generator | None) -> list[Ints]:
    """Sentences of similar length, about `words` words a batch; equal lengths and the batches in random order."""
    mixed = chosen if rng is None else rng.permutation(chosen)
    ordered = mixed[np.argsort((offsets[mixed + 1] - offsets[mixed]), kind="stable")]
    place = np.cumsum(offsets[ordered + 1] - offsets[ordered]) // words
    batches = np.split(ordered, np.flatnonzero(np.diff(place)) + 1)
    return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]


def _padded(
    vectors: Vectors, offsets: Ints, batch: Ints, gold: dict[int, NDArray[np.int64]]
) -> tuple[Float[Tensor, "layer sentence word width"], Tensor, Tensor]:
    """Vectors, gold distances or depths, and which words are there."""
    lengths = offsets[batch + 1] - offsets[batch]
    mask = np.arange(lengths.max()) < lengths[:, None]
    rows = np.where(mask, offsets[batch][:, None] + np.arange(lengths.max()), offsets[batch][:, None])
    first = gold[int(batch[0])]
    target = np.zeros((len(batch), *(lengths.max(),) * first.ndim), dtype=np.float32)
    for i, sentence in enumerate(batch.tolist()):
        target[(i, *(slice(lengths[i]),) * first.ndim)] = gold[sentence]
    x = take(vectors, rows.reshape(-1)).unflatten(1, mask.shape)
    return x, torch.from_numpy(target), torch.from_numpy(mask)


def _equal_lengths(chosen: Ints, offsets: Ints) -> Iterator[tuple[Ints, Ints, int]]:
    """(places among the chosen, rows (sentence, word), length) of equally long sentences, in small portions."""
    length = offsets[chosen + 1] - offsets[chosen]
    for n in np.unique(length).tolist():
        places = np.flatnonzero(length == n)
        for part in np.array_split(places, int(np.ceil(len(places) * n * n / 200_000))):
            yield part, offsets[chosen[part]][:, None] + np.arange(n), n
