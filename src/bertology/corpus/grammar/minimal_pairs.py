"""Minimal pairs in the manner of BLiMP (Warstadt et al. 2020): an acceptable sentence and a minimally different one."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from bertology.corpus.grammar import phenomena
from bertology.corpus.grammar import phenomena_morphology as morphology
from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import TOPICS
from bertology.corpus.grammar.morphology import needs_an
from bertology.corpus.grammar.pair_maker import Maker, Pair
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.phrases import Draft, scene
from bertology.corpus.sentence import Corpus, Sentence, sentence


def minimal_pairs(size_per_phenomenon: int = 100, *, seed: int = 0) -> Corpus:
    """Two consecutive Sentences a pair, the acceptable one first, sharing `document`.

    Labels: "acceptable", "phenomenon", "field" ("morphology", "syntax", "semantics", "syntax_semantics"), "pair". No
    sentence occurs twice among the acceptable ones. There are no layers: an ungrammatical sentence has no gold tree.
    """
    found: list[Sentence] = []
    for number, (uid, (field, make)) in enumerate(PHENOMENA.items()):
        chance = Chance(seed, 4, number)
        seen: set[str] = set()
        while len(seen) < size_per_phenomenon:
            good, bad = make(Maker(Draft(chance, scene(chance, chance.pick(TOPICS)))))
            if (key := " ".join(good)) in seen or good == bad or any(a == b for a, b in pairwise(good)):
                continue
            pair = f"{uid}/{len(seen):04d}"
            seen.add(key)
            for words, acceptable in ((good, True), (bad, False)):
                labels = {"acceptable": acceptable, "phenomenon": uid, "field": field, "pair": pair}
                found.append(spelled(words, f"{pair}/{'good' if acceptable else 'bad'}", labels, pair))
    return Corpus("grammar-pairs", tuple(found), LICENCE, CITATION)


def spelled(words: Sequence[str], id: str, labels: dict[str, object], pair: str) -> Sentence:
    """A sentence of a pair as it is written: the article before a vowel, a capital, no space before punctuation."""
    written = list(words)
    for i, word in enumerate(written[:-1]):
        if word in ("a", "an"):
            written[i] = "an" if needs_an(written[i + 1]) else "a"
    written[0] = written[0][0].upper() + written[0][1:]
    glued = [after in _GLUED for after in written[1:]] + [True]
    return sentence(written, id, glued=glued, labels=labels, document=pair)


PHENOMENA: dict[str, tuple[str, Callable[[Maker], Pair]]] = {
    make.__name__: (field, make)
    for field, makers in {
        "morphology": (
            morphology.agreement_simple,
            morphology.agreement_across_pp,
            morphology.agreement_across_relative,
            morphology.agreement_in_coordination,
            morphology.irregular_plural_agreement,
            morphology.determiner_noun,
            morphology.determiner_noun_irregular,
            morphology.determiner_adjective_noun,
            morphology.anaphor_gender,
            morphology.anaphor_number,
            morphology.irregular_past,
            morphology.irregular_participle_adjective,
        ),
        "syntax": (
            phenomena.wh_with_gap,
            phenomena.that_without_gap,
            phenomena.adjunct_island,
            phenomena.complex_np_island,
            phenomena.coordinate_island,
            phenomena.left_branch_island,
            phenomena.passive_of_intransitive,
            phenomena.causative,
            phenomena.dropped_argument,
            phenomena.object_of_intransitive,
            phenomena.animate_subject,
            phenomena.ellipsis,
        ),
        "semantics": (
            phenomena.npi_under_negation,
            phenomena.npi_under_only,
            phenomena.npi_in_question,
            phenomena.npi_scope,
            phenomena.no_as_licensor,
            phenomena.npi_presence_ever,
            phenomena.npi_presence_plural,
            phenomena.npi_presence_any,
            phenomena.npi_scope_only,
            phenomena.npi_scope_no,
            phenomena.existential_quantifier,
            phenomena.superlative_quantifier,
        ),
        "syntax_semantics": (phenomena.reflexive_c_command, phenomena.reflexive_domain, phenomena.tough_or_raising),
    }.items()
    for make in makers
}
_GLUED = frozenset((".", "?", ",", "'s", "'", "n't"))
