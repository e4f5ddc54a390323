"""More data and longer training help (Liu et al. 2019; Conneau et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.claims.training.likelihood import log_likelihood
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.artefacts import Training, write_text

BUDGETS = (1, 2, 4, 8)
"""Shares of the budget in eighths."""
PARTS = (1, 8)
"""Shares of the text in eighths."""


@claim(
    id="pre-08",
    section="5.3",
    says="More data and longer training help.",
    cites=("liu-2019b", "conneau-2019", "baevski-2019"),
    method="""Longer: separate trainings, each with its own schedule, on 1/8, 1/4, 1/2 and all of the budget; the slope of held-out masked
    loss against the logarithm of tokens, one line a seed. More: the same budget on an eighth and on all of the training text;
    loss per held-out word (pseudo-log-likelihood, comparable across their tokenizers) on text that neither has seen. Both must hold.""",
    published=(
        Published(89.0, "MNLI accuracy after 100,000 steps, %", "RoBERTa-large", "MNLI", "liu-2019b", "memory"),
        Published(90.0, "MNLI accuracy after 300,000 steps, %", "RoBERTa-large", "MNLI", "liu-2019b", "memory"),
        Published(90.2, "MNLI accuracy after 500,000 steps, %", "RoBERTa-large", "MNLI", "liu-2019b", "memory"),
    ),
    expects={"slope of the loss per doubling of tokens": below(0.0), "gain of eight times the text": above(0.0)},
    needs=("training", "raw"),
)
def more_helps(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    longer = []
    for share in BUDGETS:
        (runs,) = yield from trained([TINY], corpora, seed, tokens=scale.TOKENS * share // 8)
        longer.append(held_out(runs))
    asked = [
        Training(TINY, part_of(corpora.raw, share), scale.TOKENS, seed * 100 + s)
        for share in PARTS
        for s in scale.SEEDS
    ]
    made = yield from make(*asked)
    loss = []
    for run in made:
        unseen = run.place.parent / "unseen.txt"
        write_text(corpora.raw, "test", unseen)
        loss.append(-log_likelihood(run, text=unseen))
    little, much = np.reshape(loss, (len(PARTS), -1))
    table = np.array(longer)
    slopes = np.polyfit(np.log2(BUDGETS), table, 1)[0]
    values = {
        "slope of the loss per doubling of tokens": repeats.mean(slopes, unit="nats"),
        "gain of eight times the text": repeats.difference(little, much, unit="nats per word"),
        "gain of the last doubling of tokens": repeats.difference(table[-2], table[-1], unit="nats"),
    }
    rows = [
        Row("held-out masked loss", float(table[i, k]), n=1, label=f"{share}/8 of the tokens, seed {k}")
        for i, share in enumerate(BUDGETS) for k in range(table.shape[1])
    ] + [
        Row("held-out loss per word", float(x), n=1, label=f"{share}/8 of the text, seed {k}")
        for share, found in zip(PARTS, (little, much), strict=True) for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def part_of(corpus: Corpus, eighths: int) -> Corpus:
    """Training blocks of a corpus, an eighth of them or more; its test blocks stay unseen by whoever trains on it."""
    blocks = dict(zip((s.id for s in corpus), corpus.blocks, strict=True))
    wanted = lambda b: bool(in_split(np.array([b]), "train")[0]) and b // 5 % 8 < eighths
    kept = corpus.where(lambda s: wanted(blocks[s.id]), why="beyond the share that is trained on")
    if len(kept) < 25:
        raise NotApplicable(f"{corpus.name} has {len(corpus)} paragraphs: an eighth of them is too little to train on")
    return kept
