"""Pivot-based masked language modelling (PERL, Ben-David et al. 2020): before fine-tuning on one domain for another, go on with
masking only words that are frequent in both domains and tell the label in the first."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from bertology.encoder.encoder import Encoder
from bertology.encoder.head import mlm_logits
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadCorpus, BadRequest, NotFinite
from bertology.train.classifier import layer_of
from bertology.train.draft import IGNORED
from bertology.train.optimizer import AdamW, Schedule, set_rate
from bertology.train.task import Example


@dataclass(frozen=True)
class PivotMLM:
    """`pivots` words, each in at least `least` texts of either domain, masked with probability `rate` at each place where they stand.

    Only the upper `layers` and the head of the language model are trained. PERL also masks a few other words, to be told from
    pivots, and has pivots of two words; neither is done here.
    """

    cites: tuple[str, ...] = ("ben-david-2020",)
    pivots: int = 100
    least: int = 20
    rate: float = 0.5
    layers: int | None = 2
    epochs: float = 3
    batch: int = 32
    learning_rate: float = 5e-5
    length: int = 128

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1 or min(self.pivots, self.least, self.batch) < 1 or self.epochs <= 0:
            raise BadRequest(
                f"{self.pivots} pivots in {self.least} texts, masked at a rate of {self.rate:g} for {self.epochs:g} epochs.",
                "All must be above 0, and the rate at most 1.",
            )


def pivots(
    source: Sequence[str], target: Sequence[str], labelled: Sequence[Example], *, n: int = 100, least: int = 20
) -> tuple[str, ...]:
    """The `n` lower-cased words with the most mutual information with the label of the source domain, best first, among those in at least
    `least` texts of each domain. Raises BadCorpus when there is none.
    """
    in_source, in_target = (Counter(w for text in part for w in set(_words(text))) for part in (source, target))
    shared = [w for w, count in in_source.items() if min(count, in_target[w]) >= least]
    labels = [str(e.label) for e in labelled]
    texts = [set(_words(" ".join(e.texts))) for e in labelled]
    with_word: dict[str, Counter[str]] = {w: Counter() for w in shared}
    for words, label in zip(texts, labels, strict=True):
        for word in words & with_word.keys():
            with_word[word][label] += 1
    told = {w: information(with_word[w], Counter(labels)) for w in shared}
    best = sorted((w for w in shared if told[w] > 0), key=lambda w: (-told[w], w))[:n]
    if not best:
        raise BadCorpus(
            f"of {len(shared)} words in at least {least} texts of both domains, none tells the label.",
            "Give more texts, or ask for fewer texts a word.",
        )
    return tuple(best)


def information(present: Counter[str], labels: Counter[str]) -> float:
    """Mutual information, in bits, of a word's presence and the label: `present` counts the labels of the texts with the word."""
    n, k = labels.total(), present.total()
    total = 0.0
    for label, count in labels.items():
        for joint, margin in ((present[label], k), (count - present[label], n - k)):
            if joint:
                total += joint / n * math.log2(joint * n / (margin * count))
    return max(total, 0.0)


