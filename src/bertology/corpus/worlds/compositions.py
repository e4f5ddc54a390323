"""Properties and affordances of things, and what follows from two of them (after Forbes et al. 2019).

A house is large and a mouse is small, so a house is larger than a mouse; one enters a house and carries a cup, so a house is larger than
a man. Of every two words each is true as often as it is false.
"""

from collections.abc import Iterator

from bertology.corpus.cloze import MASK, ClozeItem

_PROPERTIES = """
size | large small | larger smaller
a house, a church, a mountain, a castle, a ship, a horse, an elephant, a forest, a tower, a palace, an ox, a lion, a cathedral, the sea
a mouse, a pin, a bee, a button, a needle, a coin, an egg, a fly, a spoon, a ring, a key, a thimble, an ant, a pea

age | old young | older younger
a grandfather, a widow, an old man, a veteran, a grandmother, a bishop, a hermit, a patriarch, an ancestor, a judge
a baby, a schoolboy, a child, a kitten, a girl, a pupil, a bride, a puppy, a lamb, an infant

speed | fast slow | faster slower
a horse, a train, the wind, an arrow, a hare, a swallow, a bullet, a deer, an eagle, a greyhound
a snail, a cow, an ox, a tortoise, a cripple, a worm, a donkey, an old man, a plough, a barge

weight | heavy light | heavier lighter
an anchor, a rock, a piano, a cannon, a barrel, an iron chest, a tombstone, a millstone, an ox, a stove
a feather, a leaf, a straw, a glove, a ribbon, a letter, a veil, a handkerchief, a snowflake, a butterfly

hardness | hard soft | harder softer
a stone, iron, a diamond, marble, an oak board, steel, a brick, granite, a flint, a nail
butter, wool, a pillow, silk, velvet, moss, a feather, wax, snow, fur

heat | hot cold | hotter colder
fire, boiling water, a stove, the sun, a furnace, an oven, steam, a flame, a red coal, summer
ice, snow, winter, a glacier, a cellar, frost, the moon, the north, a grave, marble

height | high low | higher lower
a mountain, a tower, a steeple, the sky, a cloud, an eagle's nest, an oak, a cliff, a mast, the moon
a cellar, a footstool, a ditch, the grass, a doorstep, a valley, a mushroom, a cradle, a pit, a violet
"""

_AFFORDANCES = """
enter: a house, a church, a castle, a forest, a palace, a town, a cathedral, a barn, a garden, a cave
carry: a cup, a book, a hat, a letter, a lamp, a basket, a candle, a stick, an egg, a key
"""

_SINGLE = ("{0} is {1}.", "{0} is very {1}.", "We all know that {0} is {1}.")
_USE = ("A man can {1} {0}.", "They wanted to {1} {0}.", "She had permission to {1} {0}.")
_COMPOSED = ("{0} is {1} than {2}.", "Of course {0} is {1} than {2}.", "{0} is much {1} than {2}.")


def items() -> tuple[ClozeItem, ...]:
    """Sets SINGLE and COMPOSED. Labels "fact" (items of all templates), "dimension", "template"; of a composed one, "from" names the
    facts that it follows from, parted by "|"."""
    return tuple(_items())


def _items() -> Iterator[ClozeItem]:
    for block in _PROPERTIES.strip().split("\n\n"):
        head, *sides = block.splitlines()
        dimension, words, comparatives = (part.strip() for part in head.split("|"))
        things = [[noun.strip() for noun in side.split(",")] for side in sides]
        for side, nouns in enumerate(things):
            for noun in nouns:
                yield from _single(dimension, noun, words.split(), side, _SINGLE)
        for k, first in enumerate(things[0]):
            for step in (0, 3):
                pair = first, things[1][(k + step) % len(things[1])]
                yield from _composed(dimension, pair, comparatives.split(), [f"{dimension}:{noun}" for noun in pair])
    rows = [line.split(": ") for line in _AFFORDANCES.strip().splitlines()]
    verbs = [verb for verb, _ in rows]
    for side, (_, listed) in enumerate(rows):
        for noun in listed.split(", "):
            yield from _single("use", noun, verbs, side, _USE)
            if f"size:{noun}" not in _sizes():
                yield from _single("size", noun, ["large", "small"], side, _SINGLE)
            sides = (noun, "a man") if side == 0 else ("a man", noun)
            yield from _composed("use", sides, ["larger", "smaller"], [f"use:{noun}", f"size:{noun}"])


def _sizes() -> set[str]:
    """Things whose size is told among the properties."""
    lines = _PROPERTIES.strip().split("\n\n")[0].splitlines()[1:]
    return {f"size:{noun.strip()}" for line in lines for noun in line.split(",")}


def _single(dimension: str, noun: str, words: list[str], side: int, templates: tuple[str, ...]) -> Iterator[ClozeItem]:
    true, false = words[side], words[1 - side]
    for place, template in enumerate(templates):
        name = f"{dimension}:{noun}"
        labels = {"set": "SINGLE", "fact": name, "dimension": dimension, "subject": noun, "template": place}
        yield ClozeItem(f"{name}-{place}", _capital(template.format(noun, MASK)), true, (false,), labels)


def _composed(dimension: str, pair: tuple[str, str], words: list[str], needed: list[str]) -> Iterator[ClozeItem]:
    """Both orders: the first of the pair has the first word."""
    for order in (0, 1):
        subject, other = pair[order], pair[1 - order]
        name = f"{dimension}:{subject}:{other}"
        for place, template in enumerate(_COMPOSED):
            labels = {
                "set": "COMPOSED", "fact": name, "from": "|".join(needed), "dimension": dimension, "subject": subject,
                "template": place,
            }  # fmt: skip
            context = _capital(template.format(subject, MASK, other))
            yield ClozeItem(f"{name}-{place}", context, words[order], (words[1 - order],), labels)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
