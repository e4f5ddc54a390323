"""Whether linguistic heads survive depends on the criterion (Voita et al. 2019; Prasanna et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size.over_02_few_heads import GATES
from bertology.claims.size.tuned_heads import auc, beyond_twin, heterogeneous, importance, models, roles
from bertology.compress.artefacts import GateSurvival
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="prune-04",
    section="6.3",
    says="Whether linguistic heads survive depends on the criterion.",
    cites=("voita-2019b", "prasanna-2020"),
    method="""Both studies on the same tuned models. Voita et al.: how long gates leave a head open (over-02), for heads with a syntactic or
    positional role (prune-02). Prasanna et al.: a head's importance (prune-07), for heads whose attention is heterogeneous (spec-04). Each is the
    probability that a linguistic head outlives another. Holds if the first is above one half, the second lower than the first, and the
    tuned scores exceed those of the random twin tuned alike. The two mixed cells, each criterion with the other's heads, are reported.""",
    expects={
        "gates, heads with a role": above(0.5),
        "gates, heads with a role − importance, heterogeneous heads": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank:deprel", "segments:segment", "attention", "head", "sep"),
)
def verdict_depends_on_the_criterion(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if not encoder.family.into_heads:
        raise NotApplicable(f"heads cannot be taken out of {encoder.name}")
    has = yield from roles(encoder, corpora)
    marked = yield from heterogeneous(encoder, corpora)
    found = models(encoder, corpora, seed)
    open_ = yield from make(*(GateSurvival(asked, GATES) for asked in found.asked))
    ranked = yield from importance(found)
    beyond = yield from beyond_twin(found, seed)
    cells = {
        f"{name}, {kind}": [auc(v, mask) for v in values]
        for name, values in (("gates", open_), ("importance", [heads for heads, _ in ranked]))
        for kind, mask in (("heads with a role", has), ("heterogeneous heads", marked))
    }
    voita, prasanna = cells["gates, heads with a role"], cells["importance, heterogeneous heads"]
    values = {
        "gates, heads with a role": repeats.mean(voita, unit="probability"),
        "gates, heads with a role − importance, heterogeneous heads": repeats.difference(voita, prasanna, unit="probability"),
        "score beyond the random twin": beyond,
        **{name: repeats.mean(v, unit="probability") for name, v in cells.items()},
    }  # fmt: skip
    rows = [Row("probability that a linguistic head outlives another", x, n=has.size, label=f"{name}, seed {k}") for name, v in cells.items() for k, x in enumerate(v)]  # fmt: skip
    told = f"{int(has.sum())} of {has.size} heads have a role, {int(marked.sum())} are heterogeneous, {int((has & marked).sum())} both."
    return Finding(values, rows=rows, note=f"{told} {found.note}")
