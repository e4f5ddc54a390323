"""Movement pruning beats magnitude pruning only at high sparsity (Sanh et al. 2020)."""

from dataclasses import replace

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Zeroed
from bertology.compress.pruning.sparse import MagnitudePruning, MovementPruning
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding
from bertology.stats import repeats

SPARSITIES = (0.5, 0.85, 0.97)
EPOCHS = 6
SEEDS = (0, 1, 2)


@claim(
    id="comp-05",
    section="6.2",
    says="Movement pruning beats magnitude pruning only at high sparsity.",
    cites=("fan-2019", "chen-2020", "sanh-2020"),
    method="""Weights of the layers' matrices are pruned while tuning, on the same schedule and twice the usual passes, by magnitude and by
    movement, to 50, 85 and 97 % zeros; two tasks. Holds if the difference is negative at 50 % and positive at 97 %. Controls: at 97 % movement must be
    above the majority, and the tuned encoder must beat by two points its tuned random twin.""",
    published=(
        Published(15.0, "weights left at which movement pruning begins to win, %", "BERT-base", "MNLI, QQP, SQuAD", "sanh-2020",
                  "memory"),
    ),
    expects={
        "movement − magnitude at 97 %": above(0.0),
        "movement − magnitude at 50 %": below(0.0),
        "movement at 97 % above the majority": above(0.0),
        "tuned encoder − tuned random twin": above(0.02),
    },
    needs=("training", "treebank"),
)  # fmt: skip
def movement_wins_at_high_sparsity(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    over = smaller.tasks(corpora)
    ways = {
        f"{name}, {100 * s:g} %": Zeroed(technique(sparsity=s), EPOCHS)
        for s in SPARSITIES
        for name, technique in (("magnitude", MagnitudePruning), ("movement", MovementPruning))
    }
    made = yield from smaller.compressed(encoder, over, list(ways.values()), seed, seeds=SEEDS)
    of_twin = yield from smaller.twin(encoder, over, seed, seeds=SEEDS)
    found = dict(zip(ways, made, strict=True))
    score = {name: smaller.score(of) for name, of in found.items()}
    majority = sum(one.majority for one in made[0]) / len(over)
    gain = lambda s: repeats.difference(score[f"movement, {s} %"], score[f"magnitude, {s} %"], unit="score")
    values = {
        "movement − magnitude at 97 %": gain(97),
        "movement − magnitude at 50 %": gain(50),
        "movement at 97 % above the majority": repeats.mean(score["movement, 97 %"] - majority, unit="score"),
        smaller.TWIN: smaller.control(made[0], of_twin),
        "movement − magnitude at 85 %": gain(85),
    }
    recipe = replace(fine_tuned.STANDARD, epochs=EPOCHS)
    return Finding(values, rows=smaller.rows(found), note=fine_tuned.note(encoder, over, recipe, SEEDS))
