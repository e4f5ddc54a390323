"""Another formalism over the same words: Universal Dependencies turned so that function words govern (SUD; Gerdes et al. 2018).

Four of SUD's differences are made: auxiliaries, copulas, adpositions and subordinators govern what they go with. The
other relations keep their UD names, so this is no full conversion (grew's is), but the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bertology.corpus.sentence import Corpus, Sentence

NEW_RELATION = {"mark": "comp:obj", "aux": "comp:aux", "cop": "comp:pred", "case": "comp:obj"}
"""What a content word becomes under each kind of function word; kinds from the outermost inwards."""
_SUBJECTS = ("nsubj", "csubj", "expl")


def function_heads(sentence: Sentence) -> Sentence:
    """The sentence with `head` and `deprel` in which function words govern: "has to sleep" hangs from "has".

    Of several function words of one content word, subordinators govern auxiliaries, these copulas, these adpositions;
    among auxiliaries and adpositions the first governs the next. The outermost takes the content word's governor and
    relation. Subjects go to the outermost auxiliary or copula, other dependants to the outermost function word that
    they precede, and final punctuation to the outermost one. A possessive 's is no adposition. Sentences without
    trees are returned as they are.
    """
    heads, relations = sentence.layers.get("head"), sentence.layers.get("deprel")
    if heads is None or relations is None:
        return sentence
    tags = sentence.layers.get("upos", ("",) * len(sentence))
    new_heads, new_relations = list(heads), list(relations)
    for content in range(len(sentence)):
        chain = _chain(content, heads, relations, tags)
        if not chain:
            continue
        new_heads[chain[0]], new_relations[chain[0]] = heads[content], relations[content]
        for upper, lower in zip(chain, [*chain[1:], content], strict=True):
            new_heads[lower], new_relations[lower] = upper, NEW_RELATION[_kind(relations[upper])]
        verbal = [word for word in chain if _kind(relations[word]) in ("aux", "cop")]
        for word in range(len(sentence)):
            if heads[word] != content or word in chain:
                continue
            after = [w for w in chain if word < w]
            if _kind(relations[word]) in _SUBJECTS and verbal:
                new_heads[word] = verbal[0]
            elif relations[word] == "punct" and word > content:
                new_heads[word] = chain[0]
            elif after:
                new_heads[word] = after[0]
    layers = {**sentence.layers, "head": tuple(new_heads), "deprel": tuple(new_relations)}
    return replace(sentence, layers=layers)


def with_function_heads(corpus: Corpus) -> Corpus:
    """The corpus with every tree turned (`function_heads`), under the name "… with function heads"."""
    return corpus.map(function_heads, name=f"{corpus.name} with function heads")


def with_trees_of(corpus: Corpus, other: Corpus) -> tuple[Corpus, Corpus]:
    """The sentences whose words both corpora have: as annotated here, and with `head` and `deprel` of the other."""
    trees = {s.words: s.layers for s in other if "head" in s.layers and "deprel" in s.layers}
    shared = corpus.where(lambda s: s.words in trees, why=f"not in {other.name}")
    taken = lambda s: replace(s, layers={**s.layers, **{k: trees[s.words][k] for k in ("head", "deprel")}})
    return shared, shared.map(taken, name=other.name)


def _kind(relation: str) -> str:
    return relation.split(":")[0]


def _chain(content: int, heads: Sequence[int], relations: Sequence[str], tags: Sequence[Any]) -> list[int]:
    """The function words of a content word, the outermost first."""
    order = list(NEW_RELATION)
    found = [
        word
        for word, head in enumerate(heads)
        if head == content
        and _kind(relations[word]) in order
        and not (_kind(relations[word]) == "case" and tags[word] == "PART")
    ]
    return sorted(found, key=lambda word: (order.index(_kind(relations[word])), word))
