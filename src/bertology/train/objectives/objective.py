"""What a model is trained on: an objective arranges the text, corrupts an example, and scores what the model makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bertology.train.batch import TrainingBatch
from bertology.train.draft import Draft, Piece, Source
from bertology.train.reading import Reading


@dataclass(frozen=True)
class Objective:
    """Base of all objectives: frozen, so equal objectives are the same objective. Override what differs.

    An example passes all objectives of a recipe in order: first `arrange`, then `corrupt`. `losses` and `counts` have
    the same keys, `weights` too; the loss of a step is the weighted sum of (sum of losses / sum of counts), so it does
    not depend on how a step is cut into batches or processes.
    """

    cites: ClassVar[tuple[str, ...]] = ()
    pieces: ClassVar[int] = 1
    """How many pieces of text an example must have."""

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        """Other pieces, or the same in another order, and the classes to predict from them."""
        return pieces, {}

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        """Edits what the model reads and must predict."""

    def head(self, model: nn.Module) -> nn.Module | None:
        """Parameters beside the model's own; kept beside the checkpoint, left out of the result."""
        return None

    def weights(self) -> Mapping[str, float]:
        raise NotImplementedError

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        """Number of predictions of each part."""
        raise NotImplementedError

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        """Sum of the losses of each part, in nats, in float32."""
        raise NotImplementedError


def draft(
    objectives: Sequence[Objective], pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
) -> Draft:
    """One example, arranged and corrupted by all objectives in turn."""
    targets: dict[str, Any] = {}
    for objective in objectives:
        pieces, found = objective.arrange(pieces, source, rng)
        targets |= found
    made = source.assemble(pieces)
    made.targets |= targets
    for objective in objectives:
        objective.corrupt(made, source, rng)
    return made
