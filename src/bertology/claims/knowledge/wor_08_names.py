"""Part of the recall of facts is guessing from the look of names (Poerner et al. 2020)."""

import numpy as np
from numpy.typing import NDArray

from bertology.behave import cloze
from bertology.behave import facts as recall
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import MASK, of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import BLOCKS
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap, of_items

FEWEST = 10
"""Names of either kind whose answer both kinds have."""
NOUNS = {
    "P19": "city", "P20": "city", "P27": "country", "P103": "language", "P1412": "language",
    "/people/person/place_of_birth": "city", "/people/person/place_of_death": "city", "place_of_birth": "city", "place_of_death": "city",
}  # fmt: skip
"""What a person's relation asks for, for the filter of names."""


@claim(
    id="wor-08",
    section="3.3",
    says="Part of the recall of facts is guessing from the look of names.",
    cites=("poerner-2019",),
    method="""Facts whose object the subject's name gives away ("helpful": Giuseppe Garibaldi, Italian) against facts whose name does not
    ("unhelpful": John Cabot, Italian), by label "name"; without such labels a name is helpful that contains the object, or, for relations of
    people, whose parts alone call up the object among the first three ("X is a common name in the following city"). Precision at 1 among the
    whole vocabulary, averaged over templates, compared within the same object, so that no favourite answer pays. Helpful names must be
    answered better; and for invented names the likeliest of the answers must be what the name seems to tell more often than by chance,
    averaged over answers. Random weights have no such preference. Intervals resample names.""",
    published=(
        Published(81.0, "largest share of a relation's facts removed by the string filter, %", "none", "LAMA Google-RE and T-REx", "poerner-2019 (abstract)", "verified"),
        Published(31.1, "precision at 1 before filtering, %", "BERT-base", "LAMA T-REx", "wang-2020c (table for the base model)", "verified", "precision at 1, all names"),
        Published(21.8, "precision at 1 after filtering, %", "BERT-base", "LAMA-UHN T-REx", "wang-2020c (table for the base model)", "verified", "precision at 1, unhelpful names"),
        Published(9.8, "precision at 1 before filtering, %", "BERT-base", "LAMA Google-RE", "wang-2020c (table for the base model)", "verified", "precision at 1, all names"),
        Published(4.7, "precision at 1 after filtering, %", "BERT-base", "LAMA-UHN Google-RE", "wang-2020c (table for the base model)", "verified", "precision at 1, unhelpful names"),
    ),
    expects={"helpful − unhelpful names": above(0.0), "invented names, what they seem to tell over chance": above(0.0)},
    needs=("mlm", "mask", "cloze"),
)  # fmt: skip
def names_give_facts_away(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    named = [item for item in corpora.cloze if item.labels.get("name")]
    real = [i for i in named if i.labels["name"] in ("helpful", "unhelpful")] or of_set(corpora.cloze, "FACT")
    facts = recall.gather(encoder, real)
    fictional = [i for i in named if i.labels["name"] == "fictional"] or _embedded_fiction()
    invented = recall.gather(encoder, fictional)
    answers_of = [
        tuple(dict.fromkeys(str(i.target) for one in _of(invented, r) for i in one.values()))
        for r in range(len(invented.names))
    ]
    options = [
        (item.context_with_mask, word)
        for one, r in zip(invented.items, invented.relation.tolist(), strict=True)
        for item in one.values()
        for word in answers_of[r]
    ]
    twin, asked = encoder.randomised(seed), recall.questions(facts)
    parts = parts_of(facts)
    gaps = cloze.gaps([*asked, *options, *(question for one in parts for question in one)])
    filled = yield from make(Filling(encoder, gaps), Filling(twin, gaps))
    own, random = (cloze.Answers(who, gaps, one) for who, one in zip((encoder, twin), filled, strict=True))
    helpful = helpful_names(facts, parts, own)
    cell = [f"{facts.names[r]}:{word}" for r, word in zip(facts.relation.tolist(), facts.objects, strict=True)]
    shared = sorted(
        {c for c, h in zip(cell, helpful, strict=True) if h} & {c for c, h in zip(cell, helpful, strict=True) if not h}
    )
    matched = np.isin(cell, shared)
    counts = [int((matched & (helpful == side)).sum()) for side in (True, False)]
    if min(counts) < FEWEST:
        raise NotApplicable(
            f"{counts[0]} helpful and {counts[1]} unhelpful names have an answer that both have; {FEWEST} of each are due"
        )
    sizes = np.array(
        [
            [sum(c == name and h == side for c, h in zip(cell, helpful, strict=True)) for side in (True, False)]
            for name in shared
        ]
    )
    weight = sizes.prod(1) / sizes.sum(1)
    how = {"seed": seed, "method": "bootstrap over names"}

    def difference(who: cloze.Answers):  # type: ignore[no-untyped-def]
        values = _mean(recall.right(facts, who))
        place = np.searchsorted(shared, cell).clip(max=len(shared) - 1) * 2 + ~helpful
        cells = of_items(np.where(matched, values, np.nan), np.arange(len(values)) % BLOCKS, place, 2 * len(shared))
        return bootstrap(lambda r: 100 * _weighted(r[..., 0::2] - r[..., 1::2], weight), cells, unit="points", **how)

    def seeming(who: cloze.Answers):  # type: ignore[no-untyped-def]
        tally, chance = _seeming(invented, answers_of, who)
        return bootstrap(lambda r: 100 * (np.nanmean(r, axis=-1) - chance), tally, unit="points", **how)

    def precision(side: NDArray[np.bool_]):  # type: ignore[no-untyped-def]
        kept = facts.of(side)
        tally = recall.by_relation(kept, _mean(recall.right(kept, own)))
        return bootstrap(lambda r: 100 * recall.macro(r), tally, unit="%", **how)

    values = {
        "helpful − unhelpful names": difference(own),
        "invented names, what they seem to tell over chance": seeming(own),
        "precision at 1, all names": precision(np.ones_like(helpful)),
        "precision at 1, helpful names": precision(helpful),
        "precision at 1, unhelpful names": precision(~helpful),
    }
    baselines = {
        "helpful − unhelpful names, random twin": difference(random),
        "invented names over chance, random twin": seeming(random),
    }
    tally, _ = _seeming(invented, answers_of, own)
    told = [f"{name}: {word}" for r, name in enumerate(invented.names) for word in answers_of[r]]
    rows = [
        Row("invented names answered as they seem", 100 * float(rate), label=name)
        for name, rate in zip(told, tally.rate(), strict=True)
    ]
    note = (
        f"{int(helpful.sum())} helpful and {int((~helpful).sum())} unhelpful names, {counts[0]} and {counts[1]} of them with an answer that "
        f"both have; {len(invented.items)} invented names.{recall.left_out(facts)}"
    )
    return Finding(values, baselines, rows, note)


def _embedded_fiction() -> list:
    from bertology.corpus.worlds import names  # only where the given items hold none

    return [item for item in names.items() if item.labels["name"] == "fictional"]


def _of(facts: recall.Facts, relation: int) -> list:
    return [one for one, r in zip(facts.items, facts.relation.tolist(), strict=True) if r == relation]


def parts_of(facts: recall.Facts) -> list[list[cloze.Asked]]:
    """For each fact without label "name", the questions that the parts of its name alone are asked (Poerner et al. 2020)."""
    found = []
    for one, r in zip(facts.items, facts.relation.tolist(), strict=True):
        item = next(iter(one.values()))
        noun = NOUNS.get(facts.names[r])
        words = str(item.labels["subject"]).split() if noun and not item.labels.get("name") else []
        found.append([(f"{word} is a common name in the following {noun}: {MASK}.", item.target) for word in words])
    return found


def helpful_names(facts: recall.Facts, parts: list[list[cloze.Asked]], who: cloze.Answers) -> NDArray[np.bool_]:
    """Whether each fact's name gives its object away: by label, by holding it, or by what its parts call up."""
    labels = facts.label("name")
    return np.array(
        [
            label == "helpful"
            if label
            else word in subject.casefold() or any(who.rank(question) <= 3 for question in asked)
            for label, word, subject, asked in zip(
                labels.tolist(), facts.objects.tolist(), facts.subjects, parts, strict=True
            )
        ]
    )


def _mean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    there = np.isfinite(table).sum(1)
    return np.where(there > 0, np.nansum(table, axis=1) / np.maximum(there, 1), np.nan)


def _weighted(difference: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over answers, of those that a resample has on both sides."""
    there = np.isfinite(difference)
    with np.errstate(all="ignore"):
        return (np.where(there, difference, 0.0) * weight).sum(-1) / (there * weight).sum(-1)


def _seeming(invented: recall.Facts, answers_of: list[tuple[str, ...]], who: cloze.Answers) -> tuple[Tally, float]:
    """A tally over (relation and answer) cells of how often the likeliest answer is what the name seems to tell; and chance, over cells."""
    starts = np.cumsum([0, *map(len, answers_of)])
    values, cells = [], []
    for one, r in zip(invented.items, invented.relation.tolist(), strict=True):
        hits = []
        for item in one.values():
            logs = [who.log((item.context_with_mask, word)) for word in answers_of[r]]
            hits.append(float(answers_of[r][int(np.argmax(logs))] == item.target))
        values.append(np.mean(hits))
        cells.append(starts[r] + answers_of[r].index(next(iter(one.values())).target))
    blocks = np.arange(len(values)) % BLOCKS
    chance = np.mean([1 / len(words) for words in answers_of for _ in words])
    return of_items(np.array(values), blocks, np.array(cells), int(starts[-1])), float(chance)
