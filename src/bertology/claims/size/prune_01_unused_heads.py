"""A head that encodes a relation but can be disabled without loss is not used for it (Kovaleva et al. 2019)."""

import numpy as np

from bertology.claims.localization.head_03_relations import choice, dev_accuracy, dev_offset
from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import beyond_twin, models, over_seeds_and_examples, silenced
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, measure, together
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

RELATION, NEEDS_IT = "nsubj", "number of the subject"
OTHERS = 5
FEWEST = 50


@claim(
    id="prune-01",
    section="6.3",
    says="A head that encodes a relation but can be disabled without loss is not used for it.",
    cites=("kovaleva-2019",),
    method="""The head that best finds subjects (nsubj, chosen on dev sentences) is silenced in models tuned on a task that needs them, the number
    of the subject. Holds if it finds test subjects better than the random twin's best head, silencing it costs less than a point of the
    test score, and the tuned scores exceed those of the random twin tuned alike: then what it encodes is not what the model uses. Other
    heads, drawn at random, are silenced beside. The study asks it of semantic roles (head-11).""",
    expects={
        "score lost without the head": below(0.01),
        "subjects found beyond the random twin's best head": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank:deprel", "attention", "head"),
)
def encoding_is_not_using(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(LinkAttention(), over=treebank), measure(LinkAttention(), over=treebank, twin=True)
    )
    if RELATION not in real.labels:
        raise NotApplicable(f"{treebank.name} has no relation {RELATION}")
    i = real.labels.index(RELATION)
    if min(real.hits[(i, 0, 0, 0)].on(part).n for part in ("dev", "test")) < FEWEST:
        raise NotApplicable(f"{treebank.name} has fewer than {FEWEST} subjects in its dev or test blocks")
    best = choice(real, i)
    layer, head, gain = best[0] + 1, best[1], dev_accuracy(real, i, best) - dev_offset(real, i, best[2])[1]
    tallies = [pointing.hits[(i, *choice(pointing, i))].on("test") for pointing in (real, random)]
    found = models(encoder, corpora, seed, NEEDS_IT)
    rng = np.random.default_rng([seed, 9])
    every = [(k, h) for k in range(1, encoder.n_layers + 1) for h in range(encoder.n_heads) if (k, h) != (layer, head)]
    others = [every[k] for k in rng.permutation(len(every))[:OTHERS]]
    made = yield from silenced(found, [[((layer, head),), *((o,) for o in others)]] * len(found.asked))
    beyond = yield from beyond_twin(found, seed)
    test = [m.test for m in made]
    lost = lambda function: over_seeds_and_examples(function, test, unit="score", seed=seed)
    values = {
        "score lost without the head": lost(lambda r: r[..., 0] - r[..., 1]),
        "subjects found beyond the random twin's best head": bootstrap(lambda a, b: a - b, *tallies, unit="accuracy", seed=seed),
        "score beyond the random twin": beyond,
        "lost beyond the mean of other heads": lost(lambda r: r[..., 2:].mean(-1) - r[..., 1]),
        "subjects found": tallies[0].estimate(unit="accuracy", seed=seed),
    }  # fmt: skip
    rows = []
    for k, (of_layer, of_head) in enumerate([(layer, head), *others], start=1):
        e = lost(lambda r, k=k: r[..., 0] - r[..., k])
        rows.append(Row("score lost", e.value, e.low, e.high, e.n, of_layer, of_head, "finds subjects" if k == 1 else "at random"))  # fmt: skip
    told = f"Chosen on dev: head {head} of layer {layer}, {gain:.3f} better there than the best fixed offset."
    return Finding(values, rows=rows, note=f"{told} {found.note}")
