"""Single words with their tags and features: determiners, pronouns, adjectives, adverbs, numerals, case markers."""

from bertology.corpus.grammar.trees import Word


def prepositional(preposition: str, noun: Word, rel: str = "obl") -> Word:
    noun.rel = rel
    return noun.lead(Word(preposition, "ADP", "IN", "case"))


def possessor(owner: Word) -> Word:
    """The owner as a genitive: "Mary 's", "the boys '"; what followed it, such as a place, is dropped."""
    ending = "'" if owner.number == "plur" and owner.form.endswith("s") else "'s"
    owner.rel = "nmod:poss"
    owner.after = [word for word in owner.after if word.rel == "flat"]
    owner.add(Word(ending, "PART", "POS", "case", lemma="'s", glued=True))
    return owner


def article(form: str) -> Word:
    definite = {"Definite": "Def" if form == "the" else "Ind", "PronType": "Art"}
    return Word(form, "DET", "DT", "det", lemma=form, feats=definite)


def adjective(lemma: str, rel: str = "root", *, form: str = "", degree: str = "Pos") -> Word:
    xpos = {"Pos": "JJ", "Cmp": "JJR", "Sup": "JJS"}[degree]
    return Word(form or lemma, "ADJ", xpos, rel, lemma=lemma, feats={"Degree": degree})


def adverb(form: str, *, kind: str = "") -> Word:
    return Word(form, "ADV", "RB", "advmod", feats={"PronType": kind} if kind else None)


def personal(antecedent: Word, case: str) -> Word:
    """The pronoun for a noun phrase: `case` "Nom", "Acc", "Gen" (my, her) or "Reflex"."""
    row = "we" if antecedent.number == "plur" and antecedent.person == 1 else ""
    row = row or ("they" if antecedent.number == "plur" else {1: "I", 2: "you"}.get(antecedent.person, ""))
    row = row or {"m": "he", "f": "she", "n": "it"}[antecedent.gender]
    forms, number, person, gender = _PRONOUNS[row]
    form = forms.split()[("Nom", "Acc", "Gen", "Reflex").index(case)]
    feats = {"Case": {"Nom": "Nom", "Gen": "Gen"}.get(case, "Acc")}
    feats |= {"Gender": gender} if gender else {}
    feats |= {"Number": number, "Person": person}
    feats |= {"Poss": "Yes"} if case == "Gen" else {}
    feats |= {"PronType": "Prs"} | ({"Reflex": "Yes"} if case == "Reflex" else {})
    return Word(
        form,
        "PRON",
        "PRP$" if case == "Gen" else "PRP",
        "nmod:poss" if case == "Gen" else "nsubj" if case == "Nom" else "obj",
        lemma=row if case != "Gen" and case != "Reflex" else form,
        feats=feats,
        number="plur" if number == "Plur" else "sing",
        gender=antecedent.gender,
        person=int(person),
        kind=antecedent.kind,
    )


def speaker(form: str) -> Word:
    """ "I", "we", "you" or "they" as a subject."""
    number = "sing" if form == "I" else "plur"
    person = {"I": 1, "we": 1, "you": 2}.get(form, 3)
    return personal(Word("", "X", "X", number=number if form != "you" else "sing", person=person, kind="person"), "Nom")


def indefinite(form: str) -> Word:
    """everyone, nobody, something, anything ..."""
    kind = {"every": "Tot", "no": "Neg"}.get(form.removesuffix("one").removesuffix("body").removesuffix("thing"), "Ind")
    human = "person" if form.endswith(("one", "body")) else "thing"
    return Word(form, "PRON", "NN", feats={"Number": "Sing", "PronType": kind}, number="sing", kind=human)


def has_pronoun(antecedent: Word) -> bool:
    """Whether a third-person pronoun for this noun phrase is beyond doubt (not for a doctor of unknown sex)."""
    return antecedent.number == "plur" or antecedent.gender in ("m", "f", "n")


def numeral(form: str) -> Word:
    return Word(form, "NUM", "CD", "nummod", feats={"NumForm": "Word", "NumType": "Card"})


def demonstrative(form: str) -> Word:
    number = "Sing" if form in ("this", "that") else "Plur"
    return Word(
        form,
        "DET",
        "DT",
        "det",
        lemma={"these": "this", "those": "that"}.get(form, form),
        feats={"Number": number, "PronType": "Dem"},
    )


def quantifier(form: str) -> Word:
    if form in ("many", "several", "few"):
        return adjective(form, "amod")
    kind = {"every": "Tot", "each": "Tot", "no": "Neg", "both": "Tot", "all": "Tot"}.get(form, "Ind")
    return Word(form, "DET", "DT", "det", feats={"PronType": kind})


_PRONOUNS = {
    "he": ("he him his himself", "Sing", "3", "Masc"),
    "she": ("she her her herself", "Sing", "3", "Fem"),
    "it": ("it it its itself", "Sing", "3", "Neut"),
    "they": ("they them their themselves", "Plur", "3", ""),
    "I": ("I me my myself", "Sing", "1", ""),
    "we": ("we us our ourselves", "Plur", "1", ""),
    "you": ("you you your yourself", "Sing", "2", ""),
}


def proper(form: str, kind: str, gender: str) -> Word:
    return Word(form, "PROPN", "NNP", lemma=form, feats={"Number": "Sing"}, number="sing", gender=gender, kind=kind)
