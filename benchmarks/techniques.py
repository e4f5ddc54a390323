"""Every fine-tuning recipe on seven tasks: scores with intervals, spread over seeds, seconds.

    python benchmarks/techniques.py [RESULTS.jsonl] [--model MODEL] [--train 400] [--test 500] [--epochs 6] [--seeds 5] [--recipes a,b] [--tasks a,b] [--table]

Small encoders take four times the published rates (the frozen ones' own excepted), and recipes shorter than `--epochs` are lengthened to it. A result is
a line of the file; the same command goes on with what is not there. `--table` prints the file as a table. Tasks are read from
$BERTOLOGY_DATA or ../shared/data; those that are not there are named and left out.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

import bertology as bt
from bertology.corpus import conllu
from bertology.record.errors import BadInput, BadRequest
from bertology.train.finetune import FineTuning, finetune
from bertology.train.finetuning_recipes import RECIPES
from bertology.train.task import Task, read
from bertology.train.tasks import parts_of_speech


def tasks(data: Path, n_train: int, n_test: int, only: tuple[str, ...] = ("",)) -> Iterator[Task]:
    sources = {
        "banking77, 12 intents": lambda: of_intents(read(data / "banking77" / "train.csv.gz"), 12),
        "clinc150, 12 intents": lambda: of_intents(read(data / "clinc150" / "data_full_trainval.json.gz"), 12),
        "multinli": lambda: read(data / "multinli_dev" / "mnli_dev_part1.csv.gz"),
        "counterfactual nli": lambda: read(
            {
                part: [data / "counterfactual_nli" / kind / f"{part}.tsv.gz" for kind in _REVISIONS]
                for part in ("train", "dev")
            }
        ),
        "wnut17": lambda: read(
            {
                "train": data / "wnut17_ner" / "wnut17train.conll.gz",
                "dev": data / "wnut17_ner" / "emerging.dev.conll.gz",
            }
        ),
        "sick": lambda: read(
            {"train": data / "sick" / "SICK_train.txt.gz", "dev": data / "sick" / "SICK_trial.txt.gz"},
            label="relatedness_score",
        ),
        "UD POS": lambda: parts_of_speech(conllu.read(data / "ud_english_ewt" / "en_ewt-ud-dev.conllu.gz")),
    }
    for name, source in sources.items():
        if not name.startswith(only):
            continue
        try:
            task = source().limited(n_train)
        except (BadInput, OSError) as error:
            print(f"{name} is left out: {error}")
            continue
        yield replace(task, name=name, dev=task.dev[: n_test // 2], test=task.test[:n_test])


def of_intents(task: Task, n: int) -> Task:
    """The examples of the `n` labels that training has most of: a few hundred examples say nothing about 150 labels."""
    kept = {label for label, _ in Counter(e.label for e in task.train).most_common(n)}
    parts = {part: tuple(e for e in getattr(task, part) if e.label in kept) for part in ("train", "dev", "test")}
    return replace(task, labels=tuple(label for label in task.labels if label in kept), **parts)


def lengthened(recipe: FineTuning, epochs: float) -> FineTuning:
    rate = recipe.rate if recipe.rate >= 3e-4 else 4 * recipe.rate
    return replace(recipe, epochs=max(epochs, recipe.epochs), rate=rate, precision="bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("runs/techniques.jsonl"))
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--train", type=int, default=400)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--tasks", default="", help="only tasks whose names begin so: banking,clinc")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = [json.loads(line) for line in options.results.open()] if options.results.exists() else []
    if options.table:
        print_table(done)
        return
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    encoder = bt.load(options.model)
    found = list(tasks(data, options.train, options.test, tuple(options.tasks.split(","))))
    known = {(line["model"], line["recipe"], line["task"]) for line in done}
    for name in options.recipes.split(","):
        for task in found:
            if (encoder.name, name, task.name) in known:
                continue
            try:
                tuned = finetune(encoder, task, lengthened(RECIPES[name], options.epochs), seeds=options.seeds)
            except BadRequest as error:
                print(f"{name}, {task.name}: {error}", flush=True)
                continue
            line = {
                "model": encoder.name, "recipe": name, "task": task.name, "measure": task.measure, "mean": tuned.estimate.value,
                "low": tuned.estimate.low, "high": tuned.estimate.high, "spread": tuned.spread, "seeds": options.seeds,
                "train": len(task.train), "test": len(task.test), "majority": task.majority, "trained": tuned.outcomes[0].trained,
                "seconds": sum(o.seconds for o in tuned.outcomes) / options.seeds,
            }  # fmt: skip
            options.results.parent.mkdir(parents=True, exist_ok=True)
            with options.results.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(f"{name}, {task.name}: {tuned.estimate}, {line['seconds']:.1f} s a seed", flush=True)


def print_table(lines: list[dict]) -> None:
    """Per model: a row for each recipe, a column for each task; the mean with its interval, and seconds a seed over all tasks."""
    for model in dict.fromkeys(line["model"] for line in lines):
        here = {(line["recipe"], line["task"]): line for line in lines if line["model"] == model}
        columns = list(dict.fromkeys(task for _, task in here))
        first = {task: next(line for (_, t), line in here.items() if t == task) for task in columns}
        print(
            f"\n{model}\n\n| recipe | " + " | ".join(f"{t} ({first[t]['measure']})" for t in columns) + " | seconds |"
        )
        print("|---" * (len(columns) + 2) + "|")
        print("| most frequent label | " + " | ".join(f"{100 * first[t]['majority']:.1f}" for t in columns) + " | |")
        for recipe in dict.fromkeys(recipe for recipe, _ in here):
            row = [here.get((recipe, task)) for task in columns]
            cells = [f"{100 * c['mean']:.1f} [{100 * c['low']:.1f}, {100 * c['high']:.1f}]" if c else "" for c in row]
            print(f"| {recipe} | " + " | ".join(cells) + f" | {sum(c['seconds'] for c in row if c):.0f} |")


_REVISIONS = ("original", "revised_premise", "revised_hypothesis")

if __name__ == "__main__":
    main()
