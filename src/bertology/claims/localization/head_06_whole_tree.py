"""No single head holds the whole tree, all heads together hold more of it (Clark et al. 2019; Htut et al. 2019)."""

from collections.abc import Sequence

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.maps import DIRECTIONS, AttentionMaps, ParsedMaps, governor_tally
from bertology.probe.attention_probe import AttentionProbe
from bertology.probe.trees import left_chain, right_chain
from bertology.record.claim import Ability, Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

FEWEST = 100  # governed words in the test blocks
STRENGTHS = (1e-5, 1e-4, 1e-3)  # of the ridge term, chosen on dev
REACH = 12  # the positional control knows distances up to this many words


@claim(
    id="head-06",
    section="4.2.1",
    says="No single head holds the whole tree.",
    cites=("clark-2019", "htut-2019"),
    method="""Clark's attention-only probe learns one weight for each head and direction on train sentences and
    predicts each word's governor; the best single head and direction are chosen on dev by the share of words whose
    strongest attention is their governor. Both are scored on the same test sentences, without punctuation, above the
    better of the two chains (always the next word, always the one before; chosen on dev). The best head must have less
    than half of the probe's margin. The probe must beat the same probe on the random twin's maps. A probe that knows
    only distances stands beside it.""",
    published=(
        Published(
            34.5, "UAS of the best single head, %", "BERT-base", "PTB WSJ", "Clark et al. 2019", "verified", "best head"
        ),
        Published(
            26.3, "UAS of right-branching, %", "right-branching", "PTB WSJ", "Clark et al. 2019", "verified", "chain"
        ),
        Published(
            61.0,
            "UAS of the attention-only probe, %",
            "BERT-base",
            "PTB WSJ",
            "Clark et al. 2019",
            "verified",
            "probe of all heads",
        ),
        Published(
            77.0, "UAS of the probe of attention and GloVe, %", "BERT-base", "PTB WSJ", "Clark et al. 2019", "verified"
        ),
        Published(
            58.0, "UAS of the probe of distances and GloVe, %", "GloVe", "PTB WSJ", "Clark et al. 2019", "verified"
        ),
        Published(
            30.0,
            "UAS of the probe of random attention and GloVe, %",
            "random BERT-base",
            "PTB WSJ",
            "Clark et al. 2019",
            "verified",
        ),
    ),
    expects={
        "best head's share of the probe's margin": below(0.5),
        "probe above the chain": above(0.0),
        "probe above the random twin's": above(0.0),
    },
    needs=("attention", "treebank:deprel"),
    abilities=(Ability("trees by attention", "probe of all heads", chance="random twin's probe"),),
)
def no_head_holds_the_tree(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(AttentionMaps(), over=treebank), measure(AttentionMaps(), over=treebank, twin=True)
    )
    train, dev, test = (list(real.on(split, treebank)) for split in ("train", "dev", "test"))
    for name, part in (("train", train), ("dev", dev), ("test", test)):
        n = sum(int((s.heads >= 0).sum()) for s in part)
        if n < FEWEST:
            raise NotApplicable(
                f"the sample of {treebank.name} has {n} governed words in its {name} blocks, {FEWEST} are due"
            )
    probe = learnt(train, dev)
    on_dev = governor_tally(dev, treebank)
    cell = argmax(on_dev.rate())
    best = governor_tally(test, treebank)[cell]
    combined, positions = (
        scored(probe, test, treebank),
        scored(learnt(offset_maps(train), offset_maps(dev)), offset_maps(test), treebank),
    )
    of_twin = [list(random.on(split, treebank)) for split in ("train", "dev", "test")]
    twin = scored(learnt(of_twin[0], of_twin[1]), of_twin[2], treebank)
    chain = max((right_chain, left_chain), key=lambda c: float(_chained(dev, c, treebank).rate()))
    fixed = _chained(test, chain, treebank)

    points = lambda rate: 100 * rate
    gap = lambda a, b: 100 * (a - b)
    estimate = lambda tally: bootstrap(points, tally, unit="% UAS", seed=seed)
    share = bootstrap(
        lambda b, p, c: (b - c) / np.where(p > c, p - c, np.nan), best, combined, fixed, unit="share", seed=seed
    )
    values = {
        "best head's share of the probe's margin": share,
        "probe above the chain": bootstrap(gap, combined, fixed, unit="points of UAS", seed=seed),
        "probe above the random twin's": bootstrap(gap, combined, twin, unit="points of UAS", seed=seed),
        "probe above a probe of distances": bootstrap(gap, combined, positions, unit="points of UAS", seed=seed),
        "probe of all heads": estimate(combined),
        "best head": estimate(best),
        "chain": estimate(fixed),
        "random twin's probe": estimate(twin),
        "probe of distances": estimate(positions),
    }
    rows = [
        Row("share of governors found, %", e.value, e.low, e.high, e.n, label=name)
        for name in ("best head", "probe of all heads", "chain", "random twin's probe", "probe of distances")
        for e in (values[name],)
    ]
    heads = real.shape[1]
    rows += [
        Row(
            "governors found (dev), %",
            100 * float(rates.max()),
            n=on_dev.n,
            layer=k // heads + 1,
            head=k % heads,
            label=DIRECTIONS[int(rates.argmax())],
        )
        for k, rates in enumerate(on_dev.rate())
    ]
    rows += [
        Row(f"weight in the probe, {name}", float(weight), layer=k // heads + 1, head=k % heads)
        for name, weights in zip(reversed(DIRECTIONS), (probe.w_, probe.u_), strict=True)
        for k, weight in enumerate(weights)
    ]
    where = f"layer {cell[0] // heads + 1} · head {cell[0] % heads}, {DIRECTIONS[cell[1]]}"
    return Finding(
        values,
        rows=rows,
        note=f"Best head on dev: {where}. The study's controls use GloVe vectors; "
        "here the control knows distances only, and the "
        f"treebank's relations and sample ({len(real.sentence)} sentences of at "
        "most 40 words) differ from the study's.",
    )


def learnt(train: Sequence[ParsedMaps], dev: Sequence[ParsedMaps], relation: str | None = None) -> AttentionProbe:
    """The probe of the strength with the most hits on dev; of the words of one relation, or of all."""
    fit, choose = _pairs(train, relation), _pairs(dev, relation)
    return max((AttentionProbe(l2).fit(*fit) for l2 in STRENGTHS), key=lambda probe: probe.score(*choose))


def scored(probe: AttentionProbe, test: Sequence[ParsedMaps], corpus: Corpus, relation: str | None = None) -> Tally:
    """Governors found per block."""
    total, weight = np.zeros(corpus.n_blocks), np.zeros(corpus.n_blocks)
    for s in test:
        goal = _goal(s, relation)
        total[s.block] += (probe.predict(s.maps) == goal)[goal >= 0].sum()
        weight[s.block] += (goal >= 0).sum()
    return Tally(total, weight)


def offset_maps(sentences: Sequence[ParsedMaps]) -> list[ParsedMaps]:
    """The same sentences with maps that know only distances: map k marks the word k + 1 places on."""
    ones = lambda n: np.stack([np.eye(n, k=k + 1, dtype=np.float32) for k in range(REACH)])
    return [s._replace(maps=ones(len(s.heads))) for s in sentences]


def _pairs(sentences: Sequence[ParsedMaps], relation: str | None) -> tuple[list, list]:
    kept = [(s.maps, goal) for s in sentences for goal in (_goal(s, relation),) if (goal >= 0).any()]
    return [maps for maps, _ in kept], [goal for _, goal in kept]


def _goal(s: ParsedMaps, relation: str | None) -> np.ndarray:
    """Governors, -1 where a word is not asked about."""
    return np.where([relation in (None, r) for r in s.relations], s.heads, -1)


def _chained(sentences: Sequence[ParsedMaps], chain, corpus: Corpus) -> Tally:
    total, weight = np.zeros(corpus.n_blocks), np.zeros(corpus.n_blocks)
    for s in sentences:
        total[s.block] += ((chain(len(s.heads)) == s.heads) & (s.heads >= 0)).sum()
        weight[s.block] += (s.heads >= 0).sum()
    return Tally(total, weight)
