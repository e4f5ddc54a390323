"""For some relations a masked language model recalls facts as well as systems built on a knowledge base (Petroni et al. 2019)."""

from bertology.behave import facts as recall
from bertology.claims.registry import claim
from bertology.corpus.cloze import of_set
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, Published, above
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="wor-03",
    section="3.3",
    says="For some relations the masked language model recalls facts as well as systems built on a knowledge base.",
    cites=("petroni-2019",),
    method="""A fact is recalled when its object is the likeliest of the whole vocabulary (precision at 1), averaged over relations, for objects of
    one subword; other objects that fit the same subject do not count against it. Of several templates of a relation the best on half of
    its facts is used on the other half. It must beat the relation's commonest object, chosen in sight of all facts, and the same query with
    its subject masked, under the template that serves this one best. Intervals resample facts.""",
    published=(
        Published(9.8, "precision at 1, %", "BERT-base", "LAMA Google-RE", "wang-2020c (table for the base model)", "verified", "precision at 1, first template"),
        Published(31.1, "precision at 1, %", "BERT-base", "LAMA T-REx", "wang-2020c (table for the base model)", "verified", "precision at 1, first template"),
        Published(15.6, "precision at 1, %", "BERT-base", "LAMA ConceptNet", "wang-2020c (table for the base model)", "verified", "precision at 1, first template"),
        Published(14.1, "precision at 1, %", "BERT-base", "LAMA SQuAD", "wang-2020c (table for the base model)", "verified"),
        Published(32.3, "precision at 1, %", "BERT-large", "LAMA T-REx", "petroni-2019", "memory", "precision at 1, first template"),
        Published(33.8, "precision at 1 of relation extraction with an oracle linker, %", "relation extraction", "LAMA T-REx", "petroni-2019", "memory"),
        Published(10.5, "precision at 1, %", "BERT-large", "LAMA Google-RE", "petroni-2019", "memory", "precision at 1, first template"),
        Published(7.6, "precision at 1 of relation extraction with an oracle linker, %", "relation extraction", "LAMA Google-RE", "petroni-2019", "memory"),
        Published(19.2, "precision at 1, %", "BERT-large", "LAMA ConceptNet", "petroni-2019", "memory", "precision at 1, first template"),
        Published(17.4, "precision at 1, %", "BERT-large", "LAMA SQuAD", "petroni-2019", "memory"),
        Published(37.5, "precision at 1, %", "DrQA", "LAMA SQuAD", "petroni-2019", "memory"),
    ),
    expects={"over the commonest object": above(0.0), "over the query without its subject": above(0.0)},
    needs=("mlm", "mask", "cloze:FACT"),
    abilities=(
        Ability("facts", "precision at 1", chance="precision at 1, random twin"),
    ),
)  # fmt: skip
def facts_are_recalled(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    facts = recall.gather(encoder, of_set(corpora.cloze, "FACT"))
    twin = encoder.randomised(seed)
    asked = recall.questions(facts)
    wishes = (
        recall.filling(encoder, asked),
        recall.filling_hidden(encoder, facts),
        recall.filling(twin, asked),
    )
    found = yield from make(*wishes)
    own, blind, random = (
        recall.right(facts, recall.answers(who, wish, one))
        for who, wish, one in zip((encoder, encoder, twin), wishes, found, strict=True)
    )
    half = recall.halves(facts, seed)
    best = lambda table: recall.at(table, recall.chosen(facts, table, half))
    tallies = {
        name: recall.by_relation(facts, values)
        for name, values in (
            ("own", best(own)),
            ("first", own[:, 0]),
            ("commonest object", recall.majority(facts)),
            ("without its subject", best(blind)),
            ("random twin", best(random)),
        )
    }
    how = {"seed": seed, "method": f"mean over {len(facts.names)} relations; bootstrap over facts"}
    percent = lambda name: bootstrap(lambda r: 100 * recall.macro(r), tallies[name], unit="%", **how)
    gap = lambda a, b: bootstrap(
        lambda r, s: 100 * (recall.macro(r) - recall.macro(s)), tallies[a], tallies[b], unit="points", **how
    )
    values = {
        "over the commonest object": gap("own", "commonest object"),
        "over the query without its subject": gap("own", "without its subject"),
        "precision at 1": percent("own"),
        "precision at 1, first template": percent("first"),
    }
    controls = ("commonest object", "without its subject")
    baselines = {f"precision at 1, {name}": percent(name) for name in (*controls, "random twin")}
    rows, winners = [], []
    for r, name in enumerate(facts.names):
        for measured in ("own", *controls):
            e = tallies[measured][r].estimate(seed=seed)
            label = "precision at 1" if measured == "own" else f"precision at 1, {measured}"
            rows.append(Row(label, e.value, e.low, e.high, e.n, label=name))
        over = [
            bootstrap(lambda a, b: a - b, tallies["own"][r], tallies[control][r], seed=seed) for control in controls
        ]
        if all(e.known and e.low > 0 for e in over):
            winners.append(name)
    note = (
        f"{len(facts.items)} facts of {len(facts.names)} relations. Above both controls by its interval: "
        f"{', '.join(winners) or 'no relation'}.{recall.left_out(facts)}"
    )
    return Finding(values, baselines, rows, note)
