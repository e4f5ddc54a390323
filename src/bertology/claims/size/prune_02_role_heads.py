"""Syntactic and positional heads are pruned last (Voita et al. 2019)."""

from typing import Any

from bertology.claims.registry import claim
from bertology.claims.size.over_02_few_heads import GATES
from bertology.claims.size.tuned_heads import auc, beyond_twin, models, roles
from bertology.compress.artefacts import GateSurvival
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="prune-02",
    section="6.3",
    says="Syntactic and positional heads are pruned last.",
    cites=("voita-2019b",),
    method="""Before tuning, a head has a role if on dev sentences it finds the other end of some relation ten points more often than the best fixed
    offset, or puts half of its attention on the previous or next token. Models tuned on the tense of sentences are trained on with
    gates whose budget of heads falls (as in over-02). Holds if a head with a role stays open longer than one without more often
    than not (area under the curve above .5), over seeds, and the tuned scores exceed those of the random twin tuned alike.""",
    published=(
        Published(17.0, "encoder heads left that keep all roles, of 48", "Transformer base", "WMT English-Russian", "voita-2019b (digest of the paper)", "verified"),
        Published(66.0, "cases in which the rare-word head attends to the rarest token, %", "Transformer base", "WMT English-Russian", "voita-2019b (digest of the paper)", "verified"),
        Published(83.0, "cases in which it attends to one of the two rarest, %", "Transformer base", "WMT English-Russian", "voita-2019b (digest of the paper)", "verified"),
    ),
    expects={
        "area under the curve": above(0.5),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank:deprel", "segments:segment", "attention", "head", "sep"),
)  # fmt: skip
def heads_with_a_role_survive(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if not encoder.family.into_heads:
        raise NotApplicable(f"heads cannot be taken out of {encoder.name}")
    has = yield from roles(encoder, corpora)
    found = models(encoder, corpora, seed)
    open_ = yield from make(*(GateSurvival(asked, GATES) for asked in found.asked))
    beyond = yield from beyond_twin(found, seed)
    values = {
        "area under the curve": repeats.mean([auc(values, has) for values in open_], unit="probability"),
        "score beyond the random twin": beyond,
    }
    survival: Any = sum(open_) / len(open_)
    rows = [
        Row("share of the training that the gate is open", float(survival[layer, head]), n=len(open_), layer=layer + 1, head=head,
            label="role" if has[layer, head] else "no role")
        for layer in range(has.shape[0]) for head in range(has.shape[1])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=f"{int(has.sum())} of {has.size} heads have a role. {found.note}")
