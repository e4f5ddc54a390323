"""The embedded cloze items: enough of each set, each a question, and no word favoured by how often it is right."""

from collections import Counter

from bertology.corpus.cloze import MASK, flaw, of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.worlds import cloze

ITEMS = cloze()


def test_every_item_is_a_question_with_an_answer_and_an_id_of_its_own() -> None:
    assert not [(item.id, flaw(item)) for item in ITEMS if flaw(item)]
    assert len({(item.labels["set"], item.id) for item in ITEMS}) == len(ITEMS)
    assert all(
        item.context_with_mask.endswith(f"{MASK}.") and "  " not in item.context_with_mask
        for item in of_set(ITEMS, "NEG", "CPRAG", "ROLE", "TRIPLE")
    )
    assert Corpora.load().cloze == ITEMS


def test_category_statements_come_in_pairs_of_opposite_polarity() -> None:
    items = of_set(ITEMS, "NEG")
    pairs: dict[str, list] = {}
    for item in items:
        pairs.setdefault(item.labels["pair"], []).append(item)
    assert len(pairs) >= 60 and len({p[0].labels["subject"] for p in pairs.values()}) == len(pairs)
    for plus, minus in pairs.values():
        assert (plus.labels["polarity"], minus.labels["polarity"]) == ("affirmative", "negative")
        assert (plus.target, plus.alternatives) == (minus.alternatives[0], (minus.target,))
        assert [c.replace(" not", "") for c in minus.labels["contexts"][::-1]] == list(plus.labels["contexts"])


def test_articles_fit_their_words() -> None:
    for item in of_set(ITEMS, "NEG"):
        for context, word in zip(item.labels["contexts"], (item.target, *item.alternatives), strict=True):
            assert context.split(MASK)[0].split()[-1] == ("an" if word[0] in "aeiou" else "a")
            assert not context.startswith("A ") or context[2] not in "aeiou"
    for item in of_set(ITEMS, "CPRAG", "TRIPLE"):
        assert item.context_with_mask.split(MASK)[0].split()[-1] not in ("an",)
        if item.context_with_mask.split(MASK)[0].split()[-1] == "a":
            assert not any(word[0] in "aeiou" for word in (item.target, *item.alternatives))


def test_a_category_is_about_as_often_true_as_false() -> None:
    plus = [item for item in of_set(ITEMS, "NEG") if item.labels["polarity"] == "affirmative"]
    true, false = Counter(i.target for i in plus), Counter(i.alternatives[0] for i in plus)
    assert all(abs(true[word] - false[word]) <= 1 for word in true | false)


def test_two_sentence_contexts_use_every_word_once_in_each_part() -> None:
    items = of_set(ITEMS, "CPRAG")
    parts = [Counter(i.target for i in items), *(Counter(i.alternatives[k] for i in items) for k in range(2))]
    assert len(items) >= 40 and parts[0] == parts[1] == parts[2] and max(parts[0].values()) == 1
    for k, item in enumerate(items):
        assert item.alternatives[0] == items[k ^ 1].target  # written beside it: of its category
        assert item.context_with_mask.startswith(item.labels["opening"] + " ")
        told = item.context_with_mask.lower()
        assert not any(f" {word} " in told or f" {word}." in told for word in (item.target, *item.alternatives)), (
            item.id
        )


def test_role_reversals_are_the_same_words_the_other_way_round() -> None:
    items = of_set(ITEMS, "ROLE")
    pairs = list(zip(items[::2], items[1::2], strict=True))
    assert len(pairs) >= 40
    for a, b in pairs:
        assert a.labels["pair"] == b.labels["pair"] and a.target == b.target
        assert a.context_with_mask != b.context_with_mask
        assert sorted(a.context_with_mask.split()) == sorted(b.context_with_mask.split())
        assert a.target in a.labels["expected"] and a.target not in b.labels["expected"]
        assert all(i.labels[role] in i.context_with_mask for i in (a, b) for role in ("subject", "object"))


def test_triples_use_every_word_once_in_each_grade() -> None:
    items = of_set(ITEMS, "TRIPLE")
    grades = [Counter(i.target for i in items), *(Counter(i.alternatives[k] for i in items) for k in range(2))]
    assert len(items) >= 60 and grades[0] == grades[1] == grades[2] and max(grades[0].values()) == 1
    for item in items:
        before = item.context_with_mask.split(MASK)[0]
        assert before.startswith(item.labels["subject"]) and item.labels["object"] in before
