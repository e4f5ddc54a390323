"""Sentence-order prediction teaches more than next-sentence prediction (Lan et al. 2020)."""

from dataclasses import replace

import numpy as np
import torch

from bertology.claims.registry import claim
from bertology.claims.training.likelihood import held_out_source
from bertology.claims.training.scale import TINY, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.errors import BadRequest
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train import checkpoint
from bertology.train.artefacts import Trained
from bertology.train.batch import collate
from bertology.train.layout import Pieces
from bertology.train.objectives.objective import draft
from bertology.train.objectives.sentences import NSP, SOP, PieceClassification
from bertology.train.reading import Reading

LAYOUT = Pieces(TINY.layout.length, 2)
MOST = 400
"""Held-out pairs that a head is asked about."""


@claim(
    id="pre-06",
    section="5.3",
    says="Sentence-order prediction teaches more than next-sentence prediction.",
    cites=("wang-2019a", "cheng-2019", "lan-2020", "sun-2019c", "bai-2020", "li-choi-2020"),
    method="""One encoder is trained with masked language modelling and next-sentence prediction, one with sentence order in its place, on
    the same pairs of pieces. Each head on [CLS], as trained, is then asked the other's question about held-out pairs: "coherent or
    not" is class 0 or 1 in both. Holds if order transfers better to next sentences than the reverse, and the order head does better
    than a coin on its own question. Of the survey's alternatives only these two are compared.""",
    published=(
        Published(52.0, "accuracy of a next-sentence model on sentence order, %", "ALBERT base", "pre-training tasks", "lan-2020",
                  "memory", of="next-sentence head on order"),
        Published(78.9, "accuracy of a sentence-order model on next sentence, %", "ALBERT base", "pre-training tasks", "lan-2020",
                  "memory", of="order head on next sentences"),
    ),
    expects={
        "order head on next sentences − next-sentence head on order": above(0.0),
        "order head on order": above(50.0),
    },
    needs=("training", "raw"),
)  # fmt: skip
def order_teaches_more(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    heads: dict[str, PieceClassification] = {"next-sentence": NSP(), "order": SOP()}
    recipes = [replace(TINY, layout=LAYOUT, objectives=(*TINY.objectives, o)) for o in heads.values()]
    runs = yield from trained(recipes, corpora, seed)
    table = {
        (own, asked): np.array([100 * head_accuracy(run, heads[own], heads[asked]) for run in of_one])
        for own, of_one in zip(heads, runs, strict=True) for asked in heads
    }  # fmt: skip
    across, back = table["order", "next-sentence"], table["next-sentence", "order"]
    values = {
        "order head on next sentences − next-sentence head on order": repeats.difference(across, back, unit="points"),
        "order head on order": repeats.mean(table["order", "order"], unit="%"),
        "order head on next sentences": repeats.mean(across, unit="%"),
        "next-sentence head on order": repeats.mean(back, unit="%"),
        "next-sentence head on next sentences": repeats.mean(table["next-sentence", "next-sentence"], unit="%"),
    }
    rows = [
        Row("accuracy on held-out pairs, %", float(x), n=MOST, label=f"{own} head asked for {asked}, seed {k}")
        for (own, asked), found in table.items() for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


@torch.inference_mode()
def head_accuracy(run: Trained, own: PieceClassification, asked: PieceClassification) -> float:
    """Accuracy of a run's trained head (its second objective, `own`) on the question of `asked` about held-out pairs."""
    model = run.encoder.model
    found = checkpoint.latest(run.place)
    head = own.head(model).eval()
    if found is None:
        raise BadRequest(f"{run.place} has no training state with heads.", "Train it again.")
    head.load_state_dict({name.removeprefix("1."): w for name, w in found.state["heads"].items()})
    source = held_out_source(run)
    pairs = LAYOUT.examples(source.stream)[:MOST]
    made = [draft((asked,), tuple(p), source, np.random.default_rng([7, k])) for k, p in enumerate(pairs)]
    right = 0
    for first in range(0, len(made), 64):
        batch = collate(made[first : first + 64], length=LAYOUT.length, pad=run.encoder.tokenizer.pad_token_id)
        right += int((head(Reading(model, batch).firsts).argmax(-1) == batch.targets[asked.name]).sum())
    return right / len(made)
