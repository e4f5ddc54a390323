"""Each fine-tuning technique on tiny random encoders: what moves, what is added, by hand where there is a formula."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bertology.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, classifier, encoded, layer_of, loss_of
from bertology.train.finetune import FineTuning, Run, Tuned, encoded_parts, finetune, restored, save
from bertology.train.finetuning_recipes import RECIPES, TECHNIQUES, recipe, with_techniques
from bertology.train.optimizer import Schedule
from bertology.train.task import Example, Task, task
from bertology.train.techniques import (
    L2SP,
    SMART,
    Adapters,
    ComplementaryLayers,
    Curriculum,
    FreeLB,
    FreezeBottom,
    GradualUnfreezing,
    LayerwiseDecay,
    LoRA,
    Mixout,
    NormalisedCLS,
    Pooling,
    ProjectedAttention,
    ReinitialiseTop,
    Rollback,
    ScalarMix,
    SqueezeExcite,
    Technique,
    Tuning,
)
from bertology.train.techniques.adversarial import _inside, divergence
from bertology.train.techniques.rates import optimizer_of
from bertology.train.techniques.regularisation import _Mix
from bertology.train.techniques.technique import closing_norm
from tests.encoder.tiny import tiny

FAMILIES = ("bert", "modernbert", "distilbert", "albert")
LAYER_BY_LAYER = (FreezeBottom, GradualUnfreezing, LayerwiseDecay, ReinitialiseTop, Rollback)
FAST = FineTuning(epochs=2, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
EACH: tuple[Technique, ...] = (
    Adapters(4), ComplementaryLayers(4), Curriculum(), FreeLB(), FreezeBottom(1), GradualUnfreezing(), L2SP(), LayerwiseDecay(0.5),
    LoRA(2), Mixout(0.5), NormalisedCLS(), ProjectedAttention(8, 2), Pooling(), ReinitialiseTop(1), Rollback(1), ScalarMix(), SMART(),
    SqueezeExcite(),
)  # fmt: skip


def some(kind: str = "sentence", n: int = 40) -> Task:
    """Texts whose label is whether they name cats."""
    make = lambda k: ("the cats sat on a mat", "the dog sings")[k % 2] + " " + " ".join("abcdefghij"[j] for j in range(k % 7)) + f" {'xyzvw'[k % 5]}{'pqrst'[k // 5 % 5]}"  # fmt: skip
    if kind == "token":
        words = [tuple(make(k).split()) for k in range(n)]
        return task("tags", [Example(w, tuple("B-X" if x in ("cats", "dog") else "O" for x in w)) for w in words])
    if kind == "regression":
        return task("numbers", [Example((make(k),), (k % 2) + 0.5) for k in range(n)])
    return task("cats", [Example((make(k),), ("cat", "dog")[k % 2]) for k in range(n)])


def tuning_of(encoder: Encoder, of: Task, *techniques: Technique) -> Tuning:
    torch.manual_seed(0)
    model = classifier(encoder, of, 0)
    initial = {n: p.detach().clone() for n, p in model.named_parameters()}
    made = Tuning(model, encoder, of, 0, initial, techniques)
    for technique in techniques:
        technique.prepare(made)
    return made


def batch_of(encoder: Encoder, of: Task, size: int = 8) -> Any:
    return next(batches(encoded(encoder, of, of.train), of, size, 0, encoder.device))


def trained(
    encoder: Encoder, technique: Technique | tuple[Technique, ...], of: Task | None = None, **changes: Any
) -> Run:
    """A run that has trained and not finished, in evaluation mode."""
    techniques = technique if isinstance(technique, tuple) else (technique,)
    of = of or some()
    run = Run(encoder, of, replace(FAST, techniques=techniques, **changes), encoded_parts(encoder, of), 0, 0)
    run.go()
    run.tuning.model.eval()
    return run


def depths(run: Run) -> tuple[set[int], set[int]]:
    """Depths with a parameter that moved, and depths without any."""
    encoder, tuning = run.encoder, run.tuning
    all_, moved = set(), set()
    for name, p in tuning.model.named_parameters():
        before = tuning.before(name)
        if before is not None and "position" not in name and "token_type" not in name:
            all_.add(layer_of(name, encoder))
            if not torch.equal(before, p):
                moved.add(layer_of(name, encoder))
    return moved, all_ - moved


# Saving: no technique writes a checkpoint that loads to other logits


@pytest.mark.parametrize("technique", EACH, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_saved_loads_to_the_same_logits_and_the_encoder_never_changes(
    technique: Technique, family: str, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    encoder = tiny(family, seed=1)
    before = type(encoder).fingerprint.func(encoder)
    plan = replace(FAST, name="one", epochs=1, techniques=(technique,))
    if family == "albert" and isinstance(technique, LAYER_BY_LAYER):
        with pytest.raises(BadRequest, match="share"):
            finetune(encoder, some(), plan)
        return
    tuned = finetune(encoder, some(), plan)
    assert type(encoder).fingerprint.func(encoder) == before
    place = save(tuned, encoder, tmp_path / "out")
    batch = batch_of(encoder, tuned.task)
    model: Any = tuned.best.model
    assert technique.plain == (place / "model").is_dir() != (place / "state.safetensors").is_file()
    if technique.plain:
        again: Any = AutoModelForSequenceClassification.from_pretrained(place / "model").eval()
        assert type(again) is type(model) and set(again.state_dict()) == set(model.state_dict())
    else:
        again = restored(encoder, tuned.task, plan, place)
    with torch.inference_mode():
        assert torch.allclose(model(**batch.inputs).logits, again(**batch.inputs).logits, atol=1e-6)


def test_every_technique_of_the_table_is_tested_here_and_cites_its_paper() -> None:
    assert {type(t) for t in EACH} == set(TECHNIQUES.values())
    assert all(t.cites for t in TECHNIQUES.values())


def test_a_technique_that_hides_that_it_stays_is_caught_when_saving(tmp_path: Path) -> None:
    from bertology.record.errors import BadWeights

    class Sly(Pooling):
        plain = True

    encoder = tiny("bert")
    tuned = finetune(encoder, some(), replace(FAST, epochs=1, techniques=(Sly(),)))
    with pytest.raises(BadWeights, match="other logits"):
        save(tuned, encoder, tmp_path / "out")
    assert not (tmp_path / "out" / "model").exists()


def test_a_state_is_restored_only_with_the_encoder_task_and_recipe_it_was_saved_with(tmp_path: Path) -> None:
    from bertology.record.errors import ForeignRun

    encoder, plan = tiny("bert"), replace(FAST, epochs=1, techniques=(Adapters(4),))
    save(finetune(encoder, some(), plan), encoder, tmp_path / "out")
    with pytest.raises(ForeignRun, match="recipe"):
        restored(encoder, some(), replace(plan, techniques=(Adapters(5),)), tmp_path / "out")
    with pytest.raises(ForeignRun, match="encoder"):
        restored(tiny("bert", seed=9), some(), plan, tmp_path / "out")


@pytest.mark.parametrize(
    "pair",
    [(Mixout(0.5), SMART()), (ScalarMix(), SMART()), (Pooling(), ScalarMix()), (Rollback(1), LoRA(2)), (LoRA(2), Rollback(1)),
     (FreeLB(), L2SP()), (Adapters(4), GradualUnfreezing()), (ReinitialiseTop(1), LayerwiseDecay(0.9), Mixout(0.9)), (ScalarMix(), Adapters(4))],
    ids=lambda pair: "+".join(type(t).__name__ for t in pair),
)  # fmt: skip
def test_techniques_compose_and_still_save_right(pair: tuple[Technique, ...], tmp_path: Path) -> None:
    encoder = tiny("bert", seed=1)
    plan = replace(FAST, epochs=1, techniques=pair)
    tuned = finetune(encoder, some(), plan)
    place = save(tuned, encoder, tmp_path / "out")  # compares the logits of a plain model itself
    if not plan.plain:
        again, batch = restored(encoder, tuned.task, plan, place), batch_of(encoder, tuned.task)
        with torch.inference_mode():
            model: Any = tuned.best.model
            assert torch.allclose(model(**batch.inputs).logits, again(**batch.inputs).logits, atol=1e-6)


# Which parameters move


@pytest.mark.parametrize("family", ["bert", "modernbert", "distilbert"])
@pytest.mark.parametrize(("layers", "still"), [(0, {0}), (1, {0, 1}), (None, {0, 1, 2})])
def test_frozen_layers_stay_bit_identical_and_all_others_move(family: str, layers: int | None, still: set[int]) -> None:
    moved, stayed = depths(trained(tiny(family), FreezeBottom(layers)))
    assert stayed == still and moved == {0, 1, 2, 3} - still


def test_the_closing_norm_of_a_pre_norm_family_is_frozen_with_the_encoder() -> None:
    run = trained(tiny("modernbert"), FreezeBottom())
    name = "model.final_norm.weight"
    assert torch.equal(run.tuning.initial[name], dict(run.tuning.model.named_parameters())[name])


def test_albert_is_frozen_as_a_whole_and_the_factorised_embedding_with_it() -> None:
    moved, stayed = depths(trained(tiny("albert"), FreezeBottom()))
    assert moved == {4} and stayed == {0, 1}


def test_layers_that_are_not_there_are_refused() -> None:
    for technique in (FreezeBottom(9), ReinitialiseTop(9), ReinitialiseTop(0), Rollback(9)):
        with pytest.raises(BadRequest, match="encoder of 2"):
            tuning_of(tiny("bert"), some(), technique)


def test_gradual_unfreezing_adds_a_layer_an_epoch_from_the_top() -> None:
    tuning = tuning_of(tiny("bert"), some(), GradualUnfreezing())
    for number, expected in enumerate([{3}, {2, 3}, {1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}]):
        tuning.techniques[0].epoch(tuning, number, 5)
        moving = {layer_of(n, tuning.encoder) for n, p in tuning.model.named_parameters() if p.requires_grad}
        assert moving == expected
    assert depths(trained(tiny("bert"), GradualUnfreezing(), epochs=2))[1] == {0, 1}


def test_gradual_unfreezing_over_all_epochs_ends_with_everything_moving() -> None:
    plan = GradualUnfreezing(None)
    assert [plan.lowest(12, k, 5) for k in range(5)] == [13, 10, 6, 3, 0]
    assert plan.lowest(12, 0, 1) == 0


def test_gradual_unfreezing_does_not_unfreeze_what_adapters_froze() -> None:
    run = trained(tiny("bert"), (Adapters(4), GradualUnfreezing()), epochs=4)
    frozen = run.tuning.model.get_parameter("bert.encoder.layer.1.intermediate.dense.weight")
    assert torch.equal(frozen, run.tuning.initial["bert.encoder.layer.1.intermediate.dense.weight"])


def test_rates_fall_by_depth_and_the_head_keeps_its_own() -> None:
    tuning = tuning_of(tiny("bert"), some(), LayerwiseDecay(0.5))
    plan = replace(FAST, rate=1.0, head_rate=3.0, techniques=tuning.techniques)
    peak = {id(p): g["peak"] for g in optimizer_of(tuning, plan).param_groups for p in g["params"]}
    found = {layer_of(n, tuning.encoder): peak[id(p)] for n, p in tuning.model.named_parameters()}
    assert found == {0: 0.125, 1: 0.25, 2: 0.5, 3: 3.0}
    assert len(peak) == len(list(tuning.model.parameters()))


def test_biases_norms_and_embeddings_are_not_decayed() -> None:
    tuning = tuning_of(tiny("bert"), some())
    decay = {id(p): g["weight_decay"] for g in optimizer_of(tuning, replace(FAST, decay=0.3)).param_groups for p in g["params"]}  # fmt: skip
    for name, p in tuning.model.named_parameters():
        assert decay[id(p)] == (0.3 if p.ndim == 2 and "embeddings" not in name else 0.0), name


@pytest.mark.parametrize("family", ["bert", "modernbert", "distilbert"])
def test_reinitialising_changes_the_top_layer_and_the_pooler_alone(family: str) -> None:
    encoder = tiny(family)
    tuning = tuning_of(encoder, some(), ReinitialiseTop(1))
    for name, p in tuning.model.named_parameters():
        again = torch.equal(p, tuning.initial[name])
        top = layer_of(name, encoder) == 2 and name.split(".")[-2] != "final_norm"
        if p.ndim == 2:
            assert again != (top or "pooler" in name), name
    tops = [p for n, p in tuning.model.named_parameters() if layer_of(n, encoder) == 2 and p.ndim == 2]
    assert max(float(p.detach().std()) for p in tops) < 0.05  # the tiny encoder's own are six times the initialiser's


def test_rollback_restores_the_bottom_exactly_and_the_rest_stays_tuned() -> None:
    run = trained(tiny("bert"), Rollback(1))
    assert 1 in depths(run)[0]
    run.finish()
    assert depths(run) == ({0, 2, 3}, {1})


@pytest.mark.parametrize("pair", [(Rollback(1), Mixout(0.5)), (LoRA(2), Rollback(1))])
def test_rollback_restores_also_behind_what_is_merged(pair: tuple[Technique, ...]) -> None:
    run = trained(tiny("bert"), pair)
    run.finish()
    assert 1 in depths(run)[1] and 2 in depths(run)[0]


# Mixout, L2-SP


def test_mixout_keeps_the_mean_and_without_probability_or_training_is_the_identity() -> None:
    torch.manual_seed(0)
    start, weight = torch.randn(6, 5), torch.randn(6, 5)
    mix = _Mix(start, 0.7).train()
    draws = torch.stack([mix(weight) for _ in range(20_000)])
    error = 0.7**0.5 / 0.3**0.5 * (weight - start).abs() / 20_000**0.5  # standard deviation of the mean
    assert bool(((draws.mean(0) - weight).abs() < 5 * error).all())
    values = torch.stack([start, (weight - 0.7 * start) / 0.3])
    assert torch.allclose((draws[0] - values).abs().amin(0), torch.zeros(6, 5), atol=1e-5)
    assert torch.equal(mix.eval()(weight), weight) and torch.equal(_Mix(start, 0.0).train()(weight), weight)


def test_mixout_of_probability_zero_trains_as_the_plain_recipe() -> None:
    encoder = tiny("bert")
    plain, mixed = trained(encoder, ()), trained(encoder, Mixout(0.0))
    for p, q in zip(plain.tuning.model.parameters(), mixed.tuning.model.parameters(), strict=True):
        assert torch.equal(p, q) or p.shape != q.shape
    batch = batch_of(encoder, some())
    with torch.inference_mode():
        assert torch.equal(plain.tuning.logits(batch), mixed.tuning.logits(batch))


def test_mixout_reaches_every_matrix_of_the_layers_and_no_other() -> None:
    tuning = tuning_of(tiny("bert"), some(), Mixout(0.5))
    mixed = [n for n, m in tuning.model.named_modules() if isinstance(m, nn.Linear) and hasattr(m, "parametrizations")]
    assert len(mixed) == 2 * 6 and all(".layer." in n for n in mixed)
    with pytest.raises(BadRequest):
        Mixout(1.0)


def test_l2sp_is_half_the_strength_times_the_squared_distance_of_the_encoder() -> None:
    encoder = tiny("bert")
    tuning = tuning_of(encoder, some(), L2SP(0.4))
    with torch.no_grad():
        tuning.model.get_parameter("bert.encoder.layer.0.output.dense.weight").add_(0.5)  # 32 x 48 values
        tuning.model.get_parameter("bert.embeddings.word_embeddings.weight")[0] += 2.0  # 32 values
        tuning.model.get_parameter("classifier.weight").add_(7.0)  # the head: not counted
    batch = batch_of(encoder, tuning.task)
    logits = tuning.logits(batch)
    added = tuning.loss(batch, logits) - loss_of(logits, batch.labels, tuning.task)
    assert float(added.detach()) == pytest.approx(0.5 * 0.4 * (32 * 48 * 0.25 + 32 * 4), rel=1e-5)


def test_l2sp_counts_weights_that_mixout_holds() -> None:
    tuning = tuning_of(tiny("bert"), some(), Mixout(0.5), L2SP(2.0))
    dense: Any = tuning.model.get_submodule("bert.encoder.layer.0.output.dense")
    with torch.no_grad():
        dense.parametrizations.weight.original.add_(0.5)
    zero = torch.zeros(())
    added = L2SP(2.0).loss(tuning, batch_of(tuning.encoder, tuning.task), zero, zero)
    assert float(added.detach()) == pytest.approx(32 * 48 * 0.25, rel=1e-5)


# Few parameters


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("technique", [Adapters(4), ProjectedAttention(8, 2), LoRA(2)], ids=lambda t: type(t).__name__)
def test_few_parameters_start_near_the_plain_model_and_move_while_the_encoder_stays(
    family: str, technique: Any
) -> None:
    encoder, of = tiny(family, scale=2.0), some()
    batch = batch_of(encoder, of)
    plain, added = tuning_of(encoder, of), tuning_of(encoder, of, technique)
    with torch.inference_mode():
        plain.model.eval(), added.model.eval()
        off = (plain.logits(batch) - added.logits(batch)).abs().max()
    assert off < 1e-2
    run, fresh = trained(encoder, technique), trained(encoder, technique, epochs=0.01)  # one step
    start = dict(fresh.tuning.model.named_parameters())
    new = 0
    for name, p in run.tuning.model.named_parameters():
        before = run.tuning.before(name)
        if before is None:
            new += 1
            assert p.requires_grad and not torch.equal(p, start[name]), name
        elif layer_of(name, encoder) <= encoder.n_layers and "norm" not in name.lower():
            assert torch.equal(before, p), name
    assert new > 0


def test_adapters_train_the_share_of_parameters_they_say() -> None:
    tuning = tuning_of(tiny("bert"), some(), Adapters(4))
    new = sum(p.numel() for n, p in tuning.model.named_parameters() if ".adapter." in n)
    assert new == 2 * 2 * (2 * 32 * 4 + 32 + 4)  # two a layer: matrices and biases
    moving = {n for n, p in tuning.model.named_parameters() if p.requires_grad and ".adapter." not in n}
    assert all("LayerNorm" in n or n.startswith(("classifier", "bert.pooler")) for n in moving)
    assert sum("LayerNorm" in n for n in moving) == 2 * 2 * 2 and not any("embeddings" in n for n in moving)


def test_pals_stand_beside_the_layer_and_do_not_see_padding() -> None:
    """The layer's second matrix gives its own output plus V_E attention(V_D h) of the layer's input, computed here by hand."""
    encoder, of = tiny("bert"), some()
    tuning = tuning_of(encoder, of, ProjectedAttention(8, 2))
    model: Any = tuning.model.eval()
    beside = model.projected_attention
    nn.init.normal_(beside.up.weight)
    seen: dict[str, torch.Tensor] = {}
    layer = model.bert.encoder.layer[1]
    layer.register_forward_pre_hook(lambda m, a: seen.update(h=a[0]))
    layer.output.dense.register_forward_hook(lambda m, a, out: seen.update(into=a[0], out=out))
    batch = batch_of(encoder, of)
    assert 0 in batch.inputs["attention_mask"]
    with torch.no_grad():
        tuning.logits(batch)
        dense, attention = layer.output.dense, beside.layers[1].attention
        own = nn.functional.linear(seen["into"], dense.weight, dense.bias)
        q, k, v = nn.functional.linear(beside.down(seen["h"]), attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)  # fmt: skip
        split = lambda x: x.unflatten(-1, (2, 4)).transpose(1, 2)
        scores = split(q) @ split(k).transpose(-1, -2) / 2
        scores = scores.masked_fill(batch.inputs["attention_mask"][:, None, None] == 0, -torch.inf)
        mixed = (scores.softmax(-1) @ split(v)).transpose(1, 2).flatten(2)
        expected = own + beside.up(attention.out_proj(mixed))
    assert torch.allclose(seen["out"], expected, atol=1e-4)


def test_lora_is_a_low_rank_update_and_vanishes_into_the_weights() -> None:
    run = trained(tiny("bert"), LoRA(2))
    logits = run.tuning.logits(batch_of(run.encoder, run.task)).detach()
    run.finish()
    model: Any = run.tuning.model
    assert not any("parametrizations" in n for n in model.state_dict())
    name = "bert.encoder.layer.0.attention.self.query.weight"
    update = model.get_parameter(name) - run.tuning.initial[name]
    values = torch.linalg.svdvals(update.detach())
    assert values[1] > 1e-4 and values[2] < 1e-4
    assert torch.allclose(logits, run.tuning.logits(batch_of(run.encoder, run.task)), atol=1e-5)


# Adversaries


def test_freelb_accumulates_the_mean_of_the_gradients_of_its_steps() -> None:
    """Two steps written out with autograd from the same start of the perturbation."""
    encoder, of = tiny("bert", scale=2.0), some()
    technique = FreeLB(steps=2, step_size=0.3, start=0.1, radius=0.35)
    tuning = tuning_of(encoder, of, technique)
    batch = batch_of(encoder, of)
    torch.manual_seed(5)
    assert technique.backward(tuning, batch)
    found = {n: p.grad.clone() for n, p in tuning.model.named_parameters() if p.grad is not None}
    model: Any = tuning.model
    model.zero_grad()
    ids, mask = batch.inputs["input_ids"], batch.inputs["attention_mask"]
    torch.manual_seed(5)
    delta = torch.empty(*ids.shape, 32).uniform_(-1, 1) * mask[:, :, None]
    delta = 0.1 * delta / (32 * mask.sum(1)).sqrt()[:, None, None]
    total: dict[str, torch.Tensor] = {}
    for _ in range(2):
        delta = delta.detach().requires_grad_()
        words = model.bert.embeddings.word_embeddings(ids) + delta
        given = {k: v for k, v in batch.inputs.items() if k != "input_ids"}
        loss = nn.functional.cross_entropy(model(**given, inputs_embeds=words).logits, batch.labels)
        slopes = torch.autograd.grad(loss, [delta, *(p for n, p in model.named_parameters() if n in found)])
        for name, slope in zip(found, slopes[1:], strict=True):
            total[name] = total.get(name, torch.zeros_like(slope)) + slope / 2
        with torch.no_grad():
            step = delta + 0.3 * slopes[0] / slopes[0].flatten(1).norm(dim=1)[:, None, None]
            norm = step.flatten(1).norm(dim=1)
            delta = step * (0.35 / norm).clamp(max=1)[:, None, None] * mask[:, :, None]
    for name, slope in total.items():
        assert torch.allclose(found[name], slope, rtol=1e-3, atol=1e-6), name


def test_freelb_stays_in_its_ball_off_the_padding_and_goes_uphill() -> None:
    encoder, of = tiny("bert", scale=2.0), some()
    technique = FreeLB(steps=4, step_size=0.4, start=0.05, radius=0.5)
    tuning = tuning_of(encoder, of, technique)
    batch, given, losses = batch_of(encoder, of), [], []
    words = tuning.model.get_input_embeddings()(batch.inputs["input_ids"]).detach()
    plain = tuning.logits

    def listening(b: Any, **changes: torch.Tensor) -> torch.Tensor:
        given.append(changes["inputs_embeds"].detach() - words)
        logits = plain(b, **changes)
        losses.append(float(loss_of(logits, b.labels, of)))
        return logits

    tuning.logits = listening  # type: ignore[method-assign]
    technique.backward(tuning, batch)
    norms = torch.stack([delta.flatten(1).norm(dim=1) for delta in given])
    assert bool((norms <= 0.5 + 1e-5).all()) and bool((norms[-1] > 0.49).any())
    assert not bool((given[-1][batch.inputs["attention_mask"] == 0].abs() > 1e-6).any())
    assert losses[-1] > losses[0]
    assert torch.allclose(_inside(torch.full((1, 2, 2), 3.0), 1.0).norm(), torch.tensor(1.0))


def test_freelb_of_one_step_and_no_room_is_plain_training() -> None:
    encoder = tiny("bert")
    plain, adversarial = trained(encoder, ()), trained(encoder, FreeLB(steps=1, start=0.0, radius=1e-9))
    for p, q in zip(plain.tuning.model.parameters(), adversarial.tuning.model.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-4)


def test_freelb_uses_the_loss_that_other_techniques_add_to() -> None:
    encoder, of = tiny("bert"), some()
    tuning = tuning_of(encoder, of, FreeLB(steps=2), L2SP(1.0))
    weight = tuning.model.get_parameter("bert.encoder.layer.0.output.dense.weight")
    with torch.no_grad():
        weight.add_(100.0)
    tuning.techniques[0].backward(tuning, batch_of(encoder, of))
    assert weight.grad is not None and float(weight.grad.median()) == pytest.approx(100.0, rel=0.01)


def test_divergence_is_zero_for_equal_predictions_symmetric_and_as_by_hand() -> None:
    a, b = torch.tensor([[0.0, np.log(3.0)]]), torch.tensor([[0.0, 0.0]])
    by_hand = 0.25 * np.log(0.5) + 0.75 * np.log(1.5) + 0.5 * np.log(2) + 0.5 * np.log(0.5 / 0.75)
    assert float(divergence(a, a)) == 0.0 and float(divergence(a, a + 7)) < 1e-5
    assert float(divergence(a, b)) == pytest.approx(by_hand, rel=1e-5) == pytest.approx(float(divergence(b, a)))
    assert float(divergence(torch.tensor([[3.0]]), torch.tensor([[1.0]]))) == 4.0
    where = torch.tensor([[True, False]])
    assert float(divergence(torch.stack([a, b], 1), torch.stack([a, a], 1), where)) == 0.0


def test_smart_adds_little_before_training_and_stays_in_its_cube() -> None:
    encoder, of = tiny("bert", scale=2.0), some()
    technique = SMART(radius=2e-4)
    tuning = tuning_of(encoder, of, technique)
    tuning.model.eval()
    batch = batch_of(encoder, of)
    logits = tuning.logits(batch)
    added = float(tuning.loss(batch, logits) - loss_of(logits, batch.labels, of))
    assert 0 <= added < 1e-3
    moved = technique._stepped(torch.zeros(2, 3, 4), torch.randn(2, 3, 4))
    assert float(moved.abs().max()) == pytest.approx(2e-4)
    assert torch.equal(technique._stepped(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2)), torch.zeros(1, 1, 2))


def test_the_average_of_smart_follows_with_its_momentum() -> None:
    tuning = tuning_of(tiny("bert"), some(), SMART(momentum=0.75, late_momentum=0.5))
    technique, batch = tuning.techniques[0], batch_of(tuning.encoder, some())
    tuning.loss(batch, tuning.logits(batch))
    name = "classifier.weight"
    now, average = tuning.model.get_parameter(name), tuning.memory["average"].get_parameter(name)
    start = now.detach().clone()
    with torch.no_grad():
        now.add_(1.0)
    technique.after_step(tuning, 0.05)
    assert torch.allclose(average, start + 0.25)
    technique.after_step(tuning, 0.5)
    assert torch.allclose(average, start + 0.625)


# What the head reads


@pytest.mark.parametrize("family", FAMILIES)
def test_an_untrained_scalar_mix_is_the_mean_of_the_layers(family: str) -> None:
    encoder, of = tiny(family), some()
    tuning = tuning_of(encoder, of, ScalarMix())
    base: Any = tuning.model.eval().base_model
    seen: list[torch.Tensor] = []
    out: dict[str, Any] = {}
    from bertology.train.techniques.technique import first, layers_of

    for layer in layers_of(tuning):
        layer.register_forward_hook(lambda m, a, o: seen.append(first(o)))
    base.register_forward_hook(lambda m, a, o: out.update(last=o[0], pooled=o.get("pooler_output")))
    with torch.no_grad():
        tuning.logits(batch_of(encoder, of))
        assert len(seen) == encoder.n_layers
        mean = torch.stack(seen).mean(0)
        norm = closing_norm(tuning)
        assert (norm is not None) == (family == "modernbert")
        assert torch.allclose(out["last"], norm(mean) if norm is not None else mean, atol=1e-5)
        if family == "bert":
            assert torch.allclose(out["pooled"], base.pooler(mean), atol=1e-5)
        if family == "albert":
            assert torch.allclose(out["pooled"], torch.tanh(base.pooler(mean[:, 0])), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_complementary_layers_start_at_the_plain_model(family: str) -> None:
    encoder, of = tiny(family), some()
    batch = batch_of(encoder, of)
    plain, added = tuning_of(encoder, of), tuning_of(encoder, of, ComplementaryLayers(4))
    with torch.inference_mode():
        plain.model.eval(), added.model.eval()
        assert torch.allclose(plain.logits(batch), added.logits(batch), atol=1e-5)


def test_squeeze_and_excite_weights_the_layers_of_each_example_by_itself() -> None:
    """Gates of one example do not depend on the others, nor on padding."""
    encoder, of = tiny("bert"), some()
    tuning = tuning_of(encoder, of, SqueezeExcite())
    tuning.model.eval()
    lines = sorted(encoded(encoder, of, of.train), key=lambda line: len(line["input_ids"]))
    alone = next(batches(lines[:1], of, 1, 0, encoder.device))
    padded = next(batches([lines[0], lines[-1]], of, 2, 0, encoder.device))
    with torch.inference_mode():
        one, two = tuning.logits(alone)[0], tuning.logits(padded)[padded.index.index(0)]
    assert torch.allclose(one, two, atol=1e-4)
    change: Any = tuning.model.squeeze_excite.change
    states = [torch.full((1, 3, 4), v) for v in (1.0, 5.0)]
    squeezed: list[torch.Tensor] = []
    change.gates.register_forward_pre_hook(lambda m, a: squeezed.append(a[0]))
    nn.init.zeros_(change.gates[2].weight), nn.init.zeros_(change.gates[2].bias)
    assert torch.allclose(change(states, torch.ones(1, 3)), torch.full((1, 3, 4), 3.0))  # equal gates: the mean
    assert torch.equal(squeezed[0], torch.tensor([[1.0, 5.0]]))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", ["mean", "max"])
def test_pooling_takes_the_tokens_and_leaves_the_padding(family: str, how: Any) -> None:
    encoder, of = tiny(family), some()
    tuning = tuning_of(encoder, of, Pooling(how))
    out: dict[str, Any] = {}
    tuning.model.base_model.register_forward_hook(lambda m, a, o: out.update(last=o[0]))
    batch = batch_of(encoder, of)
    with torch.no_grad():
        tuning.model.eval(), tuning.logits(batch)
        last = encoder.base.eval()(**batch.inputs)[0]
    for row in range(len(batch)):
        real = last[row][batch.inputs["attention_mask"][row] == 1]
        expected = real.mean(0) if how == "mean" else real.amax(0)
        assert torch.allclose(out["last"][row, 0], expected, atol=1e-4)


def test_normalised_cls_is_centred_in_training_and_bears_a_batch_of_one() -> None:
    encoder, of = tiny("bert"), some(n=41)
    tuning = tuning_of(encoder, of, NormalisedCLS())
    out: dict[str, torch.Tensor] = {}
    tuning.model.base_model.register_forward_hook(lambda m, a, o: out.update(cls=o[0][:, 0]))
    tuning.model.train()
    with torch.no_grad():
        tuning.logits(batch := batch_of(encoder, of, 16))
        plain = encoder.base(**batch.inputs)[0][:, 0]
        by_hand = (plain - plain.mean(0)) / (plain.var(0, correction=0) + 1e-5).sqrt()
        assert torch.allclose(out["cls"], by_hand, atol=1e-3) and float(out["cls"].mean(0).abs().max()) < 1e-4
        before = tuning.model.cls_norm.change.norm.running_mean.clone()
        assert bool(torch.isfinite(tuning.logits(batch_of(encoder, of, 1))).all())
        assert torch.equal(before, tuning.model.cls_norm.change.norm.running_mean)


def test_a_pooling_of_texts_is_refused_for_tasks_on_words() -> None:
    for technique in (Pooling(), NormalisedCLS()):
        with pytest.raises(BadRequest, match="labels words"):
            tuning_of(tiny("bert"), some("token"), technique)


@pytest.mark.parametrize(
    "technique", [ScalarMix(), SqueezeExcite(), ComplementaryLayers(4), SMART(), FreeLB(), Adapters(4)]
)
@pytest.mark.parametrize("kind", ["token", "regression"])
def test_techniques_serve_words_and_numbers_too(technique: Technique, kind: Any) -> None:
    tuned = finetune(tiny("bert"), some(kind), replace(FAST, epochs=1, techniques=(technique,)))
    assert np.isfinite(tuned.estimate.value)


# Data, and the table


def test_a_curriculum_goes_from_short_to_long_and_then_shuffles() -> None:
    encoder, of = tiny("bert"), some()
    tuning, lines = tuning_of(encoder, of, Curriculum(1)), encoded(encoder, of, of.train)
    order = Curriculum(1).order(tuning, lines, 0)
    assert order is not None and sorted(order) == list(range(len(lines)))
    lengths = [len(lines[i]["input_ids"]) for i in order]
    assert lengths == sorted(lengths) and Curriculum(1).order(tuning, lines, 1) is None
    given = [i for b in batches(lines, of, 4, 0, encoder.device, np.random.default_rng(0), order) for i in b.index]
    assert given == order


def test_recipes_are_found_by_name_and_cite_their_papers() -> None:
    assert all(r.name == name and r.cites for name, r in RECIPES.items())
    used = {type(t) for r in RECIPES.values() for t in r.techniques}
    assert used == set(TECHNIQUES.values())
    assert RECIPES["long"].epochs == 20 and RECIPES["long"].bias_correction and not RECIPES["no-bias-correction"].bias_correction  # fmt: skip
    assert RECIPES["mixout"].cites == ("devlin-2019", "lee-2019")
    with pytest.raises(BadRequest, match="mixout"):
        recipe("mixing")


@pytest.mark.parametrize("name", [n for n in RECIPES if n not in ("freeze-bottom", "long")])
def test_every_recipe_runs(name: str) -> None:
    plan = replace(recipe(name), epochs=1, batch=16)
    tuned: Tuned = finetune(tiny("bert"), some(), plan)
    assert 0 <= tuned.estimate.low <= tuned.estimate.value <= tuned.estimate.high <= 1


def test_a_recipe_takes_more_techniques_and_their_citations() -> None:
    both = with_techniques("both", FreeLB(), of=RECIPES["mixout"], epochs=7)
    assert both.techniques == (Mixout(0.9), FreeLB()) and both.epochs == 7
    assert both.cites == ("devlin-2019", "lee-2019", "zhu-2019")
