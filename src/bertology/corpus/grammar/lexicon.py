"""Names, nouns and adjectives with what selects them: semantic class, topic, gender, countability, preposition.

In the tables a word may carry a plural after "/", and marks after ".": m/f grammatical-by-sex gender, 0 mass noun,
at/on the preposition of a place (else "in"). Words stand in falling frequency.
"""

from functools import cache
from typing import NamedTuple

from bertology.corpus.grammar.morphology import add_s


class Noun(NamedTuple):
    lemma: str
    plural: str
    kind: str
    gender: str
    """ "m", "f", "n" (things), "" (people of unknown sex)"""
    mass: bool
    topics: tuple[str, ...]
    """topics in which the noun is at home; empty: any"""
    preposition: str


TOPICS = [
    "kitchen",
    "farm",
    "school",
    "hospital",
    "music",
    "sea",
    "city",
    "office",
    "sport",
    "forest",
    "workshop",
    "law",
    "home",
    "court",
    "stage",
]

_PEOPLE = {
    "": "man/men.m woman/women.f boy.m girl.f friend child/children neighbor stranger lady.f "
    "gentleman/gentlemen.m visitor tourist",
    "kitchen": "chef cook waiter.m waitress.f baker guest butcher",
    "farm": "farmer shepherd rider gardener miller",
    "school": "teacher student pupil professor librarian schoolboy.m schoolgirl.f tutor",
    "hospital": "doctor nurse patient surgeon dentist pharmacist scientist",
    "music": "singer pianist drummer violinist composer dancer conductor musician",
    "sea": "sailor captain fisherman/fishermen.m diver pirate swimmer pilot",
    "city": "driver mayor policeman/policemen.m policewoman/policewomen.f guide beggar postman/postmen.m",
    "office": "manager secretary clerk boss assistant accountant editor journalist reporter",
    "sport": "player coach runner athlete referee champion trainer",
    "forest": "hunter ranger hiker camper scout explorer",
    "workshop": "carpenter mechanic plumber painter engineer blacksmith electrician",
    "law": "lawyer judge witness thief/thieves prisoner detective guard banker",
    "home": "mother.f father.m sister.f brother.m uncle.m aunt.f grandmother.f grandfather.m daughter.f son.m cousin "
    "wife/wives.f husband.m",
    "court": "king.m queen.f prince.m princess.f knight.m servant soldier widow.f",
    "stage": "actor.m actress.f poet clown director artist magician author",
}
_NOUNS = {
    "infant": {"home": "baby"},
    "animal": {
        "": "bird mouse/mice butterfly",
        "home": "dog cat rabbit parrot puppy kitten hamster",
        "farm": "horse cow sheep/sheep goat pig hen duck goose/geese donkey bull",
        "forest": "wolf/wolves fox bear deer/deer squirrel owl eagle snake frog",
        "sea": "fish/fish whale dolphin shark crab seal turtle",
        "city": "monkey elephant lion tiger pigeon rat",
    },
    "food": {
        "": "apple cake sandwich bread.0 cheese.0 egg cookie",
        "kitchen": "soup.0 rice.0 meat.0 pie potato/potatoes tomato/tomatoes onion salad sugar.0 salt.0 flour.0 "
        "pepper.0",
        "farm": "carrot pear peach butter.0 honey.0 corn.0",
        "home": "pancake chocolate.0 jam.0 biscuit",
        "sea": "lemon banana orange",
        "forest": "mushroom",
    },
    "drink": {"": "water.0 coffee.0 tea.0 milk.0 juice.0", "city": "beer.0 wine.0", "home": "lemonade.0 cocoa.0"},
    "text": {
        "": "letter book newspaper novel note",
        "school": "textbook",
        "office": "report magazine contract",
        "law": "document",
        "stage": "script",
    },
    "work": {
        "": "story message",
        "school": "poem essay",
        "office": "article",
        "music": "song",
        "law": "statement",
        "stage": "play",
        "kitchen": "recipe",
    },
    "tool": {
        "": "knife/knives rope stick ladder",
        "workshop": "hammer saw screwdriver drill axe brush",
        "farm": "shovel bucket rake",
        "kitchen": "spoon fork pan pot",
        "home": "broom needle iron",
        "office": "pen pencil",
        "sport": "racket bat",
    },
    "thing": {
        "": "box key bag ball lamp clock coin mirror picture umbrella phone watch toy camera present map",
        "kitchen": "cup plate bottle bowl glass jar menu",
        "farm": "basket wheel barrel saddle",
        "home": "blanket pillow candle vase curtain doll towel radio",
        "school": "dictionary ruler",
        "office": "folder ticket computer printer envelope",
        "sport": "trophy medal whistle net",
        "court": "ring crown sword shield necklace",
        "hospital": "bandage pill thermometer",
        "sea": "anchor flag pearl lantern treasure.0 shell",
        "forest": "tent torch backpack",
        "workshop": "nail screw engine battery plank",
        "law": "purse wallet diamond",
        "stage": "painting mask costume",
    },
    "clothes": {
        "": "coat hat shirt jacket shoe scarf/scarves dress glove sweater",
        "office": "tie suit",
        "sport": "cap",
        "court": "cloak robe",
        "hospital": "uniform",
    },
    "furniture": {
        "": "table chair desk bench",
        "home": "bed sofa shelf/shelves cupboard drawer stool",
        "office": "cabinet",
        "kitchen": "oven",
    },
    "vehicle": {
        "": "car bicycle truck train",
        "city": "bus/buses taxi van tram",
        "sea": "boat ship ferry canoe",
        "farm": "tractor cart",
        "hospital": "ambulance",
        "court": "carriage",
    },
    "instrument": {"": "piano guitar violin drum flute trumpet cello"},
    "place": {
        "": "house garden park street.on village town room",
        "kitchen": "kitchen restaurant cafe bakery hotel",
        "farm": "barn field farm.on stable meadow",
        "school": "school.at library classroom university.at playground",
        "hospital": "hospital clinic pharmacy laboratory",
        "music": "theater studio hall club",
        "sea": "beach.on harbor island.on port bay",
        "city": "station.at market.at museum square church bridge.on airport.at bank.at shop city",
        "office": "office building factory elevator",
        "sport": "stadium gym pool",
        "forest": "forest valley cave cabin camp",
        "workshop": "workshop garage yard shed",
        "law": "prison courtroom cell",
        "home": "bathroom attic cellar hallway bedroom",
        "court": "castle palace tower",
        "stage": "circus gallery tent",
    },
    "event": {
        "": "party meeting wedding walk dinner",
        "music": "concert dance festival rehearsal",
        "school": "lesson exam lecture",
        "sport": "race match game contest",
        "law": "trial",
        "sea": "storm voyage",
        "kitchen": "lunch breakfast",
        "office": "conference",
        "court": "battle war feast",
        "stage": "show",
        "home": "visit",
        "hospital": "operation",
    },
    "plant": {"": "tree flower", "farm": "bush rose", "forest": "oak pine", "home": "lily tulip"},
    "structure": {"": "wall window door gate fence", "sea": "lighthouse", "city": "statue fountain"},
    "nature": {"": "river hill lake mountain rock road", "sea": "cliff", "forest": "path waterfall stream"},
    "pebble": {"": "stone", "sea": "wave"},
    "surface": {"": "floor roof"},
    "idea": {
        "": "plan idea answer question joke secret problem rule name dream",
        "law": "crime truth.0",
        "office": "project budget",
    },
    "body": {"": "hand leg arm face foot/feet tooth/teeth knee shoulder"},
    "material": {
        "": "wood.0 paper.0 glass.0 paint.0 gold.0 silver.0 leather.0 wool.0 cotton.0 silk.0 clay.0 steel.0 rubber.0 "
        "wax.0 sand.0"
    },
    "part": {
        "": "wheel handle page leaf/leaves branch wing tail button sleeve pocket sail deck brake string blade "
        "petal root chimney stair lid lens keyboard screen"
    },
    "time": {"": "day week month morning evening night summer winter hour minute year"},
}
NAMES = {
    "f": [
        "Mary",
        "Anna",
        "Alice",
        "Emma",
        "Sarah",
        "Julia",
        "Laura",
        "Helen",
        "Clara",
        "Lucy",
        "Nora",
        "Ruth",
        "Eva",
        "Rosa",
        "Grace",
    ],
    "m": [
        "John",
        "Peter",
        "Tom",
        "David",
        "Paul",
        "Henry",
        "Jack",
        "Simon",
        "Oscar",
        "George",
        "Martin",
        "Daniel",
        "Samuel",
        "Felix",
        "Mark",
    ],
}
SURNAMES = ["Smith", "Brown", "Clark", "Miller", "Baker", "Cook", "Young", "Green", "Carter", "Hill", "Walker", "Stone"]
CITIES = [
    "London",
    "Paris",
    "Rome",
    "Berlin",
    "Boston",
    "Vienna",
    "Madrid",
    "Chicago",
    "Dublin",
    "Lisbon",
    "Prague",
    "Cairo",
]


