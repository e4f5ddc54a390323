"""Compression from the street: every recipe on a tiny encoder, files, exit codes, resuming, and what was forgotten."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, BertForMaskedLM

import bertology as bt
from bertology import compressing
from bertology.claims.registry import abilities
from bertology.compress.recipe import Compression, Goal, Step, Work
from bertology.compress.recipes import RECIPES, TABLE
from bertology.encoder import Encoder
from bertology.record.claim import Ability, Claim
from bertology.record.errors import BadInput, BadRequest, ForeignRun
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Result
from bertology.record.retention import Cost, Kept, Retention, abilities_kept, judged
from bertology.train.finetune import FineTuning
from bertology.train.optimizer import Schedule
from tests.conftest import Said
from tests.encoder.test_load import CONFIG as TINY
from tests.encoder.test_load import saved
from tests.encoder.tiny import TEXT, tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=2, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
CONFIG = TINY | {"max_position_embeddings": 512, "num_hidden_layers": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return saved(BertForMaskedLM(BertConfig(**CONFIG)), tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("\n".join(f"{line} {k}" for k in range(6) for line in TEXT), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def task_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file, task = tmp_path_factory.mktemp("task") / "cats.jsonl", some()
    lines = [{"text": e.texts[0], "label": e.label} for part in (task.train, task.dev, task.test) for e in part]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", [name for name in RECIPES if not name.startswith("by-ability")])
def test_every_recipe_gives_a_model_that_loads_and_costs_no_more(
    name: str, model: Path, text: Path, tmp_path: Path
) -> None:
    # the studies' speed-ups may be out of reach for so tiny an encoder on some clocks
    wish = Goal(speedup=1.2) if name.startswith("structured") else Goal(keep=0.5) if name == "mccarley" else Goal()
    before = {f.name: f.read_bytes() for f in model.iterdir()}
    done = compressing.compress(
        model, name, tmp_path / "out", task=some(), text=text, goal=wish, abilities=None, tuning=FAST
    )
    r = done.retention
    if name not in ("power-bert", "deebert", "pabee"):  # these compute less for a text
        assert r.after.bytes < r.before.bytes and r.after.parameters <= r.before.parameters
    assert r.score_kept is not None and 0 <= r.score_after.value <= 1  # type: ignore[union-attr]
    assert {f.name: f.read_bytes() for f in model.iterdir()} == before
    again = AutoModelForSequenceClassification.from_pretrained(done.model)
    loaded = bt.load(done.model)
    ids = torch.arange(10)[None] + 6
    with torch.no_grad():
        assert torch.allclose(again.eval()(input_ids=ids).logits, loaded.model(input_ids=ids).logits, atol=1e-6)
    assert Retention.read(tmp_path / "out").to_json() == r.to_json()


def test_the_table_has_the_rows_of_the_survey_and_says_that_figures_are_unchecked(
    bertology: Callable[..., Said],
) -> None:
    listed = json.loads(bertology("compress", "--list", "--json").out)
    assert {r["name"] for r in listed} == set(RECIPES)
    figures = [r["published"] for r in listed if r["name"] in {c.name for c in TABLE}]
    assert all(p is not None and p["status"] == "unchecked" for p in figures)
    assert "unchecked" in bertology("compress", "--list").out


def test_a_stopped_job_goes_on_and_another_recipe_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as broken:
        broken.setattr(compressing, "_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compressing.compress(model, "layers", out, task=some(), abilities=None, tuning=FAST)
    made = (out / "model" / "model.safetensors").stat().st_mtime_ns
    done = compressing.compress(model, "layers", out, task=some(), abilities=None, tuning=FAST)
    assert (out / "model" / "model.safetensors").stat().st_mtime_ns == made and done.page.is_file()
    with pytest.raises(ForeignRun, match="another recipe"):
        compressing.compress(model, "pkd-6", out, task=some(), abilities=None, tuning=FAST)
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("mine")
    with pytest.raises(ForeignRun):
        compressing.compress(model, "layers", full, task=some(), abilities=None)
    assert [f.name for f in full.iterdir()] == ["letter.txt"]


def test_what_cannot_be_done_is_said_before_anything_is_made(
    model: Path, task_file: Path, tmp_path: Path, bertology: Callable[..., Said]
) -> None:
    out = tmp_path / "out"
    one = tmp_path / "one.jsonl"
    one.write_text("\n".join(json.dumps({"text": f"a {k}", "label": "same"}) for k in range(20)))
    for arguments, words in (
        (["--recipe", "nonsense"], "there is no compression recipe 'nonsense'"),
        (["--recipe", "pkd-6"], "needs a task"),
        (["--recipe", "distilbert", "--task", task_file], "needs running text"),
        (["--recipe", "gobo", "--task", task_file, "--speedup", "2x"], "cannot follow --speedup"),
        (["--recipe", "layers", "--task", task_file, "--speedup", "2x", "--keep", "0.5"], "together"),
        (["--recipe", "layers", "--task", task_file, "--speedup", "fast"], "no speed-up"),
        (["--recipe", "layers", "--task", task_file, "--bytes", "ten"], "no size"),
        (["--recipe", "layers", "--task", one], "have the label"),
        (["--recipe", "layers", "--task", tmp_path / "nowhere.jsonl"], "nowhere.jsonl"),
        (["--recipe", "layers", "--task", task_file, "--abilities", "flying"], "no ability is called 'flying'"),
    ):
        done = bertology("compress", model, *arguments, "--out", out)
        assert done.code == 2, (arguments, done.err)
        assert words in done.err and "Traceback" not in done.err
        assert not out.exists()
    assert bertology("compress", model, "--recipe", "layers").code == 2


def test_a_recipe_for_another_architecture_is_bad_input(
    tmp_path: Path, bertology: Callable[..., Said], task_file: Path, text: Path
) -> None:
    compressing.write_model(tiny("modernbert"), tmp_path / "modern")
    given = (
        "--recipe",
        "albert",
        "--task",
        task_file,
        "--text",
        text,
        "--abilities",
        "none",
        "--out",
        tmp_path / "out",
    )
    done = bertology("compress", tmp_path / "modern", *given)
    assert done.code == 2 and "cannot be used here: the block of modernbert is not BERT's" in done.err
    assert not (tmp_path / "out" / "model").exists()


def test_a_size_that_cannot_be_met_says_what_can(model: Path, tmp_path: Path) -> None:
    for recipe, wish in (
        ("layers", Goal(bytes=10)),
        ("structured", Goal(bytes=10)),
        ("structured", Goal(speedup=1e4)),
        ("int8", Goal(bytes=10)),
    ):
        with pytest.raises(BadRequest, match="asked"):
            compressing.compress(
                model, recipe, tmp_path / f"{recipe}{wish.kind}", task=some(), goal=wish, abilities=None, tuning=FAST
            )


def test_bytes_and_shares_are_met(model: Path, tmp_path: Path) -> None:
    whole = compressing.size_in_bytes(bt.load(model))
    small = compressing.compress(
        model, "structured", tmp_path / "a", task=some(), goal=Goal(keep=0.5), abilities=None, tuning=FAST
    )
    from bertology.compress.inference.latency import layer_parameters

    left = layer_parameters(bt.load(small.model)) / layer_parameters(bt.load(model))
    assert left == pytest.approx(0.5, abs=0.06)
    wish = int(0.7 * whole)
    few = compressing.compress(
        model, "layers", tmp_path / "b", task=some(), goal=Goal(bytes=wish), abilities=None, tuning=FAST
    )
    assert few.retention.after.bytes <= wish


class _Lobotomy(Step):
    """All layers' weights become noise of the same size."""

    def __call__(self, work: Work) -> Work:
        noise = work.whole.randomised(5)
        return work.but(small=noise)


