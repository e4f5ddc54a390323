"""The embedded cloze items: what anybody knows of things, people and animals, put as sentences with a gap."""

from functools import cache

from bertology.corpus.cloze import ClozeItem
from bertology.corpus.worlds import chains, compositions, contexts, facts, fillers, hypernyms, names, roles


@cache
def cloze() -> tuple[ClozeItem, ...]:
    """All sets one after the other; label "set" tells them apart: NEG, CPRAG, ROLE, TRIPLE, FACT, NAME, CHAIN, SINGLE, COMPOSED."""
    ettinger = (*hypernyms.items(), *contexts.items(), *roles.items(), *fillers.items())
    return (*ettinger, *facts.items(), *names.items(), *chains.items(), *compositions.items())


__all__ = ["cloze"]
