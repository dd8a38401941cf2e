"""The JSON Schemas that ship with this release; :mod:`rlsplit.schema` and :mod:`rlsplit.platform_schema` make them."""

from __future__ import annotations

from importlib.resources import files
from typing import Final, Literal

FILE: Final = "rl.schema.json"
PLATFORM_FILE: Final = "platform.schema.json"


def text(of: Literal["rl", "platform"] = "rl") -> str:
    """Return the schema of an ``rl.toml``, or of a ``platform.toml`` (JSON Schema 2020-12)."""
    file = {"rl": FILE, "platform": PLATFORM_FILE}[of]
    return files("rlsplit").joinpath(file).read_text(encoding="utf-8")
