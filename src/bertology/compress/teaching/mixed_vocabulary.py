"""A student with a small vocabulary of its own, by a teacher that learns to read both (Zhao et al. 2019: BERT-48, BERT-192).

Stage 1: the teacher goes on with masked language modelling on texts whose words are, each with probability `chance`, in the student's subwords. These
have thin embeddings that an affine map lifts to the teacher's width; a masked subword is predicted over its own vocabulary, by the same embeddings. So both
vocabularies meet in one space. Stage 2: the student starts from the thin embeddings and learns by masked language modelling.

What differs from the paper: the thin embeddings start from the teacher's (`start` "random" is the paper's); masked subwords always become the mask;
after stage 1 the teacher can read the student's subwords alone, so the student also copies it (`terms`; with none, masked
language modelling alone), where the paper's first version tied both models' weights by shared projections; there is no next-sentence task.
"""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from bertology.compress.teaching.distil import SoftTargets, Term
from bertology.compress.teaching.on_text import distil_on_text
from bertology.compress.teaching.student import student
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Line, encode
from bertology.encoder.encoder import Encoder
from bertology.encoder.head import mlm_logits
from bertology.encoder.load import wrap
from bertology.record.errors import BadCorpus, BadRequest, NotApplicable, NotFinite
from bertology.train.optimizer import AdamW, Schedule, set_rate
from bertology.train.tokenizer import train_tokenizer

Progress = Callable[[str, int, int], None]
ROLES = ("pad", "unk", "cls", "sep", "mask")


class Mixed(NamedTuple):
    """The student; the teacher as it reads the student's vocabulary; the mean loss of stage 1 in its first and its last tenth, in nats."""

    encoder: Encoder
    teacher: Encoder
    before: float
    after: float


@dataclass(frozen=True)
class MixedVocabulary:
    """`vocabulary` subwords for a student of `layers`, `width`, `heads`, `neurons` (compress/teaching/student.py: what is not given is the teacher's).

    `first` and `second` are epochs of the stages over the text, with their peak rates; the rest as in compress/teaching/on_text.py.
    """

    cites: ClassVar = ("zhao-2019",)
    vocabulary: int = 4928
    layers: int | None = None
    width: int | None = None
    heads: int | None = None
    neurons: int | None = None
    chance: float = 0.5
    start: Literal["teacher", "random"] = "teacher"
    masking: float = 0.15
    first: float = 1.0
    second: float = 1.0
    first_rate: float = 1e-4
    second_rate: float = 5e-4
    tokens: int = 4096
    terms: tuple[Term, ...] = (SoftTargets(),)
    hard: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.chance <= 1 or self.start not in ("teacher", "random"):
            found = f"words in the student's vocabulary with probability {self.chance:g}, from {self.start!r}."
            raise BadRequest(found, "Give a chance in (0, 1], and start from teacher or random.")
        if min(self.first, self.second) <= 0 or not 0 < self.masking < 1:
            found = f"{self.first:g} and {self.second:g} epochs at a masking of {self.masking:g}."
            raise BadRequest(found, "Give more than 0 epochs, and a masking in (0, 1).")

    def __call__(
        self, teacher: Encoder, text: Corpus, *, tokenizer: Any = None,
        progress: Progress = lambda what, done, total: None,
    ) -> Mixed:  # fmt: skip
        """The student of a teacher with a language-model head. `tokenizer`, where given, is the student's instead of one trained on the text."""
        if not {"mlm", "mask", "cls", "sep"} <= teacher.has:
            raise NotApplicable(
                f"{teacher.name} has no masked-language-model head, so it cannot learn another vocabulary"
            )
        if type(teacher.base.get_input_embeddings()) is not nn.Embedding:  # type: ignore[operator]
            raise NotApplicable(f"the embeddings of {teacher.name} are factored; start from the whole encoder")
        own = tokenizer if tokenizer is not None else vocabulary_of(teacher, text, self.vocabulary)
        if lacking := [r for r in ROLES if getattr(own, f"{r}_token_id") is None]:
            raise BadRequest(f"the student's tokenizer has no {' and no '.join(lacking)} token.", "Give one that has.")
        small = student(
            _reading(teacher, own), layers=self.layers, width=self.width, heads=self.heads, neurons=self.neurons, seed=self.seed
        )  # fmt: skip
        both, before, after = self._first_stage(teacher, own, small, text, progress)
        reads = both.alone(teacher, own)
        table: Any = small.base.get_input_embeddings()  # type: ignore[operator]
        with torch.no_grad():
            table.weight.copy_(both.table.weight)
            head: Any = small.model.get_output_embeddings()  # type: ignore[operator]
            if both.bias is not None:
                head.bias.copy_(both.bias)
        taught = distil_on_text(
            small, reads, text, self.terms, hard=self.hard, masking=self.masking, epochs=self.second,
            tokens=self.tokens, rate=self.second_rate, seed=self.seed, progress=progress,
        )  # fmt: skip
        return Mixed(taught, reads, before, after)

    def _first_stage(
        self, teacher: Encoder, own: Any, small: Encoder, text: Corpus, progress: Progress
    ) -> tuple["_Both", float, float]:
        pairs = _pairs(teacher, own, text)
        roles = {getattr(teacher.tokenizer, f"{r}_token_id"): getattr(own, f"{r}_token_id") for r in ROLES}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            thin = int(small.base.get_input_embeddings().embedding_dim)  # type: ignore[operator]
            both = _Both(teacher, own, thin, self.start).to(teacher.device)
            batches = _numbers(pairs, self.tokens)
            total = max(1, round(self.first * len(batches)))
            optimizers = AdamW(self.first_rate).build(both.named_parameters())
            schedule, losses = Schedule(0.05), []
            both.train()
            for step in range(total):
                epoch, k = divmod(step, len(batches))
                dice = np.random.default_rng([self.seed, 8, epoch])
                chosen = batches[int(dice.permutation(len(batches))[k])]
                dice = np.random.default_rng([self.seed, 9, epoch, k])
                lines = [mixture(*pairs[i], self.chance, roles, teacher.max_length, dice) for i in chosen]
                set_rate(optimizers, schedule.factor(step / total))
                loss = both.loss(*_collated(lines, teacher, own, self.masking, dice))
                if not math.isfinite(float(loss.detach())):
                    raise NotFinite(f"mixed vocabularies: the loss of step {step} is not finite.", "Lower first_rate.")
                loss.backward()
                nn.utils.clip_grad_norm_(both.parameters(), 1.0)
                for optimizer in optimizers:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
                losses.append(float(loss.detach()))
                progress("mixing vocabularies", step + 1, total)
        both.eval()
        tenth = max(1, total // 10)
        return both, float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))


