"""Freezing lower layers while fine-tuning improves transfer (Wu & Dredze 2019)."""

import numpy as np

from bertology.claims.languages import zero_shot
from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import FreezeBottom
from bertology.train.transfer import Transfer

FEWEST = 4
"""Languages beside English: half choose, half estimate."""
SHARES = (0.5, 0.75)
"""Of the layers, with the embeddings; Wu & Dredze freeze 3, 6, ... of 12."""


@claim(
    id="ml-14",
    section="8 (v1)",
    says="Freezing lower layers, aligning words or translation objectives improve transfer.",
    cites=("wu-dredze-2019", "cao-2019", "lample-2019", "huang-2019"),
    method="""Fine-tuned for parts of speech on English from five seeds, with nothing frozen, and with the embeddings and the lower half or three
    quarters of the layers frozen; scored on test sentences of the other languages. How much to freeze is chosen on every other
    language in the order of their codes, its gain over freezing nothing is estimated on the rest, over seeds. Holds if the gain is positive,
    larger than that of random twins treated alike, and if the frozen encoder is above its twin at all. Of the survey's remedies
    this is the freezing alone: word alignment and translation objectives need parallel text to train on.""",
    expects={
        "gain of freezing": above(0.0),
        "gain beyond the random twin": above(0.0),
        "frozen, lead over the random twin": above(0.0),
    },
    needs=("training", "treebank.*"),
)
def freezing_improves_transfer(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tagged = zero_shot.tagging(corpora, FEWEST, seed)
    if len(set(layer_modules(encoder.base, encoder.family))) < encoder.n_layers:
        raise NotApplicable(f"the layers of {encoder.name} share their weights, so that none can be frozen alone")
    depths = sorted({round(encoder.n_layers * share) for share in SHARES} - {0})
    recipes = [
        fine_tuned.STANDARD,
        *(fine_tuned.using(FreezeBottom(k), name=f"lowest {k} layers frozen") for k in depths),
    ]
    numbers = fine_tuned.numbered(seed, fine_tuned.SEEDS)
    ask = lambda who, recipe, number: Transfer(who, tagged.tasks[ENGLISH], recipe, number, tagged.elsewhere)
    asked = [
        ask(who, recipe, number) for random in (False, True) for recipe in recipes for number in numbers
        for who in [encoder.randomised(number) if random else encoder]
    ]  # fmt: skip
    found = yield from make(*asked)
    accuracy = lambda one, code: one[code].sum() / tagged.held[code].words.sum()
    table = np.array([[accuracy(one, code) for code in tagged.others] for one in found])
    own, twin = 100 * table.reshape(2, len(recipes), len(numbers), -1)  # (recipe, seed, language)
    dev, test = slice(0, None, 2), slice(1, None, 2)
    best = 1 + int((own[1:, :, dev] - own[0, :, dev]).mean((1, 2)).argmax())
    gain, twin_gain = ((arms[best] - arms[0])[:, test].mean(1) for arms in (own, twin))
    frozen = [arms[best][:, test].mean(1) for arms in (own, twin)]
    values = {
        "gain of freezing": repeats.mean(gain, unit="points"),
        "gain beyond the random twin": repeats.difference(gain, twin_gain, unit="points"),
        "frozen, lead over the random twin": repeats.difference(*frozen, unit="points"),
        "zero-shot accuracy, frozen": repeats.mean(frozen[0], unit="%"),
        "zero-shot accuracy, nothing frozen": repeats.mean(own[0][:, test].mean(1), unit="%"),
    }
    baselines = {"gain, random twin": repeats.mean(twin_gain, unit="points")}
    names = ["nothing frozen", *(f"{k} layers frozen" for k in depths)]
    rows = fine_tuned.rows("zero-shot accuracy, %", {
        f"{code}: {who}, {name}": arms[k, :, j]
        for who, arms in (("encoder", own), ("random twin", twin)) for k, name in enumerate(names) for j, code in enumerate(tagged.others)
    })  # fmt: skip
    chosen = (
        f"Chosen on {', '.join(tagged.others[dev])}: {names[best]}; estimated on {', '.join(tagged.others[test])}. "
    )
    note = chosen + zero_shot.source_note(tagged) + " "
    return Finding(
        values, baselines, rows, note + fine_tuned.note(encoder, [tagged.tasks[ENGLISH]], fine_tuned.STANDARD, numbers)
    )
