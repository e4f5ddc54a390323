"""What fine-tuning changes in each layer: hidden vectors, attention maps, weights, and the attention to special tokens."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.observe import Asking, make
from bertology.observe.words import token_classes
from bertology.record.errors import NotApplicable
from bertology.record.result import Row
from bertology.train.artefacts import TunedModel
from bertology.train.classifier import layer_of
from bertology.train.task import Task

NAMES = ("tense", "number of the subject")
SENTENCES = 150


class Change(NamedTuple):
    """By layer, 1 to L at index 0: `hidden` 1 - linear CKA of hidden vectors, `attention` 1 - cosine of attention maps (mean of heads),
    `weights` relative distance of the layer's weights, `cls` and `sep` the change of the mean share of attention on them."""

    hidden: NDArray[np.float64]
    attention: NDArray[np.float64]
    weights: NDArray[np.float64]
    cls: NDArray[np.float64]
    sep: NDArray[np.float64]


class Changes(NamedTuple):
    """`real` of the encoder and `twin` of its random twin, each a Change of arrays (task, seed, layer)."""

    real: Change
    twin: Change
    tasks: list[Task]

    def rows(self, *names: str) -> list[Row]:
        """Layer curves, mean over tasks and seeds."""
        titles = {
            "hidden": "change of hidden vectors (1 − CKA)", "attention": "change of attention (1 − cosine)",
            "weights": "change of weights, relative", "cls": "change of attention on [CLS]", "sep": "change of attention on [SEP]",
        }  # fmt: skip
        return [
            Row(titles[name], float(v), n=table.shape[0] * table.shape[1], layer=layer, label=who)
            for name in names
            for who, table in (("encoder", getattr(self.real, name)), ("random twin", getattr(self.twin, name)))
            for layer, v in enumerate(table.mean((0, 1)), start=1)
        ]


def changes(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Changes]:
    """Fine-tunes the encoder and its random twin on each task of NAMES from each seed, and measures on the treebank.

    Models are asked for one by one, so that one is in memory at a time. Raises NotApplicable below four layers.
    """
    if encoder.n_layers < 4:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers; the last two are to be told from others")
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    over = corpora.treebank.sample(SENTENCES, seed=seed)
    found: list[Change] = []
    for who in (encoder, encoder.randomised(seed)):
        parts = []
        for task in tasks:
            for number in fine_tuned.numbered(seed, fine_tuned.SEEDS):
                after = yield from make(TunedModel(who, task, fine_tuned.STANDARD, number))
                parts.append(change(who, after.encoder, over))
        table = [np.array(x).reshape(len(tasks), -1, encoder.n_layers) for x in zip(*parts, strict=True)]
        found.append(Change(*table))
    return Changes(found[0], found[1], tasks)


def change(before: Encoder, after: Encoder, over: Corpus) -> Change:
    """What differs between an encoder and its fine-tuned trunk, on the tokens of a corpus (special ones included)."""
    sites = frozenset((Site("hidden"), Site("attention")))
    layers = range(1, before.n_layers + 1)
    vectors: list[list[list[Tensor]]] = [[[] for _ in layers] for _ in range(2)]
    cosine, mass, sentences = np.zeros(len(layers)), np.zeros((2, len(layers), 2)), 0
    ids = [getattr(before.tokenizer, f"{name}_token_id", None) for name in ("cls", "sep")]
    for batch in before.batches(over):
        first, second = before.observe(batch, sites), after.observe(batch, sites)
        onehot = torch.from_numpy(np.stack([token_classes(batch, *ids) == k for k in range(2)], -1)).float()
        real = batch.mask
        for k, layer in enumerate(layers):
            maps = [seen.attention(layer).float() * real[:, None, :, None] for seen in (first, second)]
            a, b = (m.flatten(2) for m in maps)
            cosine[k] += float((torch.nn.functional.cosine_similarity(a, b, dim=-1)).mean(1).sum())
            for which, seen in enumerate((first, second)):
                vectors[which][k].append(seen.hidden(layer)[real].double().cpu())
                on = torch.einsum("bhqk,bkc->bqc", maps[which], onehot.to(maps[which].device)) / maps[which].shape[1]
                mass[which, k] += (on.sum(1) / real.sum(1, keepdim=True)).sum(0).double().cpu().numpy()
        sentences += len(real)
    states = [[torch.cat(layer) for layer in side] for side in vectors]
    moved = (mass[1] - mass[0]) / sentences
    alike = np.array([cka(a, b) for a, b in zip(*states, strict=True)])
    return Change(1 - alike, 1 - cosine / sentences, distances(before, after), moved[:, 0], moved[:, 1])


def cka(a: Tensor, b: Tensor) -> float:
    """Linear centred kernel alignment of two sets of vectors of the same tokens, 0 to 1 (Kornblith et al. 2019)."""
    a, b = a - a.mean(0), b - b.mean(0)
    both, one, other = (torch.linalg.matrix_norm(m) for m in (a.T @ b, a.T @ a, b.T @ b))
    return float(both**2 / (one * other).clamp(min=1e-12))


def distances(before: Encoder, after: Encoder) -> NDArray[np.float64]:
    """Norm of the change of each layer's weights over their norm."""
    start: Any = before.base
    far, size = np.zeros(before.n_layers), np.zeros(before.n_layers)
    given = dict(start.named_parameters())
    for name, p in after.base.named_parameters():
        depth = layer_of(f"{start.base_model_prefix}.{name}", before)
        if name in given and 1 <= depth <= before.n_layers:
            far[depth - 1] += float((p.detach() - given[name].detach()).double().square().sum())
            size[depth - 1] += float(given[name].detach().double().square().sum())
    return np.sqrt(far / np.maximum(size, 1e-12))


def share_of_last(table: NDArray[np.float64], last: int = 2) -> NDArray[np.float64]:
    """Share of the change of all layers (last axis) that the last ones have."""
    return table[..., -last:].sum(-1) / np.maximum(table.sum(-1), 1e-12)


def lead_of_last(table: NDArray[np.float64], last: int = 2) -> NDArray[np.float64]:
    """The smallest change among the last layers minus the largest among the others, over the mean change; above 0 where the last lead."""
    gap = table[..., -last:].min(-1) - table[..., :-last].max(-1)
    return gap / np.maximum(table.mean(-1), 1e-12)
