"""`--speedup 2x` on an encoder tuned for banking77: the speed that comes out, the accuracy that is kept, beside parts drawn at random.

    python benchmarks/speedup.py [--model minilm] [--speedup 2] [--train 4000] [--epochs 8] [--abilities "parse trees,functional attributes"]

The speed is measured here, at 32 x 32 subwords, before and after in turns; the accuracy is on the test part, with its interval over examples.
"""

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import bertology as bt
from bertology import compressing
from bertology.compress.inference.latency import forward, seconds
from bertology.compress.recipe import STANDARD, Goal
from bertology.encoder import Encoder
from bertology.record.estimate import Estimate
from bertology.train.task import read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--speedup", type=float, default=2.0)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--abilities", default="parse trees,functional attributes,word senses")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    task = read(data / "banking77" / "train.csv.gz").limited(options.train)
    encoder = bt.load(options.model)
    tuning = replace(STANDARD, epochs=options.epochs, rate=options.rate, precision="bfloat16")
    with tempfile.TemporaryDirectory() as place:
        like = None
        for recipe in ("structured", "structured-random"):
            abilities = [a for a in options.abilities.split(",") if a] or None
            done = compressing.compress(
                encoder, recipe, Path(place) / recipe, task=task, goal=Goal(speedup=options.speedup), tuning=tuning,
                abilities=abilities, scale=0.5, like=like,
            )  # fmt: skip
            like = Path(place) / recipe
            print(f"{recipe}: {measured(bt.load(like / 'whole'), bt.load(done.model))} times as fast as measured")
            print("\n".join(f"  {line}" for line in done.lines()[:-2]), flush=True)


def measured(whole: Encoder, small: Encoder) -> Estimate:
    """The speed-up of the trunk at 32 x 32 subwords: the median of ratios taken in turns, with the middle 95 % of bootstrap medians."""
    calls = [forward(one, batch=32, length=32) for one in (whole, small)]
    ratios = np.array([seconds(calls[0], repeats=1) / seconds(calls[1], repeats=1) for _ in range(25)])
    drawn = np.median(np.random.default_rng(0).choice(ratios, (1000, len(ratios))), axis=1)
    return Estimate(
        float(np.median(ratios)), *map(float, np.quantile(drawn, [0.025, 0.975])), len(ratios), "x", "paired"
    )


if __name__ == "__main__":
    main()
