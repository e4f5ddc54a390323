"""Fewer numbers for the same matrices: factors of low rank, layers that share their weights, a smaller vocabulary."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from bertology.compress.factors.low_rank import Weighing, input_moments, low_rank
from bertology.compress.factors.sharing import shared
from bertology.compress.factors.vocabulary import trimmed
from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import share_to_keep
from bertology.compress.teaching.bottleneck import texts_of
from bertology.record.errors import BadRequest


@dataclass(frozen=True)
class Factored(Step):
    """Matrices of the tuned whole encoder by singular values, weighted by what they read (compress/factors/low_rank.py); `share` of their parameters stays."""

    goals: ClassVar = ("keep", "bytes")
    share: float = 0.5
    matrices: Literal["layers", "embeddings", "all"] = "layers"
    weighted: bool = True

    def __call__(self, work: Work) -> Work:
        share = share_to_keep(work) if work.goal.kind else self.share
        over = texts_of(work.task) if work.task is not None else work.text
        by = input_moments(work.whole, over, seed=work.seed) if self.weighted and over is not None else Weighing()
        return work.but(small=low_rank(work.whole, share=share, matrices=self.matrices, by=by))


@dataclass(frozen=True)
class Shared(Step):
    """ALBERT from the encoder: one layer for all, the mean of its layers, and factored embeddings (compress/factors/sharing.py)."""

    embedding: int | None = None

    def __call__(self, work: Work) -> Work:
        return work.but(small=shared(work.original, embedding=self.embedding))


@dataclass(frozen=True)
class Trimmed(Step):
    """Subwords that the task's training texts and the text never use go (compress/factors/vocabulary.py)."""

    least: int = 1

    def __call__(self, work: Work) -> Work:
        texts = [s.text for s in texts_of(work.task)] if work.task is not None else []
        if work.text is not None:
            texts += [s.text for s in work.text]
        if not texts:
            raise BadRequest("trimming the vocabulary needs text.", "Give --task FILE or --text FILE.")
        small = trimmed(work.small, texts, least=self.least)
        n, of = len(small.tokenizer), len(work.small.tokenizer)
        return work.but(small=small).noting(f"{n:,} of {of:,} subwords stay")
