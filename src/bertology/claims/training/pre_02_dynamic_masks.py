"""Masks drawn anew each time beat masks drawn once (Liu et al. 2019)."""

from dataclasses import replace

from bertology.claims.registry import claim
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="pre-02",
    section="5.3",
    says="Dynamic masking is slightly better than static masking.",
    cites=("liu-2019b",),
    method="""The same small encoder is trained on the same text, in the same order, with masks drawn once for one copy
    of the data, drawn once for ten copies in turn as BERT did, and drawn anew each time. Compared by held-out masked loss,
    paired by seed. The control is the single fixed mask: where even that does no harm, the text is too long for the
    budget to tell.""",
    published=(
        Published(78.3, "F1 on SQuAD 2.0 with static masks", "BERT base", "SQuAD 2.0", "liu-2019b", "memory"),
        Published(78.7, "F1 on SQuAD 2.0 with dynamic masks", "BERT base", "SQuAD 2.0", "liu-2019b", "memory"),
    ),
    expects={"gain of dynamic over ten static copies": above(0.0)},
    needs=("training", "raw"),
)
def dynamic_masks_are_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    runs = yield from trained([TINY, replace(TINY, copies=10), replace(TINY, copies=1)], corpora, seed)
    dynamic, ten, one = (held_out(r) for r in runs)
    unit = "nats"
    values = {
        "gain of dynamic over ten static copies": repeats.difference(ten, dynamic, unit=unit),
        "gain of dynamic over one static copy": repeats.difference(one, dynamic, unit=unit),
        "held-out loss, dynamic": repeats.mean(dynamic, unit=unit),
        "held-out loss, ten copies": repeats.mean(ten, unit=unit),
        "held-out loss, one copy": repeats.mean(one, unit=unit),
    }
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"{name}, seed {k}")
        for name, found in (("dynamic", dynamic), ("ten copies", ten), ("one copy", one)) for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
