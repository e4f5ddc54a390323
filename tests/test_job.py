"""The main job from the street: files, exit codes, resuming, refusing."""

import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import BertConfig, BertForMaskedLM, BertModel

import bertology as bt
from bertology import job
from bertology.corpus import grammar
from bertology.corpus.corpora import Corpora
from bertology.observe import planner
from bertology.record.errors import BadCorpus, BadRequest, CannotWrite, ForeignRun
from bertology.record.folder import RunFolder
from tests.conftest import Said
from tests.encoder.test_load import CONFIG as TINY
from tests.encoder.test_load import saved

CLAIMS = "head-03,spec-01"
CONFIG = TINY | {"max_position_embeddings": 512}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(BertModel(BertConfig(**CONFIG)), tmp_path_factory.mktemp("model") / "tiny")


def files_of(out: Path) -> dict[str, bytes]:
    return {
        str(f.relative_to(out)): f.read_bytes() for part in ("results", "rows") for f in sorted((out / part).iterdir())
    }


def test_a_run_writes_results_rows_and_a_report(model: Path, tmp_path: Path, bertology: Callable[..., Said]) -> None:
    options = ("--claims", CLAIMS, "--scale", 0.1, "--out", tmp_path / "run")
    done = bertology("run", model, *options)
    assert done.code == 0, done.err
    assert done.out.strip().endswith("report.html")
    folder = RunFolder.existing(tmp_path / "run")
    assert {r.claim for r in folder.results()} == set(CLAIMS.split(","))
    assert folder.rows("head-03") and folder.report.stat().st_size > 10_000
    assert folder.run()["corpora"]["treebank"]["sentences"] == 400
    listed = json.loads(bertology("run", model, *options, "--json").out)
    assert {line["claim"] for line in listed} == set(CLAIMS.split(","))


def test_killed_at_any_point_the_same_command_gives_the_same_results(model: Path, tmp_path: Path) -> None:
    options = dict(claims=CLAIMS.split(","), scale=0.1)
    bt.run(model, **options, out=tmp_path / "whole")
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["bertology.job"])
    for begun in ("run.json", "cache/*", "results/*"):  # killed as soon as there is one of these
        process = processes.Process(target=bt.run, args=(model,), kwargs=options | {"out": tmp_path / "killed"})
        process.start()
        while process.is_alive() and not list((tmp_path / "killed").glob(begun)):
            time.sleep(0.005)
        process.kill()
        process.join()
    bt.run(model, **options, out=tmp_path / "killed")
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob("*.part"))


def test_a_finished_run_called_again_reads_nothing_and_changes_nothing(model: Path, tmp_path: Path) -> None:
    options = dict(claims=CLAIMS.split(","), scale=0.1, out=tmp_path / "run")
    bt.run(model, **options)
    before, told = files_of(tmp_path / "run"), []
    bt.run(model, **options, progress=lambda what, done, total: told.append(what))
    assert files_of(tmp_path / "run") == before
    assert not told


def test_a_run_that_goes_on_with_other_claims_keeps_what_is_known_of_the_first(model: Path, tmp_path: Path) -> None:
    first = bt.run(model, claims=["head-03"], scale=0.1, out=tmp_path / "run").folder.run()
    both = bt.run(model, claims=["emb-05"], scale=0.1, out=tmp_path / "run").folder
    assert both.run()["claims"] == ["head-03", "emb-05"]
    assert first["references"].items() <= both.run()["references"].items()
    assert first["corpora"].items() <= both.run()["corpora"].items()
    assert both.run()["passes"][: len(first["passes"])] == first["passes"]
    page = both.report.read_text()
    assert "What Does BERT Look At" in page and "How Contextual are Contextualized Word Representations" in page


def test_another_encoders_folder_is_refused_and_left_alone(
    model: Path, tmp_path: Path, bertology: Callable[..., Said]
) -> None:
    bt.run(model, claims=["spec-01"], scale=0.1, out=tmp_path / "run")
    before = files_of(tmp_path / "run")
    other = saved(BertForMaskedLM(BertConfig(**CONFIG)), tmp_path / "other")
    done = bertology("run", other, "--claims", "spec-01", "--scale", 0.1, "--out", tmp_path / "run")
    assert done.code == 2 and "ForeignRun" in done.err and "encoder" in done.err
    assert files_of(tmp_path / "run") == before
    with pytest.raises(ForeignRun, match="seed"):
        bt.run(model, claims=["spec-01"], scale=0.1, out=tmp_path / "run", seed=7)


