"""Pseudo-log-likelihoods: masked-forward tokens a second against the bare encoder on the same tokens, float32 and bfloat16.

    python benchmarks/scoring.py [MODEL] [--pairs 40] [--threads 2]

The sentences are BLiMP's from $BERTOLOGY_DATA or ../shared/data (the first `--pairs` of each paradigm), else the embedded minimal pairs. The bare encoder reads as many
rows of the same lengths in full batches, without head or bookkeeping. benchmarks/against_minicons.py compares with another scorer.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch

import bertology as bt
from bertology.behave import score
from bertology.corpus import grammar, minimal_pairs
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder


def bare(encoder: Encoder, lengths: np.ndarray, budget: int) -> float:
    """Seconds of the trunk alone over rows of these lengths."""
    started = time.perf_counter()
    with torch.inference_mode():
        for length in np.unique(lengths)[::-1].tolist():
            rows = int((lengths == length).sum())
            size = max(1, budget // length)
            for first in range(0, rows, size):
                ids = torch.full((min(size, rows - first), length), 7)
                encoder.base(input_ids=ids, attention_mask=torch.ones_like(ids))
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=None)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data")) / "blimp"
    pairs = minimal_pairs.read(data) if data.is_dir() else grammar.minimal_pairs(options.pairs, seed=0)
    pairs = Corpus(pairs.name, pairs.sentences[:: max(1, len(pairs) // (2 * 50 * options.pairs))])
    encoder = bt.load(options.model)
    lines = encoder.encode(pairs).lines
    lengths = np.repeat([len(line.ids) for line in lines], [int((~line.special).sum()) for line in lines])
    print(
        f"{encoder.name}, {len(lines):,} sentences, {len(lengths):,} masked rows, {lengths.sum():,} tokens, {options.threads} thread(s)"
    )
    print("| what | tokens/s | share of the bare encoder | largest difference, nats |\n|---|---|---|---|")
    times: dict[str, float] = {"bare": np.inf, "float32": np.inf, "bfloat16": np.inf}
    scores = {}
    for _ in range(options.repeats):
        times["bare"] = min(times["bare"], bare(encoder, lengths, 8192))
        for precision in ("float32", "bfloat16"):
            started = time.perf_counter()
            scores[precision] = score(encoder, pairs, method="pll", precision=precision)
            times[precision] = min(times[precision], time.perf_counter() - started)
    exact = scores["float32"].totals
    base = times["bare"]
    print(f"| bare encoder, float32 | {lengths.sum() / base:,.0f} | 100 % | |")
    for precision, scored in scores.items():
        drift = np.abs(scored.totals - exact).max()
        print(
            f"| scoring, {precision} | {lengths.sum() / times[precision]:,.0f} | {100 * base / times[precision]:.0f} % | {drift:.2g} |"
        )


if __name__ == "__main__":
    main()
