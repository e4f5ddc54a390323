"""BiLSTM-soft: a bidirectional LSTM of one layer learns a tuned encoder's logits on text that is made up (Tang et al. 2019).

The student reads the teacher's subwords; its embeddings start from the teacher's, by principal components where it has fewer dimensions.
Of the paper's augmentation, words are masked and n-grams sampled; words are not replaced by others of their part of speech, which takes a
tagger. Two texts are read apart, by the same network, and compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import mse_loss, relu
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoModel, AutoModelForSequenceClassification, PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput

from bertology.compress.teaching.static import principal
from bertology.compress.teaching.without_attention import Read, Student, Table, fields_for, loss_of, make_known, sides
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import Family
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import Labelled, batches, encoded, made_for, scored
from bertology.train.finetune import FineTuning, Progress, finetune
from bertology.train.task import Example, Task
from bertology.train.techniques.technique import Technique, Tuning

ROW = Family(
    "layers.*",
    None,
    "units",
    None,
    caveat="no attention: a recurrent network; its neurons are its units, both directions",
)
"""The family table's row."""


class BiLSTMConfig(PreTrainedConfig):
    """`units` in each direction, so states are twice as wide; `pair` says that two texts are read apart, `separator` stands between them."""

    model_type = "bilstm"
    vocab_size: int = 30522
    embedding_size: int = 300
    units: int = 150
    hidden_size: int = 300
    head_size: int = 200
    num_hidden_layers: int = 1
    num_attention_heads: int = 0
    type_vocab_size: int = 1
    dropout: float = 0.1
    pad_token_id: int | None = 0
    separator: int = -1
    pair: bool = False


class BiLSTMLayer(nn.Module):
    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, units, batch_first=True, bidirectional=True)
        self.units = Read(2 * units)

    def forward(
        self, hidden_states: Float[Tensor, "batch token width"], attention_mask: Tensor
    ) -> Float[Tensor, "batch token units"]:
        length = attention_mask.sum(1).clamp(min=1).cpu()
        packed = pack_padded_sequence(hidden_states, length, batch_first=True, enforce_sorted=False)
        made, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=hidden_states.shape[1])
        return self.units(made)


class _Pretrained(Student):
    config_class = BiLSTMConfig
    config: BiLSTMConfig
    base_model_prefix = "bilstm"


class BiLSTMModel(Table, _Pretrained):
    """Embeddings and the layer; padding must be on the right. Segment ids are taken and not read."""

    def __init__(self, config: BiLSTMConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.embedding_size)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList([BiLSTMLayer(config.embedding_size, config.units)])
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        states = self.dropout(self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds)
        mask = (
            torch.ones(states.shape[:2], dtype=torch.long, device=states.device)
            if attention_mask is None
            else attention_mask
        )
        for layer in self.layers:
            states = layer(states, mask)
        return BaseModelOutput(last_hidden_state=states)  # type: ignore[arg-type]


