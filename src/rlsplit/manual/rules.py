"""Which rules touch a key: those that share or set it, those that name it when they refuse, warn or note.

``rule_keys.json`` has them, code by code, since it takes a run of every example of the rulebook to know:
``python tests/documentation.py`` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from rlsplit.manual.keys import Of, Spot

FILE: Final = "rule_keys.json"


@cache
def rules_of(of: Of) -> Mapping[Spot, tuple[str, ...]]:
    """Give the codes that touch each key, in the order of the alphabet."""
    written: dict[Of, dict[str, list[str]]] = json.loads(files(__package__ or "").joinpath(FILE).read_text("utf-8"))
    found: dict[Spot, list[str]] = {}
    for code, keys in written.get(of, {}).items():
        for key in keys:
            table, _, name = key.rpartition(".")
            found.setdefault((table, name), []).append(code)
    return MappingProxyType({spot: tuple(codes) for spot, codes in found.items()})
