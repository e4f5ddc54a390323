"""Senses of a word form clusters, so that its nearest neighbour tells its sense (Wiedemann et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.senses import SenseNeighbours
from bertology.record.claim import Ability, Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

FEWEST_WORDS = 5


@claim(
    id="emb-06",
    section="4.1",
    says="Senses of a word form clusters, so that nearest neighbours disambiguate it.",
    cites=("wiedemann-2019", "schmidt-2020"),
    method="""A target takes the sense of the most similar occurrence (cosine) of the same word among the training
    blocks. The layer is chosen on dev blocks; on test blocks its accuracy must beat the word's most frequent sense,
    the same method on the mean of the context words' layer-0 vectors, and the random twin's best layer; the mean
    silhouette of senses there must be positive.""",
    published=(
        Published(
            76.52,
            "F1 of nearest-neighbour disambiguation, %",
            "BERT",
            "Senseval-2 lexical sample",
            "Wiedemann et al. 2019, abstract and results",
            "verified",
            "accuracy of the nearest neighbour, %",
        ),
        Published(
            80.12,
            "F1 of nearest-neighbour disambiguation, %",
            "BERT",
            "Senseval-3 lexical sample",
            "Wiedemann et al. 2019, abstract and results",
            "verified",
            "accuracy of the nearest neighbour, %",
        ),
        Published(
            81.2,
            "F1 of nearest-neighbour disambiguation, %",
            "BERT",
            "SemEval-2007 task 7",
            "Wiedemann et al. 2019, abstract and results",
            "verified",
        ),
        Published(
            85.32,
            "F1 with part-of-speech filter and added glosses, %",
            "BERT",
            "SemEval-2007 task 7",
            "Wiedemann et al. 2019, abstract and results",
            "verified",
        ),
    ),
    expects={
        "gain over the most frequent sense": above(0.0),
        "gain over the context words of layer 0": above(0.0),
        "gain over the random twin": above(0.0),
        "mean silhouette of senses": above(0.0),
    },
    needs=("senses:sense",),
    abilities=(Ability("word senses", "accuracy of the nearest neighbour, %"),),
)
def neighbours_share_senses(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(SenseNeighbours(), over=corpora.senses), measure(SenseNeighbours(), over=corpora.senses, twin=True)
    )
    if real.words < FEWEST_WORDS:
        raise NotApplicable(
            f"{real.words} words of {corpora.senses.name} have two senses and ten examples, {FEWEST_WORDS} are due"
        )
    (best,), (twin_best,) = (argmax(one.correct.on("dev").rate()) for one in (real, random))
    correct, twin = real.correct.on("test"), random.correct.on("test")[twin_best]
    bag, majority, silhouette = (tally.on("test") for tally in (real.bag, real.majority, real.silhouette))
    gap = lambda a, b: a - b
    unit = {"unit": "accuracy", "seed": seed}
    values = {
        "gain over the most frequent sense": bootstrap(gap, correct[best], majority, **unit),
        "gain over the context words of layer 0": bootstrap(gap, correct[best], bag, **unit),
        "gain over the random twin": bootstrap(gap, correct[best], twin, **unit),
        "mean silhouette of senses": silhouette[best].estimate(unit="silhouette", seed=seed),
        "accuracy of the nearest neighbour, %": bootstrap(lambda r: 100 * r, correct[best], unit="%", seed=seed),
    }
    baselines = {
        "most frequent sense": majority.estimate(**unit),
        "context words of layer 0": bag.estimate(**unit),
        "random twin's best layer": twin.estimate(**unit),
    }
    rows = []
    for measured, who, tally in (
        ("accuracy of the nearest neighbour", "encoder", correct),
        ("accuracy of the nearest neighbour", "random twin", random.correct.on("test")),
        ("silhouette of senses", "encoder", silhouette),
        ("silhouette of senses", "random twin", random.silhouette.on("test")),
    ):
        low, high = tally.intervals(seed=seed)
        rows += [
            Row(measured, rate, low[layer], high[layer], tally.n, layer, label=who)
            for layer, rate in enumerate(tally.rate())
        ]
    note = (
        f"Layer {best} of {encoder.n_layers}; {real.words} words with coarse senses, where the study had the fine ones of WordNet, "
        "so the figures are no like for like."
    )
    return Finding(values, baselines, rows, note)