class BiLSTMForSequenceClassification(_Pretrained):
    """A text is the forward direction's last state and the backward direction's first. A pair is [a; b; a b; |a - b|]."""

    def __init__(self, config: BiLSTMConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.bilstm = BiLSTMModel(config)
        self.dense = nn.Linear((4 if config.pair else 1) * 2 * config.units, config.head_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.head_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        if self.config.pair:
            a, b = (self._text(*side) for side in sides(input_ids, mask, self.config.separator))
            one = torch.cat([a, b, a * b, (a - b).abs()], dim=-1)
        else:
            one = self._text(input_ids, mask)
        logits = self.classifier(self.dropout(relu(self.dense(one))))
        loss = loss_of(logits, labels, self.config.num_labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]

    def _text(self, ids: Tensor, mask: Tensor) -> Float[Tensor, "batch width"]:
        states = self.bilstm(input_ids=ids, attention_mask=mask).last_hidden_state
        ahead, back = states.unflatten(-1, (2, -1)).unbind(2)
        last = mask.sum(1).clamp(min=1) - 1
        return torch.cat([ahead[torch.arange(len(ids), device=ids.device), last], back[:, 0]], dim=-1)


def register() -> None:
    """Makes transformers' Auto classes and `bertology.load` know BiLSTM students."""
    models = {AutoModel: BiLSTMModel, AutoModelForSequenceClassification: BiLSTMForSequenceClassification}
    make_known(ROW, BiLSTMConfig, models)


@dataclass(frozen=True)
class Augmentation:
    """Up to `copies` made-up texts of each (Tang et al. 2019, section 2.3): each word becomes the mask token with probability `masking`, then,
    with probability `sampling`, one n-gram of 1 to `longest` words is all that stays. Of two texts the first, the second, or both are
    changed in turn. Equal ones are left out."""

    copies: int = 20
    masking: float = 0.1
    sampling: float = 0.25
    longest: int = 5

    def __call__(self, examples: Sequence[Example], mask: str, seed: int = 0) -> tuple[Example, ...]:
        """The examples, then what is made of them; `mask` is "" where there is no such token, and then nothing is masked."""
        rng = np.random.default_rng([seed, 19])
        seen, found = {e.texts for e in examples}, list(examples)
        for example in examples:
            for k in range(self.copies):
                which = (0,) if len(example.texts) == 1 else ((0,), (1,), (0, 1))[k % 3]
                texts = tuple(self._changed(t, mask, rng) if i in which else t for i, t in enumerate(example.texts))
                if texts not in seen:
                    seen.add(texts)
                    found.append(Example(texts, example.label))
        return tuple(found)

    def _changed(self, text: str, mask: str, rng: np.random.Generator) -> str:
        words = [mask if mask and rng.random() < self.masking else w for w in text.split()]
        if words and rng.random() < self.sampling:
            n = int(rng.integers(1, self.longest + 1))
            start = int(rng.integers(0, max(1, len(words) - n + 1)))
            words = words[start : start + n]
        return " ".join(words)


@dataclass(frozen=True)
class Recorded(Technique):
    """The loss is the squared difference to logits that a teacher gave of each training example, in their order."""

    cites: ClassVar = ("tang-2019",)
    teacher: str = ""
    logits: Tensor = field(default_factory=lambda: torch.zeros(0, 1), compare=False, repr=False)

    def prepare(self, tuning: Tuning) -> None:
        if len(self.logits) != len(tuning.task.train):
            raise BadRequest(
                f"logits of {len(self.logits)} examples for {len(tuning.task.train)}.", "Record those of the same task."
            )

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        return mse_loss(logits.float(), self.logits[batch.index].to(logits.device))


class Distilled(NamedTuple):
    """The student as an encoder with its task head, dev and test scores as (teacher's, student's), and how many examples it learnt from."""

    encoder: Encoder
    dev: tuple[float, float]
    test: tuple[float, float]
    examples: int


@dataclass(frozen=True)
class BiLSTMSoft:
    """`embedding` None: the teacher's own width of embeddings. `units` a direction, `head` of the layer before the logits.

    The paper's sizes are the defaults; its embeddings are word2vec's 300, and it trains with AdaDelta on up to 20 copies of each text.
    """

    cites: ClassVar = ("tang-2019",)
    embedding: int | None = None
    units: int = 150
    head: int = 200
    augmentation: Augmentation = Augmentation()
    recipe: FineTuning = FineTuning(epochs=3, rate=1e-3, batch=50, keep="best")  # noqa: RUF009 (frozen)
    seed: int = 0

    def __call__(self, teacher: Encoder, task: Task, progress: Progress = lambda what, done, total: None) -> Distilled:
        """Give it a tuned teacher. Raises NotApplicable for tasks that label words, BadRequest for a teacher of another task."""
        if task.kind == "token":
            raise NotApplicable(f"{task.name} labels words; this student reads a text into one vector")
        if not made_for(teacher, task):
            raise BadRequest(f"{teacher.name} is not tuned for {task.name}.", "Fine-tune it first.")
        start = self.student(teacher, task)
        mask = teacher.tokenizer.mask_token or ""
        more = replace(task, train=self.augmentation(task.train, mask, self.seed))
        taught = Recorded(teacher.fingerprint, recorded(teacher, more, progress))
        recipe = replace(self.recipe, techniques=(*self.recipe.techniques, taught))
        tuned: Any = finetune(start, more, recipe, seeds=(self.seed,), progress=progress).best.model
        made = replace(start, model=tuned, _encoded={})
        both = [(scored(teacher, task, part).score(), scored(made, task, part).score()) for part in ("dev", "test")]
        return Distilled(made, both[0], both[1], len(more.train))

    def student(self, teacher: Encoder, task: Task) -> Encoder:
        """Untrained, over the teacher's vocabulary, with embeddings from the teacher's."""
        register()
        base: Any = teacher.base
        table = base.get_input_embeddings().weight.detach()
        width = table.shape[1] if self.embedding is None else self.embedding
        if not 1 <= width <= table.shape[1]:
            raise BadRequest(
                f"embeddings of {width} from a teacher's of {table.shape[1]}.", f"Give 1 to {table.shape[1]}."
            )
        config = BiLSTMConfig(
            vocab_size=len(table), embedding_size=width, units=self.units, hidden_size=2 * self.units, head_size=self.head,
            **fields_for(teacher, task),
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = BiLSTMForSequenceClassification(config)
        if width < table.shape[1]:
            table = torch.from_numpy(principal(table.float().cpu().numpy(), width)).to(table)
        with torch.no_grad():
            model.bilstm.embeddings.weight.copy_(table)
        name = f"BiLSTM of {teacher.name}"
        return wrap(model.to(teacher.device), teacher.tokenizer, name=name, has_mlm=False)  # type: ignore[arg-type]


def recorded(
    teacher: Encoder, task: Task, progress: Progress = lambda what, done, total: None
) -> Float[Tensor, "example label"]:
    """The teacher's logits of all training examples, in their order."""
    lines = encoded(teacher, task, task.train)
    model: Any = teacher.model
    found, done = torch.zeros(len(lines), int(teacher.config.num_labels)), 0
    model.eval()
    with torch.inference_mode():
        for batch in batches(lines, task, 64, teacher.tokenizer.pad_token_id or 0, teacher.device):
            found[batch.index] = model(**batch.inputs).logits.float().cpu()
            done += len(batch)
            progress("the teacher reads", done, len(lines))
    return found


__all__ = [
    "Augmentation",
    "BiLSTMForSequenceClassification",
    "BiLSTMSoft",
    "Distilled",
    "Recorded",
    "recorded",
    "register",
    "sides",
]
