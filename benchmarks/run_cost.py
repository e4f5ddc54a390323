"""What all claims of a run observe, against bare forward passes of the same batches; and how fast the survey is listed.

python benchmarks/run_cost.py [--scale 1]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

import torch

import bertology as bt
from bertology.claims import registry
from bertology.corpus.corpora import Corpora
from bertology.judging import first_wishes
from bertology.observe.planner import Pass, Planner
from bertology.observe.reading import observing
from bertology.observe.wishes import asks_of
from bertology.record.folder import RunFolder


def bare(planner: Planner, group: Pass) -> float:
    """Forward passes on the loaded backend that keep nothing."""
    encoder = planner.twin if group.twin else planner.encoder
    started = time.perf_counter()
    with torch.inference_mode():
        for batch in encoder.batches(group.corpus):
            encoder.base(**encoder.inputs(group.under.change(batch, encoder) if group.under else batch))
    return time.perf_counter() - started


def observed(planner: Planner, group: Pass, place: str) -> float:
    """The same batches with every statistic that the claims ask for."""
    encoder = planner.twin if group.twin else planner.encoder
    encoded, folder = encoder.encode(group.corpus), RunFolder.open(place, {})
    states = [
        s.start(encoder, encoded, lambda name, shape, dtype, i=i: folder.scratch(str(i), name, shape, dtype))
        for i, s in enumerate(group.statistics)
    ]
    started = time.perf_counter()
    with torch.inference_mode():
        for batch, seen in observing(encoder, group.corpus, group.statistics, under=group.under):
            for statistic, state in zip(group.statistics, states, strict=True):
                statistic.update(state, batch, seen, encoder)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    encoder, corpora = bt.load("minilm"), Corpora.load(scale=options.scale)
    print("| pass | statistics | bare | observed | ratio |\n|---|---|---|---|---|")
    whole = [0.0, 0.0]
    with tempfile.TemporaryDirectory() as place:
        planner = Planner(encoder, RunFolder.open(place, {}))
        for group in planner.group(
            [a for _, wish in first_wishes(registry.select(), encoder, corpora) for a in asks_of(wish)]
        ):
            if group.gradients:
                continue
            bare(planner, group)
            pairs = []
            for k in range(3):
                with tempfile.TemporaryDirectory() as scratch:
                    pairs.append((bare(planner, group), observed(planner, group, f"{scratch}/{k}")))
            b, o = (statistics.median(column) for column in zip(*pairs, strict=True))
            whole[0], whole[1] = whole[0] + b, whole[1] + o
            print(f"| {group.name} | {len(group.statistics)} | {b:.2f} s | {o:.2f} s | {o / b:.2f}x |")
    print(f"| all passes | | {whole[0]:.1f} s | {whole[1]:.1f} s | {whole[1] / whole[0]:.2f}x |")
    starts = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", "from bertology.cli import main; main()", "list"], capture_output=True, check=True
        )
        starts.append(time.perf_counter() - started)
    print(f"`bertology list`, cold: {statistics.median(starts):.2f} s (median of 5)")


if __name__ == "__main__":
    main()
