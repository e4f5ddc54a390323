"""Claims on facts driven with made-up answers, with the subject seen and masked; the twin answers at random."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.behave.asks import Scoring
from bertology.behave.masked_subject import FillingHidden
from bertology.behave.pll import Scores
from bertology.behave.triples import PhraseVectors
from bertology.claims.registry import experiment, survey
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.corpora import Corpora
from bertology.record.result import Finding, judge
from tests.claims.filled import FakeEncoder, Log, _answer, at_random

Vector = Callable[[str], Any]


def finding(
    claim_id: str,
    log: Log,
    items: tuple[ClozeItem, ...] | None = None,
    *,
    blind: Log = at_random,
    vector: Vector | None = None,
    encoder: FakeEncoder | None = None,
    seed: int = 0,
) -> Finding:
    """What a claim makes of made-up answers over the embedded items (or others); every sentence is as plausible as its length tells."""
    corpora = Corpora.load({"cloze": items} if items is not None else None, seed=seed)
    asking = experiment(claim_id)(encoder or FakeEncoder(), corpora, seed)  # type: ignore[arg-type]
    wish: Any = next(asking)
    while True:
        try:
            wish = asking.send(tuple(_made(asked, log, blind, vector) for asked in wish.artefacts))
        except StopIteration as end:
            return end.value


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def knows(items: Any, *, high: float = -1.0) -> Log:
    """Every item's target is likely, all else is not."""
    true = {(item.context_with_mask, item.target) for item in items}
    return lambda context, word: high if (context, word) in true else -9.0


def _made(asked: Any, log: Log, blind: Log, vector: Vector | None) -> Any:
    if isinstance(asked, Scoring):
        n = len(asked.over)
        return Scores(np.full(n, -1.0), np.ones(n, dtype=int), np.arange(n + 1), np.arange(n))
    if isinstance(asked, PhraseVectors):
        assert vector is not None
        return {phrase: np.asarray(vector(phrase), dtype=float) for phrase in asked.phrases}
    return _answer(asked, blind if isinstance(asked, FillingHidden) else log, lambda context: "x")
