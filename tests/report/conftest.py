"""Pages rendered once a session, and a headless Chromium to open them in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bertology import report
from bertology.record.folder import RunFolder
from tests.report import synthetic

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


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


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no Chromium with chromedriver on this machine")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield opened
    opened.quit()
