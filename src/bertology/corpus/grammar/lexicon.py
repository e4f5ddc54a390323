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
        "": "plan idea answer question joke secret problem rule name",
        "law": "crime truth.0",
        "office": "project budget",
    },
    "body": {"": "hand leg arm face foot/feet tooth/teeth knee shoulder"},
    "material": {
        "": "wood.0 paper.0 glass.0 gold.0 silver.0 leather.0 wool.0 cotton.0 silk.0 clay.0 steel.0 rubber.0 "
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

_ADJECTIVES = {
    "person": "old young tall happy tired kind rich poor famous clever brave angry honest lonely hungry busy "
    "strong nervous lazy "
    "proud polite quiet careful blind stubborn generous thirsty curious skilled",
    "infant": "small happy hungry tired quiet",
    "animal": "small big hungry old young wild black brown white thirsty fast gray tame dangerous fat quiet",
    "thing": "old new small heavy red big blue green expensive black cheap light broken beautiful white dirty "
    "clean strange",
    "tool": "old new heavy sharp small long rusty light cheap dirty clean wooden",
    "clothes": "old new red black blue warm dirty clean expensive long white green light cheap thick",
    "furniture": "old new wooden heavy small round large comfortable cheap long empty clean",
    "vehicle": "old new red fast blue slow expensive small yellow green empty white",
    "instrument": "old new expensive small beautiful cheap strange",
    "food": "fresh sweet warm cold delicious cheap small green dry",
    "liquid": "fresh sweet warm cold hot cheap",
    "text": "long short old interesting boring new famous funny secret strange important",
    "work": "long short old interesting boring new famous funny strange important",
    "surface": "old new white dirty clean wooden",
    "pebble": "big small heavy",
    "place": "old quiet small dark large famous busy new empty beautiful crowded warm cold",
    "event": "long short exciting boring great famous important strange",
    "plant": "old tall small beautiful green large",
    "structure": "old high small large new strong white narrow",
    "nature": "long deep beautiful dangerous wide old quiet",
    "idea": "new good strange simple difficult important old bad clever",
    "part": "old new broken small large long black",
    "material": "cheap expensive soft thin thick fresh",
}
SCALAR = frozenset(
    [
        "old",
        "young",
        "tall",
        "happy",
        "kind",
        "rich",
        "poor",
        "famous",
        "clever",
        "brave",
        "honest",
        "busy",
        "strong",
        "nervous",
        "lazy",
        "proud",
        "polite",
        "quiet",
        "careful",
        "stubborn",
        "generous",
        "curious",
        "small",
        "big",
        "fast",
        "dangerous",
        "fat",
        "heavy",
        "expensive",
        "cheap",
        "light",
        "beautiful",
        "dirty",
        "clean",
        "sharp",
        "long",
        "warm",
        "thick",
        "large",
        "slow",
        "sweet",
        "fresh",
        "interesting",
        "boring",
        "funny",
        "short",
        "important",
        "dark",
        "crowded",
        "exciting",
        "high",
        "narrow",
        "deep",
        "wide",
        "simple",
        "difficult",
    ]
)


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


@cache
def adjectives(entry: Noun) -> tuple[str, ...]:
    """Adjectives that a noun of this class takes, most frequent first."""
    kind = "liquid" if entry.kind == "drink" or entry.lemma in ("soup", "honey") else entry.kind
    found = tuple(_ADJECTIVES.get(kind, "").split())
    if entry.mass:
        found = tuple(a for a in found if a not in ("small", "big", "large", "green", "long", "short"))
    return tuple(a for a in found if a not in _ODD.get(entry.lemma, ""))


def admits(entry: Noun, classes: str) -> bool:
    """Whether a selection contains the noun."""
    return entry in _members(classes)


_ODD = {
    "child": "old rich famous skilled busy young",
    "boy": "old rich young",
    "girl": "old rich young",
    "puppy": "old big wild young tame gray",
    "kitten": "old big wild young tame gray dangerous",
    "elephant": "small",
    "whale": "small tame",
    "mouse": "big dangerous",
    "coin": "clean empty light",
    "salt": "sweet fresh delicious warm cold dry",
    "sugar": "sweet fresh delicious warm cold dry",
    "flour": "sweet delicious warm cold dry",
    "pepper": "sweet warm cold dry",
    "key": "light white",
    "train": "white yellow",
    "bicycle": "empty",
    "prisoner": "rich busy",
    "thief": "honest polite",
    "beggar": "rich proud",
    "king": "poor lazy polite hungry",
    "lemon": "sweet warm delicious dry",
    "onion": "sweet warm delicious",
    "street": "empty",
    "pool": "crowded",
    "widow": "young",
    "pirate": "polite honest",
    "egg": "sweet dry",
    "cheese": "sweet",
    "meat": "sweet",
    "rice": "sweet fresh",
    "lake": "long",
    "hill": "deep wide",
    "mountain": "deep wide",
    "rock": "deep wide long quiet",
    "cliff": "deep wide quiet",
    "road": "deep",
    "path": "deep",
    "map": "funny boring short long",
    "window": "strong",
    "statue": "narrow strong",
    "fountain": "narrow strong high",
    "walk": "great famous important strange",
    "truth": "new old clever bad good difficult",
    "crime": "good simple difficult new clever",
    "glass": "soft fresh",
    "gold": "fresh soft thick thin",
    "silver": "fresh soft thick thin",
    "schoolboy": "old rich skilled young",
    "schoolgirl": "old rich skilled young",
    "grandmother": "young",
    "grandfather": "young",
    "banker": "poor",
    "menu": "secret",
    "recipe": "boring funny",
    "dictionary": "secret short funny",
    "contract": "funny famous",
    "canoe": "expensive fast",
    "fish": "thirsty tame",
    "dolphin": "thirsty",
    "shark": "thirsty tame",
}


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
