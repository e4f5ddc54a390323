"""The int8 rung of sentence vectors against optimum-onnx, each in its own environment, one thread, in turn.

    python -m venv .venv-optimum && .venv-optimum/bin/pip install torch transformers==4.57.6 optimum-onnx onnxruntime
    python benchmarks/int8.py --peer .venv-optimum/bin/python [--texts 200] [--repeats 5]

optimum-onnx needs transformers 4. It exports and quantises as its documentation says (dynamic, avx512_vnni, per channel) and embeds padded batches of 32
in the given order. Seconds are the processor's. Texts are those of benchmarks/ladder.py.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def vectors(encode: Callable[..., Any], run: Callable[..., Any], texts: list[str]) -> Any:
    found = []
    for k in range(0, len(texts), 32):
        given = encode(texts[k : k + 32], padding=True, truncation=True, max_length=256, return_tensors="np")
        out, weight = run(given), given["attention_mask"][..., None]
        found.append((out * weight).sum(1) / weight.sum(1))
    return np.concatenate(found)


def peer(model: str, place: Path) -> None:
    """Runs in the other environment: waits for a line, embeds, answers with seconds."""
    import onnxruntime
    from optimum.onnxruntime import ORTModelForFeatureExtraction, ORTQuantizer
    from optimum.onnxruntime.configuration import AutoQuantizationConfig
    from transformers import AutoTokenizer

    texts = json.loads((place / "texts.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(model)
    ORTModelForFeatureExtraction.from_pretrained(model, export=True).save_pretrained(place / "float")
    settings = AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)
    ORTQuantizer.from_pretrained(place / "float").quantize(save_dir=place / "int8", quantization_config=settings)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    net = ORTModelForFeatureExtraction.from_pretrained(
        place / "int8", file_name="model_quantized.onnx", session_options=options
    )
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        made = vectors(tokenizer, lambda given: net(**given).last_hidden_state, texts)
        print(time.process_time() - started, flush=True)
        np.save(place / "peer.npy", made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="the python of an environment with optimum-onnx")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.peer is None:
        print("left out: give --peer, the python of an environment with optimum-onnx and transformers 4.57")
        return

    import torch

    import bertology as bt
    import mixed
    from bertology.compress.inference import export
    from bertology.compress.inference.unpadded import embed
    from bertology.encoder.load import embedded

    torch.set_num_threads(1)
    texts, encoder = mixed.texts(options.texts), bt.load("minilm")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "texts.json").write_text(json.dumps(texts))
        run = export.runner(export.int8_dynamic(export.to_onnx(encoder, place / "model.onnx")))
        names = ("input_ids", "attention_mask", "token_type_ids")
        ours: dict[str, Callable[[], Any]] = {
            "ours, int8, padded": lambda: vectors(encoder.tokenizer, lambda g: run({n: g[n] for n in names}), texts),
            "ours, int8, unpadded": lambda: embed(encoder, texts, most=256, run=run),
        }
        child = subprocess.Popen(
            [options.peer, __file__, "as-peer", str(embedded("minilm")), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        if not any(line.strip() == "ready" for line in iter(child.stdout.readline, "")):
            sys.exit("the peer did not start; run it by hand to see why")
        taken: dict[str, list[float]] = {"optimum-onnx, int8, padded": [], **{name: [] for name in ours}}
        made: dict[str, Any] = {}
        for k in range(options.repeats + 1):
            child.stdin.write("go\n")
            child.stdin.flush()
            seconds = {"optimum-onnx, int8, padded": float(child.stdout.readline())}
            for name, call in ours.items():
                started = time.process_time()
                made[name] = call()
                seconds[name] = time.process_time() - started
            if k:  # the first round warms up
                for name, value in seconds.items():
                    taken[name].append(value)
        child.stdin.close()
        child.wait()
        made["optimum-onnx, int8, padded"] = np.load(place / "peer.npy")
    base = embed(encoder, texts, most=256)
    print(f"{encoder.name}, {len(texts)} texts, one thread")
    print("| what | seconds | times optimum-onnx | lowest cosine to float32 |\n|---|---|---|---|")
    peers = np.array(taken["optimum-onnx, int8, padded"])
    for name, values in taken.items():
        v = made[name]
        cosine = ((v * base).sum(1) / np.linalg.norm(v, axis=1) / np.linalg.norm(base, axis=1)).min()
        print(f"| {name} | {np.median(values):.2f} | **{np.median(peers / np.array(values)):.2f}x** | {cosine:.4f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["as-peer"]:
        peer(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
