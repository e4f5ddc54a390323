"""Scripts of letters, found by the first word of their Unicode names: LATIN, CYRILLIC, CJK, ..."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

SUBWORDS = 50
"""A vocabulary is of a script with this many subwords."""


def script(letter: str) -> str:
    """The script of a letter, "" for what is none."""
    name = unicodedata.name(letter, "") if letter.isalpha() else ""
    return name.split()[0].split("-")[0] if name else ""


def scripts(vocabulary: Iterable[str]) -> list[str]:
    """Scripts of letters in at least SUBWORDS of the subwords, in alphabetical order."""
    counts: Counter[str] = Counter()
    for subword in vocabulary:
        counts.update({script(letter) for letter in subword} - {""})
    return sorted(name for name, n in counts.items() if n >= SUBWORDS)


def main_script(texts: Iterable[str]) -> str:
    """The script that most letters of the texts are of, "" where there is no letter."""
    counts = Counter(letter for text in texts for letter in text)
    found: Counter[str] = Counter()
    for letter, n in counts.items():
        found[script(letter)] += n
    del found[""]
    return found.most_common(1)[0][0] if found else ""
