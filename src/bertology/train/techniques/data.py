"""The order and choice of the data: curriculum."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class Curriculum(Technique):
    """Short examples first in the first `epochs` epochs (Bengio et al. 2009; the survey lists curriculum fine-tuning), then shuffled.

    Equal lengths are in an order drawn with the run's seed.
    """

    cites: ClassVar = ("bengio-2009",)
    epochs: int = 1

    def order(self, tuning: Tuning, lines: list[dict[str, list[int]]], number: int) -> list[int] | None:
        if number >= self.epochs:
            return None
        length = np.array([len(line["input_ids"]) for line in lines])
        noise = np.random.default_rng([tuning.seed, 5]).random(len(lines))
        return np.lexsort((noise, length)).tolist()