def vocabulary_of(teacher: Encoder, text: Corpus, size: int) -> Any:
    """A WordPiece tokenizer of `size` trained on the text, in lower case and with segment ids where the teacher's has them."""
    same = teacher.tokenizer.tokenize("THE CAT") == teacher.tokenizer.tokenize("the cat")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text("\n".join(" ".join(s.text.split()) for s in text), encoding="utf-8")
        return train_tokenizer([file], size=size, lowercase=same, segments="token_type_ids" in teacher.tokenizer.model_input_names)  # fmt: skip


class Mixture(NamedTuple):
    """One line in both vocabularies: ids, which are the student's, segments, and which are special tokens; each (token,)."""

    ids: NDArray[np.int64]
    own: NDArray[np.bool_]
    types: NDArray[np.int64]
    special: NDArray[np.bool_]


def mixture(
    teacher: Line, own: Line, chance: float, roles: dict[int, int], most: int, dice: np.random.Generator
) -> Mixture:
    """A line whose words are each, with probability `chance`, in the student's subwords; so are special tokens, by their role.

    Words that share a subword in either vocabulary go together. A mixture of more than `most` subwords is the teacher's line.
    """
    ids, flags, types, special = [], [], [], []
    spans = [(min(a), a, b) for a, b in _groups(teacher, own)]
    spans += [(int(i), (int(i),), None) for i in np.flatnonzero(teacher.special)]
    for at, positions, others in sorted(spans, key=lambda span: span[0]):
        drawn = bool(dice.random() < chance)
        if others is None:
            drawn = drawn and int(teacher.ids[at]) in roles
            made = [roles[int(teacher.ids[at])]] if drawn else [int(teacher.ids[at])]
        else:
            made = [int(own.ids[i]) for i in others] if drawn else [int(teacher.ids[i]) for i in positions]
        ids += made
        flags += [drawn] * len(made)
        types += [int(teacher.types[at])] * len(made)
        special += [others is None] * len(made)
    if len(ids) > most:
        none = np.zeros(len(teacher.ids), dtype=bool)
        return Mixture(teacher.ids, none, teacher.types, teacher.special)
    return Mixture(np.array(ids), np.array(flags), np.array(types), np.array(special))


