"""Cloze contexts made worse on purpose (Ettinger 2020, section 8): shuffled, cut short, robbed of a phrase; or another's."""

import re
from collections.abc import Sequence

import numpy as np

from bertology.corpus.cloze import MASK, ClozeItem


def shuffled(item: ClozeItem, run: int, rng: np.random.Generator) -> str | None:
    """The words of the sentences before the gap's own in a new order, runs of `run` words kept together; its own sentence
    stays as it is. None for an item without label "opening"."""
    opening = item.labels.get("opening")
    if not opening or not item.context_with_mask.startswith(opening):
        return None
    words = opening.split()
    runs = [words[i : i + run] for i in range(0, len(words), run)]
    order = rng.permutation(len(runs)).tolist()
    return " ".join(word for k in order for word in runs[k]) + item.context_with_mask[len(opening) :]


def truncated(item: ClozeItem, words: int = 2, opening: str | None = None) -> str | None:
    """The gap's own sentence without all but the last `words` words before the gap; the sentences before it stay (as they are
    in `opening`, where given). None for an item without label "opening"."""
    own = item.labels.get("opening")
    if not own or not item.context_with_mask.startswith(own):
        return None
    before, after = item.context_with_mask[len(own) :].split(MASK)
    return " ".join([opening or own, *before.split()[-words:], MASK]) + after


def without(item: ClozeItem, role: str) -> str | None:
    """The context without the phrase that label `role` ("subject", "object") names; None where it names none before the gap."""
    phrase = item.labels.get(role)
    before, after = item.context_with_mask.split(MASK)
    found = list(re.finditer(rf"(?<!\w){re.escape(str(phrase))}(?!\w)", before)) if phrase else []
    if not found:
        return None
    left = f"{before[: found[-1].start()].rstrip()} {before[found[-1].end() :].lstrip()}".lstrip()
    if not left.strip():
        return None
    return (left[0].upper() + left[1:] if before[0].isupper() else left) + MASK + after


def elsewhere(items: Sequence[ClozeItem], k: int, draws: int, seed: int) -> list[str]:
    """Contexts of at most `draws` other items of the same set, drawn at random; none of them has a word of item k as an answer."""
    own, name = _words(items[k]), items[k].labels.get("set")
    apart = [i.context_with_mask for i in items if i.labels.get("set") == name and not own & _words(i)]
    order = np.random.default_rng([seed, k]).permutation(len(apart))[:draws]
    return [apart[i] for i in order]


def _words(item: ClozeItem) -> set[str]:
    return {item.target, *item.alternatives, *item.labels.get("expected", ())}
