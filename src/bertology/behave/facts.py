"""Recall of facts (Petroni et al. 2019): is a relation's object the likeliest of all words, under each template, with and without its subject?"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave import cloze
from bertology.behave.asks import Filling
from bertology.behave.gaps import Gap
from bertology.behave.masked_subject import FillingHidden, Hidden
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.sentence import BLOCKS
from bertology.encoder.encoder import Encoder
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, of_items

FEWEST = 8
"""Facts that a relation must have."""


class Facts(NamedTuple):
    """Facts in the order of their relations. `items[i]` maps a template's number to fact i's item; `relation[i]` is a place in `names`;
    `unused` counts what was left out, by reason."""

    items: tuple[dict[int, ClozeItem], ...]
    relation: NDArray[np.int64]
    names: tuple[str, ...]
    unused: Counter[str]

    @property
    def templates(self) -> int:
        """The largest number of templates of a relation."""
        return 1 + max(max(one) for one in self.items)

    @property
    def objects(self) -> NDArray[np.str_]:
        return np.array([next(iter(one.values())).target.casefold() for one in self.items])

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(str(next(iter(one.values())).labels["subject"]) for one in self.items)

    def label(self, name: str) -> NDArray[np.str_]:
        """A label of each fact, "" where it has none."""
        return np.array([str(next(iter(one.values())).labels.get(name, "")) for one in self.items])

    def of(self, kept: NDArray[np.bool_]) -> "Facts":
        """The facts kept, with the relations that they have."""
        there = sorted(set(self.relation[kept].tolist()))
        items = tuple(one for one, keep in zip(self.items, kept.tolist(), strict=True) if keep)
        names = tuple(self.names[r] for r in there)
        return Facts(items, np.searchsorted(there, self.relation[kept]), names, self.unused)


def gather(
    encoder: Encoder,
    items: Iterable[ClozeItem],
    *,
    one_subword: bool = True,
    templates: int = 1,
    fewest: int = FEWEST,
) -> Facts:
    """The facts among cloze items with labels "relation" and "subject": those of one "pair" are one fact, by "template".

    Left out and counted: items whose subject is not to be found once in their context, facts whose object is not one subword of
    the encoder (or cannot be written), and relations with fewer than `fewest` facts or `templates` templates. Raises
    NotApplicable when nothing is left.
    """
    unused = Counter[str]()
    found: dict[str, dict[Any, dict[int, ClozeItem]]] = {}
    for item in items:
        if "relation" not in item.labels or not str(item.labels.get("subject", "")):
            continue
        if place(item) is None:
            unused["items whose context does not hold their subject once"] += 1
            continue
        relation, key = str(item.labels["relation"]), item.labels.get("pair", (item.labels["subject"], item.target))
        found.setdefault(relation, {}).setdefault(key, {})[int(item.labels.get("template") or 0)] = item
    can: dict[str, bool] = {}
    kept: list[tuple[str, dict[int, ClozeItem]]] = []
    for relation, facts in found.items():
        usable = [one for one in facts.values() if _writes(encoder, one, one_subword, can)]
        what = "are not one subword of the encoder" if one_subword else "the encoder cannot write"
        unused[f"facts whose objects {what}"] += len(facts) - len(usable)
        shared = max((len(one) for one in usable), default=0)
        if len(usable) < fewest or shared < templates:
            unused[f"relations with fewer than {fewest} usable facts or {templates} templates"] += 1
            unused["facts of these"] += len(usable)
            continue
        kept += [(relation, one) for one in usable]
    if not kept:
        lost = "; ".join(f"{n} {why}" for why, n in (+unused).items()) or "none has labels relation and subject"
        raise NotApplicable(f"the cloze items hold no relation whose facts can be asked: {lost}")
    names = tuple(dict.fromkeys(relation for relation, _ in kept))
    number = np.array([names.index(relation) for relation, _ in kept], dtype=np.int64)
    return Facts(tuple(one for _, one in kept), number, names, +unused)


def place(item: ClozeItem) -> tuple[int, int] | None:
    """Where the subject stands in the context, in characters; None unless it is there once as a whole word."""
    subject = re.escape(str(item.labels.get("subject", "")))
    hits = list(re.finditer(rf"(?<!\w){subject}(?!\w)", item.context_with_mask, re.IGNORECASE))
    return hits[0].span() if len(hits) == 1 and subject else None


def questions(facts: Facts) -> list[cloze.Asked]:
    """Each item's object, and the further objects that fit it."""
    return [
        (item.context_with_mask, word)
        for one in facts.items
        for item in one.values()
        for word in (item.target, *item.labels.get("expected", ()))
    ]


