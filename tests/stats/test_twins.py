"""Several random twins: an encoder that is one more draw stays inside, one that is not does not."""

import math
from dataclasses import replace

import numpy as np
import pytest

import bertology as bt
from bertology.record.errors import BadRequest, ForeignRun
from bertology.record.estimate import Estimate
from bertology.record.result import Finding
from bertology.stats.twins import enough_twins, merged, over_twins
from tests.encoder.tiny import tiny


def estimate(value: float, half: float = 0.0) -> Estimate:
    return Estimate(value, value - half, value + half, 100, "points", "bootstrap")


def test_the_interval_is_one_for_another_draw() -> None:
    found = over_twins([estimate(1.0), estimate(2.0), estimate(3.0)])
    half = 4.302653 * 1.0 * math.sqrt(4 / 3)  # t(2) at .975, deviation 1
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2 - half, 2 + half), rel=1e-5)
    assert "3 random twins" in found.method
    wider = over_twins([estimate(1.0, 2.0), estimate(2.0, 2.0), estimate(3.0, 2.0)])
    assert wider.high == pytest.approx(2 + math.hypot(half, 2.0), rel=1e-5)


@pytest.mark.parametrize("n", [3, 5])
def test_a_random_draw_stays_inside_as_often_as_said(n: int) -> None:
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((4000, n + 1))
    inside = [
        (e := over_twins([estimate(x - twin) for twin in others])).low <= 0 <= e.high for x, *others in draws.tolist()
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)


def test_what_no_twin_has_part_in_stays() -> None:
    one = Finding({"a": estimate(1.0, 0.5), "over the twin": estimate(1.0)}, {"twin": estimate(0.0)}, note="Said.")
    two = replace(one, values={**one.values, "over the twin": estimate(2.0)}, baselines={"twin": estimate(-1.0)})
    made = merged([one, two, one])
    assert made.values["a"] == one.values["a"]
    assert made.values["over the twin"].value == pytest.approx(4 / 3) and made.baselines["twin"].value == pytest.approx(
        -1 / 3
    )
    assert made.note.startswith("Said. Against 3 random twins")


def test_what_was_not_measured_against_one_twin_is_not_known() -> None:
    unknown = Estimate(1.0, math.nan, math.nan, 1)
    assert not over_twins([unknown, estimate(2.0), estimate(3.0)]).known


def test_two_twins_are_refused() -> None:
    enough_twins(1)
    enough_twins(3)
    for n in (0, 2):
        with pytest.raises(BadRequest, match=f"{n} random twins"):
            enough_twins(n)


def test_a_run_against_several_twins_reads_the_encoder_once(tmp_path) -> None:
    encoder = tiny("bert")
    given = {"claims": ["head-03", "emb-05"], "scale": 0.1}
    plain = {r.claim: r for r in bt.run(encoder, out=tmp_path / "one", **given).results}
    run = bt.run(encoder, out=tmp_path / "three", control_twins=3, **given)
    several = {r.claim: r for r in run.results}
    rule = "gain over the random twin"
    before, after = plain["head-03"].values[rule], several["head-03"].values[rule]
    assert after.value != before.value and "3 random twins" in after.method and "twins" not in before.method
    other = "gain over the best offset"
    assert several["head-03"].values[other] == plain["head-03"].values[other]
    passes = [p["name"] for p in run.folder.run()["passes"]]
    corpora = [name.partition(" over ")[2] for name in passes if name.startswith("random twin")]
    assert corpora.count("embedded grammar") >= 3 or max(map(corpora.count, corpora)) == 3
    own = [name for name in passes if name.startswith("encoder over")]
    assert len(own) == len(set(own))
    with pytest.raises(ForeignRun):
        bt.run(encoder, out=tmp_path / "three", **given)


def test_twins_are_other_draws_and_the_first_is_the_usual_one() -> None:
    encoder = tiny("bert")
    names = [encoder.with_other_twins(k).randomised(0).fingerprint for k in range(3)]
    assert names[0] == encoder.randomised(0).fingerprint and len(set(names)) == 3
    assert encoder.with_other_twins(2).fingerprint == encoder.fingerprint
