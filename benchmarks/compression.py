"""Our own Table 1: every compression recipe on an encoder tuned for a task, with what each saved, kept and forgot.

    python benchmarks/compression.py [OUT] [--model minilm] [--task "banking77, 12 intents"] [--train 600] [--epochs 5] [--scale 0.3]
        [--recipes a,b] [--abilities a,b|none] [--table]

One folder a recipe under OUT (as `bertology compress` writes it); the same command goes on with what is not there. The tuned whole encoder and
its abilities are made once and shared. `--table` prints the table of what is there and draws OUT/pareto.html. Tasks are read
from $BERTOLOGY_DATA or ../shared/data, running text from the embedded corpus.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch

import bertology as bt
from bertology import compressing
from bertology.compress.recipe import STANDARD
from bertology.compress.recipes import RECIPES
from bertology.corpus.corpora import Corpora
from bertology.record.errors import BadInput, NotApplicable
from bertology.record.retention import FILE, Retention
from techniques import tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path("runs/compression"))
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--task", default="banking77, 12 intents")
    parser.add_argument("--train", type=int, default=600)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--abilities", default="")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.table:
        print_table(options.out)
        return
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    task = next((t for t in tasks(data, options.train, options.test) if t.name == options.task), None)
    if task is None:
        raise SystemExit(f"no task {options.task!r} under {data}")
    encoder = bt.load(options.model)
    text = Corpora.load({}, scale=options.scale).text
    tuning = replace(STANDARD, epochs=options.epochs, rate=options.rate)
    abilities = None if options.abilities == "none" else [a for a in options.abilities.split(",") if a]
    first = next((f.parent for f in options.out.glob(f"*/{FILE}")), None)
    for name in options.recipes.split(","):
        place = options.out / name
        try:
            done = compressing.compress(
                encoder, name, place, task=task, text=text, abilities=abilities, scale=options.scale, tuning=tuning,
                protect=("parse trees",) if name.startswith("by-ability") else (), least=0.9, like=first,
            )  # fmt: skip
        except (BadInput, NotApplicable) as error:
            print(f"{name}: {error}", flush=True)
            continue
        first = first or place
        print("\n".join(done.lines()[:-2]), flush=True)


def print_table(out: Path) -> None:
    """A row a recipe; percent of what the tuned whole encoder had."""
    folders = sorted(
        (f.parent for f in out.glob(f"*/{FILE}")),
        key=lambda f: list(RECIPES).index(f.name) if f.name in RECIPES else 99,
    )
    print(
        "| recipe | study | parameters | bytes | batch 1 | batch 32 | task kept | above majority | worst ability | forgot |"
    )
    print("|---" * 10 + "|")
    for folder in folders:
        r = Retention.read(folder)
        percent = lambda e: f"{100 * e.value:.0f} % [{100 * e.low:.0f}, {100 * e.high:.0f}]" if e is not None else ""
        worst = f"{r.worst.ability} {100 * r.worst.retention.value:.0f} %" if r.worst and r.worst.retention else ""
        forgot = ", ".join(k.ability for k in r.of("forgot"))
        codes = "*" if r.after.simulated else ""
        study = RECIPES[folder.name].study if folder.name in RECIPES else ""
        cells = [folder.name, study, f"{r.fewer:.2f}x", f"{r.smaller:.2f}x{codes}", *(f"{r.faster.get(b, 1):.2f}x" for b in ("1", "32"))]  # fmt: skip
        print("| " + " | ".join([*cells, percent(r.score_kept), percent(r.above_majority), worst, forgot]) + " |")
    print(compressing.pareto(folders, out / "pareto.html"))


if __name__ == "__main__":
    main()
