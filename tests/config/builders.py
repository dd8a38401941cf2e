"""Small configs for tests of rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tomli

from rlsplit.compiler import Outcome, compile_sources
from rlsplit.document import Source
from rlsplit.findings import Finding, dotted

MINIMAL = """
run.name = "test"
max_steps = 100
[trainer]
[[orchestrator.train.source]]
env.taskset.id = "reverse-text"
[inference]
"""
MULTI_NODE = """
[deployment]
type = "multi_node"
num_train_nodes = 2
num_infer_nodes = 1
"""


def table(*texts: str, base: str = MINIMAL) -> dict[str, Any]:
    """Merge TOML texts over a base: tables key by key, everything else replaced."""
    merged: dict[str, Any] = {}
    for text in (base, *texts):
        _merge(merged, tomli.loads(text))
    return merged


def _merge(into: dict[str, Any], table: dict[str, Any]) -> None:
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def compiled(*texts: str, base: str = MINIMAL, mode: str = "launcher", **options: Any) -> Outcome:
    return compile_sources([Source(name="test", content=table(*texts, base=base))], mode=mode, **options)  # type: ignore[arg-type]


def errors(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, dotted(finding.path)) for finding in findings if finding.severity == "error"]


def warnings(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, dotted(finding.path)) for finding in findings if finding.severity == "warning"]
