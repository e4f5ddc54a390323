"""Word pairs that common sense relates (as in ConceptNet), in constructions that take unrelated pairs as well."""

from functools import cache

from bertology.corpus.grammar import clauses as c
from bertology.corpus.grammar import lexemes as lx
from bertology.corpus.grammar import phrases as p
from bertology.corpus.grammar.clauses import Form
from bertology.corpus.grammar.lexicon import Noun, noun, nouns
from bertology.corpus.grammar.phrases import Draft
from bertology.corpus.grammar.qualities import adjectives
from bertology.corpus.grammar.trees import Word

RELATIONS = {
    "part-of": "wheel:car,bicycle,truck,cart engine:car,truck,tractor,boat handle:door,knife,hammer,cup "
    "page:book,newspaper,magazine "
    "leaf:tree,oak,bush branch:tree,oak,pine wing:bird,eagle,butterfly tail:dog,horse,cat,fox "
    "button:shirt,coat,jacket sleeve:shirt,dress,coat "
    "pocket:coat,jacket,suit sail:boat,ship deck:ship,ferry brake:bicycle,car,train string:guitar,violin,cello "
    "blade:knife,sword,axe,saw "
    "petal:rose,flower,tulip root:tree,bush chimney:house,factory,cabin lid:pot,jar,box lens:camera "
    "keyboard:computer,piano screen:phone,computer "
    "roof:house,barn,church door:house,room,castle window:house,kitchen,train stair:tower,house,lighthouse "
    "drawer:desk,cabinet battery:phone,radio,torch",
    "made-of": "table:wood chair:wood fence:wood boat:wood newspaper:paper book:paper ticket:paper bottle:glass "
    "window:glass mirror:glass lens:glass "
    "ring:gold,silver crown:gold medal:gold necklace:silver,gold coin:silver shoe:leather glove:leather,wool "
    "saddle:leather scarf:wool,silk "
    "sweater:wool blanket:wool shirt:cotton curtain:cotton,silk dress:cotton,silk pot:clay,steel "
    "vase:clay,glass knife:steel sword:steel "
    "wheel:rubber,wood candle:wax castle:stone bread:flour cake:flour,sugar",
    "found-at": "plate:kitchen fork:kitchen pan:kitchen cow:farm,barn tractor:farm,field pig:farm "
    "student:school,classroom teacher:school,classroom "
    "patient:hospital,clinic nurse:hospital,clinic surgeon:hospital book:library librarian:library "
    "prisoner:prison,cell judge:courtroom actor:theater "
    "anchor:harbor ship:harbor,port shell:beach swimmer:pool wolf:forest deer:forest,meadow owl:forest "
    "horse:stable athlete:stadium,gym "
    "clerk:office,bank printer:office computer:office bed:bedroom towel:bathroom hammer:workshop "
    "carpenter:workshop pill:pharmacy bread:bakery "
    "waiter:restaurant,cafe statue:museum painting:gallery clown:circus tent:camp king:palace,castle "
    "train:station pilot:airport tourist:hotel,museum",
    "used-for": "knife:cut axe:cut pen:write pencil:write,draw key:open,lock brush:paint,clean broom:clean "
    "camera:photograph book:read newspaper:read "
    "piano:play violin:play oven:bake,cook pan:cook spoon:eat fork:eat glass:drink cup:drink hammer:repair "
    "screwdriver:repair car:drive "
    "horse:ride bicycle:ride towel:wash bucket:wash shovel:plant basket:carry bag:carry phone:call net:catch "
    "map:travel",
    "capable-of": "dog:bark bird:fly,sing eagle:fly owl:fly,hunt fish:swim dolphin:swim,jump shark:swim,hunt "
    "whale:swim frog:jump,swim wolf:growl,hunt "
    "bear:growl lion:growl,hunt tiger:growl,hunt baby:cry,sleep singer:sing,practice dancer:dance,practice "
    "runner:run,practice swimmer:swim "
    "clown:laugh,smile squirrel:hide,jump mouse:hide,eat parrot:sing,fly hunter:hunt pianist:practice "
    "actor:practice child:cry,laugh horse:run,eat",
}


def related(d: Draft) -> Word:
    """A sentence with two words that a relation joins, or, as often, with two from the same rows that none does."""
    relation = d.chance.pick(tuple(RELATIONS))
    pairs = pairs_of(relation)
    first, second = d.chance.pick(pairs)
    label = relation
    if d.chance.happens(0.5):
        label = "unrelated"
        first, second = _unrelated(d, relation, first, second)
    d.notes.used |= {first, second}
    root, left, right = _FRAMES[relation](d, first, second)
    d.notes.link("related", left, right, label)
    d.notes.labels["relation"] = label
    return root


def _unrelated(d: Draft, relation: str, first: str, second: str) -> tuple[str, str]:
    """The pair with one side exchanged; in "capable-of" for somebody who can do it but is not known for it."""
    if relation != "capable-of":
        others = [o for _, o in pairs_of(relation) if not {(first, o), (o, first)} & _all_pairs() and o != first]
        return first, d.chance.pick(others)
    if any(v.lemma == second and "person" in v.subject.split() for v in c.verbs("intransitive")) and d.chance.happens(
        0.6
    ):
        people = [n.lemma for n in nouns()["person"] if not any(n.lemma == a for a, _ in pairs_of(relation))]
        return d.chance.pick(people), second
    return first, d.chance.pick(("disappear", "fall", "rest"))


