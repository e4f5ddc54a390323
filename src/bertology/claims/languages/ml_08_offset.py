"""Languages differ by a constant offset, and adding it translates (Pires et al. 2019; Libovický et al. 2019)."""

from bertology.claims.languages.retrieved import language_mean, language_rows, layer_rows, pairs_note
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.retrieval import Retrieval
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats.tally import bootstrap


@claim(
    id="ml-08",
    section="8 (v1)",
    says="Languages differ by a constant offset: adding it translates.",
    cites=("pires-2019", "libovicky-2019"),
    method="""Retrieval of translations (as in ml-07) after the mean difference of the two languages over training sentences is added to
    the query, against retrieval from the unmoved query; mean over languages, test sentences, each condition in its own best layer
    on dev. The gain must be positive, larger than that of a random vector of the same length, and 5 points larger than the gain in the random twin,
    whose languages differ in the mean of their subwords, too (two random twins of one shape were seen to differ by 5; by any difference, the
    rule until then, one of seven passed); and with it more must be found than the twin finds by shared subwords so moved, or nothing is
    translated. Beside it: all vectors without their common mean, and without their language's mean.""",
    expects={
        "gain by the mean difference": above(0.0),
        "gain beyond a random vector of the same length": above(0.0),
        "gain beyond the random twin's": above(5.0),
        "retrieval with the mean difference, beyond the random twin": above(0.0),
    },
    needs=("parallel",),
)  # fmt: skip
def offset_translates(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    parallel = corpora.parallel
    assert parallel is not None
    moves = ("", "mean difference", "random vector", "common mean", "language means")
    own, random = yield from together(
        measure(*(Retrieval(move) for move in moves), over=parallel),
        measure(*(Retrieval(move) for move in moves), over=parallel, twin=True),
    )
    plain, moved, anywhere, common, centred = (each.at_best for each in own)
    twin_plain, twin_moved, *_, twin_centred = (each.at_best for each in random)
    points = {"unit": "points", "seed": seed}
    gap = lambda a, b: 100 * language_mean(a - b)
    values = {
        "gain by the mean difference": bootstrap(gap, moved, plain, **points),
        "gain beyond a random vector of the same length": bootstrap(gap, moved, anywhere, **points),
        "gain beyond the random twin's": bootstrap(
            lambda a, b, c, d: gap(a, b) - gap(c, d), moved, plain, twin_moved, twin_plain, **points
        ),
        "retrieval with the mean difference, beyond the random twin": bootstrap(gap, moved, twin_moved, **points),
        "gain by centring each language": bootstrap(gap, centred, plain, **points),
        "gain by centring each language beyond the common mean": bootstrap(gap, centred, common, **points),
        "retrieval, mean difference added": bootstrap(language_mean, moved, unit="share", seed=seed),
        "retrieval, unmoved": bootstrap(language_mean, plain, unit="share", seed=seed),
    }
    baselines = {
        "random twin's gain by the mean difference": bootstrap(gap, twin_moved, twin_plain, **points),
        "random twin's gain by centring each language": bootstrap(gap, twin_centred, twin_plain, **points),
    }
    rows = []
    for who, conditions in (("", own), ("random twin, ", random)):
        for move, each in zip(moves, conditions, strict=True):
            name = f"{who}{move or 'unmoved'}"
            rows += [*layer_rows(f"retrieval on dev: {name}", each), *language_rows(f"retrieval: {name}", each, seed)]
    layers = ", ".join(f"{move or 'unmoved'} {each.best}" for move, each in zip(moves, own, strict=True))
    return Finding(values, baselines, rows, f"{pairs_note(parallel, own[0])} Layers chosen on dev: {layers}.")
