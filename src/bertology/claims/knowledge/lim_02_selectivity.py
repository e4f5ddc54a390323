"""A more complex probe is less selective: it learns more by itself (Hewitt & Liang 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import TagCurve
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

TASK = "part of speech"
PROBES = {"linear": "linear", "one hidden layer": "1", "two hidden layers": "2"}


@claim(
    id="lim-02",
    section="3.4",
    says="A more complex probe is less selective: it learns more by itself.",
    cites=("liu-2019a", "hewitt-liang-2019"),
    method="""Part-of-speech accuracy minus accuracy on a control task, a random tag for each word form: of a linear probe and of
    perceptrons with one and two hidden layers of 128 units, on the layer at which the linear probe is best on dev blocks. The linear
    probe must be more selective than either, without losing two points of accuracy to the better of them, and must beat the linear
    probe of the random twin's best layer at the task, so that there is something to be selective about.""",
    published=(
        Published(97.2, "part-of-speech accuracy, linear probe, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "task accuracy, linear"),
        Published(71.2, "control-task accuracy, linear probe, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "control accuracy, linear"),
        Published(26.0, "selectivity, linear probe, points", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "selectivity, linear"),
        Published(97.3, "part-of-speech accuracy, one-layer perceptron, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "task accuracy, one hidden layer"),
        Published(92.8, "control-task accuracy, one-layer perceptron, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "control accuracy, one hidden layer"),
        Published(4.5, "selectivity, one-layer perceptron, points", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "selectivity, one hidden layer"),
        Published(97.3, "part-of-speech accuracy, two-layer perceptron, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "task accuracy, two hidden layers"),
        Published(93.2, "control-task accuracy, two-layer perceptron, %", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "control accuracy, two hidden layers"),
        Published(4.2, "selectivity, two-layer perceptron, points", "ELMo layer 1", "PTB development", "Hewitt & Liang 2019, table 1", "verified", "selectivity, two hidden layers"),
    ),
    expects={
        "linear − one hidden layer, selectivity": above(0.0),
        "linear − two hidden layers, selectivity": above(0.0),
        "linear − better perceptron, task accuracy": above(-2.0),
        "linear over the random twin, task accuracy": above(0.0),
    },
    needs=("treebank:upos",),
)  # fmt: skip
def simple_probes_are_selective(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    (linear, linear_control), random = yield from together(
        measure(TagCurve(TASK), TagCurve(TASK, control=True), over=treebank),
        measure(TagCurve(TASK), over=treebank, twin=True),
    )
    (best,), (twin_best,) = argmax(linear.correct.on("dev").rate()), argmax(random.correct.on("dev").rate())
    deep = yield from measure(
        *[TagCurve(TASK, control, kind, (best,)) for kind in ("1", "2") for control in (False, True)], over=treebank
    )
    on_test = [linear.correct[best], linear_control.correct[best], *(curve.correct[0] for curve in deep)]
    (task, control), (a, ac), (b, bc) = (tuple(t.on("test") for t in on_test[i : i + 2]) for i in (0, 2, 4))
    points = {"unit": "points", "seed": seed}
    gap = lambda p, c, q, d: 100 * ((p - c) - (q - d))
    deeper = max((a, b), key=lambda t: float(t.rate()))
    values = {
        "linear − one hidden layer, selectivity": bootstrap(gap, task, control, a, ac, **points),
        "linear − two hidden layers, selectivity": bootstrap(gap, task, control, b, bc, **points),
        "linear − better perceptron, task accuracy": bootstrap(lambda p, q: 100 * (p - q), task, deeper, **points),
        "linear over the random twin, task accuracy": bootstrap(
            lambda p, q: 100 * (p - q), task, random.correct[twin_best].on("test"), **points
        ),
    }
    rows = []
    for name, own, own_control in (
        ("linear", task, control),
        ("one hidden layer", a, ac),
        ("two hidden layers", b, bc),
    ):
        values |= {
            f"task accuracy, {name}": bootstrap(lambda p: 100 * p, own, unit="%", seed=seed),
            f"control accuracy, {name}": bootstrap(lambda p: 100 * p, own_control, unit="%", seed=seed),
            f"selectivity, {name}": bootstrap(lambda p, c: 100 * (p - c), own, own_control, **points),
        }
        for measured in ("task accuracy", "control accuracy", "selectivity"):
            e = values[f"{measured}, {name}"]
            rows.append(Row(measured, e.value, e.low, e.high, e.n, label=name))
    note = (
        f"Layer {best}. The fewer word forms a corpus has ({treebank.name} against the Penn Treebank), the more of the control "
        "task a linear map can memorise, too."
    )
    return Finding(values, {}, rows, note)
