"""The planner under a deadline: what is cheapest first, and the same answers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import planner as room
from bertology.observe.planner import OutOfTime, Planner
from bertology.observe.statistic import Derived, Statistic
from bertology.observe.vectors import SentenceVectors
from bertology.observe.wishes import Asking, make, measure
from bertology.record.folder import RunFolder
from tests.encoder.tiny import tiny

MEAN = SentenceVectors(("mean",), 50)
done: list[str] = []


@dataclass(frozen=True)
class Fit(Derived):
    """A fit that writes down when it was made."""

    name: str

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"vectors": MEAN}

    def compute(self, encoder: Encoder, encoded: Any, *, vectors: Any, **answers: Any) -> dict[str, Any]:
        done.append(self.name)
        return {"sum": np.array([vectors.vectors.sum()])}

    def finish(self, state: Any) -> float:
        return float(state["sum"][0])


class Dear(Fit):
    """The same, of a kind that has been seen to take long."""


class Made:
    key = "made"

    def build(self, place: Path, progress: Any) -> None:
        done.append("made")

    def load(self, place: Path) -> str:
        return "made"


@pytest.fixture
def claims() -> "dict[str, Asking[Any]]":
    done.clear()
    corpora = Corpora.load(scale=0.02)

    def twice(kind: type[Fit], name: str) -> Asking[float]:
        first = yield from measure(kind(f"{name} 1"), over=corpora.treebank)
        second = yield from measure(kind(f"{name} 2"), over=corpora.treebank)
        return first + second

    return {
        "artefact": make(Made()),
        "dear": twice(Dear, "dear"),
        "fit": twice(Fit, "fit"),
        "pass": measure(MEAN, over=corpora.treebank),
        "long pass": measure(MEAN, over=corpora.text),
    }


def test_under_a_deadline_the_cheapest_claim_is_next_and_answers_are_the_same(
    claims: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "A_SUBWORD", 1e-6)
    planner = Planner(tiny(), RunFolder.open(tmp_path / "a", {}), deadline=time.time() + 1e6)
    planner._took |= {"Dear": 10.0, "Made": 20.0}
    found = [(name, answer) for name, answer in planner.outcomes(claims)]
    names = [name for name, _ in found]
    assert set(names[:2]) == {"pass", "long pass"} and names[2:] == ["fit", "dear", "artefact"]
    assert done == ["fit 1", "fit 2", "dear 1", "dear 2", "made"]
    assert len(planner.passes) == 2
    assert planner._took["Fit"] < 1


def test_rounds_without_a_deadline_give_the_same(claims: Any, tmp_path: Path) -> None:
    planner = Planner(tiny(), RunFolder.open(tmp_path / "a", {}))
    found = dict(planner.outcomes(claims))
    assert done == ["made", "dear 1", "fit 1", "dear 2", "fit 2"]
    assert found["fit"] == found["dear"] and found["artefact"] == "made"


def test_when_time_is_out_what_is_there_is_answered_and_nothing_begins(claims: Any, tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "a", {})
    encoder = tiny()
    ((_, before),) = Planner(encoder, folder).outcomes({"pass": measure(MEAN, over=Corpora.load(scale=0.02).treebank)})
    found = dict(Planner(encoder, folder, deadline=time.time() - 1).outcomes(claims))
    assert np.array_equal(found["pass"].vectors, before.vectors)
    assert all(isinstance(found[name], OutOfTime) for name in ("artefact", "dear", "fit", "long pass"))
    assert done == []
