"""Held-out likelihood that compares models trained on whatever objective: the same blocks, the same question to all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.claims.training.scale import TINY
from bertology.encoder.head import mlm_logits
from bertology.train.artefacts import Trained
from bertology.train.draft import Draft, Source, Symbols
from bertology.train.layout import Blocks
from bertology.train.stream import Stream, open_stream

MOST = 80
"""Blocks of held-out text that are scored."""


def log_likelihood(
    run: Trained, *, words: bool = True, symbol: Literal["mask", "unknown"] = "mask", text: Path | None = None
) -> float:
    """Pseudo-log-likelihood of held-out blocks in nats (Salazar et al. 2020): each subword hidden in turn, all else seen.

    `words` hides the later subwords of the word too and counts per word, which compares across tokenizers (Kauf & Ivanova
    2023); otherwise per subword. `text` is another held-out file than the training's own.
    """
    total, n = 0.0, 0
    source = Source(_held_out(run, text), Symbols.of(run.encoder.tokenizer))
    hidden_by = source.symbols.mask if symbol == "mask" else source.symbols.unknown
    for draft in drafts(source):
        places = draft.maskable
        if words:
            same = draft.words[places][:, None] == draft.words[None]
            hidden = same & (np.arange(len(draft))[None] >= places[:, None])
        else:
            hidden = places[:, None] == np.arange(len(draft))[None]
        ids = np.where(hidden, hidden_by, draft.clean[None])
        total += float(_log_probabilities(run.encoder.model, ids, places, draft.clean[places]).sum())
        n += len(np.unique(draft.words[places])) if words else len(places)
    return total / n


def frequency_likelihood(run: Trained, *, words: bool = True) -> float:
    """What word frequencies alone reach on the same blocks: subwords by their share of the training text, one added to each."""
    tokenizer = run.encoder.tokenizer
    counts = np.bincount(_stream(run, "train.txt").ids, minlength=len(tokenizer)) + 1.0
    logs = np.log(counts / counts.sum())
    blocks = list(drafts(Source(_held_out(run, None), Symbols.of(tokenizer))))
    n = sum(len(np.unique(d.words[d.maskable])) if words else len(d.maskable) for d in blocks)
    return float(sum(logs[d.clean[d.maskable]].sum() for d in blocks) / n)


def drafts(source: Source, *, most: int = MOST) -> Iterator[Draft]:
    """The first held-out blocks, of the length that TINY is trained on."""
    for pieces in Blocks(TINY.layout.length).examples(source.stream)[:most]:
        yield source.assemble([(int(a), int(b)) for a, b in pieces])


def held_out_source(run: Trained) -> Source:
    """The held-out text of a training, with its symbols."""
    return Source(_held_out(run, None), Symbols.of(run.encoder.tokenizer))


def _held_out(run: Trained, text: Path | None) -> Stream:
    return (
        _stream(run, "held-out.txt")
        if text is None
        else open_stream([text], run.encoder.tokenizer, text.parent / f"{text.stem}-stream")
    )


def _stream(run: Trained, name: str) -> Stream:
    file = run.place.parent / name
    return open_stream([file], run.encoder.tokenizer, run.place.parent / f"{file.stem}-stream")


@torch.inference_mode()
def _log_probabilities(
    model: Any, ids: NDArray[np.int64], places: NDArray[np.int64], true: NDArray[np.int64]
) -> torch.Tensor:
    given = torch.from_numpy(ids)
    states = model.base_model(input_ids=given, attention_mask=torch.ones_like(given))[0]
    rows = torch.arange(len(ids))
    logits = mlm_logits(model, states[rows, torch.from_numpy(places)])
    return logits.float().log_softmax(-1)[rows, torch.from_numpy(true)]
