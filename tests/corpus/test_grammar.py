"""The embedded grammar: its trees are trees, its annotation says what the words say, and nothing repeats."""

import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from bertology.corpus import grammar
from bertology.corpus.minimal_pairs import npi_kind
from bertology.corpus.sentence import Corpus, Sentence

RELATIONS = {
    *("root", "nsubj", "nsubj:pass", "obj", "iobj", "obl", "obl:agent", "obl:unmarked", "nmod", "nmod:poss", "amod"),
    *("det", "nummod", "case", "mark", "aux", "aux:pass", "cop", "advmod", "advcl", "acl", "acl:relcl", "ccomp"),
    *("xcomp", "conj", "cc", "punct", "expl", "flat"),
}
UPOS = {
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "VERB"),
}
LEAVES = {"case", "det", "aux", "aux:pass", "cop", "mark", "cc", "punct", "expl", "flat", "nummod"}
TAGS_OF = {
    "det": {"DET"},
    "aux": {"AUX"},
    "aux:pass": {"AUX"},
    "cop": {"AUX"},
    "case": {"ADP", "PART"},
    "mark": {"SCONJ", "PART"},
    "cc": {"CCONJ"},
    "punct": {"PUNCT"},
    "amod": {"ADJ"},
    "nummod": {"NUM"},
    "nsubj": {"NOUN", "PROPN", "PRON"},
    "advmod": {"ADV", "PART"},
    "expl": {"PRON"},
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return grammar.treebank(5000, seed=3)


@pytest.fixture(scope="module")
def pairs() -> Corpus:
    return grammar.minimal_pairs(60, seed=1)


def broken(s: Sentence) -> list[str]:
    """Violations of Universal Dependencies' constraints on one tree."""
    head, deprel, upos = s.layers["head"], s.layers["deprel"], s.layers["upos"]
    found = []
    if [r for r, h in zip(deprel, head, strict=True) if h == -1] != ["root"] or deprel.count("root") != 1:
        found.append("root")
    for i, h in enumerate(head):
        if not -1 <= h < len(s) or h == i:
            return [*found, f"head {i}"]
        at, steps = i, 0
        while head[at] >= 0 and steps <= len(s):
            at, steps = head[at], steps + 1
        if steps > len(s):
            return [*found, "cycle"]
        if deprel[i] not in RELATIONS or upos[i] not in UPOS:
            found.append(f"unknown {deprel[i]} {upos[i]}")
        if upos[i] not in TAGS_OF.get(deprel[i], UPOS):
            found.append(f"{upos[i]} as {deprel[i]}")
        if (upos[i] == "PUNCT") != (deprel[i] == "punct"):
            found.append("punct")
        if h >= 0 and (deprel[h] in LEAVES or upos[h] in ("AUX", "PUNCT", "ADP", "CCONJ", "SCONJ", "PART")):
            found.append(f"{deprel[i]} below {deprel[h]}")
        if h > i and deprel[i] in ("flat", "conj"):
            found.append(f"{deprel[i]} to the left")
    arcs = [(min(i, h), max(i, h)) for i, h in enumerate(head) if h >= 0]
    for i, h in enumerate(head):
        if deprel[i] == "punct" and any(a < i < b and not a <= h <= b for a, b in arcs):
            found.append("punctuation crossed")
    for h in range(len(s)):
        below = Counter(deprel[i].split(":")[0] for i in range(len(s)) if head[i] == h)
        found += [f"two {r}" for r in ("nsubj", "obj", "iobj", "cop", "expl", "cc") if below[r] > 1]
    return found


def test_trees_obey_universal_dependencies(corpus: Corpus) -> None:
    violations = {s.text: broken(s) for s in corpus if broken(s)}
    assert not violations, list(violations.items())[:5]


def test_text_is_the_words_at_their_places(corpus: Corpus) -> None:
    for s in corpus:
        assert all(s.text[a:b] == w for a, b, w in zip(s.starts, s.ends, s.words, strict=True))
        assert all(len(layer) == len(s) for layer in s.layers.values())
        assert s.text[0].isupper() and s.text[-1] in ".?" and "  " not in s.text
        assert (s.text[-1] == "?") == (s.labels["clause"] == "question")
        assert s.labels["n_words"] == len(s)


def test_no_sentence_repeats_in_twenty_thousand() -> None:
    texts = [s.text for s in grammar.treebank(20_000, seed=1)]
    assert len(set(texts)) == 20_000


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another() -> None:
    makers = (grammar.treebank, grammar.text, grammar.segment_pairs, grammar.senses, grammar.minimal_pairs)
    for make in makers:
        assert make(20, seed=4).fingerprint == make(20, seed=4).fingerprint != make(20, seed=5).fingerprint


def test_a_small_treebank_is_the_beginning_of_a_large_one() -> None:
    assert grammar.treebank(50).sentences == grammar.treebank(120).sentences[:50]


def test_hash_seed_changes_nothing() -> None:
    code = (
        "from bertology.corpus import grammar; print(grammar.treebank(60).fingerprint, grammar.senses(60).fingerprint)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_sentences_are_varied_and_eleven_words_or_so(corpus: Corpus) -> None:
    lengths = [len(s) for s in corpus]
    assert min(lengths) >= 4 and max(lengths) <= 31 and 10 <= sum(lengths) / len(lengths) <= 12
    constructions = Counter(s.labels["construction"] for s in corpus)
    assert len(constructions) >= 30 and min(constructions.values()) >= 20
    lemmas = {
        lemma
        for s in corpus
        for lemma, upos in zip(s.layers["lemma"], s.layers["upos"], strict=True)
        if upos not in ("PUNCT", "PROPN")
    }
    assert len(lemmas) >= 600


def test_passages_have_four_to_eight_sentences_and_share_people(corpus: Corpus) -> None:
    passages = defaultdict(list)
    for s in corpus.sentences[:4900]:
        passages[s.document].append(s)
    sizes = [len(p) for p in passages.values()][:-1]
    assert min(sizes) >= 4 and max(sizes) <= 8

    def content(s: Sentence) -> set[str]:
        return {x for x, tag in zip(s.layers["lemma"], s.layers["upos"], strict=True) if tag in ("PROPN", "NOUN")}

    def sharing(documents: list[list[Sentence]]) -> float:
        shared = [bool(content(a) & content(b)) for p in documents for a, b in pairwise(p)]
        return sum(shared) / len(shared)

    strangers = [[p[0] for p in list(passages.values())[k : k + 5]] for k in range(0, len(passages) - 5, 5)]
    assert sharing(list(passages.values())) > 2 * sharing(strangers)


def test_verbs_agree_with_the_subjects_they_are_linked_to(corpus: Corpus) -> None:
    numbers = Counter()
    for s in corpus:
        for verb, subject, number in s.links.get("agreement", ()):
            assert s.layers["feats"][verb]["Number"] == {"sing": "Sing", "plur": "Plur"}[number], s.text
            assert (
                s.layers["feats"][subject].get("Number", s.layers["feats"][verb]["Number"])
                == s.layers["feats"][verb]["Number"]
            ), s.text
            third = s.layers["xpos"][verb] == "VBZ"
            assert not (third and number == "plur") and not (s.layers["xpos"][verb] == "VBP" and number == "sing"), (
                s.text
            )
            numbers[number] += 1
    assert min(numbers.values()) > 800


def test_distractors_stand_between_and_their_label_is_right(corpus: Corpus) -> None:
    kinds, counts = Counter(), Counter()
    for s in corpus:
        numbers = {(v, n): number for v, n, number in s.links.get("agreement", ())}
        between = Counter(v for v, _, _ in s.links.get("distractor", ()))
        counts.update(between[v] for v, _ in numbers)
        for verb, noun, label in s.links.get("distractor", ()):
            subject, number = next((n, k) for (v, n), k in numbers.items() if v == verb)
            assert subject < noun < verb, s.text
            same = s.layers["feats"][noun]["Number"] == {"sing": "Sing", "plur": "Plur"}[number]
            assert label == ("match" if same else "mismatch"), s.text
            kinds[label] += 1
    assert min(kinds.values()) > 100 and counts[0] > 1000 and counts[1] > 200 and counts[2] > 30


def test_pronouns_agree_with_their_antecedents_and_have_competitors(corpus: Corpus) -> None:
    kinds: Counter[str] = Counter()
    competing = 0
    feminine = {"woman", "girl", "mother", "sister", "aunt", "daughter", "wife", "queen", "princess", "lady"}
    for s in corpus:
        for anaphor, antecedent, kind in s.links.get("coref", ()):
            feats = s.layers["feats"][anaphor]
            kinds[kind] += 1
            assert s.layers["upos"][anaphor] == "PRON" and s.layers["upos"][antecedent] in ("NOUN", "PROPN")
            assert feats["Number"] == s.layers["feats"][antecedent]["Number"], s.text
            if s.layers["lemma"][antecedent] in feminine and feats["Number"] == "Sing":
                assert feats["Gender"] == "Fem", s.text
            people = [
                i
                for i, r in enumerate(s.layers["deprel"])
                if r in ("nsubj", "obj", "nmod", "obl") and i not in (anaphor, antecedent)
            ]
            competing += any(s.layers["upos"][i] in ("NOUN", "PROPN") for i in people)
    assert set(kinds) == {"pronoun", "reflexive", "possessive"} and min(kinds.values()) > 100
    assert competing / sum(kinds.values()) > 0.5


def test_voice_tense_and_polarity_labels_say_what_the_words_say(corpus: Corpus) -> None:
    for s in corpus:
        root = s.layers["head"].index(-1)
        below = [i for i, h in enumerate(s.layers["head"]) if h == root]
        relations = {s.layers["deprel"][i] for i in below}
        assert (s.labels["voice"] == "passive") == ("aux:pass" in relations), s.text
        finite = [
            i
            for i in (root, *below)
            if s.layers["feats"][i].get("VerbForm") == "Fin"
            and s.layers["deprel"][i] in ("root", "aux", "aux:pass", "cop")
        ]
        assert len(finite) == 1, s.text
        assert s.labels["tense"] == ("past" if s.layers["feats"][finite[0]].get("Tense") == "Past" else "present"), (
            s.text
        )
        cues = {"not", "never", "no", "nobody"} & set(s.layers["lemma"])
        assert (s.labels["polarity"] == "negative") == bool(cues), s.text
        assert ("negation" in s.spans) == bool(cues), s.text


def test_roles_lead_from_predicates_to_arguments(corpus: Corpus) -> None:
    roles = Counter(role for s in corpus for _, _, role in s.links.get("role", ()))
    assert {"agent", "patient", "theme", "recipient", "experiencer", "instrument", "location"} <= set(roles)
    for s in corpus:
        for predicate, argument, role in s.links.get("role", ()):
            assert s.layers["upos"][predicate] == "VERB" and predicate != argument
            if s.layers["deprel"][argument] == "obl:agent" and s.layers["head"][argument] == predicate:
                assert role in ("agent", "experiencer"), s.text


def test_spans_lie_inside_and_base_noun_phrases_do_not_overlap(corpus: Corpus) -> None:
    seen = set()
    for s in corpus:
        for name, spans in s.spans.items():
            seen |= {(name, label) for _, _, label in spans}
            assert all(0 <= start < end <= len(s) for start, end, _ in spans), s.text
        places = [i for start, end, _ in s.spans.get("np", ()) for i in range(start, end)]
        assert len(places) == len(set(places)), s.text
        assert not any(s.layers["upos"][i] in ("VERB", "ADP", "PUNCT", "AUX") for i in places), s.text
        cues = [i for start, end, label in s.spans.get("negation", ()) if label == "cue" for i in range(start, end)]
        scope = [i for start, end, label in s.spans.get("negation", ()) if label == "scope" for i in range(start, end)]
        assert not set(cues) & set(scope)
    assert seen == {("np", "NP"), ("entity", "PERSON"), ("entity", "PLACE"), ("negation", "cue"), ("negation", "scope")}


def test_related_pairs_are_half_of_the_marked_pairs(corpus: Corpus) -> None:
    labels = Counter(label for s in corpus for _, _, label in s.links.get("related", ()))
    total = sum(labels.values())
    assert set(labels) == {"part-of", "used-for", "made-of", "found-at", "capable-of", "unrelated"}
    assert 0.42 < labels["unrelated"] / total < 0.58 and total > 200


def test_many_word_forms_have_two_tags(corpus: Corpus) -> None:
    tags = defaultdict(Counter)
    for s in corpus:
        for form, upos in zip(s.words, s.layers["upos"], strict=True):
            tags[form.lower()][upos] += 1
    ambiguous = [form for form, counts in tags.items() if len(counts) > 1]
    assert len(ambiguous) >= 40, sorted(ambiguous)
    assert {"to", "that"} <= set(ambiguous)


def test_the_main_auxiliary_is_not_always_the_first(corpus: Corpus) -> None:
    later = 0
    for s in corpus:
        root = s.layers["head"].index(-1)
        auxiliaries = [i for i, r in enumerate(s.layers["deprel"]) if r.startswith("aux")]
        main = [i for i in auxiliaries if s.layers["head"][i] == root]
        later += bool(main) and min(main) != min(auxiliaries)
    assert later > 50


def test_paragraphs_have_thirty_to_a_hundred_and_ten_words() -> None:
    texts = grammar.text(150, seed=2)
    assert all(30 <= len(s) <= 110 and 3 <= s.labels["n_sentences"] <= 8 for s in texts)
    assert all(len(s.layers["upos"]) == len(s) for s in texts) and len({s.document for s in texts}) == 150


def test_segments_are_two_sentences_in_order() -> None:
    for s in grammar.segment_pairs(60):
        segment = s.layers["segment"]
        assert set(segment) == {0, 1} and list(segment) == sorted(segment)
        second = segment.index(1)
        assert s.words[second - 1] in ".?" and s.words[second][0].isupper() and s.layers["head"].count(-1) == 2


def test_minimal_pairs_differ_little_and_come_in_twos(pairs: Corpus) -> None:
    phenomena = Counter(s.labels["phenomenon"] for s in pairs)
    assert len(phenomena) >= 20 and set(phenomena.values()) == {120}
    assert {s.labels["field"] for s in pairs} == {"morphology", "syntax", "semantics", "syntax_semantics"}
    for good, bad in zip(pairs.sentences[::2], pairs.sentences[1::2], strict=True):
        assert good.document == bad.document == good.labels["pair"] == bad.labels["pair"]
        assert good.labels["acceptable"] is True and bad.labels["acceptable"] is False and good.text != bad.text
        words, others = (Counter(w.lower() for w in s.words) for s in (good, bad))
        assert sum((words - others).values()) <= 3 and abs(len(good) - len(bad)) <= 1, (good.text, bad.text)


def test_the_unacceptable_sentence_of_one_pair_is_never_acceptable_in_another(pairs: Corpus) -> None:
    good = {s.text for s in pairs if s.labels["acceptable"]}
    assert not good & {s.text for s in pairs if not s.labels["acceptable"]}


def test_agreement_pairs_are_right_about_which_is_right(pairs: Corpus) -> None:
    for s in pairs:
        if s.labels["phenomenon"] == "agreement_simple" and ("is" in s.words or "are" in s.words):
            plural = s.words[1].endswith("s") or s.words[1] in (
                "men",
                "women",
                "children",
                "wives",
                "fishermen",
                "policemen",
            )
            plural |= s.words[1] in ("gentlemen", "postmen", "policewomen", "people", "thieves")
            plural &= s.words[1] not in ("boss", "princess", "waitress", "actress", "witness")
            assert s.labels["acceptable"] == (("are" in s.words) == plural), s.text


def test_each_kind_of_pair_on_polarity_items_has_three_paradigms_and_is_what_its_name_says(pairs: Corpus) -> None:
    licensors, items = {"not", "no", "only"}, {"ever", "any"}
    kinds: dict[str, set[str]] = defaultdict(set)
    for good, bad in zip(pairs.sentences[::2], pairs.sentences[1::2], strict=True):
        if kind := npi_kind(good.labels["phenomenon"]):
            kinds[kind].add(good.labels["phenomenon"])
            words, others = ({w.lower() for w in s.words} for s in (good, bad))
            assert others & items and (kind == "presence") != bool(words & items), good.text
            assert (kind == "scope") == bool(others & licensors), bad.text
            assert kind == "presence" or words & licensors or good.words[-1] == "?", good.text
    assert {kind: len(names) for kind, names in kinds.items()} == {"licensor": 4, "presence": 3, "scope": 3}


def test_senses_are_skewed_and_named_for_their_word() -> None:
    corpus = grammar.senses(1600)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for s in corpus:
        marked = [(i, name) for i, name in enumerate(s.layers["sense"]) if name]
        assert len(marked) == 1
        ((place, name),) = marked
        assert s.layers["lemma"][place] == name.partition("/")[0]
        counts[s.layers["lemma"][place]][name] += 1
    assert len(counts) >= 14
    for senses in counts.values():
        assert len(senses) == 2 and 0.54 < max(senses.values()) / sum(senses.values()) < 0.81


def test_a_bag_of_context_words_tells_senses_better_than_the_majority_but_not_perfectly() -> None:
    corpus = grammar.senses(1600)
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    right = majority = total = 0
    for k, s in enumerate(corpus):
        word, sense = s.labels["word"], s.labels["sense"]
        context = [f.lower() for f, u in zip(s.words, s.layers["upos"], strict=True) if u in ("NOUN", "VERB", "ADJ")]
        senses = sorted({name for w, name in seen if w == word})
        if k >= 800:
            score = {name: sum(seen[word, name][w] > 0 for w in context) for name in senses}
            prior = {name: seen[word, name][""] for name in senses}
            right += max(senses, key=lambda name: (score[name], prior[name])) == sense
            majority += max(senses, key=lambda name: prior[name]) == sense
            total += 1
        else:
            seen[word, sense].update([*context, ""])
    assert 0.55 < majority / total < 0.8 < right / total < 0.995


def test_word_pairs_are_graded_and_occur_once() -> None:
    pairs = grammar.word_pairs()
    assert len(pairs) >= 200 and len({frozenset(p[:2]) for p in pairs}) == len(pairs)
    assert all(0 <= p.similarity <= 10 and p.first != p.second for p in pairs)
    similarity = {frozenset(p[:2]): p.similarity for p in pairs}
    assert (
        similarity[frozenset(("dog", "puppy"))]
        > similarity[frozenset(("dog", "cat"))]
        > similarity[frozenset(("open", "close"))]
    )


def test_the_words_of_the_pairs_occur_in_the_treebank(corpus: Corpus) -> None:
    lemmas = {lemma for s in corpus for lemma in s.layers["lemma"]}
    words = {word for p in grammar.word_pairs() for word in p[:2]}
    assert len(words & lemmas) / len(words) > 0.95
