"""Keeping special tokens or leaving them out changes conclusions about heads (Lin, Htut, Clark et al. 2019)."""

from typing import NamedTuple

from bertology.claims.localization.head_03_relations import choice, offset_tally
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, measure, together
from bertology.observe.links import Pointing
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

FEWEST = 50  # links of a relation in the test blocks
SPECIALISED = 0.10  # gain over the best offset from which a head counts as specialised (Voita et al. 2019)


@claim(
    id="spec-06",
    section="4.2.2",
    says="Leaving special tokens out changes conclusions about heads.",
    cites=("lin-2019", "htut-2019", "clark-2019"),
    method="""The best head of each relation is sought twice as in head-03: among words only, and with special tokens
    allowed to win. A head is specialised when it gains ten points over the best fixed offset. The relation whose two
    gains lie farthest on either side of ten points on dev is judged on test: specialised without special tokens, not
    so with them. The gain without them must also exceed the random twin's best head.""",
    expects={
        "gain, special tokens left out": above(0.10),
        "gain, special tokens kept": below(0.10),
        "gain over the random twin, special tokens left out": above(0.0),
    },
    needs=("attention", "cls", "sep", "treebank:deprel"),
)
def special_tokens_change_conclusions(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(LinkAttention(), over=treebank), measure(LinkAttention(), over=treebank, twin=True)
    )
    without, kept = real, real._replace(hits=real.hits_all)
    relations = [i for i, name in enumerate(real.labels) if name != "punct" and _size(real, i) >= FEWEST]
    if not relations:
        raise NotApplicable(f"no relation has {FEWEST} links in the test blocks of {treebank.name}")
    dropped_best = {i: best_head(without, i) for i in relations}
    kept_best = {i: best_head(kept, i) for i in relations}
    judged = max(
        relations, key=lambda i: min(dropped_best[i].dev_gain - SPECIALISED, SPECIALISED - kept_best[i].dev_gain)
    )

    gain = lambda head, offset: head - offset
    rows, changed = [], []
    for i in relations:
        pair = [bootstrap(gain, b.head, b.offset, unit="accuracy", seed=seed) for b in (dropped_best[i], kept_best[i])]
        for what, estimate in zip(("special tokens left out", "special tokens kept"), pair, strict=True):
            rows.append(
                Row(
                    f"gain over the best offset, {what}",
                    estimate.value,
                    estimate.low,
                    estimate.high,
                    estimate.n,
                    label=real.labels[i],
                )
            )
        if pair[0].low > SPECIALISED > pair[1].high:
            changed.append(real.labels[i])
    best = dropped_best[judged]
    twin = random.hits[(judged, *choice(random, judged))].on("test")
    values = {
        "gain, special tokens left out": bootstrap(gain, best.head, best.offset, unit="accuracy", seed=seed),
        "gain, special tokens kept": bootstrap(
            gain, kept_best[judged].head, kept_best[judged].offset, unit="accuracy", seed=seed
        ),
        "gain over the random twin, special tokens left out": bootstrap(
            gain, best.head, twin, unit="accuracy", seed=seed
        ),
    }
    baselines = {
        "best offset": best.offset.estimate(unit="accuracy", seed=seed),
        "best head, special tokens left out": best.head.estimate(unit="accuracy", seed=seed),
        "best head, special tokens kept": kept_best[judged].head.estimate(unit="accuracy", seed=seed),
        "random twin's best head": twin.estimate(unit="accuracy", seed=seed),
    }
    found = f"{len(changed)} of {len(relations)} relations change sides{': ' if changed else ''}{', '.join(changed)}"
    return Finding(values, baselines, rows, note=f"judged on {real.labels[judged]}; {found}.")


class Best(NamedTuple):
    """A relation's best head: its gain over the best offset on dev, and both tallies on test."""

    dev_gain: float
    head: Tally
    offset: Tally


def best_head(pointing: Pointing, relation: int) -> Best:
    """Head, direction and offset chosen on dev."""
    layer, head, direction = choice(pointing, relation)
    dev = float(pointing.hits[(relation, layer, head, direction)].on("dev").rate())
    offsets = pointing.offsets[(relation, direction)].on("dev").rate()
    return Best(
        dev - float(offsets.max()),
        pointing.hits[(relation, layer, head, direction)].on("test"),
        offset_tally(pointing, relation, direction),
    )


def _size(pointing: Pointing, relation: int) -> float:
    return float(pointing.hits[(relation, 0, 0, 0)].on("test").weight.sum())
