"""Static embeddings from an encoder: each subword of its vocabulary read alone, once; a text is then the mean of its subwords' vectors
(Model2Vec: Tulkens & van Dongen 2024).

No layer is left: what remains is a table and the tokenizer, hundreds of times as fast, and blind to order and context. The folder is the
one that the package model2vec reads.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from scipy.optimize import minimize
from tokenizers import Tokenizer

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, BadWeights, NotAModel
from bertology.record.folder import disk, whole
from bertology.train.classifier import Scored
from bertology.train.finetune import Progress
from bertology.train.task import Example, Task

Vectors = Float[np.ndarray, "text width"]


@dataclass(frozen=True, eq=False)
class StaticEmbeddings:
    """A vector for each subword. `normalise` makes each text's vector one of length 1."""

    embeddings: NDArray[np.float32]
    tokenizer: Tokenizer
    name: str = "static embeddings"
    normalise: bool = True

    @property
    def width(self) -> int:
        return int(self.embeddings.shape[1])

    @property
    def n_parameters(self) -> int:
        return int(self.embeddings.size)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The mean of each text's subwords, special and unknown ones left out; zeros for a text without any."""
        found = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, made in enumerate(self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)):
            ids = [i for i in made.ids if i != self._unknown]
            if ids:
                found[row] = self.embeddings[ids].mean(axis=0)
        if self.normalise:
            found /= np.linalg.norm(found, axis=1, keepdims=True) + 1e-32
        return found

    @cached_property
    def _unknown(self) -> int | None:
        model = json.loads(self.tokenizer.to_str())["model"]
        if model.get("unk_token") is not None:
            return self.tokenizer.token_to_id(model["unk_token"])
        return model.get("unk_id")

    def save(self, folder: str | Path) -> Path:
        """Writes model.safetensors ("embeddings"), tokenizer.json, config.json and modules.json, as model2vec and sentence-transformers read them."""
        place = Path(folder)
        with disk(place):
            place.mkdir(parents=True, exist_ok=True)
            with whole(place / "model.safetensors") as part:
                save_file({"embeddings": np.ascontiguousarray(self.embeddings)}, part)
            with whole(place / "tokenizer.json") as part:
                self.tokenizer.save(str(part))
            config = {
                "model_type": "model2vec", "architectures": ["StaticModel"], "tokenizer_name": self.name, "hidden_dim": self.width,
                "seq_length": 1000000, "max_length": None, "normalize": self.normalise, "embedding_dtype": "float32",
            }  # fmt: skip
            kind = "sentence_transformers.models"
            modules = [{"idx": 0, "name": "0", "path": ".", "type": f"{kind}.StaticEmbedding"}]
            if self.normalise:
                modules.append({"idx": 1, "name": "1", "path": "1_Normalize", "type": f"{kind}.Normalize"})
            for name, content in (("config.json", config), ("modules.json", modules)):
                with whole(place / name) as part:
                    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return place

    @classmethod
    def load(cls, folder: str | Path) -> "StaticEmbeddings":
        """What `save`, or model2vec, wrote. Raises NotAModel; BadWeights for a quantised vocabulary, and for tables that do not fit the tokenizer."""
        place = Path(folder)
        if not all((place / name).is_file() for name in ("model.safetensors", "tokenizer.json", "config.json")):
            raise NotAModel(
                f"{place} holds no static embeddings.",
                "Give a folder with model.safetensors, tokenizer.json, config.json.",
            )
        config = json.loads((place / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(place / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
        table = tensors.get("embeddings")
        if table is None or set(tensors) != {"embeddings"} or len(table) != tokenizer.get_vocab_size():
            raise BadWeights(f"{place} holds {', '.join(sorted(tensors))}, not one vector a subword.", "Save it without quantising the vocabulary.")  # fmt: skip
        return cls(table.astype(np.float32), _plain(tokenizer), config.get("tokenizer_name") or place.name, bool(config.get("normalize", False)))  # fmt: skip


@dataclass(frozen=True)
class Static:
    """`width` dimensions stay after PCA (None: all, no PCA). A subword of rank r is weighted by a / (a + p(r)), p falling as 1 / (r + 1): Zipf's
    law in the place of counts, ranks being places in the vocabulary (SIF: Arora et al. 2017); `weighting` None leaves it out."""

    cites: ClassVar = ("tulkens-2024", "arora-2017")
    width: int | None = 256
    weighting: float | None = 1e-4
    batch: int = 512

    def __call__(self, encoder: Encoder, progress: Progress = lambda what, done, total: None) -> StaticEmbeddings:
        """Reads every subword between the tokenizer's special tokens and takes the mean of the output over all tokens.

        Subwords that no text needs cost rows: trim the vocabulary before (compress/factors/vocabulary.py). Raises BadRequest for a tokenizer
        without a fast form, or with gaps in its numbers.
        """
        if not encoder.tokenizer.is_fast:
            raise BadRequest(f"the tokenizer of {encoder.name} has no fast form.", "Convert it first.")
        n = len(encoder.tokenizer)
        if sorted(encoder.tokenizer.get_vocab().values()) != list(range(n)):
            raise BadRequest(
                f"the subwords of {encoder.name} are not numbered from 0 to {n - 1}.", "Trim the vocabulary."
            )
        read = []
        base: Any = encoder.base
        before, after = _around(encoder)
        with torch.inference_mode():
            for start in range(0, n, self.batch):
                ids = torch.arange(start, min(start + self.batch, n), device=encoder.device)[:, None]
                fixed = lambda given, ids=ids: torch.tensor([given], device=ids.device, dtype=ids.dtype).expand(
                    len(ids), -1
                )
                whole_ids = torch.cat([fixed(before), ids, fixed(after)], dim=1)
                states = base(input_ids=whole_ids, attention_mask=torch.ones_like(whole_ids))[0]
                read.append(states.float().mean(1).cpu().numpy())
                progress("reading the vocabulary", min(start + self.batch, n), n)
        table = np.nan_to_num(np.concatenate(read))
        if self.width is not None and min(self.width, *table.shape) < len(table):
            table = principal(table, min(self.width, table.shape[1]))
        if self.weighting is not None:
            table = table * zipf(n, self.weighting)[:, None]
        tokenizer = _plain(Tokenizer.from_str(encoder.tokenizer.backend_tokenizer.to_str()))
        return StaticEmbeddings(table.astype(np.float32), tokenizer, encoder.name)


def principal(table: NDArray[Any], width: int) -> NDArray[np.float64]:
    """The first principal components of centred rows; each is signed so that its largest value is positive."""
    centred = table.astype(np.float64) - table.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    found = centred @ axes[:, ::-1][:, :width]
    return found * np.sign(found[np.abs(found).argmax(axis=0), np.arange(width)])


def zipf(n: int, a: float) -> NDArray[np.float64]:
    """a / (a + p) for the ranks 0 to n - 1, p proportional to 1 / (rank + 2) (Tulkens & van Dongen 2024)."""
    share = 1 / np.arange(2, n + 2)
    return a / (a + share / share.sum())


def _around(encoder: Encoder) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text."""
    made = encoder.tokenizer("a", return_special_tokens_mask=True)
    inside = [k for k, special in enumerate(made["special_tokens_mask"]) if not special] or [1, 0]
    return made["input_ids"][: inside[0]], made["input_ids"][inside[-1] + 1 :]


def _plain(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class StaticClassifier(NamedTuple):
    """Static embeddings with a linear head for a task: logits = (features - `mean`) / `scale` @ `weight` + `bias`.

    Features are the text's vector; for two texts [a; b; |a - b|; a b]; in token tasks the vector of each word alone.
    """

    static: StaticEmbeddings
    labels: tuple[str, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(self, examples: Sequence[Example], *, words: bool = False) -> Float[np.ndarray, "row label"]:
        return (_features(self.static, examples, words) - self.mean) / self.scale @ self.weight + self.bias

    def predictions(self, examples: Sequence[Example], task: Task) -> NDArray[Any]:
        """What is said of each example, as `evaluate` says it: a name, a number, or a name for each word."""
        rows = self.logits(examples, words=task.kind == "token")
        if task.kind == "regression":
            return rows[:, 0].astype(object)
        names = [self.labels[k] for k in rows.argmax(1)]
        said = np.empty(len(examples), dtype=object)
        at = 0
        for i, example in enumerate(examples):
            n = len(example.texts) if task.kind == "token" else 1
            said[i] = tuple(names[at : at + n]) if task.kind == "token" else names[at]
            at += n
        return said

    def score(self, task: Task, part: str = "test") -> float:
        """In the task's measure."""
        examples = getattr(task, part)
        return Scored(self.predictions(examples, task), examples, task).score()

    def save(self, folder: str | Path) -> Path:
        """The embeddings as they save themselves, and head.safetensors and head.json beside them."""
        place = self.static.save(folder)
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in ("mean", "scale", "weight", "bias")}
        with disk(place):
            with whole(place / "head.safetensors") as part:
                save_file(arrays, part)
            with whole(place / "head.json") as part:
                part.write_text(json.dumps({"labels": list(self.labels)}), encoding="utf-8")
        return place

    @classmethod
    def load(cls, folder: str | Path) -> "StaticClassifier":
        place = Path(folder)
        if not (place / "head.json").is_file() or not (place / "head.safetensors").is_file():
            raise NotAModel(f"{place} holds no linear head.", "Give the folder that StaticClassifier.save wrote.")
        labels = json.loads((place / "head.json").read_text(encoding="utf-8"))["labels"]
        return cls(StaticEmbeddings.load(place), tuple(labels), **load_file(place / "head.safetensors"))


def linear_head(
    static: StaticEmbeddings, task: Task, *, penalties: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
) -> StaticClassifier:
    """Logistic regression (ridge regression for numbers) on static embeddings; of the L2 penalties, the best on dev."""
    words = task.kind == "token"
    features = _features(static, task.train, words).astype(np.float64)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-8
    given = (features - mean) / scale
    best: tuple[float, StaticClassifier] | None = None
    for penalty in penalties:
        if task.kind == "regression":
            weight, bias = _ridge(given, np.array([e.label for e in task.train], dtype=float), penalty)
        else:
            number = {name: k for k, name in enumerate(task.labels)}
            flat = [number[x] for e in task.train for x in (e.label if words else (e.label,))]
            weight, bias = _logistic(given, np.array(flat), len(task.labels), penalty)
        made = StaticClassifier(static, task.labels or ("score",), mean, scale, weight, bias)
        score = made.score(task, "dev")
        if best is None or score > best[0]:
            best = score, made
    assert best is not None
    return best[1]


def _features(static: StaticEmbeddings, examples: Sequence[Example], words: bool) -> NDArray[Any]:
    if words:
        return static.encode([f" {w}" for e in examples for w in e.texts])
    sides = [static.encode([e.texts[k] for e in examples]) for k in range(len(examples[0].texts))]
    if len(sides) == 1:
        return sides[0]
    a, b = sides
    return np.concatenate([a, b, np.abs(a - b), a * b], axis=1)


def _ridge(x: NDArray[Any], y: NDArray[Any], penalty: float) -> tuple[NDArray[Any], NDArray[Any]]:
    bias = y.mean()
    weight = np.linalg.solve(x.T @ x / len(x) + penalty * np.eye(x.shape[1]), x.T @ (y - bias) / len(x))
    return weight[:, None], np.array([bias])


def _logistic(x: NDArray[Any], y: NDArray[Any], n: int, penalty: float) -> tuple[NDArray[Any], NDArray[Any]]:
    width, rows = x.shape[1], np.arange(len(y))

    def loss(flat: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        weight, bias = flat[: width * n].reshape(width, n), flat[width * n :]
        logits = x @ weight + bias
        logits = logits - logits.max(axis=1, keepdims=True)
        share = np.exp(logits)
        total = share.sum(axis=1, keepdims=True)
        value = float((np.log(total[:, 0]) - logits[rows, y]).mean() + penalty / 2 * (weight**2).sum())
        slope = share / total
        slope[rows, y] -= 1
        slope /= len(y)
        return value, np.concatenate([(x.T @ slope + penalty * weight).ravel(), slope.sum(axis=0)])

    found = minimize(loss, np.zeros((width + 1) * n), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return found[: width * n].reshape(width, n), found[width * n :]


__all__ = ["Static", "StaticClassifier", "StaticEmbeddings", "linear_head", "principal", "zipf"]
