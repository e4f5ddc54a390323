"""The more a probe can learn by itself, the less its score says about the encoder (Hewitt & Liang 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import TagCurve
from bertology.record.claim import Published, above, between
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

TASK = "part of speech"
PROBES = {"linear": "linear", "MLP, 1 hidden layer": "1", "MLP, 2 hidden layers": "2"}


@claim(
    id="lim-02",
    section="3.4",
    says="Complex probes blur whose knowledge is measured: a linear probe is more selective than multi-layer ones.",
    cites=("hewitt-liang-2019", "liu-2019a"),
    method="""Probes for part of speech on a middle layer, and for its control task (every word type has a random tag, fixed by the seed). Selectivity is
    task accuracy minus control accuracy on test blocks. The linear probe's must exceed that of each multi-layer probe, at task accuracies within
    three points of each other; and, so that it says something about the encoder, beat the linear probe's on the random twin.""",
    published=(
        Published(0.972, "task accuracy, linear probe", "ELMo, layer 1", "PTB", "plotting script of Hewitt & Manning's authors (commented values)", "verified", "task accuracy, linear"),
        Published(0.717, "control accuracy, linear probe", "ELMo, layer 1", "PTB", "plotting script of Hewitt & Manning's authors (commented values)", "verified", "control accuracy, linear"),
        Published(0.974, "task accuracy, MLP", "ELMo, layer 1", "PTB", "plotting script of Hewitt & Manning's authors (commented values)", "verified", "task accuracy, MLP, 1 hidden layer"),
        Published(0.928, "control accuracy, MLP", "ELMo, layer 1", "PTB", "plotting script of Hewitt & Manning's authors (commented values)", "verified", "control accuracy, MLP, 1 hidden layer"),
    ),
    expects={
        "selectivity: linear − MLP, 1 hidden layer": above(0.0),
        "selectivity: linear − MLP, 2 hidden layers": above(0.0),
        "task accuracy: linear − MLP, 1 hidden layer": between(-0.03, 0.03),
        "selectivity of the linear probe beyond the random twin": above(0.0),
    },
    needs=("treebank:upos",),
)  # fmt: skip
def linear_is_more_selective(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    layer = (encoder.n_layers + 1) // 2
    asked = [
        TagCurve(TASK, control=control, probe=kind, layers=(layer,))
        for kind in PROBES.values()
        for control in (False, True)
    ]
    answers, twin = yield from together(
        measure(*asked, over=corpora.treebank), measure(*asked[:2], over=corpora.treebank, twin=True)
    )
    curves = dict(zip(PROBES, zip(answers[::2], answers[1::2], strict=True), strict=True))
    task = {name: pair[0].correct[0].on("test") for name, pair in curves.items()}
    control = {name: pair[1].correct[0].on("test") for name, pair in curves.items()}
    unit = {"unit": "accuracy", "seed": seed}
    values = {}
    for name in list(PROBES)[1:]:
        values[f"selectivity: linear − {name}"] = bootstrap(
            lambda a, b, c, d: (a - b) - (c - d), task["linear"], control["linear"], task[name], control[name], **unit
        )
    values["task accuracy: linear − MLP, 1 hidden layer"] = bootstrap(
        lambda a, b: a - b, task["linear"], task["MLP, 1 hidden layer"], **unit
    )
    values["selectivity of the linear probe"] = bootstrap(lambda a, b: a - b, task["linear"], control["linear"], **unit)
    theirs = [curve.correct[0].on("test") for curve in twin]
    values["selectivity of the linear probe beyond the random twin"] = bootstrap(
        lambda a, b, c, d: (a - b) - (c - d), task["linear"], control["linear"], *theirs, **unit
    )
    rows = []
    for name in PROBES:
        values[f"task accuracy, {name}"] = task[name].estimate(**unit)
        values[f"control accuracy, {name}"] = control[name].estimate(**unit)
        for what, tally in (("task accuracy", task[name]), ("control accuracy", control[name])):
            e = tally.estimate(**unit)
            rows.append(Row(what, e.value, e.low, e.high, e.n, label=name))
    majority = curves["linear"][0].majority.on("test")
    return Finding(
        values,
        {"most frequent tag": majority.estimate(**unit)},
        rows,
        f"Layer {layer}. The control task's words are the same in training and test, as in the study; unseen types keep their own random tag.",
    )
