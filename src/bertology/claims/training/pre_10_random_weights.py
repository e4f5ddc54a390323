"""Random weights, fine-tuned, rival a frozen pre-trained encoder on some tasks (Kovaleva et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats

NAMES = ("next sentence", "number of the subject", "tense", "depth")


@claim(
    id="pre-10",
    section="5.3",
    says="Fine-tuned from random weights, the architecture rivals a frozen pre-trained encoder on some tasks.",
    cites=("kovaleva-2019",),
    method="""Three arms on four tasks: random weights fine-tuned, pre-trained weights frozen under a trained head, pre-trained weights
    fine-tuned. The task on which the first arm does best against the second is chosen on dev; there the difference is
    estimated on test. Holds if it is positive. Control: fine-tuned pre-trained weights must beat fine-tuned random ones,
    so that pre-training is worth something on these tasks. The study's frozen arm has an untrained head.""",
    published=(
        Published(
            81.2,
            "MRPC F1, random weights fine-tuned",
            "BERT-base",
            "MRPC",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            87.9,
            "MRPC F1, pre-trained and fine-tuned",
            "BERT-base",
            "MRPC",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            80.5,
            "SST-2 accuracy, %, random weights fine-tuned",
            "BERT-base",
            "SST-2",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            92.0,
            "SST-2 accuracy, %, pre-trained and fine-tuned",
            "BERT-base",
            "SST-2",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            61.0,
            "MNLI accuracy, %, random weights fine-tuned",
            "BERT-base",
            "MNLI",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            78.6,
            "MNLI accuracy, %, pre-trained and fine-tuned",
            "BERT-base",
            "MNLI",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            52.7,
            "RTE accuracy, %, random weights fine-tuned",
            "BERT-base",
            "RTE",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            64.6,
            "RTE accuracy, %, pre-trained and fine-tuned",
            "BERT-base",
            "RTE",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            0.0,
            "QQP score, %, random weights fine-tuned",
            "BERT-base",
            "QQP",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            65.2,
            "QQP score, %, pre-trained and fine-tuned",
            "BERT-base",
            "QQP",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            2.9,
            "STS-B correlation, %, random weights fine-tuned",
            "BERT-base",
            "STS-B",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            82.7,
            "STS-B correlation, %, pre-trained and fine-tuned",
            "BERT-base",
            "STS-B",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            0.0,
            "MRPC F1, pre-trained and not fine-tuned",
            "BERT-base",
            "MRPC",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            33.1,
            "STS-B correlation, %, pre-trained and not fine-tuned",
            "BERT-base",
            "STS-B",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            49.1,
            "SST-2 accuracy, %, pre-trained and not fine-tuned",
            "BERT-base",
            "SST-2",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            0.0,
            "QQP F1, pre-trained and not fine-tuned",
            "BERT-base",
            "QQP",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            52.7,
            "RTE accuracy, %, pre-trained and not fine-tuned",
            "BERT-base",
            "RTE",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            52.8,
            "QNLI accuracy, %, pre-trained and not fine-tuned",
            "BERT-base",
            "QNLI",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            31.7,
            "MNLI accuracy, %, pre-trained and not fine-tuned",
            "BERT-base",
            "MNLI",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            49.5,
            "QNLI accuracy, %, random weights fine-tuned",
            "BERT-base",
            "QNLI",
            "kovaleva-2019",
            "verified",
        ),
        Published(
            84.4,
            "QNLI accuracy, %, pre-trained and fine-tuned",
            "BERT-base",
            "QNLI",
            "kovaleva-2019",
            "verified",
        ),
    ),
    expects={
        "random and fine-tuned − pre-trained and frozen, on the task chosen on dev": above(0.0),
        "pre-trained − random, both fine-tuned": above(0.0),
    },
    needs=("training", "segments", "treebank:head"),
)
def random_weights_rival_frozen_ones(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    arms = {
        "random, fine-tuned": (encoder.randomised(seed), fine_tuned.STANDARD),
        "pre-trained, frozen": (encoder, fine_tuned.FROZEN),
        "pre-trained, fine-tuned": (encoder, fine_tuned.STANDARD),
    }
    found = yield from fine_tuned.scored([(who, t, recipe) for who, recipe in arms.values() for t in tasks], seed)
    random, frozen, full = np.array([s.values for s in found]).reshape(len(arms), len(tasks), -1)
    dev = np.array([[d[-1] for d in s.dev] for s in found]).reshape(len(arms), len(tasks), -1)
    best = int((dev[0] - dev[1]).mean(1).argmax())
    values = {
        "random and fine-tuned − pre-trained and frozen, on the task chosen on dev": repeats.difference(random[best], frozen[best], unit="score"),
        "pre-trained − random, both fine-tuned": repeats.difference(full.mean(0), random.mean(0), unit="score"),
        **{f"random and fine-tuned − pre-trained and frozen, {name}": repeats.difference(r, f, unit="score")
           for name, r, f in zip(NAMES, random, frozen, strict=True)},
    }  # fmt: skip
    rows = fine_tuned.rows("score", {f"{t}: {arm}": found[k * len(tasks) + i].values
                                for i, t in enumerate(NAMES) for k, arm in enumerate(arms)})  # fmt: skip
    note = fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, full[0])
    return Finding(values, rows=rows, note=f"Chosen on dev: {NAMES[best]}. {note}")
