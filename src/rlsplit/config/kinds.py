"""The kinds of runs, and which one a document is (SFT-01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlsplit.config.rules import KindName
from rlsplit.config.run_kind import RunKind


def kind_of(table: Mapping[str, Any]) -> KindName:
    """Tell whether a document is an ``sft.toml`` or an ``rl.toml``, as the hosted client does: by its root keys alone.

    An ``sft.toml`` that leaves its data at the default is taken for an ``rl.toml`` (SFT-03).
    """
    return "sft" if "data" in table and not {"trainer", "orchestrator"} & table.keys() else "rl"


def kind_named(name: KindName) -> RunKind[Any]:
    """Give a kind by its name; its rules and sections are loaded when they are first asked for."""
    if name == "sft":
        from rlsplit.config.sft.kind import SFT

        return SFT
    from rlsplit.config.rl_kind import RL

    return RL
