"""Structural probes and online codes of all layers at once, against one training for each layer (task, portion).

    python benchmarks/probing.py [--sentences 1500] [--tasks 10] [--layers 0,3,6]

Vectors are those of all-MiniLM-L6-v2 over UD English EWT (dev) from $BERTOLOGY_DATA or ../shared/data, else of the embedded treebank.
Structural: Hewitt & Manning's training as published (autograd, Adam at .001, batches of 20 sentences, L1 loss over squared lengths), as many
epochs, a layer at a time. Online code: scikit-learn's LogisticRegression (standardised, at most 200 iterations) for each layer, task and portion of Voita & Titov
2020. `--layers` times the reference on some layers and multiplies. Both sides: same rows, same threads. Scores of both are shown beside the times.
"""

import argparse
import os
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bertology as bt
from bertology.corpus import conllu, grammar
from bertology.corpus.sentence import Corpus
from bertology.observe import summarise
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.mdl import PORTIONS, online_codes
from bertology.probe.structural import DistanceProbe
from bertology.probe.trees import tree_distances

EPOCHS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=1500)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--rows", type=int, default=8000, help="words whose labels are sent")
    parser.add_argument("--layers", default="", help="layers that the reference is run on; all by default")
    args = parser.parse_args()
    treebank = corpus(args.sentences)
    encoder = bt.load("minilm")
    (table,) = summarise(encoder, treebank, WordVectors(limit=10**7))
    vectors = np.asarray(table.vectors, dtype=np.float32)
    layers = [int(x) for x in args.layers.split(",")] if args.layers else list(range(len(vectors)))
    print(
        f"{encoder.name} over {treebank.name}: {vectors.shape[1]:,} words, {len(vectors)} layers, {torch.get_num_threads()} thread(s)\n"
    )
    print("| work | reference s | ours s | ratio | reference score | our score |\n|---|---|---|---|---|---|")
    structural(vectors, table, treebank, layers)
    online(vectors, table, treebank, layers, args)


def corpus(n: int) -> Corpus:
    data = Path(os.environ.get("BERTOLOGY_DATA", Path(__file__).parents[2] / "shared" / "data"))
    file = data / "ud_english_ewt" / "en_ewt-ud-dev.conllu.gz"
    found = conllu.read(file) if file.is_file() else grammar.treebank(n, seed=0)
    return found.where(lambda s: 3 <= len(s) <= 50, why="shorter than 3 or longer than 50 words").sample(n)


def structural(vectors: np.ndarray, table: WordTable, treebank: Corpus, layers: list[int]) -> None:
    offsets = np.concatenate([[0], np.flatnonzero(np.diff(table.sentence)) + 1, [len(table.sentence)]])
    heads = table.layer_values(treebank, "head")
    order = np.random.default_rng(0).permutation(len(offsets) - 1)
    learn, test = order[: int(0.8 * len(order))], order[int(0.8 * len(order)) :]
    nothing = np.zeros(len(heads), dtype=bool)
    started = time.perf_counter()
    probe = DistanceProbe(rank=64, epochs=EPOCHS).fit(vectors, offsets, heads, sentences=learn)
    mine = time.perf_counter() - started
    uuas = probe.evaluate(vectors, offsets, heads, nothing, sentences=test).uuas
    took, scores = 0.0, []
    for layer in layers:
        started = time.perf_counter()
        map_ = published_training(torch.from_numpy(vectors[layer]), offsets, heads, learn)
        took += time.perf_counter() - started
        single = DistanceProbe(rank=64)
        single.map_ = map_[None]
        scores.append(single.evaluate(vectors[layer][None], offsets, heads, nothing, sentences=test).uuas[0])
    took *= len(vectors) / len(layers)
    print(f"| structural probe, rank 64, {EPOCHS} epochs | {took:.1f} | {mine:.1f} | {took / mine:.1f}x | "
          f"UUAS {np.mean(scores):.3f} | {uuas[layers].mean():.3f} |", flush=True)  # fmt: skip


