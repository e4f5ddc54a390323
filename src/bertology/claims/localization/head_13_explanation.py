"""Attention as explanation: contested (Jain & Wallace 2019; Serrano & Smith 2019; Abnar & Zuidema 2020)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.explanations import SHORTEST, Explanations
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

SENTENCES = 150  # each read once per word
FEWEST = 30


@claim(
    id="head-13",
    section="4.2.1",
    says="Attention weights agree less with what leaving a word out does than other explanations do.",
    cites=("jain-2019", "serrano-2019", "wiegreffe-2019", "brunner-2020", "belinkov-2019", "abnar-2020"),
    method="""What is explained is the encoder's own sentence vector (mean over tokens, length 1), so that no task is
    fine-tuned. Leaving a word out replaces it by the mask token; its effect is how far the vector moves. Kendall's τ
    with that effect, a sentence at a time, of the last layer's attention (mean over heads and queries), of rollout,
    and of gradient × input. Attention must agree least; gradient × input must agree more than in the random twin,
    where nothing explains anything.""",
    published=(
        Published(
            0.29,
            "Spearman correlation with blanking each word out, raw attention, last layer",
            "six-layer Transformer",
            "verb number prediction",
            "Abnar & Zuidema 2020",
            "verified",
        ),
        Published(
            0.71,
            "Spearman correlation with blanking each word out, rollout, last layer",
            "six-layer Transformer",
            "verb number prediction",
            "Abnar & Zuidema 2020",
            "verified",
        ),
        Published(
            0.69,
            "Spearman correlation with blanking each word out, raw attention, first layer",
            "six-layer Transformer",
            "verb number prediction",
            "Abnar & Zuidema 2020",
            "verified",
        ),
        Published(
            0.32,
            "Spearman correlation with blanking each word out, rollout, first layer",
            "six-layer Transformer",
            "verb number prediction",
            "Abnar & Zuidema 2020",
            "verified",
        ),
        Published(
            0.70,
            "Spearman correlation with blanking each word out, flow, last layer",
            "six-layer Transformer",
            "verb number prediction",
            "Abnar & Zuidema 2020",
            "verified",
        ),
    ),
    expects={
        "gradient × input's agreement − attention's": above(0.0),
        "rollout's agreement − attention's": above(0.0),
        "gradient × input's agreement beyond the random twin's": above(0.0),
    },
    needs=("attention", "mask", "treebank:deprel"),
)
def attention_explains_least(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    sentences = corpora.treebank.sample(SENTENCES, seed=seed)
    real, random = yield from together(
        measure(Explanations(), over=sentences), measure(Explanations(), over=sentences, twin=True)
    )
    if real.n < FEWEST:
        raise NotApplicable(f"{real.n} sentences of {sentences.name} have {SHORTEST} words or more, {FEWEST} are due")
    last, roll, gradient = encoder.n_layers - 1, encoder.n_layers, encoder.n_layers + 1
    tau = lambda tally: tally.estimate(unit="Kendall's τ", seed=seed)
    gap = lambda tally, a, b: bootstrap(lambda r: r[:, a] - r[:, b], tally, unit="Kendall's τ", seed=seed)
    values = {
        "gradient × input's agreement − attention's": gap(real, gradient, last),
        "rollout's agreement − attention's": gap(real, roll, last),
        "gradient × input's agreement beyond the random twin's": bootstrap(
            lambda r, t: r - t, real[gradient], random[gradient], unit="Kendall's τ", seed=seed
        ),
        "attention, last layer": tau(real[last]),
        "rollout": tau(real[roll]),
        "gradient × input": tau(real[gradient]),
    }
    baselines = {"random twin": gap(random, gradient, last)}
    rows = []
    for who, tally in (("encoder", real), ("random twin", random)):
        for layer in range(encoder.n_layers):
            e = tau(tally[layer])
            rows.append(
                Row("agreement of attention with leaving a word out", e.value, e.low, e.high, e.n, layer + 1, label=who)
            )
        for name, k in (("attention, last layer", last), ("rollout", roll), ("gradient × input", gradient)):
            e = tau(tally[k])
            rows.append(Row("agreement with leaving a word out", e.value, e.low, e.high, e.n, label=f"{who}: {name}"))
    return Finding(
        values,
        baselines,
        rows,
        note=f"{real.n} sentences. The debate is about fine-tuned classifiers; here "
        "the sentence vector itself is explained, so agreement is "
        "with its movement. The published figures are Spearman correlations for another model and task.",
    )
