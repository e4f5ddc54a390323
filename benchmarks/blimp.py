"""BLiMP accuracy of an encoder beside its random twin, a unigram and a bigram model of its training text.

    python benchmarks/blimp.py [MODEL] [--pairs 1000] [--text FILES] [--precision bfloat16] [--json FILE]

Macro accuracy over the paradigms in $BERTOLOGY_DATA or ../shared/data (blimp/), the first `--pairs` of each; pseudo-log-likelihood of
Salazar et al. 2020 and with later subwords of a word masked too (Kauf & Ivanova 2023); a tie is a mistake. The n-gram models are counted
on the texts that primer-mini was trained on (novels), or on those given.
"""

import argparse
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import bertology as bt
from bertology.behave import NGrams, PairAccuracy, accuracy, score
from bertology.corpus import minimal_pairs
from bertology.corpus.sentence import Corpus


def first(pairs: Corpus, n: int) -> Corpus:
    """The first n pairs of each phenomenon."""
    seen: Counter[str] = Counter()
    kept = []
    for good, bad in zip(pairs.sentences[0::2], pairs.sentences[1::2], strict=True):
        if seen[good.labels["phenomenon"]] < n:
            seen[good.labels["phenomenon"]] += 1
            kept += [good, bad]
    return replace(pairs, sentences=tuple(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=None)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--text", nargs="*", default=None)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (data / "blimp").is_dir():
        print(f"no BLiMP in {data}: nothing measured")
        return
    pairs = first(minimal_pairs.read(data / "blimp"), options.pairs)
    encoder = bt.load(options.model)
    found: dict[str, PairAccuracy] = {}
    for name, method in (("pseudo-log-likelihood", "pll"), ("the same, words left to right", "pll-word-l2r")):
        scores = score(encoder, pairs, method=method, precision=options.precision)
        found[f"{encoder.name}, {name}"] = accuracy(pairs, scores.totals, scores.kept)
        print_row(f"{encoder.name}, {name}", found)
    twin = score(encoder.randomised(0), pairs, method="pll", precision=options.precision)
    found["random twin"] = accuracy(pairs, twin.totals, twin.kept)
    print_row("random twin", found)
    files = options.text or sorted((data / "text_gutenberg_novels").glob("*.txt.gz"))
    counted = NGrams.of_files(encoder.tokenizer, files)
    for order, name in ((1, "unigrams"), (2, "bigrams")):
        totals, kept = counted.score(encoder, pairs, order)
        found[name] = accuracy(pairs, totals, kept)
        print_row(name, found)
    if options.json is not None:
        content = {
            name: {"macro": a.macro.to_json(), **{k: e.value for k, e in a.by_phenomenon.items()}}
            for name, a in found.items()
        }
        options.json.write_text(json.dumps(content, indent=1))


def print_row(name: str, found: dict[str, PairAccuracy]) -> None:
    if len(found) == 1:
        print("| model | macro accuracy | pairs |\n|---|---|---|")
    print(f"| {name} | {found[name].macro} | {found[name].macro.n:,} |", flush=True)


if __name__ == "__main__":
    main()
