"""Graded similarity of lexicon words from a hand-made taxonomy, with judgements where a tree is too coarse."""

from itertools import pairwise

from bertology.corpus.word_pairs import WordPair


def word_pairs() -> tuple[WordPair, ...]:
    """Nouns, verbs and adjectives of the grammar with a similarity from 0 to 10; no pair occurs twice in either order.

    Words that share their group in the taxonomy get 7, each step up to the common node takes off; near-synonyms and
    young-and-old pairs are judged by hand, and so are opposites (related, not similar: 1 to 3). Not human ratings: the
    order of coarse steps is meaningful, the second digit is not.
    """
    found: dict[frozenset[str], WordPair] = {}
    for pair in (*_judged(), *_within(), *_across()):
        found.setdefault(frozenset((pair.first, pair.second)), pair)
    return tuple(found.values())


_STEPS = (0.5, 1.5, 3.0, 5.0, 7.0)
"""similarity by how many of the four steps of the path two words share"""

_TREE = """
living animal mammal pet: dog cat rabbit hamster
living animal mammal farm: horse cow sheep goat pig donkey
living animal mammal wild: wolf fox bear deer lion tiger elephant
living animal mammal rodent: mouse rat squirrel
living animal bird bird: owl eagle duck goose hen pigeon parrot
living animal sea sea: whale dolphin shark crab turtle
living person family family: mother father sister brother uncle aunt daughter son cousin
living person work health: doctor nurse surgeon dentist
living person work school: teacher professor student pupil
living person work music: singer pianist drummer violinist
living person work law: lawyer judge detective policeman
living person work craft: carpenter plumber mechanic painter
living person work food: chef cook baker waiter
living person work sea: sailor captain pirate fisherman
living person court court: king queen prince princess knight
living plant plant tree: oak pine tree
living plant plant flower: rose tulip lily flower
thing food food fruit: apple pear peach orange lemon banana
thing food food vegetable: carrot potato tomato onion
thing food food baked: bread cake pie cookie
thing food drink drink: water coffee tea milk juice wine
thing artefact tool hand: hammer saw screwdriver axe drill
thing artefact tool table: knife fork spoon plate cup
thing artefact furniture seat: chair bench sofa stool
thing artefact furniture other: table desk shelf cupboard
thing artefact clothes clothes: coat hat shirt dress scarf glove
thing artefact vehicle road: car truck bus taxi bicycle
thing artefact vehicle water: boat ship ferry canoe
thing artefact music music: piano guitar violin drum flute
thing artefact text text: book newspaper magazine letter novel
thing place building public: school hospital museum library church
thing place building home: house cabin palace castle
thing place room room: kitchen bedroom bathroom attic
thing place nature nature: river lake mountain hill forest
thing event event music: concert festival party wedding
thing event event sport: race match game contest
thing event event talk: lecture lesson exam meeting
"""

