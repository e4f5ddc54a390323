"""Encoders in which a claim is true by construction: what they show is written from the annotation itself.

`Planted(plant, corpora)` behaves as an Encoder; `plant(view)` writes hidden states and attention of one sentence into
arrays that hold noise. Its random twin is a real, tiny, random BERT. `random_encoder(corpora)` is one too: no claim may hold on it.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

from bertology.claims import registry
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder, wrap
from bertology.encoder.align import Line
from bertology.encoder.watch import Observation, expand
from bertology.judging import concluded
from bertology.observe.planner import Planner
from bertology.record.folder import RunFolder
from bertology.record.result import Result

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@dataclass
class View:
    """One sentence to be planted. `hidden` (layer 0..L, token, width) and `attention` (layer 1..L at index 0.., head, query,
    key, rows sum to 1) hold noise to be overwritten; `value` (layer, token, head, head width) too."""

    sentence: Sentence
    line: Line
    rng: np.random.Generator
    hidden: NDArray[np.float32]
    attention: NDArray[np.float32]
    value: NDArray[np.float32]

    def token(self, word: int) -> int:
        """The first subword of a word."""
        return self.line.pieces[word][0]

    def point(self, layer: int, head: int, source: int, target: int, mass: float = 0.9) -> None:
        """Head `head` of layer `layer` (from 1) attends from all subwords of one word to the first of another."""
        for piece in self.line.pieces[source]:
            self.attend(layer, head, piece, self.token(target), mass)

    def attend(self, layer: int, head: int, query: int, key: int, mass: float = 0.9) -> None:
        """The same between tokens."""
        row = self.attention[layer - 1, head, query]
        row *= (1 - mass) / max(row.sum() - row[key], 1e-9)
        row[key] = mass

    def write(self, layer: int, word: int, name: str, strength: float = 1.0) -> None:
        """Adds the direction called `name` to a word's hidden state."""
        for piece in self.line.pieces[word]:
            self.hidden[layer, piece] += strength * code(name, self.hidden.shape[-1])


@cache
def code(name: str, width: int) -> NDArray[np.float32]:
    """A unit vector that belongs to a name."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    vector = np.random.default_rng(seed).standard_normal(width)
    vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    vector.flags.writeable = False
    return vector


class Planted(Encoder):
    """See the module. `static` is the strength of word identity in every layer, `noise` that of Gaussian noise."""

    def __init__(
        self, plant: Callable[[View], None], corpora: "Corpora | Iterable[Corpus]", *, layers: int = 4, heads: int = 4, width: int = 64,
        static: float = 1.0, noise: float = 0.05, lacks: frozenset[str] = frozenset(), seed: int = 0,
    ) -> None:  # fmt: skip
        real = random_encoder(corpora, layers=layers, heads=heads, width=width, seed=seed)
        super().__init__(real.model, real.tokenizer, real.family, f"planted {plant.__name__}", False)
        self.plant, self.static, self.noise, self.lacks = plant, static, noise, lacks
        self.fingerprint = f"{plant.__module__}.{plant.__qualname__}"  # type: ignore[misc]

    @property
    def has(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset(("hidden", "attention", "head", "value", "segments", "cls", "sep", "mask")) - self.lacks

    def observe(
        self, batch: Any, sites: Any = frozenset(), *, edits: Any = None, gradients: bool = False
    ) -> Observation:
        read = expand(sites, self.n_layers) | {("hidden", self.n_layers)}
        n, s = batch.ids.shape
        hidden = np.zeros((self.n_layers + 1, n, s, self.width), np.float32)
        attention = np.zeros((self.n_layers, n, self.n_heads, s, s), np.float32)
        value = np.zeros((self.n_layers, n, s, self.n_heads, self.width // self.n_heads), np.float32)
        for row, (line, sentence) in enumerate(zip(batch.lines, batch.sentences, strict=True)):
            view = self._noise(line, sentence)
            self.plant(view)
            t = len(line.ids)
            hidden[:, row, :t], attention[:, row, :, :t, :t], value[:, row, :t] = (
                view.hidden,
                view.attention,
                view.value,
            )
        seen = Observation()
        for kind, layer in read:
            source = (
                hidden[layer]
                if kind == "hidden"
                else {"attention": attention, "value": value}.get(kind, value)[layer - 1]
            )
            seen.seen[kind, layer] = torch.from_numpy(source)
        return seen

    def _noise(self, line: Line, sentence: Sentence) -> View:
        t, rng = len(line.ids), np.random.default_rng([line.index, len(line.ids)])
        hidden = rng.standard_normal((self.n_layers + 1, t, self.width)).astype(np.float32) * self.noise
        hidden += self.static * np.stack([code(f"id {i}", self.width) for i in line.ids.tolist()])
        attention = np.exp(0.3 * rng.standard_normal((self.n_layers, self.n_heads, t, t))).astype(np.float32)
        attention /= attention.sum(-1, keepdims=True)
        value = rng.standard_normal((self.n_layers, t, self.n_heads, self.width // self.n_heads)).astype(np.float32)
        return View(sentence, line, rng, hidden, attention, value)


def tokenizer_for(corpora: "Corpora | Iterable[Corpus]") -> PreTrainedTokenizerFast:
    """WordPiece whose vocabulary is the corpora's words, each also as a continuation."""
    names = ("treebank", "text", "segments", "senses", "pairs")
    read = [getattr(corpora, name) for name in names] if isinstance(corpora, Corpora) else list(corpora)
    words = sorted({w.lower() for corpus in read for s in corpus for w in s.words})
    if isinstance(corpora, Corpora):
        words = sorted({*words, *(w.lower() for pair in corpora.word_pairs for w in pair[:2])})
    vocabulary = {
        token: i for i, token in enumerate([*SPECIAL, "a", *(w for w in words if w != "a"), *(f"##{w}" for w in words)])
    }
    tok = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=200))
    tok.normalizer = normalizers.Lowercase()
    tok.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def random_encoder(
    corpora: "Corpora | Iterable[Corpus]",
    *,
    layers: int = 4,
    heads: int = 4,
    width: int = 64,
    mlm: bool = False,
    seed: int = 0,
) -> Encoder:
    """A real random BERT over the corpora's words; no claim may hold on it."""
    tok = tokenizer_for(corpora)
    config = BertConfig(
        vocab_size=len(tok), hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=2 * width,
        max_position_embeddings=512, pad_token_id=0, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(seed)
    model = BertForMaskedLM(config) if mlm else BertModel(config)
    return wrap(model, tok, name="random BERT")


def result_of(claim_id: str, encoder: Encoder, corpora: Corpora, folder: Any, seed: int = 0) -> Result:
    """The result of one claim, as the main job makes it; errors are raised."""
    run = RunFolder.open(folder, {"encoder": encoder.fingerprint})
    planner = Planner(encoder, run, seed=seed)
    described = registry.survey()[claim_id].claim
    ((_, outcome),) = planner.outcomes({claim_id: registry.experiment(claim_id)(encoder, corpora, seed)})
    if isinstance(outcome, Exception):
        raise outcome
    return concluded(described, outcome, encoder, corpora, seed)[0]


def small(**given: Any) -> Corpora:
    """Embedded corpora at a size for tests: treebank 1,000 sentences, the others in proportion unless given."""
    options: Mapping[str, Any] = {"scale": 0.25, **given}
    return Corpora.load(options.get("given"), seed=options.get("seed", 0), scale=options["scale"])
