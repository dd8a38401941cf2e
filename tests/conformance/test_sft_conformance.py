"""rlsplit against what prime-rl's ``sft`` gives: 2637 synthetic configs and 13 real ones, both modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli
from adapter import rlsplit_detect, rlsplit_sparse, rlsplit_split
from test_conformance import canonical, compare, reload_problems, reloaded

from conftest import sft_cases

CHUNKS = 12
ALONE = ("deployment", "slurm", "dry_run", "clean", "inference")
"""What a trainer pod's file leaves out (SFT-77)."""


@pytest.mark.parametrize("mode", ["hosted", "launcher"])
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_synthetic_configs(shared: Path, chunk: int, mode: str) -> None:
    problems = [
        problem
        for case in sft_cases(shared, chunk=chunk, of=CHUNKS)
        for problem in compare(case["id"], case["config"], case[mode], mode, "auto_run_name" in case["tags"], "sft")
    ]
    assert not problems


@pytest.mark.parametrize("mode", ["hosted", "launcher"])
def test_real_configs(shared: Path, mode: str) -> None:
    found = sorted((shared / "sft" / "sft-examples").glob("*.toml"))
    assert len(found) == 13
    problems: list[str] = []
    for path in found:
        expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
        config = tomli.loads(path.read_text(encoding="utf-8"))
        problems += compare(path.name, config, expected[mode], mode, expected["auto_run_name"], "sft")
    assert not problems


def test_kinds_are_told_apart(shared: Path) -> None:
    cases = json.loads((shared / "sft" / "sft-detect.json").read_text(encoding="utf-8"))
    assert len(cases) > 20
    assert [case for case in cases if rlsplit_detect(case["config"], case["flag"]) != case["mode"]] == []


def alone(trainer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trainer.items() if key not in ALONE}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_sparse_form_loads_like_the_resolved_one(shared: Path, chunk: int) -> None:
    """And loading the resolved form changes exactly the entries that it changes for prime-rl (SFT-77)."""
    by_id = {case["id"]: case for case in sft_cases(shared, "sft-reload-dev.jsonl.gz", chunk=chunk, of=CHUNKS)}
    problems: list[str] = []
    for case in sft_cases(shared):
        if case["id"] not in by_id:
            continue
        forms = [split(case["config"], "launcher", "sft") for split in (rlsplit_split, rlsplit_sparse)]
        resolved, sparse = ({**form, "trainer_alone": alone(form["trainer"])} for form in map(dict[str, Any], forms))
        for part, reload in by_id[case["id"]].items():
            if part == "id":
                continue
            component = part.removesuffix("_alone")
            whole, lean = (reloaded(component, form[part], "sft") for form in (resolved, sparse))
            if canonical(whole, False) != canonical(lean, False):
                problems.append(f"{case['id']}: sparse {part} loads differently")
            problems += reload_problems(f"{case['id']} {part}", resolved[part], whole, reload)
    assert not problems
