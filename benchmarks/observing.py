"""Reading a treebank: word vectors of all layers and statistics of all heads, against the loop one would write today.

The plain loop pads batches in corpus order, asks transformers for hidden states and attentions of every layer, and keeps nothing.
Ours keeps the word vectors of every layer on disk and the mass and pointing statistics of every head. Real EWT when its
folder is there (BERTOLOGY_DATA, or ../shared/data beside the repository), else the embedded grammar.

    python benchmarks/observing.py [--sentences 4000] [--repeats 3]
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

import bertology as bt
from bertology.corpus import conllu, grammar
from bertology.corpus.sentence import Corpus
from bertology.encoder.load import embedded
from bertology.observe import AttentionMass, LinkAttention, Planner, WordVectors, measure
from bertology.record.folder import RunFolder


def corpus(sentences: int | None) -> Corpus:
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    file = data / "ud_english_ewt" / "en_ewt-ud-train.conllu.gz"
    if file.is_file():
        whole = conllu.read(file)
    else:
        print("no EWT here: the embedded grammar instead, whose sentences are of similar length (less padding to save)")
        whole = grammar.treebank(sentences or 12_000)
    return whole if sentences is None else whole.sample(sentences)


def plain(texts: list[str]) -> None:
    """Batches of 32 in corpus order, padded to the longest; everything is asked for, nothing is kept."""
    model = AutoModel.from_pretrained(embedded("minilm"), attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(embedded("minilm"), model_max_length=512)
    tokenizer.backend_tokenizer.no_truncation()
    with torch.no_grad():
        for start in range(0, len(texts), 32):
            batch = tokenizer(texts[start : start + 32], padding=True, return_tensors="pt")
            model(**batch, output_hidden_states=True, output_attentions=True)


def ours(encoder: bt.encoder.Encoder, treebank: Corpus) -> None:
    encoder._encoded.clear()
    with tempfile.TemporaryDirectory() as place:
        planner = Planner(encoder, RunFolder.open(place, {}))

        def ask():
            return (yield from measure(WordVectors(limit=10**9), AttentionMass(), LinkAttention(), over=treebank))

        ((_, answer),) = planner.outcomes({"benchmark": ask()})
        if isinstance(answer, Exception):
            raise answer


def timed(action, *arguments) -> float:
    started = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    treebank, encoder = corpus(options.sentences), bt.load("minilm")
    texts = [s.text for s in treebank]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    mine = [timed(ours, encoder, treebank)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    theirs = [timed(plain, texts)]
    for _ in range(options.repeats - 1):
        mine.append(timed(ours, encoder, treebank))
        theirs.append(timed(plain, texts))
    ratios = [t / m for t, m in zip(theirs, mine, strict=True)]
    words = sum(map(len, treebank))
    print(
        f"{treebank.name}: {len(treebank):,} sentences, {words:,} words; {encoder.name}, {torch.get_num_threads()} threads"
    )
    print("| work | plain loop | bertology | ratio (median; range) | peak memory |")
    print("|---|---|---|---|---|")
    print(
        f"| all layers' word vectors + all heads' statistics | {statistics.median(theirs):.1f} s (keeps nothing) "
        f"| {statistics.median(mine):.1f} s | {statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f}) "
        f"| {peak:.2f} GiB ({before:.2f} GiB before the pass) |"
    )


if __name__ == "__main__":
    main()
