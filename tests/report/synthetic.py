"""Run folders from made-up results: every verdict, figures of both kinds, rows of all three shapes, hostile strings."""

import math
from pathlib import Path

import numpy as np

from bertology.record.claim import Region, above, below, between
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Comparison, Result, Row

HOSTILE = "<script>alert(1)</script>"
RELATIONS = ("det", "nsubj", "obj", "amod", "case", "aux", "mark", "advmod")
ROLES = ("diagonal", "vertical", "vertical + diagonal", "block", "heterogeneous")

_CLAIMS = {
    "syn-02": ("3.1", "Token vectors encode parts of speech and syntactic roles.", "selectivity", above(0.05), 0.21),
    "syn-05": (
        "3.1",
        "Dependency trees can be read from token vectors by one linear map.",
        "UUAS gap over the best control",
        above(0.0),
        0.17,
    ),
    "syn-08": (
        "3.1",
        "The model respects agreement of subject and verb, even past distractors.",
        "accuracy",
        above(0.9),
        0.86,
    ),
    "emb-01": ("4.1", "Vectors of one word spread more in higher layers.", "slope over depth", above(0.0), 0.042),
    "head-01": (
        "4.2.1",
        "Attention maps fall into a few recurring patterns.",
        "share of assigned maps",
        above(0.9),
        0.96,
    ),
    "head-03": (
        "4.2.1",
        "Some heads follow one syntactic relation far better than position does.",
        "largest gap over the best offset",
        above(0.10),
        0.34,
    ),
    "spec-01": (
        "4.2.2",
        "Early heads attend to [CLS], middle ones to [SEP], late ones to punctuation.",
        "depth of [SEP] peak",
        between(0.3, 0.7),
        0.82,
    ),
    "spec-02": ("4.2.2", "Attention to [SEP] is a no-op.", "loss per unit of attention removed", below(0.5), 0.48),
    "lay-01": (
        "4.3",
        "The lower layers know most about the linear order of words.",
        "depth of the best layer",
        below(0.35),
        0.12,
    ),
    "lay-02": ("4.3", "Syntax is strongest in the middle layers.", "depth of the UUAS peak", between(0.35, 0.8), 0.58),
    "over-01": (
        "6.1",
        "Most heads can be removed one at a time without harm.",
        "share of harmless heads",
        above(0.5),
        0.79,
    ),
}


def run(
    path: Path,
    *,
    seed: int = 0,
    layers: int = 12,
    heads: int = 12,
    name: str = "bert-base",
    many: int = 0,
    head_rows: bool = True,
) -> RunFolder:
    """A finished run. `many` adds that number of further claims; without `head_rows` no head was measured."""
    rng = np.random.default_rng(seed)
    folder = RunFolder.open(path, {"encoder": name, "seed": seed})
    folder.write_run(_content(name, layers, heads, seed))
    for i, (claim, (section, says, measure, region, centre)) in enumerate(_CLAIMS.items()):
        rows = (
            _ROWS[claim](rng, layers, heads) if claim in _ROWS and (head_rows or not claim.startswith("head")) else []
        )
        folder.write_result(
            _result(claim, section, says, measure, region, centre + 0.03 * seed * rng.normal(), rng, i), rows
        )
    for i in range(many):
        claim, (section, says, measure, region, centre) = f"more-{i:02}", list(_CLAIMS.values())[i % len(_CLAIMS)]
        rows = _curves(rng, layers, heads) if i % 3 else _bars(rng, layers, heads)
        folder.write_result(_result(claim, section, says, measure, region, centre + 0.1 * rng.normal(), rng, i), rows)
    for claim, verdict, reason in (
        ("dir-01", "not applicable", f"{name} has no masked-language-model head"),
        ("ml-02", "not applicable", "needs a parallel corpus: give --corpus parallel=PATH"),
        (
            "sem-04",
            "error",
            f"NotFinite: hidden(layer=3) of sentence {HOSTILE} holds NaN.\n  Load the weights in float32.",
        ),
    ):
        folder.write_result(Result(claim, "7", f"A claim that was not tested ({claim}).", verdict, reason))  # type: ignore[arg-type]
    return folder


def _result(
    claim: str, section: str, says: str, measure: str, region: Region, centre: float, rng: np.random.Generator, i: int
) -> Result:
    half = 0.012 + 0.02 * rng.random()
    value = Estimate(centre, centre - half, centre + half, 4120, "", "bootstrap over 250 blocks")
    second = Estimate(0.93, 0.91, 0.95, 4120, "", "bootstrap over 250 blocks")
    rules = {measure: str(region)}
    verdict = (
        "holds"
        if region.holds(value.low, value.high)
        else "fails"
        if region.fails(value.low, value.high)
        else "undecided"
    )
    figures = (
        Comparison(
            "same measure",
            centre + 0.02 * (i % 3),
            "verified",
            "BERT-base",
            "PTB WSJ",
            "clark-2019, table 1",
            value,
            i % 3 == 0,
        ),
        Comparison("same measure, large", centre + 0.06, "memory", "BERT-large", "PTB WSJ", "quoted", value, False),
        Comparison("for context", 79.8, "verified", "ELMo", HOSTILE, "a figure nobody can compare", None, None),
    )
    return Result(
        claim,
        section,
        says,
        verdict,
        f"{measure} = {value}, expected {region}",
        rules,
        {measure: value, "accuracy at the best layer": second},
        {"random twin": Estimate(0.05, 0.03, 0.07, 4120), "layer 0": Estimate(0.11, 0.08, 0.13, 4120)},
        p=[0.00001, 0.03, 0.2, 0.0004][i % 4],
        note=f'Tokens such as {HOSTILE} & "quotes" were kept.' if i == 0 else "",
        cites=("clark-2019", "htut-2019"),
        method="Read on the dev blocks, estimated on the test blocks.",
        published=figures if i % 2 == 0 else figures[2:],
        provenance={"corpus": "treebank", "seed": 0},
    )


