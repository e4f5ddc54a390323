"""How overparameterised is an encoder? What can go, and how much of it, before what it does gets worse (survey, section 6.1).

Curves of a score against the share that is gone: of heads and neurons (Michel et al. 2019; Prasanna et al. 2020), layers (Fan et al. 2020;
Sajjad et al. 2020), weights by magnitude (Gordon et al. 2020), bits a weight (Shen et al. 2020), dimensions of the hidden states.
Nothing is tuned again, so the shares are lower bounds of what recovery could reach. Parts are ranked on training text, layers are chosen
on dev, and the score is of test; a random order with several seeds stands beside each ranking.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.compress.calls import projected, skipped
from bertology.compress.pruning.gates import felt, gated, normalised, sizes
from bertology.compress.quantise import uniform
from bertology.compress.readings import Reading, Table, reading_of
from bertology.compress.spectrum import Dimensions, Spectrum, dimensions, spectrum
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.record.estimate import Estimate
from bertology.train.task import Task

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BITS = (8, 6, 5, 4, 3, 2)
PARTS = ("heads", "neurons", "layers", "weights", "bits", "dimensions")
Progress = Callable[[str, int, int], None]


class Curve(NamedTuple):
    """`scores[k]` with the share `gone[k]` of a part out, chosen by `how`; the first is the whole's. For bits, of 32 a weight."""

    part: str
    how: str
    gone: tuple[float, ...]
    scores: tuple[Estimate, ...]


class Limit(NamedTuple):
    """The largest share of a part that can go, chosen by `how`, with everything below it within the tolerance."""

    part: str
    how: str
    gone: Estimate


class Redundancy(NamedTuple):
    """`measure` and `whole` are the score and its value; `tolerance` says what counts as no loss; `absent` what was not tried, and why."""

    encoder: str
    of: str
    measure: str
    tolerance: str
    parameters: int
    whole: Estimate
    curves: list[Curve]
    limits: list[Limit]
    dimensions: list[Dimensions]
    absent: dict[str, str]

    def lines(self) -> list[str]:
        """What the terminal shows."""
        found = [
            f"{self.encoder}: {self.measure} on {self.of} is {self.whole}; what can go within {self.tolerance}, without tuning again:"
        ]
        found += [f"  {x.part:<10} {x.how:<22} {100 * x.gone.value:5.1f} % [{100 * x.gone.low:.1f}, {100 * x.gone.high:.1f}]" for x in self.limits]  # fmt: skip
        if self.dimensions:
            last = self.dimensions[-1]
            found.append(
                f"  the last layer's {last.width} dimensions: {last.needed.value:.0f} hold 99 % of the variance; participation ratio {last.participation.value:.1f}"
            )
        return found + [f"  {part}: {why}" for part, why in self.absent.items()]

    def to_json(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder, "of": self.of, "measure": self.measure, "tolerance": self.tolerance, "parameters": self.parameters,
            "whole": self.whole.to_json(),
            "curves": [{**c._asdict(), "scores": [e.to_json() for e in c.scores]} for c in self.curves],
            "limits": [{**x._asdict(), "gone": x.gone.to_json()} for x in self.limits],
            "dimensions": [{**d._asdict(), "needed": d.needed.to_json(), "participation": d.participation.to_json()} for d in self.dimensions],
            "absent": self.absent,
        }  # fmt: skip


def redundancy(
    encoder: Encoder, given: Task | Corpus, *, parts: Sequence[str] = PARTS, shares: Sequence[float] = SHARES, bits: Sequence[int] = BITS,
    seeds: int = 3, examples: int = 300, draws: int = 200, seed: int = 0, progress: Progress = lambda what, done, total: None,
) -> Redundancy:  # fmt: skip
    """Takes parts out of an encoder that is tuned to `given` (a task), or read on text: by its masked-language-model loss, or, without
    such a head, by the cosine of sentence vectors to the whole's.

    Within 1 point of the score, or 1 % of the loss, counts as no loss. `examples` bounds each of training, dev and test; intervals resample
    test examples (blocks of text), and seeds where the order is random. The encoder is left as it was. Raises BadRequest for a task
    that the encoder has no head for, and for unknown parts.
    """
    unknown = [p for p in parts if p not in PARTS]
    if unknown or seeds < 1 or any(not 0 < s < 1 for s in shares):
        raise BadRequest(
            f"there is no part {unknown[0]!r}." if unknown else f"{seeds} seeds, shares of {tuple(shares)}.",
            f"Parts: {', '.join(PARTS)}; one seed or more; shares between 0 and 1.",
        )
    reading = reading_of(encoder, given, examples, seed)
    taking = _Taking(encoder, reading, tuple(shares), tuple(bits), seeds, seed, draws, progress)
    curves: list[Curve] = []
    limits: list[Limit] = []
    absent: dict[str, str] = {}
    makers = {
        "heads": taking.gates, "neurons": taking.gates, "layers": taking.layers, "weights": taking.weights, "bits": taking.bits_of,
        "dimensions": taking.dimensions,
    }  # fmt: skip
    for part in dict.fromkeys(parts):
        found = list(makers[part](part))
        if not found:
            absent[part] = taking.why.get(part, "there are none")
        for how, gone, tables in found:
            curve, limit = taking.curve(part, how, gone, tables)
            curves.append(curve)
            limits.append(limit)
    rows = dimensions(taking._spectrum(), seed=seed) if "dimensions" in parts else []
    whole = taking.estimate([taking.intact])
    return Redundancy(
        encoder.name,
        reading.of,
        reading.measure,
        reading.tolerance,
        encoder.n_parameters,
        whole,
        curves,
        limits,
        rows,
        absent,
    )


