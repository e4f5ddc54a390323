"""Pseudo-log-likelihoods against minicons (Misra 2022): the largest difference between sentences, and seconds of one core.

    python benchmarks/against_minicons.py --python VENV/bin/python [MODEL] [--sentences 200] [--repeats 3]

minicons needs transformers 4: `python -m venv VENV; VENV/bin/pip install minicons 'transformers<5'`. It runs in a process of its own,
on the same folder, the same sentences (BLiMP's from $BERTOLOGY_DATA or ../shared/data, else embedded) and one thread. Seconds are those of
the processor, the best of the repeats after a warm one; minicons gets the best of three batch sizes.
Where a tokenizer splits what is one word here ("hasn't"), the two disagree on which subwords belong together when a word is masked from left
to right; such sentences are counted apart.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

METHODS = {"pll": "original", "pll-word-l2r": "within_word_l2r"}
BATCHES = (1, 16, 64)


def best_of(repeats: int, work) -> tuple[list[float], float]:
    """The answer, and the fewest processor seconds after one warm run."""
    answer = work()
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        answer = work()
        seconds.append(time.process_time() - started)
    return answer, min(seconds)


def theirs(folder: str, sentences: list[str], repeats: int) -> dict:
    """What minicons finds; runs under its own interpreter."""
    from importlib.metadata import version

    import minicons.scorer
    import torch
    import transformers

    torch.set_num_threads(1)
    config = json.loads(Path(folder, "tokenizer_config.json").read_text())
    names = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(Path(folder, "tokenizer.json")), **{name: config[name] for name in names}
    )
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32)
    scorer = minicons.scorer.MaskedLMScorer(model, "cpu", tokenizer=tokenizer)
    words = [[scorer.tokenizer(s).word_ids().count(i) for i in range(200)] for s in sentences]
    found: dict = {
        "versions": f"minicons {version('minicons')}, transformers {transformers.__version__}",
        "words": words,
    }
    for method, metric in METHODS.items():
        runs = []
        for size in BATCHES:
            parts = [sentences[i : i + size] for i in range(0, len(sentences), size)]
            score = lambda p=parts, m=metric: [
                value for part in p for value in scorer.sequence_score(part, reduction=_sum, PLL_metric=m)
            ]
            runs.append(best_of(repeats, score))
        found[method] = {"totals": runs[0][0], "seconds": min(seconds for _, seconds in runs)}
    return found


def _sum(values) -> float:
    return values.sum(0).item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", nargs="?", default=None, help="a folder with a BERT that has a masked-language-model head"
    )
    parser.add_argument("--python", required=True, help="the interpreter that has minicons")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()

    import numpy as np
    import torch

    import bertology as bt
    from bertology.behave import score
    from bertology.corpus import grammar, minimal_pairs
    from bertology.corpus.sentence import Corpus

    torch.set_num_threads(1)
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data")) / "blimp"
    pairs = minimal_pairs.read(data) if data.is_dir() else grammar.minimal_pairs(20)
    good = pairs.sentences[0::2]
    corpus = Corpus(pairs.name, good[:: max(1, len(good) // options.sentences)][: options.sentences])
    folder = Path(options.model or Path(bt.__file__).parent / "encoder" / "primer_mini").resolve()
    work = json.dumps([str(folder), [s.text for s in corpus], options.repeats])
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [options.python, __file__, "--theirs"], input=work, text=True, capture_output=True, env=environment
    )
    if ran.returncode:
        sys.exit(f"{options.python} could not score with minicons:\n{ran.stderr[-2000:]}")
    other = json.loads(ran.stdout.splitlines()[-1])
    encoder = bt.load(folder)
    assert all(line.index == i for i, line in enumerate(encoder.encode(corpus).lines)), "a sentence could not be read"
    sizes = [[len(p) for p in line.pieces] for line in encoder.encode(corpus).lines]
    alike = np.array([own == [n for n in theirs if n] for own, theirs in zip(sizes, other["words"], strict=True)])
    print(f"{encoder.name}, {len(corpus)} sentences of {corpus.name}, float32; {other['versions']}")
    print(
        "| method | minicons | sentences | largest difference, nats | seconds here | minicons | ratio |\n|---|---|---|---|---|---|---|"
    )
    for method, metric in METHODS.items():
        totals, seconds = best_of(options.repeats, lambda m=method: score(encoder, corpus, method=m).totals)
        apart = np.abs(totals - np.array(other[method]["totals"]))
        fair = alike if method == "pll-word-l2r" else np.ones(len(apart), dtype=bool)
        took = other[method]["seconds"]
        print(
            f"| {method} | {metric} | {fair.sum()} | {apart[fair].max():.2g} | {seconds:.2f} | {took:.2f} | {took / seconds:.2f}x |"
        )
        if not fair.all():
            print(f"| {method}, words split otherwise | {metric} | {(~fair).sum()} | {apart[~fair].max():.2g} | | | |")


if __name__ == "__main__":
    if sys.argv[1:] == ["--theirs"]:
        print(json.dumps(theirs(*json.loads(sys.stdin.read()))))
    else:
        main()
