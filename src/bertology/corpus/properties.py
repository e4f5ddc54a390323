"""What can be said of a sentence as a whole, for probes: from its labels where it has some, else from its tree.

The ten tasks of Conneau et al. 2018 ("What you can cram into a single vector") are the model: length, depth, tense,
number of the subject.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus, Sentence

Property = NDArray[np.str_]
"""A class for each sentence of a corpus, "" where it has none."""

LABELLED = ("tense", "subject_number", "voice", "polarity", "construction", "topic")
"""Names in `Sentence.labels` that are properties as they stand."""


def properties(corpus: Corpus, *, fewest: int = 30, largest: float = 0.95) -> Mapping[str, Property]:
    """The corpus's properties by name, each worth probing for.

    "length" (words) and "depth" (of the tree) are cut into three classes of about equal size. Labels win over what
    the tree says ("tense" and "subject_number" only). A class with under `fewest` sentences becomes ""; a property is
    left out when fewer than two classes remain, or when one of them has more than `largest` of the sentences.
    """
    found: dict[str, Property] = {"length": thirds([len(s) for s in corpus])}
    if corpus.having("head"):
        found["depth"] = thirds([tree_depth(s.layers["head"]) if "head" in s.layers else -1 for s in corpus])
    for name in LABELLED:
        derive = FROM_TREE.get(name, _nothing)
        found[name] = np.array([str(s.labels[name]) if name in s.labels else derive(s) for s in corpus], dtype=np.str_)
    kept = {name: _frequent(values, fewest) for name, values in found.items()}
    return MappingProxyType({name: values for name, values in kept.items() if _worth_it(values, largest)})


def thirds(values: Sequence[int]) -> Property:
    """ "low", "middle" or "high": cut at the terciles of the values from 0 on; "" for negative ones.

    Ties stay together, so that classes may be of unequal size.
    """
    numbers = np.asarray(values)
    known = numbers[numbers >= 0]
    if not len(known):
        return np.full(len(numbers), "", dtype="<U6")
    cuts = np.quantile(known, [1 / 3, 2 / 3], method="lower")
    return np.where(numbers < 0, "", np.array(["low", "middle", "high"])[np.searchsorted(cuts, numbers)])


def tree_depth(heads: Sequence[int]) -> int:
    """Edges from the root to the deepest word; `heads` are 0-based governors, -1 for a root. -1 for what is no tree."""
    depth = [-1] * len(heads)
    for word in range(len(heads)):
        path = []
        while word >= 0 and depth[word] < 0:
            if len(path) > len(heads):
                return -1
            path.append(word)
            word = heads[word]
        below = -1 if word < 0 else depth[word]
        for step, passed in enumerate(reversed(path), start=1):
            depth[passed] = below + step
    return max(depth, default=-1)


def root_tense(s: Sentence) -> str:
    """ "present" or "past": of the finite root verb, or else of its first finite auxiliary or copula; "" without one."""
    root = root_of(s)
    if root is None or "feats" not in s.layers:
        return ""
    helpers = [i for i in dependants(s, root) if _relation(s, i) in ("aux", "cop")]
    for word in (root, *helpers):
        feats = s.layers["feats"][word] or {}
        if feats.get("VerbForm") == "Fin" and feats.get("Tense") in _TENSES:
            return _TENSES[feats["Tense"]]
    return ""


def subject_number(s: Sentence) -> str:
    """ "sing" or "plur": of the root's subject, a clausal one excluded; "" without one."""
    root = root_of(s)
    if root is None or "feats" not in s.layers:
        return ""
    numbers = [
        (s.layers["feats"][i] or {}).get("Number", "") for i in dependants(s, root) if _relation(s, i) == "nsubj"
    ]
    return numbers[0].lower() if numbers and numbers[0] in ("Sing", "Plur") else ""


def root_of(s: Sentence) -> int | None:
    """The first root of the sentence's tree, None without a tree."""
    heads = s.layers.get("head", ())
    return heads.index(-1) if -1 in heads else None


def dependants(s: Sentence, word: int) -> list[int]:
    """Words governed by `word`, in order."""
    return [i for i, head in enumerate(s.layers["head"]) if head == word]


def aside(s: Sentence) -> list[int]:
    """Words that carry none of the tree-derived properties themselves: neither the root nor its dependants, no punctuation.

    All words without a tree.
    """
    root = root_of(s)
    if root is None:
        return list(range(len(s)))
    near = {root, *dependants(s, root)}
    return [i for i in range(len(s)) if i not in near and _relation(s, i) != "punct"]


def _relation(s: Sentence, word: int) -> str:
    """The relation without its subtype."""
    return s.layers["deprel"][word].split(":")[0] if "deprel" in s.layers else ""


def _nothing(s: Sentence) -> str:
    return ""


def _frequent(values: Property, fewest: int) -> Property:
    counts = Counter(values.tolist())
    return np.array([v if counts[v] >= fewest else "" for v in values.tolist()], dtype=np.str_)


def _worth_it(values: Property, largest: float) -> bool:
    counts = Counter(v for v in values.tolist() if v)
    return len(counts) > 1 and max(counts.values()) <= largest * sum(counts.values())


_TENSES = {"Pres": "present", "Past": "past"}
FROM_TREE: Mapping[str, Callable[[Sentence], str]] = MappingProxyType(
    {"tense": root_tense, "subject_number": subject_number}
)
"""How a property is read from a tree when the sentence has no label of that name."""