Found = Iterator[tuple[str, tuple[float, ...], list[list[Table]]]]
"""(how, shares gone, tables by seed and share)."""


class _Taking:
    """The loops: one forward pass of the test part for each point of each curve."""

    def __init__(
        self, encoder: Encoder, reading: Reading, shares: tuple[float, ...], bits: tuple[int, ...], seeds: int, seed: int, draws: int,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.encoder, self.reading, self.shares, self.bits = encoder, reading, shares, bits
        self.seeds, self.seed, self.progress = seeds, seed, progress
        self.model: Any = encoder.model
        self.modules = layer_modules(self.model.base_model, encoder.family)
        self.why: dict[str, str] = {}
        self.done = 0
        self.intact = self.table()
        rng = np.random.default_rng([seed, 23])
        n = self.intact.n
        self.picks = [rng.integers(n, size=n) for _ in range(draws)]
        self.rows = [rng.integers(seeds, size=seeds) for _ in range(draws)]
        self._seen: Spectrum | None = None

    def table(self, split: str = "test") -> Table:
        self.progress("taking out parts", self.done, self.done + 1)
        self.done += 1
        return self.reading.table(split)

    # Orders of parts

    def gates(self, part: str) -> Found:
        k = ("heads", "neurons").index(part)
        counts = [each[k] for each in sizes(self.encoder)]
        if not sum(counts) or (part == "heads" and self.encoder.family.head is None):
            self.why[part] = f"{self.encoder.name} has no {part} to take out"
            return
        ranks = np.concatenate(normalised(felt(self.model, self.encoder, self.reading.losses()))[k])

        def at(order: NDArray[np.int64]) -> list[Table]:
            tables = []
            for share in self.shares:
                stays = np.ones(sum(counts), dtype=bool)
                stays[order[: round(share * len(order))]] = False
                split = np.split(stays, np.cumsum(counts)[:-1])
                here: list[Any] = [torch.from_numpy(s).float().to(self.encoder.device) for s in split]
                none: list[Any] = [None] * len(counts)
                with gated(self.model, self.encoder, *((here, none) if k == 0 else (none, here))):
                    tables.append(self.table())
            return tables

        yield "least sensitive first", self.shares, [at(np.argsort(ranks, kind="stable"))]
        yield "random", self.shares, [at(self._rng(s).permutation(len(ranks))) for s in range(self.seeds)]

    def layers(self, part: str) -> Found:
        n = self.encoder.n_layers
        if n < 2:
            self.why[part] = f"{self.encoder.name} has one layer"
            return
        gone = tuple(k / n for k in range(1, n))

        def harm(layers: Sequence[int]) -> float:
            with skipped(self.encoder, layers):
                found = self.table("dev").score()
            return float(self.reading.worse(np.array(found), np.array(dev)))

        def at(order: Sequence[int]) -> list[Table]:
            tables = []
            for k in range(1, n):
                with skipped(self.encoder, order[:k]):
                    tables.append(self.table())
            return tables

        dev = self.table("dev").score()
        alone = sorted(range(1, n + 1), key=lambda layer: harm([layer]))
        greedy = alone[:1]
        while len(greedy) < n - 1:
            greedy.append(min(set(alone) - set(greedy), key=lambda layer: harm([*greedy, layer])))
        yield "least harm alone first", gone, [at(alone)]
        yield "greedy", gone, [at(greedy)]
        yield "from the top", gone, [at(range(n, 0, -1))]
        yield "random", gone, [at((self._rng(s).permutation(n) + 1).tolist()) for s in range(self.seeds)]

    def weights(self, part: str) -> Found:
        matrices = self._matrices()
        flat = torch.cat([w.detach().abs().flatten() for w in matrices])

        def at(values: Tensor) -> list[Table]:
            tables = []
            for share in self.shares:
                limit = values.kthvalue(max(1, round(share * len(values)))).values
                kept = (values > limit).split([w.numel() for w in matrices])
                with self._changed([w * m.view_as(w) for w, m in zip(matrices, kept, strict=True)]):
                    tables.append(self.table())
            return tables

        yield "smallest first", self.shares, [at(flat)]
        drawn = lambda s: torch.rand(len(flat), generator=torch.Generator().manual_seed(self.seed * 100 + s))
        yield "random", self.shares, [at(drawn(s).to(flat.device)) for s in range(self.seeds)]

    def bits_of(self, part: str) -> Found:
        tables, matrices = [], self._matrices()
        for bits in self.bits:
            group = lambda w: max(1, len(w) // max(1, self.encoder.n_heads))
            with self._changed([uniform(w.detach(), bits, group=group(w)).weight for w in matrices]):
                tables.append(self.table())
        yield "rounded by groups", tuple(1 - b / 32 for b in self.bits), [tables]

    def dimensions(self, part: str) -> Found:
        width = self.encoder.width
        _, means, vectors = self._spectrum()
        kept = [max(1, round((1 - share) * width)) for share in self.shares]

        def at(bases: list[Tensor]) -> list[Table]:
            tables = []
            for k in kept:
                with projected(self.encoder, [(m, b[:, :k]) for m, b in zip(means[1:], bases, strict=True)]):
                    tables.append(self.table())
            return tables

        gone = tuple(1 - k / width for k in kept)
        yield "least variance first", gone, [at([v.flip(1) for v in vectors[1:]])]
        yield "random", gone, [at([self._directions(s, width)] * self.encoder.n_layers) for s in range(self.seeds)]

    # What they stand on

    def _spectrum(self) -> Spectrum:
        if self._seen is None:
            self._seen = spectrum(self.encoder, self.reading.inputs())
        return self._seen

    # From tables to curves

    def curve(self, part: str, how: str, gone: tuple[float, ...], tables: list[list[Table]]) -> tuple[Curve, Limit]:
        """The curve with its intervals, and where it leaves the tolerance, by paired resampling."""
        columns = [[self.intact] * len(tables), *zip(*tables, strict=True)]
        scores = tuple(self.estimate(list(column)) for column in columns)
        along, smooth = (0.0, *gone), part not in ("layers", "bits")

        def reach(pick: Any, seeds: Any) -> float:
            intact = self.intact.score(pick)
            each = {s: [t.score(pick) for t in tables[s]] for s in set(seeds)}
            return float(np.mean([_reach(along, self.reading.worse(np.array(each[s]), np.array(intact)), smooth) for s in seeds]))  # fmt: skip

        every = list(range(len(tables)))
        drawn = [reach(pick, rows % len(tables)) for pick, rows in zip(self.picks, self.rows, strict=True)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        method = f"bootstrap over {self.reading.resampled}" + (f" and {len(tables)} orders" if len(tables) > 1 else "")
        limit = Estimate(reach(None, every), float(low), float(high), self.intact.n, "share", method)
        return Curve(part, how, along, scores), Limit(part, how, limit)

    def estimate(self, tables: list[Table]) -> Estimate:
        """Mean score over orders, resampling test items and orders."""
        value = float(np.mean([t.score() for t in tables]))
        drawn = [
            np.mean([tables[s].score(p) for s in rows[: len(tables)] % len(tables)])
            for p, rows in zip(self.picks, self.rows, strict=True)
        ]
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        return Estimate(value, float(low), float(high), self.intact.n, "", f"bootstrap over {self.reading.resampled}")  # fmt: skip

    def _rng(self, s: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, 31, s])

    def _directions(self, s: int, width: int) -> Tensor:
        drawn = torch.from_numpy(self._rng(s).standard_normal((width, width))).float()
        return torch.linalg.qr(drawn).Q.to(self.encoder.device)

    def _matrices(self) -> list[Tensor]:
        return [m.weight for layer in self.modules for m in layer.modules() if isinstance(m, nn.Linear)]

    @contextmanager
    def _changed(self, values: Sequence[Tensor]) -> Iterator[None]:
        """Inside, the layers' matrices hold other values."""
        matrices = self._matrices()
        before = [w.detach().clone() for w in matrices]
        try:
            for w, value in zip(matrices, values, strict=True):
                w.data.copy_(value)
            yield
        finally:
            for w, value in zip(matrices, before, strict=True):
                w.data.copy_(value)


def _reach(gone: Sequence[float], worse: NDArray[np.float64], smooth: bool) -> float:
    """How far along a curve the loss stays within 1; between two points by a straight line where `smooth`."""
    loss = np.concatenate([[0.0], worse])
    over = np.flatnonzero(~(loss <= 1))
    if not len(over):
        return gone[-1]
    k = int(over[0])
    part = (1 - loss[k - 1]) / (loss[k] - loss[k - 1]) if smooth and np.isfinite(loss[k]) else 0.0
    return float(gone[k - 1] + part * (gone[k] - gone[k - 1]))


__all__ = ["BITS", "PARTS", "SHARES", "Curve", "Dimensions", "Limit", "Redundancy", "redundancy"]
