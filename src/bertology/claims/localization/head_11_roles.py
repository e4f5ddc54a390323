"""Two heads track core semantic roles, yet silencing them does not hurt (Kovaleva et al. 2019)."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.sites import head
from bertology.intervene.ablate import Ablate
from bertology.intervene.inputs import MaskWords
from bertology.intervene.sweep import cross_entropy_of_masked
from bertology.observe import Asking, Derived, LinkAttention, WordVectors, measure, together
from bertology.observe.links import DIRECTIONS, Pointing
from bertology.observe.statistic import Arrays, add_rows
from bertology.observe.vectors import WordTable
from bertology.probe.linear import LinearProbe
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap, in_split

CORE = ("agent", "patient", "theme", "experiencer", "recipient")
PAIRS = 8  # random pairs of heads
SENTENCES = 200  # of the test blocks, read once intact and once under each pair
FEWEST = 50


@claim(
    id="head-11",
    section="4.2.1",
    says="Two heads track core frame-semantic relations, yet disabling them does not hurt.",
    cites=("kovaleva-2019",),
    method="""A head's score is its mean attention between predicate and core argument, in the better direction;
    the two best heads are chosen on dev sentences and must exceed, on test sentences, the random twin's two best by
    .02 (initialisations differ a little among themselves). They are then silenced together (output zero), as are 8
    random pairs of other heads. The readout needs no fine-tuning: a linear probe of parts of speech learnt on
    intact final word vectors is scored on the silenced encoder's test sentences. The two heads are not needed if
    silencing them costs less than one point of accuracy more than silencing a random pair does on average. (A place
    among the random pairs, as first planned, is a matter of noise where no pair costs anything; it is reported.)""",
    published=(
        Published(
            0.201,
            "averaged maximum attention of the second head",
            "BERT-base",
            "473 FrameNet sentences",
            "Kovaleva et al. 2019",
            "verified",
        ),
        Published(
            0.209,
            "averaged maximum attention of the first head",
            "BERT-base",
            "473 FrameNet sentences",
            "Kovaleva et al. 2019",
            "verified",
        ),
        Published(
            2,
            "heads above the 99th percentile",
            "BERT-base",
            "473 FrameNet sentences",
            "Kovaleva et al. 2019",
            "verified",
        ),
    ),
    expects={
        "accuracy lost beyond a random pair": below(0.01),
        "attention to core roles beyond the random twin": above(0.02),
    },
    needs=("attention", "head", "roles:role", "roles:upos"),
)
def role_heads_are_not_needed(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers * encoder.n_heads < 6:
        raise NotApplicable(
            f"{encoder.name} has {encoder.n_layers * encoder.n_heads} heads: too few for random pairs of others"
        )
    roles = corpora.roles
    real, random = yield from together(
        measure(LinkAttention(links="role"), over=roles), measure(LinkAttention(links="role"), over=roles, twin=True)
    )
    mass, of_twin = _core(real), _core(random)
    if mass.on("test").n < FEWEST or mass.on("dev").n < FEWEST:
        raise NotApplicable(
            f"{roles.name} has fewer than {FEWEST} core roles ({', '.join(CORE)}) in its dev or test blocks"
        )
    best, best_of_twin = _two_best(mass), _two_best(of_twin)
    pairs = _random_pairs(encoder, [cell[:2] for cell in best], seed)
    silenced = tuple(tuple((layer + 1, h) for layer, h, *_ in pair) for pair in ([c[:2] for c in best], *pairs))
    effect: Silenced = yield from measure(PairsSilenced(silenced, seed), over=roles)

    attention = [mass[cell].on("test") for cell in best]
    twins = [of_twin[cell].on("test") for cell in best_of_twin]
    mean_gap = lambda a, b, c, d: (a + b) / 2 - (c + d) / 2
    as_much = lambda r: (r[:, 2:] <= r[:, 1:2]).mean(1)
    values = {
        "accuracy lost beyond a random pair": bootstrap(
            lambda r: r[:, 2:].mean(1) - r[:, 1], effect.accuracy, unit="accuracy", seed=seed
        ),
        "attention to core roles beyond the random twin": bootstrap(
            mean_gap, *attention, *twins, unit="share of attention", seed=seed
        ),
        "accuracy lost without the two heads": bootstrap(
            lambda r: r[:, 0] - r[:, 1], effect.accuracy, unit="accuracy", seed=seed
        ),
        "mean accuracy lost without a random pair": bootstrap(
            lambda r: r[:, 0] - r[:, 2:].mean(1), effect.accuracy, unit="accuracy", seed=seed
        ),
        "share of random pairs that hurt as much": bootstrap(
            as_much, effect.accuracy, unit="share of pairs", seed=seed
        ),
        "first head's attention": attention[0].estimate(unit="share of attention", seed=seed),
        "second head's attention": attention[1].estimate(unit="share of attention", seed=seed),
    }
    if effect.loss is not None:
        values["rise of the masked loss without the two heads"] = bootstrap(
            lambda r: r[:, 1] - r[:, 0], effect.loss, unit="nats", seed=seed
        )
        values["share of random pairs that raise the masked loss as much"] = bootstrap(
            lambda r: (r[:, 2:] >= r[:, 1:2]).mean(1), effect.loss, unit="share of pairs", seed=seed
        )
    rows = [
        Row(
            "attention to core roles",
            float(rate.max()),
            n=mass.n,
            layer=layer + 1,
            head=h,
            label=DIRECTIONS[int(rate.argmax())],
        )
        for layer in range(encoder.n_layers)
        for h, rate in enumerate(mass.rate()[layer])
    ]
    for k, pair in enumerate(silenced):
        lost = bootstrap(lambda r, k=k: r[:, 0] - r[:, k + 1], effect.accuracy, unit="accuracy", seed=seed, draws=300)
        kind = "two best heads" if k == 0 else "random pair"
        name = f"{kind}: " + ", ".join(str(head(*cell)) for cell in pair)
        rows.append(Row("accuracy lost", lost.value, lost.low, lost.high, lost.n, label=name))
    where = " and ".join(f"layer {layer + 1} · head {h} ({DIRECTIONS[d]})" for layer, h, d in best)
    return Finding(
        values,
        baselines={"intact accuracy": effect.accuracy[0].estimate(unit="accuracy", seed=seed)},
        rows=rows,
        note=f"Chosen on dev: {where}; first is the predicate. The study fine-tunes "
        "on GLUE and takes the maximum attention over a "
        "sentence's frame elements; here a probe reads intact weights, and "
        "mean attention is over predicate and argument.",
    )


class Silenced(NamedTuple):
    """Tally (block, condition): condition 0 intact, then each pair. `loss` in nats, None without a language-model
    head."""

    accuracy: Tally
    loss: Tally | None


@dataclass(frozen=True)
class PairsSilenced(Derived):
    """Accuracy of a part-of-speech probe, learnt on intact train words, on test sentences with each group of heads
    silenced."""

    pairs: tuple[tuple[tuple[int, int], ...], ...]
    """Groups of (layer from 1, head)."""
    seed: int = 0

    def needs(self) -> dict[str, Any]:
        return {"words": WordVectors()}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        corpus = encoded.corpus
        probe = _probe(answers["words"], corpus, self.seed)
        test = in_split(corpus.blocks, "test")
        order = [
            i
            for i in np.random.default_rng(self.seed).permutation(len(corpus)).tolist()
            if test[i] and "upos" in corpus[i].layers
        ]
        kept = sorted(order[:SENTENCES])
        asked, block = replace(corpus, sentences=tuple(corpus[i] for i in kept)), corpus.blocks[kept]
        n = len(self.pairs) + 1
        state = {name: np.zeros((corpus.n_blocks, n)) for name in ("right", "loss")}
        state |= {"words": np.zeros(corpus.n_blocks), "sentences": np.zeros(corpus.n_blocks)}
        ablations = [Ablate(*(head(*cell) for cell in pair)) for pair in self.pairs]
        for batch in encoder.batches(asked, attention=False):
            blocks = block[batch.indices]
            gold = [np.array(s.layers["upos"]) for s in batch.sentences]
            covered = MaskWords(seed=self.seed).change(batch, encoder) if encoder.has_mlm else batch
            for k, ablation in enumerate([None, *ablations]):
                output = _output(encoder, batch, ablation)
                vectors = batch.word_vectors(output)[batch.word_mask].float().cpu().numpy()[None]
                found = probe.predict(vectors)[0] == np.concatenate(gold)
                right = np.add.reduceat(found.astype(float), np.r_[0, np.cumsum([len(g) for g in gold])[:-1]])
                add_rows(state["right"][:, k], blocks, right)
                if encoder.has_mlm:
                    losses = cross_entropy_of_masked(encoder, covered, _output(encoder, covered, ablation))
                    add_rows(state["loss"][:, k], blocks, losses.detach().double().cpu().numpy())
            add_rows(state["words"], blocks, batch.n_words)
            add_rows(state["sentences"], blocks, np.ones(len(batch.lines)))
        return {**state, "has_loss": np.array(encoder.has_mlm)}

    def finish(self, state: Arrays) -> Silenced:
        loss = Tally(state["loss"], state["sentences"]) if bool(state["has_loss"]) else None
        return Silenced(Tally(state["right"], state["words"]), loss)


def _core(pointing: Pointing) -> Tally:
    """Mean attention between predicate and core argument, Tally (block, layer, head, direction)."""
    kept = [i for i, label in enumerate(pointing.labels) if label.lower() in CORE]
    if not kept:
        raise NotApplicable(f"no role is one of {', '.join(CORE)}; found {', '.join(pointing.labels[:8]) or 'none'}")
    return pointing.mass[np.array(kept)].pooled(0)


def _two_best(mass: Tally) -> list[tuple[int, int, int]]:
    """(layer index, head, direction) of the two heads with most attention on dev, each in its better direction."""
    rate = mass.on("dev").rate()
    order = np.argsort(-rate.max(-1), axis=None, kind="stable")[:2]
    return [
        (int(layer), int(h), int(rate[layer, h].argmax()))
        for layer, h in zip(*np.unravel_index(order, rate.shape[:2]), strict=True)
    ]


def _random_pairs(encoder: Encoder, best: list[tuple[int, ...]], seed: int) -> list[list[tuple[int, int]]]:
    others = [cell for cell in np.ndindex(encoder.n_layers, encoder.n_heads) if cell not in best]
    rng = np.random.default_rng([seed, 11])
    return [[others[i] for i in sorted(rng.choice(len(others), 2, replace=False).tolist())] for _ in range(PAIRS)]


def _probe(table: WordTable, corpus: Corpus, seed: int) -> LinearProbe:
    upos = table.layer_values(corpus, "upos")
    blocks = table.blocks(corpus)
    last = table.vectors[-1:]
    train, dev = (np.flatnonzero(in_split(blocks, split)) for split in ("train", "dev"))
    if len(train) < FEWEST or len(np.unique(upos[train])) < 2:
        raise NotApplicable(f"{corpus.name} has too few words in its train blocks")
    held_out = (np.ascontiguousarray(last[:, dev]), upos[dev])
    return LinearProbe(seed=seed).fit(last, upos, rows=train, dev=held_out, classes=np.unique(upos))


def _output(encoder: Encoder, batch: Batch, ablation: Ablate | None) -> Tensor:
    with torch.inference_mode():
        edits = ablation.edits(encoder, batch) if ablation else None
        return encoder.observe(batch, edits=edits).hidden(encoder.n_layers)
