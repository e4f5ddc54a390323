"""Eight-bit weights cost little, and save time only with the kernels for it (Zafrir et al. 2019; Shen et al. 2020)."""

import torch

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Kernels, Rounded
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above, below
from bertology.record.result import Finding
from bertology.stats import repeats

BITS = (8, 6, 4, 3, 2)


@claim(
    id="comp-04",
    section="6.2",
    says="Eight-bit weights cost little accuracy, and save time only on hardware that has the kernels.",
    cites=("shen-2019", "zafrir-2019"),
    method="""The tuned encoder's matrices rounded to 8, 6, 4, 3 and 2 bits, one scale a matrix, on two tasks: score, size, and the time of a batch of
    test texts, whole and rounded in turn. Rounded weights are computed with as floats, so no time should be saved. Holds if less than a point is lost at eight
    bits and these are less than a tenth faster. Where this processor's torch has int8 kernels, the time with them is told, without a
    rule. Controls: two bits must cost more than a point, so that a loss would be seen; the tuned encoder must beat by two points its tuned random twin.""",
    expects={
        "lost at 8 bits": below(0.01),
        "times faster at 8 bits without kernels": below(1.1),
        "lost at 2 bits": above(0.01),
        "tuned encoder − tuned random twin": above(0.02),
    },
    needs=("training", "treebank"),
)
def eight_bits_cost_little(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    over = smaller.tasks(corpora)
    ways = {f"{bits} bits": Rounded(bits) for bits in BITS}
    kernels = torch.backends.quantized.engine != "none" and encoder.device.type == "cpu"
    named = ways | ({"8 bits with kernels": Kernels()} if kernels else {})
    made = yield from smaller.compressed(encoder, over, list(named.values()), seed, timed=True)
    of_twin = yield from smaller.twin(encoder, over, seed)
    found = dict(zip(named, made, strict=True))
    lost = lambda name: repeats.difference(
        smaller.score(found[name], "whole"), smaller.score(found[name]), unit="score"
    )
    values = {
        "lost at 8 bits": lost("8 bits"),
        "times faster at 8 bits without kernels": repeats.mean(smaller.score(found["8 bits"], "faster"), unit="times"),
        "lost at 2 bits": lost("2 bits"),
        smaller.TWIN: smaller.control(made[0], of_twin),
        "times smaller at 8 bits": repeats.mean(smaller.score(found["8 bits"], "smaller"), unit="times"),
        **{f"lost at {bits} bits": lost(f"{bits} bits") for bits in BITS[1:-1]},
    }
    if kernels:
        with_them = found["8 bits with kernels"]
        values |= {
            "times faster with int8 kernels": repeats.mean(smaller.score(with_them, "faster"), unit="times"),
            "lost with int8 kernels": lost("8 bits with kernels"),
        }
    note = fine_tuned.note(encoder, over, fine_tuned.STANDARD, fine_tuned.SEEDS)
    return Finding(values, rows=smaller.rows(found), note=note)
