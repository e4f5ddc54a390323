"""Homonyms in sentences of their sense's field (the task of CoarseWSD-20, Loureiro et al. 2021)."""

from itertools import count

from bertology.corpus.grammar.chance import Chance
from bertology.corpus.grammar.lexicon import NAMES
from bertology.corpus.grammar.morphology import add_s, needs_an, verb_forms
from bertology.corpus.grammar.passages import CITATION, LICENCE
from bertology.corpus.grammar.sense_cues import HOMONYMS, Sense
from bertology.corpus.sentence import Corpus, Sentence, sentence

Token = tuple[str, str, str]
"""(form, lemma, upos)"""


def senses(size: int = 1600, *, seed: int = 0) -> Corpus:
    """Sentences with one homonym each; the layer "sense" is "bank/river" at its place and "" elsewhere.

    The first sense has 55 to 80 % of a word's sentences. Most hold two or three cue words of the right sense,
    some only one, some a cue of the wrong sense as well. Layers: lemma, upos, sense. Labels: "word", "sense", "n_cues".
    """
    chance = Chance(seed, 5)
    found: list[Sentence] = []
    texts: set[str] = set()
    words = tuple(HOMONYMS)
    had = {lemma: [0, 0] for lemma in words}
    for number in count():
        if len(found) >= size:
            break
        place = number % len(words)
        lemma = words[place]
        first = 0.57 + 0.22 * (place * 7 % len(words)) / (len(words) - 1)
        dominant = had[lemma][0] < first * (sum(had[lemma]) + 1) - 0.5
        right, wrong = HOMONYMS[lemma] if dominant else HOMONYMS[lemma][::-1]
        tokens, target, cues = _fill(chance, lemma, right, wrong)
        id = f"grammar-senses-{len(found):05d}"
        made = _sentence(tokens, target, right, cues, id)
        if made.text not in texts:
            texts.add(made.text)
            had[lemma][not dominant] += 1
            found.append(made)
    return Corpus("grammar-senses", tuple(found), LICENCE, CITATION)


TEMPLATES = """
the PERSON VERBED the ADJ TARGET .
NAME VERBED the TARGET PLACE .
the ADJ TARGET EVENTED PLACE .
NAME saw the TARGET and the NOUN .
the TARGET near the NOUN was ADJ .
a PERSON talked about the ADJ TARGET .
NAME noticed the TARGET because the PERSON VERBED it .
there was a ADJ TARGET PLACE .
did the PERSON VERB the TARGET PLACE ?
the TARGET that the PERSON VERBED was interesting .
NAME looked at the NOUN and then VERBED the TARGET .
the PERSON who remembered the TARGET forgot the NOUN .
NAME wrote a story about the TARGET and the PERSON .
when the TARGET EVENTED , NAME was watching the NOUN .
the TARGET was VERBEN by the PERSON .
nobody VERBED the TARGET PLACE .
NAME and the PERSON liked the ADJ TARGET .
the PERSON with the NOUN found a TARGET .
after a while , the TARGET EVENTED again .
NAME described the TARGET , but the PERSON described the NOUN .
the old TARGET was ADJ , and NAME remembered it well .
NAME asked whether the TARGET had EVENTEN .
although NAME preferred the WRONG , the PERSON VERBED the TARGET .
the TARGET EVENTED while the PERSON was talking about the WRONG .
NAME wanted to VERB the TARGET but forgot the WRONG .
they still talk about the TARGET and the NOUN PLACE .
the PERSON has always loved the TARGETS .
NAME showed the PERSON two ADJ TARGETS .
the TARGETS near the NOUN were ADJ .
""".strip().splitlines()
"""Capitals are slots for the sense's words; verbs as past (-ED), participle (-EN), base; WRONG: a noun of the other."""


