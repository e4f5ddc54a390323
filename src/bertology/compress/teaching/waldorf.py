"""A student in the manner of WaLDORf (Tian et al. 2019): shallower, narrower, and reading several tokens at a step by convolutions.

Of the paper, what this was written from is public: a hybrid of convolutions and self-attention, task-specific, 8 layers of a smaller hidden size, 4.4
times smaller and 9 times faster than BERT-base, taught layer by layer through hidden states. Its exact block (kernel sizes, where the
autoencoders sit, the order of norms) and its augmentation of the training data were not at hand, and no weights or code are published. So this is the nearest
student made of known parts, and no reproduction:

- embeddings: a linear autoencoder of the teacher's; the optimum, its first principal directions, in closed form; the decoder goes on learning
- a layer: a convolution whose kernel and stride are `stride` tokens shortens the sequence; BERT's attention and feed-forward run on the short one; a
  transposed convolution restores its length; a residual connection and a norm close it
- distillation: hidden states of mapped layers through one learnt map of widths, then the tuned teacher's predictions

`import bertology.compress.teaching.waldorf` makes transformers' Auto classes and `bertology.load` know it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForSequenceClassification,
    ElectraForTokenClassification,
    ElectraModel,
)
from transformers.models.electra.modeling_electra import ElectraLayer

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching.bottleneck import texts_of
from bertology.compress.teaching.distil import Distil, Hidden, SoftTargets, Teacher
from bertology.compress.teaching.on_text import distil_on_text
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import FAMILIES
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning
from bertology.train.finetuning_recipes import with_techniques
from bertology.train.task import Task
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]


class WaldorfConfig(ElectraConfig):
    """ELECTRA's config and `stride`, the tokens that a layer reads as one."""

    model_type = "waldorf"
    stride: int = 2


class WaldorfLayer(ElectraLayer):
    """BERT's layer between a convolution that shortens the sequence by `stride` and a transposed one that restores it."""

    shorten: nn.Conv1d
    restore: nn.ConvTranspose1d
    closing: nn.LayerNorm

    def forward(  # type: ignore[override]
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *args: Any, **kwargs: Any
    ) -> Tensor:
        real, n = _real(attention_mask, hidden_states), hidden_states.shape[1]
        stride = self.shorten.stride[0]
        lacking = -n % stride
        given = nn.functional.pad(hidden_states * real[..., None].to(hidden_states.dtype), (0, 0, 0, lacking))
        short = self.shorten(given.transpose(1, 2)).transpose(1, 2)
        some = nn.functional.pad(real, (0, lacking)).unflatten(1, (-1, stride)).any(-1)
        short = super().forward(short, _shortened(attention_mask, some), **kwargs)
        restored = self.restore(short.transpose(1, 2)).transpose(1, 2)[:, :n]
        return self.closing(hidden_states + restored)


def _real(mask: Tensor | None, states: Tensor) -> Tensor:
    """True at tokens, (batch, token): what the first token may attend to."""
    if mask is None:
        return torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
    row = mask[:, 0, 0, :]
    return (row if row.dtype == torch.bool else row == 0).expand(states.shape[0], -1)


def _shortened(mask: Tensor | None, some: Tensor) -> Tensor | None:
    """The mask of the short sequence in the form of the long one's."""
    if mask is None:
        return None
    allowed = some[:, None, None, :].expand(-1, 1, some.shape[1], -1)
    if mask.dtype == torch.bool:
        return allowed
    return torch.zeros(allowed.shape, dtype=mask.dtype, device=mask.device).masked_fill(~allowed, torch.finfo(mask.dtype).min)  # fmt: skip


class WaldorfModel(ElectraModel):
    config: WaldorfConfig  # type: ignore[assignment]
    config_class = WaldorfConfig

    def __init__(self, config: WaldorfConfig) -> None:
        super().__init__(config)
        _convolve(self)


class WaldorfForMaskedLM(ElectraForMaskedLM):
    config: WaldorfConfig  # type: ignore[assignment]
    config_class = WaldorfConfig

    def __init__(self, config: WaldorfConfig) -> None:
        super().__init__(config)
        _convolve(self.electra)


class WaldorfForSequenceClassification(ElectraForSequenceClassification):
    config: WaldorfConfig  # type: ignore[assignment]
    config_class = WaldorfConfig

    def __init__(self, config: WaldorfConfig) -> None:
        super().__init__(config)
        _convolve(self.electra)


class WaldorfForTokenClassification(ElectraForTokenClassification):
    config: WaldorfConfig  # type: ignore[assignment]
    config_class = WaldorfConfig

    def __init__(self, config: WaldorfConfig) -> None:
        super().__init__(config)
        _convolve(self.electra)


def _convolve(base: ElectraModel) -> None:
    config: Any = base.config
    if config.stride < 1 or config.is_decoder:
        raise BadRequest(f"a stride of {config.stride}.", "Give at least 1, for an encoder.")
    width, stride = config.hidden_size, config.stride
    for layer in base.encoder.layer:
        layer.__class__ = WaldorfLayer
        layer.shorten = nn.Conv1d(width, width, stride, stride)
        layer.restore = nn.ConvTranspose1d(width, width, stride, stride)
        layer.closing = nn.LayerNorm(width, eps=config.layer_norm_eps)


