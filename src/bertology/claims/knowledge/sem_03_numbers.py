"""Numbers are represented poorly, decimals more so, and nothing extrapolates (Wallace et al. 2019)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence, sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.targets import TargetTable, TargetVectors
from bertology.probe.ridge import RidgeProbe, regression_moments
from bertology.record.claim import Ability, above
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmin
from bertology.stats.tally import Tally, bootstrap, in_split, of_items

CARRIER = ("It", "weighed", "", "pounds", ".")
KINDS = ("integer", "decimal")
INSIDE, OUTSIDE = (10, 1000), (1000, 10000)
EACH = (700, 300)
"""How many numbers of each kind lie inside the range learnt from, and beyond it."""
ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4)


def numbers(seed: int = 0) -> Corpus:
    """A carrier sentence with one number each: layer "number" holds its written form, labels "value", "kind", "inside".

    Integers, and decimals with one digit after the point; uniform on the logarithmic scale within a range, none twice.
    """
    rng = np.random.default_rng([seed, 31])
    return Corpus("numbers", tuple(_sentences(rng)), seed=seed)


def _sentences(rng: np.random.Generator) -> Iterator[Sentence]:
    for kind in KINDS:
        for (low, high), size in zip((INSIDE, OUTSIDE), EACH, strict=True):
            steps = 1 if kind == "integer" else 10
            grid = np.arange(low * steps, high * steps)
            grid = grid if steps == 1 else grid[grid % 10 > 0]  # 12.0 would be an integer
            odds = 1 / grid
            for number in rng.choice(grid, size, replace=False, p=odds / odds.sum()).tolist():
                form = str(number) if steps == 1 else f"{number // 10}.{number % 10}"
                words = [word or form for word in CARRIER]
                layer = tuple("" if word else form for word in CARRIER)
                labels = {"value": number / steps, "kind": kind, "inside": int(low == INSIDE[0])}
                glued = [word == "pounds" for word in words]
                yield sentence(words, f"number-{form}", glued=glued, layers={"number": layer}, labels=labels)


class Read(NamedTuple):
    """What a number's vectors say: `fitted` (layer, row), the natural logarithm of the value, and `true` (row,)."""

    fitted: NDArray[np.float64]
    true: NDArray[np.float64]
    alpha: NDArray[np.float64]


def regress(
    vectors: NDArray[np.floating], true: NDArray[np.float64], train: NDArray[np.bool_], dev: NDArray[np.bool_]
) -> Read:
    """Ridge regression of ln(value) on standardised vectors (layer, row, width), its strength chosen on dev rows."""
    x = np.asarray(vectors, dtype=np.float64)
    mean, spread = x[:, train].mean(1, keepdims=True), x[:, train].std(1, keepdims=True)
    x = (x - mean) / np.where(spread > 1e-6 * (1 + np.abs(mean)), spread, 1.0)
    moments = [regression_moments(x, true, rows=np.flatnonzero(rows)) for rows in (train, dev)]
    probe = RidgeProbe(ALPHAS).fit(moments[0], dev=moments[1])
    return Read(probe.predict(x)[..., 0], true, probe.alpha_)


def digits(forms: list[str]) -> NDArray[np.float64]:
    """A bag of digits: how often each of 0 to 9 and the point stands in a written number, (1, row, 11)."""
    return np.array([[[form.count(digit) for digit in "0123456789."] for form in forms]], dtype=np.float64)


