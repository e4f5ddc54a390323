"""Each added distillation term improves the student (Jiao et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Shallow
from bertology.compress.teaching.distil import Attention, Hidden, SoftTargets
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats

TERMS = (SoftTargets(), Hidden(), Attention())
ARMS = {
    "labels": Shallow(),
    "+ soft targets": Shallow(terms=TERMS[:1], hard=0.5),
    "+ hidden vectors": Shallow(terms=TERMS[:2], hard=0.5),
    "+ attention": Shallow(terms=TERMS, hard=0.5),
}


@claim(
    id="comp-02",
    section="6.2",
    says="Each added distillation term (soft targets, hidden vectors, attention) improves the student.",
    cites=("sanh-2019", "jiao-2019", "sun-2019a", "turc-2019", "sun-2020", "tang-2019"),
    method="""A student of half the layers, from the same weights and with the same steps: on labels, then with soft targets, hidden vectors and
    attention of the tuned whole added in turn; two tasks. Holds if no term costs a point and all together gain on labels alone. Control:
    the teacher must beat by two points its tuned random twin.""",
    published=(
        Published(
            90.7,
            "SST-2 accuracy of a distilled recurrent student, %",
            "BiLSTM, soft targets",
            "SST-2",
            "tang-2019",
            "verified",
        ),
        Published(
            86.7, "SST-2 accuracy of the student without distillation, %", "BiLSTM", "SST-2", "tang-2019", "verified"
        ),
        Published(94.9, "SST-2 accuracy of the teacher, %", "BERT-large", "SST-2", "tang-2019", "verified"),
        Published(434.0, "times faster", "BiLSTM, soft targets", "SST-2", "tang-2019", "verified"),
    ),
    expects={
        "gain of soft targets": above(-0.01),
        "gain of hidden vectors": above(-0.01),
        "gain of attention": above(-0.01),
        "gain of all terms": above(0.0),
        "tuned encoder − tuned random twin": above(0.02),
    },
    needs=("training", "treebank", "attention"),
)
def each_term_improves(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer")
    over = smaller.tasks(corpora)
    made = yield from smaller.compressed(encoder, over, list(ARMS.values()), seed)
    of_twin = yield from smaller.twin(encoder, over, seed)
    labels, soft, hidden, attention = (smaller.score(of) for of in made)
    values = {
        "gain of soft targets": repeats.difference(soft, labels, unit="score"),
        "gain of hidden vectors": repeats.difference(hidden, soft, unit="score"),
        "gain of attention": repeats.difference(attention, hidden, unit="score"),
        "gain of all terms": repeats.difference(attention, labels, unit="score"),
        smaller.TWIN: smaller.control(made[0], of_twin),
    }
    note = fine_tuned.note(encoder, over, fine_tuned.STANDARD, fine_tuned.SEEDS)
    return Finding(values, rows=smaller.rows(dict(zip(ARMS, made, strict=True))), note=note)
