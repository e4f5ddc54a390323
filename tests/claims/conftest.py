"""Embedded corpora at test size, made once."""

import pytest

from bertology.corpus.corpora import Corpora
from tests.planted import small


@pytest.fixture(scope="session")
def corpora() -> Corpora:
    return small()