def _content(name: str, layers: int, heads: int, seed: int) -> dict[str, object]:
    return {
        "identity": {"encoder": name, "seed": seed},
        "command": ["bertology", "run", name],
        "encoder": {
            "name": name,
            "fingerprint": "5f1d9e0c",
            "layers": layers,
            "heads": heads,
            "width": 64 * heads,
            "parameters": 109_482_240,
            "has": ["attention", "cls", "mlm", "sep"],
            "model_type": "bert",
        },
        "corpora": {
            "treebank": {
                "name": "UD English EWT dev " + HOSTILE,
                "sentences": 2001,
                "dropped": {"shorter than 3 words": 312, HOSTILE: 2},
                "licence": "CC BY-SA 4.0",
                "citation": "Silveira et al. 2014",
                "fingerprint": "a91c44d2",
            }
        },
        "versions": {"bertology": "0.1.0", "torch": "2.13", "transformers": "5.24"},
        "machine": {"cpu": "x86_64", "cores": 2},
        "seed": seed,
        "passes": [
            {"name": "treebank, intact", "tokens": 31204, "seconds": 41.7},
            {"name": "text, top 5 heads silent", "tokens": 60110, "seconds": 80.2},
        ],
        "references": {
            "clark-2019": "@inproceedings{clark-2019,\n  author = {Kevin Clark and Urvashi Khandelwal},\n"
            "  title = {{"
            + HOSTILE
            + "}},\n  booktitle = {BlackboxNLP},\n  year = {2019},\n  url = {javascript:alert(1)}\n}"
        },
    }


def _curves(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    rows = []
    for label, peak in (("upos", 0.35), ("deprel", 0.55), ("coref", 0.8)):
        for layer in range(layers + 1):
            value = 0.9 - 0.5 * (layer / layers - peak) ** 2 - (0.1 if label == "coref" else 0) + 0.01 * rng.normal()
            rows.append(Row("accuracy", value, value - 0.02, value + 0.02, 4000, layer, -1, label))
    return rows


def _many_curves(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    return [
        Row("rank", float(rng.random()), layer=layer, label=f"task {k} {HOSTILE if k == 0 else ''}")
        for k in range(12)
        for layer in range(layers + 1)
    ]


def _plain_curves(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    return [
        Row(m, 0.4 + 0.1 * k + 0.02 * layer, layer=layer)
        for k, m in enumerate(("accuracy", "control task"))
        for layer in range(layers + 1)
    ]


def _bars(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    rows = [
        Row("accuracy by phenomenon", v, v - 0.04, v + 0.03, 100, label=f"{name}")
        for name, v in zip((*RELATIONS, HOSTILE), rng.random(9), strict=True)
    ]
    return [*rows, Row("accuracy by phenomenon", math.nan, label="never seen")]


def _effects(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    return [
        Row("loss change when silent", float(0.02 * rng.normal()), layer=la, head=h)
        for la in range(1, layers + 1)
        for h in range(heads)
    ]


def _roles(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    rows = []
    for layer in range(1, layers + 1):
        for head in range(heads):
            tilt = np.array([2.0 if layer < layers / 2 else 0.6, 1.2, 0.7, 0.4, 1.5 + layer / layers])
            rows += [
                Row("role", float(s), n=600, layer=layer, head=head, label=r)
                for r, s in zip(ROLES, rng.dirichlet(tilt), strict=True)
            ]
    return rows


def _relations(rng: np.random.Generator, layers: int, heads: int) -> list[Row]:
    rows = []
    for layer in range(1, layers + 1):
        for head in range(heads):
            for k, relation in enumerate(RELATIONS):
                positional = 0.3 + 0.04 * k
                accuracy = float(
                    min(0.97, positional + 0.30 * rng.normal() * math.exp(-8 * (layer / layers - 0.6) ** 2) - 0.2)
                )
                rows.append(Row("relation accuracy", max(0.0, accuracy), layer=layer, head=head, label=relation))
                rows.append(
                    Row("relation gain", max(0.0, accuracy) - positional, layer=layer, head=head, label=relation)
                )
    return rows


_ROWS = {
    "syn-02": _curves,
    "syn-08": _bars,
    "head-01": _roles,
    "head-03": _relations,
    "lay-01": _plain_curves,
    "lay-02": _curves,
    "over-01": _effects,
    "emb-01": _many_curves,
}
