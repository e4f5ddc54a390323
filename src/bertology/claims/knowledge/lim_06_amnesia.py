"""Word prediction relies on parts of speech: what erasing them costs (Elazar et al. 2021; Belrose et al. 2023)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.intervene.inputs import MaskWords
from bertology.observe import Asking, measure
from bertology.probe.erasure import METHODS, Erasure
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

RATE = 0.2
"""Share of words masked: enough rows for the erasers from one pass, near the 15 % of pre-training."""
PROPERTIES = ("part of speech", "relation")


@claim(
    id="lim-06",
    section="3.4",
    says="Word prediction relies on parts of speech: erasing them hurts it more than erasing as many random directions does.",
    cites=("elazar-2020", "belrose-2023"),
    method="""A fifth of the words is masked; from the encoder's output there, part of speech (and, beside it, the dependency
    relation) is erased and the model's own head predicts the words: by INLP, until a linear classifier is at the majority rate on dev
    blocks, and by LEACE, in closed form. Both keep the mean vector. Judged is how many points of top-1 accuracy on test words each
    costs beyond the erasure of as many random directions (mean of five draws). If part of speech was what was lost, giving it back
    helps: a vector per tag, fitted on training words through the frozen head, must restore more when it is the word's own tag
    than when tags are shuffled over words, which lets the map learn as much about words in general.""",
    published=(
        Published(56.98, "word prediction before erasing, dependency relation, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, intact, relation"),
        Published(4.67, "word prediction after erasing, dependency relation, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, INLP, relation"),
        Published(4.67, "word prediction after erasing 820 random directions, dependency relation, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, random directions for INLP, relation"),
        Published(56.98, "word prediction before erasing, fine part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(6.01, "word prediction after erasing, fine part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(24.69, "word prediction after erasing 675 random directions, fine part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(56.98, "word prediction before erasing, coarse part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, intact, part of speech"),
        Published(33.28, "word prediction after erasing, coarse part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, INLP, part of speech"),
        Published(54.55, "word prediction after erasing 240 random directions, coarse part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified", "word prediction, random directions for INLP, part of speech"),
        Published(57.71, "word prediction before erasing, entity type, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(48.39, "word prediction after erasing, entity type, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(56.88, "word prediction after erasing 95 random directions, entity type, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(57.71, "word prediction before erasing, phrase start, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(56.89, "word prediction after erasing, phrase start, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(57.46, "word prediction after erasing 35 random directions, phrase start, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(57.71, "word prediction before erasing, phrase end, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(56.19, "word prediction after erasing, phrase end, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(57.27, "word prediction after erasing 52 random directions, phrase end, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(94.12, "word prediction before erasing, dependency relation, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(7.05, "word prediction after erasing, dependency relation, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(12.31, "word prediction after erasing as many random directions, dependency relation, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.12, "word prediction before erasing, fine part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(12.31, "word prediction after erasing, fine part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(56.47, "word prediction after erasing as many random directions, fine part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.12, "word prediction before erasing, coarse part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(61.92, "word prediction after erasing, coarse part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(89.65, "word prediction after erasing as many random directions, coarse part of speech, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.0, "word prediction before erasing, entity type, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(83.14, "word prediction after erasing, entity type, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(92.56, "word prediction after erasing as many random directions, entity type, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.0, "word prediction before erasing, phrase start, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.21, "word prediction after erasing, phrase start, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(93.75, "word prediction after erasing as many random directions, phrase start, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.0, "word prediction before erasing, phrase end, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(94.32, "word prediction after erasing, phrase end, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
        Published(93.86, "word prediction after erasing as many random directions, phrase end, %", "BERT-base", "unmasked words", "Elazar et al. 2021, table 1", "verified"),
    ),
    expects={
        "loss beyond random directions, INLP": above(0.0),
        "loss beyond random directions, LEACE": above(0.0),
        "regained by the gold tag, INLP": above(0.0),
        "regained by the gold tag, LEACE": above(0.0),
    },
    needs=("mlm", "mask", "treebank:upos"),
)  # fmt: skip
def word_prediction_relies_on_parts_of_speech(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    properties = [p for p, layer in zip(PROPERTIES, ("upos", "deprel"), strict=True) if corpora.treebank.having(layer)]
    asked = [Erasure(p, restore=True) for p in properties]
    found = yield from measure(*asked, over=corpora.treebank, under=MaskWords(RATE))
    found = dict(zip(properties, (found,) if len(asked) == 1 else found, strict=True))
    tags, points = found[PROPERTIES[0]], {"unit": "points", "seed": seed}
    values, baselines, rows = {}, {}, []

    def apart(one, other, of=tags, **options):  # type: ignore[no-untyped-def]
        a, b = of.at(one), of.at(other)
        return bootstrap(lambda r: 100 * (r[:, a] - r[:, b]), of.correct, **(points | options))

    for method in METHODS:
        values[f"loss beyond random directions, {method}"] = apart(f"{method} random", method)
    for method in METHODS:
        values[f"regained by the gold tag, {method}"] = apart(f"{method} gold", f"{method} shuffled")
    for name, one in found.items():
        for condition in one.conditions:
            k = one.at(condition)
            method, _, kind = condition.partition(" ")
            title = {"": method, "random": f"random directions for {method}", "gold": f"{method}, gold tag put back",
                     "shuffled": f"{method}, shuffled tag put back"}[kind]  # fmt: skip
            top = bootstrap(lambda r, k=k: 100 * r[:, k], one.correct, unit="%", seed=seed)
            values[f"word prediction, {title}, {name}"] = top
            rows.append(Row(f"word prediction, {name} (%)", top.value, top.low, top.high, top.n, label=title))
            if k:
                kl = bootstrap(lambda r, k=k: r[:, k], one.divergence, unit="nats", seed=seed)
                rows.append(Row(f"divergence, {name} (nats)", kl.value, kl.low, kl.high, kl.n, label=title))
        for k, title in enumerate(("before", *(f"after {method}" for method in METHODS))):
            probe = bootstrap(lambda r, k=k: 100 * r[:, k], one.probe, unit="%", seed=seed)
            values[f"probe accuracy, {title}, {name}"] = probe
            rows.append(Row(f"probe accuracy, {name} (%)", probe.value, probe.low, probe.high, probe.n, label=title))
        usual = bootstrap(lambda r: 100 * r, one.majority, unit="%", seed=seed)
        rows.append(Row(f"probe accuracy, {name} (%)", usual.value, usual.low, usual.high, usual.n, label="majority"))
        for method in METHODS:
            for measured, tally, scale, unit in (
                ("loss", one.correct, -100, "points"),
                ("divergence", one.divergence, 1, "nats"),
            ):
                a, b = one.at(method), one.at(f"{method} random")
                e = bootstrap(lambda r, a=a, b=b, s=scale: s * (r[:, a] - r[:, b]), tally, unit=unit, seed=seed)
                rows.append(
                    Row(
                        f"{measured} beyond random directions ({unit})",
                        e.value,
                        e.low,
                        e.high,
                        e.n,
                        label=f"{name}, {method}",
                    )
                )
    for method in METHODS:
        baselines[f"random directions for {method}"] = apart("intact", f"{method} random")
    done = "is at the majority rate" if tags.at_chance else "is still above the majority rate after all rounds"
    inlp, leace = tags.rank.tolist()
    note = (
        f"{tags.correct.n} masked words of {corpora.treebank.name} with {tags.n_classes} tags; of {encoder.width} dimensions INLP "
        f"erased {inlp} and LEACE {leace}; a linear classifier {done} after INLP. As in the masked setting of the study, but with "
        "several words masked at once."
    )
    return Finding(values, baselines, rows, note)
