"""A smaller encoder learns from the whole one: on running text, on the task, or as a student of another kind."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import BATCH, LENGTH
from bertology.compress.teaching.bilstm import BiLSTMSoft
from bertology.compress.teaching.bottleneck import MobileBert, Transfer, mobilebert_on_text
from bertology.compress.teaching.distil import Distil, SoftTargets, Teacher, Term
from bertology.compress.teaching.mixed_vocabulary import MixedVocabulary
from bertology.compress.teaching.on_text import distil_on_text
from bertology.compress.teaching.static_model import static_model
from bertology.compress.teaching.student import fitting, student
from bertology.compress.teaching.waldorf import Waldorf
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique
from bertology.train.tuned import tuned


@dataclass(frozen=True)
class OnText(Step):
    """The smaller encoder copies the original on running text (compress/teaching/on_text.py)."""

    terms: tuple[Term, ...] = (SoftTargets(),)
    hard: float = 1.0
    epochs: float = 1.0
    rate: float = 5e-4

    needs: ClassVar = ("text",)

    def __call__(self, work: Work) -> Work:
        terms = self.terms
        if "mlm" not in work.original.has:
            terms = tuple(t for t in terms if t.reads)
            if not terms:
                raise BadRequest(
                    f"{work.original.name} has no masked-language-model head whose predictions could be copied.",
                    "Choose a recipe that copies hidden states (tinybert, minilm), or another encoder.",
                )
        small = distil_on_text(
            work.small, work.original, work.running, terms, hard=self.hard, epochs=self.epochs, rate=self.rate, seed=work.seed,
            progress=work.progress,
        )  # fmt: skip
        left = "" if terms == self.terms else " (its predictions left out: no language-model head)"
        return work.but(small=small).noting(f"copied the encoder on {len(work.running):,} sentences{left}")


@dataclass(frozen=True)
class Tune(Step):
    """Fine-tunes the smaller encoder for the task, with techniques; `terms` copy the tuned whole one (compress/teaching/distil.py).

    `longer` multiplies the epochs, `faster` the learning rate: what starts from random weights has a longer way to go.
    """

    techniques: tuple[Technique, ...] = ()
    terms: tuple[Term, ...] = ()
    hard: float = 0.5
    longer: float = 1.0
    faster: float = 1.0

    needs: ClassVar = ("task",)

    def made(self, work: Work) -> tuple[Technique, ...]:
        """The techniques for a wish."""
        return self.techniques

    def __call__(self, work: Work) -> Work:
        techniques = self.made(work)
        if self.terms:
            teacher = Teacher(work.whole.model, work.whole, work.whole.fingerprint)
            techniques = (*techniques, Distil(teacher, self.terms, self.hard))
        scale = {"epochs": self.longer * work.tuning.epochs, "rate": self.faster * work.tuning.rate}
        recipe = replace(work.tuning, techniques=techniques, **scale)
        return self.after(work.but(small=tuned_as(work.small, work, recipe)))

    def after(self, work: Work) -> Work:
        """What is left to say of the result."""
        return work


@dataclass(frozen=True)
class TuneIfTask(Tune):
    """The same where there is a task; nothing where there is none."""

    needs: ClassVar = ()

    def __call__(self, work: Work) -> Work:
        return super().__call__(work) if work.task is not None else work


def tuned_as(encoder: Encoder, work: Work, recipe: Any) -> Encoder:
    """The encoder tuned for the work's task, wrapped again."""
    return tuned(encoder, work.labelled, recipe, seed=work.seed, name=work.original.name, progress=work.progress)


@dataclass(frozen=True)
class Fresh(Step):
    """A student of random weights: shares of the original's layers and width with as many heads, or the largest shape within the wish."""

    goals: ClassVar = ("speedup", "keep", "bytes")
    layers: float = 0.5
    width: float = 1.0

    def __call__(self, work: Work) -> Work:
        whole, goal = work.original, work.goal
        if goal.kind:
            wish = {
                "parameters": None if goal.keep is None else int(goal.keep * whole.n_parameters),
                "bytes": goal.bytes,
                "speedup": goal.speedup,
            }
            fit = fitting(whole, **wish, batch=BATCH, length=LENGTH, progress=work.progress)  # type: ignore[arg-type]
            small = student(whole, **fit._asdict(), seed=work.seed)
        else:
            heads = whole.n_heads
            width = max(heads, round(self.width * whole.width / heads) * heads)
            small = student(
                whole, layers=max(1, round(self.layers * whole.n_layers)), width=width, heads=heads, seed=work.seed
            )
        return work.but(small=small).noting(f"a fresh student of {small.n_layers} layers of width {small.width}")


