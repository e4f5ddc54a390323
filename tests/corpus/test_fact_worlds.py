"""The embedded facts, names, chains and compositions: enough of each, and no preference for a word pays."""

from collections import Counter, defaultdict

from bertology.behave.facts import place
from bertology.corpus.cloze import MASK, flaw, of_set
from bertology.corpus.worlds import chains, cloze

FACTS, NAMES, CHAINS, SINGLE, COMPOSED = (of_set(cloze(), s) for s in ("FACT", "NAME", "CHAIN", "SINGLE", "COMPOSED"))


def test_every_item_is_a_question_with_an_id_of_its_own():
    assert not [item.id for item in cloze() if flaw(item)]
    assert len({(i.labels["set"], i.id) for i in cloze()}) == len(cloze())


def test_relations_have_facts_and_paraphrases_enough_from_both_sources():
    by_relation = defaultdict(list)
    for item in FACTS:
        by_relation[item.labels["relation"]].append(item)
    assert len(by_relation) >= 10
    for items in by_relation.values():
        assert 15 <= len({i.labels["pair"] for i in items}) <= 45 and len({i.labels["template"] for i in items}) >= 6
        sources = Counter(i.labels["source"] for i in items if not i.labels["template"])
        assert set(sources) == {"home", "abroad"} and min(sources.values()) >= 8
        for template in {i.labels["template"] for i in items}:
            shapes = {
                i.context_with_mask.replace(MASK, "_").casefold().replace(str(i.labels["subject"]).casefold(), "~")
                for i in items if i.labels["template"] == template and place(i)
            }  # fmt: skip
            assert len(shapes) == 1
    assert sum(place(i) is None for i in FACTS) < 5


def test_no_article_hangs_on_the_object_unless_all_objects_take_it():
    for item in FACTS:
        if f" a {MASK}" in item.context_with_mask.lower():
            assert item.target[0] not in "aeiou", item.id


def test_names_are_of_three_kinds_and_answers_occur_in_all():
    kinds = {
        kind: {i.target for i in NAMES if i.labels["name"] == kind} for kind in ("helpful", "unhelpful", "fictional")
    }
    assert kinds["helpful"] == kinds["unhelpful"] == kinds["fictional"] and len(kinds["helpful"]) >= 6
    assert not {i.labels["subject"] for i in NAMES if i.labels["name"] == "fictional"} & {
        i.labels["subject"] for i in NAMES if i.labels["name"] != "fictional"
    }


def test_at_each_step_a_category_is_true_as_often_as_false():
    for step in range(1, 5):
        some = [i for i in CHAINS if i.labels["steps"] == step]
        assert len(some) >= 60
        assert Counter(i.target for i in some) == Counter(i.alternatives[0] for i in some)


def test_an_article_of_a_category_belongs_to_each_word():
    (spaniel,) = [i for i in CHAINS if i.id == "chain-spaniel-3-0"]
    assert spaniel.labels["contexts"][0] == f"A spaniel is an {MASK}." and spaniel.target == "animal"
    (silk,) = [i for i in CHAINS if i.id == "chain-satin-1-0"]
    assert silk.context_with_mask == f"Satin is {MASK}."


def test_composed_facts_follow_from_single_ones_and_words_are_true_as_often_as_false():
    known = {i.labels["fact"] for i in SINGLE}
    for item in COMPOSED:
        needed = item.labels["from"].split("|")
        assert len(needed) == 2 and set(needed) <= known
    for items in (SINGLE, COMPOSED):
        true, false = (Counter(words) for words in zip(*((i.target, i.alternatives[0]) for i in items), strict=True))
        assert set(true) == set(false) and all(abs(true[w] - false[w]) <= 30 for w in true)
    assert Counter(i.target for i in COMPOSED) == Counter(i.alternatives[0] for i in COMPOSED)


def test_the_false_category_is_of_no_kindred_branch():
    rows = [line.split(": ") for line in chains._CHAINS.strip().splitlines()]
    group = {w.removeprefix("="): chains._group(branch) for branch, chain, _ in rows for w in chain.split()}
    of = {m.removeprefix("="): chains._group(branch) for branch, _, members in rows for m in members.split()}
    assert all(group[i.alternatives[0]] != of[i.labels["subject"]] == group[i.target] for i in CHAINS)
