"""The farther an ancestor in the tree, the less a linear probe finds of it (Liu et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.ancestors import DISTANCES, AncestorCurves
from bertology.probe.readings import curve_rows
from bertology.record.claim import above, below
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap


@claim(
    id="syn-03",
    section="3.1",
    says="Knowledge of syntax is partial: the constituent labels of distant ancestors are much harder to recover than the parent's.",
    cites=("liu-2019a",),
    method="""Linear probes for the label of a word's parent, grandparent and great-grandparent constituent, all on the same words.
    Skill is the share of the gap between the most frequent label and perfection that a probe closes: (accuracy − majority) /
    (1 − majority). Each distance takes the layer with the best accuracy on dev sentences; on test sentences skill must fall from
    distance to distance, and what context adds (skill over layer 0) at the third must be less than half of that at the first. The
    parent's skill must exceed the random twin's, so that there is knowledge to be partial.""",
    expects={
        "skill, parent − grandparent": above(0.0),
        "skill, grandparent − great-grandparent": above(0.0),
        "gain at great-grandparent − half of the gain at parent": below(0.0),
        "parent's skill over the random twin": above(0.0),
    },
    needs=("constituents:constituent",),
)  # fmt: skip
def distant_ancestors(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.constituents
    real, random = yield from together(
        measure(AncestorCurves(), over=corpus), measure(AncestorCurves(), over=corpus, twin=True)
    )
    best = [argmax(real.correct.on("dev").rate()[k])[0] for k in range(len(DISTANCES))]
    (twin_best,) = argmax(random.correct.on("dev").rate()[0])
    test, usual = real.correct.on("test"), real.majority.on("test")
    own, bare = ([test[k, layer] for k, layer in enumerate(layers)] for layers in (best, [0] * len(best)))
    common = [usual[k] for k in range(len(best))]
    skill = lambda accuracy, majority: (accuracy - majority) / (1 - majority)
    options = {"unit": "skill", "seed": seed}
    values = {
        f"skill, {DISTANCES[k]} − {DISTANCES[k + 1]}": bootstrap(
            lambda a, m, b, n: skill(a, m) - skill(b, n), own[k], common[k], own[k + 1], common[k + 1], **options
        )
        for k in range(len(best) - 1)
    }
    values["gain at great-grandparent − half of the gain at parent"] = bootstrap(
        lambda far, far0, m, near, near0, n: (far - far0) / (1 - m) - 0.5 * (near - near0) / (1 - n),
        own[2], bare[2], common[2], own[0], bare[0], common[0], **options,
    )  # fmt: skip
    values["parent's skill over the random twin"] = bootstrap(
        lambda a, b, m: (a - b) / (1 - m), own[0], random.correct.on("test")[0, twin_best], common[0], **options
    )
    rows: list[Row] = []
    for k, name in enumerate(DISTANCES):
        values[f"skill, {name}"] = bootstrap(skill, own[k], common[k], **options)
        values[f"gain over layer 0, {name}"] = bootstrap(
            lambda a, b, m: (a - b) / (1 - m), own[k], bare[k], common[k], **options
        )
        for measured in ("skill", "gain over layer 0"):
            e = values[f"{measured}, {name}"]
            rows.append(Row(measured, e.value, e.low, e.high, e.n, label=name))
        rows += curve_rows("accuracy of the ancestor's label", name, test[k], seed)
        rows += curve_rows(
            "accuracy of the ancestor's label", f"random twin, {name}", random.correct.on("test")[k], seed
        )
    baselines = {
        f"random twin's skill, {name}": bootstrap(
            skill, random.correct.on("test")[k, argmax(random.correct.on("dev").rate()[k])[0]], common[k], **options
        )
        for k, name in enumerate(DISTANCES)
    }
    shares = ", ".join(
        f"{n} {c} labels, majority {100 * u.rate():.0f} %"
        for n, c, u in zip(DISTANCES, real.classes, common, strict=True)
    )
    return Finding(
        values, baselines, rows,
        f"Layers chosen on dev: {', '.join(map(str, best))}. {shares}. Words of {corpus.name} with three ancestors; where constituents "
        "follow from dependencies, labels are parts of speech of their heads.",
    )  # fmt: skip