def _groups(teacher: Line, own: Line) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Subword positions of words, in both vocabularies; words that share a subword in one of them are one group."""
    groups: list[tuple[set[int], set[int]]] = []
    for a, b in zip(teacher.pieces, own.pieces, strict=True):
        if groups and (groups[-1][0] & set(a) or groups[-1][1] & set(b)):
            groups[-1][0].update(a)
            groups[-1][1].update(b)
        else:
            groups.append((set(a), set(b)))
    return [(tuple(sorted(a)), tuple(sorted(b))) for a, b in groups]


def _pairs(teacher: Encoder, own: Any, text: Corpus) -> list[tuple[Line, Line]]:
    """The lines that both vocabularies can read."""
    mine = {line.index: line for line in encode(text, own, teacher.max_length).lines}
    found = [(line, mine[line.index]) for line in teacher.encode(text).lines if line.index in mine]
    if not found:
        raise BadCorpus(f"no sentence of {text.name} is short enough in both vocabularies.", "Give shorter sentences.")
    return found


def _numbers(pairs: Sequence[tuple[Line, Line]], tokens: int) -> list[list[int]]:
    """Lines in batches of up to `tokens` padded subwords, whichever vocabulary they will be in."""
    longest = [max(len(a.ids), len(b.ids)) for a, b in pairs]
    batches: list[list[int]] = []
    for i in sorted(range(len(pairs)), key=lambda i: (-longest[i], i)):
        if not batches or longest[batches[-1][0]] * (len(batches[-1]) + 1) > tokens:
            batches.append([])
        batches[-1].append(i)
    return batches


def _collated(
    lines: Sequence[Mixture], teacher: Encoder, own: Any, masking: float, dice: np.random.Generator
) -> tuple[Tensor, ...]:
    """Padded (ids, own, types, mask, true): `true` are the ids at masked places, -100 elsewhere. A line has at least one."""
    width = max(len(line.ids) for line in lines)
    shape = (len(lines), width)
    ids = np.full(shape, teacher.tokenizer.pad_token_id or 0, dtype=np.int64)
    flags, types = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int64)
    mask, true = np.zeros(shape, dtype=np.int64), np.full(shape, -100, dtype=np.int64)
    for row, line in enumerate(lines):
        n = len(line.ids)
        ids[row, :n], flags[row, :n], types[row, :n], mask[row, :n] = line.ids, line.own, line.types, 1
        drawn = np.where(line.special, 2.0, dice.random(n))
        hidden = np.flatnonzero((drawn < masking) | ((drawn == drawn.min()) & ~line.special))
        true[row, hidden] = line.ids[hidden]
        ids[row, hidden] = np.where(line.own[hidden], own.mask_token_id, teacher.tokenizer.mask_token_id)
    return tuple(torch.from_numpy(x).to(teacher.device) for x in (ids, flags, types, mask, true))


class _Both(nn.Module):
    """The teacher with the student's embeddings beside its own: `table` is thin, `lift` an affine map to the teacher's width."""

    def __init__(self, teacher: Encoder, own: Any, thin: int, start: str) -> None:
        super().__init__()
        self.model: Any = deepcopy(teacher.model)
        self.segments = "segments" in teacher.has
        wide = int(self.model.get_input_embeddings().embedding_dim)
        if thin > wide:
            raise BadRequest(f"thin embeddings of {thin} for a teacher of {wide}.", "Give a student that is narrower.")
        head = self.model.get_output_embeddings()
        self.table, self.lift = nn.Embedding(len(own), thin), nn.Linear(thin, wide)
        self.bias = None if getattr(head, "bias", None) is None else nn.Parameter(torch.zeros(len(own)))
        with torch.no_grad():
            if start == "random":
                self.table.weight.normal_(0, 0.02)
                self.lift.bias.zero_()
            else:
                rows = _from_teacher(teacher, own)
                mean = rows.mean(0)
                _, _, axes = torch.linalg.svd((rows - mean).double(), full_matrices=False)
                axes = axes[:thin].float()
                self.lift.weight.zero_()
                self.lift.weight[:, : len(axes)] = axes.T
                self.lift.bias.copy_(mean)
                self.table.weight.normal_(0, 0.02)
                self.table.weight[:, : len(axes)] = (rows - mean) @ axes.T

    def loss(self, ids: Tensor, own: Tensor, types: Tensor, mask: Tensor, true: Tensor) -> Tensor:
        """Mean cross-entropy of the masked subwords, each over its own vocabulary."""
        zero = torch.zeros_like(ids)
        theirs = self.model.get_input_embeddings()(torch.where(own, zero, ids))
        mine = self.lift(self.table(torch.where(own, ids, zero)))
        given = {"inputs_embeds": torch.where(own[..., None], mine, theirs), "attention_mask": mask}
        if self.segments:
            given["token_type_ids"] = types
        states = self.model.base_model(**given)[0]
        where = true != -100
        read, targets, student = self._read(states[where]), true[where], own[where]
        total = read.new_zeros(())
        if (~student).any():
            logits = self.model.get_output_embeddings()(read[~student])
            total = total + cross_entropy(logits.float(), targets[~student], reduction="sum")
        if student.any():
            logits = linear(read[student], self.lift(self.table.weight), self.bias)
            total = total + cross_entropy(logits.float(), targets[student], reduction="sum")
        return total / len(targets)

    def _read(self, states: Tensor) -> Tensor:
        """What the language-model head's last map reads, (position, embedding width): the model runs the rest of its head."""
        last = self.model.get_output_embeddings()
        last.forward = lambda x: x
        try:
            return mlm_logits(self.model, states)
        finally:
            del last.forward

    def alone(self, teacher: Encoder, own: Any) -> Encoder:
        """The teacher as it reads and predicts the student's subwords only: a model of its class with the lifted embeddings."""
        reads = _reading(teacher, own)
        model: Any = reads.model
        with torch.no_grad():
            for name, p in _kept(self.model, model):
                model.get_parameter(name).copy_(p)
            table, head = model.get_input_embeddings(), model.get_output_embeddings()
            table.weight.copy_(self.lift(self.table.weight))
            if head.weight is not table.weight:
                head.weight.copy_(self.lift(self.table.weight))
            if self.bias is not None:
                head.bias.copy_(self.bias)
        return wrap(model, reads.tokenizer, name=reads.name, has_mlm=True)


