"""Fine-tuning on a related task first helps (Phang et al. 2019)."""

from dataclasses import replace

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import Scoring, Staging

SEEDS = tuple(range(8))
FEW = 60


@claim(
    id="ft-04",
    section="5.4",
    says="Fine-tuning on a related task first helps.",
    cites=("phang-2019", "garg-2020", "arase-2019", "pruksachatkun-2020"),
    method="""Depth of the syntactic tree in three classes, from sixty sentences: fine-tuned at once, after the length of sentences (related: longer
    sentences have deeper trees) and after tense (unrelated), both with all examples of the usual size that are not in the target's test part.
    Holds if the related task beats none and the unrelated one.""",
    published=(
        Published(80.2, "GLUE score, one stage", "BERT-large", "GLUE", "phang-2019", "memory"),
        Published(81.8, "GLUE score, intermediate task", "BERT-large", "GLUE", "phang-2019", "memory"),
    ),
    expects={
        "gain of a related task first": above(0.0),
        "related − unrelated task first": above(0.0),
    },
    needs=("training", "treebank:head"),
)
def related_task_first(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    target = fine_tuned.small(corpora, "depth", examples=FEW)
    target = replace(target, name=f"{target.name}, {FEW} examples")
    related, unrelated = (fine_tuned.small(corpora, name) for name in ("length", "tense"))
    numbers = fine_tuned.numbered(seed, SEEDS)
    last = (target, fine_tuned.STANDARD)
    none, first, other = yield from make(
        Scoring(encoder, *last, numbers),
        *(Staging(encoder, ((task, fine_tuned.STANDARD), last), numbers) for task in (related, unrelated)),
    )
    values = {
        "gain of a related task first": repeats.difference(first.values, none.values, unit="score"),
        "related − unrelated task first": repeats.difference(first.values, other.values, unit="score"),
        "gain of an unrelated task first": repeats.difference(other.values, none.values, unit="score"),
    }
    rows = fine_tuned.rows("score", {"none": none.values, "length first": first.values, "tense first": other.values})
    note = fine_tuned.note(encoder, [target, related, unrelated], fine_tuned.STANDARD, SEEDS)
    return Finding(values, rows=rows, note=note)
