"""Fine-tuning a sentence classifier with length-sorted batches, against transformers' Trainer with its defaults.

    python benchmarks/finetuning.py [--task FILE] [--limit 1500] [--epochs 3] [--threads 2]

Both sides start from all-MiniLM-L6-v2 with the same head class, batches of 32, rate 2e-4 and linear decay with a tenth of warm-up, float32. The
Trainer pads each batch of shuffled examples to its longest; its default batch of 8 is replaced by 32, or the ratio would be larger.
Accuracy is on the same test examples. The task is banking77 from $BERTOLOGY_DATA or ../shared/data where it is, else acceptability of
the embedded minimal pairs.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

import bertology as bt
from bertology.corpus.corpora import Corpora
from bertology.train.classifier import classifier
from bertology.train.finetune import FineTuning, finetune
from bertology.train.task import Task, read
from bertology.train.tasks import acceptability


def trainer(encoder: Any, task: Task, epochs: float, place: str) -> tuple[float, float]:
    tokenizer = encoder.tokenizer
    number = {name: k for k, name in enumerate(task.labels)}
    encode = lambda part: [
        {**{k: v[i] for k, v in made.items()}, "labels": number[e.label]}
        for made in [tokenizer([e.texts[0] for e in part], truncation=True, max_length=256)] for i, e in enumerate(part)
    ]  # fmt: skip
    model = classifier(encoder, task, 0)
    arguments = TrainingArguments(
        place, per_device_train_batch_size=32, per_device_eval_batch_size=64, num_train_epochs=epochs, learning_rate=2e-4, warmup_steps=0.1, report_to=[], save_strategy="no",
        logging_strategy="no", use_cpu=True, disable_tqdm=True, seed=0,
    )  # fmt: skip
    job = Trainer(model, arguments, train_dataset=encode(task.train), data_collator=DataCollatorWithPadding(tokenizer))
    started = time.perf_counter()
    job.train()
    seconds = time.perf_counter() - started
    guess = job.predict(encode(task.test)).predictions.argmax(-1)
    return seconds, float(np.mean([task.labels[g] == e.label for g, e in zip(guess, task.test, strict=True)]))


def ours(encoder: Any, task: Task, epochs: float, precision: Any) -> tuple[float, float]:
    recipe = FineTuning(epochs=epochs, rate=2e-4, precision=precision)
    started = time.perf_counter()
    tuned = finetune(encoder, task, recipe, seeds=1)
    return time.perf_counter() - started, tuned.estimate.value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", type=Path, default=None)
    parser.add_argument("--limit", type=int, default=1500)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = (
        Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
        / "banking77"
        / "train.csv.gz"
    )
    file = options.task or (data if data.is_file() else None)
    task = (read(file) if file else acceptability(Corpora.load({}).pairs)).limited(options.limit)
    encoder = bt.load("minilm")
    print(
        f"{task.name}: {len(task.train)} training, {len(task.test)} test examples, {options.epochs:g} epochs, {options.threads} thread(s)"
    )
    print("| fine-tuning | seconds (ours with dev and test scores) | ratio | accuracy |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        seconds, accuracy = trainer(encoder, task, options.epochs, place)
    print(f"| Trainer | {seconds:.1f} | 1.00x | {accuracy:.3f} |", flush=True)
    for precision in ("float32", "bfloat16"):
        mine, score = ours(encoder, task, options.epochs, precision)
        print(f"| ours, {precision} | {mine:.1f} | {seconds / mine:.2f}x | {score:.3f} |", flush=True)


if __name__ == "__main__":
    main()