def _fill(chance: Chance, lemma: str, right: Sense, wrong: Sense) -> tuple[list[Token], int, int]:
    tokens: list[Token] = []
    target, cues, used = -1, 0, {lemma}

    def draw(options: tuple[str, ...]) -> str:
        free = [o for o in options if o not in used] or list(options)
        used.add(word := chance.pick(free))
        return word

    for piece in chance.pick(TEMPLATES).split():
        if piece in ("TARGET", "TARGETS"):
            target = len(tokens)
            tokens.append((lemma if piece == "TARGET" else _plural(lemma), lemma, "NOUN"))
            continue
        if not piece.isupper():
            tokens.append((piece, *_PLAIN.get(piece, (piece, "X"))))
            continue
        cues += piece not in ("NAME", "WRONG")
        match piece:
            case "NAME":
                word = chance.zipf(NAMES[chance.pick(("f", "m"))])
                tokens.append((word, word, "PROPN"))
            case "PERSON":
                tokens.append(_same(draw(right.people), "NOUN"))
            case "ADJ":
                tokens.append(_same(draw(right.adjectives), "ADJ"))
            case "NOUN":
                tokens.append(_same(draw(right.nouns), "NOUN"))
            case "WRONG":
                tokens.append(_same(draw(wrong.nouns), "NOUN"))
            case "PLACE":
                preposition, noun = chance.pick([p for p in right.places if p[1] not in used] or right.places)
                used.add(noun)
                tokens += [_same(preposition, "ADP"), ("the", "the", "DET"), (noun, _PLURALS.get(noun, noun), "NOUN")]
            case "VERB" | "VERBED" | "VERBEN":
                tokens.append(_inflected(draw(right.verbs), piece))
            case _:
                tokens.append(_inflected(draw(right.events), piece.replace("EVENT", "VERB")))
    return tokens, target, cues


def _sentence(tokens: list[Token], target: int, sense: Sense, cues: int, id: str) -> Sentence:
    forms = [form for form, _, _ in tokens]
    forms = [("an" if needs_an(forms[i + 1]) else "a") if form == "a" else form for i, form in enumerate(forms)]
    forms[0] = forms[0][0].upper() + forms[0][1:]
    layers = {
        "lemma": tuple(lemma for _, lemma, _ in tokens),
        "upos": tuple(upos for _, _, upos in tokens),
        "sense": tuple(sense.name if i == target else "" for i in range(len(tokens))),
    }
    glued = [upos == "PUNCT" for _, _, upos in tokens[1:]] + [True]
    labels = {"word": sense.name.partition("/")[0], "sense": sense.name, "n_cues": cues}
    return sentence(forms, id, glued=glued, layers=layers, labels=labels, document=id)


def _inflected(lemma: str, slot: str) -> Token:
    forms = verb_forms(lemma)
    return {"VERB": forms.base, "VERBED": forms.past, "VERBEN": forms.participle}[slot], lemma, "VERB"


def _same(word: str, upos: str) -> Token:
    return word, word, upos


def _plural(lemma: str) -> str:
    return {"mouse": "mice", "bass": "basses"}.get(lemma) or add_s(lemma)


_PLURALS = {"vegetables": "vegetable", "reeds": "reed", "headquarters": "headquarters"}
_PLAIN = {
    form: (lemma or form, upos)
    for upos, words in {
        "DET": "the a",
        "PUNCT": ". ? ,",
        "AUX": "was:be were:be did:do had:have has:have",
        "PRON": "there that who nobody it they",
        "ADP": "near about at with by after",
        "SCONJ": "because whether although while",
        "CCONJ": "and but",
        "PART": "to",
        "NUM": "two",
        "ADV": "again then well still always when",
        "NOUN": "story",
        "ADJ": "interesting old",
        "VERB": "saw:see talked:talk noticed:notice looked:look remembered:remember forgot:forget wrote:write "
        "watching:watch liked:like "
        "found:find described:describe asked:ask preferred:prefer talking:talk wanted:want talk loved:love showed:show",
    }.items()
    for form, _, lemma in (word.partition(":") for word in words.split())
}
