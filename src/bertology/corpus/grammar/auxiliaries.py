"""Declaratives with two auxiliaries, of which the main one comes first or second (Lin et al. 2019).

"The girl will help the man who the doctor can see" and "The man who the doctor can see will help the girl": in the first
the rules "the first auxiliary" and "the auxiliary of the main clause" agree, in the second they part ways. Relative clauses
lack their object, not their subject: no auxiliary follows a relative pronoun, and where the rules agree both stand between a
noun and a verb.
"""

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import TOPICS
from bertology.corpus.grammar.pair_maker import HELD
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.phrases import Draft, scene
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word, finish, punct
from bertology.corpus.sentence import Corpus, Sentence

MODALS = ("will", "can", "must", "should", "may")


def auxiliaries(size: int = 1200, *, seed: int = 0) -> Corpus:
    """Half of the sentences with label "rules" "agree", half "conflict", in turn; no text occurs twice.

    Both auxiliaries are modals, never the same; nouns and verbs are drawn alike for both kinds. Some sentences begin with an
    adverbial of place, and nouns may carry one, so that an auxiliary's place in the sentence varies.
    """
    chance, texts = Chance(seed, 6), set[str]()
    found: list[Sentence] = []
    while len(found) < size:
        conflict = len(found) % 2 == 1
        made = _sentence(Draft(chance, scene(chance, chance.pick(TOPICS))), conflict, f"auxiliaries-{len(found):05d}")
        if made.text not in texts:
            texts.add(made.text)
            found.append(made)
    return Corpus("grammar-auxiliaries", tuple(found), LICENCE, CITATION, seed=seed)


def _sentence(d: Draft, conflict: bool, id: str) -> Sentence:
    main, inner = d.chance.shuffled(MODALS)[:2]
    outer_verb, inner_verb = d.chance.shuffled(HELD)[:2]
    long, short, agent = _person(d), _person(d), _person(d)
    who = Word("who", "PRON", "WP", "obj", feats={"PronType": "Rel"}, number=long.number, kind="person")
    relative = Word(inner_verb, "VERB", "VB", lemma=inner_verb)
    c.predicate(d, agent, relative, Form("present", modal=inner))
    long.add(relative.lead(who), "acl:relcl")
    subject, thing = (long, short) if conflict else (short, long)
    head = Word(outer_verb, "VERB", "VB", lemma=outer_verb)
    head.add(thing, "obj")
    c.predicate(d, subject, head, Form("present", modal=main), main=True)
    if d.chance.happens(0.3):
        head.lead(p.place(d), punct(","))
    head.add(punct("."))
    d.notes.labels["rules"] = "conflict" if conflict else "agree"
    return finish(head, d.notes, id)


def _person(d: Draft) -> Word:
    """ "the old man", "a girl in the garden"."""
    entry = p.pick_noun(d, "person")
    found = p.common(entry, "plur" if d.chance.happens(0.3) else "sing")
    if d.chance.happens(0.3):
        found.lead(lx.adjective(p.quality(d, adjectives(entry)), "amod"))
    found.lead(lx.article("the"))
    if d.chance.happens(0.25):
        found.add(lx.prepositional("from", p.city(d), "nmod"))
    return found