class _Nothing(Step):
    def __call__(self, work: Work) -> Work:
        return work


def test_what_is_destroyed_is_forgotten_and_what_is_left_alone_is_kept(tmp_path: Path) -> None:
    """primer-mini knows what things are for: noise does not, itself does."""
    for name, step, fate in (("noise", _Lobotomy(), "forgot"), ("same", _Nothing(), "kept")):
        done = compressing.compress(
            None,
            Compression(name, "", "other", (), "", (step,)),
            tmp_path / name,
            abilities=["functional attributes"],
            scale=0.3,
        )
        (ability,) = done.retention.abilities
        assert ability.fate == fate, (name, ability)
        assert done.lines()[-3].startswith("forgot: functional attributes" if fate == "forgot" else "forgot: nothing")
        assert ("Forgot: functional attributes" in (done.model / "README.md").read_text()) == (fate == "forgot")
        assert ability.reason == ""
    page = compressing.pareto([tmp_path / "noise", tmp_path / "same"], tmp_path / "front.html")
    assert "functional attributes" in page.read_text() and "noise" in page.read_text()
    with pytest.raises(BadInput, match="holds no compression"):
        compressing.pareto([tmp_path], tmp_path / "x.html")


def estimate(value: float, half: float = 0.02, n: int = 100) -> Estimate:
    return Estimate(value, value - half, value + half, n, "accuracy", "made")


