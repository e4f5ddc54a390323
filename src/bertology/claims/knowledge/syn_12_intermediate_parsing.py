"""Supervised parsing as an intermediate step hardly helps language understanding (Glavaš & Vulić 2020)."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.corpus.properties import properties
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.artefacts import Scoring, Staging
from bertology.train.task import Example, Task
from bertology.train.tasks import property_of

NAMES = ("topic", "tense")


@claim(
    id="syn-12",
    section="3.1",
    says="Supervised parsing as an intermediate step hardly helps language understanding tasks.",
    cites=("glavas-2020",),
    method="""The encoder is fine-tuned on tasks that ask what a sentence says (its topic, its tense: those the treebank has), at once, after
    dependency parsing, and after parsing into random trees of the same shapes. Parsing is tagging here: a word's tag is its relation, and its head as
    the k-th word of a part of speech to the left or right; no biaffine parser is trained as in the study. Holds if parsing first gains less
    than two points, over nothing and over random trees. Controls: parsing must have been learnt (its tags told better than
    random trees' ones), and the encoder must beat its random twin on the tasks by two points.""",
    expects={
        "gain of parsing first": below(0.02),
        "gain of parsing over random trees first": below(0.02),
        "parsing − random trees, as tasks": above(0.0),
        "tuned encoder − tuned random twin": above(0.02),
    },
    needs=("training", "treebank:deprel"),
)
def parsing_hardly_helps(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    names = [name for name in NAMES if name in properties(treebank)]
    if not names:
        raise NotApplicable(f"{treebank.name} does not vary in {' or '.join(NAMES)}")
    over = [fine_tuned.cut(property_of(treebank, name)) for name in names]
    trees, mixed = (fine_tuned.cut(parsing(treebank, random)) for random in (None, seed))
    numbers, recipe = fine_tuned.numbered(seed, fine_tuned.SEEDS), fine_tuned.STANDARD
    twin = encoder.randomised(seed)
    asked = [
        *(Scoring(who, task, recipe, numbers) for who in (encoder, twin) for task in over),
        *(Staging(encoder, ((first, recipe), (task, recipe)), numbers) for first in (trees, mixed) for task in over),
    ]
    *made, parsed, scrambled = yield from make(*asked, *(Scoring(encoder, t, recipe, numbers) for t in (trees, mixed)))
    none, random, after, control = np.reshape([s.values for s in made], (4, len(over), -1)).mean(1)
    values = {
        "gain of parsing first": repeats.difference(after, none, unit="score"),
        "gain of parsing over random trees first": repeats.difference(after, control, unit="score"),
        "parsing − random trees, as tasks": repeats.difference(parsed.values, scrambled.values, unit="accuracy"),
        "tuned encoder − tuned random twin": repeats.difference(none, random, unit="score"),
        "gain of random trees first": repeats.difference(control, none, unit="score"),
    }
    table = {"at once": none, "parsing first": after, "random trees first": control, "random twin": random}
    rows = [
        *fine_tuned.rows("score", table),
        *fine_tuned.rows("accuracy of tags", {"trees": parsed.values, "random trees": scrambled.values}),
    ]
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [*over, trees], recipe, numbers))


class Tree(NamedTuple):
    """Heads (-1 for the root) and relations, one a word."""

    heads: tuple[int, ...]
    relations: tuple[str, ...]


def parsing(treebank: Corpus, random: int | None = None) -> Task:
    """Dependency parsing as tagging (Strzyz et al. 2019); with `random`, of trees of the same shapes with words in random places.

    Raises NotApplicable where a part of the treebank has no tree.
    """
    examples = []
    for number, s in enumerate(treebank):
        if not {"head", "deprel", "upos"} <= set(s.layers):
            examples.append(None)
            continue
        tree = Tree(s.layers["head"], s.layers["deprel"])
        if random is not None:
            tree = shuffled(tree, np.random.default_rng([random, number, 23]))
        examples.append(Example(s.words, tags(s, tree)))
    part = lambda split: [
        e for e, inside in zip(examples, in_split(treebank.blocks, split), strict=True) if inside and e is not None
    ]
    train, dev, test = part("train"), part("dev"), part("test")
    seen = {tag for e in train for tag in e.label}
    known = lambda found: tuple(e for e in found if seen.issuperset(e.label))
    name = f"{'parsing' if random is None else 'random trees'} of {treebank.name}"
    task = Task(name, "token", tuple(sorted(seen)), tuple(train), known(dev), known(test))
    if not (task.train and task.dev and task.test):
        raise NotApplicable(f"{treebank.name} has too few trees for train, dev and test")
    return replace(task, dropped=(("tags that training lacks", len(dev) + len(test) - len(task.dev) - len(task.test)),))


def tags(sentence: Sentence, tree: Tree) -> tuple[str, ...]:
    """A word's relation, and its head: the k-th word of its part of speech to the right (+k) or left (-k)."""
    upos, found = sentence.layers["upos"], []
    for word, (head, relation) in enumerate(zip(tree.heads, tree.relations, strict=True)):
        if head < 0:
            found.append("root")
            continue
        step = 1 if head > word else -1
        k = sum(upos[w] == upos[head] for w in range(word + step, head + step, step))
        found.append(f"{relation} {upos[head]}{step * k:+d}")
    return tuple(found)


def shuffled(tree: Tree, rng: np.random.Generator) -> Tree:
    """The same tree over words in a random order: word w takes the place of word order[w]."""
    order = rng.permutation(len(tree.heads))
    heads, relations = [-1] * len(order), [""] * len(order)
    for word, (head, relation) in enumerate(zip(tree.heads, tree.relations, strict=True)):
        heads[order[word]] = int(order[head]) if head >= 0 else -1
        relations[order[word]] = relation
    return Tree(tuple(heads), tuple(relations))
