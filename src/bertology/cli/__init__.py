"""The street: `bertology COMMAND`. Thin doors; every verb is a function elsewhere. Exit codes 0, 1 (a claim errored), 2 (bad input)."""

import typer

from bertology.cli import making, understanding  # noqa: F401 (their commands register themselves)
from bertology.cli.options import app
from bertology.record.errors import BadInput, NotApplicable


def main() -> None:
    """The entry point: what is wrong with the input is one message on standard error and exit code 2."""
    try:
        app()
    except BadInput as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
    except NotApplicable as error:
        typer.echo(f"NotApplicable: {error}.", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        typer.echo("Stopped. The same command goes on from here.", err=True)
        raise SystemExit(130) from None
