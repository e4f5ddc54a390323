"""Claims on pairs driven with made-up behaviour: how much likelier the good side of each pair is, in nats."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.behave.asks import Scoring
from bertology.behave.choice import Choice, Choosing
from bertology.behave.pll import Scores
from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.corpus.pair import changed_word
from bertology.corpus.sentence import Sentence
from bertology.encoder import Encoder
from bertology.judging import concluded
from bertology.observe.wishes import Make
from bertology.record.result import Result

Margin = Callable[[Sentence, str, int], float]
"""(good sentence, what is hidden: "", a label or "the rest", or "sentence" when both sentences are scored, number of the pair)."""


def result(
    claim_id: str, margin: Margin, encoder: Encoder, corpora: Corpora, others: Callable[[Any], Any] | None = None
) -> Result:
    """What a claim makes of an encoder that prefers good sides so; its random twin prefers by a coin. `others` answers measurements."""

    def answer(asked: Any) -> Any:
        pairs, rng = asked.over, np.random.default_rng(len(asked.key))
        hide = asked.hide if isinstance(asked, Choosing) else "sentence"
        margins = np.array([margin(s, hide, i) for i, s in enumerate(pairs.sentences[0::2])])
        if asked.encoder.twin_seed is not None:
            margins = 0.01 * rng.standard_normal(len(margins))
        if isinstance(asked, Choosing):
            one = [changed_word(*pairs.sentences[i : i + 2]) is not None for i in range(0, len(pairs), 2)]
            logs = np.where(np.array(one)[:, None], np.stack([margins - 5, np.full_like(margins, -5)], 1), np.nan)
            return Choice(logs, np.isfinite(logs).astype(np.int64), {})
        return _scores(asked, margins)

    asking = experiment(claim_id)(encoder, corpora, 0)
    try:
        wish = next(asking)
        while True:
            made = isinstance(wish, Make)
            wish = asking.send(tuple(answer(asked) for asked in wish.artefacts) if made else others(wish))  # type: ignore
    except StopIteration as end:
        return concluded(survey()[claim_id].claim, end.value, encoder, corpora, 0)[0]


def _scores(asked: Scoring, margins: np.ndarray) -> Scores:
    """Each sentence's subwords at -1, the good one's first at -1 plus the margin."""
    lines = asked.encoder.encode(asked.over).lines
    places = [np.flatnonzero(~line.special) for line in lines]
    starts = np.concatenate([[0], np.cumsum([len(p) for p in places])])
    values = np.full(starts[-1], -1.0)
    for k, line in enumerate(lines):
        values[starts[k]] += margins[line.index // 2] if line.index % 2 == 0 else 0.0
    return Scores(values, np.concatenate(places), starts, np.array([line.index for line in lines]))


def coin(number: int) -> float:
    """A margin that knows nothing of the pair."""
    return float(np.random.default_rng(number).choice([-1.0, 1.0]))
