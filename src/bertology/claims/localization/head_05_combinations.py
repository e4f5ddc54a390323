"""Complex relations are carried by several heads together (Hoover et al. 2020, exBERT; qualitative)."""

from bertology.claims.localization.head_06_whole_tree import learnt, offset_maps, scored
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.maps import DIRECTIONS, AttentionMaps, governor_tally
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

FEWEST = 30  # objects in the dev and in the test blocks
JUDGED = "obj"
SHOWN = ("nsubj", "obl", "nmod", "amod", "conj")


@claim(
    id="head-05",
    section="4.2.1",
    says="Complex relations such as the object are carried by several heads together.",
    cites=("hoover-2019",),
    method="""For the direct object (UD obj): an attention-only probe of all heads, learnt on the objects of train
    sentences, names each object's governor on test sentences; so does the single head and direction that is best on
    dev. The probe must be ahead of the head, and, since weighing many maps helps with any maps, ahead of the same
    probe on the random twin's maps and of one that knows only distances between words.""",
    expects={
        "probe above the best head": above(0.0),
        "probe above the random twin's": above(0.0),
        "probe above a probe of distances": above(0.0),
    },
    needs=("attention", "treebank:deprel"),
)
def heads_combine(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(AttentionMaps(), over=treebank), measure(AttentionMaps(), over=treebank, twin=True)
    )
    splits = ("train", "dev", "test")
    train, dev, test = (list(real.on(split, treebank)) for split in splits)
    of_twin = [list(random.on(split, treebank)) for split in splits]
    counts = {r: [sum(s.relations.count(r) for s in part) for part in (train, dev, test)] for r in (JUDGED, *SHOWN)}
    if min(counts[JUDGED]) < FEWEST:
        raise NotApplicable(
            f"the sample of {treebank.name} has "
            f"{' / '.join(map(str, counts[JUDGED]))} objects ({JUDGED}) in its train / dev / "
            f"test blocks, {FEWEST} are due in each"
        )
    gap = lambda a, b: a - b
    values, baselines, rows, note = {}, {}, [], ""
    for relation in (r for r in counts if min(counts[r]) >= FEWEST):
        layer_head, direction = argmax(governor_tally(dev, treebank, relation).rate())
        best = governor_tally(test, treebank, relation)[(layer_head, direction)]
        probe = scored(learnt(train, dev, relation), test, treebank, relation)
        gain = bootstrap(gap, probe, best, unit="accuracy", seed=seed)
        where = f"layer {layer_head // real.shape[1] + 1} · head {layer_head % real.shape[1]}, {DIRECTIONS[direction]}"
        shown = {"probe of all heads": probe, "best head": best}
        if relation == JUDGED:
            twin = scored(learnt(of_twin[0], of_twin[1], relation), of_twin[2], treebank, relation)
            distances = learnt(offset_maps(train), offset_maps(dev), relation)
            positions = scored(distances, offset_maps(test), treebank, relation)
            shown |= {"random twin's probe": twin, "probe of distances": positions}
            values = {
                "probe above the best head": gain,
                "probe above the random twin's": bootstrap(gap, probe, twin, unit="accuracy", seed=seed),
                "probe above a probe of distances": bootstrap(gap, probe, positions, unit="accuracy", seed=seed),
            }
            baselines = {name: tally.estimate(unit="accuracy", seed=seed) for name, tally in shown.items()}
            note = f"Judged on {JUDGED}; its best head on dev is {where}. The study is a visual tool, without a figure."
        rows.append(
            Row("gain of the probe over the best head", gain.value, gain.low, gain.high, gain.n, label=relation)
        )
        rows += [
            Row("governors found", e.value, e.low, e.high, e.n, label=f"{relation}: {name}")
            for name, tally in shown.items()
            for e in (tally.estimate(unit="accuracy", seed=seed),)
        ]
    return Finding(values, baselines, rows, note)
