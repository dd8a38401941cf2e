"""A misspelled attribute is an error for both type checkers, wherever it stands."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

MISSPELLED = Path(__file__).with_name("misspelled.py")


def expected_lines() -> list[int]:
    lines = MISSPELLED.read_text(encoding="utf-8").splitlines()
    first = lines.index("    return [") + 2
    last = lines.index("    ]")
    found = list(range(first, last + 1))
    assert len(found) == 20
    return found


@pytest.mark.slow
def test_mypy_finds_every_misspelled_attribute() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(MISSPELLED)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in ran.stdout.splitlines() if ": error: " in line]
    assert [int(line.split(":")[1]) for line in errors] == expected_lines(), ran.stdout + ran.stderr
    assert all(line.endswith("[attr-defined]") for line in errors), errors


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_finds_every_misspelled_attribute() -> None:
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(MISSPELLED)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = json.loads(ran.stdout)["generalDiagnostics"]
    assert [error["range"]["start"]["line"] + 1 for error in errors] == expected_lines(), errors
    assert {error["rule"] for error in errors} == {"reportAttributeAccessIssue"}