@cache
def pairs_of(relation: str) -> tuple[tuple[str, str], ...]:
    """(word, word) lemma pairs of a relation."""
    rows = (row.partition(":") for row in RELATIONS[relation].split())
    return tuple((first, second) for first, _, seconds in rows for second in seconds.split(","))


@cache
def _all_pairs() -> frozenset[tuple[str, str]]:
    return frozenset(pair for relation in RELATIONS for pair in pairs_of(relation))


def _two_nouns(d: Draft, first: str, second: str) -> tuple[Word, Word, Word]:
    """Both nouns as objects joined by "and", by a preposition, or as subject and neighbour."""
    left, right = _noun(d, first), _noun(d, second, definite=True)
    style = d.chance.pick(("and", "near", "subject"))
    if style == "subject":
        left.add(lx.prepositional(d.chance.pick(("near", "beside", "behind")), right, "nmod"))
        head = lx.adjective(
            p.quality(d, adjectives(left.noun) if left.noun else ()) if left.noun and adjectives(left.noun) else "new"
        )
        return c.predicate(d, left, head, _form(d), main=True), left, right
    subject = p.phrase(d, "person", rich=0.5)
    head = _verb(d, d.chance.pick(("see", "buy", "notice", "draw", "describe", "find", "remember")), subject, left)
    if style == "and":
        left.add(right.lead(Word("and", "CCONJ", "CC", "cc")), "conj")
    else:
        head.add(lx.prepositional(d.chance.pick(("near", "beside", "behind")), right))
    return c.predicate(d, subject, head, _form(d), main=True), left, right


def _at_place(d: Draft, first: str, second: str) -> tuple[Word, Word, Word]:
    thing, where = _noun(d, first), noun(second, "place")
    right = p.noun_phrase(d, where, number="sing", rich=0.3, definite=True)
    subject = p.phrase(d, "person", rich=0.4)
    head = _verb(
        d, d.chance.pick(("see", "find", "notice", "photograph", "remember", "describe", "watch")), subject, thing
    )
    head.add(lx.prepositional(where.preposition, right))
    return c.predicate(d, subject, head, _form(d), main=True), thing, right


def _tool_then_action(d: Draft, first: str, second: str) -> tuple[Word, Word, Word]:
    """ "took the knife and cut the bread"."""
    subject = p.phrase(d, "person", rich=0.5)
    tool = _noun(d, first, number="sing", definite=True)
    head = _verb(d, d.chance.pick(("take", "find", "buy", "borrow", "bring")), subject, tool)
    form = Form("past" if d.chance.happens(0.6) else "present")
    c.predicate(d, subject, head, form, main=True)
    if second == "travel":
        other = _parent(second, lx.prepositional("to", p.city(d)))
    else:
        row = next(v for v in c.verbs("transitive") if v.lemma == second)
        thing = c.phrase_for(d, row.object, rich=0.5, names=0.2)
        other = _parent(second, thing, "obj")
        d.notes.link("role", other, thing, row.roles[1])
    d.notes.link("role", other, subject, "agent")
    c.predicate(d, None, other, form, agree=subject)
    head.add(other.lead(Word("and", "CCONJ", "CC", "cc")), "conj")
    return head, tool, other


def _subject_and_verb(d: Draft, first: str, second: str) -> tuple[Word, Word, Word]:
    subject = _noun(d, first)
    head = Word(second, "VERB", "VB", lemma=second)
    d.notes.link("role", head, subject, "agent")
    row = next(v for v in c.verbs("intransitive") if v.lemma == second)
    c.add_adverbials(d, head, row, manner=0.3, place=0.7)
    form = c.draw_form(d, negation=0.0)._replace(middle="")
    c.predicate(d, subject, head, form, main=True)
    c.add_time(d, head, form)
    return head, subject, head


_FRAMES = {
    "part-of": _two_nouns,
    "made-of": _two_nouns,
    "found-at": _at_place,
    "used-for": _tool_then_action,
    "capable-of": _subject_and_verb,
}


def _noun(d: Draft, lemma: str, *, number: str = "", definite: bool = False) -> Word:
    entry = _entry(lemma)
    found = p.noun_phrase(
        d,
        entry,
        number=number or ("plur" if d.chance.happens(0.25) else "sing"),
        rich=0.35,
        definite=definite or d.chance.happens(0.5),
    )
    found.after.clear()
    return found


@cache
def _entry(lemma: str) -> Noun:
    for kind in ("material", *nouns()):
        if any(n.lemma == lemma for n in nouns()[kind]) and not (kind == "material" and lemma in ("glass",)):
            return noun(lemma, kind)
    raise KeyError(lemma)


def _verb(d: Draft, lemma: str, subject: Word, thing: Word) -> Word:
    head = _parent(lemma, thing, "obj")
    d.notes.link("role", head, subject, "agent" if lemma not in ("see", "notice", "remember") else "experiencer")
    d.notes.link("role", head, thing, "theme")
    d.notes.labels["object_number"] = thing.number
    return head


def _parent(lemma: str, child: Word, rel: str = "") -> Word:
    head = Word(lemma, "VERB", "VB", lemma=lemma)
    head.add(child, rel)
    return head


def _form(d: Draft) -> Form:
    return Form("past" if d.chance.happens(0.55) else "present")
