"""k nearest neighbours by cosine, and silhouettes of labels (Rousseeuw 1987): readings without training."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.linear import score_blocks
from bertology.probe.rows import Vectors, blocks, check, class_list, encode_labels, finite, take
from bertology.probe.scores import Scores
from bertology.record.errors import BadRequest

QUERIES = 512


@dataclass
class Neighbours:
    """The majority label of the `k` training rows with the largest cosine; ties go to the closer voters.

    p(class) = (votes + 1 / classes) / (k + 1), so that losses are finite. All training rows are compared: O(rows²).
    """

    k: int = 5

    classes_: NDArray[Any] = field(init=False, repr=False)
    unit_: Float[Tensor, "layer row width"] = field(init=False, repr=False)
    target_: Int[Tensor, "row"] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"k": self.k}

    def fit(self, vectors: Vectors, labels: NDArray[Any]) -> "Neighbours":
        """Keeps the rows at unit length as float32: (layer, row, width) × 4 bytes."""
        n = check(vectors, labels)
        if not 1 <= self.k < n:
            raise BadRequest(f"k = {self.k} for {n} rows.", "Choose 1 ≤ k < number of rows.")
        self.classes_ = class_list(labels, None)
        self.target_ = encode_labels(labels, self.classes_)
        self.unit_ = _unit(take(vectors, slice(None)))
        return self

    def predict(self, vectors: Vectors) -> NDArray[Any]:
        """The label voted for, (layer, row)."""
        return self.evaluate(vectors, np.full(vectors.shape[1], self.classes_[0])).predicted

    def score(self, vectors: Vectors, labels: NDArray[Any]) -> NDArray[np.float64]:
        """Accuracy, (layer,), 0 to 1."""
        return self.evaluate(vectors, labels).accuracy

    def evaluate(self, vectors: Vectors, labels: NDArray[Any]) -> Scores:
        """Correctness, loss and prediction of rows that are not among the training rows."""
        n = check(vectors, labels)
        target = encode_labels(labels, self.classes_)
        parts = ((place, self._votes(_unit(x), None)) for place, x in blocks(vectors, size=QUERIES))
        return score_blocks(parts, target, self.classes_, layers=len(vectors), rows=n)

    def leave_one_out(self) -> Scores:
        """Each training row judged by the others."""
        n = len(self.target_)
        places = [slice(start, min(start + QUERIES, n)) for start in range(0, n, QUERIES)]
        parts = ((place, self._votes(self.unit_[:, place], place)) for place in places)
        return score_blocks(parts, self.target_, self.classes_, layers=len(self.unit_), rows=n)

    def _votes(
        self, queries: Float[Tensor, "layer query width"], itself: slice | None
    ) -> Float[Tensor, "layer class query"]:
        """ln p(class); layer by layer, since (query, row) similarities are the largest thing in memory here."""
        result = torch.zeros(len(queries), len(self.classes_), queries.shape[1])
        for layer, (query, unit) in enumerate(zip(queries, self.unit_, strict=True)):
            cosine = query @ unit.T
            if itself is not None:
                at = torch.arange(len(query))
                cosine[at, at + itself.start] = -torch.inf
            near, rows = cosine.topk(self.k, dim=1)
            voted = self.target_[rows]
            votes = torch.zeros(len(query), len(self.classes_)).scatter_add_(1, voted, torch.ones_like(near))
            closeness = torch.zeros_like(votes).scatter_add_(1, voted, near)
            # Cosines lie within ±1, so this moves no vote, only ties.
            votes += closeness * (1e-4 / self.k)
            result[layer] = ((votes + 1 / len(self.classes_)) / (self.k + 1)).clamp(min=1e-9).log().T
        return result


def silhouettes(vectors: Vectors, labels: NDArray[Any]) -> NDArray[np.float64]:
    """Each row's silhouette (b − a) / max(a, b) under cosine distance, (layer, row), −1 to 1; its mean is the layer's.

    a is the mean distance to the other rows of the same label, b the smallest mean distance to another label's rows.
    Exact in O(rows × labels): the mean cosine to a set is the product with the mean of its unit vectors. 0 for a
    label that occurs once.
    """
    n = check(vectors, labels)
    classes = class_list(labels, None)
    target = encode_labels(labels, classes)
    counts = torch.bincount(target, minlength=len(classes)).double()
    sums = torch.zeros(len(vectors), len(classes), vectors.shape[2], dtype=torch.float64)
    for place, x in blocks(vectors):
        sums.index_add_(1, target[place], _unit(x).double())
    result = np.zeros((len(vectors), n))
    for place, x in blocks(vectors):
        goal, at = target[place], torch.arange(place.stop - place.start)
        distance = counts - torch.bmm(_unit(x).double(), sums.transpose(1, 2))
        own = distance[:, at, goal] / (counts[goal] - 1).clamp(min=1)
        other = distance / counts
        other[:, at, goal] = math.inf
        nearest = other.min(2).values
        value = (nearest - own) / torch.maximum(own, nearest).clamp(min=1e-12)
        result[:, place] = torch.where(counts[goal] > 1, value, 0.0).numpy()
    return result


def _unit(x: Float[Tensor, "layer row width"]) -> Float[Tensor, "layer row width"]:
    """Rows at length 1; a zero row stays zero."""
    finite(x, "vectors")
    return torch.nn.functional.normalize(x, dim=2, eps=1e-12)
