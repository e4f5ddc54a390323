"""Words of two translations that their trees say belong together: a silver reference for word alignment where there is no gold.

From the roots downwards: under governors that belong together, dependants belong together when part of speech and relation are the same and
occur once on both sides. It is precise where trees are parallel, and silent elsewhere.
"""

from collections import Counter, defaultdict

from bertology.corpus.sentence import Sentence

OPEN = frozenset(("ADJ", "ADV", "INTJ", "NOUN", "PROPN", "VERB"))
CLOSED = frozenset(("ADP", "AUX", "CCONJ", "DET", "PART", "PRON", "SCONJ"))
"""Universal parts of speech; numerals, punctuation and symbols are neither."""


def silver_links(first: Sentence, second: Sentence) -> list[tuple[int, int]]:
    """(word of the first, word of the second), in the first's order; empty without trees, or where the roots' parts of speech differ.

    Words spelt alike are left out, and words of neither class: finding them needs no meaning. What they govern is looked at all the same.
    """
    if any(name not in s.layers for s in (first, second) for name in ("head", "upos", "deprel")):
        return []
    below = [_dependants(s) for s in (first, second)]
    waiting = [(below[0][-1][0], below[1][-1][0])] if len(below[0][-1]) == len(below[1][-1]) == 1 else []
    waiting = [(a, b) for a, b in waiting if first.layers["upos"][a] == second.layers["upos"][b]]
    found = []
    while waiting:
        a, b = waiting.pop()
        tag = first.layers["upos"][a]
        if tag in OPEN | CLOSED and first.words[a].casefold() != second.words[b].casefold():
            found.append((a, b))
        ours, theirs = (_only(s, under[word]) for s, under, word in ((first, below[0], a), (second, below[1], b)))
        waiting += [(ours[kind], theirs[kind]) for kind in ours if kind in theirs]
    return sorted(found)


def _dependants(s: Sentence) -> dict[int, list[int]]:
    below: dict[int, list[int]] = defaultdict(list)
    for word, head in enumerate(s.layers["head"]):
        below[head].append(word)
    return below


def _only(s: Sentence, words: list[int]) -> dict[tuple[str, str], int]:
    """Those words whose part of speech and relation (without subtype) no other of them has, by these."""
    kinds = [(s.layers["upos"][word], s.layers["deprel"][word].split(":")[0]) for word in words]
    times = Counter(kinds)
    return {kind: word for kind, word in zip(kinds, words, strict=True) if times[kind] == 1}


__all__ = ["CLOSED", "OPEN", "silver_links"]
