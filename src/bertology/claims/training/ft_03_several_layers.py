"""Several layers beat the last alone (Su & Cheng 2019; Yang & Zhao 2019)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import ComplementaryLayers, ScalarMix, Technique, Tuning

NAMES = ("number of the subject", "tense", "depth")


@dataclass(frozen=True)
class LastLayerOnly(Technique):
    """A technique that combines layers, with all its parameters, shown the last layer in the place of each."""

    plain: ClassVar = False
    of: Technique

    def prepare(self, tuning: Tuning) -> None:
        before = set(dict(tuning.model.named_children()))
        self.of.prepare(tuning)
        (added,) = (module for name, module in tuning.model.named_children() if name not in before)
        combined: Any = added
        combined.change = _Repeated(combined.change)


class _Repeated(nn.Module):
    def __init__(self, change: Callable[..., Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, states: list[Tensor], mask: Tensor) -> Tensor:
        return self.change([states[-1]] * len(states), mask)


@claim(
    id="ft-03",
    section="5.4",
    says="Using several layers beats using the last alone.",
    cites=("yang-2019", "su-2019"),
    method="""Two ways of reading all layers, a mix by learned weights and complementary layers, on three tasks. Control: the same
    modules with the same parameters, shown the last layer in the place of each. Holds if the mean of both beats its
    controls and standard fine-tuning.""",
    expects={
        "gain over the same parameters on the last layer": above(0.0),
        "gain over standard fine-tuning": above(0.0),
    },
    needs=("training", "treebank:head"),
)
def several_layers_beat_the_last(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    ways = {"mix": ScalarMix(), "complementary": ComplementaryLayers()}
    arms = {"standard": fine_tuned.STANDARD}
    arms |= {name: fine_tuned.using(way) for name, way in ways.items()}
    arms |= {f"{name}, last layer only": fine_tuned.using(LastLayerOnly(way)) for name, way in ways.items()}
    found = yield from fine_tuned.scored([(encoder, t, recipe) for recipe in arms.values() for t in tasks], seed)
    of = dict(zip(arms, np.array([s.values for s in found]).reshape(len(arms), len(tasks), -1).mean(1), strict=True))
    mean = lambda names: np.mean([of[name] for name in names], axis=0)
    several, last = mean(ways), mean(f"{name}, last layer only" for name in ways)
    values = {
        "gain over the same parameters on the last layer": repeats.difference(several, last, unit="score"),
        "gain over standard fine-tuning": repeats.difference(several, of["standard"], unit="score"),
        **{f"gain of {name}": repeats.difference(of[name], of[f"{name}, last layer only"], unit="score") for name in ways},
    }  # fmt: skip
    rows = fine_tuned.rows("score", {f"{t}: {arm}": found[k * len(tasks) + i].values
                                for i, t in enumerate(NAMES) for k, arm in enumerate(arms)})  # fmt: skip
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, last))
