"""Shared by all tests: where things are, and what to do when the shared data is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared test data, which stands beside a checkout in CI but is not shipped."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here: it belongs to the project's CI, not to a checkout")
    return SHARED
