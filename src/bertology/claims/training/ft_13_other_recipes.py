"""Siamese, policy-gradient and curriculum fine-tuning against the standard recipe (a footnote of Rogers et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import Curriculum
from bertology.train.techniques.policy import PolicyGradient
from bertology.train.techniques.siamese import Siamese

SENTENCES, PAIRS = "tense", "next sentence"


@claim(
    id="ft-13",
    section="5.4",
    says="Siamese, policy-gradient and curriculum fine-tuning improve on the standard recipe.",
    cites=("rogers-2020",),
    method="""Each against the standard recipe with the same examples and passes: short examples first in the first pass; labels drawn and
    rewarded (REINFORCE, expected reward as baseline); the texts of a pair read apart and compared. The survey only mentions them, so the rule is the
    plainest: all three must gain. Curriculum and policy gradient on a task of sentences and one of pairs, Siamese on pairs. Control: the standard
    recipe must beat its random twin by two points on either task, so that there is something to improve on.""",
    expects={
        "gain of a curriculum": above(0.0),
        "gain of policy gradient": above(0.0),
        "gain of Siamese reading": above(0.0),
        "pre-trained − random twin, sentences": above(0.02),
        "pre-trained − random twin, pairs": above(0.02),
    },
    needs=("training", "segments", "treebank"),
)
def other_recipes_improve(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if not {"cls", "sep"} <= encoder.has:
        raise NotApplicable(f"{encoder.name} does not mark texts apart")
    over = [fine_tuned.small(corpora, name) for name in (SENTENCES, PAIRS)]
    twin = encoder.randomised(seed)
    cells = {
        "standard": [(encoder, t, fine_tuned.STANDARD) for t in over],
        "curriculum": [(encoder, t, fine_tuned.using(Curriculum())) for t in over],
        "policy gradient": [(encoder, t, fine_tuned.using(PolicyGradient())) for t in over],
        "random twin": [(twin, t, fine_tuned.STANDARD) for t in over],
        "Siamese": [(encoder, over[1], fine_tuned.using(Siamese()))],
    }
    made = yield from fine_tuned.scored([cell for of in cells.values() for cell in of], seed)
    scores = [s.values for s in made]
    standard, curriculum, policy, random = (scores[k : k + 2] for k in range(0, 8, 2))
    mean = lambda pair: (pair[0] + pair[1]) / 2
    values = {
        "gain of a curriculum": repeats.difference(mean(curriculum), mean(standard), unit="score"),
        "gain of policy gradient": repeats.difference(mean(policy), mean(standard), unit="score"),
        "gain of Siamese reading": repeats.difference(scores[-1], standard[1], unit="score"),
        "pre-trained − random twin, sentences": repeats.difference(standard[0], random[0], unit="score"),
        "pre-trained − random twin, pairs": repeats.difference(standard[1], random[1], unit="score"),
    }
    labels = [f"{name}, {task.name}" for name, of in cells.items() for _, task, _ in of]
    rows = fine_tuned.rows("score", dict(zip(labels, scores, strict=True)))
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, over, fine_tuned.STANDARD, standard[0]))
