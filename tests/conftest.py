"""Shared by all tests: where things are, and what to do when the shared data is absent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data, which stands beside a checkout in CI but is not shipped."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here: it belongs to the project's CI, not to a checkout")
    return SHARED


def conformance_cases(
    shared: Path, file: str = "cases-dev.jsonl.gz", *, chunk: int = 0, of: int = 1
) -> Iterator[dict[str, Any]]:
    """Read one of several equal parts of the conformance data."""
    return _lines(shared / "conformance" / file, chunk, of)


def sft_cases(
    shared: Path, file: str = "sft-cases-dev.jsonl.gz", *, chunk: int = 0, of: int = 1
) -> Iterator[dict[str, Any]]:
    """Read one of several equal parts of the conformance data of SFT runs."""
    return _lines(shared / "sft" / file, chunk, of)


def _lines(path: Path, chunk: int, of: int) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        found = [line for i, line in enumerate(lines) if i % of == chunk]
    assert found, f"{path} has no cases"
    return map(json.loads, found)
