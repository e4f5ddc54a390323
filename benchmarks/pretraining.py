"""Pre-training, real tokens per second, against transformers' Trainer with its masking collator on the same model and text.

    python benchmarks/pretraining.py [--tokens 300000] [--text FILES] [--threads 2]

Both sides train primer-mini's architecture from the same weights with AdamW on about 4,096 real tokens a step, an example a line. The Trainer pads
lines to the longest of a batch, as `run_mlm --line_by_line` does, in float32. Ours runs twice: as a user would (packed, logits at masked
positions only, number format and attention measured), and in float32 with the Trainer's attention, so that only packing and
masked-only logits differ. A last run is compiled, which takes a minute or two at its start: its speed is that of the second half. Held-out loss is the
mean pseudo-log-likelihood of 200 lines that neither saw; lines are shuffled first, so that what both learn from and what is held out are drawn from
the same novels. Those are from $BERTOLOGY_DATA or ../shared/data where they are, else the embedded grammar.
"""

import argparse
import json
import os
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

from bertology.behave import score
from bertology.corpus import grammar
from bertology.corpus.text import read
from bertology.encoder import wrap
from bertology.encoder.load import load
from bertology.train import pretrain as loop
from bertology.train.layout import Sentences
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.optimizer import AdamW, Schedule
from bertology.train.recipes import primer_mini
from bertology.train.tokenizer import train_tokenizer

RECIPE = replace(
    primer_mini, objectives=(MLM(Masking(rate=0.15)),), layout=Sentences(128), optimizer=AdamW(2e-3, epsilon=1e-8), schedule=Schedule(0.05),
    vocabulary=8192,
)  # fmt: skip


class Lines(Dataset):
    """Tokenised lines, in order, until the budget of real tokens is met."""

    def __init__(self, lines: list[str], tokenizer: Any, tokens: int) -> None:
        self.items, n = [], 0
        for start in range(0, len(lines), 1000):
            for ids in tokenizer(lines[start : start + 1000], truncation=True, max_length=128)["input_ids"]:
                self.items.append({"input_ids": ids})
                n += len(ids)
            if n >= tokens:
                break
        self.tokens = n

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> dict[str, list[int]]:
        return self.items[i]


def trainer(data: Lines, tokenizer: Any, place: str) -> tuple[float, Any]:
    model = RECIPE.architecture.build(tokenizer, 0)
    size = max(1, round(4096 * len(data) / data.tokens))
    arguments = TrainingArguments(
        place, per_device_train_batch_size=size, num_train_epochs=1, learning_rate=2e-3, warmup_steps=0.05, lr_scheduler_type="linear",
        weight_decay=0.01, report_to=[], save_strategy="no", logging_strategy="no", use_cpu=True, disable_tqdm=True, seed=0,
    )  # fmt: skip
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
    job = Trainer(model, arguments, train_dataset=data, data_collator=collator)
    started = time.perf_counter()
    job.train()
    return data.tokens / (time.perf_counter() - started), wrap(model, tokenizer, name="trainer")


def ours(text: Path, tokenizer: Path, tokens: int, place: str, **options: Any) -> tuple[float, Any]:
    done = loop.pretrain(RECIPE, [text], place, tokens=tokens, tokenizer=tokenizer, checkpoints=1, **options)
    if not options.get("compiled"):
        return done.tokens / done.seconds, load(done.model)
    steps = [json.loads(line) for line in (Path(place) / "log.jsonl").read_text().splitlines()]
    middle, last = steps[len(steps) // 2], steps[-1]
    print(
        f"compiled: the first half took {middle['seconds']:.0f} s, the second {last['seconds'] - middle['seconds']:.0f} s"
    )
    return (last["tokens"] - middle["tokens"]) / (last["seconds"] - middle["seconds"]), load(done.model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=300_000)
    parser.add_argument("--text", nargs="*", default=None)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    novels = (
        Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data")) / "text_gutenberg_novels"
    )
    files = [Path(f) for f in options.text or sorted(novels.glob("*.txt.gz"))[:8]]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if not files:
            print("no novels here: the embedded grammar instead")
            (place / "text.txt").write_text("\n".join(s.text for s in grammar.text(6000)), encoding="utf-8")
            files = [place / "text.txt"]
        paragraphs = [s.text for file in files for s in read(file, max_words=14).sentences]
        random.Random(0).shuffle(paragraphs)
        held_out, lines = paragraphs[:200], paragraphs[200:]
        (place / "all.txt").write_text("\n\n".join(lines), encoding="utf-8")  # a document a line
        (place / "held-out.txt").write_text("\n\n".join(held_out), encoding="utf-8")
        tokenizer = train_tokenizer([place / "all.txt"], size=8192, segments=False)
        data = Lines(lines, tokenizer, options.tokens)
        (place / "lines.txt").write_text("\n\n".join(lines[: len(data)]), encoding="utf-8")
        tokenizer.save_pretrained(place / "tokenizer")
        check = read(place / "held-out.txt", max_words=100)
        runs = {
            "Trainer, padded lines, float32": lambda: trainer(data, tokenizer, str(place / "hf")),
            "ours, float32, same attention": lambda: ours(
                place / "lines.txt",
                place / "tokenizer",
                data.tokens,
                str(place / "a"),
                precision="float32",
                attention="sdpa",
            ),
            "ours, as it chooses": lambda: ours(
                place / "lines.txt", place / "tokenizer", data.tokens, str(place / "b")
            ),
            "ours, compiled (second half of the steps)": lambda: ours(
                place / "lines.txt", place / "tokenizer", data.tokens, str(place / "c"), compiled=True
            ),
        }
        print(f"{data.tokens:,} tokens of {len(data):,} lines, {options.threads} thread(s), torch {torch.__version__}")
        print("| training | real tokens/s | ratio | held-out nats a subword |\n|---|---|---|---|")
        base = None
        for name, run in runs.items():
            speed, encoder = run()
            base = base or speed
            scores = score(encoder, check, method="pll")
            print(f"| {name} | {speed:,.0f} | {speed / base:.2f}x | {-scores.values.mean():.3f} |", flush=True)


if __name__ == "__main__":
    main()
