"""Masked language models for the Language Model Evaluation Harness (Gao et al. 2021): `lm_eval.simple_evaluate(model=MaskedLM(...))`.

Importing this module registers the model "bertology". Needs the extra `lm-eval`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from lm_eval.api.instance import Instance  # type: ignore[import-not-found]
from lm_eval.api.model import LM  # type: ignore[import-not-found]
from lm_eval.api.registry import register_model  # type: ignore[import-not-found]

from bertology.behave.pll import METHODS, MaskedRow, need_masked_lm, read_masked
from bertology.corpus.sentence import Corpus, Sentence
from bertology.corpus.text import words_of
from bertology.encoder.align import Line, encode
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.record.errors import BadCorpus, BadRequest, NotApplicable


@register_model("bertology")
class MaskedLM(LM):
    """Log-likelihoods are pseudo-log-likelihoods: the sum over the continuation's subwords, each masked in the whole text.

    A continuation is scored given its context and the rest of itself; with an empty context, as in BLiMP, that is the sentence's
    pseudo-log-likelihood. `pretrained` is an Encoder, a folder, a hub id or nothing for the embedded default; `method` one of
    `pll.METHODS`. The harness takes the first of equal choices, so that ties, mistakes for us, may count as right. Raises NotApplicable when the encoder predicts no masked subwords. `generate_until` always does.
    """

    def __init__(
        self, pretrained: str | Encoder | None = None, method: str = "pll-word-l2r", precision: str = "float32", token_budget: int = 8192,
        device: str | None = None, batch_size: Any = None, max_batch_size: Any = None, **loading: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if method not in METHODS:
            raise BadRequest(f"method {method!r} is not known.", f"Choose one of {', '.join(METHODS)}.")
        if not isinstance(pretrained, Encoder):
            pretrained = load(pretrained, device=device or "cpu", **loading)
        need_masked_lm(pretrained)
        self.encoder, self.method, self.precision, self.token_budget = pretrained, method, precision, token_budget

    def loglikelihood(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Of each (context, continuation): nats, and whether every subword is the likeliest at its mask.

        A word that the border cuts belongs to the continuation. Contexts that are too long lose words from the left; a
        continuation that alone is too long is BadCorpus.
        """
        return self._scored([request.args for request in requests])

    def loglikelihood_rolling(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[float]:
        """Of each text: nats; a text too long for the encoder is halved until its parts fit, which are scored alone."""
        parts = [list(self._windows(request.args[0])) for request in requests]
        values = iter(self._scored([("", part) for each in parts for part in each]))
        return [sum(next(values)[0] for _ in each) for each in parts]

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[str]:
        raise NotApplicable(f"{self.encoder.name} is a masked language model and generates no text")

    def _scored(self, asked: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        fitted = [self._fitted(context, continuation) for context, continuation in asked]
        sentences = [Sentence(f"request {i}", text, *words_of(text)) for i, (text, _) in enumerate(fitted)]
        readable = [i for i, s in enumerate(sentences) if len(s)]
        found: list[tuple[float, bool]] = [(0.0, True)] * len(asked)
        if not readable:
            return found
        corpus = Corpus("requests", tuple(sentences[i] for i in readable))
        encoded = encode(corpus, self.encoder.tokenizer, self.encoder.max_length)
        if encoded.dropped:
            raise BadCorpus(f"requests cannot be read: {encoded.dropped}.", "Check the task's texts.")
        rows = [
            (line, readable[line.index], positions)
            for line in encoded.lines
            for positions in self._hidden(line, corpus[line.index], fitted[readable[line.index]][1])
        ]
        totals, greedy = np.zeros(len(asked)), np.ones(len(asked), dtype=bool)

        def masked(row: int) -> MaskedRow:
            line, _, positions = rows[row]
            ids = line.ids.copy()
            ids[positions] = self.encoder.tokenizer.mask_token_id
            return MaskedRow(ids, line.types, positions[0])

        lengths = [len(line.ids) for line, _, _ in rows]
        for chosen, logits in read_masked(self.encoder, lengths, masked, self.token_budget, self.precision):
            logs = torch.log_softmax(logits.float(), -1)
            for row, log in zip(chosen, logs, strict=True):
                line, request, positions = rows[row]
                subword = int(line.ids[positions[0]])
                totals[request] += float(log[subword])
                greedy[request] &= int(log.argmax()) == subword
        return list(zip(totals.tolist(), greedy.tolist(), strict=True))

    def _hidden(self, line: Line, sentence: Sentence, border: int) -> Iterator[list[int]]:
        """What to mask for each subword of the words that end after the border."""
        own = {p for word, end in enumerate(sentence.ends) if end > border for p in line.pieces[word]}
        return (positions for positions in METHODS[self.method](line) if positions[0] in own)

    def _fitted(self, context: str, continuation: str) -> tuple[str, int]:
        """The text to read and the character at which the continuation begins."""
        while (over := self._surplus(context + continuation)) > 0:
            starts = words_of(context).starts
            if not starts:
                raise BadCorpus(
                    f"the continuation {continuation[:40]!r} is longer than the model's {self.encoder.max_length} subwords.",
                    "Leave it out.",
                )
            cut = starts[max(1, over // 2)] if len(starts) > max(1, over // 2) else len(context)
            context = context[cut:]
        return context + continuation, len(context)

    def _windows(self, text: str) -> Iterator[str]:
        starts = words_of(text).starts
        if self._surplus(text) <= 0 or len(starts) < 2:
            yield text
            return
        middle = starts[len(starts) // 2]
        yield from self._windows(text[:middle])
        yield from self._windows(text[middle:])

    def _surplus(self, text: str) -> int:
        """How many subwords a text has too many."""
        return len(self.encoder.tokenizer(text, verbose=False)["input_ids"]) - self.encoder.max_length