def published_training(x: torch.Tensor, offsets: np.ndarray, heads: np.ndarray, learn: np.ndarray) -> torch.Tensor:
    torch.manual_seed(0)
    map_ = torch.nn.Parameter((torch.rand(x.shape[1], 64) * 2 - 1) * 0.05)
    adam = torch.optim.Adam([map_], lr=0.001)
    gold = {s: torch.from_numpy(tree_distances(heads[offsets[s] : offsets[s + 1]])).float() for s in learn.tolist()}
    rng = np.random.default_rng(0)
    for _ in range(EPOCHS):
        order = rng.permutation(learn)
        for first in range(0, len(order), 20):
            batch = order[first : first + 20].tolist()
            lengths = torch.tensor([len(gold[s]) for s in batch])
            longest = int(lengths.max())
            padded = torch.zeros(len(batch), longest, x.shape[1])
            target = torch.full((len(batch), longest, longest), -1.0)
            for k, s in enumerate(batch):
                padded[k, : lengths[k]] = x[offsets[s] : offsets[s + 1]]
                target[k, : lengths[k], : lengths[k]] = gold[s]
            z = padded @ map_
            distances = (z[:, :, None] - z[:, None, :]).square().sum(-1)
            there = (target != -1).float()
            loss = (((distances - target).abs() * there).sum((1, 2)) / lengths.float().square()).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return map_.detach()


def online(
    vectors: np.ndarray, table: WordTable, treebank: Corpus, layers: list[int], args: argparse.Namespace
) -> None:
    tasks = list(word_tasks(treebank, table).items())[: args.tasks]
    rows = np.random.default_rng(0).permutation(vectors.shape[1])[: args.rows]
    started = time.perf_counter()
    codes = [code.compression for code in online_codes(vectors, dict(tasks), rows=rows).values()]
    mine = time.perf_counter() - started
    took, scores = 0.0, []
    for layer in layers:
        x = vectors[layer][rows]
        for _, labels in tasks:
            started = time.perf_counter()
            scores.append(reference_code(x, labels[rows]))
            took += time.perf_counter() - started
    took *= len(vectors) / len(layers)
    mean = np.mean([code[layers].mean() for code in codes])
    print(f"| online code, {len(tasks)} tasks, {len(rows):,} words | {took:.1f} | {mine:.1f} | {took / mine:.1f}x | "
          f"compression {np.mean(scores):.2f} | {mean:.2f} |")  # fmt: skip


def word_tasks(treebank: Corpus, table: WordTable) -> dict[str, np.ndarray]:
    """Labels of every word: tags, relations, features, direction of and distance to the head, ..."""
    feats, heads = table.layer_values(treebank, "feats"), table.layer_values(treebank, "head")
    flat = lambda name: table.layer_values(treebank, name).astype(str)
    feature = lambda name: np.array([str(f.get(name, "-")) for f in feats])
    distance = np.where(heads >= 0, heads - table.word, 0)
    found = {
        "upos": flat("upos"), "deprel": np.array([x.partition(":")[0] for x in flat("deprel")]),
        "direction": np.sign(distance).astype(str), "distance": np.minimum(np.abs(distance), 6).astype(str),
        **{name: feature(name) for name in ("Number", "Tense", "VerbForm", "PronType", "Person", "Case", "Definite", "Mood")},
    }  # fmt: skip
    return {name: labels for name, labels in found.items() if len(set(labels)) > 1}


def reference_code(x: np.ndarray, labels: np.ndarray) -> float:
    n, classes = len(labels), len(set(labels))
    ends = np.unique([max(1, round(share * n)) for share in (*PORTIONS, 1.0)])
    bits = ends[0] * np.log2(classes)
    for start, end in pairwise(ends.tolist()):
        sent = labels[start:end]
        seen = sorted(set(labels[:start]))
        chance = np.full(len(sent), 1 / classes)
        if len(seen) > 1:
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, C=0.1)).fit(
                x[:start], labels[:start]
            )
            p = model.predict_proba(x[start:end])
            place = {name: k for k, name in enumerate(model.classes_)}
            chance = np.array([p[i, place[y]] if y in place else 1e-3 for i, y in enumerate(sent)])
        bits -= np.log2(np.maximum(chance, 1e-6)).sum()
    return n * np.log2(classes) / bits


if __name__ == "__main__":
    main()
