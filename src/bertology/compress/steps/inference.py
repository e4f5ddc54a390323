"""Less is computed for each text: it leaves early, or its tokens do. Parameters stay."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from bertology.compress.inference.early_exit import PABEE, DeeBERT
from bertology.compress.inference.tokens import PoWERBERT
from bertology.compress.recipe import Step, Work


@dataclass(frozen=True)
class Exits(Step):
    """DeeBERT or PABEE (compress/inference/early_exit.py): to a speed-up counted in layers, or as fast as `least` of the dev score allows."""

    needs: ClassVar = ("task",)
    goals: ClassVar = ("speedup",)
    by: Literal["deebert", "pabee"] = "deebert"
    least: float = 0.98

    def __call__(self, work: Work) -> Work:
        method = (DeeBERT if self.by == "deebert" else PABEE)(recipe=work.tuning, seed=work.seed)
        wish = {"speedup": work.goal.speedup} if work.goal.speedup is not None else {"least": self.least}
        start = work.whole if self.by == "deebert" else work.original
        found = method(start, work.labelled, progress=work.progress, **wish)
        return work.but(small=found.encoder).noting(
            f"{found.rule}; test texts run {found.test.layers:.1f} of {work.whole.n_layers} layers ({found.test.counted:.2f} times fewer, "
            f"{found.test.measured:.2f} times as fast in batches of 32)"
        )


@dataclass(frozen=True)
class FewerTokens(Step):
    """PoWER-BERT (compress/inference/tokens.py)."""

    needs: ClassVar = ("task", "attention")
    strength: float = 1.0

    def __call__(self, work: Work) -> Work:
        found = PoWERBERT(self.strength, work.tuning, work.tuning, seed=work.seed)(
            work.whole, work.labelled, progress=work.progress
        )
        return work.but(small=found.encoder).noting(
            f"tokens kept by layer: {', '.join(map(str, found.keep))}; {found.counted:.2f} times fewer computed on test"
        )
