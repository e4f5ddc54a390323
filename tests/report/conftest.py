"""Pages rendered once a session."""

from pathlib import Path

import pytest

from bertology import report
from bertology.record.folder import RunFolder
from tests.report import synthetic


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    made = synthetic.run(tmp_path_factory.mktemp("a") / "run")
    made.write_report(report.render(made))
    return made


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A shallower encoder's run that lacks one claim of `folder` and has one of its own."""
    made = synthetic.run(tmp_path_factory.mktemp("b") / "run", seed=1, layers=6, name="distilbert", many=1)
    (made.path / "results" / "syn-08.json").unlink()
    return made


@pytest.fixture(scope="session")
def comparison(folder: RunFolder, other: RunFolder) -> Path:
    page = folder.path / "comparison.html"
    page.write_text(report.render_comparison(folder, other), encoding="utf-8")
    return page