def test_retention_is_counted_above_chance_and_against_the_tuned_encoder() -> None:
    kept = Kept("x", "syn-05", estimate(0.95), estimate(0.6), tuned=estimate(0.9), chance=0.5)
    assert kept.retention is not None and kept.retention.value == pytest.approx(0.25)
    assert kept.change is not None and kept.change.value == pytest.approx(-0.3)
    assert kept.change.high - kept.change.low == pytest.approx(2 * math.hypot(0.02, 0.02))
    by_hand = 1.96 * math.hypot(0.02 / 1.96 / 0.4, 0.02 / 1.96 * 0.1 / 0.16)
    assert kept.retention.high - kept.retention.value == pytest.approx(by_hand, rel=1e-3)


def test_fates_by_hand() -> None:
    found = judged([
        Kept("lost", "a", estimate(0.9), estimate(0.6)),
        Kept("same", "b", estimate(0.9), estimate(0.89)),
        Kept("won", "c", estimate(0.7), estimate(0.9)),
        Kept("chance", "d", estimate(0.51), estimate(0.2), chance=0.5),
        Kept("headless", "e", estimate(0.9), None, reason="no head"),
        Kept("absent", "f", None, None),
    ])  # fmt: skip
    assert [k.fate for k in found] == ["forgot", "kept", "gained", "never had", "not measured", "not measured"]


def test_many_abilities_at_the_edge_are_not_called_forgotten() -> None:
    """A fall of 2 standard errors is significant alone, not among twenty."""
    edge = Kept("edge", "a", estimate(0.9), estimate(0.9 - 2.1 * math.hypot(0.02, 0.02) / 1.96))
    assert judged([edge])[0].fate == "forgot"
    others = [Kept(str(k), "b", estimate(0.9), estimate(0.9)) for k in range(19)]
    assert judged([edge, *others])[0].fate == "kept"


def test_abilities_read_values_and_baselines_of_runs(tmp_path: Path) -> None:
    claim = Claim("own-1", "3", "", (), abilities=(Ability("a", "v", "chance"), Ability("b", "base"), Ability("c", "v", 0.5)))  # fmt: skip
    runs = []
    for k, v in enumerate((0.9, 0.7)):
        folder = RunFolder.open(tmp_path / str(k), {})
        blank = Result("own-1", "3", "", "holds", "", {}, {"v": estimate(v)}, {"base": estimate(v / 2), "chance": estimate(0.2)})  # fmt: skip
        folder.write_result(blank)
        runs.append(folder)
    a, b, c = abilities_kept([(claim, x) for x in claim.abilities], *runs)
    assert (a.chance, b.chance, c.chance) == (pytest.approx(0.2), None, 0.5)
    assert b.after is not None and b.after.value == pytest.approx(0.35) and a.fate == b.fate == "forgot"
    headless = RunFolder.open(tmp_path / "none", {})
    headless.write_result(Result("own-1", "3", "", "not applicable", "no head"))
    (none,) = abilities_kept([(claim, claim.abilities[0])], runs[0], headless)
    assert none.after is None and none.reason == "no head" and none.fate == "not measured"


def test_every_ability_names_a_value_that_its_claim_gives() -> None:
    """The names are checked against a real run in tests/real; here they are at least distinct."""
    names = [a.name for _, a in abilities()]
    assert len(set(names)) == len(names) >= 20
    assert {c.id for c, _ in abilities(["syn-08"])} == {"syn-08"}


def test_the_worst_ability_is_the_one_of_which_least_is_left() -> None:
    cost = Cost(10, 40, {"1": 2.0, "32": 4.0})
    kept = (Kept("a", "x", estimate(0.9), estimate(0.6), chance=0.5), Kept("b", "x", estimate(0.9), estimate(0.8)))
    r = Retention("e", "r", "g", cost, replace(cost, bytes=10, seconds={"1": 1.0, "32": 1.0}), abilities=kept)
    assert r.worst is not None and r.worst.ability == "a"
    assert (r.smaller, r.faster["1"], r.faster["32"]) == (4.0, 2.0, 4.0)


def test_the_encoder_given_is_never_changed(tmp_path: Path) -> None:
    encoder: Encoder = bt.load(None)
    before = encoder.fingerprint
    compressing.compress(encoder, "theseus", tmp_path / "out", task=some(), abilities=None, tuning=FAST)
    from bertology.encoder import wrap

    assert wrap(encoder.model, encoder.tokenizer, has_mlm=True).fingerprint == before
