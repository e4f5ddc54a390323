"""Description length tells a real task from a control task better than accuracy does (Voita & Titov 2020)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.codes import Codes, CodesOverSeeds
from bertology.probe.readings import OnlineCode, TagCurve
from bertology.record.claim import Published, above
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

TASK = "part of speech"
DRAWS = 20000
LEAST_SPREAD = 1e-6
"""Standard deviation below which repeats are one number."""


@claim(
    id="lim-07",
    section="3.4",
    says="Description length tells a real task from a control task better than accuracy does.",
    cites=("voita-2020", "pimentel-2020"),
    method="""Parts of speech and a control task (a random tag for each word form) in the layer where a linear probe of the former is
    best on dev blocks: accuracy of a perceptron on test words, its online code over the training words, and the variational code of a
    Bayesian linear probe, each with five seeds of start, order and draws. Separation is the gap between task and control in standard
    deviations over seeds (pooled): it must be larger by either code than by accuracy, which asks for a wide gap and a steady one, and
    the control task must be the dearer to send. Its interval is the generalised one for normal scores (Weerahandi 1993), the measures
    taken as independent. The encoder must also save bits over the random twin's best layer: a code that only counts
    word forms would separate the tasks too.""",
    published=(
        Published(93.7, "part-of-speech accuracy, layer 0, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(96.3, "control-task accuracy, layer 0, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(173.0, "online code length of parts of speech, layer 0, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(302.0, "online code length of the control task, layer 0, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(163.0, "variational code length of parts of speech, layer 0, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(267.0, "variational code length of the control task, layer 0, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(97.5, "part-of-speech accuracy, layer 1, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified", "task, accuracy"),
        Published(91.9, "control-task accuracy, layer 1, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified", "control, accuracy"),
        Published(96.0, "online code length of parts of speech, layer 1, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(515.0, "online code length of the control task, layer 1, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(85.0, "variational code length of parts of speech, layer 1, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(470.0, "variational code length of the control task, layer 1, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(97.3, "part-of-speech accuracy, layer 2, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(89.4, "control-task accuracy, layer 2, %", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(115.0, "online code length of parts of speech, layer 2, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(717.0, "online code length of the control task, layer 2, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(103.0, "variational code length of parts of speech, layer 2, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
        Published(612.0, "variational code length of the control task, layer 2, kbit", "ELMo", "PTB test", "Voita & Titov 2020, table 1", "verified"),
    ),
    expects={
        "separation by online code − by accuracy": above(0.0),
        "separation by variational code − by accuracy": above(0.0),
        "control ÷ task, online code": above(1.0),
        "control ÷ task, variational code": above(1.0),
        "saved over the random twin, online code": above(0.0),
    },
    needs=("treebank:upos",),
)  # fmt: skip
def codes_separate_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(TagCurve(TASK), over=treebank), measure(TagCurve(TASK), over=treebank, twin=True)
    )
    (best,), (twin_best,) = (argmax(one.correct.on("dev").rate()) for one in (real, random))
    (codes, sent), twin_sent = yield from together(
        measure(CodesOverSeeds(TASK, best), OnlineCode(TASK, (best,)), over=treebank),
        measure(OnlineCode(TASK, (twin_best,)), over=treebank, twin=True),
    )
    deviations = {name: separation(values, smaller) for name, values, smaller in _measures(codes)}
    values, rows = {}, []
    for name in ("online", "variational"):
        values[f"separation by {name} code − by accuracy"] = difference(
            deviations[f"{name} code"], deviations["accuracy"]
        )
    for name, code in (("online", codes.online), ("variational", codes.variational)):
        values[f"control ÷ task, {name} code"] = repeats.mean(code[1] / code[0], unit="ratio")
    values["saved over the random twin, online code"] = bootstrap(
        lambda t, r: t[:, 0] - r[:, 0], twin_sent, sent, unit="bits a label", seed=seed
    )
    for name, (value, drawn) in deviations.items():
        low, high = np.percentile(drawn, [2.5, 97.5])
        shown = Estimate(value, float(low), float(high), codes.accuracy.shape[1], "standard deviations", _METHOD)
        values[f"separation by {name}"] = shown
        rows.append(
            Row(
                "separation of task and control (standard deviations)",
                value,
                shown.low,
                shown.high,
                shown.n,
                label=name,
            )
        )
    for name, measured, unit, scale in (
        ("accuracy", codes.accuracy, "%", 100), ("online code", codes.online, "bits a label", 1),
        ("variational code", codes.variational, "bits a label", 1),
    ):  # fmt: skip
        for k, kind in enumerate(("task", "control")):
            e = values[f"{kind}, {name}"] = repeats.mean(scale * measured[k], unit=unit)
            rows.append(Row(f"{name} ({unit})", e.value, e.low, e.high, e.n, label=kind))
    values["selectivity"] = repeats.mean(100 * (codes.accuracy[0] - codes.accuracy[1]), unit="points")
    baselines = {"separation by accuracy": values["separation by accuracy"]}
    note = (
        f"Layer {best} (twin: {twin_best}); {codes.n} words of {treebank.name} sent, {codes.uniform:.2f} bits a label without learning. "
        "The study's perceptrons have two hidden layers of 1,000 units, and its variational code compresses them; code lengths there are totals in kbit."
    )
    return Finding(values, baselines, rows, note)


_METHOD = "generalised interval over seeds, normal scores"


def _measures(codes: Codes) -> tuple[tuple[str, NDArray[np.float64], bool], ...]:
    """Name, values (task or control, seed), and whether the task's should be the smaller."""
    return (
        ("accuracy", codes.accuracy, False), ("online code", codes.online, True), ("variational code", codes.variational, True),
    )  # fmt: skip


def separation(values: NDArray[np.float64], smaller: bool) -> tuple[float, NDArray[np.float64]]:
    """The gap between task and control in pooled standard deviations over seeds, and generalised pivotal draws of it.

    `values` (task or control, seed). A gap in the wrong direction is negative.
    """
    n = values.shape[1]
    gap = float(values[0].mean() - values[1].mean()) * (-1 if smaller else 1)
    spread = max(float(np.sqrt(values.var(axis=1, ddof=1).mean())), LEAST_SPREAD)
    rng, free = np.random.default_rng([7, n]), 2 * (n - 1)
    true_spread = spread * np.sqrt(free / rng.chisquare(free, DRAWS))
    true_gap = gap - rng.standard_normal(DRAWS) * true_spread * np.sqrt(2 / n)
    return gap / spread, true_gap / true_spread


def difference(one: tuple[float, NDArray[np.float64]], other: tuple[float, NDArray[np.float64]]) -> Estimate:
    """One separation less another, taken as independent."""
    drawn = one[1] - np.random.default_rng(11).permutation(other[1])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(one[0] - other[0], float(low), float(high), 0, "standard deviations", _METHOD)
