"""A claim's experiment, answered as it asks."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.record.result import Finding


def driven(asking: Any, answer: Callable[[Any], Any]) -> Finding:
    """What the experiment returns when every artefact that it has made is what `answer` says."""
    wish = next(asking)
    while True:
        try:
            wish = asking.send(tuple(answer(asked) for asked in wish.artefacts))
        except StopIteration as end:
            return end.value


def noise(*key: Any) -> float:
    """A standard normal number that belongs to a key."""
    return float(np.random.default_rng(zlib.crc32(repr(key).encode())).standard_normal())
