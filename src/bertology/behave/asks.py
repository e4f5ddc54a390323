"""What claims on behaviour ask to be made: sentences scored, gaps filled. Made once a run, by whichever encoder or twin is given."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bertology.behave.gaps import Filled, Gap, fill
from bertology.behave.pll import Progress, Scores, score
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key


@dataclass(frozen=True, eq=False)
class Scoring:
    """The pseudo-log-likelihoods of a corpus (`pll.score`)."""

    encoder: Encoder
    over: Corpus
    method: str = "pll-word-l2r"

    @property
    def key(self) -> str:
        return made_key("pll", self.encoder.fingerprint, self.over.fingerprint, self.method)

    def build(self, place: Path, progress: Progress) -> None:
        np.savez(
            place / "scores.npz", **score(self.encoder, self.over, method=self.method, progress=progress)._asdict()
        )

    def load(self, place: Path) -> Scores:
        with np.load(place / "scores.npz") as kept:
            return Scores(**kept)


@dataclass(frozen=True, eq=False)
class Filling:
    """What the encoder puts in gaps (`gaps.fill`)."""

    encoder: Encoder
    gaps: tuple[Gap, ...]

    @property
    def key(self) -> str:
        return made_key("gaps", self.encoder.fingerprint, self.gaps)

    def build(self, place: Path, progress: Progress) -> None:
        fill(self.encoder, self.gaps, progress=progress).save(place / "gaps.npz")

    def load(self, place: Path) -> Filled:
        return Filled.kept(place / "gaps.npz")
