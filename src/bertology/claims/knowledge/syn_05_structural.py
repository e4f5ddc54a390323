"""One linear map of token vectors shows the dependency tree (Hewitt & Manning 2019; Manning et al. 2020)."""

from dataclasses import replace

from bertology.claims.registry import claim
from bertology.corpus.constituents import punctuation
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.read_trees import ReadTrees, StructuralTrees, arc_rows
from bertology.probe.readings import StructuralCurve, curve_rows
from bertology.record.claim import Ability, Published, above
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap, in_split

DUE = 5.0  # points of UUAS over the chain
FEWEST = 60  # sentences to learn from that can be halved; a probe that has fewer refutes nothing
DRAWN = 3  # test sentences whose trees are shown
SHOWN = range(7, 11)  # their length in words


@claim(
    id="syn-05",
    section="3.1",
    says="Dependency trees can be recovered from token vectors by one linear map.",
    cites=("hewitt-manning-2019", "manning-2020", "clark-2019"),
    method="""Structural probes of rank 64: a map of each layer under which squared distances are those of the tree, and one under
    which squared norms are depths. The layer with the highest share of gold edges in the minimum spanning tree (UUAS, punctuation left
    out) is chosen on dev sentences and scored on test sentences, against layer 0, the random twin's best layer and the chain of
    neighbouring words. The gaps are judged, not the score. Five points over the chain are due; where they are missed, the interval's
    upper end is raised by what the second half of the sentences to learn from gave: a probe that is still learning refutes nothing.""",
    published=(
        Published(79.8, "UUAS of the distance probe, layer 7, %", "BERT-base", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "UUAS"),
        Published(0.85, "Spearman correlation of distances, layer 7", "BERT-base", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "Spearman of distances"),
        Published(88.0, "root accuracy of the depth probe, layer 7, %", "BERT-base", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "root accuracy"),
        Published(0.87, "Spearman correlation of depths, layer 7", "BERT-base", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "Spearman of depths"),
        Published(82.5, "UUAS of the distance probe, layer 15, %", "BERT-large", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "UUAS"),
        Published(0.86, "Spearman correlation of distances, layer 15", "BERT-large", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "Spearman of distances"),
        Published(89.4, "root accuracy of the depth probe, layer 15, %", "BERT-large", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "root accuracy"),
        Published(0.88, "Spearman correlation of depths, layer 15", "BERT-large", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "Spearman of depths"),
        Published(77.0, "UUAS of the distance probe, layer 1, %", "ELMo", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified"),
        Published(59.8, "UUAS of an untrained contextual layer (Proj0), %", "untrained BiLSTM over ELMo's characters", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "random twin's UUAS"),
        Published(48.9, "UUAS of the left-to-right chain, %", "left-to-right chain", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified", "chain's UUAS"),
        Published(26.8, "UUAS of the distance probe, layer 0, %", "ELMo", "PTB WSJ test", "Hewitt & Manning 2019, table 1", "verified"),
    ),
    expects={"gain over the random twin": above(0.0), "gain over layer 0": above(0.0), "gain over the chain": above(5.0)},
    needs=("treebank:head",),
    abilities=(
        Ability("parse trees", "UUAS", chance="random twin"),
    ),
)  # fmt: skip
def trees_by_a_linear_map(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(StructuralCurve(), over=corpora.treebank), measure(StructuralCurve(), over=corpora.treebank, twin=True)
    )
    (best,), (twin_best,) = (argmax(one.hits.on("dev").rate()) for one in (real, random))
    read = yield from measure(StructuralTrees(best), over=corpora.treebank)
    hits, twin, chain = real.hits.on("test"), random.hits.on("test"), real.chain.on("test")
    points = {"unit": "points of UUAS", "seed": seed}
    gap = lambda a, b: 100 * (a - b)
    percent = lambda tally, unit="%": bootstrap(lambda r: 100 * r, tally, unit=unit, seed=seed)
    values = {
        "gain over the random twin": bootstrap(gap, hits[best], twin[twin_best], **points),
        "gain over layer 0": bootstrap(gap, hits[best], hits[0], **points),
        "gain over the chain": bootstrap(gap, hits[best], chain, **points),
        "UUAS": percent(hits[best]),
        "Spearman of distances": real.distance.on("test")[best].estimate(unit="correlation", seed=seed),
        "root accuracy": percent(real.root.on("test")[best]),
        "Spearman of depths": real.depth.on("test")[best].estimate(unit="correlation", seed=seed),
        "random twin's UUAS": percent(twin[twin_best]),
        "chain's UUAS": percent(chain),
    }
    learnt = min(StructuralCurve().sentences, int(in_split(corpora.treebank.blocks, "train").sum()))
    over = values["gain over the chain"]
    if over.high is not None and over.high < DUE:
        more = DUE - over.high
        if learnt >= FEWEST:
            less = yield from measure(StructuralCurve(sentences=learnt // 2), over=corpora.treebank)
            rise = bootstrap(gap, hits[best], less.hits.on("test")[best], **points)
            values["gain from the second half of the sentences"] = rise
            more = max(rise.value, 0.0)
        told = f"{over.method}, plus what more sentences may give"
        values["gain over the chain"] = replace(over, high=over.high + more, method=told)
    baselines = {
        "layer 0": percent(hits[0]),
        "random twin": percent(twin[twin_best]),
        "chain of neighbours": percent(chain),
    }
    rows = [
        row
        for who, trees in (("encoder", real), ("random twin", random))
        for measured, tally in (
            ("gold edges in the spanning tree", trees.hits),
            ("Spearman correlation of distances", trees.distance),
            ("roots found", trees.root),
            ("Spearman correlation of depths", trees.depth),
        )
        for row in curve_rows(measured, who, tally.on("test"), seed)
    ]
    rows += _drawn(read, corpora.treebank)
    rows += [Row("gold edges in the spanning tree", float(chain.rate()), n=chain.n, label="chain of neighbours")]
    return Finding(
        values, baselines, rows,
        f"Layer {best} was chosen on dev (twin: {twin_best}). {corpora.treebank.name} instead of the Penn Treebank; Spearman "
        "correlations are averaged over sentences of 5 to 50 words, in the study over lengths first.",
    )  # fmt: skip


def _drawn(read: ReadTrees, treebank: Corpus) -> list[Row]:
    """The gold tree and the probe's of the first test sentences of medium length; punctuation is in neither."""
    fit = [k for k, s in enumerate(read.sentence.tolist()) if len(treebank[s]) in SHOWN][:DRAWN]
    rows: list[Row] = []
    for number, k in enumerate(fit, start=1):
        s = treebank[int(read.sentence[k])]
        gold = {
            (min(i, h), max(i, h)) for i, h in enumerate(s.layers["head"])
            if h >= 0 and not punctuation(s, i) and not punctuation(s, h)
        }  # fmt: skip
        rows += arc_rows(number, s.words, {"gold tree": gold, "structural probe": read.edges(k)})
    return rows
