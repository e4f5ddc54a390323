"""Any word's vector carries information about its whole sentence (Miaschi & Dell'Orletta 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.sentence_probes import BystanderProbes
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="emb-01",
    section="4.1",
    says="Every token's vector carries information about the whole sentence.",
    cites=("miaschi-2020", "kong-2019"),
    method="""Linear probes, all layers at once, for properties of the sentence (length and depth in thirds; tense,
    number of the subject and others that the corpus is labelled with), read from up to three bystanders: words that
    are neither the root nor a dependant of it. Fitted on training blocks, strength chosen on dev, judged on test.
    Averaged over properties, the layer with the smallest gain over layer 0 must still gain, and layers 1 to the last
    must be above the random twin's, since even random attention mixes some of the sentence into every word.""",
    expects={"smallest gain over layer 0 in a higher layer": above(0.0), "mean gain over the random twin": above(0.0)},
    needs=("treebank:head",),
)
def bystanders_know_the_sentence(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(BystanderProbes(), over=corpora.treebank), measure(BystanderProbes(), over=corpora.treebank, twin=True)
    )
    if not real.names:
        raise NotApplicable(f"no property of sentences varies enough in {corpora.treebank.name}")
    correct, twin, majority = (tally.on("test") for tally in (real.correct, random.correct, real.majority))

    def gain(rates: np.ndarray) -> np.ndarray:
        """Over layer 0, averaged over properties: (draw, property, layer) to (draw, layer from 1)."""
        return (rates[..., 1:] - rates[..., :1]).mean(-2)

    unit = {"unit": "accuracy", "seed": seed}
    best = int(correct.rate().mean(0)[1:].argmax()) + 1
    values = {
        "smallest gain over layer 0 in a higher layer": bootstrap(lambda r: gain(r).min(-1), correct, **unit),
        "mean gain over the random twin": bootstrap(
            lambda r, t: (r - t)[..., 1:].mean((-2, -1)), correct, twin, **unit
        ),
        "mean gain over layer 0": bootstrap(lambda r: gain(r).mean(-1), correct, **unit),
        f"mean accuracy in layer {best}, the best on test": bootstrap(lambda r: r[..., best].mean(-1), correct, **unit),
    }
    baselines = {
        "layer 0": bootstrap(lambda r: r[..., 0].mean(-1), correct, **unit),
        "most frequent class": bootstrap(lambda r: r.mean(-1), majority, **unit),
        "random twin, mean of layers": bootstrap(lambda r: r[..., 1:].mean((-2, -1)), twin, **unit),
    }
    rows = []
    for who, tally in (("", correct), ("random twin: ", twin)):
        low, high = tally.intervals(seed=seed)
        rows += [
            Row("accuracy", rate, low[at], high[at], int(tally.weight[:, at[0]].sum(0)[0]), at[1], label=f"{who}{real.names[at[0]]}")
            for at, rate in np.ndenumerate(tally.rate())
        ]  # fmt: skip
    rows += [Row("most frequent class", r, label=name) for r, name in zip(majority.rate(), real.names, strict=True)]
    note = (
        f"Properties: {', '.join(real.names)}; the study's were some eighty features of Italian and English sentences."
    )
    return Finding(values, baselines, rows, note)
