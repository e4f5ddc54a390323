"""Category statements, affirmative and negated (in the form of Fischler et al. 1983 and Ettinger 2020: "A robin is (not) a ...")."""

from collections import Counter

from bertology.corpus.cloze import ClozeItem, negation_items

_CATEGORIES = {
    "bird": "robin sparrow swallow lark crow owl eagle dove",
    "fish": "trout salmon herring cod pike carp",
    "tree": "oak pine elm willow poplar beech",
    "flower": "rose lily daisy tulip violet pansy",
    "fruit": "apple pear peach cherry plum lemon",
    "weapon": "sword pistol dagger spear musket rifle",
    "building": "church house barn castle palace hotel",
    "animal": "dog horse cow sheep cat",
    "metal": "=gold =silver =iron =copper =lead",
    "game": "=chess =cricket =tennis =football",
    "drink": "=tea =coffee =wine =beer =milk",
    "insect": "bee ant beetle moth wasp fly butterfly",
    "tool": "hammer saw shovel chisel rake axe",
    "vegetable": "carrot potato onion turnip cabbage",
}
"""Category to members; = marks those that take no article."""

_KINDRED = (
    {"bird", "fish", "animal", "insect"},
    {"tree", "flower", "fruit", "vegetable"},
    {"weapon", "metal", "tool"},
    {"drink", "fruit"},
)
_RARE = {"insect", "tool", "vegetable"}
"""Less frequent words: the false completion of one is another of them, so that neither wins by being the commoner word."""


def items() -> tuple[ClozeItem, ...]:
    """Two items a member of a category. The false completion is no kindred category; as such each category stands about as
    often as it is true, so that no preference for a word can pay."""
    members = [(name, word) for name, words in _CATEGORIES.items() for word in words.split()]
    size, used = Counter(name for name, _ in members), Counter[str]()
    found: list[ClozeItem] = []
    for number, (category, word) in enumerate(_in_turn(members)):
        options = [c for c in _CATEGORIES if _opposable(c, category)]
        false = max(options, key=lambda c: (size[c] - used[c], -list(_CATEGORIES).index(c)))
        used[false] += 1
        noun = word.removeprefix("=")
        subject = noun if word.startswith("=") else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
        subject = subject[0].upper() + subject[1:]
        row = {
            "item": f"{number}", "context_aff": f"{subject} is (a|an)", "context_neg": f"{subject} is not (a|an)",
            "target_aff": category, "target_neg": false,
        }  # fmt: skip
        found += [i._replace(labels={**i.labels, "subject": subject}) for i in negation_items(row)]
    return tuple(found)


def _opposable(a: str, b: str) -> bool:
    return a != b and (a in _RARE) == (b in _RARE) and not any({a, b} <= kin for kin in _KINDRED)


def _in_turn(members: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """First members of all categories, then the second ones, so that quotas run down evenly."""
    place = Counter[str]()
    ranked = []
    for name, word in members:
        ranked.append((place[name], list(_CATEGORIES).index(name), name, word))
        place[name] += 1
    return [(name, word) for _, _, name, word in sorted(ranked)]