@cache
def nouns() -> dict[str, tuple[Noun, ...]]:
    """All nouns by semantic class; a noun at home in several topics or classes has one entry for each class."""
    tables = {"person": _PEOPLE, **_NOUNS}
    return {kind: tuple(_entries(kind, table)) for kind, table in tables.items()}


@cache
def noun(lemma: str, kind: str = "") -> Noun:
    """The entry of a lemma (of the class named, if it has several); KeyError where there is none."""
    for entries in (nouns()[kind],) if kind else nouns().values():
        for entry in entries:
            if entry.lemma == lemma:
                return entry
    raise KeyError(lemma)


@cache
def select(classes: str, topic: str = "") -> tuple[Noun, ...]:
    """Nouns of a selection such as "person animal =lamp,candle"; with a topic only those at home in it, else in any."""
    found: list[Noun] = []
    for item in classes.split():
        found += [noun(lemma) for lemma in item[1:].split(",")] if item[0] == "=" else nouns()[item]
    if topic:
        found = [n for n in found if topic in n.topics]
    return tuple(dict.fromkeys(found))


def admits(entry: Noun, classes: str) -> bool:
    """Whether a selection contains the noun."""
    return entry in _members(classes)


@cache
def _members(classes: str) -> frozenset[Noun]:
    return frozenset(select(classes))


def _entries(kind: str, table: dict[str, str]) -> list[Noun]:
    topics: dict[str, list[str]] = {}
    for topic, words in table.items():
        for word in words.split():
            topics.setdefault(word, []).extend([topic] if topic else [])
    found = []
    for word, at_home in topics.items():
        spelling, _, marks = word.partition(".")
        lemma, _, plural = spelling.partition("/")
        gender = marks if marks in ("m", "f") else "" if kind == "person" else "n"
        preposition = marks if marks in ("at", "on") else "in"
        found.append(Noun(lemma, plural or add_s(lemma), kind, gender, marks == "0", tuple(at_home), preposition))
    return found
