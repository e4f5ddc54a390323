"""Matrices as products of two thin ones: the singular values that matter stay.

Plain (the nearest matrix), or weighted by what it reads and what its rows are worth: W' minimises ||D (W - W') C^1/2||, C the second moments of the
matrix's inputs (DRONE: Chen et al. 2021), D² the Fisher information of its rows (FWSVD: Hsu et al. 2022). With M = D W C^1/2 = U S Vᵀ
the best W' of rank r is D⁻¹ U_r (U_rᵀ D W), so inputs that never occur need no inverse. An embedding reads one subword at a time: its C
are the subwords' frequencies (ALBERT's factorised embeddings: Lan et al. 2020).

Only where it saves: a matrix m x n of rank r takes r (m + n), so ranks stay below m n / (m + n), or the matrix stays whole.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.corpus.sentence import Corpus
from bertology.encoder.cut import recast, shape_of
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.encoder.narrow import Factored, FactoredEmbedding, factor, ranks
from bertology.encoder.watch import layer_modules
from bertology.intervene.importance import MaskedLoss, SentenceDirection
from bertology.intervene.inputs import MaskWords
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded, loss_of
from bertology.train.task import Task

Matrices = Literal["layers", "embeddings", "all"]


class Weighing(NamedTuple):
    """What each matrix reads and what its rows are worth, by its name in the trunk; a matrix that is not named is weighed plainly.

    `inputs`: second moments E[x xᵀ], (in, in), or (in,) for a diagonal; `rows`: Fisher information summed over a row, (out,). For an embedding, `inputs`
    are the subwords' frequencies.
    """

    inputs: Mapping[str, NDArray[np.float64]] = {}
    rows: Mapping[str, NDArray[np.float64]] = {}


def low_rank(
    encoder: Encoder,
    *,
    share: float | None = None,
    energy: float | None = None,
    parameters: int | None = None,
    rank: int | None = None,
    matrices: Matrices = "layers",
    by: Weighing = Weighing(),  # noqa: B008 (immutable)
) -> Encoder:
    """A copy whose matrices are factored where that saves parameters; `ranks(encoder.model)` says which, and to what rank.

    Give one of: `share` of each matrix's own parameters that stays; `energy`, the share of its squared (weighted) singular values; `rank`; or
    `parameters` of the whole encoder, where components go across matrices by their share of energy for each parameter. `matrices` are the linear maps of the layers,
    the subword embeddings (with a tied decoder), or both; what is factored already stays as it is. Raises BadRequest for a wish out of reach, with what can be reached.
    """
    wish = {"share": share, "energy": energy, "parameters": parameters, "rank": rank}
    given = {k: v for k, v in wish.items() if v is not None}
    if len(given) != 1:
        raise BadRequest(
            f"{' and '.join(given) or 'no size'} was given.", "Give one of share, energy, parameters, rank."
        )
    ((name, value),) = given.items()
    if value <= 0 or (name in ("share", "energy") and value > 1):
        raise BadRequest(f"a {name} of {value:g}.", "Give a share in (0, 1], or at least 1.")
    found = {path: _spectrum(module, by, path) for path, module in _matrices(encoder, matrices).items()}
    if name == "parameters":
        chosen = _within(encoder, found, int(value))
    else:
        pick = {"share": _by_share, "energy": _by_energy, "rank": lambda s, r: int(r)}[name]
        chosen = {path: max(1, pick(s, value)) for path, s in found.items()}
    return _factored(encoder, {p: (r, found[p]) for p, r in chosen.items() if r <= found[p].most})


class _Spectrum(NamedTuple):
    """Of a matrix W (out, in): its weighted left vectors D⁻¹ U and U ᵀ D W, and its squared weighted singular values, largest first."""

    up: Tensor
    down: Tensor
    energies: NDArray[np.float64]

    @property
    def cost(self) -> int:
        """Parameters of a component."""
        return self.up.shape[0] + self.down.shape[1]

    @property
    def most(self) -> int:
        """The highest rank that saves parameters."""
        whole = self.up.shape[0] * self.down.shape[1]
        return min((whole - 1) // self.cost, len(self.energies))


def _spectrum(module: nn.Module, by: Weighing, path: str) -> _Spectrum:
    embedding = isinstance(module, nn.Embedding)
    weight = module.weight.detach().double()  # type: ignore[union-attr,operator]
    weight = weight.T if embedding else weight  # an embedding maps a subword's one-hot vector to its row
    worth = torch.ones(len(weight), dtype=torch.float64, device=weight.device)
    if path in by.rows:
        given = torch.as_tensor(by.rows[path], dtype=torch.float64, device=weight.device)
        _check_shape(path, given, (len(weight),))
        worth = (given / given.mean().clamp(min=1e-300)).clamp(min=1e-6).sqrt()
    scaled, moments = worth[:, None] * weight, None
    if path in by.inputs:
        moments = torch.as_tensor(by.inputs[path], dtype=torch.float64, device=weight.device)
        _check_shape(path, moments, *(((weight.shape[1],) * k) for k in (1, 2)))
    vectors, energies = _left(scaled, moments)
    return _Spectrum(vectors / worth[:, None], vectors.T @ scaled, energies.cpu().numpy())


def _left(matrix: Tensor, moments: Tensor | None) -> tuple[Tensor, Tensor]:
    """Left singular vectors and squared singular values of M C^1/2, largest first, by the cheaper side."""
    out, into = matrix.shape
    if out <= into:
        weighed = matrix if moments is None else matrix * moments if moments.ndim == 1 else matrix @ moments
        gram = weighed @ matrix.T
        values, vectors = torch.linalg.eigh((gram + gram.T) / 2)
        return vectors.flip(1), values.flip(0).clamp(min=0)
    if moments is not None and moments.ndim == 1:
        matrix = matrix * moments.sqrt()
    elif moments is not None:
        values, vectors = torch.linalg.eigh((moments + moments.T) / 2)
        matrix = matrix @ (vectors * values.clamp(min=0).sqrt())
    vectors, values, _ = torch.linalg.svd(matrix, full_matrices=False)
    return vectors, values.square()


def _check_shape(path: str, given: Tensor, *shapes: tuple[int, ...]) -> None:
    if tuple(given.shape) not in shapes:
        raise BadRequest(f"{path} is weighed by an array of shape {tuple(given.shape)}.", f"Give one of {shapes}.")


def _matrices(encoder: Encoder, which: Matrices) -> dict[str, nn.Module]:
    """The matrices to factor, by their names in the trunk. Raises BadRequest for an unknown choice."""
    if which not in ("layers", "embeddings", "all"):
        raise BadRequest(f"there are no matrices {which!r}.", "Choose layers, embeddings or all.")
    names = {id(module): name for name, module in encoder.base.named_modules()}
    found: dict[str, nn.Module] = {}
    if which in ("embeddings", "all"):
        table = encoder.base.get_input_embeddings()  # type: ignore[operator]
        if type(table) is nn.Embedding:
            found[names[id(table)]] = table
    if which in ("layers", "all"):
        for layer in layer_modules(encoder.base, encoder.family):
            inside = {id(part) for m in layer.modules() if isinstance(m, Factored) for part in (m.down, m.up)}
            for module in layer.modules():
                if type(module) is nn.Linear and id(module) not in inside and min(module.weight.shape) > 0:
                    found[names[id(module)]] = module
    if not found:
        raise NotApplicable(f"{encoder.name} has no matrix in its {which} that is not factored already")
    return found


def _by_share(of: _Spectrum, share: float) -> int:
    return math.floor(share * of.up.shape[0] * of.down.shape[1] / of.cost)


def _by_energy(of: _Spectrum, energy: float) -> int:
    cumulative = np.cumsum(of.energies) / max(of.energies.sum(), 1e-300)
    return int(np.searchsorted(cumulative, energy - 1e-12)) + 1


def _within(encoder: Encoder, found: Mapping[str, _Spectrum], parameters: int) -> dict[str, int]:
    """Ranks by one threshold on (share of a matrix's energy) / (parameters of the component), the lowest that meets the budget."""
    others = encoder.n_parameters - sum(s.up.shape[0] * s.down.shape[1] for s in found.values())
    gains = {path: s.energies / max(s.energies.sum(), 1e-300) / s.cost for path, s in found.items()}

    def at(threshold: float) -> dict[str, int]:
        return {path: max(1, int((gain > threshold).sum())) for path, gain in gains.items()}

    def total(chosen: Mapping[str, int]) -> int:
        whole = lambda s: s.up.shape[0] * s.down.shape[1]
        return others + sum(r * found[p].cost if r <= found[p].most else whole(found[p]) for p, r in chosen.items())

    thresholds = np.unique(np.concatenate([[-1.0], *gains.values()]))
    low, high = 0, len(thresholds) - 1
    if total(at(thresholds[high])) > parameters:
        raise BadRequest(
            f"{encoder.name} with all of these matrices of rank 1 has {total(at(thresholds[high])):,} parameters, "
            f"{parameters:,} were asked.",
            "Ask for more, or factor all matrices.",
        )
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if total(at(thresholds[middle])) <= parameters else (middle + 1, high)
    return at(thresholds[low])


def _factored(encoder: Encoder, chosen: Mapping[str, tuple[int, _Spectrum]]) -> Encoder:
    model: Any = copy.deepcopy(encoder.model)
    if chosen:
        record = shape_of(encoder)
        factor(model, {path: rank for path, (rank, _) in chosen.items()})
        with torch.no_grad():
            for path, (rank, s) in chosen.items():
                module, before = model.base_model.get_submodule(path), encoder.base.get_submodule(path)
                # both factors are given the same scale
                root = (
                    s.down[:rank].norm(dim=1).clamp(min=1e-12).div(s.up[:, :rank].norm(dim=0).clamp(min=1e-12)).sqrt()
                )
                up, down = s.up[:, :rank] * root, s.down[:rank] / root[:, None]
                module.up.weight.copy_(up)
                if isinstance(module, FactoredEmbedding):
                    module.table.weight.copy_(down.T)
                else:
                    module.down.weight.copy_(down)
                    if module.bias is not None:
                        module.bias.copy_(before.bias)
        model = recast(model, {**record, "ranks": ranks(model)})
    return wrap(model, encoder.tokenizer, name=encoder.name, has_mlm=encoder.has_mlm)


# What a matrix reads, and what its rows are worth


def input_moments(
    encoder: Encoder, text: Corpus, *, examples: int = 256, matrices: Matrices = "all", seed: int = 0
) -> Weighing:
    """Second moments of what each matrix reads at real tokens of `examples` sentences; of embeddings, 1 + the subwords' counts in the whole text."""
    found = _matrices(encoder, matrices)
    sums: dict[str, Tensor] = {}
    mask: list[Tensor] = []

    def listen(path: str) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            states = args[0]
            real = states[mask[0]] if states.shape[:2] == mask[0].shape else states.flatten(0, -2)
            states = real.double()
            sums[path] = sums.get(path, torch.zeros((), device=states.device)) + states.T @ states

        return hook

    order = np.random.default_rng([seed, 6]).permutation(len(text))[:examples]
    some = Corpus(text.name, tuple(text[int(i)] for i in sorted(order)))
    hooks = [m.register_forward_pre_hook(listen(p)) for p, m in found.items() if isinstance(m, nn.Linear)]
    tokens = 0
    try:
        for batch in encoder.batches(some, attention=False):
            mask[:] = [batch.mask]
            encoder.observe(batch)
            tokens += int(batch.mask.sum())
    finally:
        for hook in hooks:
            hook.remove()
    moments = {path: (total / tokens).cpu().numpy() for path, total in sums.items()}
    for path, module in found.items():
        if isinstance(module, nn.Embedding):
            counts = np.ones(module.num_embeddings)
            for line in encoder.encode(text).lines:
                np.add.at(counts, line.ids, 1)
            moments[path] = counts
    return Weighing(inputs=moments)


def fisher(
    encoder: Encoder, over: Task | Corpus, *, examples: int = 64, matrices: Matrices = "all", seed: int = 0
) -> Weighing:
    """The empirical Fisher information of each row of a matrix (an output): E over examples of Σ (∂ loss / ∂ w)² over the row (Hsu et al. 2022).

    The loss is a task's (the encoder is tuned for it), or on a corpus that of masked words; without a language-model head, the movement of the sentence vector.
    """
    found = _matrices(encoder, matrices)
    weights: list[Any] = [module.weight for module in found.values()]
    totals = [torch.zeros(w.shape[1 if isinstance(m, nn.Embedding) else 0], dtype=torch.float64) for m, w in zip(found.values(), weights, strict=True)]  # fmt: skip
    n = 0
    with _trainable(weights):
        for loss in _losses(encoder, over, examples, seed):
            slopes = torch.autograd.grad(loss, weights, allow_unused=True)
            for total, module, slope in zip(totals, found.values(), slopes, strict=True):
                if slope is not None:
                    total += slope.double().square().sum(0 if isinstance(module, nn.Embedding) else 1).cpu()
            n += 1
    return Weighing(rows={path: (total / max(n, 1)).numpy() for path, total in zip(found, totals, strict=True)})


def _losses(encoder: Encoder, over: Task | Corpus, examples: int, seed: int) -> Iterator[Tensor]:
    """The loss of one example after another."""
    if isinstance(over, Task):
        model: Any = encoder.model
        lines, pad = encoded(encoder, over, over.limited(examples, seed).train), encoder.tokenizer.pad_token_id or 0
        for batch in batches(lines, over, 1, pad, encoder.device):
            with torch.enable_grad():
                yield loss_of(model(**batch.inputs).logits, batch.labels, over)
        return
    predicts = encoder.has_mlm and "mask" in encoder.has
    loss: Any = MaskedLoss() if predicts else SentenceDirection(seed)
    order = np.random.default_rng([seed, 7]).permutation(len(over))[:examples]
    for i in sorted(int(k) for k in order):
        for batch in encoder.batches(Corpus(over.name, (over[i],)), attention=False):
            given = MaskWords(seed=seed).change(batch, encoder) if predicts else batch
            yield loss(given, encoder.observe(given, gradients=True), encoder).sum()


@contextmanager
def _trainable(weights: list[Any]) -> Iterator[None]:
    before = [w.requires_grad for w in weights]
    for w in weights:
        w.requires_grad_(True)
    try:
        yield
    finally:
        for w, was in zip(weights, before, strict=True):
            w.requires_grad_(was)


__all__ = ["Weighing", "fisher", "input_moments", "low_rank", "ranks"]
