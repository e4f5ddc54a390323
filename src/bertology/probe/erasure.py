"""Amnesic probing (Elazar et al. 2021): a property is erased from the states of masked words, and the model's own head reads on.

Learnt on the train blocks, the end of INLP chosen on dev blocks, everything else counted on test blocks.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Derived, Scratch, Statistic
from bertology.observe.vectors import FLOAT16_MAX, WordTable
from bertology.observe.words import PUNCTUATION
from bertology.probe.amnesic import INLP, LEACE, RandomDirections
from bertology.probe.linear import LinearProbe
from bertology.probe.readings import FEWEST, ROUNDS, labelled
from bertology.probe.scores import tally_rows
from bertology.probe.tasks import FEWEST as FEWEST_OF_A_LABEL
from bertology.probe.tasks import TASKS
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

METHODS = ("INLP", "LEACE")
DRAWS = 5
"""Draws of random directions that a control is averaged over."""
STEPS, EXAMPLES = 80, 128
"""Of learning where to put the tag back."""
CHUNK = 512


class MaskedTable(NamedTuple):
    """`vectors` (row, width) float16, the encoder's output at words that were masked; `ids` (row,) the subword hidden there."""

    vectors: NDArray[np.float16]
    ids: NDArray[np.int64]
    sentence: NDArray[np.int32]
    word: NDArray[np.int32]


