"""The JSON Schemas that ship with this release; :mod:`rlsplit.schema` and :mod:`rlsplit.platform_schema` make them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

Described = Literal["rl", "sft", "platform"]
"""What a schema is of: an ``rl.toml``, an ``sft.toml``, a ``platform.toml``."""

FILES: Final[Mapping[Described, str]] = MappingProxyType(
    {"rl": "rl.schema.json", "sft": "sft.schema.json", "platform": "platform.schema.json"}
)
"""Each to the file that ships."""


def text(of: Described = "rl") -> str:
    """Return the schema of a file (JSON Schema 2020-12)."""
    return files("rlsplit").joinpath(FILES[of]).read_text(encoding="utf-8")
