"""Hidden dimensions taken out for good: from embeddings, norms and every matrix that reads or writes the residual stream.

Which: those whose gates on the residual stream the loss feels least (first-order Taylor: Molchanov et al. 2019; hidden sizes of BERT: CoFi, Xia
et al. 2022, learns such gates). A rotation to the principal components, as SliceGPT (Ashkboos et al. 2024) takes for norms without a
mean, would not commute with the LayerNorm that nearly every family here has. Heads keep their widths and go by encoder/cut.py.

A norm over fewer dimensions has another mean and variance: the narrow model computes what the whole does with the dimensions masked *and* its
norms taken over the rest. So it needs tuning afterwards, and dimensions go in rounds.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from torch import Tensor

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching.distil import Distil, SoftTargets, Teacher
from bertology.corpus.sentence import Corpus
from bertology.encoder.cut import head_width, recast, shape_of
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import kind
from bertology.encoder.load import wrap
from bertology.encoder.narrow import narrow, widths
from bertology.encoder.sites import Site
from bertology.encoder.watch import Watcher
from bertology.intervene.importance import Loss, MaskedLoss, SentenceDirection
from bertology.intervene.inputs import MaskWords
from bertology.record.errors import BadCorpus, BadRequest, NotApplicable
from bertology.train.classifier import Labelled, batches, encoded, loss_of
from bertology.train.finetune import FineTuning
from bertology.train.task import Task
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]


def narrowed(encoder: Encoder, keep: Sequence[int]) -> Encoder:
    """A copy with these hidden dimensions (from 0, of the given encoder) only; their order stays.

    A pooler, a task head and the language-model head lose the same dimensions of their own outputs, as their sizes follow the width. Raises BadRequest
    for dimensions that are not there or none, NotApplicable for a family whose width cannot change alone
    (ConvBERT's convolutions, MobileBERT's language-model head, Longformer).
    """
    kept = sorted(set(keep))
    if not kept or kept[0] < 0 or kept[-1] >= encoder.width:
        raise BadRequest(
            f"{len(kept)} of the {encoder.width} hidden dimensions of {encoder.name} were named to stay.",
            f"Name at least one, from 0 to {encoder.width - 1}.",
        )
    model: Any = copy.deepcopy(encoder.model)
    if len(kept) == encoder.width:
        return wrap(model, encoder.tokenizer, name=encoder.name, has_mlm=encoder.has_mlm)
    fields, axes = widths(type(model), encoder.config, encoder.family)
    record = shape_of(encoder)
    before = record.get("width")
    whole = before["of"] if before else {name: int(getattr(encoder.config, name)) for name in fields}
    numbers = before["kept"] if before else list(range(encoder.width))
    narrow(model, axes, kept)
    record = {**record, "width": {"of": whole, "kept": [numbers[i] for i in kept]}}
    head = {} if encoder.family.head is None else {"head_dim": head_width(encoder.config)}
    try:
        model = recast(model, record, None, **head, **dict.fromkeys(fields, len(kept)))
        getattr(model.config, "validate", lambda: None)()  # some families refuse sizes only when they are saved
        return wrap(model, encoder.tokenizer, name=encoder.name, has_mlm=encoder.has_mlm)
    except (ValueError, RuntimeError, AssertionError, StrictDataclassError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise NotApplicable(f"{kind(encoder.config)} does not run with {len(kept)} dimensions: {reason}") from error


def width_importance(
    encoder: Encoder, over: Task | Corpus, *, examples: int = 256, rate: float = 0.15, seed: int = 0
) -> NDArray[np.float64]:
    """Of each hidden dimension, (width,): the mean over examples of |∂ loss / ∂ gate|, summed over embeddings and layers.

    A gate multiplies a dimension of the hidden states of one layer, of all tokens. The loss is a task's (the encoder is tuned for it),
    or on a corpus that of masked words; without a language-model head, the movement of the sentence vector (intervene/importance.py).
    """
    found = _over_task(encoder, over, examples, seed) if isinstance(over, Task) else None
    return _over_text(encoder, over, examples, rate, seed) if found is None else found  # type: ignore[arg-type]


def _over_text(encoder: Encoder, text: Corpus, examples: int, rate: float, seed: int) -> NDArray[np.float64]:
    predicts = encoder.has_mlm and "mask" in encoder.has
    loss: Loss = MaskedLoss() if predicts else SentenceDirection(seed)
    total, seen_examples = np.zeros(encoder.width), 0
    order = np.random.default_rng([seed, 5]).permutation(len(text))[:examples]
    some = Corpus(text.name, tuple(text[int(i)] for i in sorted(order)))
    for batch in encoder.batches(some, token_budget=2048, attention=False):
        given = MaskWords(rate, seed).change(batch, encoder) if predicts else batch
        seen = encoder.observe(given, frozenset((Site("hidden"),)), gradients=True)
        states = [seen.hidden(layer) for layer in range(encoder.n_layers + 1)]
        total += _felt(loss(given, seen, encoder).sum(), states)
        seen_examples += len(batch.lines)
    if not seen_examples:
        raise BadCorpus(f"{text.name} has no sentence.", "Give a corpus with text.")
    return total / seen_examples


def _over_task(encoder: Encoder, task: Task, examples: int, seed: int) -> NDArray[np.float64]:
    some = task.limited(examples, seed)
    lines, pad = encoded(encoder, task, some.train), encoder.tokenizer.pad_token_id or 0
    model: Any = encoder.model
    total = np.zeros(encoder.width)
    read = frozenset(("hidden", layer) for layer in range(encoder.n_layers + 1))
    for batch in batches(lines, task, 32, pad, encoder.device):
        watcher = Watcher(encoder.base, encoder.family, encoder.n_heads, encoder.n_layers, read, {}, keep_graph=True)
        with torch.enable_grad(), watcher.watching() as seen:
            loss = _summed(model, batch, task)
        total += _felt(loss, [seen.hidden(layer) for layer in range(encoder.n_layers + 1)])
    return total / len(lines)


def _summed(model: Any, batch: Labelled, task: Task) -> Tensor:
    """The sum of the examples' losses: each example's gradient is its own."""
    logits = model(**batch.inputs).logits
    return torch.stack([loss_of(logits[i : i + 1], batch.labels[i : i + 1], task) for i in range(len(batch))]).sum()


def _felt(loss: Tensor, states: Sequence[Tensor]) -> NDArray[np.float64]:
    """Sum over examples and layers of |Σ over tokens of state x slope|, which is |∂ loss / ∂ gate|; (width,)."""
    slopes = torch.autograd.grad(loss, list(states), allow_unused=True)
    total = torch.zeros(states[0].shape[-1], dtype=torch.float64, device=states[0].device)
    for state, slope in zip(states, slopes, strict=True):
        if slope is not None:
            total += (state.detach() * slope).double().sum(1).abs().sum(0)
    return total.cpu().numpy()


class WidthRound(NamedTuple):
    """After a round: hidden dimensions, dev score right after the cut and after recovery."""

    width: int
    cut: float
    recovered: float


class Narrowed(NamedTuple):
    """The narrower model as an encoder with its task head, its rounds, and the dev score of the whole."""

    encoder: Encoder
    rounds: list[WidthRound]
    whole: float


@dataclass(frozen=True)
class WidthPruning:
    """Narrows a tuned model to `keep` of its hidden dimensions in geometric rounds, each followed by `recovery`.

    `by` "taylor" is `width_importance` over the task, "random" the baseline. `taught` adds the whole model's predictions to the labels of the recovery.
    Widths are multiples of `multiple`, which matrix products are faster at.
    """

    cites: ClassVar = ("molchanov-2019", "xia-2022")
    keep: float = 0.5
    by: Literal["taylor", "random"] = "taylor"
    rounds: int = 2
    recovery: FineTuning = FineTuning(epochs=2, rate=2e-4)  # noqa: RUF009 (frozen)
    taught: bool = True
    examples: int = 256
    multiple: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.keep < 1 or self.rounds < 1 or self.by not in ("taylor", "random"):
            found = f"{self.keep:g} of the hidden dimensions by {self.by!r} in {self.rounds} rounds."
            raise BadRequest(found, "Keep a share in (0, 1), by taylor or random, in at least 1 round.")

    def __call__(self, whole: Encoder, task: Task, progress: Progress = lambda what, done, total: None) -> Narrowed:
        """Narrows a model that is tuned for the task and wrapped as an encoder."""
        teacher = Teacher(whole.model, whole, whole.fingerprint)
        now, rounds, what = whole, [], f"narrowing {kind(whole.config)} to {self.keep:g}"
        for k in range(1, self.rounds + 1):
            progress(what, k - 1, self.rounds)
            width = _multiple(whole.width * self.keep ** (k / self.rounds), self.multiple, now.width)
            importance = (
                width_importance(now, task, examples=self.examples, seed=self.seed)
                if self.by == "taylor"
                else np.random.default_rng([self.seed, k]).random(now.width)
            )
            less = narrowed(now, most_important(importance, width))
            before = dev_score(less, task)
            recipe = self.recovery
            if self.taught:
                recipe = replace(recipe, techniques=(*recipe.techniques, Distil(teacher, (SoftTargets(),))))
            now = tuned(less, task, recipe, seed=self.seed + k, name=whole.name)
            rounds.append(WidthRound(now.width, before, dev_score(now, task)))
        progress(what, self.rounds, self.rounds)
        return Narrowed(now, rounds, dev_score(whole, task))


def most_important(importance: NDArray[np.float64], width: int) -> list[int]:
    """The `width` dimensions of the highest importance, in their order; ties go to the first."""
    if not 1 <= width <= len(importance):
        raise BadRequest(f"{width} of {len(importance)} hidden dimensions.", f"Give 1 to {len(importance)}.")
    return sorted(int(i) for i in np.argsort(-importance, kind="stable")[:width])


def _multiple(width: float, of: int, most: int) -> int:
    """The width as the nearest multiple, at least one of them, below `most`'s size."""
    return min(most, max(min(of, most), round(width / of) * of))
