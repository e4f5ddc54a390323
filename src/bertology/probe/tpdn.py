"""Tensor product decomposition networks (McCoy et al. 2019): a sentence vector as a sum of words bound to their roles.

The vector of a sentence is approximated by b + W · Σ filler(word) ⊗ role(word), with embeddings of words and of roles that
are learnt together with W. A role scheme says what a word's role is; the scheme with the lowest held-out error is the one whose
structure the encoder comes closest to. All schemes have the same dimensions and start from the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.corpus.sentence import Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import SentenceTable, SentenceVectors
from bertology.probe.rows import schedule
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

FEWEST = 100  # training sentences; a tenth of it in dev and in test blocks
RARE = 3  # words and roles with fewer training occurrences share one embedding each


def tree_positions(s: Sentence) -> list[str]:
    """The way from the root: at each step the side of the governor and which dependant on that side, the nearest first."""
    heads = s.layers["head"]
    step = [""] * len(s)
    for governor in range(len(s)):
        below = [word for word, head in enumerate(heads) if head == governor]
        for k, word in enumerate(sorted((w for w in below if w < governor), reverse=True)):
            step[word] = f"L{k}"
        for k, word in enumerate(sorted(w for w in below if w > governor)):
            step[word] = f"R{k}"
    found = []
    for word in range(len(s)):
        way, at = "", word
        while heads[at] >= 0:
            way, at = step[at] + way, heads[at]
        found.append(way)
    return found


SCHEMES: Mapping[str, Callable[[Sentence], list[str]]] = MappingProxyType({
    "left to right": lambda s: [str(i) for i in range(len(s))],
    "right to left": lambda s: [str(len(s) - i) for i in range(len(s))],
    "bag of words": lambda s: [""] * len(s),
    "bidirectional": lambda s: [f"{i} {len(s) - i}" for i in range(len(s))],
    "tree positions": tree_positions,
})  # fmt: skip
"""The five role schemes of Jawahar et al. 2019: the role of each word of a sentence."""


@dataclass
class TensorProductNetwork:
    """One network: `fillers` and `roles` are dimensions. The epoch with the lowest dev error is kept.

    Adam with decoupled weight decay on batches of `batch` sentences over `epochs` passes. Every scheme starts from the vectors'
    mean (W = 0) with the same fillers and with roles that differ little, as a bag of words, so that rare roles cost little.
    """

    fillers: int = 20
    roles: int = 12
    epochs: int = 30
    batch: int = 64
    learning_rate: float = 0.01
    weight_decay: float = 1.0
    seed: int = 0

    def fit(self, words: Sequence[Sequence[str]], roles: Sequence[Sequence[str]], targets: NDArray[np.float32],
            train: NDArray[np.int64], dev: NDArray[np.int64]) -> "TensorProductNetwork":  # fmt: skip
        """Learns from the sentences `train`: their words, roles and target vectors, (sentence, width)."""
        self._words, self._roles = _numbers(words, train), _numbers(roles, train)
        bound = self._bound(words, roles)
        y = torch.from_numpy(np.asarray(targets, dtype=np.float32))
        generator = torch.Generator().manual_seed(self.seed)
        draw = lambda *shape: torch.randn(*shape, generator=generator)
        width, inner = y.shape[1], self.fillers * self.roles
        filler = draw(len(self._words) + 1, self.fillers)
        role = (draw(1, self.roles) + 0.3 * draw(len(self._roles) + 1, self.roles)) / self.roles**0.5
        parameters = [nn.Parameter(part) for part in (filler, role, torch.zeros(inner, width), y[train].mean(0))]
        optimiser = torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=self.weight_decay)
        rng = np.random.default_rng(self.seed)
        steps, step, lowest = self.epochs * -(-len(train) // self.batch), 0, np.inf
        self._kept = [p.detach().clone() for p in parameters]
        for _ in range(self.epochs):
            for chosen in np.array_split(rng.permutation(train), -(-len(train) // self.batch)):
                step += 1
                for group in optimiser.param_groups:
                    group["lr"] = self.learning_rate * schedule(min(1.0, step / steps))
                optimiser.zero_grad()
                (_approximate(parameters, bound, chosen) - y[chosen]).square().sum(1).mean().backward()
                optimiser.step()
            with torch.no_grad():
                error = float((_approximate(parameters, bound, dev) - y[dev]).square().sum(1).mean())
            if error < lowest:
                lowest, self._kept = error, [p.detach().clone() for p in parameters]
        return self

    def predict(self, words: Sequence[Sequence[str]], roles: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """The approximated vectors, (sentence, width)."""
        bound = self._bound(words, roles)
        with torch.no_grad():
            parts = [
                _approximate(self._kept, bound, part)
                for part in np.array_split(np.arange(len(words)), len(words) // 500 + 1)
            ]
        return torch.cat(parts).numpy()

    def _bound(self, words: Sequence[Sequence[str]], roles: Sequence[Sequence[str]]) -> "_Bound":
        """Numbers of words and roles, 0 for those that training does not know, sentence after sentence."""
        place = lambda known, every: torch.tensor([known.get(x, 0) for own in every for x in own], dtype=torch.long)
        starts = np.concatenate([[0], np.cumsum([len(own) for own in words])])
        return _Bound(place(self._words, words), place(self._roles, roles), starts)


class _Bound(NamedTuple):
    word: Tensor
    role: Tensor
    starts: NDArray[np.int64]


class TensorProductErrors(NamedTuple):
    """`errors`: Tally (block, scheme) over the test blocks, squared errors in shares of the vectors' variance: 1 is no better
    than their mean. `roles` (scheme,): how many roles each scheme has in training."""

    errors: Tally
    roles: NDArray[np.int64]


@dataclass(frozen=True)
class TensorProducts(Derived):
    """Networks of all SCHEMES fitted to the last layer's sentence vectors ("cls", or "mean" over tokens)."""

    pooling: str = "cls"
    limit: int = 6000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("cls", "mean", "max"), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        corpus = encoded.corpus
        whole = np.array(
            [list(corpus[s].layers.get("head", ())).count(-1) == 1 for s in table.sentence.tolist()], dtype=bool
        )
        blocks = corpus.blocks[table.sentence]
        train, dev, test = (np.flatnonzero(whole & in_split(blocks, part)) for part in ("train", "dev", "test"))
        if len(train) < FEWEST or min(len(dev), len(test)) < FEWEST // 10:
            raise NotApplicable(f"{corpus.name} has {len(train)} trees to learn from and {len(test)} to test on")
        vectors = table.pooled(self.pooling)[-1].astype(np.float32)
        vectors -= vectors[train].mean(0)
        size = float(np.square(vectors[train]).sum(1).mean())
        if size <= 1e-8:
            raise NotApplicable(f"the sentence vectors ({self.pooling}) of {encoder.name} are all the same")
        vectors /= size**0.5
        sentences = [corpus[s] if ok else None for s, ok in zip(table.sentence.tolist(), whole.tolist(), strict=True)]
        words = [[w.lower() for w in s.words] if s else [] for s in sentences]
        errors, count = [], []
        for scheme in SCHEMES.values():
            roles = [scheme(s) if s else [] for s in sentences]
            network = TensorProductNetwork(seed=self.seed).fit(words, roles, vectors, train, dev)
            found = network.predict([words[i] for i in test], [roles[i] for i in test])
            errors.append(np.square(found - vectors[test]).sum(1))
            count.append(len({role for i in train for role in roles[i]}))
        sums = lambda x: np.bincount(blocks[test], x, corpus.n_blocks)
        return {
            "total": np.stack([sums(e) for e in errors], 1),
            "weight": sums(np.ones(len(test))),
            "roles": np.array(count),
        }

    def finish(self, state: Arrays) -> TensorProductErrors:
        return TensorProductErrors(Tally(state["total"], state["weight"]), state["roles"])


def _numbers(every: Sequence[Sequence[str]], train: NDArray[np.int64]) -> dict[str, int]:
    """A number from 1 for what occurs at least RARE times in training."""
    names, counts = np.unique([x for i in train for x in every[i]], return_counts=True)
    return {str(name): k for k, name in enumerate(names[counts >= RARE], start=1)}


def _approximate(parameters: Sequence[Tensor], bound: _Bound, chosen: NDArray[np.int64]) -> Tensor:
    """b + W · Σ filler ⊗ role of the chosen sentences, (sentence, width)."""
    filler, role, output, offset = parameters
    lengths = np.diff(bound.starts)[chosen]
    at = torch.from_numpy(np.concatenate([np.arange(bound.starts[s], bound.starts[s + 1]) for s in map(int, chosen)]))
    owner = torch.from_numpy(np.repeat(np.arange(len(chosen)), lengths))
    products = (filler[bound.word[at]][:, :, None] * role[bound.role[at]][:, None]).flatten(1)
    return products.new_zeros(len(chosen), products.shape[1]).index_add(0, owner, products) @ output + offset
