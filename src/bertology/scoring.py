"""Scoring as a job: a file of sentences or minimal pairs in; log-probabilities, a summary and a table of subwords out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertology.behave.minimal_pairs import PairAccuracy, accuracy
from bertology.behave.pll import Scores, score
from bertology.corpus import minimal_pairs, text
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET
from bertology.observe.planner import Progress
from bertology.record.errors import NotAModel, NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.folder import disk, whole
from bertology.stats.tally import Tally, bootstrap


class Scored(NamedTuple):
    """`per_subword` is the mean log-probability in nats; `pairs` is there for minimal pairs only."""

    corpus: Corpus
    encoder: Encoder
    scores: Scores
    per_subword: Estimate
    pairs: PairAccuracy | None
    dropped: dict[str, int]

    def lines(self) -> list[str]:
        """What the terminal shows."""
        found = [
            f"{self.corpus.name}: {len(self.scores.kept):,} sentences by {self.encoder.name}; {self.per_subword} a subword"
        ]
        if self.pairs is not None:
            found += [f"  {name:<58} {e}" for name, e in self.pairs.by_phenomenon.items()]
            found.append(f"macro accuracy over {len(self.pairs.by_phenomenon)} phenomena: {self.pairs.macro}")
        return found + [f"left out: {count} {reason}" for reason, count in self.dropped.items()]

    def to_json(self) -> dict[str, Any]:
        pairs = self.pairs and {
            "macro": self.pairs.macro.to_json(), "by_phenomenon": {n: e.to_json() for n, e in self.pairs.by_phenomenon.items()},
        }  # fmt: skip
        sentences = [
            {"id": self.corpus[i].id, "text": self.corpus[i].text, "total": total, "mean": mean}
            for i, total, mean in zip(
                self.scores.kept.tolist(), self.scores.totals.tolist(), self.scores.means.tolist(), strict=True
            )
        ]
        return {
            "corpus": self.corpus.name, "encoder": self.encoder.name, "per_subword": self.per_subword.to_json(), "pairs": pairs,
            "sentences": sentences, "dropped": self.dropped,
        }  # fmt: skip


def score_file(
    model: str | Path | Encoder,
    file: str | Path,
    *,
    method: str = "pll-word-l2r",
    out: str | Path | None = None,
    precision: str = "float32",
    seed: int = 0,
    progress: Progress = QUIET,
    **loading: Any,
) -> Scored:
    """Scores the sentences of a file: minimal pairs if it is JSON lines or a folder, else text. `out` gets one row a subword.

    Raises NotAModel when the encoder has no masked-language-model head, BadCorpus, BadRequest, CannotWrite.
    """
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    path = Path(file)
    paired = path.is_dir() or path.name.removesuffix(".gz").endswith(".jsonl")
    corpus = minimal_pairs.read(path) if paired else text.read(path)
    try:
        scores = score(encoder, corpus, method=method, precision=precision, progress=progress)
    except NotApplicable as lack:
        raise NotAModel(f"{lack}.", "Scoring needs a masked language model; give one.") from None
    pairs = accuracy(corpus, scores.totals, scores.kept, seed=seed) if paired else None
    dropped = {**corpus.dropped, **encoder.encode(corpus).dropped, **(pairs.dropped if pairs else {})}
    if out is not None:
        _write(Path(out), encoder, corpus, scores)
    return Scored(corpus, encoder, scores, _per_subword(corpus, scores, seed), pairs, dropped)


def _per_subword(corpus: Corpus, scores: Scores, seed: int) -> Estimate:
    blocks, n = corpus.blocks[scores.kept], corpus.n_blocks
    total = np.bincount(blocks, weights=scores.totals, minlength=n)
    weight = np.bincount(blocks, weights=np.diff(scores.starts), minlength=n)
    return bootstrap(lambda rate: rate, Tally(total, weight), unit="nats", seed=seed)


def _write(target: Path, encoder: Encoder, corpus: Corpus, scores: Scores) -> None:
    lines = encoder.encode(corpus).lines
    sizes = np.diff(scores.starts)
    line_of = np.repeat(np.arange(len(lines)), sizes)
    ids = [int(lines[i].ids[p]) for i, p in zip(line_of, scores.places, strict=True)]
    table = pa.table({
        "sentence": [corpus[int(scores.kept[i])].id for i in line_of], "position": scores.places,
        "subword": encoder.tokenizer.convert_ids_to_tokens(ids), "log_probability": scores.values,
    })  # fmt: skip
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part:
            pq.write_table(table, part)