def adapted(
    encoder: Encoder,
    source: Sequence[str],
    target: Sequence[str],
    labelled: Sequence[Example],
    recipe: PivotMLM | None = None,
    *,
    words: Sequence[str] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Encoder:
    """The encoder after pivot MLM on unlabelled texts of both domains; fine-tune it on the source's labels next.

    `words` replaces the choice of pivots (random words are the control). The given encoder does not change. Raises BadRequest when it has no MLM
    head or mask token, BadCorpus when no pivot is found or none stands in the texts.
    """
    recipe = recipe or PivotMLM()
    if not encoder.has_mlm or encoder.tokenizer.mask_token_id is None:
        raise BadRequest(f"{encoder.name} has no masked-language-model head.", "Load a checkpoint that has one.")
    if recipe.layers is not None and len(set(layer_modules(encoder.base, encoder.family))) < encoder.n_layers:
        raise BadRequest(
            f"{encoder.name} shares weights between layers, so the upper {recipe.layers} cannot move alone.",
            "Use PivotMLM(layers=None).",
        )
    chosen = pivots(source, target, labelled, n=recipe.pivots, least=recipe.least) if words is None else words
    lines = _marked(encoder, [*source, *target], frozenset(w.lower() for w in chosen), recipe.length)
    if not lines:
        raise BadCorpus(f"none of {len(chosen)} pivots stands in the texts.", "Give texts of both domains.")
    model: Any = deepcopy(encoder.model)
    lowest = 0 if recipe.layers is None else encoder.n_layers + 1 - recipe.layers
    for name, p in model.named_parameters():
        p.requires_grad_(layer_of(name, encoder) >= lowest)
    optimizer = AdamW(recipe.learning_rate).build((n, p) for n, p in model.named_parameters() if p.requires_grad)
    schedule = Schedule(0.1)
    total = max(1, round(recipe.epochs * math.ceil(len(lines) / recipe.batch)))
    with torch.random.fork_rng(devices=[encoder.device] if encoder.device.type == "cuda" else []):
        torch.manual_seed(seed)
        model.train()
        for step, batch in enumerate(_batches(lines, encoder, recipe, total, seed)):
            set_rate(optimizer, schedule.factor(step / total))
            labels = batch.pop("labels")
            states = model.base_model(**batch)[0]
            where = labels != IGNORED
            loss = cross_entropy(mlm_logits(model, states[where]).float(), labels[where])
            if not math.isfinite(float(loss.detach())):
                raise NotFinite(
                    f"pivot MLM: the loss of step {step} is {float(loss.detach())}.", "Lower the learning rate."
                )
            loss.backward()
            torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
            for part in optimizer:
                part.step()
                part.zero_grad(set_to_none=True)
            progress(step + 1, total)
    model.requires_grad_(True)
    name = f"{encoder.name} after pivot MLM"
    return Encoder(model.eval(), encoder.tokenizer, encoder.family, name, has_mlm=True)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _marked(
    encoder: Encoder, texts: Sequence[str], chosen: frozenset[str], length: int
) -> list[tuple[list[int], list[list[int]]]]:
    """Ids of each text with a pivot, and for each pivot in it the places of its subwords."""
    found = []
    limit = min(length, encoder.max_length)
    try:
        for start in range(0, len(texts), 1000):
            part = list(texts[start : start + 1000])
            made = encoder.tokenizer(part, truncation=True, max_length=limit, return_offsets_mapping=True)
            for text, ids, offsets in zip(part, made["input_ids"], made["offset_mapping"], strict=True):
                stretches = [m.span() for m in re.finditer(r"\w+", text) if m.group().lower() in chosen]
                places = [
                    [k for k, (a, b) in enumerate(offsets) if b > a and first <= b - 1 < end]
                    for first, end in stretches
                ]
                if any(places):
                    found.append((ids, [p for p in places if p]))
    finally:
        encoder.tokenizer.backend_tokenizer.no_truncation()
    return found


def _batches(
    lines: list[tuple[list[int], list[list[int]]]], encoder: Encoder, recipe: PivotMLM, total: int, seed: int
) -> Iterator[dict[str, torch.Tensor]]:
    """`total` batches, masked anew each time; every text has one masked pivot at least."""
    rng = np.random.default_rng([seed, 7])
    pad, mask = encoder.tokenizer.pad_token_id or 0, encoder.tokenizer.mask_token_id
    order: list[int] = []
    for _ in range(total):
        if not order:
            order = rng.permutation(len(lines)).tolist()
        taken, order = order[: recipe.batch], order[recipe.batch :]
        width = max(len(lines[i][0]) for i in taken)
        ids = np.full((len(taken), width), pad)
        real, labels = np.zeros_like(ids), np.full_like(ids, IGNORED)
        for row, i in enumerate(taken):
            text, places = lines[i]
            ids[row, : len(text)], real[row, : len(text)] = text, 1
            hidden = rng.random(len(places)) < recipe.rate
            hidden[rng.integers(len(places))] |= not hidden.any()
            at = [k for p, h in zip(places, hidden, strict=True) if h for k in p]
            labels[row, at] = ids[row, at]
            ids[row, at] = mask
        given = {"input_ids": ids, "attention_mask": real, "labels": labels}
        yield {name: torch.from_numpy(array).to(encoder.device) for name, array in given.items()}


__all__ = ["PivotMLM", "adapted", "information", "pivots"]
