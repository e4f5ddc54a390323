"""The last layers change most in fine-tuning (Kovaleva et al. 2019; Liu et al. 2019)."""

import numpy as np
from scipy.stats import spearmanr

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.change import changes, lead_of_last, share_of_last
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats


@claim(
    id="lay-06",
    section="4.3",
    says="The last layers are the most specific to the task and change most in fine-tuning.",
    cites=("liu-2019a", "kovaleva-2019"),
    method="""Change by layer under fine-tuning on two tasks: one minus CKA of hidden vectors, one minus cosine of attention maps, on sentences of the
    treebank. Holds if the rank correlation of the change of hidden vectors with depth exceeds .5 and the last two layers
    change more than any other, in attention too. Control: changes pile up with depth in any network, so the last two layers must have a
    larger share of all change of hidden vectors than in the fine-tuned random twin. Each value is the mean of tasks, over seeds.""",
    published=(
        Published(2.0, "last layers that change most", "BERT-base", "GLUE tasks but QQP", "kovaleva-2019", "verified"),
    ),
    expects={
        "rank correlation of change with depth": above(0.5),
        "lead of the last two layers, hidden vectors": above(0.0),
        "lead of the last two layers, attention": above(0.0),
        "share of the last two layers beyond the random twin": above(0.0),
    },
    needs=("training", "attention", "treebank"),
)
def last_layers_change_most(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from changes(encoder, corpora, seed)
    real, twin = found.real, found.twin
    depth = np.arange(real.hidden.shape[-1])
    rank = np.apply_along_axis(lambda v: spearmanr(depth, v).statistic, -1, real.hidden).mean(0)  # type: ignore[attr-defined]
    of_real, of_twin = share_of_last(real.hidden).mean(0), share_of_last(twin.hidden).mean(0)
    values = {
        "rank correlation of change with depth": repeats.mean(rank, unit="rho"),
        "lead of the last two layers, hidden vectors": repeats.mean(lead_of_last(real.hidden).mean(0), unit="mean change"),
        "lead of the last two layers, attention": repeats.mean(lead_of_last(real.attention).mean(0), unit="mean change"),
        "share of the last two layers beyond the random twin": repeats.difference(of_real, of_twin, unit="share"),
    }  # fmt: skip
    baselines = {"share of the last two layers, random twin": repeats.mean(of_twin, unit="share")}
    rows = found.rows("hidden", "attention", "weights")
    return Finding(values, baselines, rows, fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, rank))
