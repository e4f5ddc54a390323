"""Structure beats order: the main auxiliary is found where it is not the first (Lin et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.auxiliaries import auxiliaries
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.main_auxiliary import KINDS, MainAuxiliary
from bertology.probe.readings import curve_rows
from bertology.record.claim import Ability, Published, above
from bertology.record.result import Finding
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

SIZE = 1600  # sentences, half of them in conflict
AGREE, CONFLICT = range(len(KINDS))


@claim(
    id="syn-01",
    section="3.1",
    says="Token vectors encode hierarchical sentence structure, not only the linear order of words.",
    cites=("lin-2019",),
    method="""Sentences with two auxiliaries, one of them in a relative clause. A linear probe learns to tell the main clause's auxiliary from
    sentences in which it is the first one ("the girl will help the man who the doctor can see"), and is tested where it is the second ("the
    man who the doctor can see will help the girl"), by the auxiliary it finds likelier. There the main auxiliary must be chosen more
    often than the first one, and more often than at layer 0 and in the random twin; layers are chosen on dev sentences. In
    the sentences learnt from both auxiliaries stand between a noun and a verb, so that neighbouring words do not tell them apart.""",
    published=(
        Published(4.0, "layer after which knowledge of linear word order falls", "BERT-base", "templates", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={
        "main − first auxiliary chosen": above(0.0),
        "gain over layer 0": above(0.0),
        "gain over the random twin": above(0.0),
    },
    needs=("hidden",),
    abilities=(
        Ability("main auxiliary", "main auxiliary chosen, conflict", chance=50.0),
    ),
)  # fmt: skip
def main_before_first(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = auxiliaries(max(200, round(SIZE * corpora.scale)), seed=seed)
    real, random = yield from together(
        measure(MainAuxiliary(), over=corpus), measure(MainAuxiliary(), over=corpus, twin=True)
    )
    (best,), (twin_best,) = (argmax(one.right.on("dev").rate()[CONFLICT]) for one in (real, random))
    right, first = real.right.on("test"), real.first.on("test")
    twin = random.right.on("test")[CONFLICT, twin_best]
    points = {"unit": "points", "seed": seed}
    gap = lambda a, b: 100 * (a - b)
    percent = lambda tally: bootstrap(lambda r: 100 * r, tally, unit="%", seed=seed)
    own = right[CONFLICT, best]
    values = {
        "main − first auxiliary chosen": bootstrap(gap, own, first[CONFLICT, best], **points),
        "gain over layer 0": bootstrap(gap, own, right[CONFLICT, 0], **points),
        "gain over the random twin": bootstrap(gap, own, twin, **points),
        "main auxiliary chosen, conflict": percent(own),
        "main auxiliary chosen, agreement": percent(right[AGREE, best]),
    }
    baselines = {"layer 0": percent(right[CONFLICT, 0]), "random twin": percent(twin)}
    rows = [
        row
        for who, found in (("", right), ("random twin, ", random.right.on("test")))
        for k, name in enumerate(("rules agree", "rules conflict"))
        for row in curve_rows("main auxiliary chosen", f"{who}{name}", found[k], seed)
    ]
    return Finding(
        values, baselines, rows,
        f"Layer {best} was chosen on dev (twin: {twin_best}). English sentences of the embedded grammar, {real.learnt} to learn from; "
        "where the rules conflict the first auxiliary is always wrong, and chance is 50 %.",
    )  # fmt: skip