@dataclass(frozen=True)
class MaskedWords(Statistic):
    """The encoder's output at masked words of one subword that are no punctuation, among `limit` words of whole sentences.

    For a pass under `MaskWords`: a word counts as masked when the batch does not read what the sentence says there.
    """

    limit: int = 60000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        offset = np.full(len(encoded.corpus), -1, dtype=np.int64)
        chosen, total = [], 0
        for place in np.random.default_rng(self.seed).permutation(len(encoded.lines)).tolist():
            line = encoded.lines[place]
            if total + len(line.pieces) > self.limit:
                break
            chosen.append(line)
            total += len(line.pieces)
        at = 0
        sentence, word = np.empty(total, np.int32), np.empty(total, np.int32)
        for line in sorted(chosen, key=lambda line: line.index):
            n = len(line.pieces)
            offset[line.index], sentence[at : at + n], word[at : at + n] = at, line.index, np.arange(n)
            at += n
        vectors = scratch("vectors", (total, encoder.width), "float16")
        return {
            "vectors": vectors,
            "ids": np.zeros(total, np.int64),
            "sentence": sentence,
            "word": word,
            "offset": offset,
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        read, places, rows, tokens = batch.ids.cpu().numpy(), [], [], []
        for row, line in enumerate(batch.lines):
            at = int(state["offset"][line.index])
            if at < 0:
                continue
            words = batch.sentences[row].words
            for word, pieces in enumerate(line.pieces):
                if len(pieces) == 1 and read[row, pieces[0]] != line.ids[pieces[0]] and not _punctuation(words[word]):
                    places.append(at + word)
                    rows.append(row)
                    tokens.append(pieces[0])
        if not places:
            return
        states = seen.hidden(encoder.n_layers)[rows, tokens].float().clamp(-FLOAT16_MAX, FLOAT16_MAX)
        state["vectors"][places] = states.half().cpu().numpy()
        state["ids"][places] = 1 + np.array([batch.lines[r].ids[t] for r, t in zip(rows, tokens, strict=True)])

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint rows; the unfilled ones are zero."""
        return {**a, "vectors": a["vectors"] + b["vectors"], "ids": a["ids"] + b["ids"]}

    def finish(self, state: Arrays) -> MaskedTable:
        there = np.flatnonzero(state["ids"])
        return MaskedTable(
            np.array(state["vectors"][there]), state["ids"][there] - 1, state["sentence"][there], state["word"][there]
        )


class Amnesia(NamedTuple):
    """What erasing one property did, on test blocks; conditions are those of `conditions`.

    `correct`: Tally (block, condition), the masked subword is the head's first choice; `surprise`: its −ln p in nats;
    `divergence`: KL from the intact prediction in nats. `probe`: Tally (block, 1 + method), accuracy of a linear probe
    before and after each erasure; `majority`: Tally (block,). `rank` (method,) dimensions erased; `at_chance`: whether
    INLP came to its end; `n_classes` labels.
    """

    conditions: tuple[str, ...]
    correct: Tally
    surprise: Tally
    divergence: Tally
    probe: Tally
    majority: Tally
    rank: NDArray[np.int64]
    at_chance: bool
    n_classes: int

    def at(self, condition: str) -> int:
        """The cell of a condition."""
        return self.conditions.index(condition)


def conditions(restore: bool) -> tuple[str, ...]:
    """ "intact", and for each method "INLP", "INLP random"; with `restore` also "INLP gold" and "INLP shuffled"."""
    kinds = ("", " random", " gold", " shuffled") if restore else ("", " random")
    return ("intact", *(f"{method}{kind}" for method in METHODS for kind in kinds))


@dataclass(frozen=True)
class Erasure(Derived):
    """Erases a task of `probe.tasks` from the output at masked words, by each of METHODS, and predicts the words again.

    "random" erases as many random directions, mean over DRAWS. All erasers keep the mean vector. With `restore`, a
    vector per tag is added to the erased states, "gold" by each word's own tag, "shuffled" by tags permuted over words:
    it starts as the mean of what was erased under the tag and is fitted on training words through the frozen head.
    """

    task: str
    restore: bool = False
    limit: int = 60000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": MaskedWords(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: MaskedTable, **answers: Any) -> Arrays:
        words = WordTable(table.vectors[None], table.sentence, table.word)
        rows = labelled(self.task, encoded, words, seed=self.seed)
        at, n = rows.blocks, encoded.corpus.n_blocks
        test = rows.judged[in_split(at[rows.judged], "test")]
        train, dev = rows.train, rows.dev
        if not len(test):
            raise NotApplicable(f"{encoded.corpus.name} has no masked word to test {self.task} on")
        x, labels = table.vectors.astype(np.float32), rows.labels
        dev_rows = (x[dev], labels[dev])
        erasers = {
            "INLP": INLP(keep_mean=True, seed=self.seed).fit(x[train], labels[train], dev=dev_rows),
            "LEACE": LEACE().fit(x[train], labels[train]),
        }
        predict = _Predictions(encoder, x[test], table.ids[test])
        found = {"intact": predict(x[test])}
        accuracy = [_probe(x, labels, train, dev, test, self.seed)]
        classes = np.unique(labels[train])
        for name, eraser in erasers.items():
            erased = eraser.transform(x).astype(np.float32)
            found[name] = predict(erased[test])
            control = lambda k, rank=eraser.rank: RandomDirections(int(rank), keep_mean=True, seed=100 * self.seed + k)
            drawn = [predict(control(k).fit(x[train]).transform(x[test]).astype(np.float32)) for k in range(DRAWS)]
            found[f"{name} random"] = np.mean(drawn, axis=0)
            accuracy.append(_probe(erased, labels, train, dev, test, self.seed))
            if self.restore:
                rng = np.random.default_rng(self.seed)
                shuffled = labels.copy()
                for part in (train, test):
                    shuffled[part] = rng.permutation(labels[part])
                for kind, tags in (("gold", labels), ("shuffled", shuffled)):
                    place = np.searchsorted(classes, tags)
                    back = _put_back(encoder, x[train], erased[train], place[train], table.ids[train], self.seed)
                    found[f"{name} {kind}"] = predict(erased[test] + back[place[test]])
        per_condition = np.stack([found[c] for c in conditions(self.restore)], axis=1)
        names, counts = np.unique(labels[train], return_counts=True)
        usual = (labels[test] == names[counts.argmax()])[None]
        count = tally_rows(usual, at[test], n)
        return {
            "weight": count.weight[:, 0], "majority": count.total[:, 0],
            **{part: tally_rows(per_condition[k], at[test], n).total for k, part in enumerate(_PARTS)},
            "probe": tally_rows(np.stack(accuracy), at[test], n).total,
            "rank": np.array([int(e.rank) for e in erasers.values()]),
            "at_chance": erasers["INLP"].at_chance_.astype(np.int64), "classes": np.array([len(classes)]),
        }  # fmt: skip

    def finish(self, state: Arrays) -> Amnesia:
        tally = lambda name: Tally(state[name], state["weight"])
        return Amnesia(
            conditions(self.restore), *map(tally, _PARTS), probe=tally("probe"), majority=tally("majority"), rank=np.array(state["rank"]),
            at_chance=bool(state["at_chance"][0]), n_classes=int(state["classes"][0]),
        )  # fmt: skip


@dataclass(frozen=True)
class MaskedProbe(Derived):
    """Accuracy of a linear probe of a task at masked words, on test blocks; what `Erasure` says before erasing."""

    task: str
    limit: int = 60000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": MaskedWords(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: MaskedTable, **answers: Any) -> Arrays:
        words = WordTable(table.vectors[None], table.sentence, table.word)
        rows = labelled(self.task, encoded, words, seed=self.seed)
        test = rows.judged[in_split(rows.blocks[rows.judged], "test")]
        right = _probe(table.vectors.astype(np.float32), rows.labels, rows.train, rows.dev, test, self.seed)
        count = tally_rows(right[None], rows.blocks[test], encoded.corpus.n_blocks)
        return {"correct": count.total[:, 0], "weight": count.weight[:, 0]}

    def finish(self, state: Arrays) -> Tally:
        """Tally (block,)."""
        return Tally(state["correct"], state["weight"])


def erasable(corpus: Corpus, rate: float, limit: int = 60000) -> list[str]:
    """The tasks that enough words are labelled for when a share `rate` of them is masked: twice what a fit needs."""
    train = [s for s, inside in zip(corpus, in_split(corpus.blocks, "train"), strict=True) if inside]
    share = rate * min(1.0, limit / max(1, sum(map(len, corpus))))
    found = []
    for task, described in TASKS.items():
        counts = Counter(label for s in train for label in described.labels(s) if label)
        frequent = [n for n in counts.values() if n * share > 2 * FEWEST_OF_A_LABEL]
        if len(frequent) > 1 and sum(frequent) * share > 2 * FEWEST:
            found.append(task)
    return found


_PARTS = ("correct", "surprise", "divergence")


class _Predictions:
    """(measure, row) of states: whether the true subword comes first, its −ln p, and the KL from the intact prediction."""

    def __init__(self, encoder: Encoder, intact: NDArray[np.float32], ids: NDArray[np.int64]) -> None:
        self.read = _reader(encoder)
        self.intact, self.ids = intact, torch.from_numpy(ids)

    def __call__(self, states: NDArray[np.float32]) -> NDArray[np.float64]:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(states), CHUNK):
                here = slice(start, start + CHUNK)
                before = self.read(torch.from_numpy(self.intact[here]))
                after = self.read(torch.from_numpy(states[here]))
                true, row = self.ids[here].to(after.device), torch.arange(len(after), device=after.device)
                kl = (before.exp() * (before - after)).sum(1).clamp(min=0)
                parts.append(torch.stack([(after.argmax(1) == true).float(), -after[row, true], kl]).double().cpu())
        return torch.cat(parts, 1).numpy()


def _reader(encoder: Encoder) -> Callable[[Float[Tensor, "row width"]], Float[Tensor, "row vocabulary"]]:
    """Log-probabilities of the head, in float32."""
    dtype, device = encoder.dtype, encoder.device
    return lambda states: encoder.mlm_logits(states.to(device, dtype)).float().log_softmax(1)


def _probe(
    x: NDArray[np.float32],
    labels: NDArray[np.str_],
    train: NDArray[np.int64],
    dev: NDArray[np.int64],
    test: NDArray[np.int64],
    seed: int,
) -> NDArray[np.bool_]:
    """Correctness of a linear probe's answers on the test rows."""
    vectors = x[None]
    probe = LinearProbe(l2=(3.0, 100.0), **ROUNDS, seed=seed)
    probe.fit(vectors, labels, rows=train, dev=(vectors[:, dev], labels[dev]))
    return probe.evaluate(vectors, labels, rows=test).correct[0]


def _put_back(
    encoder: Encoder,
    intact: NDArray[np.float32],
    erased: NDArray[np.float32],
    tag: NDArray[np.int64],
    ids: NDArray[np.int64],
    seed: int,
) -> NDArray[np.float32]:
    """A vector per tag, (tag, width), to be added to erased states: a linear map of the one-hot tag, by Adam."""
    n_tags, width = int(tag.max()) + 1, intact.shape[1]
    start = np.zeros((n_tags, width), np.float32)
    np.add.at(start, tag, intact - erased)
    start /= np.maximum(np.bincount(tag, minlength=n_tags), 1)[:, None]
    vector = torch.from_numpy(start).requires_grad_()
    adam = torch.optim.Adam([vector], lr=0.05 * float(intact.std()))
    read, x, goal, place = _reader(encoder), torch.from_numpy(erased), torch.from_numpy(ids), torch.from_numpy(tag)
    rng = np.random.default_rng(seed)
    for step in range(STEPS):
        adam.param_groups[0]["lr"] = 0.05 * float(intact.std()) * (1 - step / STEPS)
        picked = torch.from_numpy(rng.integers(len(x), size=min(EXAMPLES, len(x))))
        with torch.enable_grad():
            logs = read(x[picked] + vector[place[picked]])
            loss = torch.nn.functional.nll_loss(logs, goal[picked].to(logs.device))
            (vector.grad,) = torch.autograd.grad(loss, [vector])
        adam.step()
    return vector.detach().numpy()


def _punctuation(word: str) -> bool:
    return all(c in PUNCTUATION for c in word)
