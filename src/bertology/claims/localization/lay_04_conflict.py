"""Two ways to place a task disagree: cumulative gain puts parts of speech low, the best single layer in the middle."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import Cumulative, TagCurve, curve_rows
from bertology.probe.scalar_mix import expected_layer
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

TASKS = ("part of speech", "chunk")


@claim(
    id="lay-04",
    section="4.3",
    says="Studies disagree on where parts of speech and chunks are: low by cumulative gain, in the middle by the best single layer.",
    cites=("tenney-2019a", "jawahar-2019", "liu-2019a"),
    method="""Both placements of the same task on the same words, in relative depth: the best single layer of a linear probe, and the
    expected layer of cumulative scoring (the mean of l weighted by the gain that layer l brings to a mixture of layers 0 to l). The
    conflict is reproduced if, averaged over part of speech and chunk, the best layer lies more than a quarter of the depth above
    the expected one. The best layer, chosen on dev blocks, must also beat the random twin's: the place of nothing is arbitrary.""",
    published=(
        Published(0.141, "expected layer / number of layers, part of speech (3.39 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, part of speech"),
        Published(0.487, "centre of gravity / number of layers, part of speech (11.68 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "depth of the centre of gravity, part of speech"),
    ),
    expects={"best layer above expected layer": above(0.25), "gain over the random twin": above(0.0)},
    needs=("treebank:upos", "treebank:head"),
)  # fmt: skip
def placements_disagree(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: nothing to place")
    n, depth = len(TASKS), {"unit": "relative depth", "seed": seed}
    real, random = yield from together(
        measure(*map(TagCurve, TASKS), *map(Cumulative, TASKS), over=corpora.treebank),
        measure(*map(TagCurve, TASKS), over=corpora.treebank, twin=True),
    )
    single, summed = ([one.correct.on("test") for one in part] for part in (real[:n], real[n:]))
    best, twin_best = ([argmax(one.correct.on("dev").rate())[0] for one in part] for part in (real[:n], random))
    twin = [one.correct.on("test") for one in random]

    def apart(*rates):  # type: ignore[no-untyped-def]
        gaps = [r.argmax(-1) - expected_layer(s) for r, s in zip(rates[:n], rates[n:], strict=True)]
        return sum(gaps) / n / encoder.n_layers

    values = {
        "best layer above expected layer": bootstrap(apart, *single, *summed, **depth),
        "gain over the random twin": bootstrap(
            lambda *r: sum(r[k][:, best[k]] - r[n + k][:, twin_best[k]] for k in range(n)) / n,
            *single, *twin, unit="accuracy", seed=seed,
        ),
    }  # fmt: skip
    rows = []
    for k, task in enumerate(TASKS):
        values[f"depth of the best layer, {task}"] = bootstrap(
            lambda r: r.argmax(-1) / encoder.n_layers, single[k], **depth
        )
        values[f"expected depth, {task}"] = bootstrap(
            lambda r: expected_layer(r) / encoder.n_layers, summed[k], **depth
        )
        gravity = float(real[n + k].mix @ range(encoder.n_layers + 1)) / encoder.n_layers
        rows += curve_rows("accuracy of one layer", task, single[k], seed)
        rows += curve_rows("accuracy of layers 0 to l", task, summed[k], seed)
        rows += curve_rows("accuracy of one layer", f"random twin: {task}", twin[k], seed)
        rows.append(Row("depth of the centre of gravity of mixing weights", gravity, n=summed[k].n, label=task))
    baselines = {
        "random twin": bootstrap(lambda *r: sum(t.argmax(-1) for t in r) / n / encoder.n_layers, *twin, **depth),
    }
    note = f"{corpora.treebank.name}, with chunks cut from its trees; the random twin's figure is the depth of its best layer."
    return Finding(values, baselines, rows, note)
