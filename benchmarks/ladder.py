"""Sentence vectors of all-MiniLM-L6-v2, rung by rung, against transformers as one would call it: float32, the given order, batches of 32.

    python benchmarks/ladder.py [MODEL] [--against WHOLE] [--texts 400] [--threads 1 2] [--repeats 3] [--rungs NAME ...] [--processor]

Texts are SICK, banking77, WNUT and MultiNLI sentences, shuffled; times hold tokenisation. The change is that of SICK's Spearman correlation.
`--processor` reads the processor's clock instead of the wall's, for one thread on a busy core.
"""

import argparse
import time
from dataclasses import replace

import torch

import bertology as bt
import mixed
from bertology.compress.inference.ladder import BASE, RUNGS, ladder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="minilm")
    parser.add_argument("--against", default=None, help="the encoder that MODEL was made from, as the base")
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rungs", nargs="+", default=list(RUNGS), choices=list(RUNGS))
    parser.add_argument("--processor", action="store_true")
    options = parser.parse_args()
    texts = mixed.texts(options.texts)
    task = mixed.relatedness()
    if task is not None:  # nothing is trained: every pair is a test
        task = replace(task, test=(*task.train, *task.dev, *task.test))
    shown = lambda x, form: "" if x is None else format(x, form)
    clock = time.process_time if options.processor else time.perf_counter
    for threads in options.threads:
        torch.set_num_threads(threads)
        encoder = bt.load(options.model)
        whole = bt.load(options.against) if options.against else None
        made = ladder(
            encoder, texts, task=task, rungs=options.rungs, repeats=options.repeats, against=whole, clock=clock
        )
        units = ", ".join(name for name, there in made.machine.items() if there == "yes")
        print(f"\n{made.encoder}, {threads} thread(s), {made.texts} texts, {made.padding[0]:.2f} padded subwords for a real one ({made.padding[1]:.2f} after splitting); {made.machine['processor']}: {units}")  # fmt: skip
        print(
            "| rung | seconds | times the base | lowest cosine | nearest texts kept | off by | change of rho | refused |\n|---|---|---|---|---|---|---|---|"
        )
        for r in made.rungs:
            change = (
                f"{r.change.value:+.4f}"
                if r.change
                else ""
                if r.name != BASE or made.score is None
                else f"({made.score.value:.4f})"
            )
            print(f"| {r.name} | {r.seconds:.2f} | **{r.speedup.value:.2f}x** [{r.speedup.low:.2f}, {r.speedup.high:.2f}] | {shown(r.drift.least, '.4f')} | {shown(r.drift.neighbours, '.1%')} | {shown(r.drift.largest, '.1e')} | {change} | {r.refused} |", flush=True)  # fmt: skip
        for name, why in made.absent.items():
            print(f"| {name} | | not tried: {why} | | | | | |")
        print(f"best: {made.best.name}, {made.best.speedup.value:.2f}x", flush=True)


if __name__ == "__main__":
    main()