_JUDGED = """
dog puppy 8.8, cat kitten 8.8, mouse rat 8.5, boat ship 8.6, car taxi 8.0, chef cook 9.2, street road 9.1,
story novel 6.8,
coat jacket 9.0, forest tree 5.8, teacher professor 8.3, student pupil 9.3, sofa bench 6.5, town city 8.6,
town village 8.3,
hill mountain 8.4, path road 8.2, river stream 8.9, boss manager 8.9, thief pirate 6.0, surgeon doctor 8.3,
wallet purse 8.7,
author poet 7.6, director manager 7.2, answer question 3.2, crime trial 4.2, boy girl 7.2, man woman 7.0,
boy child 8.0, girl child 8.0, baby child 8.3, bird eagle 8.0, bird owl 7.9, fish shark 7.8, fish crab 6.0,
flower rose 8.3,
tree oak 8.3, hospital clinic 9.1, cafe restaurant 8.5, hotel restaurant 5.6, barn stable 8.2, castle palace 8.6,
prison cell 7.4,
door gate 7.7, door window 5.6, wall fence 6.9, knife sword 6.9, lamp lantern 8.7, lamp candle 7.0, cup glass 8.2,
bowl plate 7.3,
bottle jar 7.5, box basket 6.6, clock watch 8.8, ring necklace 6.6, letter message 8.2, note message 8.3,
article report 7.4,
cake bread 6.0, soup salad 5.4, concert song 4.6, piano keyboard 6.4, plan idea 7.2, problem question 6.5,
rule problem 3.0,
summer winter 5.5, day night 5.0, morning evening 6.0, week month 6.7, hour minute 6.9, doctor hospital 3.9,
teacher school 3.9,
sailor ship 3.4, king castle 3.6, knife bread 2.4, farmer farm 4.1, singer song 3.8, key door 3.3, wolf dog 7.9,
begin continue 4.2, end stop 8.2, begin end 2.4, walk run 7.0, walk travel 6.0, run hurry 7.6, shout cry 6.1,
say tell 8.4, say claim 7.5,
see watch 8.2, see notice 7.9, see hear 5.2, like love 8.3, admire praise 7.1, praise blame 1.6, buy sell 2.6,
give offer 7.9, give send 6.4, give steal 1.9, build repair 5.0, clean wash 8.8, break repair 1.7, open close 1.9,
lock open 2.0,
find lose 1.8, find discover 9.1, remember forget 1.7, remember recognize 7.0, know understand 8.0,
think believe 8.3, hope want 6.8,
want need 7.2, push move 6.4, carry hold 7.0, catch kick 3.0, chase follow 8.1, cook bake 8.2, eat drink 6.0,
draw paint 8.4,
write read 4.4, laugh smile 8.0, laugh cry 2.5, sleep rest 8.3, sleep dream 6.9, arrive leave 2.1,
arrive return 6.2, fly swim 4.7,
ask answer 2.9, ask wonder 6.8, persuade encourage 7.8, allow force 2.2, promise agree 6.4, refuse agree 1.5,
thank praise 6.1,
help teach 5.3, greet invite 5.6, kiss hug 7.7, cut break 5.7, explain describe 7.6, sing dance 5.4, eat sleep 2.6,
read swim 0.6,
old young 1.9, young new 5.2, big large 9.7, small big 1.8, tall high 8.9, tall short 1.7, happy kind 3.4,
happy proud 6.5, happy lonely 1.6, tired hungry 3.9, hungry thirsty 6.2, clever skilled 7.7, brave strong 6.1,
rich poor 1.6,
rich expensive 5.9, cheap expensive 1.7, cheap poor 5.1, angry nervous 5.4, angry happy 1.3, lazy tired 5.6,
kind generous 8.4,
polite kind 7.2, honest polite 5.5, quiet lonely 4.4, fast slow 1.8, red green 5.0, red blue 5.2, black white 2.8,
white clean 4.4,
dirty clean 1.4, hot warm 8.6, warm cold 2.2, fresh new 6.0, sweet delicious 6.9, heavy light 1.6, dark light 1.6,
famous important 6.7,
interesting exciting 8.1, interesting boring 1.5, strange funny 4.6, simple easy 9.0, difficult simple 1.6,
difficult hard 9.3,
beautiful famous 2.9, wide narrow 1.7, long tall 5.8, deep high 3.4, wooden sweet 0.5, broken old 3.8,
curious clever 5.0
"""


def _judged() -> list[WordPair]:
    return [
        WordPair(first, second, float(value))
        for first, second, value in (row.split() for row in _JUDGED.replace("\n", " ").split(","))
    ]


def _groups() -> list[tuple[tuple[str, ...], list[str]]]:
    rows = (line.partition(":") for line in _TREE.strip().splitlines())
    return [(tuple(str(path).split()), str(words).split()) for path, _, words in rows]


def _within() -> list[WordPair]:
    """Neighbours of one group."""
    return [WordPair(a, b, _STEPS[4]) for _, words in _groups() for a, b in pairwise(words)]


def _across() -> list[WordPair]:
    """Words of the next group, of the third, and of groups far away."""
    groups = _groups()
    found = []
    for stride, place in ((1, 0), (1, 1), (2, 2), (5, 0), (11, 1), (17, 2)):
        for i, (path, words) in enumerate(groups):
            other_path, others = groups[(i + stride) % len(groups)]
            shared = next((k for k in range(4) if path[k] != other_path[k]), 3)
            found.append(WordPair(words[place % len(words)], others[(place + 1) % len(others)], _STEPS[shared]))
    return found
