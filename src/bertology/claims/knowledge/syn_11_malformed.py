"""Predictions survive malformed input (Ettinger 2020)."""

from collections.abc import Callable

import numpy as np

from bertology.behave import cloze, malformed
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, above
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

DRAWS = 3
"""Orders of a shuffled context."""
ELSEWHERE = 5
"""Contexts of other items that make the floor."""
FIRST = 5
"""How many of the likeliest subwords are looked at."""
INTACT, CHANCE = "intact", "chance context"
JUDGED = ("shuffled, single words", "truncated", "without subject", "without object")
SHUFFLED = {"shuffled, single words": 1, "shuffled, runs of 2": 2, "shuffled, runs of 3": 3, "shuffled, runs of 4": 4}


@claim(
    id="syn-11",
    section="3.1",
    says="Predictions survive malformed input: shuffled, truncated or subject-less contexts change them little.",
    cites=("ettinger-2019", "wallace-2019a"),
    method="""Accuracy: an expected word of a single subword is among the five likeliest for the gap. Of items with two sentences the first is shuffled
    word by word (and in runs of 2, 3 and 4 words) or the second cut to the two words before the gap; of clauses the subject or the
    object is dropped. The floor is the mean accuracy in five contexts of other items of the same set. Predictions survive when the accuracy under
    the worst of these malformations stays more than half-way above the floor (accuracy minus the mean of intact accuracy and floor, on
    the items that the malformation can be done to), and there is something to survive: intact contexts must beat the floor, which
    random weights do not. Beside it: how often the likeliest subword stays the same.""",
    expects={"worst malformation over half-way": above(0.0), "intact over chance context": above(0.0)},
    needs=("mlm", "mask", "cloze"),
    abilities=(Ability("words from context", "intact over chance context", chance=0.0),),
)
def malformed_input_survived(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    items = of_set(corpora.cloze, "CPRAG", "ROLE", "TRIPLE")
    variants = [_variants(items, k, seed) for k in range(len(items))]
    judged = [name for name in JUDGED if any(v.get(name) for v in variants)]
    if not judged:
        raise NotApplicable(
            "no cloze item has two sentences (label 'opening') or a phrase to drop (labels 'subject', 'object')"
        )
    fits = [cloze.single(encoder, cloze.expected(item)) for item in items]
    if not any(fits):
        raise NotApplicable("no expected word of the cloze items is a single subword of this encoder")
    questions = [
        (name, (context, word)) for words, v in zip(fits, variants, strict=True)
        for name, contexts in v.items() for context in contexts for word in words
    ]  # fmt: skip
    gaps = cloze.gaps(q for _, q in questions)
    fewer = cloze.gaps(q for name, q in questions if name in (INTACT, CHANCE))
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), fewer))
    real, random = (cloze.Answers(encoder, *one) for one in zip((gaps, fewer), filled, strict=True))
    blocks = _blocks(items)
    names = list(dict.fromkeys(name for v in variants for name in v))
    right = {name: _each(variants, name, lambda k, c: real.first(c, fits[k], FIRST)) for name in names}
    twin = {name: _each(variants, name, lambda k, c: random.first(c, fits[k], FIRST)) for name in (INTACT, CHANCE)}
    kept = {
        name: _each(variants, name, lambda k, c: _same(real, items[k].context_with_mask, c) if fits[k] else np.nan)
        for name in names if name != INTACT
    }  # fmt: skip
    lost = int(np.isnan(right[INTACT]).sum())
    tally = lambda values: cloze.tally(values, blocks)
    options = {"seed": seed, "method": "bootstrap over items, those of a pair together"}
    percent = lambda values: bootstrap(lambda r: 100 * r, tally(values), unit="%", **options)
    three = [
        tally(np.where(np.isnan(right[name]), np.nan, part))
        for name in judged for part in (right[name], right[INTACT], right[CHANCE])
    ]  # fmt: skip
    values = {
        "worst malformation over half-way": bootstrap(_worst, *three, unit="points", **options),
        "intact over chance context": bootstrap(
            lambda a, b: 100 * (a - b), tally(right[INTACT]), tally(right[CHANCE]), unit="points", **options
        ),
    }
    for i, name in enumerate(judged):
        values[f"share of the accuracy kept, {name}"] = _share(three[3 * i : 3 * i + 2], options)
        values[f"floor of that share, {name}"] = _share([three[3 * i + 2], three[3 * i + 1]], options)
    baselines = {
        "random twin, intact over chance context": bootstrap(
            lambda a, b: 100 * (a - b), tally(twin[INTACT]), tally(twin[CHANCE]), unit="points", **options
        )
    }
    rows = [
        Row(measured, e.value, e.low, e.high, e.n, label=f"{part}: {name}")
        for measured, scores in ((f"expected word among the first {FIRST}", right), ("same favourite as intact", kept))
        for part, of_part in (("two sentences", _two_sentences(items)), ("one sentence", ~_two_sentences(items)))
        for name in names if name in scores
        if (e := percent(np.where(of_part, scores[name], np.nan))).n
    ]  # fmt: skip
    note = f"{len(items) - lost} items; judged: {', '.join(judged)}."
    if lost:
        note += f" Left out: {lost} items none of whose expected words is a single subword."
    return Finding(values, baselines, rows, note)


def _variants(items: tuple[ClozeItem, ...], k: int, seed: int) -> dict[str, list[str]]:
    """Contexts of an item by what was done to them; only what can be done to it."""
    item, rng = items[k], np.random.default_rng([seed, k])
    made: dict[str, list[str | None]] = {INTACT: [item.context_with_mask]}
    made |= {name: [malformed.shuffled(item, run, rng) for _ in range(DRAWS)] for name, run in SHUFFLED.items()}
    made["truncated"] = [malformed.truncated(item)]
    made |= {f"without {role}": [malformed.without(item, role)] for role in ("subject", "object")}
    made[CHANCE] = list(malformed.elsewhere(items, k, ELSEWHERE, seed))
    return {name: there for name, contexts in made.items() if (there := [c for c in contexts if c is not None])}


def _each(variants: list[dict[str, list[str]]], name: str, score: Callable[[int, str], float]) -> np.ndarray:
    """The mean score of each item's contexts of one kind; nan where it has none."""
    return np.array([np.mean([score(k, c) for c in v[name]]) if name in v else np.nan for k, v in enumerate(variants)])


def _worst(*rates: np.ndarray) -> np.ndarray:
    """Least, over malformations, of accuracy minus the mean of intact accuracy and floor; rates come in threes, in points."""
    return 100 * np.min([rates[i] - (rates[i + 1] + rates[i + 2]) / 2 for i in range(0, len(rates), 3)], axis=0)


def _share(two: list[Tally], options: dict[str, object]) -> Estimate:
    with np.errstate(all="ignore"):
        return bootstrap(lambda a, b: 100 * a / b, *two, unit="%", **options)  # type: ignore[arg-type]


def _same(who: cloze.Answers, intact: str, context: str) -> float:
    both = who.favourite(intact), who.favourite(context)
    return float(both[0] == both[1]) if all(both) else np.nan


def _two_sentences(items: tuple[ClozeItem, ...]) -> np.ndarray:
    return np.array([bool(item.labels.get("opening")) for item in items])


def _blocks(items: tuple[ClozeItem, ...]) -> np.ndarray:
    """Items of a pair share a block."""
    groups: dict[str, int] = {}
    return np.array(
        [groups.setdefault(str(i.labels.get("pair", f"item {k}")), len(groups)) for k, i in enumerate(items)]
    )
