"""A word's vector depends on which of two segments it stands in (Mickus et al. 2020)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence, sentence
from bertology.encoder import Encoder
from bertology.intervene.segments import OneSegment
from bertology.observe import Asking, WordVectors, measure, together
from bertology.observe.vectors import WordTable
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

LIMIT = 6000
EFFECTS = ("segment", "position", "both")


@claim(
    id="emb-07",
    section="4.1",
    says="A word's vector depends on whether it stands in the first or the second segment.",
    cites=("mickus-2019",),
    method="""Each pair of sentences is read in both orders, with its segment ids and with all ids set to the first
    segment's. For the words of the sentence that stands second in the one order, 1 − cosine of the same word's
    vectors: segment effect, same order and place, with and without ids; position effect, second against first place,
    both without ids. Averaged over layers 1 to the last, the logarithm of their ratio must be positive (segments
    matter more than places) and exceed the random twin's by ln 1.5: fresh embeddings of segments and positions are
    alike in size, so that a twin's ratio is about 1 and varies with the seed.""",
    expects={"ln(segment effect / position effect)": above(0.0), "the same beyond the random twin": above(0.405)},
    needs=("segments", "segments:segment"),
)
def segments_against_positions(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = corpora.segments.where(lambda s: 1 in s.layers.get("segment", ()), why="one segment only")
    turned = pairs.map(swapped, name=f"{pairs.name} in the other order")
    if not _reads_segments(encoder, pairs):
        raise NotApplicable(f"segment ids change nothing in {encoder.name}")
    vectors = WordVectors(LIMIT, seed)
    answers = yield from together(
        *[
            measure(vectors, over=corpus, under=under, twin=twin)
            for twin in (False, True)
            for corpus, under in ((pairs, None), (pairs, OneSegment()), (turned, None), (turned, OneSegment()))
        ]
    )
    real, random = distances(pairs, answers[:4]), distances(pairs, answers[4:])
    if real.n < 50:
        raise NotApplicable(f"{real.n} words stand in second segments of {pairs.name}, 50 are due")
    segment, position, both = range(len(EFFECTS))

    def ratio(rates: np.ndarray) -> np.ndarray:
        """(draw, effect, layer) to (draw,)."""
        size = rates[..., 1:].mean(-1)
        return np.log(np.maximum(size[:, segment], 1e-9) / np.maximum(size[:, position], 1e-9))

    unit = {"unit": "ln ratio", "seed": seed}
    values: dict[str, Any] = {
        "ln(segment effect / position effect)": bootstrap(ratio, real, **unit),
        "the same beyond the random twin": bootstrap(lambda r, t: ratio(r) - ratio(t), real, random, **unit),
    }
    for name, number in (
        ("segment effect", segment),
        ("position effect", position),
        ("second against first segment", both),
    ):
        values[name] = bootstrap(lambda r, k=number: r[:, k, 1:].mean(-1), real, unit="1 − cosine", seed=seed)
    low, high = real.intervals(seed=seed)
    rows = [
        Row("1 − cosine of the same word", rate, float(low[at]), float(high[at]), real.n, at[1], label=_LABELS[at[0]])
        for at, rate in np.ndenumerate(real.rate())
    ]
    rows += [
        Row("1 − cosine of the same word", rate, n=random.n, layer=at[1], label=f"random twin: {_LABELS[at[0]]}")
        for at, rate in np.ndenumerate(random.rate())
    ]
    moved = np.mean([s.layers["segment"].index(1) for s in pairs])
    note = f"Places are {moved:.1f} words apart on average; the order of the sentences changes with the place. The study compared vectors across segments without moving them."
    return Finding(values, {"random twin": bootstrap(ratio, random, **unit)}, rows, note)


_LABELS = ("segment id alone", "place alone", "segment and place")


def swapped(s: Sentence) -> Sentence:
    """The second segment first, with its own segment ids; words and segments only."""
    cut = s.layers["segment"].index(1)
    order = [*range(cut, len(s)), *range(cut)]
    glued = [k + 1 < len(s) and s.ends[k] == s.starts[k + 1] for k in order]
    glued[len(s) - cut - 1] = False
    return sentence(
        [s.words[k] for k in order], s.id, glued=glued, document=s.document,
        layers={"segment": (0,) * (len(s) - cut) + (1,) * cut},
    )  # fmt: skip


def distances(pairs: Corpus, tables: Sequence[WordTable]) -> Tally:
    """Tally (block, effect, layer) of 1 − cosine over words of second segments, from the tables of: the pairs with
    and without segment ids, and the pairs in the other order with and without. A sentence that either order lacks is
    left out."""
    given, without, turned, turned_without = tables
    place = {(int(s), int(w)): row for row, (s, w) in enumerate(zip(turned.sentence, turned.word, strict=True))}
    here, there = [], []
    for row, (s, w) in enumerate(zip(given.sentence.tolist(), given.word.tolist(), strict=True)):
        cut = pairs[s].layers["segment"].index(1)
        if w >= cut and (s, w - cut) in place:
            here.append(row)
            there.append(place[s, w - cut])
    blocks = pairs.blocks[given.sentence[here]]
    layers = len(given.vectors)
    total, weight = np.zeros((pairs.n_blocks, len(EFFECTS), layers)), np.bincount(blocks, minlength=pairs.n_blocks)
    for layer in range(layers):
        a, b = given.vectors[layer][here], without.vectors[layer][here]
        c, d = turned.vectors[layer][there], turned_without.vectors[layer][there]
        for effect, (x, y) in enumerate(((a, b), (b, d), (a, c))):
            total[:, effect, layer] = np.bincount(blocks, _apart(x, y), minlength=pairs.n_blocks)
    return Tally(total, weight.astype(np.float64))


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = x.astype(np.float64), y.astype(np.float64)
    size = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return 1 - np.einsum("rw,rw->r", x, y) / np.maximum(size, 1e-12)


def _reads_segments(encoder: Encoder, pairs: Corpus) -> bool:
    """Whether segment ids move the output on the first batch: token-type embeddings may be there and equal."""
    batch = next(encoder.batches(pairs, token_budget=512, attention=False), None)
    if batch is None:
        return False
    with torch.inference_mode():
        given, without = encoder.observe(batch), encoder.observe(OneSegment().change(batch, encoder))
    return not torch.equal(given.hidden(encoder.n_layers), without.hidden(encoder.n_layers))
