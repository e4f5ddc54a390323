"""Random word sequences suffice to copy a fine-tuned model (Krishna et al. 2020)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bertology.claims.directions.answers import Answers, Taught, Texts
from bertology.claims.directions.rates import rates, right
from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import scores
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.artefacts import TunedModel
from bertology.train.task import Example, Task

NAMES = ("tense", "number of the subject")
QUERIES = 480
ARMS = ("random words", "random labels", "real sentences")


@claim(
    id="dir-02",
    section="7",
    says="Random word sequences suffice to copy a fine-tuned model.",
    cites=("krishna-2020",),
    method="""Models tuned on the tense of sentences and on the number of subjects answer sequences of words drawn from running text without
    regard to order, as long as sentences are. The encoder is fine-tuned on these answers; the share of test sentences for which the copy says
    what the model says is its agreement. Holds if it beats that of a copy of the same answers shuffled over the same sequences, and that of always saying what the
    model says most often there, mean of both tasks, and if the models score beyond the random twin tuned alike. Beside: a copy from as
    many real sentences.""",
    expects={
        "agreement beyond a copy of shuffled answers": above(0.0),
        "agreement beyond the commonest answer": above(0.0),
        "models' score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "text"),
)
def random_words_copy(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    numbers, twin = fine_tuned.numbered(seed, fine_tuned.SEEDS), encoder.randomised(seed)
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    cells = [(task, number) for number in numbers for task in tasks]
    models = {cell: TunedModel(encoder, cell[0], fine_tuned.STANDARD, cell[1]) for cell in cells}
    nonsense = {cell: _nonsense(corpora.text, cell[0], cell[1]) for cell in cells}
    real = {name: _unseen(task, fine_tuned.TASKS[name](corpora), seed) for name, task in zip(NAMES, tasks, strict=True)}
    sentences = {task.name: real[name] for name, task in zip(NAMES, tasks, strict=True)}
    wishes = {c: (*nonsense[c], *sentences[c[0].name], *(e.texts for e in c[0].test)) for c in cells}
    said = yield from make(*(Answers(models[c], wishes[c]) for c in cells))
    answers = dict(zip(cells, said, strict=True))

    copies = []
    for c in cells:
        task, number = c
        n, m = len(nonsense[c]), len(sentences[task.name])
        labels = [task.labels[k] for k in answers[c].argmax(1)]
        shuffled = [labels[k] for k in np.random.default_rng([number, 44]).permutation(n)]
        taught = (
            (nonsense[c], labels[:n]),
            (nonsense[c], shuffled),
            (sentences[task.name], labels[n : n + m]),
        )
        test = tuple(e.texts for e in task.test)
        for arm, (texts, own) in zip(ARMS, taught, strict=True):
            copy = replace(task, name=f"answers to {arm}, {task.name}", train=tuple(map(Example, texts, own)))
            copies.append(Taught(encoder, copy, fine_tuned.STANDARD, number, test))
    made = yield from make(*copies)
    found = {(*c, arm): p for (c, arm), p in zip(((c, arm) for c in cells for arm in ARMS), made, strict=True)}
    real_scores, twin_scores = [], []
    for task in tasks:
        real_scores.append((yield from scores([models[task, n] for n in numbers])))
        twin_scores.append((yield from scores([TunedModel(twin, task, fine_tuned.STANDARD, n) for n in numbers])))

    victim = {c: [c[0].labels[k] for k in answers[c][-len(c[0].test) :].argmax(1)] for c in cells}
    agrees = {(*c, arm): right(found[*c, arm], victim[c], c[0].labels) for c in cells for arm in ARMS}
    usual = {c: np.array(victim[c]) == max(victim[c], key=victim[c].count) for c in cells}
    gold = {c: right(found[*c, ARMS[0]], (e.label for e in c[0].test), c[0].labels) for c in cells}
    of_task = np.repeat(np.arange(len(tasks)), [len(t.test) for t in tasks])
    masks = {name: of_task == k for k, name in enumerate(NAMES)}

    def mean(table):  # type: ignore[no-untyped-def]
        """The mean over tasks of what `table` counts of a cell's test sentences."""
        counted: list[NDArray[np.float64]] = [np.concatenate([table((t, n)) for t in tasks]) for n in numbers]
        return rates(counted, masks).estimate(lambda *r: sum(r) / len(r), *NAMES, unit="share", seed=seed)

    values = {
        "agreement beyond a copy of shuffled answers": mean(lambda c: agrees[*c, ARMS[0]] - agrees[*c, ARMS[1]]),
        "agreement beyond the commonest answer": mean(lambda c: agrees[*c, ARMS[0]] - usual[c]),
        "models' score beyond the random twin": repeats.difference(
            np.mean(real_scores, 0), np.mean(twin_scores, 0), unit="score"
        ),
        "agreement, copy from random words": mean(lambda c: agrees[*c, ARMS[0]]),
        "agreement, copy from real sentences": mean(lambda c: agrees[*c, ARMS[2]]),
        "agreement from random words − from real sentences": mean(lambda c: agrees[*c, ARMS[0]] - agrees[*c, ARMS[2]]),
        "score of the copy from random words": mean(lambda c: gold[c]),
        "score of the models": repeats.mean(np.mean(real_scores, 0), unit="score"),
    }
    baselines = {
        "agreement, copy of shuffled answers": mean(lambda c: agrees[*c, ARMS[1]]),
        "agreement, commonest answer": mean(lambda c: usual[c].astype(float)),
    }
    rows = [
        row
        for name, task in zip(NAMES, tasks, strict=True)
        for row in fine_tuned.rows(
            "agreement",
            {f"{name}: {arm}": np.array([agrees[task, n, arm].mean() for n in numbers]) for arm in ARMS}
            | {f"{name}: commonest answer": np.array([usual[task, n].mean() for n in numbers])},
        )
    ]
    real_queries = ", ".join(str(len(x)) for x in real.values())
    note = (
        f"{QUERIES} sequences of words of {corpora.text.name} and {real_queries} real sentences that the models were not tuned on; copies are taught "
        f"the likeliest answer, not probabilities, and start from the same encoder. {fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, numbers)}"
    )
    return Finding(values, baselines, rows, note)


def _nonsense(text: Corpus, task: Task, seed: int) -> tuple[Texts, ...]:
    """Words of the training blocks of a text in proportion to their frequency, as many as a training sentence has."""
    rng = np.random.default_rng([seed, 43])
    words = np.array(
        [w for s, inside in zip(text, in_split(text.blocks, "train"), strict=True) if inside for w in s.words]
    )
    lengths = rng.choice([len(e.texts[0].split()) for e in task.train], QUERIES)
    return tuple((" ".join(rng.choice(words, n)),) for n in lengths)


def _unseen(task: Task, whole: Task, seed: int) -> tuple[Texts, ...]:
    """At most QUERIES training sentences of the whole task that the small one does not have."""
    seen = {e.texts for e in task.train}
    left = [e.texts for e in whole.train if e.texts not in seen]
    order = np.random.default_rng([seed, 45]).permutation(len(left))[:QUERIES]
    return tuple(left[k] for k in sorted(order))