@dataclass(frozen=True)
class MixedVocabularies(Step):
    """A narrow student with a small vocabulary of its own (compress/teaching/mixed_vocabulary.py); sizes as shares of the original's."""

    needs: ClassVar = ("text", "mlm", "mask")
    width: float = 0.25
    vocabulary: float = 0.16

    def __call__(self, work: Work) -> Work:
        whole = work.original
        width = max(8, round(self.width * whole.width / 8) * 8)
        heads = max(h for h in range(1, whole.n_heads + 1) if width % h == 0 and width // h >= 4)
        size = max(200, round(self.vocabulary * len(whole.tokenizer)))
        found = MixedVocabulary(size, width=width, heads=heads, seed=work.seed)(
            whole, work.running, progress=work.progress
        )
        return work.but(small=found.encoder).noting(
            f"width {width}, {len(found.encoder.tokenizer):,} subwords of its own; the teacher's mixed loss went from {found.before:.2f} to {found.after:.2f} nats"
        )


@dataclass(frozen=True)
class Bottleneck(Step):
    """MobileBERT: layer-by-layer transfer on the text (or the task's texts), then the task with soft targets (compress/teaching/bottleneck.py)."""

    epochs: float = 1.0
    longer: float = 2.0

    def __call__(self, work: Work) -> Work:
        if work.task is None:
            if work.text is None:
                raise BadRequest("mobilebert needs text or a task.", "Give --text FILE or --task FILE.")
            transfer = Transfer(epochs=self.epochs, seed=work.seed)
            small = mobilebert_on_text(
                work.original, work.text, transfer=transfer, seed=work.seed, progress=work.progress
            )
            return work.but(small=small)
        tuning = replace(work.tuning, epochs=self.longer * work.tuning.epochs, rate=max(work.tuning.rate, 5e-4))
        method = MobileBert(Transfer(epochs=self.epochs, seed=work.seed), tuning, seed=work.seed)
        found = method(work.whole, work.task, text=work.text, progress=work.progress)
        return work.but(small=found.encoder).noting(
            "; ".join(f"layer {s.layer}: {s.first:.2f} to {s.last:.2f}" for s in found.stages)
        )


@dataclass(frozen=True)
class Convolutional(Step):
    """WaLDORf: a convolutional student (compress/teaching/waldorf.py)."""

    needs: ClassVar = ("task",)
    layers: float = 2 / 3
    longer: float = 2.0

    def __call__(self, work: Work) -> Work:
        tuning = replace(work.tuning, epochs=self.longer * work.tuning.epochs, rate=max(work.tuning.rate, 5e-4))
        depth = max(1, round(self.layers * work.whole.n_layers))
        wide = int(work.whole.base.get_input_embeddings().weight.shape[1])  # type: ignore[operator,union-attr,index]
        method = Waldorf(layers=depth, embedding=min(128, wide), tuning=tuning, seed=work.seed)
        return work.but(small=method(work.whole, work.labelled, text=work.text, progress=work.progress).encoder)


@dataclass(frozen=True)
class Recurrent(Step):
    """BiLSTM-soft (compress/teaching/bilstm.py): the study's sizes for a teacher of 768 dimensions, in proportion for others."""

    needs: ClassVar = ("task",)
    longer: float = 2.0

    def __call__(self, work: Work) -> Work:
        width = work.whole.width
        of_768 = lambda n: max(8, round(n * width / 768))
        table = work.whole.base.get_input_embeddings().weight  # type: ignore[operator,union-attr]
        method = BiLSTMSoft(min(of_768(300), int(table.shape[1])), of_768(150), of_768(200), seed=work.seed)
        recipe = replace(method.recipe, epochs=self.longer * work.tuning.epochs)
        found = replace(method, recipe=recipe)(work.whole, work.labelled, progress=work.progress)
        return work.but(small=found.encoder).noting(f"learnt from {found.examples:,} examples, most of them made up")


@dataclass(frozen=True)
class Unlayered(Step):
    """Static embeddings (compress/teaching/static_model.py) of `width` dimensions; a task's labels and the tuned encoder's predictions train them on."""

    width: int = 256
    longer: float = 3.0

    def __call__(self, work: Work) -> Work:
        work = work.but(small=static_model(work.original, work.task, width=self.width, progress=work.progress))
        if work.task is None:
            return work
        tuned = replace(work, tuning=replace(work.tuning, rate=max(work.tuning.rate, 5e-3)))
        small = Tune(terms=(SoftTargets(),), longer=self.longer)(tuned).small
        return work.but(small=small)
