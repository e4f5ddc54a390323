"""Which auxiliary is the main clause's? A linear probe that never saw the first one be wrong (Lin et al. 2019).

Where the first auxiliary is the main one, "first" and "of the main clause" are the same rule; a probe that learns from such
sentences alone shows by the others which of the two the vectors suggest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bertology.corpus.sentence import Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.readings import FEWEST, ROUNDS
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

KINDS = ("agree", "conflict")


class MainAuxiliaries(NamedTuple):
    """`right`: Tally (block, kind, layer) over sentences of dev and test blocks: the auxiliary that the probe finds likeliest to be
    the main one is. `first`: Tally (block, kind, layer), it is the first. `learnt` sentences of kind "agree"."""

    right: Tally
    first: Tally
    learnt: int


@dataclass(frozen=True)
class MainAuxiliary(Derived):
    """One linear probe a layer, main auxiliary or not, from the training blocks' sentences in which the main one is the first."""

    limit: int = 40000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        corpus = encoded.corpus
        row_of = {pair: row for row, pair in enumerate(zip(table.sentence.tolist(), table.word.tolist(), strict=True))}
        cases = [
            (s, found) for s in np.unique(table.sentence).tolist() if (found := auxiliaries(corpus[s])) is not None
        ]
        blocks = corpus.blocks[[s for s, _ in cases]] if cases else np.zeros(0, np.int64)
        kind = np.array([int(main != places[0]) for _, (places, main) in cases], dtype=np.int64)
        train = np.flatnonzero(in_split(blocks, "train") & (kind == 0))
        judged = np.flatnonzero(in_split(blocks, "dev+test"))
        if (
            2 * len(train) < FEWEST
            or min((in_split(blocks, p) & (kind == 1)).sum() for p in ("dev", "test")) < FEWEST // 10
        ):
            raise NotApplicable(
                f"{corpus.name} has {len(train)} sentences to learn from in which the first of several auxiliaries is the main one, and "
                f"{int((kind[judged] == 1).sum())} to test on in which it is not"
            )
        rows, labels = zip(
            *[(row_of[cases[k][0], w], w == cases[k][1][1]) for k in train for w in cases[k][1][0]], strict=True
        )
        every = np.full(table.vectors.shape[1], "", dtype="<U4")
        every[list(rows)] = np.where(labels, "main", "no")
        probe = LinearProbe(l2=(30.0,), **ROUNDS, seed=self.seed)
        probe.fit(table.vectors, every, rows=np.array(rows))
        layers = len(table.vectors)
        right, first = (np.zeros((corpus.n_blocks, len(KINDS), layers)) for _ in range(2))
        count = np.zeros((corpus.n_blocks, len(KINDS)))
        asked = np.array([row_of[cases[k][0], w] for k in judged for w in cases[k][1][0]])
        main = probe.log_probabilities(np.take(table.vectors, asked, axis=1))[
            :, :, probe.classes_.tolist().index("main")
        ].numpy()
        at = 0
        for k in judged.tolist():
            places, true = cases[k][1]
            chosen = main[:, at : at + len(places)].argmax(1)
            at += len(places)
            right[blocks[k], kind[k]] += chosen == places.index(true)
            first[blocks[k], kind[k]] += chosen == 0
            count[blocks[k], kind[k]] += 1
        return {"right": right, "first": first, "count": count, "learnt": np.array([len(train)])}

    def finish(self, state: Arrays) -> MainAuxiliaries:
        count = state["count"][:, :, None]
        tally = lambda name: Tally(state[name], np.broadcast_to(count, state[name].shape))
        return MainAuxiliaries(tally("right"), tally("first"), int(state["learnt"][0]))


def auxiliaries(s: Sentence) -> tuple[list[int], int] | None:
    """(places of the auxiliaries, the main one): of sentences with two or more, one a clause, one of them the root's; else None."""
    heads, relations = s.layers.get("head", ()), s.layers.get("deprel", ())
    places = [w for w, relation in enumerate(relations) if relation == "aux"]
    governors = [heads[w] for w in places]
    main = [w for w in places if heads[heads[w]] == -1]
    if len(places) < 2 or len(set(governors)) < len(places) or len(main) != 1:
        return None
    return places, main[0]
