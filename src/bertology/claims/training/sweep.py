"""A learning rate for each recipe, chosen on a seed of its own."""

from dataclasses import replace
from typing import Any

from bertology.claims.training import scale
from bertology.corpus.corpora import Corpora
from bertology.observe import Asking, make
from bertology.record.errors import BadRequest
from bertology.train.artefacts import Training
from bertology.train.recipe import Recipe

CHOOSING_SEED = 50
"""Beside the seeds that results are estimated on."""


def with_best_rates(
    recipes: list[Recipe], rates: list[tuple[float, ...]], corpora: Corpora, seed: int
) -> Asking[list[tuple[Recipe, bool]]]:
    """Each recipe at the one of its rates with the lowest held-out loss, and whether that is the lowest or highest of them."""
    options = [[at_rate(r, x) for x in xs] for r, xs in zip(recipes, rates, strict=True)]
    asked = [Training(r, corpora.raw, scale.TOKENS, seed * 100 + CHOOSING_SEED) for of_one in options for r in of_one]
    made = iter((yield from make(*asked)))
    found = []
    for of_one in options:
        losses = scale.held_out([next(made) for _ in of_one]).tolist()
        best = losses.index(min(losses))
        found.append((of_one[best], best in (0, len(of_one) - 1)))
    return found


def at_rate(recipe: Recipe, rate: float) -> Recipe:
    """The recipe with another peak learning rate."""
    optimizer: Any = recipe.optimizer
    if not hasattr(optimizer, "rate"):
        raise BadRequest(f"{type(optimizer).__name__} has no rate.", "Sweep another optimizer.")
    return replace(recipe, optimizer=replace(optimizer, rate=rate))
