"""Fine-tuning raises attention to special tokens (Kovaleva et al. 2019)."""

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.change import changes
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats


@claim(
    id="spec-05",
    section="4.2.2",
    says="Fine-tuning raises attention to special tokens, depending on the task.",
    cites=("kovaleva-2019",),
    method="""Share of attention on [CLS] and [SEP] after fine-tuning on two tasks minus before, in the last third of the layers. Holds if
    positive, and more than in the fine-tuned random twin, where training alone may move attention. Each value is the mean of
    tasks, over seeds; that of each task is reported.""",
    expects={
        "change of attention on special tokens, last third": above(0.0),
        "the same beyond the random twin": above(0.0),
    },
    needs=("training", "cls", "sep", "attention", "treebank"),
)
def attention_moves_to_special_tokens(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from changes(encoder, corpora, seed)
    third = max(1, encoder.n_layers // 3)
    real, twin = ((c.cls + c.sep)[..., -third:].mean(-1) for c in (found.real, found.twin))
    values = {
        "change of attention on special tokens, last third": repeats.mean(real.mean(0), unit="share"),
        "the same beyond the random twin": repeats.difference(real.mean(0), twin.mean(0), unit="share"),
        **{f"change, {task.name}": repeats.mean(v, unit="share") for task, v in zip(found.tasks, real, strict=True)},
    }
    baselines = {"random twin": repeats.mean(twin.mean(0), unit="share")}
    note = fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, real[0])
    return Finding(values, baselines, found.rows("cls", "sep"), note)
