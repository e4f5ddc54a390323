"""In a multilingual encoder fine-tuning changes the middle layers too (Singh et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.change import changes
from bertology.corpus.corpora import Corpora
from bertology.corpus.scripts import scripts
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats

SCRIPTS = 4
"""A multilingual vocabulary has this many scripts (corpus/scripts.py)."""


@claim(
    id="ft-02",
    section="5.4",
    says="In a multilingual encoder fine-tuning changes the middle layers too.",
    cites=("singh-2019",),
    method="""Change by layer under fine-tuning on two tasks, as in lay-06: one minus CKA of hidden vectors. A peak is a layer of the middle half that changes more
    than both its neighbours. On one task the layer that stands out most is chosen; on the other its lead over the higher neighbour is
    estimated, over the mean change, over seeds. Holds if it is positive, and larger than that of the fine-tuned random twin, found alike. Asked of
    encoders whose vocabulary has four scripts or more; the texts are in the language of the treebank.""",
    expects={
        "lead of a middle layer over its neighbours": above(0.0),
        "lead beyond the random twin": above(0.0),
    },
    needs=("training", "attention", "treebank"),
)
def middle_layers_change_too(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found_scripts = scripts(encoder.tokenizer.get_vocab())
    if len(found_scripts) < SCRIPTS:
        raise NotApplicable(
            f"the vocabulary of {encoder.name} is of {', '.join(found_scripts) or 'no script'}: {SCRIPTS} scripts make it multilingual"
        )
    if encoder.n_layers < 6:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers; six are due for a middle of its own")
    found = yield from changes(encoder, corpora, seed)
    layer, of_real = peak(found.real.hidden)
    _, of_twin = peak(found.twin.hidden)
    values = {
        "lead of a middle layer over its neighbours": repeats.mean(of_real, unit="mean change"),
        "lead beyond the random twin": repeats.difference(of_real, of_twin, unit="mean change"),
    }
    note = fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, of_real)
    return Finding(
        values,
        {"random twin": repeats.mean(of_twin, unit="mean change")},
        found.rows("hidden", "attention", "weights"),
        f"Layer {layer} was chosen on {found.tasks[0].name}. {note}",
    )


def peak(table: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
    """Of changes (task, seed, layer): the middle layer (from 1) that leads its neighbours most on the first task, and its lead on the others, one a seed."""
    lead = (table[..., 1:-1] - np.maximum(table[..., :-2], table[..., 2:])) / np.maximum(table.mean(-1), 1e-12)[
        ..., None
    ]
    n = table.shape[-1]
    middle = np.arange(max(n // 4, 1), n - n // 4 - 1)  # places of `lead`, whose first is layer 2
    best = int(middle[lead[0][:, middle - 1].mean(0).argmax()])
    return best + 1, lead[1:, :, best - 1].mean(0)
