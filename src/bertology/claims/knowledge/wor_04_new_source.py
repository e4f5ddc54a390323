"""A language model's ranking of triples carries over to a new source better than supervised completion (Davison et al. 2019)."""

import numpy as np

from bertology.behave import facts as recall
from bertology.behave import triples
from bertology.behave.asks import Filling, Scoring
from bertology.behave.gaps import Gap, filled
from bertology.behave.masked_subject import FillingHidden, Hidden
from bertology.claims.registry import claim
from bertology.corpus.cloze import of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import BLOCKS, Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap, of_items

MOST = 10
"""Facts of a relation and source."""
WRONG = 3
TEMPLATES = 3
RELATIONS = 3


@claim(
    id="wor-04",
    section="3.3",
    says="Scoring of common-sense triples by the language model generalises to a new source better than supervised completion.",
    cites=("davison-2019",),
    method="""Facts of the same relations from two sources (label "source": two collections, or in the embedded facts two kinds of subject, such as
    capitals and other towns). Each true tail is ranked among three tails of other facts of its relation and source. The language model fills
    the template under which the triple has the highest pseudo-log-likelihood per subword, and scores it by
    w log p(tail | head) − log p(tail | head masked). A bilinear model on the encoder's static vectors learns from true and corrupted triples.
    In source, w and the bilinear model come from other facts of the same source; out of source, from the other source; both ways.
    The bilinear model's area under the curve must drop by more than the language model's, and out of source the language model must rank
    above chance, which random weights do not, and above the bilinear model. Where the bilinear model is not above chance in source, there is nothing to
    compare. Intervals resample facts.""",
    expects={
        "drop of the bilinear model − drop of the language model": above(0.0),
        "language model over chance, out of source": above(0.0),
        "language model − bilinear model, out of source": above(0.0),
    },
    needs=("mlm", "mask", "cloze:FACT"),
    abilities=(
        Ability("common sense", "area, language model out of source", chance=50.0),
    ),
)  # fmt: skip
def new_sources_cost_less(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    facts = recall.gather(encoder, of_set(corpora.cloze, "FACT"), one_subword=False)
    sources = triples.two_sources(facts)
    if sources is None:
        raise NotApplicable("all facts are of one source (label 'source'); two are due")
    asked = triples.corrupted(facts, sources, most=MOST, wrong=WRONG, seed=seed)
    if len(asked.facts.names) < RELATIONS:
        raise NotApplicable(
            f"sources {sources[0]} and {sources[1]} share {len(asked.facts.names)} relations with {recall.FEWEST} facts "
            f"and {WRONG + 1} tails each; {RELATIONS} are due"
        )
    places = [
        (i, t, k) for i, one in enumerate(asked.facts.items) for t in sorted(one)[:TEMPLATES] for k in range(1 + WRONG)
    ]
    items = [asked.item(*where) for where in places]
    gaps = tuple(Gap(item.context_with_mask, (item.target,)) for item in items)
    whole = Corpus(
        "triples", tuple(filled(gap.context, gap.candidates[0], f"{i}")[0] for i, gap in enumerate(gaps)), seed=seed
    )
    hidden = tuple(Hidden(gap, *(recall.place(item) or (0, 0))) for gap, item in zip(gaps, items, strict=True))
    phrases = tuple(dict.fromkeys([*asked.facts.subjects, *asked.tails.ravel().tolist()]))
    scores, full, blind, vectors = yield from make(
        Scoring(encoder, whole),
        Filling(encoder, gaps),
        FillingHidden(encoder, hidden),
        triples.PhraseVectors(encoder, phrases),
    )
    plausible = np.full(len(places), np.nan)
    plausible[scores.kept] = scores.means
    log, alone = _under_best(places, plausible, full.values, blind.values, asked.tails.shape)
    model = triples.weighted_information(log, alone, asked)
    learnt = triples.bilinear(asked, vectors)
    there = np.isfinite([*model, *learnt]).all(0)
    table = np.where(there, [*model, *learnt], np.nan).T
    tally = of_items(table, np.arange(len(table)) % BLOCKS)
    how = {"seed": seed, "method": "bootstrap over facts"}
    learns = bootstrap(lambda r: 100 * r[..., 2], tally, unit="%", **how)
    if not learns.low > 50:
        raise NotApplicable(
            f"the bilinear model learns nothing that could be lost from {int(there.sum())} facts of {sources[0]} and {sources[1]}: "
            f"its area on the source it was trained on is {learns}, chance is 50"
        )
    percent = lambda k: bootstrap(lambda r: 100 * r[..., k], tally, unit="%", **how)
    points = lambda f: bootstrap(lambda r: 100 * f(*np.moveaxis(r, -1, 0)), tally, unit="points", **how)
    values = {
        "drop of the bilinear model − drop of the language model": points(lambda mi, mo, bi, bo: (bi - bo) - (mi - mo)),
        "language model over chance, out of source": points(lambda mi, mo, bi, bo: mo - 0.5),
        "language model − bilinear model, out of source": points(lambda mi, mo, bi, bo: mo - bo),
        "area, language model in source": percent(0),
        "area, language model out of source": percent(1),
        "area, bilinear model in source": percent(2),
        "area, bilinear model out of source": percent(3),
    }
    rows = [
        Row(name, 100 * float(np.nanmean(column[asked.facts.relation == r])), label=relation)
        for r, relation in enumerate(asked.facts.names)
        for name, column in zip(
            ("language model, out of source", "bilinear model in source", "bilinear model out of source"),
            table.T[1:],
            strict=True,
        )
        if np.isfinite(column[asked.facts.relation == r]).any()
    ]
    note = (
        f"{int(there.sum())} facts of {len(asked.facts.names)} relations; sources {sources[0]} and {sources[1]}; of each relation at most "
        f"{MOST} facts a source and {TEMPLATES} templates.{recall.left_out(facts)}"
    )
    return Finding(values, {}, rows, note)


def _under_best(
    places: list[tuple[int, int, int]],
    plausible: np.ndarray,
    full: np.ndarray,
    blind: np.ndarray,
    shape: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """(fact, tail): both log-probabilities of the tail under the triple's most plausible template."""
    best, log, alone = np.full(shape, -np.inf), np.full(shape, np.nan), np.full(shape, np.nan)
    for (fact, _, tail), value, a, b in zip(places, plausible, full, blind, strict=True):
        if np.isfinite([value, a, b]).all() and value > best[fact, tail]:
            best[fact, tail], log[fact, tail], alone[fact, tail] = value, a, b
    return log, alone
