"""What claims about training ask for: an encoder trained by a recipe, the scores of a fine-tuning. Made once a run, kept in its folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load, wrap
from bertology.record.errors import BadRequest
from bertology.record.folder import whole
from bertology.record.keys import made_key
from bertology.stats.tally import in_split
from bertology.train.classifier import Scored as Said
from bertology.train.classifier import classifier, encoded, evaluate
from bertology.train.finetune import FineTuning, Outcome, finetune
from bertology.train.pretrain import pretrain, read_log
from bertology.train.recipe import Recipe, plain
from bertology.train.task import Example, Task
from bertology.train.techniques.pivots import PivotMLM, adapted
from bertology.train.techniques.several import staged
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
        return made_key("training", plain(self.recipe), self.over.fingerprint, self.over.seed, self.tokens, self.seed)

    def build(self, place: Path, progress: Progress) -> None:
        text = place / "train.txt"
        write_text(self.over, "train", text)
        write_text(self.over, "test", place / "held-out.txt")
        shared = self._tokenizer(place, text)
        pretrain(
            self.recipe, [text], place / "run", tokens=self.tokens, valid=[place / "held-out.txt"], tokenizer=shared,
            seed=self.seed, precision="float32", checkpoints=2, progress=progress,
        )  # fmt: skip

    def _tokenizer(self, place: Path, text: Path) -> Path:
        """The folder of the tokenizer, beside that of the training."""
        shared = place.parent / made_key(
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
        return shared

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
        return made_key(
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
        _write_scores(place, tuned.outcomes, self.task)

    def load(self, place: Path) -> Scored:
        return _read_scores(place)


class Attacked(NamedTuple):
    """`clean` is the scores on the task's own test texts, `changed` (seed,) the scores on changed ones."""

    clean: Scored
    changed: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Attack:
    """As `Scoring`, and each seed's model is scored on `changed` texts too (test texts with typing errors, say)."""

    scoring: Scoring
    changed: tuple[Example, ...]

    @property
    def key(self) -> str:
        return made_key("attack", self.scoring.key, self.changed)

    def build(self, place: Path, progress: Progress) -> None:
        asked, outcomes, scores = self.scoring, [], []
        lines = encoded(asked.encoder, asked.task, self.changed)
        pad = asked.encoder.tokenizer.pad_token_id or 0
        for seed, order in zip(asked.seeds, asked.order_seeds or asked.seeds, strict=True):
            tuned = finetune(
                asked.encoder, asked.task, asked.recipe, seeds=[seed], order_seeds=[order], progress=progress
            )
            _, said = evaluate(tuned.best.model, lines, asked.task, pad, asked.encoder.device, self.changed)
            scores.append(Said(said, self.changed, asked.task).score())
            outcomes.append(tuned.best._replace(model=None))
        (place / "changed.json").write_text(json.dumps(scores), encoding="utf-8")
        _write_scores(place, outcomes, asked.task)

    def load(self, place: Path) -> Attacked:
        return Attacked(_read_scores(place), np.array(json.loads((place / "changed.json").read_text(encoding="utf-8"))))


@dataclass(frozen=True, eq=False)
class Staging:
    """Fine-tuning on several tasks one after another (`techniques.several.staged`); the scores are the last task's."""

    encoder: Encoder
    stages: tuple[tuple[Task, FineTuning], ...]
    seeds: tuple[int, ...]

    @property
    def key(self) -> str:
        stages = [(t.name, t.train, t.dev, t.test, plain(r)) for t, r in self.stages]
        return made_key("staging", self.encoder.fingerprint, stages, self.seeds)

    def build(self, place: Path, progress: Progress) -> None:
        last = [
            staged(self.encoder, self.stages, seeds=[seed], progress=progress)[-1].best._replace(model=None)
            for seed in self.seeds
        ]
        _write_scores(place, last, self.stages[-1][0])

    def load(self, place: Path) -> Scored:
        return _read_scores(place)


