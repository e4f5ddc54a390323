"""What can go: each curve is what a cut would do, planted waste is found, and the encoder is left as it was."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from bertology.compress.calls import projected, skipped, states
from bertology.compress.redundancy import PARTS, Redundancy, _reach, redundancy
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, wrap
from bertology.encoder.cut import cut
from bertology.encoder.sites import head, hidden
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.train.classifier import Scored, classifier
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

WORDS = ("the", "cats", "sit", "on", "mats", "dogs", "sing", "near", "old", "birds")
TEXT = Corpus("text", tuple(sentence([WORDS[(7 * i + 3 * j) % 10] for j in range(4 + i % 5)], f"s{i}") for i in range(80)))  # fmt: skip
FEW: Any = dict(shares=(0.25, 0.5, 0.75), bits=(8, 2), seeds=2, draws=20, examples=40)
FAMILIES = ("bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2")


@pytest.fixture(scope="module")
def tuned() -> Encoder:
    encoder = tiny("bert", scale=2.0)
    recipe = FineTuning(epochs=8, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
    return wrap(finetune(encoder, some(n=120), recipe).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def scores(found: Redundancy, part: str, how: str) -> list[float]:
    (curve,) = [c for c in found.curves if (c.part, c.how) == (part, how)]
    return [e.value for e in curve.scores]


def limit(found: Redundancy, part: str, how: str) -> Any:
    (x,) = [x for x in found.limits if (x.part, x.how) == (part, how)]
    return x.gone


def idle_heads(encoder: Encoder, idle: tuple[int, ...]) -> Encoder:
    """An encoder some of whose heads are not listened to."""
    width = encoder.width // encoder.n_heads
    with torch.no_grad():
        for layer in layer_modules(encoder.base, encoder.family):
            weight = layer.get_submodule(encoder.family.head or "").weight
            for h in idle:
                weight[:, h * width : (h + 1) * width] = 0  # type: ignore[index]
    return encoder


@pytest.mark.parametrize("family", FAMILIES)
def test_a_skipped_layer_is_one_that_was_cut(family: str) -> None:
    encoder = tiny(family, mlm=False)
    ids = torch.randint(5, 90, (2, 7))
    run = lambda one: one.base(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
    with torch.inference_mode():
        before = run(encoder)
        with skipped(encoder, [2]):
            found = run(encoder)
        assert (found - run(cut(encoder, hidden(2)))).abs().max() < 1e-5
        assert torch.equal(run(encoder), before) and not torch.equal(found, before)


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert"])
def test_all_dimensions_change_nothing_and_few_do(family: str) -> None:
    encoder = tiny(family, mlm=False)
    ids = torch.randint(5, 90, (2, 7))
    run = lambda: encoder.base(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
    basis = torch.linalg.qr(torch.randn(32, 32)).Q
    with torch.inference_mode():
        before = run()
        with states(encoder) as seen:
            run()
        assert len(seen) == encoder.n_layers + 1
        for kept, same in ((32, True), (4, False)):
            with projected(encoder, [(torch.zeros(32), basis[:, :kept])] * encoder.n_layers):
                assert bool((run() - before).abs().max() < 1e-3) is same


def test_heads_that_do_nothing_go_first_and_a_random_order_is_worse() -> None:
    encoder = idle_heads(tiny("bert", mlm=False), (1, 3))
    fingerprint = type(encoder).fingerprint.func(encoder)
    found = redundancy(encoder, TEXT, parts=("heads",), **FEW)
    best, chance = scores(found, "heads", "least sensitive first"), scores(found, "heads", "random")
    assert found.measure == "cosine to the whole" and best[0] == pytest.approx(1)
    assert best[2] == pytest.approx(1, abs=1e-6) and best[3] < 0.9999
    assert chance[2] < best[2]
    assert limit(found, "heads", "least sensitive first").value >= 0.5
    assert type(encoder).fingerprint.func(encoder) == fingerprint


def test_what_a_curve_says_of_heads_is_what_cutting_them_does(tuned: Encoder) -> None:
    of = some(n=120)
    found = redundancy(tuned, of, parts=("heads",), **{**FEW, "shares": (0.5,)})
    idle = redundancy(idle_heads(wrap(tuned.model, tuned.tokenizer, has_mlm=False), ()), of, parts=("heads",), **{**FEW, "shares": (0.5,)})  # fmt: skip
    assert scores(found, "heads", "random") == scores(idle, "heads", "random")
    order = np.random.default_rng([0, 31, 0]).permutation(8)
    less = cut(tuned, *(head(1 + int(k) // 4, int(k) % 4) for k in order[:4]))
    from bertology.train.classifier import encoded, evaluate

    model: Any = less.model
    _, said = evaluate(model, encoded(less, of, of.test), of, 0, less.device, of.test)
    one = redundancy(tuned, of, parts=("heads",), **{**FEW, "shares": (0.5,), "seeds": 1})
    assert scores(one, "heads", "random")[1] == pytest.approx(Scored(said, of.test, of).score())


def test_every_part_of_a_tuned_model_has_curves_limits_and_dimensions(tuned: Encoder) -> None:
    found = redundancy(tuned, some(n=120), **FEW)
    assert found.measure == "accuracy" and found.whole.value > 0.9
    assert {c.part for c in found.curves} == set(PARTS) and not found.absent
    for c in found.curves:
        assert c.gone[0] == 0 and len(c.gone) == len(c.scores)
        assert c.scores[0].value == found.whole.value
    for x in found.limits:
        assert 0 <= x.gone.low <= x.gone.high <= 1 and x.gone.low <= x.gone.value + 1e-9
    layer = found.dimensions[-1]
    assert [d.layer for d in found.dimensions] == [0, 1, 2] and 1 <= layer.participation.value <= layer.needed.value <= layer.width == 32  # fmt: skip
    assert {c.how for c in found.curves if c.part == "layers"} == {"least harm alone first", "greedy", "from the top", "random"}  # fmt: skip
    json.dumps(found.to_json(), allow_nan=False)
    assert any("heads" in line for line in found.lines())


def test_small_weights_go_before_random_ones_and_the_loss_is_of_masked_words() -> None:
    encoder = tiny("bert", scale=2.0)
    with torch.no_grad():
        for layer in layer_modules(encoder.base, encoder.family):
            for module in layer.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.mul_((torch.rand(module.weight.shape, generator=torch.Generator().manual_seed(1)) > 0.5).float() + 1e-6)  # fmt: skip
    found = redundancy(encoder, TEXT, parts=("weights", "bits"), **FEW)
    assert found.measure == "loss in nats" and found.tolerance == "1 %"
    small, chance = scores(found, "weights", "smallest first"), scores(found, "weights", "random")
    assert small[1] == pytest.approx(small[0], abs=1e-4)
    assert abs(chance[2] - chance[0]) > 100 * abs(small[1] - small[0])
    assert limit(found, "bits", "rounded by groups").value >= 0.75
    bits = scores(found, "bits", "rounded by groups")
    assert abs(bits[1] - bits[0]) < abs(bits[2] - bits[0])


def test_states_that_lie_in_few_dimensions_are_said_to() -> None:
    encoder = tiny("modernbert", mlm=False)
    basis = torch.linalg.qr(torch.randn(32, 3, generator=torch.Generator().manual_seed(0))).Q
    with projected(encoder, [(torch.zeros(32), basis)] * 2):
        found = redundancy(encoder, TEXT, parts=("dimensions",), **FEW)
    whole = redundancy(encoder, TEXT, parts=("dimensions",), **FEW)
    assert whole.dimensions[1].needed.value > 6
    assert found.dimensions[1].needed.value <= 3


@pytest.mark.parametrize("family", ["fnet", *FAMILIES])
def test_every_family_has_what_it_has(family: str) -> None:
    encoder = tiny(family, mlm=False)
    found = redundancy(encoder, TEXT, **{**FEW, "shares": (0.5,), "seeds": 1, "draws": 5, "examples": 12})
    assert set(found.absent) == ({"heads"} if family == "fnet" else set())
    assert all(np.isfinite(e.value) for c in found.curves for e in c.scores)


def test_how_far_a_curve_reaches() -> None:
    gone = (0.0, 0.2, 0.4, 0.6)
    assert _reach(gone, np.array([0.0, 0.5, 0.9]), True) == 0.6
    assert _reach(gone, np.array([0.5, 1.5, 0.0]), True) == pytest.approx(0.3)
    assert _reach(gone, np.array([0.5, 1.5, 0.0]), False) == pytest.approx(0.2)
    assert _reach(gone, np.array([np.nan, 0.0, 0.0]), True) == 0.0


def test_bad_requests_say_what_is_wanted(tuned: Encoder) -> None:
    encoder = tiny("bert")
    with pytest.raises(BadRequest, match="no part 'ears'"):
        redundancy(encoder, TEXT, parts=("ears",))
    with pytest.raises(BadRequest, match="no head for cats"):
        redundancy(encoder, some())
    with pytest.raises(BadRequest, match="no head for numbers"):
        redundancy(wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False), some("regression"))
    with pytest.raises(BadRequest, match="sentences for"):
        redundancy(encoder, Corpus("short", TEXT.sentences[:6]))
