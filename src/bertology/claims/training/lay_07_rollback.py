"""Restoring the lower layers of a fine-tuned model barely hurts (Hao et al. 2019)."""

from copy import deepcopy
from typing import Any

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.change import NAMES
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import Tuned, TunedModel
from bertology.train.classifier import Scored, encoded, evaluate, layer_of
from bertology.train.task import Task

THIRDS = ("lower", "middle", "upper")


@claim(
    id="lay-07",
    section="4.3",
    says="Restoring the lower layers of a fine-tuned model to their pre-trained values barely hurts.",
    cites=("hao-2019",),
    method="""After fine-tuning on two tasks, the lower, the middle or the upper third of the layers gets its pre-trained weights back. Share kept: score
    above the majority class after over before. Holds if the lower third keeps more than .95 and more than the upper third does.
    Control: the score before must be above the majority class, else there is nothing to keep. Means of tasks, over seeds.""",
    expects={
        "kept with the lower third restored": above(0.95),
        "kept, lower − upper third restored": above(0.0),
        "score above the majority class before": above(0.05),
    },
    needs=("training", "treebank"),
)
def lower_layers_can_go_back(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 3:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers, thirds need three")
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    parts = np.array_split(np.arange(1, encoder.n_layers + 1), 3)
    kept, above_majority = [], []
    for task in tasks:
        for number in fine_tuned.numbered(seed, fine_tuned.SEEDS):
            after = yield from make(TunedModel(encoder, task, fine_tuned.STANDARD, number))
            margin = after.score - task.majority
            scores = [restored_score(after, encoder, task, frozenset(part.tolist())) for part in parts]
            above_majority.append(margin)
            kept.append([(s - task.majority) / max(margin, 0.01) for s in scores])
    table = np.array(kept).reshape(len(tasks), -1, 3).mean(0)
    margins = np.array(above_majority).reshape(len(tasks), -1).mean(0)
    values = {
        "kept with the lower third restored": repeats.mean(table[:, 0], unit="share"),
        "kept, lower − upper third restored": repeats.difference(table[:, 0], table[:, 2], unit="share"),
        "score above the majority class before": repeats.mean(margins, unit="score"),
        "kept with the upper third restored": repeats.mean(table[:, 2], unit="share"),
    }
    rows = fine_tuned.rows("share of the score kept", dict(zip((f"{t} third restored" for t in THIRDS), table.T, strict=True)))  # fmt: skip
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, margins))


def restored_score(after: Tuned, encoder: Encoder, task: Task, layers: frozenset[int]) -> float:
    """The test score when these layers (from 1) have the encoder's weights again; the tuned model does not change."""
    model, before = deepcopy(after.model), dict(encoder.base.named_parameters())
    base: Any = model.base_model
    for name, p in base.named_parameters():
        if layer_of(f"{base.base_model_prefix}.{name}", encoder) in layers and "pooler" not in name:
            p.data.copy_(before[name].detach())
    lines = encoded(encoder, task, task.test)
    _, said = evaluate(model, lines, task, encoder.tokenizer.pad_token_id or 0, encoder.device, task.test)
    return Scored(said, task.test, task).score()
