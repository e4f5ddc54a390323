"""Real text of mixed lengths for benchmarks: SICK, banking77, WNUT and MultiNLI, shuffled; the embedded text where they are not."""

import csv
import gzip
import io
import os
from pathlib import Path

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.train.task import Task, read

DATA = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))


def texts(n: int, seed: int = 0) -> list[str]:
    """`n` texts in all, a quarter from each."""
    if not DATA.is_dir():
        return [s.text for s in Corpora.load({}).text][:n]
    table = lambda place, separator: list(csv.DictReader(io.StringIO(_read(place)), delimiter=separator))
    tweets = _read("wnut17_ner/emerging.dev.conll.gz").split("\n\n")
    pools = [
        [row["sentence_A"] for row in table("sick/SICK_train.txt.gz", "\t")],
        [row["text"] for row in table("banking77/train.csv.gz", ",")],
        [" ".join(line.split()[0] for line in tweet.splitlines() if line.strip()) for tweet in tweets if tweet.strip()],
        [row["premise"] for row in table("multinli_dev/mnli_dev_part1.csv.gz", ",")],
    ]
    rng = np.random.default_rng(seed)
    drawn = [pool[i] for pool in pools for i in rng.permutation(len(pool))[: n // len(pools)] if pool[i].strip()]
    return [drawn[i] for i in rng.permutation(len(drawn))]


def relatedness() -> Task | None:
    """SICK's pairs with their relatedness; None where SICK is not."""
    file = DATA / "sick" / "SICK_trial.txt.gz"
    return read(file, label="relatedness_score") if file.is_file() else None


def _read(place: str) -> str:
    with gzip.open(DATA / place, "rt", encoding="utf-8") as stream:
        return stream.read()
