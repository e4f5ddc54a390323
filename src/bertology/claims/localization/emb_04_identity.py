"""The input word's identity fades in the middle layers of a masked language model and is rebuilt at the end (Voita et
al. 2019a)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.identity import IdentityNeighbours
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmin
from bertology.stats.tally import bootstrap

FEWEST_TYPES = 30


@claim(
    id="emb-04",
    section="4.1",
    says="Under masked language modelling the identity of the input token fades in the middle layers and is rebuilt at the end.",
    cites=("voita-2019a",),
    method="""Whether the most similar vector of another document belongs to the same word form (forms in five or more
    sentences, at most twelve occurrences of each, nothing masked). The inner layer with the lowest accuracy is chosen
    on dev blocks; on test blocks the embeddings and the last layer must both be above it, and the last layer's rise
    above it must exceed the random twin's.""",
    expects={
        "rise from the lowest inner layer to the last": above(0.0),
        "fall from layer 0 to the lowest inner layer": above(0.0),
        "rise beyond the random twin": above(0.0),
    },
    needs=("text",),
)
def identity_fades_and_returns(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no inner one")
    real, random = yield from together(
        measure(IdentityNeighbours(), over=corpora.text), measure(IdentityNeighbours(), over=corpora.text, twin=True)
    )
    if real.types < FEWEST_TYPES:
        raise NotApplicable(
            f"{real.types} words stand in five or more sentences of {corpora.text.name}, {FEWEST_TYPES} are due"
        )
    lowest, twin_lowest = (argmin(one.correct.on("dev").rate()[1:-1])[0] + 1 for one in (real, random))
    correct, twin = real.correct.on("test"), random.correct.on("test")
    unit = {"unit": "accuracy", "seed": seed}
    values = {
        "rise from the lowest inner layer to the last": bootstrap(lambda r: r[:, -1] - r[:, lowest], correct, **unit),
        "fall from layer 0 to the lowest inner layer": bootstrap(lambda r: r[:, 0] - r[:, lowest], correct, **unit),
        "rise beyond the random twin": bootstrap(
            lambda r, t: r[:, -1] - r[:, lowest] - (t[:, -1] - t[:, twin_lowest]), correct, twin, **unit
        ),
        f"accuracy in layer {lowest}, the lowest inner one": correct[lowest].estimate(**unit),
        "accuracy in the last layer": correct[-1].estimate(**unit),
    }
    baselines = {
        "random twin's rise": bootstrap(lambda t: t[:, -1] - t[:, twin_lowest], twin, **unit),
        "layer 0": correct[0].estimate(**unit),
    }
    rows = []
    for who, tally in (("encoder", correct), ("random twin", twin)):
        low, high = tally.intervals(seed=seed)
        rows += [
            Row("accuracy of the word's identity", rate, low[layer], high[layer], tally.n, layer, label=who)
            for layer, rate in enumerate(tally.rate())
        ]
    note = "The study measured mutual information with the input token, over clusters; a nearest neighbour stands in for it."
    if not encoder.has_mlm:
        note += f" {encoder.name} comes without a masked-language-model head, so it may have been trained for something else since."
    return Finding(values, baselines, rows, note)
