"""What claims about training ask for: an encoder trained by a recipe, the scores of a fine-tuning. Made once a run, kept in its folder."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.stats.tally import in_split
from bertology.train.finetune import FineTuning, finetune
from bertology.train.pretrain import pretrain, read_log
from bertology.train.recipe import Recipe, plain
from bertology.train.task import Task
from bertology.train.tokenizer import train_tokenizer

Progress = Callable[[str, int, int], None]


class Trained(NamedTuple):
    """A small encoder from scratch: loaded, with the lines of its log (losses by step, held-out losses by checkpoint)."""

    encoder: Encoder
    log: list[dict[str, Any]]
    place: Path


@dataclass(frozen=True, eq=False)
class Training:
    """`recipe` trained on the training blocks of a corpus for `tokens`; its test blocks are held out.

    Trainings over the same corpus with the same vocabulary share one tokenizer, so their losses compare.
    """

    recipe: Recipe
    over: Corpus
    tokens: int
    seed: int = 0

    @property
    def key(self) -> str:
        return _key("training", plain(self.recipe), self.over.fingerprint, self.over.seed, self.tokens, self.seed)

    def build(self, place: Path, progress: Progress) -> None:
        text = place / "train.txt"
        write_text(self.over, "train", text)
        write_text(self.over, "test", place / "held-out.txt")
        shared = place.parent / _key(
            "tokenizer", self.recipe.vocabulary, self.recipe.tokenizer, self.over.fingerprint, self.over.seed
        )
        if not (shared / "tokenizer.json").is_file():
            made = train_tokenizer(
                [text],
                size=self.recipe.vocabulary,
                kind=self.recipe.tokenizer,
                lowercase=self.recipe.lowercase,
                segments=True,
            )
            made.save_pretrained(shared)
        pretrain(
            self.recipe, [text], place / "run", tokens=self.tokens, valid=[place / "held-out.txt"], tokenizer=shared,
            seed=self.seed, precision="float32", checkpoints=2, progress=progress,
        )  # fmt: skip

    def load(self, place: Path) -> Trained:
        return Trained(load(place / "run" / "model"), list(read_log(place / "run")), place / "run")


class Scored(NamedTuple):
    """The test scores of a fine-tuning: `values` (seed,) and, per example, `correct` (seed, example)."""

    values: NDArray[np.float64]
    correct: NDArray[np.float64]
    dev: list[list[float]]
    trained: int
    seconds: float
    majority: float


@dataclass(frozen=True, eq=False)
class Scoring:
    """`recipe` on a task for some seeds; only scores are kept. `order_seeds` draws the order of the data apart from the head."""

    encoder: Encoder
    task: Task
    recipe: FineTuning
    seeds: tuple[int, ...]
    order_seeds: tuple[int, ...] | None = None

    @property
    def key(self) -> str:
        examples = (self.task.train, self.task.dev, self.task.test)
        return _key(
            "scoring",
            self.encoder.fingerprint,
            self.task.name,
            examples,
            plain(self.recipe),
            self.seeds,
            self.order_seeds,
        )

    def build(self, place: Path, progress: Progress) -> None:
        tuned = finetune(
            self.encoder, self.task, self.recipe, seeds=self.seeds, order_seeds=self.order_seeds, progress=progress
        )
        content = {
            "values": [o.score(tuned.task) for o in tuned.outcomes], "correct": [o.scores.tolist() for o in tuned.outcomes],
            "dev": [o.dev for o in tuned.outcomes], "trained": tuned.outcomes[0].trained,
            "seconds": float(np.mean([o.seconds for o in tuned.outcomes])), "majority": self.task.majority,
        }  # fmt: skip
        (place / "scores.json").write_text(json.dumps(content), encoding="utf-8")

    def load(self, place: Path) -> Scored:
        content = json.loads((place / "scores.json").read_text(encoding="utf-8"))
        return Scored(**{k: np.array(v) if k in ("values", "correct") else v for k, v in content.items()})


def write_text(corpus: Corpus, split: str, file: Path) -> None:
    """The texts of a split, one a line, documents apart by a blank line."""
    lines: list[str] = []
    document = None
    for sentence, inside in zip(corpus, in_split(corpus.blocks, split), strict=True):
        if not inside:
            continue
        if document is not None and sentence.document != document:
            lines.append("")
        document = sentence.document
        lines.append(" ".join(sentence.text.split()))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _key(*what: Any) -> str:
    return f"{what[0]}-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"


__all__ = ["Scored", "Scoring", "Trained", "Training", "write_text"]
