"""A claim's experiment, answered as it asks."""

from collections.abc import Callable
from typing import Any

from bertology.record.result import Finding


def driven(asking: Any, answer: Callable[[Any], Any]) -> Finding:
    """What the experiment returns when every artefact that it has made is what `answer` says."""
    wish = next(asking)
    while True:
        try:
            wish = asking.send(tuple(answer(asked) for asked in wish.artefacts))
        except StopIteration as end:
            return end.value