@dataclass(frozen=True, eq=False)
class Adapting:
    """Masked language modelling on texts of two domains (`techniques.pivots.adapted`), then fine-tuning on the first one's labels.

    The task's training texts are of the source domain, its test texts of the target domain. `words` are masked instead of pivots.
    """

    encoder: Encoder
    task: Task
    source: tuple[str, ...]
    target: tuple[str, ...]
    pivots: PivotMLM
    recipe: FineTuning
    seeds: tuple[int, ...]
    words: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        task = (self.task.name, self.task.train, self.task.dev, self.task.test)
        what = (self.source, self.target, plain(self.pivots), plain(self.recipe), self.seeds, self.words)
        return made_key("adapting", self.encoder.fingerprint, task, *what)

    def build(self, place: Path, progress: Progress) -> None:
        outcomes = []
        for seed in self.seeds:
            note = lambda done, total: progress("pivot MLM", done, total)
            moved = adapted(
                self.encoder, self.source, self.target, self.task.train, self.pivots, words=self.words, seed=seed, progress=note
            )  # fmt: skip
            tuned = finetune(moved, self.task, self.recipe, seeds=[seed], progress=progress)
            outcomes.append(tuned.best._replace(model=None))
        _write_scores(place, outcomes, self.task)

    def load(self, place: Path) -> Scored:
        return _read_scores(place)


class Tuned(NamedTuple):
    """A fine-tuned model: as it is with its head (`model`), its trunk seen as an encoder, and its test score."""

    model: nn.Module
    encoder: Encoder
    score: float


@dataclass(frozen=True, eq=False)
class TunedModel:
    """One seed's fine-tuned model itself, kept as `state.safetensors` (as large as the encoder).

    Raises BadRequest for a recipe with a technique that stays in the model: there is no plain trunk to look at.
    """

    encoder: Encoder
    task: Task
    recipe: FineTuning
    seed: int

    def __post_init__(self) -> None:
        if not self.recipe.plain:
            staying = [type(t).__name__ for t in self.recipe.techniques if not t.plain]
            raise BadRequest(
                f"{self.recipe.name}: {' and '.join(staying)} would stay in the model.", "Ask for its scores."
            )

    @property
    def key(self) -> str:
        task = (self.task.name, self.task.train, self.task.dev, self.task.test)
        return made_key("tuned", self.encoder.fingerprint, task, plain(self.recipe), self.seed)

    def build(self, place: Path, progress: Progress) -> None:
        best = finetune(self.encoder, self.task, self.recipe, seeds=[self.seed], progress=progress).best
        assert best.model is not None
        state = {name: t.detach().cpu().clone().contiguous() for name, t in best.model.state_dict().items()}
        with whole(place / "state.safetensors") as part:
            save_file(state, part)
        _write_scores(place, [best], self.task)

    def load(self, place: Path) -> Tuned:
        model = classifier(self.encoder, self.task, self.seed)
        model.load_state_dict(load_file(place / "state.safetensors"))
        name = f"{self.encoder.name} after {self.task.name}"
        seen = wrap(model.requires_grad_(False), self.encoder.tokenizer, name=name, has_mlm=False)
        return Tuned(model, seen, float(_read_scores(place).values[0]))


def _write_scores(place: Path, outcomes: Sequence[Outcome], task: Task) -> None:
    content = {
        "values": [o.score(task) for o in outcomes], "correct": [o.scores.tolist() for o in outcomes],
        "dev": [o.dev for o in outcomes], "trained": outcomes[0].trained,
        "seconds": float(np.mean([o.seconds for o in outcomes])), "majority": task.majority,
    }  # fmt: skip
    (place / "scores.json").write_text(json.dumps(content), encoding="utf-8")


def _read_scores(place: Path) -> Scored:
    content = json.loads((place / "scores.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {k: np.array(v) if k in ("values", "correct") else v for k, v in content.items()}
    return Scored(**found)


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


__all__ = [
    "Adapting", "Attack", "Attacked", "Scored", "Scoring", "Staging", "Trained", "Training", "Tuned", "TunedModel", "write_text",
]  # fmt: skip
