"""The street: `bertology COMMAND`. Thin doors; every verb is a function elsewhere. Exit codes 0, 1 (a claim errored), 2 (bad input)."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bertology.record.errors import BadInput

app = typer.Typer(
    help="A Primer in BERTology, executable: the survey's claims as experiments on your encoder.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

Model = Annotated[
    str | None, typer.Argument(help="A folder, a hub id, or nothing for the embedded default.", metavar="[MODEL]")
]
Claims = Annotated[str, typer.Option(help="Ids, id prefixes or sections, separated by commas: 3.1,head,spec-02")]
CorpusFiles = Annotated[
    list[str] | None, typer.Option("--corpus", help="NAME=PATH replaces an embedded corpus; repeatable.")
]
Seed = Annotated[int, typer.Option(help="Seed of corpora, splits, probes and the random twin.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
Dtype = Annotated[str, typer.Option(help="float32 or bfloat16.")]
Pickle = Annotated[bool, typer.Option("--allow-pickle", help="Read pickled weights; only if you trust their source.")]
Remote = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_claims(
    section: Annotated[str, typer.Option(help="Only this section, e.g. 4.2.")] = "", as_json: Json = False
) -> None:
    """The survey as a table: every claim, what runs today and what is planned."""
    from bertology.claims.registry import survey

    rows = [
        {
            "id": c.id,
            "section": c.section,
            "says": c.says,
            "cites": list(c.cites),
            "status": c.status,
            "needs": list(c.needs),
        }
        for c, _ in survey().values()
        if not section or c.section == section or c.section.startswith(f"{section}.")
    ]
    if not rows:
        raise BadInput(f"no claim in section {section!r}.", "`bertology list` shows all sections.")
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['id']:<9} {row['section']:<6} {row['status']:<8} {row['says']}")
    runs = sum(row["status"] == "runs" for row in rows)
    typer.echo(f"{len(rows)} claims: {runs} run, {len(rows) - runs} are planned.")


@app.command()
def show(claim: Annotated[str, typer.Argument(help="A claim's id, e.g. head-03.")], as_json: Json = False) -> None:
    """One claim: its study, method, published figures and the rule that judges it."""
    from dataclasses import asdict

    from bertology.claims.registry import references, survey

    entries = survey()
    if claim not in entries:
        raise BadInput(f"there is no claim {claim!r}.", "`bertology list` shows every id.")
    c = entries[claim].claim
    if as_json:
        _print_json({**asdict(c), "expects": {name: str(region) for name, region in c.expects.items()}})
        return
    typer.echo(f"{c.id} · section {c.section} · {c.status}\n{c.says}\n\nMethod: {' '.join(c.method.split())}")
    if c.needs:
        typer.echo(f"Needs: {', '.join(c.needs)}")
    for name, region in c.expects.items():
        typer.echo(f"Holds if the 95 % interval of {name!r} lies {region}")
    for p in c.published:
        unchecked = "" if p.status == "verified" else ", unchecked"
        typer.echo(f"Published: {p.what}: {p.value:g} ({p.model}, {p.data}; {p.source}{unchecked})")
    for key in c.cites:
        typer.echo(f"\n{references().get(key, key)}")


@app.command()
def check(
    model: Model = None, device: Device = "cpu", dtype: Dtype = "float32", allow_pickle: Pickle = False,
    trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """The conformity tests on a model: what holds, what it has and lacks."""
    import bertology as bt

    encoder = bt.load(model, device=device, dtype=dtype, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code)
    checks = bt.check(encoder)
    if as_json:
        _print_json({"encoder": encoder.name, "has": sorted(encoder.has), "checks": [c._asdict() for c in checks]})
    else:
        typer.echo(
            f"{encoder.name}: {encoder.config.model_type}, {encoder.n_parameters / 1e6:.1f} M parameters, {encoder.device}"
        )
        for c in checks:
            typer.echo(f"  {c.name:<10} {c.verdict:<15} {c.detail}")
        lacks = sorted({"attention", "head", "value", "neuron", "mlm", "segments", "cls", "sep", "mask"} - encoder.has)
        typer.echo(f"  lacks: {', '.join(lacks) or 'nothing'}")
    if any(c.verdict == "fails" for c in checks) and not encoder.family.caveat:
        raise typer.Exit(1)


@app.command()
def plan(
    model: Model = None, claims: Claims = "", corpus: CorpusFiles = None, seed: Seed = 0, device: Device = "cpu",
    dtype: Dtype = "float32", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """What a run would cost: passes, time, memory, disk."""
    import bertology as bt
    from bertology.corpus.corpora import parse

    p = bt.plan(
        model, claims=_split(claims), corpora=parse(corpus or []), seed=seed,
        device=device, dtype=dtype, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
    )  # fmt: skip
    if as_json:
        _print_json(p._asdict())
        return
    for name, tokens, statistics in p.passes:
        typer.echo(f"  {name}: {tokens:,} subwords, {statistics} statistics")
    typer.echo(
        f"{len(p.claims)} claims share {len(p.passes)} passes: about {p.seconds:.0f} s of reading at {p.tokens_per_second:,.0f} "
        f"subwords/s,\nprobe fits aside and passes that later answers call for; {p.batch_bytes / 2**20:.0f} MiB of activations "
        f"a batch, {p.disk_bytes / 2**20:.0f} MiB on disk."
    )


@app.command()
def run(
    model: Model = None, claims: Claims = "", corpus: CorpusFiles = None,
    out: Annotated[Path, typer.Option(help="The run folder; the same command goes on with an unfinished one.")] = Path("runs/latest"),
    budget: Annotated[str, typer.Option(help="Scale corpora down to fit: 90s, 10m, 1h.")] = "",
    scale: Annotated[float, typer.Option(help="Size of the embedded corpora, 1 being the default.")] = 1.0,
    seed: Seed = 0, device: Device = "cpu", dtype: Dtype = "float32", allow_pickle: Pickle = False, trust_remote_code: Remote = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a corpus with any broken sentence.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The main job: runs claims on an encoder; results, rows and a report in --out."""
    import bertology as bt
    from bertology.corpus.corpora import parse
    from bertology.job import seconds

    wait = seconds(budget) if budget else None
    with _Bar() as progress:
        done = bt.run(
            model, claims=_split(claims), corpora=parse(corpus or []), out=out, seed=seed, budget=wait, scale=scale,
            progress=progress, strict=strict, device=device, dtype=dtype, allow_pickle=allow_pickle,
            trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if as_json:
        _print_json(
            [
                {
                    "claim": r.claim,
                    "verdict": r.verdict,
                    "reason": r.reason,
                    "headline": r.headline and r.headline.to_json(),
                }
                for r in done.results
            ]
        )
    else:
        _print_table(done.results)
        typer.echo(str(done.report))
    if done.errors:
        raise typer.Exit(1)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A run folder.")], as_json: Json = False) -> None:
    """Draws the page of a run again."""
    from bertology.job import redraw

    page = redraw(folder)
    _print_json({"report": str(page)}) if as_json else typer.echo(str(page))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR_A")], second: Annotated[Path, typer.Argument(metavar="DIR_B")],
    out: Annotated[Path | None, typer.Option(help="Where the page goes; default: comparison.html in DIR_A.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Two runs side by side."""
    import bertology as bt

    page = bt.compare(first, second, out=out)
    _print_json({"comparison": str(page)}) if as_json else typer.echo(str(page))


@app.command()
def pretrain(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or `list` to see all.")],
    text: Annotated[list[Path] | None, typer.Option("--text", help="Text files to train on; repeatable, wildcards allowed.")] = None,
    out: Annotated[Path, typer.Option(help="The training's folder; the same command goes on with an unfinished one.")] = Path("runs/pretraining"),
    tokens: Annotated[str, typer.Option(help="Budget in tokens: 500k, 50M, 1.5B.")] = "",
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes; the schedule ends when they do.")] = None,
    valid: Annotated[list[Path] | None, typer.Option("--valid", help="Held-out text files; repeatable.")] = None,
    claims: Annotated[str, typer.Option(help="Claims to run at every checkpoint: ids, prefixes, sections.")] = "",
    small: Annotated[bool, typer.Option("--small", help="The recipe at a laptop's scale: 4 layers of width 128.")] = False,
    tokenizer: Annotated[Path | None, typer.Option(help="A folder with a tokenizer, instead of training one.")] = None,
    checkpoints: Annotated[int, typer.Option(help="How many, evenly over the budget.")] = 10,
    precision: Annotated[str, typer.Option(help="auto (measured), float32 or bfloat16.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Use torch.compile; needs a C++ compiler.")] = False,
    seed: Seed = 0, device: Device = "cpu", as_json: Json = False,
) -> None:  # fmt: skip
    """Trains an encoder from raw text: tokenizer, checkpoints, log, a model that transformers loads."""
    from bertology import acquisition
    from bertology.train import recipes
    from bertology.train.engine import first_process

    if recipe == "list":
        rows = [
            {"name": r.name, "cites": list(r.cites), "family": r.architecture.family} for r in recipes.RECIPES.values()
        ]
        _print_json(rows) if as_json else [
            typer.echo(f"{r['name']:<16} {r['family']:<11} {', '.join(r['cites'])}") for r in rows
        ]
        return
    chosen = recipes.small(recipes.recipe(recipe)) if small else recipes.recipe(recipe)
    with _Bar() as progress:
        done = acquisition.pretrain(
            chosen, _files(text), out, claims=_split(claims), seed=seed, progress=progress, tokens=_count(tokens),
            minutes=minutes, valid=_files(valid), tokenizer=tokenizer, checkpoints=checkpoints, precision=precision, compiled=compiled, device=device,
        )  # fmt: skip
    trained = done.trained
    if not first_process():
        return
    if as_json:
        _print_json({**trained._asdict(), "page": done.page})
        return
    typer.echo(
        f"{trained.tokens:,} tokens in {trained.steps:,} steps, {trained.seconds / 60:.1f} minutes; last loss {trained.loss:.3f}"
    )
    typer.echo(f"{trained.model}\n{done.page}")


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="A folder or hub id.", metavar="MODEL")],
    file: Annotated[Path, typer.Argument(help="Text (a paragraph a line) or minimal pairs (BLiMP, SyntaxGym, verb forms; a file or a folder).")],
    method: Annotated[str, typer.Option(help="pll-word-l2r (Kauf & Ivanova 2023), pll (Salazar et al. 2020), or masked-pair: either word of a pair in its gap.")] = "pll-word-l2r",
    out: Annotated[Path | None, typer.Option(help="A .parquet file for the scores of every subword, or of every pair.")] = None,
    page: Annotated[Path | None, typer.Option(help="An .html file for the accuracies of minimal pairs by paradigm.")] = None,
    precision: Annotated[str, typer.Option(help="float32, or bfloat16 for the trunk alone.")] = "float32",
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Pseudo-log-likelihood of sentences, accuracy on minimal pairs."""
    from bertology.scoring import score_file, write_page

    with _Bar() as progress:
        done = score_file(
            model, file, method=method, out=out, precision=precision, seed=seed, progress=progress,
            device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if page is not None:
        write_page(done, page)
    if as_json:
        _print_json(done.to_json())
        return
    for line in done.lines():
        typer.echo(line)
    if page is not None:
        typer.echo(page)


@app.command()
def finetune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder or hub id; `list` shows the recipes.")],
    task: Annotated[list[Path] | None, typer.Option("--task", help="A file (.jsonl, .csv, .tsv, .conll, .gz) or a folder with train, dev, test; repeatable.")] = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name.")] = "standard",
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    out: Annotated[Path | None, typer.Option(help="A folder for the best model and the scores.")] = None,
    label: Annotated[str, typer.Option(help="The column that holds the label, where several do.")] = "",
    limit: Annotated[int | None, typer.Option(help="At most so many training examples.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Instead of the recipe's.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Examples a batch instead of the recipe's.")] = None,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Fine-tunes an encoder on a task: mean, spread over seeds, interval, and the best model.

    JSON lines hold {"text", "label"}, {"text", "text2", "label"} or {"words", "labels"}; tables a header with text or sentence columns and
    a label column; CoNLL a word and its tag a line.
    """
    from bertology.tuning import finetune_files, recipe_names

    if model == "list":
        _print_json(recipe_names()) if as_json else [typer.echo(name) for name in recipe_names()]
        return
    with _Bar() as progress:
        done = finetune_files(
            model, _files(task), recipe=recipe, seeds=seeds, out=out, label=label, limit=limit, seed=seed, progress=progress,
            changes={"epochs": epochs, "rate": rate, "batch": batch, "precision": precision},
            device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if as_json:
        _print_json(done.to_json())
        return
    for line in done.lines():
        typer.echo(line)


@app.command()
def compress(
    model: Model = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name; by-ability where --keep-ability is given.")] = "",
    task: Annotated[list[Path] | None, typer.Option("--task", help="Labelled files, as for finetune; repeatable.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="Running text, for recipes that read it.")] = None,
    speedup: Annotated[str, typer.Option(help="Measured here: 2x, 3x.")] = "",
    keep: Annotated[float | None, typer.Option(help="Share of the layers' parameters (or layers) that stays.")] = None,
    size: Annotated[str, typer.Option("--bytes", help="10MB, 500kB.")] = "",
    out: Annotated[Path | None, typer.Option(help="A folder for the smaller model and the table of what it kept.")] = None,
    abilities: Annotated[str, typer.Option(help="Abilities or claims to measure, separated by commas; `none` for none; all by default.")] = "",
    keep_ability: Annotated[str, typer.Option(help="For recipes by-ability: abilities or claims and the share to keep, e.g. agreement,syn-05>=0.95.")] = "",
    scale: Annotated[float, typer.Option(help="Size of the embedded corpora that abilities are measured on.")] = 1.0,
    label: Annotated[str, typer.Option(help="The column that holds the label, where several do.")] = "",
    limit: Annotated[int | None, typer.Option(help="At most so many training examples.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Of a fine-tuning.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate of a fine-tuning.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Every recipe with its study and published figures.")] = False,
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Makes an encoder smaller, and says what it forgot."""
    from dataclasses import replace

    from bertology import compressing
    from bertology.compress.recipe import STANDARD, Goal

    if list_all:
        rows = compressing.listed()
        _print_json(rows) if as_json else [typer.echo(_recipe_line(r)) for r in rows]
        return
    if out is None:
        raise BadInput("no folder was given for the smaller model.", "Give --out DIR.")
    given = {"epochs": epochs, "rate": rate}
    tuning = replace(STANDARD, **{k: v for k, v in given.items() if v is not None})
    goal = Goal(_times(speedup), keep, _bytes(size))
    protect, least = _protected(keep_ability)
    with _Bar() as progress:
        done = compressing.compress(
            model, recipe or ("by-ability" if protect else "structured"), out, task=_files(task) or None, text=text, goal=goal,
            abilities=None if abilities == "none" else _split(abilities), protect=protect, least=least, scale=scale, tuning=tuning, label=label, limit=limit, seed=seed,
            progress=progress, device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if as_json:
        _print_json({**done.retention.to_json(), "model": done.model, "page": done.page})
        return
    for line in done.lines():
        typer.echo(line)


@app.command()
def pareto(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders that compress wrote.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("pareto.html"),
    as_json: Json = False,
) -> None:
    """Several compressions on one page: what each saves against what it keeps, for every ability."""
    from bertology.compressing import pareto as draw

    page = draw(folders, out)
    _print_json({"page": str(page)}) if as_json else typer.echo(str(page))


class _Bar:
    """A progress bar with a time estimate on standard error; silent when that is no terminal."""

    def __enter__(self) -> "_Bar":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        self.task = self.bar.add_task("loading", total=None)
        self.what = ""
        self.bar.start()
        return self

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self.what:
            self.what = what
            self.bar.reset(self.task, description=what, total=total)
        self.bar.update(self.task, completed=done)

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()


def _print_table(results: Any) -> None:
    from rich.console import Console

    from bertology.report import table

    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table(results))


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def _files(given: list[Path] | None) -> list[Path]:
    """Files named or matched by wildcards that the shell left alone."""
    found: list[Path] = []
    for path in given or []:
        matched = sorted(path.parent.glob(path.name)) if any(c in path.name for c in "*?[") else [path]
        if not matched:
            raise BadInput(f"{path} matches no file.", "Check the path.")
        found += matched
    return found


def _count(text: str) -> int | None:
    """ "500k", "50M", "1.5B" or a bare number."""
    if not text:
        return None
    units = {"k": 1e3, "m": 1e6, "b": 1e9}
    number, unit = (text[:-1], units[text[-1].lower()]) if text[-1].lower() in units else (text, 1)
    try:
        return int(float(number) * unit)
    except ValueError:
        raise BadInput(f"{text!r} is no number of tokens.", "Write it like 500k, 50M or 1.5B.") from None


def _times(text: str) -> float | None:
    """ "2x" or a bare number."""
    if not text:
        return None
    try:
        return float(text.lower().removesuffix("x"))
    except ValueError:
        raise BadInput(f"{text!r} is no speed-up.", "Write it like 2x or 1.5x.") from None


def _bytes(text: str) -> int | None:
    """ "10MB", "500kB" (powers of 1,000), "10MiB" (of 1,024) or a bare number."""
    if not text:
        return None
    match = re.fullmatch(r"\s*([0-9.]+)\s*([kmg]?)(i?)b?\s*", text.lower())
    try:
        if match is None:
            raise ValueError
        base = 1024 if match[3] else 1000
        return int(float(match[1]) * base ** " kmg".index(match[2] or " "))
    except ValueError:
        raise BadInput(f"{text!r} is no size.", "Write it like 10MB or 500kB.") from None


def _protected(text: str) -> tuple[list[str], float]:
    """ "agreement,syn-05>=0.95": names, and the least share of each."""
    names, _, share = text.partition(">=")
    try:
        return _split(names), float(share) if share else 0.95
    except ValueError:
        raise BadInput(f"{share!r} is no share.", "Write it like agreement,negation>=0.95.") from None


def _recipe_line(r: dict[str, Any]) -> str:
    """A recipe as `compress --list` shows it; figures of Table 1 are unchecked."""
    p = r["published"] or {}
    times = lambda x: "" if x is None else f"{x[0]:g} to {x[1]:g}x" if isinstance(x, tuple) else f"{x:g}x"
    share = lambda x: (
        "" if x is None else f"{100 * x[0]:g} to {100 * x[1]:g} %" if isinstance(x, tuple) else f"{100 * x:g} %"
    )
    line = f"{r['name']:<20} {r['kind']:<13} {r['study']:<44} "
    if p:
        line += f"{times(p['smaller']):>12} {share(p['kept']):>12} {times(p['faster']):>10}  of {p['base']}, unchecked"
    return line.rstrip()


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def main() -> None:
    """The entry point: what is wrong with the input is one message on standard error and exit code 2."""
    try:
        app()
    except BadInput as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise SystemExit(130) from None
