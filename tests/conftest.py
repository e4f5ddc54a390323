"""Fixtures for all tests: where the real data is, if it is."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real corpora: $BERTOLOGY_DATA, else ../shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BERTOLOGY_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name the folder in BERTOLOGY_DATA")
    return folder
