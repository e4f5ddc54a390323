"""Masking whole words and spans helps, more so on tasks about spans (Joshi et al. 2020; Cui et al. 2019)."""

from dataclasses import replace

from bertology.claims.registry import claim
from bertology.claims.training.scale import TINY, scale_note, trained
from bertology.claims.training.tuned import short, tuned
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.objectives.units import Spans, Units, WholeWords
from bertology.train.task import Example, Task
from bertology.train.tasks import acceptability, property_of

UNITS: dict[str, Units] = {"whole words": WholeWords(), "spans": Spans()}
RATE = 0.2
MODIFIERS = {"det", "amod", "nummod", "compound", "flat", "nmod:poss", "poss"}


@claim(
    id="pre-04",
    section="5.3",
    says="Masking whole words, spans, phrases or entities helps.",
    cites=("devlin-2019", "cui-2019", "joshi-2020", "sun-2019b", "lewis-2019"),
    method="""The same small encoder with subwords, whole words and spans of words masked, at most the same number of subwords each. Fine-tuned,
    one seed for each encoder, on spans (base noun phrases as tags, F1) and on sentences (acceptability, tense). The gain is
    that of whole words and spans together over subwords. Holds if it is positive on spans and larger there than on sentences.
    Phrases and entities need a list of them and are left out.""",
    published=(
        Published(2.0, "gain in SQuAD 1.1 F1, points", "SpanBERT", "SQuAD 1.1", "joshi-2020", "memory"),
        Published(79.6, "coreference F1", "SpanBERT", "OntoNotes", "joshi-2020", "memory"),
    ),
    expects={"gain on spans": above(0.0), "gain on spans − gain on sentences": above(0.0)},
    needs=("training", "raw", "treebank:deprel", "treebank:upos", "pairs"),
)
def larger_units_help(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    recipes = [TINY, *(replace(TINY, objectives=(MLM(Masking(rate=RATE, units=u)),)) for u in UNITS.values())]
    tasks = [noun_phrases(corpora.treebank), acceptability(corpora.pairs), property_of(corpora.treebank, "tense")]
    runs = yield from trained(recipes, corpora, seed)
    scores = yield from tuned(runs, [short(t, seed) for t in tasks], seed)
    gains = scores[:, 1:] - scores[:, :1]  # (task, unit, seed)
    spans, sentences = gains[0].mean(0), gains[1:].mean((0, 1))
    values = {
        "gain on spans": repeats.mean(spans, unit="points"),
        "gain on spans − gain on sentences": repeats.difference(spans, sentences, unit="points"),
        "gain on sentences": repeats.mean(sentences, unit="points"),
    }
    for name, of_unit in zip(UNITS, gains.swapaxes(0, 1), strict=True):
        values[f"gain of {name} on spans"] = repeats.mean(of_unit[0], unit="points")
        values[f"gain of {name} on sentences"] = repeats.mean(of_unit[1:].mean(0), unit="points")
    rows = [
        Row(f"{task.measure} on {task.name}, %", float(scores[t, u, k]), n=1, label=f"{name}, seed {k}")
        for t, task in enumerate(tasks) for u, name in enumerate(("subwords", *UNITS)) for k in range(scores.shape[2])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def noun_phrases(treebank: Corpus) -> Task:
    """Base noun phrases as B-NP, I-NP and O: a noun or name with its determiner, adjectives, numerals and names beside it."""
    part = lambda split: tuple(
        Example(s.words, tags(s))
        for s, inside in zip(treebank, in_split(treebank.blocks, split), strict=True)
        if inside and "deprel" in s.layers and "upos" in s.layers
    )
    train, dev, test = part("train"), part("dev"), part("test")
    if not (train and dev and test) or not any("B-NP" in e.label for e in train):
        raise NotApplicable(f"{treebank.name} has too few sentences with noun phrases")
    return Task(f"noun phrases of {treebank.name}", "token", ("B-NP", "I-NP", "O"), train, dev, test)


def tags(s: Sentence) -> tuple[str, ...]:
    """One tag a word; a phrase that other words interrupt is as many phrases."""
    heads, relations, upos = s.layers["head"], s.layers["deprel"], s.layers["upos"]
    made: list[str] = []
    before = -1
    for word in range(len(s)):
        top, steps = word, 0
        while relations[top] in MODIFIERS and heads[top] >= 0 and steps < len(s):
            top, steps = heads[top], steps + 1
        phrase = top if upos[top] in ("NOUN", "PROPN") else -1
        made.append("O" if phrase < 0 else "I-NP" if phrase == before else "B-NP")
        before = phrase
    return tuple(made)
