"""Sentence vectors without padding waste, float32, against padded batches of 32 in the given order, and one batch of equal lengths.

    python benchmarks/unpadding.py [MODEL] [--texts 400] [--threads 1] [--repeats 5] [--processor]

Ratios are paired within a repeat. Uniform texts are of one length, 8, 32 or 128 subwords, 32 of them: nothing can be won, and nothing may be lost.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import bertology as bt
import mixed
from bertology.compress.inference import unpadded
from bertology.compress.inference.unpadded import cost_of, lines, outputs, pooled, split, trunk


def padded(run: Any, texts: Any, rows: int = 32) -> np.ndarray:
    found = []
    for k in range(0, len(texts.ids), rows):
        given = texts.batch(range(k, min(k + rows, len(texts.ids))))
        found.append(pooled(run(given), given["attention_mask"]))
    return np.concatenate(found)


def ours(encoder: Any, run: Any, texts: Any) -> np.ndarray:
    found = np.empty((len(texts.ids), encoder.width), dtype=np.float32)
    for rows, given, out in outputs(encoder, texts, run):
        found[rows] = pooled(out, given["attention_mask"])
    return found


def ratio(a: Callable[[], Any], b: Callable[[], Any], repeats: int, clock: Callable[[], float]) -> tuple[float, float]:
    a(), b()
    found = []
    for _ in range(repeats):
        marks = [clock()]
        for call in (a, b):
            call()
            marks.append(clock())
        found.append((marks[1] - marks[0]) / (marks[2] - marks[1]))
    return float(np.median(found)), min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="minilm")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    encoder = bt.load(options.model)
    run, clock = trunk(encoder), time.process_time if options.processor else time.perf_counter
    started = time.perf_counter()
    cost = cost_of(encoder, run, lines(encoder, ["a"]).names)
    print(
        f"{encoder.name}, {options.threads} thread(s); cost measured in {time.perf_counter() - started:.1f} s: {cost}"
    )
    print(
        "| texts | subwords, padded over real: base, ours | calls | times the base (worst) | largest difference |\n|---|---|---|---|---|"
    )
    real = lines(encoder, mixed.texts(options.texts), most=256)
    rng = np.random.default_rng(0)
    uniform = [(f"32 of {n} subwords", unpadded.Lines([rng.integers(1000, 9000, n).tolist()] * 32, [[0] * n] * 32, real.pad, real.names)) for n in (8, 32, 128)]  # fmt: skip
    for name, texts in ((f"{len(real.ids)} real, mixed", real), *uniform):
        made = split(texts.lengths, cost)
        size = texts.lengths
        waste = sum(size[k : k + 32].max() * len(size[k : k + 32]) for k in range(0, len(size), 32)) / size.sum()
        repeats = options.repeats * (1 if texts is real else 5)
        times, worst = ratio(partial(padded, run, texts), partial(ours, encoder, run, texts), repeats, clock)
        off = np.abs(padded(run, texts) - ours(encoder, run, texts)).max()
        print(f"| {name} | {waste:.2f}, {made.padding:.2f} | {len(made.batches)} | **{times:.2f}x** ({worst:.2f}) | {off:.1e} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
