"""Cloze items answered by a masked language model (Ettinger 2020): which word is preferred, by how much, among the first how many.

Only words of as many subwords are compared: a word of n stands in n masks, and their number tells the encoder its length.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bertology.behave.gaps import Filled, Gap
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.sentence import BLOCKS
from bertology.encoder.encoder import Encoder
from bertology.stats.tally import Tally, of_items

TIE = 1e-6
"""Log-probabilities that differ by less (in nats) are a tie, and a tie is no preference."""
MARGIN = 0.01
"""Ettinger's threshold: the probability by which the better word must win."""
SIDES = " ⇄ "
"""In a row's label, between what two sides share and the name of the side: drawn as paired dots."""

Asked = tuple[str, str]
"""A context with its gap, and a word for it."""


def contexts(item: ClozeItem) -> tuple[str, ...]:
    """The context of the target and of each alternative: they differ where an article hangs on the word."""
    own = item.labels.get("contexts")
    return tuple(own) if own else (item.context_with_mask,) * (1 + len(item.alternatives))


def asked(item: ClozeItem) -> tuple[Asked, ...]:
    """The target and each alternative with its context."""
    return tuple(zip(contexts(item), (item.target, *item.alternatives), strict=True))


def gaps(questions: Iterable[Asked]) -> tuple[Gap, ...]:
    """A gap for each different question, in the order of the first."""
    return tuple(Gap(context, (word,)) for context, word in dict.fromkeys(questions))


def single(encoder: Encoder, words: Iterable[str]) -> tuple[str, ...]:
    """The words that the encoder writes with one subword in running text: those that can have a rank."""
    return tuple(word for word in words if len(_subwords(encoder, word)) == 1)


def subwords(encoder: Encoder, word: str) -> int:
    """How many subwords the encoder writes a word with in running text; 0 where the vocabulary lacks a part of it."""
    return len(_subwords(encoder, word))


def subword_of(encoder: Encoder, word: str) -> int | None:
    """The id of the subword that the encoder writes a word with in running text; None where it takes several, or lacks a part."""
    ids = _subwords(encoder, word)
    return ids[0] if len(ids) == 1 else None


def expected(item: ClozeItem) -> tuple[str, ...]:
    """The words that fit: label "expected" where there is one, else the target."""
    return tuple(item.labels.get("expected", ())) or (item.target,)


@dataclass(frozen=True, eq=False)
class Answers:
    """What an encoder says to questions. `unread` counts, by reason, what it could not be asked."""

    encoder: Encoder
    gaps: tuple[Gap, ...]
    filled: Filled
    unread: Counter[str] = field(default_factory=Counter)
    _place: dict[Asked, int] = field(init=False)
    _context: dict[str, int] = field(init=False)
    _known: dict[str, bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {(g.context, g.candidates[0]): i for i, g in enumerate(self.gaps)})
        object.__setattr__(self, "_context", {g.context: i for i, g in enumerate(self.gaps)})

    def log(self, question: Asked) -> float:
        """Log-probability in nats; nan for a word that the encoder cannot write, or a context it cannot read."""
        return float(self.filled.values[self._place[question]]) if self.writes(question[1]) else np.nan

    def subwords(self, question: Asked) -> int:
        return int(self.filled.pieces[self._place[question]])

    def rank(self, question: Asked) -> float:
        """Place among the whole vocabulary from 1; nan also for a word of several subwords."""
        return float(self.filled.ranks[self._place[question]]) if self.writes(question[1]) else np.nan

    def favourite(self, context: str) -> str:
        """The likeliest subword for the gap."""
        return str(self.filled.favourites[self._context[context], 0])

    def writes(self, word: str) -> bool:
        """Whether the vocabulary has the word without an unknown token."""
        if word not in self._known:
            self._known[word] = bool(_subwords(self.encoder, word))
        return self._known[word]

    def comparable(self, questions: Sequence[Asked]) -> bool:
        """Whether all can be answered, with words of equally many subwords; what cannot is counted in `unread`."""
        if wrong := self._unfair(questions):
            self.unread[wrong] += 1
        return not wrong

    def fair(self, questions: Sequence[Asked]) -> bool:
        """As `comparable`, without counting."""
        return not self._unfair(questions)

    def _unfair(self, questions: Sequence[Asked]) -> str:
        if not all(self.writes(word) for _, word in questions):
            return "with a word that the encoder cannot write"
        if not np.isfinite([self.log(q) for q in questions]).all():
            return "that the encoder cannot read"
        return "whose words have unlike numbers of subwords" if len({self.subwords(q) for q in questions}) > 1 else ""

    def prefers(self, better: Asked, *worse: Asked, margin: float = 0.0) -> float:
        """1 if the better question's word is likelier than all others (by `margin` of probability), else 0; nan if they
        cannot be compared. A tie is 0."""
        if not self.comparable((better, *worse)):
            return np.nan
        high, low = self.log(better), max(self.log(q) for q in worse)
        return float(np.exp(high) - np.exp(low) > margin) if margin else float(high - low > TIE)

    def first(self, context: str, words: Iterable[str], k: int = 5) -> float:
        """1 if one of the words is among the k likeliest subwords, else 0; nan if none is a single subword."""
        ranks = np.array([self.rank((context, word)) for word in words])
        ranks = ranks[np.isfinite(ranks)]
        return float((ranks <= k).any()) if len(ranks) else np.nan


