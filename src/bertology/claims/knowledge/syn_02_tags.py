"""Parts of speech, chunks and relations are read off token vectors (Tenney et al. 2019b; Liu et al. 2019a)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import OnlineCode, TagCurve, curve_rows
from bertology.record.claim import Ability, Published, above
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

TASKS = ("part of speech", "chunk", "relation")


@claim(
    id="syn-02",
    section="3.1",
    says="Token vectors encode parts of speech, chunks and syntactic roles.",
    cites=("tenney-2019b", "liu-2019a", "tenney-2019a"),
    method="""A linear probe of each layer for three tasks on single words: part of speech, begin/inside/outside of base noun
    phrases, relation to the governor. Selectivity is accuracy minus that of the same probe on a control task, a random label for each
    word form (Hewitt & Liang 2019). The layer with the highest accuracy is chosen on dev blocks for each task. Averaged over tasks, its
    selectivity on test blocks must exceed that of layer 0 and of the random twin's best layer, and its online codelength
    (Voita & Titov 2020; train and test blocks) must be shorter than both.""",
    published=(
        Published(88.5, "F1 from layer 0 alone, part of speech", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
        Published(96.7, "F1 from all 24 layers, part of speech", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
        Published(73.6, "F1 from layer 0 alone, constituents", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
        Published(87.0, "F1 from all 24 layers, constituents", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
        Published(85.6, "F1 from layer 0 alone, dependencies", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
        Published(95.5, "F1 from all 24 layers, dependencies", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 1", "verified"),
    ),
    expects={
        "selectivity beyond layer 0": above(0.0),
        "selectivity beyond the random twin": above(0.0),
        "bits a label saved on layer 0": above(0.0),
        "bits a label saved on the random twin": above(0.0),
    },
    needs=("treebank:upos", "treebank:deprel"),
    abilities=(
        Ability("word classes, bits saved", "bits a label saved on the random twin", chance=0.0),
        Ability("part of speech", "accuracy, part of speech"),
        Ability("syntactic relation", "accuracy, relation"),
    ),
)  # fmt: skip
def tags_in_vectors(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    asked = [TagCurve(task, control=control) for control in (False, True) for task in TASKS]
    real, random = yield from together(*[measure(*asked, over=corpora.treebank, twin=twin) for twin in (False, True)])
    best, twin_best = ([argmax(c.correct.on("dev").rate())[0] for c in one[: len(TASKS)]] for one in (real, random))
    codes = [OnlineCode(task, (0, k)) for task, k in zip(TASKS, best, strict=True)]
    twin_codes = [OnlineCode(task, (0, k)) for task, k in zip(TASKS, twin_best, strict=True)]
    bits, twin_bits = yield from together(
        measure(*codes, over=corpora.treebank), measure(*twin_codes, over=corpora.treebank, twin=True)
    )
    task, control = _stack(real[:3], best), _stack(real[3:], best)
    twin_task, twin_control = _stack(random[:3], twin_best), _stack(random[3:], twin_best)
    code, twin_code = _joined(bits), _joined(twin_bits)

    mean = lambda a: a.mean(-1)
    unit, saved = {"unit": "accuracy", "seed": seed}, {"unit": "bits", "seed": seed}
    values = {
        "selectivity beyond layer 0": bootstrap(
            lambda a, c: mean((a - c)[..., 1] - (a - c)[..., 0]), task, control, **unit
        ),
        "selectivity beyond the random twin": bootstrap(
            lambda a, c, b, d: mean((a - c)[..., 1] - (b - d)[..., 1]), task, control, twin_task, twin_control, **unit
        ),
        "bits a label saved on layer 0": bootstrap(lambda b: mean(b[..., 0] - b[..., 1]), code, **saved),
        "bits a label saved on the random twin": bootstrap(
            lambda b, t: mean(t[..., 1] - b[..., 1]), code, twin_code, **saved
        ),
    }
    baselines = {
        "selectivity of layer 0": bootstrap(lambda a, c: mean((a - c)[..., 0]), task, control, **unit),
        "selectivity of the random twin": bootstrap(
            lambda a, c: mean((a - c)[..., 1]), twin_task, twin_control, **unit
        ),
        "selectivity of the best layer": bootstrap(lambda a, c: mean((a - c)[..., 1]), task, control, **unit),
    }
    rows = []
    for k, name in enumerate(TASKS):
        values[f"accuracy, {name}"] = task[k, 1].estimate(**unit)
        for who, answers in (("", real), ("random twin: ", random)):
            rows += curve_rows("accuracy", f"{who}{name}", answers[k].correct.on("test"), seed)
            rows += curve_rows("accuracy on the control task", f"{who}{name}", answers[k + 3].correct.on("test"), seed)
        for who, tally in (
            ("best layer", code[k, 1]),
            ("layer 0", code[k, 0]),
            ("random twin's best layer", twin_code[k, 1]),
        ):
            e = tally.estimate(seed=seed)
            rows.append(Row(f"bits a label, {name}", e.value, e.low, e.high, e.n, label=who))
    note = (
        f"Best layers on dev: {', '.join(f'{name} {k}' for name, k in zip(TASKS, best, strict=True))}. Words of "
        f"{corpora.treebank.name} and chunks cut from its trees, where the studies had OntoNotes and CoNLL-2000."
    )
    return Finding(values, baselines, rows, note)


def _stack(curves: tuple, best: list[int]) -> Tally:
    """Tally (block, task, {layer 0, best layer}) on test blocks."""
    return _joined([curve.correct[[0, k]] for curve, k in zip(curves, best, strict=True)]).on("test")


def _joined(tallies: tuple | list) -> Tally:
    """Tallies (block, cell) of one corpus as one, (block, task, cell)."""
    return Tally(np.stack([t.total for t in tallies], 1), np.stack([t.weight for t in tallies], 1))
