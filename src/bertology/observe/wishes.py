"""What claims ask for: measurements of one pass, artefacts that take long to make, several of them at once."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from bertology.corpus.sentence import Corpus
from bertology.observe.reading import Intervention
from bertology.observe.statistic import Derived, Statistic

Progress = Callable[[str, int, int], None]
"""(what, done, total): called as tokens are read and probes are fitted."""


class Ask(NamedTuple):
    """Statistics wanted of one pass. `twin` asks for the random twin instead of the encoder."""

    statistics: tuple[Statistic | Derived, ...]
    over: Corpus
    under: Intervention | None
    twin: bool


class Artefact(Protocol):
    """Something that takes long to make and is kept in a folder of its own: a trained model, the scores of a fine-tuning.

    Equal keys are the same artefact, made once for all claims of a run.
    """

    @property
    def key(self) -> str: ...

    def build(self, place: Path, progress: Progress) -> None:
        """Makes it in an existing folder; called again in the same folder when it was interrupted."""
        ...

    def load(self, place: Path) -> Any:
        """What `build` made, as claims use it."""
        ...


class Make(NamedTuple):
    """Artefacts wanted."""

    artefacts: tuple[Artefact, ...]


T = TypeVar("T")
Asking = Generator[Ask, tuple[Any, ...], T]
"""What a claim's function returns: it yields asks and returns a T."""


def measure(
    *statistics: Statistic | Derived, over: Corpus, under: Intervention | None = None, twin: bool = False
) -> Asking[Any]:
    """`answer = yield from measure(statistic, over=corpus)`; several statistics give a tuple of answers.

    Ask for all that does not depend on an earlier answer in one go (`together`): it shares a pass and shows in `plan`.
    """
    answers = yield Ask(statistics, over, under, twin)
    return answers[0] if len(statistics) == 1 else answers


def together(*asks: Asking[Any]) -> Asking[tuple[Any, ...]]:
    """Several independent `measure(...)` at once, answered in order."""
    requests = [next(ask) for ask in asks]
    merged: list[Any] = []
    for request, answer in zip(requests, (yield Many(tuple(requests))), strict=True):  # type: ignore[misc]
        merged.append(answer[0] if len(request.statistics) == 1 else answer)
    return tuple(merged)


def make(*artefacts: Artefact) -> Asking[Any]:
    """`model = yield from make(Training(...))`; several artefacts give a tuple."""
    answers = yield Make(artefacts)  # type: ignore[misc]
    return answers[0] if len(artefacts) == 1 else answers


class Many(NamedTuple):
    """Several asks in one yield; answered with one tuple of answers each."""

    asks: tuple[Ask, ...]


Wish = Ask | Many | Make
"""What a claim yields."""


def asks_of(wish: Wish) -> tuple[Ask, ...]:
    """The measurements in a wish."""
    if isinstance(wish, Make):
        return ()
    return wish.asks if isinstance(wish, Many) else (wish,)
