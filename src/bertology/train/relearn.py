"""New input embeddings under a frozen body: how a monolingual encoder is taught another language (Artetxe et al. 2020; Tran 2020).

Only the embeddings of the second language's subwords, the output layer tied to them and its bias are learnt, by masked language modelling.
With the encoder's own tokenizer and its own language the second language is Fake-English (K et al. 2020; train/fake_english.py): a fresh
matrix gives every subword a new identity, as new ids would.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import PreTrainedModel

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.record.errors import NotApplicable
from bertology.record.keys import made_key
from bertology.train.architecture import Architecture
from bertology.train.artefacts import write_text
from bertology.train.layout import Sentences
from bertology.train.optimizer import AdamW, Schedule
from bertology.train.pretrain import pretrain
from bertology.train.recipe import Recipe, plain
from bertology.train.regimes import Regime
from bertology.train.tokenizer import read_tokenizer, train_tokenizer

RECIPE = Recipe(
    "new-embeddings", ("artetxe-2019",), Architecture(layers=1, heads=1, width=16, feed_forward=16, positions=512),
    layout=Sentences(64), optimizer=AdamW(1e-2, betas=(0.9, 0.98)), schedule=Schedule(0.1), tokens_per_step=512, vocabulary=4096,
    packed=False,
)  # fmt: skip
"""The architecture is the encoder's, whatever stands here."""


class NewEmbeddings(Regime):
    """Training of an encoder's copy in which only fresh embeddings move.

    Special tokens keep their vectors, which do not move either; other rows are drawn from the normal distribution of the old rows.
    """

    cites: ClassVar = ("artetxe-2019",)

    def __init__(self, encoder: Encoder, tokenizer: Any, seed: int = 0) -> None:
        self.encoder, self.tokenizer, self.seed = encoder, tokenizer, seed

    def begin(self, model: PreTrainedModel) -> PreTrainedModel:
        fresh: Any = deepcopy(self.encoder.model)
        old = fresh.get_input_embeddings().weight.detach().clone()
        size = (len(self.tokenizer) + 63) // 64 * 64
        if size != len(old):
            fresh.resize_token_embeddings(size, mean_resizing=False)
        fresh.requires_grad_(False)
        special = {
            getattr(self.tokenizer, f"{name}_token_id"): getattr(self.encoder.tokenizer, f"{name}_token_id")
            for name in ("pad", "unk", "cls", "sep", "mask")
            if None not in (getattr(t, f"{name}_token_id") for t in (self.tokenizer, self.encoder.tokenizer))
        }
        dice = torch.Generator().manual_seed(self.seed)
        weight = fresh.get_input_embeddings().weight
        outputs = fresh.get_output_embeddings()
        moved = [weight] if outputs is None or outputs.weight is weight else [weight, outputs.weight]
        fixed = torch.tensor(sorted(special), device=weight.device)
        with torch.no_grad():
            for matrix in moved:
                before = old if matrix is weight else matrix.detach().clone()
                drawn = torch.randn(matrix.shape, generator=dice).to(matrix)
                matrix.copy_(before.mean(0) + before.std(0) * drawn)
                for new, known in special.items():
                    matrix[new] = old[known] if matrix is weight else before[min(new, len(before) - 1)]
            biases = [p for n, p in fresh.named_parameters() if n.endswith("bias") and p.shape == (size,)]
            for bias in biases:
                bias.zero_()
        for matrix in moved:
            matrix.requires_grad_(True)
            matrix.register_hook(lambda gradient: gradient.index_fill(0, fixed, 0.0))
        for bias in biases:
            bias.requires_grad_(True)
        return fresh

    def end(self, model: PreTrainedModel) -> PreTrainedModel:
        return model.requires_grad_(True)  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Relearning:
    """The encoder with new embeddings for a language, learnt on the training blocks of a corpus for `tokens`.

    `own` keeps the encoder's tokenizer (Fake-English, where the corpus is English), otherwise one of `recipe.vocabulary` subwords is
    trained on the text. Gives an Encoder. Raises NotApplicable without a masked-language-model head or mask token.
    """

    encoder: Encoder
    over: Corpus
    tokens: int
    own: bool = False
    seed: int = 0
    recipe: Recipe = RECIPE

    @property
    def key(self) -> str:
        what = (self.encoder.fingerprint, self.over.fingerprint, self.tokens, self.own, self.seed, plain(self.recipe))
        return made_key("relearning", *what)

    def build(self, place: Path, progress: Callable[[str, int, int], None]) -> None:
        if not {"mlm", "mask"} <= self.encoder.has:
            raise NotApplicable(f"{self.encoder.name} has no masked-language-model head to learn embeddings by")
        text, words = place / "train.txt", place / "tokenizer"
        write_text(self.over, "train", text)
        if not (words / "tokenizer_config.json").is_file():
            tokenizer = self.encoder.tokenizer if self.own else train_tokenizer(
                [text], size=self.recipe.vocabulary, segments="segments" in self.encoder.has
            )  # fmt: skip
            tokenizer.save_pretrained(words)
        else:
            tokenizer = self.encoder.tokenizer if self.own else read_tokenizer(words)
        recipe = replace(self.recipe, regimes=(NewEmbeddings(self.encoder, tokenizer, self.seed),))
        pretrain(recipe, [text], place / "run", tokens=self.tokens, tokenizer=words, seed=self.seed,
                 precision="float32", checkpoints=1, progress=progress)  # fmt: skip

    def load(self, place: Path) -> Encoder:
        made = load(place / "run" / "model")
        made.name = f"{self.encoder.name} with embeddings of {self.over.name}"
        return made


__all__ = ["RECIPE", "NewEmbeddings", "Relearning"]