def filling(encoder: Encoder, asked: Sequence[cloze.Asked]) -> Filling:
    return Filling(encoder, cloze.gaps(asked))


def filling_hidden(encoder: Encoder, facts: Facts) -> FillingHidden:
    """The same gaps with their subjects masked."""
    items = {item.context_with_mask: item for one in facts.items for item in one.values()}
    hidden = [Hidden(Gap(context, (word,)), *(place(items[context]) or (0, 0))) for context, word in _unique(facts)]
    return FillingHidden(encoder, tuple(hidden))


def answers(encoder: Encoder, wish: Filling | FillingHidden, found: Any) -> cloze.Answers:
    return cloze.Answers(encoder, wish.gaps, found)


def right(facts: Facts, who: cloze.Answers) -> NDArray[np.float64]:
    """(fact, template): 1 where no word of the vocabulary is likelier than the object, further fitting ones left out of the count, else 0;
    nan where the fact lacks the template or cannot be read."""

    def of(item: ClozeItem) -> float:
        own = (item.context_with_mask, item.target)
        better = sum(
            who.log((own[0], word)) > who.log(own) and np.isfinite(who.rank((own[0], word)))
            for word in item.labels.get("expected", ())
        )
        return float(who.rank(own) - better <= 1) if np.isfinite(who.rank(own)) else np.nan

    return _table(facts, of)


def logs(facts: Facts, who: cloze.Answers) -> NDArray[np.float64]:
    """(fact, template): log-probability of the object in nats."""
    return _table(facts, lambda item: who.log((item.context_with_mask, item.target)))


def halves(facts: Facts, seed: int) -> NDArray[np.int64]:
    """0 or 1 for each fact: a random half of each relation."""
    rng, half = np.random.default_rng([seed, 31]), np.zeros(len(facts.items), dtype=np.int64)
    for r in range(len(facts.names)):
        own = np.flatnonzero(facts.relation == r)
        half[rng.permutation(own)] = np.arange(len(own)) % 2
    return half


def chosen(
    facts: Facts, table: NDArray[np.float64], half: NDArray[np.int64], which: Callable[[NDArray[Any]], Any] = np.argmax
) -> NDArray[np.int64]:
    """(fact,): the relation's best template (or, with np.argmin, the worst) on the half to which the fact does not belong; the first on ties."""
    picked = np.zeros(len(facts.items), dtype=np.int64)
    for r in range(len(facts.names)):
        for side in (0, 1):
            own = facts.relation == r
            other = table[own & (half != side)]
            known = np.isfinite(other).any(0) if len(other) else np.zeros(table.shape[1], dtype=bool)
            if not known.any():
                continue
            places = np.flatnonzero(known)
            picked[own & (half == side)] = places[which(np.nanmean(other[:, places], axis=0))]
    return picked


def at(table: NDArray[np.float64], template: NDArray[np.int64]) -> NDArray[np.float64]:
    """(fact,): the table's value under each fact's template."""
    return table[np.arange(len(table)), template]


def majority(facts: Facts) -> NDArray[np.float64]:
    """(fact,): 1 where the object is its relation's commonest, chosen in sight of all facts, else 0: what always saying it would score."""
    objects = facts.objects
    found = np.zeros(len(objects))
    for r in range(len(facts.names)):
        own = facts.relation == r
        found[own] = objects[own] == Counter(objects[own].tolist()).most_common(1)[0][0]
    return found


def by_relation(facts: Facts, values: NDArray[np.float64]) -> Tally:
    """A tally of facts with a cell for each relation; nan is not counted."""
    return of_items(values, np.arange(len(values)) % BLOCKS, facts.relation, len(facts.names))


def macro(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over relations, the last axis, each with the same weight."""
    return np.nanmean(rates, axis=-1)


def left_out(facts: Facts) -> str:
    """What was not used, in words; empty when everything was."""
    return f" Left out: {'; '.join(f'{n} {why}' for why, n in facts.unused.items())}." if facts.unused else ""


def _unique(facts: Facts) -> list[cloze.Asked]:
    return list(dict.fromkeys(questions(facts)))


def _table(facts: Facts, value: Callable[[ClozeItem], float]) -> NDArray[np.float64]:
    table = np.full((len(facts.items), facts.templates), np.nan)
    for i, one in enumerate(facts.items):
        for template, item in one.items():
            table[i, template] = value(item)
    return table


def _writes(encoder: Encoder, one: dict[int, ClozeItem], one_subword: bool, known: dict[str, bool]) -> bool:
    word = next(iter(one.values())).target
    if word not in known:
        count = cloze.subwords(encoder, word)
        known[word] = count == 1 if one_subword else count > 0
    return known[word]
