"""MobileBERT (Sun et al. 2020): as deep as its teacher, each layer narrow inside and as wide as the teacher's between layers.

The student is transformers' own MobileBERT, its sizes the paper's proportions of any teacher's: between layers the teacher's
width, inside a quarter of it, as many heads, stacks of feed-forward networks four times as wide as the inside. The paper trains a
teacher for it (IB-BERT, inverted bottlenecks); here the given encoder teaches, and because the width between layers is its own, feature maps
compare without a map. Embeddings begin as the best of their rank of the teacher's (the paper's are copies).

Knowledge goes over layer by layer, those below frozen (progressive knowledge transfer), then the whole is trained: on text by masked words and soft
targets, on a task by its labels and soft targets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from torch import nn
from transformers import MobileBertConfig, MobileBertForMaskedLM, MobileBertModel

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching import losses
from bertology.compress.teaching.distil import Attention, Distil, Hidden, SoftTargets, Teacher, Term
from bertology.compress.teaching.layer_maps import layer_map
from bertology.compress.teaching.on_text import distil_on_text
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import AFTER_PADDING, kind
from bertology.encoder.load import wrap
from bertology.encoder.sites import Site
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest, NotApplicable, NotFinite
from bertology.train.classifier import layer_of
from bertology.train.finetune import FineTuning
from bertology.train.finetuning_recipes import with_techniques
from bertology.train.optimizer import AdamW, Schedule, set_rate
from bertology.train.task import Task
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]
Norm = Literal["no_norm", "layer_norm"]


def student_of(
    teacher: Encoder, *, layers: int | None = None, bottleneck: int | None = None, stacks: int = 4, norm: Norm = "no_norm", seed: int = 0
) -> Encoder:  # fmt: skip
    """An untrained MobileBERT with the teacher's tokenizer, and a language-model head where the teacher has one.

    `layers` are the teacher's unless given; `bottleneck` is the width inside, a quarter of the teacher's rounded up to a multiple of its heads;
    `stacks` feed-forward networks a layer. "no_norm" is the paper's element-wise scale instead of layer normalisation.
    Raises BadRequest for sizes that are none, or no bottleneck.
    """
    heads, width = teacher.n_heads, teacher.width
    inside = -(-width // (4 * heads)) * heads if bottleneck is None else bottleneck
    depth = teacher.n_layers if layers is None else layers
    if inside % heads or not 0 < inside < width or stacks < 1 or not 1 <= depth <= teacher.n_layers:
        raise BadRequest(
            f"a bottleneck of {inside} in {depth} layers of {stacks} stacks, for {teacher.name} of {teacher.n_layers} layers, "
            f"width {width} and {heads} heads.",
            "Give a multiple of the heads below the width, at least one stack, and at most as many layers.",
        )
    config = MobileBertConfig(
        vocab_size=int(teacher.config.vocab_size), hidden_size=width, num_hidden_layers=depth, num_attention_heads=heads,
        intermediate_size=4 * inside, intra_bottleneck_size=inside, embedding_size=inside, num_feedforward_networks=stacks,
        normalization_type=norm, max_position_embeddings=min(teacher.max_length, 512), attention_probs_dropout_prob=0.0,
        type_vocab_size=max(2, int(getattr(teacher.config, "type_vocab_size", 2) or 2)), pad_token_id=teacher.config.pad_token_id,
        initializer_range=float(getattr(teacher.config, "initializer_range", 0.02)),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = MobileBertForMaskedLM(config) if "mlm" in teacher.has else MobileBertModel(config)
    _take_over_embeddings(model, teacher)
    return wrap(
        model.to(teacher.device), teacher.tokenizer, name=f"MobileBERT of {teacher.name}", has_mlm="mlm" in teacher.has
    )


@torch.no_grad()
def _take_over_embeddings(model: Any, teacher: Encoder) -> None:
    """Word embeddings in their first principal directions, back in the teacher's width by the middle of the trigram; positions and segments,
    where the teacher has such tables; the language-model head's bias and its wide part."""
    base, own = model.base_model.embeddings, teacher.base
    words = own.get_input_embeddings().weight.detach().float()  # type: ignore[operator]
    k = base.embedding_size
    _, directions = torch.linalg.eigh(words.double().T @ words.double())
    directions = directions.flip(-1).float()
    turned = words @ directions
    base.word_embeddings.weight[:, : turned.shape[1]].copy_(turned[:, :k])
    if words.shape[1] == teacher.width:
        base.embedding_transformation.weight.zero_()
        base.embedding_transformation.weight[:, k : 2 * k].copy_(directions[:, :k])
    start = int(teacher.config.pad_token_id or 0) + 1 if kind(teacher.config) in AFTER_PADDING else 0
    tables = {n.rpartition(".")[2]: m.weight for n, m in own.named_modules() if isinstance(m, nn.Embedding)}
    for name, table, first in (("position_embeddings", base.position_embeddings.weight, start), ("token_type_embeddings", base.token_type_embeddings.weight, 0)):  # fmt: skip
        given = tables.get(name)
        if given is not None and given.shape[1] == table.shape[1]:
            rows = min(len(table), len(given) - first)
            table[:rows].copy_(given[first : first + rows])
    out = model.get_output_embeddings()
    if out is not None:
        model.tie_weights()
        theirs = getattr(teacher.model.get_output_embeddings(), "bias", None)  # type: ignore[operator]
        if theirs is not None and theirs.shape == out.bias.shape:
            out.bias.copy_(theirs)
        if words.shape[1] == teacher.width:
            model.cls.predictions.dense.weight.copy_(turned[:, k:].T)


