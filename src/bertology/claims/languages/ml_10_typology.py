"""Transfer is better between languages of like structure (Pires et al. 2019; K et al. 2020; Libovický et al. 2019; Singh et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.languages.crossed import crossed, overlap, subwords, typological_distances
from bertology.claims.languages.language_pairs import over_languages, partial_spearman
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.probe.cross_lingual import CrossTags
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row

FEWEST = 6


@claim(
    id="ml-10",
    section="8 (v1)",
    says="The space reflects typology, and transfer is better between similar languages.",
    cites=("libovicky-2019", "singh-2019", "pires-2019", "k-2019"),
    method="""Linear probes for parts of speech, fitted in each language and read in every other, as in ml-06, over all words. Transfer loss of a pair
    is the accuracy of the target's own probe minus that of the source's; typological distance is the mean difference of dependency
    directions in the treebanks (corpus/typology.py), word order alone. Spearman's rank correlation of the two over ordered pairs, given
    the share of subwords that the treebanks have in common and the number of words fitted on; languages are resampled, with
    both sides of their pairs. Holds if it is positive, and larger than the mean of random twins', who lose with distance too.""",
    expects={"correlation of loss and distance": above(0.0), "correlation beyond the random twins": above(0.0)},
    needs=("treebank.*", "treebank:head"),
)
def transfer_follows_typology(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from crossed(encoder, corpora, seed, FEWEST)
    far = typological_distances(found.treebanks)
    n = len(far)
    if np.isfinite(far).sum() - n < FEWEST * (FEWEST - 1):
        raise NotApplicable(
            "too few pairs of treebanks have trees with five common relations: give treebanks with heads and relations"
        )
    known = [subwords(encoder, t) for t in found.treebanks.values()]
    shared = np.array([[overlap(a, b) for b in known] for a in known])
    size = np.log(np.repeat(found.own.trained[:, None], n, 1))
    own, twins = losses(found.own), [losses(twin) for twin in found.twins]
    given = lambda loss, *at: partial_spearman(loss[at], far[at], (shared[at], size[at]))
    values = {
        "correlation of loss and distance": over_languages(lambda *at: given(own, *at), n, seed=seed),
        "correlation beyond the random twins": over_languages(
            lambda *at: given(own, *at) - np.mean([given(twin, *at) for twin in twins]), n, seed=seed
        ),
        "correlation of loss and distance, nothing given": over_languages(
            lambda *at: partial_spearman(own[at], far[at]), n, seed=seed
        ),
        "mean transfer loss": over_languages(lambda *at: float(100 * own[at].mean()), n, seed=seed, unit="points"),
    }
    baselines = {
        "random twins": over_languages(lambda *at: float(np.mean([given(twin, *at) for twin in twins])), n, seed=seed)
    }
    rows = [
        Row(measure, float(table[i, k]), label=f"{source} to {target}")
        for measure, table in (("transfer loss", own), ("distance in word order", far), ("shared subwords (Jaccard)", shared))
        for i, source in enumerate(found.own.codes) for k, target in enumerate(found.own.codes) if i != k
    ]  # fmt: skip
    note = (
        f"{n} languages: {', '.join(found.own.codes)}; {found.own.trained.min()} to {found.own.trained.max()} words fitted on. "
        "How much of each language the encoder was trained on is not known and not given. The tree of languages is not drawn."
    )
    return Finding(values, baselines, rows, note)


def losses(found: CrossTags) -> NDArray[np.float64]:
    """(source, target): accuracy of the target's own probe minus that of the source's, on the target's test blocks."""
    accuracy = found.accuracy()
    return np.diagonal(accuracy)[None] - accuracy
