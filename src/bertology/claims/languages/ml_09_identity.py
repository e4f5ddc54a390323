"""Representations encode which language they are in (Wu & Dredze 2019; Libovický et al. 2019; K et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.intervene.halves import HalfVocabulary
from bertology.observe import Asking, measure, together
from bertology.probe.language_identity import FamilyClusters, SentenceLanguage
from bertology.probe.readings import Curve, curve_rows
from bertology.record.claim import above
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap


@claim(
    id="ml-09",
    section="8 (v1)",
    says="Representations encode which language they are in.",
    cites=("wu-dredze-2019", "libovicky-2019", "k-2019"),
    method="""A linear probe for the language of a sentence from the mean of its tokens, in the layer that is best on dev; then the same after each
    language's mean over training sentences is taken off, which leaves a linear probe little by construction. A sentence's
    words give its language away, so that random weights do as well; in the control half of the vocabulary is hidden from the encoder in
    training sentences and the other half in all others, so that no subword of a test sentence was ever seen. There the encoder must know
    15 points more than its random twin, each in its own best layer: random twins of one shape were seen to differ by up to 13, and by any
    difference at all (the rule until then) one of seven passed. Beside it: k-means of the languages' means against families (V-measure).""",
    expects={
        "accuracy, sentences": above(0.9),
        "lost by centring": above(0.0),
        "unseen subwords, beyond the random twin": above(15.0),
    },
    needs=("parallel",),
)  # fmt: skip
def language_is_encoded(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    parallel = corpora.parallel
    assert parallel is not None
    asked, unseen = (SentenceLanguage(), SentenceLanguage(centred=True), FamilyClusters()), HalfVocabulary(seed)
    (raw, centred, clusters), halves, (twin_raw, twin_centred, twin_clusters), twin_halves = yield from together(
        measure(*asked, over=parallel),
        measure(SentenceLanguage(), over=parallel, under=unseen),
        measure(*asked, over=parallel, twin=True),
        measure(SentenceLanguage(), over=parallel, under=unseen, twin=True),
    )
    points = {"unit": "points", "seed": seed}
    gap = lambda a, b: 100 * (a - b)
    values = {
        "accuracy, sentences": _accuracy(raw, seed),
        "lost by centring": bootstrap(gap, _best(raw), _best(centred), **points),
        "unseen subwords, beyond the random twin": bootstrap(gap, _best(halves), _best(twin_halves), **points),
        "accuracy, unseen subwords": _accuracy(halves, seed),
        "accuracy, sentences, centred": _accuracy(centred, seed),
    }
    baselines = {
        "most frequent language": bootstrap(lambda r: r, raw.majority.on("test"), unit="share", seed=seed),
        "random twin, sentences": _accuracy(twin_raw, seed),
        "random twin, unseen subwords": _accuracy(twin_halves, seed),
    }
    curves = {"sentences": raw, "sentences, centred": centred, "unseen subwords": halves, "random twin, sentences": twin_raw,
              "random twin, sentences, centred": twin_centred, "random twin, unseen subwords": twin_halves}  # fmt: skip
    rows = [
        row
        for name, curve in curves.items()
        for row in curve_rows(f"accuracy, {name}", "", curve.correct.on("test"), seed)
    ]
    for who, found in (("encoder", clusters), ("random twin", twin_clusters)):
        for layer, (v, chance) in enumerate(zip(found.v, found.random, strict=True)):
            rows.append(
                Row("V-measure against language families", float(v), n=len(found.languages), layer=layer, label=who)
            )
            rows.append(
                Row("V-measure, families shuffled", float(chance), n=len(found.languages), layer=layer, label=who)
            )
    layers = ", ".join(f"{name} {_layer(curve)}" for name, curve in curves.items())
    note = (
        f"{parallel.name}: {raw.n_classes} languages; test sentences translate no training sentence. Layers chosen on dev: {layers}. "
        "Centred vectors are moved by the mean of their true language, as in the study."
    )
    return Finding(values, baselines, rows, note)


def _layer(curve: Curve) -> int:
    return argmax(curve.correct.on("dev").rate())[0]


def _best(curve: Curve) -> Tally:
    """Test blocks in the layer that is best on dev blocks."""
    return curve.correct[_layer(curve)].on("test")


def _accuracy(curve: Curve, seed: int) -> Estimate:
    return bootstrap(lambda r: r, _best(curve), unit="share", seed=seed)
