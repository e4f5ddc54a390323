"""Heads for objects recur across corpora, those for subjects do not (Clark et al. 2019; Htut et al. 2019)."""

from collections.abc import Mapping

import numpy as np

from bertology.claims.localization.head_03_relations import choice
from bertology.claims.localization.spec_06_kept import FEWEST, SPECIALISED, Best, best_head
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, measure, together
from bertology.observe.links import Pointing
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

OBJECT = ("obj", "dobj")
VARYING = ("nsubj", "advmod", "amod")


@claim(
    id="head-04",
    section="4.2.1",
    says="Heads for objects recur across studies and corpora, those for subjects and modifiers do not.",
    cites=("clark-2019", "htut-2019"),
    method="""head-03 on two treebanks: the given and the second one, else the given and the embedded one. Heads,
    directions and offsets are chosen on each treebank's dev blocks and scored on its test blocks. The best head for
    objects must gain ten points over the best offset, and more than the random twin's, in both treebanks; and of
    nsubj, advmod and amod the one that dev blocks show to differ most must gain ten points in one treebank and less
    in the other.""",
    expects={
        "object: smaller gain of the two treebanks": above(0.10),
        "object: smaller gain over the random twin": above(0.0),
        "other relation: gain in the better treebank": above(0.10),
        "other relation: gain in the worse treebank": below(0.10),
    },
    needs=("attention", "treebank:deprel"),
)
def object_heads_recur(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    first, second = two_treebanks(corpora)
    asked = yield from together(
        *(measure(LinkAttention(), over=bank, twin=twin) for bank in (first, second) for twin in (False, True))
    )
    real, random = {0: asked[0], 1: asked[2]}, {0: asked[1], 1: asked[3]}
    names = {0: first.name, 1: second.name}
    objects = {k: _best(pointing, OBJECT) for k, pointing in real.items()}
    lacking = [names[k] for k, found in objects.items() if not found]
    if lacking:
        raise NotApplicable(f"{' and '.join(lacking)}: under {FEWEST} objects in the test blocks")
    best = {k: next(iter(found.values())) for k, found in objects.items()}
    others = {k: _best(pointing, VARYING) for k, pointing in real.items()}
    shared = [name for name in VARYING if name in others[0] and name in others[1]]
    if not shared:
        raise NotApplicable(f"none of {', '.join(VARYING)} has {FEWEST} links in the test blocks of both treebanks")
    judged, better = max(
        ((name, k) for name in shared for k in (0, 1)),
        key=lambda it: min(
            others[it[1]][it[0]].dev_gain - SPECIALISED, SPECIALISED - others[1 - it[1]][it[0]].dev_gain
        ),
    )

    gain = lambda head, offset: head - offset
    twins = []
    for k, pointing in random.items():
        relation = pointing.labels.index(next(iter(objects[k])))
        twins.append(pointing.hits[(relation, *choice(pointing, relation))].on("test"))
    pairs = [tally for k in (0, 1) for tally in (best[k].head, best[k].offset)]
    smaller = lambda a, b, c, d: np.minimum(a - b, c - d)
    high, low = others[better][judged], others[1 - better][judged]
    values = {
        "object: smaller gain of the two treebanks": bootstrap(smaller, *pairs, unit="accuracy", seed=seed),
        "object: smaller gain over the random twin": bootstrap(
            smaller, best[0].head, twins[0], best[1].head, twins[1], unit="accuracy", seed=seed
        ),
        "other relation: gain in the better treebank": bootstrap(
            gain, high.head, high.offset, unit="accuracy", seed=seed
        ),
        "other relation: gain in the worse treebank": bootstrap(gain, low.head, low.offset, unit="accuracy", seed=seed),
    }
    rows, baselines = [], {}
    for k, found in ((k, {**objects[k], **others[k]}) for k in (0, 1)):
        for name, b in found.items():
            g = bootstrap(gain, b.head, b.offset, unit="accuracy", seed=seed)
            rows.append(Row(f"gain over the best offset in {names[k]}", g.value, g.low, g.high, g.n, label=name))
        baselines[f"object: best offset in {names[k]}"] = best[k].offset.estimate(unit="accuracy", seed=seed)
    note = f"{names[0]} against {names[1]}; other relation: {judged}, better in {names[better]}."
    return Finding(values, baselines, rows, note=note)


def two_treebanks(corpora: Corpora) -> tuple[Corpus, Corpus]:
    """The given treebank and the second one; without a second, the given and the embedded one. NotApplicable when
    they are one."""
    second = corpora.treebank2
    if second is not None and not second.having("deprel"):
        raise NotApplicable(f"the second treebank ({second.name}) has no annotation 'deprel'")
    if second is None:
        second = Corpora.load(seed=corpora.seed, scale=corpora.scale).treebank
    if second.fingerprint == corpora.treebank.fingerprint:
        raise NotApplicable("there is one treebank only: give --corpus treebank=FILE, or treebank2=FILE")
    return corpora.treebank, second


def _best(pointing: Pointing, names: tuple[str, ...]) -> Mapping[str, Best]:
    """The best head of each named relation that has enough test links."""
    found = {}
    for i, label in enumerate(pointing.labels):
        if label in names and pointing.hits[(i, 0, 0, 0)].on("test").weight.sum() >= FEWEST:
            found[label] = best_head(pointing, i)
    return found
