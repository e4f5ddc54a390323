"""Keys of what is made once and kept."""

import hashlib
from typing import Any


def made_key(*what: Any) -> str:
    """The key of an artefact: its kind, then all that decides what it is, by `repr`."""
    return f"{what[0]}-{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}"