def error(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised root of the mean squared error: 1 is no better than the numbers' own mean logarithm."""
    return np.sqrt(rates[..., 0] / rates[..., 1])


def partial(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of the first two of the variables whose mean products are given, (draw, variable, variable), the others
    held constant; the last variable is 1. nan where the first two do not vary by themselves."""
    mean = rates[:, -1, :-1]
    covariance = rates[:, :-1, :-1] - mean[:, :, None] * mean[:, None]
    first, rest = covariance[:, :2, :2], covariance[:, 2:, 2:]
    between = covariance[:, :2, 2:]
    left = first - between @ np.linalg.pinv(rest) @ between.transpose(0, 2, 1)
    scale = left[:, 0, 0] * left[:, 1, 1]
    with np.errstate(all="ignore"):
        free = (left[:, 1, 1] > 1e-9 * first[:, 1, 1]) & (left[:, 0, 0] > 1e-9 * first[:, 0, 0])
        return np.where(free, left[:, 0, 1] / np.sqrt(np.maximum(scale, 1e-300)), np.nan)


@claim(
    id="sem-03",
    section="3.2",
    says="Numbers are represented poorly: floats fail and nothing extrapolates beyond the range seen.",
    cites=("wallace-2019b",),
    method="""Ridge regression of the logarithm of a number on its vector in "It weighed ... pounds.", integers and decimals apart, learnt from
    numbers of 10 to 1,000 and tested on others of that range and of ten times it, 1,000 to 10,000. The error is normalised by the
    spread of the tested logarithms, so that 1 is a guess at their mean. The layer is chosen on dev numbers inside the range. Due are an
    error outside of over five times that inside (integers), a larger error of decimals than of integers inside, and an error
    inside that rises with the number of subwords, at equal value (logarithm and its square) and kind. Inside the range integers must
    be read better than from the random twin: a network that knows no number cannot fail to extrapolate.""",
    expects={
        "error outside over inside, integers": above(5.0),
        "decimals − integers, error inside": above(0.0),
        "partial correlation of error and subwords": above(0.0),
        "random twin − encoder, error inside": above(0.0),
    },
    needs=("hidden",),
    abilities=(
        Ability("numbers", "random twin − encoder, error inside", chance=0.0),
    ),
)  # fmt: skip
def numbers_read_poorly(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = numbers(corpora.seed)
    real, random = yield from together(
        measure(TargetVectors("number"), over=corpus), measure(TargetVectors("number"), over=corpus, twin=True)
    )
    pieces = {line.index: len(line.pieces[CARRIER.index("")]) for line in encoder.encode(corpus).lines}
    errors: dict[tuple[str, str, str], Tally] = {}
    found: dict[str, int] = {}
    products, rows, layers = [], [], []
    for kind in KINDS:
        for who, table in (("encoder", real), ("random twin", random), ("bag of digits", real)):
            some = [corpus[s] for s in table.sentence.tolist()]
            of_kind = np.array([s.labels["kind"] == kind for s in some])
            kept = [s for s, same in zip(some, of_kind, strict=True) if same]
            index = table.sentence[of_kind]
            blocks = corpus.blocks[index]
            true = np.log([s.labels["value"] for s in kept])
            inside = np.array([s.labels["inside"] == 1 for s in kept])
            train, dev, test = (inside & in_split(blocks, part) for part in ("train", "dev", "test"))
            vectors = digits([s.words[2] for s in kept]) if who == "bag of digits" else _vectors(table, of_kind)
            read = regress(vectors, true, train, dev)
            square = (read.fitted - true) ** 2
            (layer,) = argmin(square[:, dev].mean(1))
            for place, chosen in (("inside", test), ("outside", ~inside)):
                spread = (true[chosen] - true[chosen].mean()) ** 2
                tally = of_items(np.stack([square[layer, chosen], spread], 1), blocks[chosen])
                errors[who, kind, place] = tally
                every = np.sqrt(square[:, chosen].mean(1) / spread.mean())
                if who != "bag of digits":
                    rows += [
                        Row(f"error {place} the range, {kind}s", e, n=int(chosen.sum()), layer=i, label=who)
                        for i, e in enumerate(every.tolist())
                    ]
            if who == "encoder":
                layers.append(f"{kind}s {layer}")
                found[kind] = layer
                v, count = true[test], np.array([pieces[i] for i in index[test].tolist()], dtype=np.float64)
                one = np.ones(len(v))
                columns = np.stack([np.sqrt(square[layer, test]), count, v, v**2, one * (kind == "decimal"), one], 1)
                products.append((columns[:, :, None] * columns[:, None], blocks[test]))
    both = of_items(np.concatenate([p for p, _ in products]), np.concatenate([b for _, b in products]))
    unit = "of the spread"
    one = lambda *key: bootstrap(error, errors[key], unit=unit, seed=seed)
    gap = lambda a, b: error(a) - error(b)
    values = {
        "error outside over inside, integers": bootstrap(
            lambda a, b: error(a) / error(b), errors["encoder", "integer", "outside"], errors["encoder", "integer", "inside"],
            unit="ratio", seed=seed,
        ),
        "decimals − integers, error inside": bootstrap(
            gap, errors["encoder", "decimal", "inside"], errors["encoder", "integer", "inside"], unit=unit, seed=seed
        ),
        "partial correlation of error and subwords": bootstrap(partial, both, unit="correlation", seed=seed),
        "random twin − encoder, error inside": bootstrap(
            gap, errors["random twin", "integer", "inside"], errors["encoder", "integer", "inside"], unit=unit, seed=seed
        ),
        "error outside over inside, decimals": bootstrap(
            lambda a, b: error(a) / error(b), errors["encoder", "decimal", "outside"], errors["encoder", "decimal", "inside"],
            unit="ratio", seed=seed,
        ),
        **{f"error {place}, {kind}s": one("encoder", kind, place) for kind in KINDS for place in ("inside", "outside")},
    }  # fmt: skip
    baselines = {
        f"{who}, error {place}, {kind}s": one(who, kind, place)
        for who in ("random twin", "bag of digits")
        for kind in KINDS
        for place in ("inside", "outside")
    }
    note = f"Layers chosen on dev: {', '.join(layers)}. Numbers in one carrier sentence, none of them seen in training the probe."
    return Finding(values, baselines, rows, note)


def _vectors(table: TargetTable, some: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(table.vectors[:, some], dtype=np.float64)
