"""Fine-tuning mostly changes the last two layers and moves attention to [SEP] (Kovaleva et al. 2019)."""

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
    id="ft-01",
    section="5.4",
    says="Fine-tuning mostly changes the last two layers and moves attention to [SEP].",
    cites=("kovaleva-2019",),
    method="""Three passes of fine-tuning on two tasks. Holds if in attention maps the last two layers change more than any other, if their share of all
    change is larger than in the fine-tuned random twin, and if the share of attention on [SEP] rises in these layers, more than in the twin.
    Each value is the mean of tasks, over seeds.""",
    published=(Published(2.0, "last layers that change most", "BERT-base", "GLUE tasks", "rogers-2020", "verified"),),
    expects={
        "lead of the last two layers, attention": above(0.0),
        "share of the last two layers beyond the random twin": above(0.0),
        "change of attention on [SEP], last two layers": above(0.0),
        "change on [SEP] beyond the random twin": above(0.0),
    },
    needs=("training", "cls", "sep", "attention", "treebank"),
)
def last_two_layers_and_sep(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from changes(encoder, corpora, seed)
    real, twin = found.real, found.twin
    share, share_twin = (share_of_last(c.attention).mean(0) for c in (real, twin))
    sep, sep_twin = (c.sep[..., -2:].mean(-1).mean(0) for c in (real, twin))
    values = {
        "lead of the last two layers, attention": repeats.mean(lead_of_last(real.attention).mean(0), unit="mean change"),
        "share of the last two layers beyond the random twin": repeats.difference(share, share_twin, unit="share"),
        "change of attention on [SEP], last two layers": repeats.mean(sep, unit="share"),
        "change on [SEP] beyond the random twin": repeats.difference(sep, sep_twin, unit="share"),
        "share of the last two layers in all change of attention": repeats.mean(share, unit="share"),
    }  # fmt: skip
    baselines = {"share of the last two layers, random twin": repeats.mean(share_twin, unit="share")}
    rows = found.rows("attention", "hidden", "weights", "sep")
    return Finding(values, baselines, rows, fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, share))
