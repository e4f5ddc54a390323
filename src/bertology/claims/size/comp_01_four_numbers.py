"""An encoder can be compressed several times with little loss (Table 1 of Rogers et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Rounded, Shallow
from bertology.compress.teaching.distil import SoftTargets
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats

METHODS = {
    "8 bits after tuning": Rounded(8),
    "4 bits while tuning": Rounded(4, aware=True),
    "half the layers, soft targets, 8 bits": Shallow(0.5, (SoftTargets(),), hard=0.5, bits=8),
}
TIMES = 3.0


@claim(
    id="comp-01",
    section="6.2",
    says="An encoder can be compressed several times with little loss.",
    cites=(
        "rogers-2020", "sanh-2019", "sun-2019a", "aguilar-2019", "zhao-2019", "jiao-2019", "sun-2020", "turc-2019", "tian-2019",
        "wang-2020b", "tsai-2019", "tang-2019", "shen-2019", "zafrir-2019", "zadeh-2020", "mccarley-2020", "guo-2019", "sanh-2020",
        "chen-2020", "lan-2020", "xu-2020", "goyal-2020",
    ),
    method="""Three ways on two tasks: eight bits, four bits while tuning, half the layers distilled and in eight bits. Of those at least three times
    smaller, the best on dev is taken; on test, always four numbers: times smaller, score kept, margin over the majority kept, times
    faster here, with the calibration error. Holds if .95 of the margin is kept. Control: the small model must beat by two points the tuned random twin of the
    whole, so that what is kept is worth keeping.""",
    published=(
        Published(96.8, "score kept, %", "TinyBERT", "GLUE", "jiao-2019", "verified"),
        Published(7.5, "times smaller", "TinyBERT", "GLUE", "jiao-2019", "verified"),
        Published(97.0, "score kept, %", "DistilBERT", "GLUE", "sanh-2019", "verified"),
        Published(40.0, "fewer parameters, %", "DistilBERT", "GLUE", "sanh-2019", "verified"),
        Published(4.3, "times smaller", "MobileBERT", "GLUE", "sun-2020", "verified"),
        Published(77.7, "GLUE score", "MobileBERT", "GLUE test", "sun-2020", "verified"),
        Published(1.5, "times smaller, as tabulated by the survey", "DistilBERT", "see the survey", "rogers-2020", "memory"),
        Published(90.0, "score kept, as tabulated by the survey, %", "DistilBERT", "see the survey", "rogers-2020", "memory"),
        Published(1.6, "times smaller, as tabulated by the survey", "BERT6-PKD", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "BERT6-PKD", "see the survey", "rogers-2020", "memory"),
        Published(2.4, "times smaller, as tabulated by the survey", "BERT3-PKD", "see the survey", "rogers-2020", "memory"),
        Published(92.0, "score kept, as tabulated by the survey, %", "BERT3-PKD", "see the survey", "rogers-2020", "memory"),
        Published(62.0, "times smaller, as tabulated by the survey", "BERT-48", "see the survey", "rogers-2020", "memory"),
        Published(87.0, "score kept, as tabulated by the survey, %", "BERT-48", "see the survey", "rogers-2020", "memory"),
        Published(5.7, "times smaller, as tabulated by the survey", "BERT-192", "see the survey", "rogers-2020", "memory"),
        Published(93.0, "score kept, as tabulated by the survey, %", "BERT-192", "see the survey", "rogers-2020", "memory"),
        Published(7.5, "times smaller, as tabulated by the survey", "TinyBERT", "see the survey", "rogers-2020", "memory"),
        Published(96.0, "score kept, as tabulated by the survey, %", "TinyBERT", "see the survey", "rogers-2020", "memory"),
        Published(4.3, "times smaller, as tabulated by the survey", "MobileBERT", "see the survey", "rogers-2020", "memory"),
        Published(100.0, "score kept, as tabulated by the survey, %", "MobileBERT", "see the survey", "rogers-2020", "memory"),
        Published(1.6, "times smaller, as tabulated by the survey", "PD", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "PD", "see the survey", "rogers-2020", "memory"),
        Published(4.4, "times smaller, as tabulated by the survey", "WaLDORf", "see the survey", "rogers-2020", "memory"),
        Published(93.0, "score kept, as tabulated by the survey, %", "WaLDORf", "see the survey", "rogers-2020", "memory"),
        Published(1.65, "times smaller, as tabulated by the survey", "MiniLM", "see the survey", "rogers-2020", "memory"),
        Published(99.0, "score kept, as tabulated by the survey, %", "MiniLM", "see the survey", "rogers-2020", "memory"),
        Published(6.0, "times smaller, as tabulated by the survey", "MiniBERT", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "MiniBERT", "see the survey", "rogers-2020", "memory"),
        Published(110.0, "times smaller, as tabulated by the survey", "BiLSTM-soft", "see the survey", "rogers-2020", "memory"),
        Published(91.0, "score kept, as tabulated by the survey, %", "BiLSTM-soft", "see the survey", "rogers-2020", "memory"),
        Published(13.0, "times smaller, as tabulated by the survey", "Q-BERT-MP", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "Q-BERT-MP", "see the survey", "rogers-2020", "memory"),
        Published(4.0, "times smaller, as tabulated by the survey", "Q8BERT", "see the survey", "rogers-2020", "memory"),
        Published(99.0, "score kept, as tabulated by the survey, %", "Q8BERT", "see the survey", "rogers-2020", "memory"),
        Published(9.8, "times smaller, as tabulated by the survey", "GOBO", "see the survey", "rogers-2020", "memory"),
        Published(99.0, "score kept, as tabulated by the survey, %", "GOBO", "see the survey", "rogers-2020", "memory"),
        Published(2.2, "times smaller, as tabulated by the survey", "Structured pruning ff2", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "Structured pruning ff2", "see the survey", "rogers-2020", "memory"),
        Published(1.7, "times smaller, as tabulated by the survey", "RPP", "see the survey", "rogers-2020", "memory"),
        Published(99.0, "score kept, as tabulated by the survey, %", "RPP", "see the survey", "rogers-2020", "memory"),
        Published(33.0, "times smaller, as tabulated by the survey", "Soft movement pruning", "see the survey", "rogers-2020", "memory"),
        Published(94.0, "score kept, as tabulated by the survey, %", "Soft movement pruning", "see the survey", "rogers-2020", "memory"),
        Published(9.0, "times smaller, as tabulated by the survey", "ALBERT-base", "see the survey", "rogers-2020", "memory"),
        Published(97.0, "score kept, as tabulated by the survey, %", "ALBERT-base", "see the survey", "rogers-2020", "memory"),
        Published(0.47, "times smaller, as tabulated by the survey", "ALBERT-xxlarge", "see the survey", "rogers-2020", "memory"),
        Published(107.0, "score kept, as tabulated by the survey, %", "ALBERT-xxlarge", "see the survey", "rogers-2020", "memory"),
        Published(1.6, "times smaller, as tabulated by the survey", "BERT-of-Theseus", "see the survey", "rogers-2020", "memory"),
        Published(98.0, "score kept, as tabulated by the survey, %", "BERT-of-Theseus", "see the survey", "rogers-2020", "memory"),
        Published(1.6, "times smaller, as tabulated by the survey", "Distillation from internal representations", "see the survey", "rogers-2020", "memory"),
        Published(93.0, "score kept, as tabulated by the survey, %", "Distillation from internal representations", "see the survey", "rogers-2020", "memory"),
    ),
    expects={
        "margin over the majority kept": above(0.95),
        "small model − tuned random twin": above(0.02),
    },
    needs=("training", "treebank"),
)  # fmt: skip
def compresses_with_little_loss(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    over = smaller.tasks(corpora)
    made = yield from smaller.compressed(encoder, over, list(METHODS.values()), seed, timed=True)
    of_twin = yield from smaller.twin(encoder, over, seed)
    found = dict(zip(METHODS, made, strict=True))
    small = {name: of for name, of in found.items() if smaller.score(of, "smaller").mean() >= TIMES}
    if not small:
        raise NotApplicable(f"no way made it {TIMES:g} times smaller")
    name = max(small, key=lambda name: smaller.score(small[name], "dev").mean())
    best = small[name]
    score = smaller.score(best)
    values = {
        "margin over the majority kept": repeats.mean(smaller.kept(best), unit="share"),
        "small model − tuned random twin": repeats.difference(score, of_twin, unit="score"),
        "times smaller": repeats.mean(smaller.score(best, "smaller"), unit="times"),
        "score kept": repeats.mean(100 * score / smaller.score(best, "whole"), unit="%"),
        "times faster": repeats.mean(smaller.score(best, "faster"), unit="times"),
        "added calibration error": repeats.difference(
            smaller.score(best, "calibration"), smaller.score(best, "whole_calibration"), unit="probability"
        ),
    }
    note = fine_tuned.note(encoder, over, fine_tuned.STANDARD, fine_tuned.SEEDS)
    return Finding(values, rows=smaller.rows(found), note=f"Chosen on dev: {name}. {note}")