def register() -> None:
    """Makes transformers' Auto classes, and the family table, know convolutional students."""
    FAMILIES.setdefault(
        WaldorfConfig.model_type,
        FAMILIES["electra"]._replace(
            head=None, value=None, into_heads=(), caveat="a layer mixes neighbouring tokens by convolutions: its heads and neurons are of several tokens"
        ),
    )  # fmt: skip
    AutoConfig.register(WaldorfConfig.model_type, WaldorfConfig, exist_ok=True)
    for auto, model in (
        (AutoModel, WaldorfModel),
        (AutoModelForMaskedLM, WaldorfForMaskedLM),
        (AutoModelForSequenceClassification, WaldorfForSequenceClassification),
        (AutoModelForTokenClassification, WaldorfForTokenClassification),
    ):
        auto.register(WaldorfConfig, model, exist_ok=True)


def convolutional_student(
    teacher: Encoder, *, layers: int = 8, width: int | None = None, embedding: int = 128, stride: int = 2, seed: int = 0
) -> Encoder:
    """An untrained student with the teacher's tokenizer, and a language-model head where the teacher has one.

    `layers` at most the teacher's; `width` half of the teacher's unless given; `embedding` the code of the autoencoder, at most the width;
    feed-forward networks four times as wide as the width. Raises BadRequest for sizes that are none.
    """
    wide = max(1, teacher.width // 2) if width is None else width
    if min(wide, layers, embedding, stride) < 1 or wide > teacher.width:
        raise BadRequest(
            f"a student of {layers} layers, width {wide}, embeddings of {embedding} and a stride of {stride}.",
            f"Give at least 1 of each, and at most a width of {teacher.width}.",
        )
    register()
    config = WaldorfConfig(
        vocab_size=int(teacher.config.vocab_size), hidden_size=wide, num_hidden_layers=min(layers, teacher.n_layers),
        num_attention_heads=gcd(wide, teacher.n_heads), intermediate_size=4 * wide, embedding_size=min(embedding, wide), stride=stride,
        max_position_embeddings=min(teacher.max_length, 512), pad_token_id=teacher.config.pad_token_id, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, type_vocab_size=max(2, int(getattr(teacher.config, "type_vocab_size", 2) or 2)),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = (WaldorfForMaskedLM if "mlm" in teacher.has else WaldorfModel)(config)
    _encode_embeddings(model, teacher)
    model = model.to(teacher.device)
    return wrap(model, teacher.tokenizer, name=f"convolutional student of {teacher.name}", has_mlm="mlm" in teacher.has)


@torch.no_grad()
def _encode_embeddings(model: Any, teacher: Encoder) -> None:
    """The teacher's word embeddings in their first principal directions: what the encoder of the best linear autoencoder says."""
    words = teacher.base.get_input_embeddings().weight.detach().double()  # type: ignore[operator]
    own = model.base_model.embeddings.word_embeddings.weight
    directions = torch.linalg.eigh(words.T @ words).eigenvectors.flip(-1)[:, : own.shape[1]]
    own[:, : directions.shape[1]].copy_((words @ directions).to(own.dtype))
    if "generator_lm_head.weight" in model.state_dict():
        model.tie_weights()


class Convolved(NamedTuple):
    """The student as an encoder with its task head, and dev scores of the whole and the student."""

    encoder: Encoder
    whole: float
    dev: float


@dataclass(frozen=True)
class Waldorf:
    """A convolutional student of a tuned model, for its task: `epochs` over texts copying hidden states of mapped layers, then `tuning` with hidden
    states (x `maps`), the teacher's soft targets, and `hard` x the labels."""

    cites: ClassVar = ("tian-2019",)
    layers: int = 8
    width: int | None = None
    embedding: int = 128
    stride: int = 2
    epochs: float = 3.0
    rate: float = 1e-3
    tuning: FineTuning = FineTuning(epochs=5, rate=5e-4)  # noqa: RUF009 (frozen)
    maps: float = 1.0
    hard: float = 0.5
    seed: int = 0

    def __call__(
        self, whole: Encoder, task: Task, *, text: Corpus | None = None, progress: Progress = lambda what, done, total: None
    ) -> Convolved:  # fmt: skip
        """The student of a tuned model, wrapped as an encoder; `text` is unlabelled text for the first stage, the task's own by default."""
        student = convolutional_student(
            whole, layers=self.layers, width=self.width, embedding=self.embedding, stride=self.stride, seed=self.seed
        )
        copied = Hidden(embeddings=False)
        if self.epochs > 0:
            student = distil_on_text(
                student, whole, text or texts_of(task), (copied,), epochs=self.epochs, rate=self.rate, seed=self.seed,
                progress=progress,
            )  # fmt: skip
        teacher = Teacher(whole.model, whole, whole.fingerprint)
        terms = (SoftTargets(weight=1 - self.hard), Hidden(weight=self.maps, embeddings=False))
        recipe = with_techniques(self.tuning.name, Distil(teacher, terms, self.hard), of=self.tuning)
        encoder = tuned(student, task, recipe, seed=self.seed, progress=progress)
        return Convolved(encoder, dev_score(whole, task), dev_score(encoder, task))
