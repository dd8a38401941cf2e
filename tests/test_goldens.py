"""Fixtures give exactly what their golden files say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli
import yaml

import rlsplit
from goldens import bad, bad_sft, findings_of, goldens, good, older, release_of, report_path, run_id, sft
from rlsplit.config.components import load_component
from rlsplit.config.rules import KindName
from rlsplit.releases.release import served

GOOD, OLDER, BAD = [*good(), *sft()], older(), [*bad(), *bad_sft()]
assert len(GOOD) >= 8
assert len(OLDER) >= 4
assert len(BAD) >= 25


def fixture_name(path: Path) -> str:
    return (
        path.parent.name
        if path.parent.parent.name == "fixtures" and path.stem in ("rl", "sft")
        else f"{path.parent.name}-{path.stem}"
    )


@pytest.mark.parametrize("fixture", [*GOOD, *OLDER], ids=fixture_name)
def test_a_good_fixture_compiles_to_its_goldens(fixture: Path) -> None:
    made = dict(goldens(fixture))
    kept = {path for path in (fixture.parent / "expected").rglob("*") if path.is_file()}
    assert kept == set(made)
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} differs; see tests/goldens.py"


@pytest.mark.parametrize("fixture", BAD, ids=fixture_name)
def test_a_bad_fixture_gives_its_findings(fixture: Path) -> None:
    assert report_path(fixture).read_text(encoding="utf-8") == findings_of(fixture)
    assert "error[" in findings_of(fixture)


@pytest.mark.parametrize("fixture", [*GOOD, *OLDER], ids=fixture_name)
def test_goldens_are_read_back_as_the_same_config(fixture: Path) -> None:
    """TOML and JSON say the same, and a component that reads the sparse form has the resolved form's settings."""
    folder, release = fixture.parent / "expected", served(release_of(fixture) or "main").release
    resolved = json.loads((folder / "resolved.json").read_text(encoding="utf-8"))
    kind: KindName = "sft" if fixture.name == "sft.toml" else "rl"
    for component in ("trainer", "orchestrator", "evals", "inference"):
        name = "sft" if (kind, component) == ("sft", "trainer") else component
        path = folder / "sparse" / f"{name}.toml"
        assert path.is_file() == (component in resolved)
        if path.is_file():
            sparse = tomli.loads(path.read_text(encoding="utf-8"))
            read = [load_component(component, table, release, kind) for table in (sparse, resolved[component])]
            assert read[0] == read[1]


def test_the_smallest_fixture_bakes_a_short_config() -> None:
    smallest = next(path for path in GOOD if path.parent.name == "reverse-text")
    split = rlsplit.split(rlsplit.parse(smallest.read_bytes(), run_id=run_id(smallest)))
    components = [split.trainer, split.orchestrator, split.inference, *(s.config for s in split.env_servers)]
    for component in components:
        assert component is not None
        assert len(json.dumps(component.sparse, indent=2).splitlines()) <= 60


def test_ten_mistakes_of_ten_kinds_give_ten_findings_in_file_order() -> None:
    fixture = next(path for path in BAD if path.stem == "ten-mistakes")
    outcome = rlsplit.compile_sources([rlsplit.Source(name="f", content=fixture.read_bytes())])
    errors = [finding for finding in outcome.findings if finding.severity == "error"]
    assert len(errors) == 10
    marks = [finding.where for finding in errors]
    assert all(marks)
    assert marks == sorted(marks, key=str) or [m.line for m in marks if m] == sorted(m.line for m in marks if m)


@pytest.mark.parametrize("fixture", [*GOOD, *OLDER], ids=fixture_name)
def test_manifests_are_yaml_that_loads(fixture: Path) -> None:
    for workload in ("job", "jobset"):
        text = (fixture.parent / "expected" / f"{workload}.yaml").read_text(encoding="utf-8")
        assert all(document["kind"] for document in yaml.safe_load_all(text))