class Stage(NamedTuple):
    """The transfer into one layer: the student's, the teacher's, and the loss in the first and the last tenth of its steps."""

    layer: int
    teacher: int
    first: float
    last: float


@dataclass(frozen=True)
class Transfer:
    """Progressive knowledge transfer: layer k learns from mapped layers by the mean squared difference of feature maps x `maps` + KL of attention x
    `attention`, while the layers below are frozen; the embeddings move with the first layer.

    `epochs` over the text for each layer, in batches of up to `tokens` padded subwords.
    """

    epochs: float = 1.0
    tokens: int = 4096
    rate: float = 1e-3
    maps: float = 1.0
    attention: float = 1.0
    layers: str = "uniform"
    seed: int = 0

    def __call__(
        self, student: Encoder, teacher: Encoder, text: Corpus, *, progress: Progress = lambda what, done, total: None
    ) -> tuple[Encoder, list[Stage]]:
        """The student after all stages; the given encoders stay. Raises BadRequest for other tokenizers, widths or numbers of heads,
        NotApplicable where an encoder shows no attention."""
        self._check(student, teacher)
        learner = wrap(deepcopy(student.model), student.tokenizer, name=student.name, has_mlm=student.has_mlm)
        batches = list(learner.batches(text, token_budget=self.tokens, attention=bool(self.attention)))
        total = max(1, round(self.epochs * len(batches)))
        wanted = {n: p.requires_grad for n, p in learner.model.named_parameters()}
        stages = []
        for k, t in layer_map(self.layers, student.n_layers, teacher.n_layers):
            for name, p in learner.model.named_parameters():
                p.requires_grad_(layer_of(name, learner) in ((0, 1) if k == 1 else (k,)))
            found = []
            with _up_to(learner, k):
                for loss in self._layer(learner, teacher, batches, k, t, total):
                    found.append(loss)
                    progress(f"transfer into layer {k} of {student.n_layers}", len(found), total)
            tenth = max(1, len(found) // 10)
            stages.append(Stage(k, t, float(np.mean(found[:tenth])), float(np.mean(found[-tenth:]))))
        for name, p in learner.model.named_parameters():
            p.requires_grad_(wanted[name])
        return learner, stages

    def _layer(
        self, learner: Encoder, teacher: Encoder, batches: list[Any], k: int, t: int, total: int
    ) -> Iterator[float]:
        trained = [(n, p) for n, p in learner.model.named_parameters() if p.requires_grad]
        optimizers, schedule = AdamW(self.rate).build(trained), Schedule(0.05)
        sites = lambda layer: frozenset(
            {Site("hidden", layer), *({Site("attention", layer)} if self.attention else set())}
        )
        for step in range(total):
            epoch, i = divmod(step, len(batches))
            batch = batches[int(np.random.default_rng([self.seed, k, epoch]).permutation(len(batches))[i])]
            set_rate(optimizers, schedule.factor(step / total))
            mine, theirs = learner.observe(batch, sites(k), gradients=True), teacher.observe(batch, sites(t))
            loss = self.maps * losses.hidden_distance(mine.hidden(k), theirs.hidden(t), batch.mask)
            if self.attention:
                said, true = mine.attention(k), theirs.attention(t)
                loss = loss + self.attention * losses.attention_divergence(said, true, batch.mask)
            if not bool(torch.isfinite(loss.detach())):
                raise NotFinite(f"transfer into layer {k}: the loss of step {step} is not finite.", "Lower the rate.")
            loss.backward()
            nn.utils.clip_grad_norm_([p for _, p in trained], 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            yield float(loss.detach())

    def _check(self, student: Encoder, teacher: Encoder) -> None:
        if student.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
            raise BadRequest(f"{teacher.name} and {student.name} have different tokenizers.", "Give two of one.")
        if student.width != teacher.width:
            raise BadRequest(
                f"{student.name} is {student.width} wide between layers, {teacher.name} {teacher.width}.",
                "Feature maps compare at equal widths: take student_of(teacher).",
            )
        if not self.attention:
            return
        for who in (student, teacher):
            if "attention" not in who.has:
                raise NotApplicable(f"{who.name} shows no attention (give attention 0 to compare feature maps alone)")
        if student.n_heads != teacher.n_heads:
            raise BadRequest(
                f"{student.name} has {student.n_heads} heads, {teacher.name} {teacher.n_heads}.", "Give attention 0."
            )


@contextmanager
def _up_to(student: Encoder, layer: int) -> Iterator[None]:
    """Inside, layers above hand their input on: nothing there is compared yet."""
    above = layer_modules(student.base, student.family)[layer:]
    for module in above:
        module.forward = lambda states, *args, **kwargs: states  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in above:
            del module.forward


def mobilebert_on_text(
    teacher: Encoder, text: Corpus, *, transfer: Transfer = Transfer(), epochs: float = 1.0, hard: float = 0.5, rate: float = 1e-3,
    layers: int | None = None, bottleneck: int | None = None, stacks: int = 4, norm: Norm = "no_norm", seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Encoder:  # fmt: skip
    """A MobileBERT of the teacher, trained on text: transfer layer by layer, then `epochs` of `hard` x masked words + (1 - `hard`) x soft targets.

    From a teacher without a language-model head, feature maps and attention of all layers are copied instead.
    """
    student = student_of(teacher, layers=layers, bottleneck=bottleneck, stacks=stacks, norm=norm, seed=seed)
    student, _ = transfer(student, teacher, text, progress=progress)
    terms: tuple[Term, ...] = (SoftTargets(weight=1 - hard, temperature=1.0),)
    if "mlm" not in teacher.has:
        terms = (Hidden(embeddings=False), Attention(divergence=True)) if transfer.attention else (Hidden(embeddings=False),)  # fmt: skip
    return distil_on_text(
        student, teacher, text, terms, hard=hard, epochs=epochs, rate=rate, seed=seed, progress=progress,
        tokens=transfer.tokens,
    )  # fmt: skip


class Bottlenecked(NamedTuple):
    """The student as an encoder with its task head, its stages, and dev scores of the whole and the student."""

    encoder: Encoder
    stages: list[Stage]
    whole: float
    dev: float


@dataclass(frozen=True)
class MobileBert:
    """A MobileBERT of a tuned model, for its task: transfer on the task's texts (or others), then `tuning` with the teacher's soft targets."""

    cites: ClassVar = ("sun-2020",)
    transfer: Transfer = Transfer(epochs=3)
    tuning: FineTuning = FineTuning(epochs=5, rate=5e-4)  # noqa: RUF009 (frozen)
    hard: float = 0.5
    layers: int | None = None
    bottleneck: int | None = None
    stacks: int = 4
    norm: Norm = "no_norm"
    seed: int = 0

    def __call__(
        self, whole: Encoder, task: Task, *, text: Corpus | None = None, progress: Progress = lambda what, done, total: None
    ) -> Bottlenecked:  # fmt: skip
        """The student of a tuned model, wrapped as an encoder; `text` is unlabelled text for the transfer, the task's own by default."""
        student = student_of(
            whole, layers=self.layers, bottleneck=self.bottleneck, stacks=self.stacks, norm=self.norm, seed=self.seed
        )
        student, stages = self.transfer(student, whole, text or texts_of(task), progress=progress)
        teacher = Teacher(whole.model, whole, whole.fingerprint)
        recipe = with_techniques(
            self.tuning.name, Distil(teacher, (SoftTargets(weight=1 - self.hard),), self.hard), of=self.tuning
        )
        encoder = tuned(student, task, recipe, seed=self.seed, progress=progress)
        return Bottlenecked(encoder, stages, dev_score(whole, task), dev_score(encoder, task))


def texts_of(task: Task) -> Corpus:
    """The training texts of a task as running text, without labels; two texts of a pair are two sentences."""
    texts = ((" ".join(e.texts),) if task.kind == "token" else e.texts for e in task.train)
    distinct = dict.fromkeys(t for each in texts for t in each)
    return Corpus(f"texts of {task.name}", tuple(sentence(t.split(), f"{k}") for k, t in enumerate(distinct)))