def _kept(before: nn.Module, after: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters that do not depend on the vocabulary."""
    shapes = {name: p.shape for name, p in after.named_parameters()}
    return ((n, p.detach()) for n, p in before.named_parameters() if n in shapes and p.shape == shapes[n])


def _reading(teacher: Encoder, own: Any) -> Encoder:
    """A model of the teacher's class and config for another vocabulary; weights that depend on it are random."""
    config: Any = deepcopy(teacher.config)
    config.vocab_size = len(own)
    named = {"pad": own.pad_token_id, "cls": own.cls_token_id, "sep": own.sep_token_id, "mask": own.mask_token_id}
    named |= {"bos": own.cls_token_id, "eos": own.sep_token_id, "unk": own.unk_token_id}
    for role, number in named.items():
        if getattr(config, f"{role}_token_id", None) is not None:
            setattr(config, f"{role}_token_id", number)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = type(teacher.model)(config).to(teacher.device, teacher.dtype)
    return wrap(model, own, name=f"{teacher.name} in {len(own)} subwords", has_mlm=True)


def _from_teacher(teacher: Encoder, own: Any) -> Tensor:
    """For each of the student's subwords the teacher's embedding of the same, or the mean of those that spell it; (subword, width)."""
    table = teacher.base.get_input_embeddings().weight.detach().cpu().float()  # type: ignore[operator,union-attr]
    known, rows = teacher.tokenizer.get_vocab(), table.mean(0).repeat(len(own), 1)
    roles = {getattr(own, f"{r}_token_id"): getattr(teacher.tokenizer, f"{r}_token_id") for r in ROLES}
    for token, number in own.get_vocab().items():
        if roles.get(number) is not None:
            rows[number] = table[roles[number]]
        elif token in known:
            rows[number] = table[known[token]]
        else:
            text = token.removeprefix("##") if token.startswith("##") else own.convert_tokens_to_string([token]).strip()
            ids = teacher.tokenizer(text, add_special_tokens=False)["input_ids"] if text else []
            if ids:
                rows[number] = table[ids].mean(0)
    return rows
