"""Attributes of everyday things, by class: a hand-made list, and that of Forbes et al. (2019).

Each noun stands in carrier sentences that say nothing of it; the attributes are in the sentences' labels.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from bertology.corpus.lines import lines
from bertology.corpus.sentence import Corpus, Sentence, sentence
from bertology.record.errors import BadCorpus

CLASSES = ("perceptual", "functional", "encyclopaedic")

CARRIERS = (
    "I saw the {} yesterday .", "She spoke about the {} .", "He thought of the {} again .", "The {} was still there .",
    "They asked me about the {} .", "We looked at the {} for a while .",
)  # fmt: skip

_NOUNS = """
dog cat horse cow sheep pig goat rabbit mouse rat lion tiger elephant wolf fox bear deer monkey donkey whale
eagle owl duck goose hen swan pigeon parrot crow sparrow robin
shark salmon trout crab frog snake turtle
bee butterfly ant spider wasp fly
apple orange banana lemon cherry grape pear peach strawberry plum
carrot potato tomato onion cabbage pea bean cucumber
bread cheese cake honey butter sugar salt milk egg soup water wine tea coffee beer
rose lily daisy tulip grass ivy oak pine willow moss
coat hat shirt shoe boot glove scarf dress sock cap
table chair bed sofa bench desk shelf cupboard stool
hammer saw axe knife fork spoon needle broom shovel rope ladder nail razor chisel scythe
cup plate bottle bowl basket bucket box bag jar kettle barrel
piano violin guitar drum flute trumpet bell harp
boat ship train carriage cart wagon bicycle
sword gun pistol arrow spear cannon dagger
house church castle barn palace cottage tower
sun moon star snow ice river mountain stone sand diamond gold silver coal iron
book letter newspaper pen candle lamp lantern torch fire clock watch mirror coin ring crown ball pillow blanket carpet feather
"""

_ATTRIBUTES = """
perceptual: white: snow milk salt sugar swan goose sheep lily daisy egg pillow moon ice
perceptual: green: grass pea bean cabbage cucumber frog oak pine willow ivy moss pear parrot turtle
perceptual: red: apple cherry strawberry tomato rose robin fox crab salmon wine tulip fire
perceptual: yellow: banana lemon butter cheese sun honey gold bee sand lion daisy wasp star
perceptual: brown: bear deer potato bread monkey sparrow owl table chair desk barrel violin guitar cupboard bench basket \
donkey tea coffee shelf stool
perceptual: black: coal crow ant spider iron kettle gun cannon piano pistol
perceptual: round: apple orange cherry grape pea ball plate coin ring moon sun drum egg onion cabbage tomato crown clock \
peach plum bowl
perceptual: long: snake rope needle flute sword spear arrow train ladder river scarf cucumber carrot banana broom shovel
perceptual: flat: plate coin table carpet book letter newspaper mirror desk bench saw shelf
perceptual: soft: pillow blanket feather cat rabbit sheep bread butter cake moss bed sofa scarf glove sock snow peach banana
perceptual: hard: stone iron hammer diamond coal ice gold silver sword nail axe coin cannon ring kettle bell
perceptual: sharp: knife needle saw axe sword arrow spear nail fork wasp pen razor chisel scythe dagger
perceptual: furry: cat dog rabbit fox bear wolf monkey mouse rat lion tiger sheep deer donkey goat horse
perceptual: shiny: gold silver diamond mirror coin ring crown sword sun moon star knife spoon bell ice
perceptual: large: elephant whale house church castle ship mountain palace tower train oak barn sun moon bear horse river \
cannon
perceptual: small: ant mouse bee pea grape needle coin ring nail cherry spider bean sparrow butterfly wasp strawberry robin \
fly feather
perceptual: loud: bell drum trumpet gun cannon train lion dog pistol piano crow wolf goose pig
functional: eaten: apple orange banana lemon cherry grape pear peach strawberry plum carrot potato tomato onion cabbage pea \
bean cucumber bread cheese cake honey butter egg soup salmon trout sugar salt
functional: drunk: milk water wine tea coffee beer soup
functional: worn: coat hat shirt shoe boot glove scarf dress sock cap ring crown watch
functional: sat on: chair sofa bench stool horse bicycle donkey bed carpet
functional: used for cutting: saw axe knife sword razor chisel scythe dagger
functional: used for making music: piano violin guitar drum flute trumpet bell harp
functional: used for travelling: boat ship train carriage cart wagon bicycle horse donkey
functional: holds things: cup bottle bowl basket bucket box bag jar kettle barrel cupboard shelf cart wagon plate
functional: used for fighting: sword gun pistol arrow spear cannon axe knife dagger
functional: used for reading or writing: book letter newspaper pen lamp desk
functional: gives light: candle lamp sun moon star lantern torch fire
functional: keeps warm: coat hat glove scarf sock blanket boot bed sun coal fire
functional: lived in: house castle palace cottage tower barn
functional: used by workmen: hammer saw axe shovel rope ladder nail broom bucket needle cart wagon chisel scythe
functional: used at table: knife fork spoon cup plate bottle bowl table chair jar kettle
encyclopaedic: an animal: dog cat horse cow sheep pig goat rabbit mouse rat lion tiger elephant wolf fox bear deer monkey \
donkey whale eagle owl duck goose hen swan pigeon parrot crow sparrow robin shark salmon trout crab frog snake turtle bee \
butterfly ant spider wasp fly
encyclopaedic: a bird: eagle owl duck goose hen swan pigeon parrot crow sparrow robin
encyclopaedic: a mammal: dog cat horse cow sheep pig goat rabbit mouse rat lion tiger elephant wolf fox bear deer monkey \
donkey whale
encyclopaedic: a plant or of one: rose lily daisy tulip grass ivy oak pine willow moss apple orange banana lemon cherry grape \
pear peach strawberry plum carrot potato tomato onion cabbage pea bean cucumber
encyclopaedic: grows on trees or bushes: apple orange lemon cherry pear peach plum banana rose
encyclopaedic: grows in a garden: rose lily daisy tulip grass carrot potato tomato onion cabbage pea bean cucumber strawberry
encyclopaedic: lives in water: whale shark salmon trout crab frog turtle duck swan goose
encyclopaedic: flies: eagle owl duck goose swan pigeon parrot crow sparrow robin bee butterfly wasp fly
encyclopaedic: kept on farms: horse cow sheep pig goat donkey duck goose hen dog
encyclopaedic: hunts other animals: lion tiger wolf fox bear eagle owl shark snake spider cat
encyclopaedic: lays eggs: eagle owl duck goose hen swan pigeon parrot crow sparrow robin salmon trout frog snake turtle spider
encyclopaedic: made of wood: table chair desk bench shelf cupboard stool barrel cart wagon ladder violin guitar piano carriage \
box
encyclopaedic: made of metal: hammer saw axe knife fork spoon needle nail kettle trumpet bell sword gun pistol cannon coin \
ring crown train razor chisel scythe dagger lantern
encyclopaedic: made of cloth: coat hat shirt glove scarf dress sock cap blanket carpet bag pillow
encyclopaedic: made by people: coat shirt shoe table chair bed hammer saw knife cup plate bottle piano violin boat ship train \
sword gun house church castle book newspaper candle lamp clock mirror bread cheese cake hat boot glove scarf dress sock cap \
sofa bench desk shelf cupboard stool axe fork spoon needle broom shovel rope ladder nail bowl basket bucket box bag jar \
kettle barrel guitar drum flute trumpet bell harp carriage cart wagon bicycle pistol arrow spear cannon barn palace cottage \
tower letter pen watch coin ring crown ball pillow blanket carpet soup wine tea coffee beer butter razor chisel scythe dagger lantern torch
encyclopaedic: a building: house church castle barn palace cottage tower
encyclopaedic: found in a kitchen: knife fork spoon cup plate bottle bowl jar kettle bread cheese butter sugar salt milk egg \
soup tea coffee cupboard
encyclopaedic: valuable: gold silver diamond ring crown watch palace castle ship coin
"""


def embedded() -> Corpus:
    """The hand-made list: some 180 nouns in six sentences each, fifty attributes of three classes."""
    table: dict[str, dict[str, int]] = {noun: {} for noun in _NOUNS.split()}
    for line in _ATTRIBUTES.replace("\\\n", " ").strip().splitlines():
        kind, attribute, nouns = line.split(": ")
        holders = set(nouns.split())
        for noun, row in table.items():
            row[f"{kind}: {attribute}"] = int(noun in holders)
    return _corpus("attributes", table, "CC0-1.0", "Written for bertology.", {})


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """A folder with abstract.csv and properties.tsv (Forbes et al. 2019): objects of one word; properties that nobody agreed on
    are no label.

    Labels "class: property" are 1 or 0; the class is the properties' "categorization". Names of several words are dropped and
    counted; BadCorpus under `strict`, and for a file that is missing or lacks a column.
    """
    path = Path(path)
    if not path.is_dir():
        raise BadCorpus(f"{path} is no folder.", "Name the folder with abstract.csv and properties.tsv.")
    classes = {
        row["uid"]: row["categorization"].replace("encyclopedic", "encyclopaedic")
        for row in _rows(path / "properties.tsv", "\t", ("uid", "categorization"))
    }
    table: dict[str, dict[str, int]] = {}
    several = 0
    for row in _rows(path / "abstract.csv", ",", ("objectUID",)):
        noun = row.pop("objectUID").strip()
        if not noun.isalpha():
            several += 1
            continue
        table[noun] = {f"{classes[name]}: {name}": int(v) for name, v in row.items() if name in classes and v in "01"}
    if several and strict:
        raise BadCorpus(f"{path} names {several} objects in several words.", "Read without --strict to leave them out.")
    if not table:
        raise BadCorpus(f"{path} holds no object of one word.", "Check abstract.csv.")
    dropped = {"a name of several words": several} if several else {}
    return _corpus(path.name, table, "MIT", "Forbes et al. 2019", dropped)


def _corpus(
    name: str, table: Mapping[str, Mapping[str, int]], licence: str, citation: str, dropped: Mapping[str, int]
) -> Corpus:
    return Corpus(name, tuple(_carried(table)), licence, citation, dropped)


def _carried(table: Mapping[str, Mapping[str, int]]) -> Iterator[Sentence]:
    """Every noun in every carrier; labels are its attributes and "noun"; layer "noun" marks it."""
    for noun, attributes in table.items():
        for number, carrier in enumerate(CARRIERS):
            words = [noun if word == "{}" else word for word in carrier.split()]
            layer = tuple(noun if word == "{}" else "" for word in carrier.split())
            glued = [word == "." for word in [*words[1:], ""]]
            yield sentence(
                words,
                f"{noun}-{number}",
                glued=glued,
                layers={"noun": layer},
                labels={"noun": noun, **attributes},
                document=noun,
            )


def _rows(path: Path, delimiter: str, needed: tuple[str, ...]) -> list[dict[str, str]]:
    rows = list(csv.DictReader(lines(path), delimiter=delimiter))
    missing = [name for name in needed if not rows or name not in rows[0]]
    if missing:
        raise BadCorpus(f"{path} has no column {missing[0]!r}.", "Take the files as published.")
    return [{str(key): str(value or "") for key, value in row.items()} for row in rows]