def test_a_folder_with_other_things_in_it_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ForeignRun, match="not empty"):
        bt.run(model, claims=["spec-01"], out=tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_full_disk_stops_with_one_error_and_keeps_what_is_finished(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(scale=0.1, out=tmp_path / "run")
    bt.run(model, claims=["spec-01"], **options)
    before = files_of(tmp_path / "run")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bertology.record.folder.os.replace", full)
    with pytest.raises(CannotWrite, match="No space left"):
        bt.run(model, claims=["spec-01", "head-03"], **options)
    monkeypatch.undo()
    assert files_of(tmp_path / "run") == before
    assert not list((tmp_path / "run").rglob("*.part"))
    assert len(bt.run(model, claims=["spec-01", "head-03"], **options).results) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "no/such/model"), "NotAModel"),
        (("run", "MODEL", "--claims", "nonsense-99"), "no claim that runs matches"),
        (("run", "MODEL", "--corpus", "treebank=missing.conllu"), "missing.conllu"),
        (("run", "MODEL", "--corpus", "trees=x"), "there is no corpus"),
        (("run", "MODEL", "--corpus", "treebank=EMPTY"), "holds no usable sentence"),
        (("run", "MODEL", "--budget", "soon"), "no duration"),
        (("show", "head-99"), "head-99"),
        (("report", "EMPTYDIR"), "holds no run"),
        (("compare", "EMPTYDIR", "EMPTYDIR"), "holds no run"),
        (("list", "--section", "12"), "no claim in section"),
        (("check", "EMPTYDIR"), "config.json"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    arguments: tuple[str, ...], says: str, model: Path, tmp_path: Path, bertology: Callable[..., Said]
) -> None:
    (tmp_path / "empty.conllu").touch()
    (tmp_path / "dir").mkdir()
    swap = {"MODEL": str(model), "EMPTYDIR": str(tmp_path / "dir")}
    filled = [swap.get(a, a.replace("EMPTY", str(tmp_path / "empty.conllu"))) for a in arguments]
    out = ["--out", str(tmp_path / "run")] if arguments[0] == "run" else []
    done = bertology(*filled, *out)
    assert done.code == 2, done.err
    assert says in done.err and "Traceback" not in done.err
    assert not (tmp_path / "run").exists()


def test_a_claim_that_raises_is_an_error_and_the_others_go_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertology.claims import registry

    def broken(encoder, corpora, seed):
        raise RuntimeError("a broken claim")
        yield

    registry.experiment("head-03")
    monkeypatch.setitem(registry._experiments, "head-03", broken)
    done = bt.run(model, claims=CLAIMS.split(","), scale=0.1, out=tmp_path / "run")
    assert [(r.claim, r.verdict) for r in done.errors] == [("head-03", "error")]
    assert "a broken claim" in done.errors[0].reason
    assert {r.verdict for r in done.results if r.claim == "spec-01"} <= {"holds", "fails", "undecided"}


def test_claims_that_share_statistics_share_passes(model: Path, tmp_path: Path) -> None:
    planned = bt.plan(model, claims=CLAIMS.split(","), scale=0.1)
    assert len(planned.passes) == 4  # encoder and twin, over two corpora
    assert planned.disk_bytes > 0 and not planned.artefacts


def test_a_plan_counts_the_models_that_claims_train_first(model: Path) -> None:
    planned = bt.plan(model, claims=["arch-05", "head-03"], scale=0.1)
    assert planned.claims == ["head-03", "arch-05"] or planned.claims == ["arch-05", "head-03"]
    assert planned.artefacts == {"arch-05": 3}


def test_a_missing_corpus_is_not_applicable_with_the_reason(model: Path, tmp_path: Path) -> None:
    text = tmp_path / "plain.conllu"
    text.write_text("".join(f"1\tw{i}\tw\tNOUN\tNN\t_\t0\troot\t_\t_\n\n" for i in range(60)))
    done = bt.run(model, claims=["head-03"], corpora={"treebank": text}, out=tmp_path / "run")
    assert done.results[0].verdict == "not applicable"


def test_a_budget_that_is_spent_says_what_it_left_undecided(model: Path, tmp_path: Path) -> None:
    done = bt.run(model, claims=CLAIMS.split(","), budget=0.01, out=tmp_path / "run")
    assert [r.verdict for r in done.results] == ["undecided"] * 2
    assert all("budget ended" in r.reason for r in done.results)
    assert done.folder.run()["budget"]["left open"] == sorted(CLAIMS.split(","))


