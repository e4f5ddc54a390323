"""POS probes of all layers at once against one scikit-learn LogisticRegression per layer: time and test accuracy.

    python benchmarks/pos_probes.py [--words 200000] [--layers 0,3,6]

Vectors are those of all-MiniLM-L6-v2 over the UD English EWT treebank (train to learn, halves of dev to choose and to
test) from $BERTOLOGY_DATA or ../shared/data; where either is missing, synthetic ones, and the table says so.
Both sides get the same rows, the same threads ($OMP_NUM_THREADS) and standardised features. Times are of the
wall clock and, in brackets, of the processor, which other programs on the machine disturb less.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bertology.probe.linear import LinearProbe
from bertology.record.errors import BadInput

REPOSITORY = Path(__file__).resolve().parents[1]


class Words(NamedTuple):
    """`vectors` (layer, word, width) float16, on disk; `upos` (word,)."""

    vectors: NDArray[np.float16]
    upos: NDArray[np.str_]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--words", type=int, default=250_000, help="training words at most")
    options.add_argument("--layers", default="", help="layers that scikit-learn is run on, e.g. 0,3,6; all by default")
    options.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "bertology-benchmark")
    args = options.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)

    train, held_out, source = corpus(args.cache)
    train = Words(train.vectors[:, : args.words], train.upos[: args.words])
    half = len(held_out.upos) // 2
    dev = Words(held_out.vectors[:, :half], held_out.upos[:half])
    test = Words(held_out.vectors[:, half:], held_out.upos[half:])
    layers = [int(x) for x in args.layers.split(",")] if args.layers else list(range(len(train.vectors)))

    print(f"{source}\n{train.vectors.shape[1]:,} words to learn from, {len(dev.upos):,} dev, {len(test.upos):,} test, "
          f"{len(np.unique(train.upos))} classes, {torch.get_num_threads()} thread(s)\n")  # fmt: skip
    start = clocks()
    LinearProbe().fit(train.vectors, train.upos)
    single = clocks() - start
    start = clocks()
    probe = LinearProbe().fit(train.vectors, train.upos, dev=dev)
    seconds = clocks() - start
    accuracy = probe.score(test.vectors, test.upos)

    print("layer   ours %   scikit-learn %   scikit-learn s   iterations")
    reference, reference_seconds = [], np.zeros(2)
    for layer in layers:
        x = np.ascontiguousarray(train.vectors[layer]).astype(np.float32)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        start = clocks()
        model.fit(x, train.upos)
        taken, iterations = clocks() - start, int(model.named_steps["logisticregression"].n_iter_[0])
        reference_seconds += taken
        reference.append(model.score(test.vectors[layer].astype(np.float32), test.upos))
        print(f"{layer:5d} {100 * accuracy[layer]:8.2f} {100 * reference[-1]:16.2f} {taken[0]:16.1f} {iterations:12d}",
              flush=True)  # fmt: skip
    expected = reference_seconds * len(train.vectors) / len(layers)
    note = "" if len(layers) == len(train.vectors) else f" (extrapolated from {len(layers)} layers)"
    show = lambda t: f"{t[0]:.1f} s ({t[1]:.1f} s)"
    ratio = lambda t: f"{expected[0] / t[0]:.1f} ({expected[1] / t[1]:.1f})"
    print(f"\nscikit-learn, {len(train.vectors)} layers, one strength: {show(expected)}{note}")
    print(f"ours, all layers, one strength: {show(single)}, {ratio(single)} times as fast")
    print(
        f"ours, all layers, {len(probe.l2)} strengths and the choice: {show(seconds)}, {ratio(seconds)} times as fast"
    )
    print(
        f"mean difference of accuracy, ours − scikit-learn: {100 * np.mean(accuracy[layers] - reference):+.2f} points"
    )


def clocks() -> NDArray[np.float64]:
    """Seconds on the wall clock and of this process's processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def corpus(cache: Path) -> tuple[Words, Words, str]:
    """Training words, held-out words, and where they come from."""
    data = Path(os.environ.get("BERTOLOGY_DATA", REPOSITORY.parent / "shared" / "data")) / "ud_english_ewt"
    try:
        if not data.is_dir():
            raise BadInput(f"{data} is missing.")
        parts = [words(data / f"en_ewt-ud-{split}.conllu.gz", cache) for split in ("train", "dev")]
        return parts[0], parts[1], "all-MiniLM-L6-v2 on UD English EWT"
    except BadInput as missing:
        return *synthetic(), f"SYNTHETIC vectors, not comparable with the published table ({missing.found})"


def words(path: Path, cache: Path) -> Words:
    """Word vectors of every layer of the default encoder, computed once and kept in `cache` as float16."""
    from bertology.corpus.conllu import read
    from bertology.encoder import hidden, load

    treebank = read(path)
    encoder = load("minilm")
    stored = cache / f"{treebank.fingerprint}-{encoder.fingerprint}.npy"
    upos = np.array([tag for sentence in treebank for tag in sentence.layers["upos"]])
    if not stored.exists():
        offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in treebank])])
        partial = stored.with_suffix(".partial.npy")
        vectors = np.lib.format.open_memmap(
            partial, mode="w+", dtype=np.float16, shape=(encoder.n_layers + 1, len(upos), encoder.width)
        )
        for batch in encoder.batches(treebank, attention=False):
            observation = encoder.observe(batch, frozenset([hidden()]))
            for layer in range(encoder.n_layers + 1):
                block = batch.word_vectors(observation.hidden(layer)).numpy()
                for row, line in enumerate(batch.lines):
                    n = int(batch.n_words[row])
                    vectors[layer, offsets[line.index] : offsets[line.index] + n] = block[row, :n]
        vectors.flush()
        partial.rename(stored)
    return Words(np.load(stored, mmap_mode="r"), upos)


def synthetic() -> tuple[Words, Words]:
    """17 classes at planted places in a cloud with decaying variances; 7 layers with more and more noise."""
    rng = np.random.default_rng(0)
    layers, width, classes = 7, 384, 17
    places = rng.normal(size=(classes, width)) * np.linspace(1.5, 0.1, width)
    spread = np.exp(-np.arange(width) / 100)

    def draw(n: int) -> Words:
        label = rng.choice(classes, n, p=(p := 1 / np.arange(1, classes + 1)) / p.sum())
        vectors = np.empty((layers, n, width), dtype=np.float16)
        for layer in range(layers):
            vectors[layer] = places[label] * 0.4 + rng.normal(size=(n, width)) * spread * (1 + 0.5 * layer)
        return Words(vectors, label.astype(str))

    return draw(60_000), draw(12_000)


if __name__ == "__main__":
    main()
