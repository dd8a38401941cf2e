"""The JSON Schema that ships with this release; :mod:`rlsplit.schema` makes it."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

FILE: Final = "rl.schema.json"


def text() -> str:
    """Return the schema of an ``rl.toml`` (JSON Schema 2020-12)."""
    return files("rlsplit").joinpath(FILE).read_text(encoding="utf-8")
