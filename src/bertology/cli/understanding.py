"""Commands that ask about an encoder: list, show, check, plan, run, report, compare, score."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bertology.cli.options import (
    Bar,
    Claims,
    ControlTwins,
    CorpusFiles,
    Device,
    Dtype,
    Json,
    Model,
    On,
    Pickle,
    Remote,
    Scale,
    Seed,
    Strict,
    app,
    print_json,
    say,
    split,
)
from bertology.record.errors import BadInput


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
            "why": c.why,
            "needs": list(c.needs),
        }
        for c, _ in survey().values()
        if not section or c.section == section or c.section.startswith(f"{section}.")
    ]
    if not rows:
        raise BadInput(f"no claim in section {section!r}.", "`bertology list` shows all sections.")
    if as_json:
        print_json(rows)
        return
    for row in rows:
        reason = f" ({row['why']})" if row["why"] else ""
        typer.echo(f"{row['id']:<9} {row['section']:<6} {row['status']:<8} {row['says']}{reason}")
    runs, planned = (sum(row["status"] == status for row in rows) for status in ("runs", "planned"))
    left_out = len(rows) - runs - planned
    typer.echo(f"{len(rows)} claims: {runs} run, {planned} are planned{f', {left_out} left out' if left_out else ''}.")


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
        print_json({**asdict(c), "expects": {name: str(region) for name, region in c.expects.items()}})
        return
    status = f"{c.status}: {c.why}" if c.why else c.status
    typer.echo(f"{c.id} · section {c.section} · {status}\n{c.says}\n\nMethod: {' '.join(c.method.split())}")
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
        print_json({"encoder": encoder.name, "has": sorted(encoder.has), "checks": [c._asdict() for c in checks]})
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
    model: Model = None, claims: Claims = "", corpus: CorpusFiles = None, scale: Scale = 1.0, seed: Seed = 0,
    device: Device = "cpu", dtype: Dtype = "float32", allow_pickle: Pickle = False, trust_remote_code: Remote = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """What a run would cost: passes, time, memory, disk."""
    import bertology as bt
    from bertology.corpus.corpora import parse

    p = bt.plan(
        model, claims=split(claims), corpora=parse(corpus or []), scale=scale, seed=seed,
        device=device, dtype=dtype, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
    )  # fmt: skip
    if as_json:
        print_json(p._asdict())
        return
    for name, tokens, statistics in p.passes:
        typer.echo(f"  {name}: {tokens:,} subwords, {statistics} statistics")
    typer.echo(
        f"{len(p.claims)} claims share {len(p.passes)} passes: about {p.seconds:.0f} s of reading at {p.tokens_per_second:,.0f} "
        f"subwords/s,\nprobe fits aside and passes that later answers call for; {p.batch_bytes / 2**20:.0f} MiB of activations "
        f"a batch, {p.disk_bytes / 2**20:.0f} MiB on disk."
    )
    if p.artefacts:
        each = ", ".join(f"{claim} {n}" for claim, n in p.artefacts.items())
        typer.echo(f"{sum(p.artefacts.values())} models are trained or tuned first, in none of these figures: {each}.")


@app.command()
def run(
    model: Model = None, claims: Claims = "", corpus: CorpusFiles = None,
    out: Annotated[Path, typer.Option(help="The run folder; the same command goes on with an unfinished one.")] = Path("runs/latest"),
    on: On = "local",
    budget: Annotated[str, typer.Option(help="Time to spend, cheapest claims first: 90s, 10m, 1h.")] = "",
    scale: Scale = 1.0,
    seed: Seed = 0, device: Device = "cpu", dtype: Dtype = "float32", allow_pickle: Pickle = False, trust_remote_code: Remote = False,
    strict: Strict = False, control_twins: ControlTwins = 1,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The main job: runs claims on an encoder; results, rows and a report in --out."""
    import bertology as bt
    from bertology.claims.registry import select
    from bertology.corpus.corpora import parse
    from bertology.job import seconds

    training = [c.id for c in select(split(claims)) if "training" in c.needs]
    if training:
        typer.echo(f"These train models first, which takes minutes each: {', '.join(training)}.", err=True)
    wait = seconds(budget) if budget else None
    with Bar() as progress:
        done = bt.run(
            model, claims=split(claims), corpora=parse(corpus or []), out=out, on=on, seed=seed, budget=wait, scale=scale,
            progress=progress, strict=strict, control_twins=control_twins, device=device, dtype=dtype, allow_pickle=allow_pickle,
            trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if as_json:
        print_json(
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
def report(
    folder: Annotated[Path, typer.Argument(help="The folder of a run or an audit.")], as_json: Json = False
) -> None:
    """Draws the page of a run or an audit again."""
    from bertology import auditing, job

    page = auditing.redraw(folder) if (folder / "audit.json").is_file() else job.redraw(folder)
    print_json({"report": str(page)}) if as_json else typer.echo(str(page))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR_A")], second: Annotated[Path, typer.Argument(metavar="DIR_B")],
    out: Annotated[Path | None, typer.Option(help="Where the page goes; default: comparison.html in DIR_A.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Two runs side by side."""
    import bertology as bt

    page = bt.compare(first, second, out=out)
    print_json({"comparison": str(page)}) if as_json else typer.echo(str(page))


@app.command()
def audit(
    models: Annotated[list[str] | None, typer.Argument(help="Folders or hub ids; the folder of a pre-training stands for all its checkpoints.", metavar="MODEL...")] = None,
    claims: Claims = "", corpus: CorpusFiles = None,
    out: Annotated[Path, typer.Option(help="The audit's folder; encoders and claims may be added to one.")] = Path("runs/audit"),
    on: On = "local",
    twins: Annotated[bool, typer.Option(help="Audit a random twin of each architecture too.")] = True,
    budget: Annotated[str, typer.Option(help="Time for each encoder, cheapest claims first: 90s, 10m, 1h.")] = "",
    scale: Scale = 1.0,
    seed: Seed = 0, device: Device = "cpu", dtype: Dtype = "float32", allow_pickle: Pickle = False, trust_remote_code: Remote = False,
    strict: Strict = False, control_twins: ControlTwins = 1,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The same claims on many encoders and their random twins: a matrix of verdicts, and each claim over all encoders."""
    from bertology.auditing import audit as audited
    from bertology.corpus.corpora import parse
    from bertology.job import seconds

    wait = seconds(budget) if budget else None
    with Bar() as progress:
        done = audited(
            models or [], claims=split(claims), corpora=parse(corpus or []), out=out, on=on, twins=twins, budget=wait, scale=scale,
            seed=seed, progress=progress, strict=strict, control_twins=control_twins, device=device, dtype=dtype,
            allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    say(done, as_json)
    if done.failed:
        raise typer.Exit(1)


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

    with Bar() as progress:
        done = score_file(
            model, file, method=method, out=out, precision=precision, seed=seed, progress=progress,
            device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    if page is not None:
        write_page(done, page)
    if as_json:
        print_json(done.to_json())
        return
    for line in done.lines():
        typer.echo(line)
    if page is not None:
        typer.echo(page)


def _print_table(results: Any) -> None:
    from rich.console import Console

    from bertology.report import table

    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table(results))
