"""One task and its control task by accuracy and by description length, over seeds (Voita & Titov 2020)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.mdl import PORTIONS, online_code, variational_code
from bertology.probe.mlp import MLPProbe
from bertology.probe.readings import labelled
from bertology.stats.tally import in_split

FIRST = 100
"""Words that the first portion holds at least; the study's first portion, a thousandth of its corpus, holds 900. A
perceptron that has seen three words costs more than no probe, and how much is a matter of the draw."""


class Codes(NamedTuple):
    """(task or control, seed): `accuracy` on test words, 0 to 1; `online` and `variational` code length, bits a label.

    `uniform` is the cost of a label without learning, in bits; `n` words were learnt from.
    """

    accuracy: NDArray[np.float64]
    online: NDArray[np.float64]
    variational: NDArray[np.float64]
    uniform: float
    n: int


@dataclass(frozen=True)
class CodesOverSeeds(Derived):
    """A perceptron with one hidden layer, its online code, and the variational code of a linear probe, in one layer.

    Seeds draw the start of the perceptron, the order of words, and what the codes draw; the words, and the control
    task's labels, are the same for all. Up to `most` words of the train blocks are learnt from and sent.
    """

    task: str
    layer: int
    seeds: int = 5
    most: int = 2500
    limit: int = 20000
    seed: int = 0
    VERSION = 2

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        found: dict[str, list[list[float]]] = {name: [] for name in ("accuracy", "online", "variational")}
        for control in (False, True):
            rows = labelled(self.task, encoded, table, control=control, seed=self.seed)
            test = rows.judged[in_split(rows.blocks[rows.judged], "test")]
            train = np.sort(np.random.default_rng(self.seed).permutation(rows.train)[: self.most])
            vectors = np.ascontiguousarray(table.vectors[[self.layer]][:, np.r_[train, test]])
            labels, first = rows.labels[np.r_[train, test]], np.arange(len(train))
            classes = np.unique(rows.labels[np.r_[rows.train, test]])
            portions = tuple(share for share in PORTIONS if share * len(train) >= FIRST) or (1.0,)
            for values in found.values():
                values.append([])
            for k in range(self.seeds):
                seed = 1000 * self.seed + k
                probe = MLPProbe(hidden=64, epochs=12, min_steps=120, seed=seed)
                learnt = probe.fit(vectors, labels, rows=first, classes=classes)
                right = learnt.evaluate(vectors, labels, rows=np.arange(len(train), len(labels))).correct
                online = online_code(
                    vectors, labels, probe=probe, seed=seed, portions=portions, rows=first, classes=classes
                )
                sent = variational_code(vectors, labels, seed=seed, rows=first, classes=classes)
                found["accuracy"][-1].append(float(right.mean()))
                found["online"][-1].append(float(online.total[0]) / len(train))
                found["variational"][-1].append(float(sent.total[0]) / len(train))
        uniform = np.array([np.log2(len(classes)), len(train)])
        return {name: np.array(values) for name, values in found.items()} | {"uniform": uniform}

    def finish(self, state: Arrays) -> Codes:
        uniform, n = state["uniform"].tolist()
        return Codes(*(np.array(state[k]) for k in ("accuracy", "online", "variational")), uniform=uniform, n=int(n))
