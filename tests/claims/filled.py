"""Claims on gaps driven with made-up answers: a log-probability for each context and word, of the encoder and of its twin."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.behave.asks import Filling
from bertology.behave.gaps import Filled
from bertology.claims.registry import experiment, survey
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.corpora import Corpora
from bertology.record.result import Finding, judge
from tests.claims.driving import driven, noise

Log = Callable[[str, str], float]
"""(context, word) -> log-probability in nats."""


class FakeEncoder:
    """Enough of an encoder for a claim on gaps: words of `pieces` subwords, "?" cannot be written."""

    def __init__(self, pieces: Callable[[str], int] = lambda word: 1, twin: bool = False) -> None:
        self.pieces, self.twin, self.name = pieces, twin, "made up"
        self.tokenizer = Tokenizer(pieces)
        self.fingerprint = f"made up {twin}"

    def randomised(self, seed: int = 0) -> "FakeEncoder":
        return FakeEncoder(self.pieces, twin=True)


class Tokenizer:
    unk_token_id = 0

    def __init__(self, pieces: Callable[[str], int]) -> None:
        self.pieces = pieces

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": [0] if "?" in text else [1] * self.pieces(text.strip())}


def at_random(context: str, word: str) -> float:
    return -9 + noise(context, word)


def finding(
    claim_id: str,
    log: Log,
    items: tuple[ClozeItem, ...] | None = None,
    *,
    encoder: FakeEncoder | None = None,
    favourite: Callable[[str], str] = lambda context: "x",
) -> Finding:
    """What a claim makes of made-up answers over the embedded items (or others); the twin answers at random."""
    corpora = Corpora.load({"cloze": items} if items is not None else None)
    asking = experiment(claim_id)(encoder or FakeEncoder(), corpora, 0)  # type: ignore[arg-type]
    return driven(asking, lambda asked: _answer(asked, log, favourite))


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def _answer(asked: Filling, log: Log, favourite: Callable[[str], str]) -> Filled:
    who: Any = asked.encoder
    flat = [(gap.context, word) for gap in asked.gaps for word in gap.candidates]
    values = np.array([at_random(*one) if who.twin else log(*one) for one in flat])
    pieces = np.array([who.pieces(word) for _, word in flat])
    ranks = np.where(pieces == 1, np.where(values > -3, 1.0, 100.0), np.nan)
    starts = np.concatenate([[0], np.cumsum([len(gap.candidates) for gap in asked.gaps])])
    names = np.array([[favourite(gap.context)] * 5 for gap in asked.gaps])
    return Filled(values, ranks, pieces, starts, names, {})
