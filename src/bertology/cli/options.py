"""What commands share: the app, options, how wishes are written, the progress bar, JSON."""

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
On = Annotated[str, typer.Option(help="local, ray (RAY_ADDRESS, else a cluster of this machine) or ray=ADDRESS.")]
Scale = Annotated[float, typer.Option(help="Size of the embedded corpora, 1 being the default.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a corpus with any broken sentence.")]
Seed = Annotated[int, typer.Option(help="Seed of corpora, splits, probes and the random twin.")]
ControlTwins = Annotated[
    int,
    typer.Option(help="Random twins that claims compare with: 1, or 3 and more for intervals over draws of weights."),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
Dtype = Annotated[str, typer.Option(help="float32 or bfloat16.")]
Pickle = Annotated[bool, typer.Option("--allow-pickle", help="Read pickled weights; only if you trust their source.")]
Remote = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with the model.")]
Label = Annotated[str, typer.Option(help="The column that holds the label, where several do.")]
Limit = Annotated[int | None, typer.Option(help="At most so many training examples.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Bar:
    """A progress bar with a time estimate on standard error; silent when that is no terminal."""

    def __enter__(self) -> "Bar":
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


def say(job: Any, as_json: bool) -> None:
    """What a finished job says of itself."""
    if as_json:
        print_json(job.to_json())
        return
    for line in job.lines():
        typer.echo(line)


def print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=1, ensure_ascii=False, default=str))


def files(given: list[Path] | None) -> list[Path]:
    """Files named or matched by wildcards that the shell left alone."""
    found: list[Path] = []
    for path in given or []:
        matched = sorted(path.parent.glob(path.name)) if any(c in path.name for c in "*?[") else [path]
        if not matched:
            raise BadInput(f"{path} matches no file.", "Check the path.")
        found += matched
    return found


def count(text: str) -> int | None:
    """ "500k", "50M", "1.5B" or a bare number."""
    if not text:
        return None
    units = {"k": 1e3, "m": 1e6, "b": 1e9}
    number, unit = (text[:-1], units[text[-1].lower()]) if text[-1].lower() in units else (text, 1)
    try:
        return int(float(number) * unit)
    except ValueError:
        raise BadInput(f"{text!r} is no number of tokens.", "Write it like 500k, 50M or 1.5B.") from None


def times(text: str) -> float | None:
    """ "2x" or a bare number."""
    if not text:
        return None
    try:
        return float(text.lower().removesuffix("x"))
    except ValueError:
        raise BadInput(f"{text!r} is no speed-up.", "Write it like 2x or 1.5x.") from None


def size_of(text: str) -> int | None:
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


def protected(text: str) -> tuple[list[str], float]:
    """ "agreement,syn-05>=0.95": names, and the least share of each."""
    names, _, share = text.partition(">=")
    try:
        return split(names), float(share) if share else 0.95
    except ValueError:
        raise BadInput(f"{share!r} is no share.", "Write it like agreement,negation>=0.95.") from None


def split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