def note(about: str, broken: Mapping[str, int], answers: Answers) -> str:
    """What was asked, with everything that was left out and why."""
    lost = [f"{n} {what}" for what, n in broken.items()]
    lost += [f"{n} comparisons {why}" for why, n in answers.unread.items()]
    return f"{about} Left out: {'; '.join(lost)}." if lost else about


def tally(values: Sequence[float] | NDArray[np.float64], groups: NDArray[np.int64] | None = None) -> Tally:
    """A tally of items, each (or each of `groups`) in a block of its own while there are blocks enough; nan is not counted."""
    groups = np.arange(len(values)) if groups is None else groups
    return of_items(np.asarray(values, dtype=np.float64), groups % BLOCKS)


def role_pairs(items: Iterable[ClozeItem]) -> tuple[list[tuple[ClozeItem, ClozeItem]], dict[str, int]]:
    """(fitting, role-reversed) items of each pair of set ROLE, and what is no pair, counted.

    The fitting one is that whose cloze value of the target ("tgt_cloze") is the larger, or, where there are none, the one
    that expects the target.
    """
    found, broken = _pairs([i for i in items if i.labels.get("set") == "ROLE"])
    ordered = []
    for a, b in found:
        fits = [(i.labels.get("tgt_cloze", 0.0), i.target in i.labels.get("expected", ())) for i in (a, b)]
        if a.target != b.target or a.context_with_mask == b.context_with_mask or fits[0] == fits[1]:
            broken["pairs of which neither context fits the target better"] += 1
        else:
            ordered.append((a, b) if fits[0] > fits[1] else (b, a))
    return ordered, dict(broken)


def negation_pairs(items: Iterable[ClozeItem]) -> tuple[list[tuple[ClozeItem, ClozeItem]], dict[str, int]]:
    """(affirmative, negated) items of each pair of set NEG, and what is no pair, counted."""
    found, broken = _pairs([i for i in items if i.labels.get("set") == "NEG"])
    ordered = []
    for a, b in found:
        affirmative, negative = (a, b) if a.labels.get("polarity") == "affirmative" else (b, a)
        polarities = (affirmative.labels.get("polarity"), negative.labels.get("polarity"))
        turned = (affirmative.target,) == negative.alternatives and (negative.target,) == affirmative.alternatives
        if polarities != ("affirmative", "negative") or not turned or contexts(affirmative) == contexts(negative):
            broken["pairs that do not turn an affirmative item round"] += 1
        else:
            ordered.append((affirmative, negative))
    return ordered, dict(broken)


def shared(a: str, b: str) -> str:
    """The words with which both contexts begin: what a pair is about."""
    same = 0
    one, other = a.split(), b.split()
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return " ".join(one[:same])


def _subwords(encoder: Encoder, word: str) -> list[int]:
    """Ids of a word after a blank; none where the vocabulary lacks a part of it."""
    ids = encoder.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
    return [] if encoder.tokenizer.unk_token_id in ids else ids


def _pairs(items: Sequence[ClozeItem]) -> tuple[list[tuple[ClozeItem, ClozeItem]], Counter[str]]:
    together: dict[str, list[ClozeItem]] = {}
    for item in items:
        together.setdefault(str(item.labels.get("pair", item.id)), []).append(item)
    whole = [(group[0], group[1]) for group in together.values() if len(group) == 2]
    broken = Counter[str]()
    if len(whole) < len(together):
        broken["items that are not two a pair"] = sum(len(g) for g in together.values() if len(g) != 2)
    return whole, broken
