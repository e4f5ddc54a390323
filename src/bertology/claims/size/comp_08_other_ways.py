"""Factorised embeddings, replaced modules and dropped tokens against dropped layers (Lan et al. 2020; Xu et al. 2020; Goyal et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Factorised, FewerTokens, Shallow
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats


@claim(
    id="comp-08",
    section="6.2",
    says="Factorised embeddings, replaced modules and dropped tokens each give a better trade of accuracy for compute.",
    cites=("lan-2020", "xu-2020", "goyal-2020"),
    method="""Each way against dropping layers evenly, all tuned with the same steps on two tasks. Replaced modules: half the layers take over one by
    one. Dropped tokens: those least attended to leave after each layer, on a fixed schedule, until half the layers' work on tokens is left. Both
    against half the layers, at equal operations. Factorised embeddings save parameters and no operations, so they are compared at equal
    parameters: a rank that saves as much as the dropped layers (half of them, or as many as three quarters of the matrix are worth). Holds if
    each beats dropped layers. Control: the tuned encoder must beat by two points its tuned random twin.""",
    expects={
        "replaced modules − dropped layers": above(0.0),
        "dropped tokens − dropped layers": above(0.0),
        "factorised embeddings − dropped layers": above(0.0),
        "tuned encoder − tuned random twin": above(0.02),
    },
    needs=("training", "treebank", "attention"),
)
def other_ways_beat_dropped_layers(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    layers, rank = exchange(encoder)
    over, half = smaller.tasks(corpora), encoder.n_layers // 2 / encoder.n_layers
    ways = {
        "half the layers": Shallow(half),
        "replaced modules": Shallow(half, theseus=True),
        "dropped tokens": FewerTokens(0.5),
        f"{layers} layers fewer": Shallow((encoder.n_layers - layers) / encoder.n_layers),
        f"embeddings of rank {rank}": Factorised(rank),
    }
    made = yield from smaller.compressed(encoder, over, list(ways.values()), seed)
    of_twin = yield from smaller.twin(encoder, over, seed)
    dropped, replaced, tokens, fewer, factorised = (smaller.score(of) for of in made)
    values = {
        "replaced modules − dropped layers": repeats.difference(replaced, dropped, unit="score"),
        "dropped tokens − dropped layers": repeats.difference(tokens, dropped, unit="score"),
        "factorised embeddings − dropped layers": repeats.difference(factorised, fewer, unit="score"),
        smaller.TWIN: smaller.control(made[0], of_twin),
    }
    note = fine_tuned.note(encoder, over, fine_tuned.STANDARD, fine_tuned.SEEDS)
    return Finding(values, rows=smaller.rows(dict(zip(ways, made, strict=True))), note=note)


def exchange(encoder: Encoder) -> tuple[int, int]:
    """How many layers to drop, and the rank of embeddings that saves as many parameters; see the claim's method.

    Raises NotApplicable where layers are an odd number (modules replace pairs), share their weights, or are larger than the embeddings.
    """
    base = encoder.base
    modules = layer_modules(base, encoder.family)
    if encoder.n_layers % 2 or len(modules) != encoder.n_layers:
        raise NotApplicable(
            f"{encoder.n_layers} layers in {len(modules)} modules: an even number of layers of their own is due"
        )
    rows, width = base.get_input_embeddings().weight.shape  # type: ignore[operator]
    one = sum(p.numel() for p in modules[0].parameters())
    layers = min(encoder.n_layers // 2, int(0.75 * rows * width / one))
    if layers == 0:
        raise NotApplicable(f"a layer has {one:,} parameters, the embeddings {rows * width:,}: no rank saves as much")
    return layers, int((rows * width - layers * one) / (rows + width))
