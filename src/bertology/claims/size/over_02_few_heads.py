"""All but a few heads can be pruned (Voita et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import RANDOM_ORDERS, beyond_twin, models, scores
from bertology.claims.training import fine_tuned
from bertology.compress.artefacts import GateSurvival, grid, subnetwork
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.encoder.cut import cut
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import Scoring

LEFT = 0.25
GATES = fine_tuned.using(name="with gates", epochs=4)
RECOVERY = fine_tuned.using(name="recovery", epochs=1, rate=1e-4)


@claim(
    id="over-02",
    section="6.1",
    says="All but a few heads can be pruned.",
    cites=("voita-2019b", "louizos-2018"),
    method="""Models tuned on the tense of sentences are trained on with hard-concrete gates on the heads, whose budget falls from all to a
    twentieth. The quarter of the heads that the gates leave open longest stays, the others are taken out of the tuned model, which is
    tuned for one more epoch; as are copies with a quarter drawn at random. Holds if .99 of the tuned score is kept, more than
    with random heads, and the tuned scores exceed those of the random twin tuned alike. Voita et al. gate a translator, with a penalty.""",
    published=(
        Published(38.0, "encoder heads pruned, of 48", "Transformer base", "WMT English-Russian", "voita-2019b (digest of the paper)", "verified"),
        Published(0.15, "BLEU lost", "Transformer base", "WMT English-Russian", "voita-2019b (digest of the paper)", "verified"),
        Published(4.0, "encoder heads left, of 48", "Transformer base", "OpenSubtitles English-Russian", "voita-2019b (digest of the paper)", "verified"),
        Published(0.25, "BLEU lost with four heads left", "Transformer base", "OpenSubtitles English-Russian", "voita-2019b (digest of the paper)", "verified"),
    ),
    expects={
        "share of the score kept by a quarter of the heads": above(0.99),
        "score beyond a random quarter": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "head"),
)  # fmt: skip
def few_heads_are_enough(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if not encoder.family.into_heads:
        raise NotApplicable(f"heads cannot be taken out of {encoder.name}")
    found = models(encoder, corpora, seed)
    layers, heads = grid(encoder)
    full = yield from scores(found.asked)
    open_ = yield from make(*(GateSurvival(asked, GATES) for asked in found.asked))
    few, random = [], []
    for asked, survival in zip(found.asked, open_, strict=True):
        after = yield from make(asked)
        after.model.requires_grad_(True)  # copies are tuned on
        none = np.zeros((layers, 0))
        drawn = [np.random.default_rng([asked.seed, k, 8]).random((layers, heads)) for k in range(RANDOM_ORDERS)]
        less = [cut(after.encoder, *subnetwork(encoder, values, none, LEFT)) for values in (survival, *drawn)]
        made = yield from make(*(Scoring(one, found.task, RECOVERY, (asked.seed,)) for one in less))
        few.append(made[0].values[0])
        random.append(np.mean([m.values[0] for m in made[1:]]))
    beyond = yield from beyond_twin(found, seed)
    values = {
        "share of the score kept by a quarter of the heads": repeats.mean(np.array(few) / full, unit="share"),
        "score beyond a random quarter": repeats.difference(few, random, unit="score"),
        "score beyond the random twin": beyond,
    }
    baselines = {"share kept by a random quarter": repeats.mean(np.array(random) / full, unit="share")}
    table = {"whole": full, "a quarter by gates": np.array(few), "a quarter at random": np.array(random)}
    return Finding(values, baselines, fine_tuned.rows("score", table), found.note)
