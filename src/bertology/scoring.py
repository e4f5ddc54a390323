"""Scoring as a job: a file of sentences or minimal pairs in; log-probabilities, a summary and a table out."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bertology import report
from bertology.behave.choice import Choice, choose, region_totals
from bertology.behave.minimal_pairs import PairAccuracy, accuracy
from bertology.behave.pll import METHODS, Scores, score
from bertology.corpus import minimal_pairs, text
from bertology.corpus.pair import changed_word
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET
from bertology.observe.wishes import Progress
from bertology.record.errors import BadCorpus, BadRequest, NotAModel, NotApplicable
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
            return found + _accuracies(self.pairs, self.dropped)
        return found + [f"left out: {count} {reason}" for reason, count in self.dropped.items()]

    def to_json(self) -> dict[str, Any]:
        sentences = [
            {"id": self.corpus[i].id, "text": self.corpus[i].text, "total": total, "mean": mean}
            for i, total, mean in zip(
                self.scores.kept.tolist(), self.scores.totals.tolist(), self.scores.means.tolist(), strict=True
            )
        ]
        return {
            "corpus": self.corpus.name, "encoder": self.encoder.name, "per_subword": self.per_subword.to_json(),
            "pairs": self.pairs and _pairs_json(self.pairs), "sentences": sentences, "dropped": self.dropped,
        }  # fmt: skip


MASKED_PAIR = "masked-pair"


def write_page(done: "Scored | Chosen", target: str | Path) -> Path:
    """The accuracies of scored minimal pairs as a page. Raises BadRequest for text, CannotWrite."""
    if done.pairs is None:
        raise BadRequest(f"{done.corpus.name} is text.", "A page is drawn for minimal pairs.")
    terms = {s.labels.get("phenomenon"): str(s.labels.get("linguistics_term") or "") for s in done.corpus}
    found = [report.Paradigm(name, terms.get(name, ""), e) for name, e in done.pairs.by_phenomenon.items()]
    content = report.render_pairs(done.encoder.name, done.corpus.name, done.pairs.macro, found, done.dropped)
    place = Path(target)
    with disk(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole(place) as part:
            part.write_text(content, encoding="utf-8")
    return place


class Chosen(NamedTuple):
    """Masked choices between the two words in which each pair of a corpus differs."""

    corpus: Corpus
    encoder: Encoder
    choice: Choice
    pairs: PairAccuracy
    dropped: dict[str, int]

    def lines(self) -> list[str]:
        """What the terminal shows."""
        return [
            f"{self.corpus.name}: {self.pairs.macro.n:,} masked choices by {self.encoder.name}",
            *_accuracies(self.pairs, self.dropped),
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "corpus": self.corpus.name, "encoder": self.encoder.name, "pairs": _pairs_json(self.pairs),
            "choices": self.rows(), "dropped": self.dropped,
        }  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """One row a pair that was scored: its context with a gap, either word, its subwords and log-probability."""
        found = []
        for i in np.flatnonzero(np.isfinite(self.choice.margin)).tolist():
            good, bad = self.corpus[2 * i], self.corpus[2 * i + 1]
            place = changed_word(good, bad)
            assert place is not None
            context = good.text[: good.starts[place]] + "[MASK]" + good.text[good.ends[place] :]
            words = {f"{kind}_word": s.words[place] for kind, s in (("good", good), ("bad", bad))}
            values = {
                f"{kind}_{name}": part[i, k].item()
                for name, part in (("subwords", self.choice.pieces), ("log_probability", self.choice.logs))
                for k, kind in enumerate(("good", "bad"))
            }
            about = {"pair": good.document, "phenomenon": good.labels.get("phenomenon", "")}
            found.append({**about, "context": context, **words, **values})
        return found


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
) -> Scored | Chosen:
    """Scores the sentences of a file: minimal pairs if it is a folder or written as such, else text. `out` gets one row a subword.

    Pairs with regions (SyntaxGym) are compared in these alone. Method "masked-pair" puts both words in which a pair differs
    in the gap (`behave.choice.choose`); pairs that differ in more are left out and counted, and `out` gets one row a pair.
    Raises NotAModel when the encoder has no masked-language-model head, BadCorpus, BadRequest, CannotWrite.
    """
    if method not in (*METHODS, MASKED_PAIR):
        raise BadRequest(f"method {method!r} is not known.", f"Choose one of {', '.join((*METHODS, MASKED_PAIR))}.")
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    path = Path(file)
    paired = path.is_dir() or minimal_pairs.known(path)
    corpus = minimal_pairs.read(path) if paired else text.read(path)
    if method == MASKED_PAIR:
        if not paired:
            raise BadCorpus(f"{path.name} holds no minimal pairs.", f"Method {MASKED_PAIR} needs pairs; text has none.")
        return _chosen(encoder, corpus, out, precision, seed, progress)
    try:
        scores = score(encoder, corpus, method=method, precision=precision, progress=progress)
    except NotApplicable as lack:
        raise NotAModel(f"{lack}.", "Scoring needs a masked language model; give one.") from None
    pairs = accuracy(corpus, region_totals(encoder, corpus, scores), scores.kept, seed=seed) if paired else None
    dropped = {**corpus.dropped, **encoder.encode(corpus).dropped, **(pairs.dropped if pairs else {})}
    if out is not None:
        _write(Path(out), _subwords(encoder, corpus, scores))
    return Scored(corpus, encoder, scores, _per_subword(corpus, scores, seed), pairs, dropped)


def _per_subword(corpus: Corpus, scores: Scores, seed: int) -> Estimate:
    blocks, n = corpus.blocks[scores.kept], corpus.n_blocks
    total: Any = np.bincount(blocks, weights=scores.totals, minlength=n)
    weight: Any = np.bincount(blocks, weights=np.diff(scores.starts), minlength=n)
    return bootstrap(lambda rate: rate, Tally(total, weight), unit="nats", seed=seed)


def _chosen(
    encoder: Encoder, corpus: Corpus, out: str | Path | None, precision: str, seed: int, progress: Progress
) -> Chosen:
    try:
        choice = choose(encoder, corpus, precision=precision, progress=progress)
    except NotApplicable as lack:
        raise NotAModel(f"{lack}.", "Scoring needs a masked language model; give one.") from None
    if not np.isfinite(choice.margin).any():
        reasons = "; ".join(f"{count} {why}" for why, count in choice.dropped.items())
        raise BadCorpus(
            f"no pair of {corpus.name} can be chosen between: {reasons}.", "Score whole sentences: --method pll."
        )
    pairs = accuracy(corpus, choice.logs.reshape(-1), np.arange(len(corpus)), seed=seed)
    done = Chosen(corpus, encoder, choice, pairs, {**corpus.dropped, **choice.dropped})
    if out is not None:
        _write(Path(out), pa.Table.from_pylist(done.rows()))
    return done


def _accuracies(pairs: PairAccuracy, dropped: dict[str, int]) -> list[str]:
    found = [f"  {name:<58} {e}" for name, e in pairs.by_phenomenon.items()]
    found.append(f"macro accuracy over {len(pairs.by_phenomenon)} phenomena: {pairs.macro}")
    return found + [f"left out: {count} {reason}" for reason, count in dropped.items()]


def _pairs_json(pairs: PairAccuracy) -> dict[str, Any]:
    by_phenomenon = {name: e.to_json() for name, e in pairs.by_phenomenon.items()}
    return {"macro": pairs.macro.to_json(), "by_phenomenon": by_phenomenon}


def _subwords(encoder: Encoder, corpus: Corpus, scores: Scores) -> pa.Table:
    lines = encoder.encode(corpus).lines
    sizes = np.diff(scores.starts)
    line_of = np.repeat(np.arange(len(lines)), sizes)
    ids = [int(lines[i].ids[p]) for i, p in zip(line_of, scores.places, strict=True)]
    return pa.table({
        "sentence": [corpus[int(scores.kept[i])].id for i in line_of], "position": scores.places,
        "subword": encoder.tokenizer.convert_ids_to_tokens(ids), "log_probability": scores.values,
    })  # fmt: skip


def _write(target: Path, table: pa.Table) -> None:
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as part:
            pq.write_table(table, part)
