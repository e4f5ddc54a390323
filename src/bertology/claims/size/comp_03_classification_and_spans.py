"""Distillation keeps more on classification than on reading comprehension (McCarley et al. 2020)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Shallow
from bertology.compress.teaching.distil import SoftTargets
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.task import Example, Task

STUDENT = Shallow(0.5, (SoftTargets(),), hard=0.5)
TAGS = ("B-answer", "I-answer", "O")
KEPT = 0.1
"""Share of a margin that a student must keep on either kind."""
LEAST = 50
"""Questions of a part of the treebank below which the claim is not tested."""


@claim(
    id="comp-03",
    section="6.2",
    says="Distillation keeps more on classification than on reading comprehension.",
    cites=("mccarley-2020",),
    method="""A student of half the layers learns from labels and the soft targets of the tuned whole, on two classification tasks and on
    finding an answer. For reading comprehension stand questions made from the treebank: "Who walks?" before a sentence, to be answered by the words of
    the subject of that verb, as tags of a span, scored by F1; one sentence is no passage, so this is the simplest form of the task. Share of
    the margin over the majority that is kept (spans: of F1). Holds if more is kept on classification. Controls: the tuned whole must beat by two points its tuned random
    twin on both kinds. Not tested where students keep a tenth of neither (asked for after a first run, in which they kept nothing and differed by noise).""",
    expects={
        "kept on classification − kept on spans": above(0.0),
        "tuned encoder − tuned random twin": above(0.02),
        "tuned encoder − tuned random twin, spans": above(0.02),
    },
    needs=("training", "treebank:deprel"),
)
def classification_keeps_more(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer")
    over, spans = smaller.tasks(corpora), [fine_tuned.cut(who(corpora.treebank))]
    (classes,) = yield from smaller.compressed(encoder, over, [STUDENT], seed)
    (answers,) = yield from smaller.compressed(encoder, spans, [STUDENT], seed)
    twin = yield from smaller.twin(encoder, over, seed)
    twin_spans = yield from smaller.twin(encoder, spans, seed)
    of_classes, of_spans = smaller.kept(classes), smaller.kept(answers)
    if max(of_classes.mean(), of_spans.mean()) < KEPT:
        raise NotApplicable(
            f"students keep {of_classes.mean():.0%} and {of_spans.mean():.0%} of the margins: there is nothing to compare"
        )
    values = {
        "kept on classification − kept on spans": repeats.difference(of_classes, of_spans, unit="share"),
        smaller.TWIN: smaller.control(classes, twin),
        f"{smaller.TWIN}, spans": smaller.control(answers, twin_spans),
        "kept on classification": repeats.mean(of_classes, unit="share"),
        "kept on spans": repeats.mean(of_spans, unit="share"),
    }
    lines = [
        replace(row, label=f"{kind}: {row.label}")
        for kind, found in (("classification", classes), ("spans", answers))
        for row in smaller.rows({"student": found})
    ]
    note = fine_tuned.note(encoder, [*over, *spans], fine_tuned.STANDARD, fine_tuned.SEEDS)
    return Finding(values, rows=lines, note=note)


def who(treebank: Corpus) -> Task:
    """ "Who VERB ?" before a sentence: the words of that verb's subject are tagged B-answer, I-answer. One verb a sentence is asked for.

    Raises NotApplicable where the treebank has too few verbs with a subject.
    """
    asked = [question(s, k) for k, s in enumerate(treebank)]
    part = lambda split: tuple(
        e for e, inside in zip(asked, in_split(treebank.blocks, split), strict=True) if inside and e is not None
    )
    parts = [part(split) for split in ("train", "dev", "test")]
    if min(map(len, parts)) < LEAST:
        raise NotApplicable(
            f"{treebank.name} gives {', '.join(str(len(p)) for p in parts)} questions for train, dev and test"
        )
    return Task(f"who did it, of {treebank.name}", "token", TAGS, parts[0], parts[1], parts[2])


def question(sentence: Sentence, number: int) -> Example | None:
    """The question about one of a sentence's verbs, drawn with its number; None where no verb has a subject of neighbouring words."""
    if not {"head", "deprel", "upos"} <= set(sentence.layers):
        return None
    heads, relations = sentence.layers["head"], sentence.layers["deprel"]
    found = {}
    for subject, (verb, relation) in enumerate(zip(heads, relations, strict=True)):
        if relation != "nsubj" or verb < 0 or sentence.layers["upos"][verb] != "VERB":
            continue
        inside = sorted(below(heads, subject))
        if inside[-1] - inside[0] + 1 == len(inside) and verb not in inside:
            found[verb] = inside
    if not found:
        return None
    verb = int(np.random.default_rng([number, 7]).choice(sorted(found)))
    start, end = found[verb][0], found[verb][-1]
    tags = ["O"] * 3 + [
        "B-answer" if k == start else "I-answer" if start < k <= end else "O" for k in range(len(heads))
    ]
    return Example(("Who", sentence.words[verb], "?", *sentence.words), tuple(tags))


def below(heads: tuple[int, ...], top: int) -> set[int]:
    """A word and all that hangs from it."""
    found = {top}
    while grown := {k for k, head in enumerate(heads) if head in found} - found:
        found |= grown
    return found