def test_a_budget_decides_clear_claims_on_a_part_of_the_sentences(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_plan", lambda *a: SimpleNamespace(seconds=1e9))
    whole = bt.run(model, claims=CLAIMS.split(","), scale=0.3, out=tmp_path / "whole")
    done = bt.run(model, claims=CLAIMS.split(","), scale=0.3, budget=1e6, out=tmp_path / "run")
    shares = {r.claim: r.provenance["share"] for r in done.results}
    assert [r.verdict for r in done.results] == [r.verdict for r in whole.results]
    for early, late in zip(done.results, whole.results, strict=True):
        assert early.verdict == "undecided" or (early.headline and early.headline.n <= late.headline.n)
    assert all(shares[r.claim] == 1 for r in done.results if r.verdict == "undecided")
    assert done.folder.run()["budget"] == {"seconds": 1e6, "looks": 3, "left open": []}


def test_what_an_early_look_could_not_test_is_left_open_when_time_ends(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_plan", lambda *a: SimpleNamespace(seconds=1e9))
    late, clock = [], planner.Planner._late
    monkeypatch.setattr(planner.Planner, "_late", lambda self: bool(late) or clock(self))
    part = Corpora.part

    def second(self: Corpora, share: float) -> Corpora:
        if share > 0.2:
            late.append(True)  # time ends after the first look
        return part(self, 0.004 if share < 0.2 else share)

    monkeypatch.setattr(Corpora, "part", second)
    (found,) = bt.run(model, claims=["head-03"], scale=0.1, budget=1e6, out=tmp_path / "run").results
    assert found.verdict == "undecided"
    assert found.reason.startswith("the budget ended before this was measured; on 0.125 of the sentences: ")
    assert RunFolder.existing(tmp_path / "run").run()["budget"]["left open"] == ["head-03"]


def test_a_budget_that_a_full_run_fits_in_changes_nothing(model: Path, tmp_path: Path) -> None:
    for name, budget in (("a", None), ("b", 1e6)):
        bt.run(model, claims=["spec-01"], scale=0.1, budget=budget, out=tmp_path / name)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_a_run_says_which_claims_train(model: Path, tmp_path: Path, bertology: Callable[..., Said]) -> None:
    given = ("--budget", "0.001s", "--scale", 0.05, "--out", tmp_path / "out")
    assert (
        "These train models first, which takes minutes each: pre-02."
        in bertology("run", model, "--claims", "pre-02,spec-03", *given).err
    )
    assert "train" not in bertology("run", model, "--claims", "spec-03", *given).err


def test_two_control_twins_are_refused(model: Path, tmp_path: Path, bertology: Callable[..., Said]) -> None:
    said = bertology("run", model, "--claims", "spec-03", "--control-twins", 2, "--out", tmp_path / "out")
    assert said.code == 2 and "say nothing of their spread" in said.err and not (tmp_path / "out").exists()


def test_compare_puts_two_runs_on_one_page(model: Path, tmp_path: Path) -> None:
    for name in "ab":
        bt.run(model, claims=["spec-01"], scale=0.1, out=tmp_path / name)
    page = bt.compare(tmp_path / "a", tmp_path / "b", out=tmp_path / "page.html")
    assert "spec-01" in page.read_text(encoding="utf-8")


def test_a_cyclic_tree_is_skipped_with_a_count_and_refused_when_strict(model: Path, tmp_path: Path) -> None:
    good = "".join(
        f"1\tcats\tcat\tNOUN\tNN\t_\t2\tnsubj\t_\t_\n2\tsit{i}\tsit\tVERB\tVB\t_\t0\troot\t_\t_\n\n" for i in range(40)
    )
    cyclic = "1\ta\ta\tX\tX\t_\t2\tdep\t_\t_\n2\tb\tb\tX\tX\t_\t1\tdep\t_\t_\n\n"
    file = tmp_path / "trees.conllu"
    file.write_text(good + cyclic)
    done = bt.run(model, claims=["head-03"], corpora={"treebank": file}, out=tmp_path / "run")
    assert sum(done.folder.run()["corpora"]["treebank"]["dropped"].values()) == 1
    with pytest.raises(BadCorpus):
        bt.run(model, claims=["head-03"], corpora={"treebank": file}, out=tmp_path / "strict", strict=True)


def test_the_grammar_feeds_the_default_run() -> None:
    assert len(grammar.treebank(10)) == 10
    with pytest.raises(BadRequest):
        bt.run("x", claims=["zzz"])


def test_an_intervention_without_effect_is_its_claims_error_and_the_others_go_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertology.claims import registry
    from bertology.intervene import Ablate
    from bertology.observe import AttentionMass, measure

    def idle(encoder, corpora, seed):
        yield from measure(AttentionMass(), over=corpora.text, under=Ablate())

    registry.experiment("head-03")
    monkeypatch.setitem(registry._experiments, "head-03", idle)
    done = bt.run(model, claims=CLAIMS.split(","), scale=0.1, out=tmp_path / "run")
    assert [r.claim for r in done.errors] == ["head-03"] and "NoEffect" in done.errors[0].reason
    assert len(done.results) == 2
