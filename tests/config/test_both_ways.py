"""A table that is compiled in both ways at once gives what either way gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli
from builders import table

from conftest import ROOT, conformance_cases
from rlsplit.config.hosted import without_sources
from rlsplit.config.reading.tables import read
from rlsplit.config.resolve import Given, Resolution, resolve, resolve_both
from rlsplit.config.rl_kind import RL
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.rl import RLConfig
from rlsplit.findings import has_errors
from rlsplit.splitting import artifact, split

CHUNKS = 8

WITH_EVAL = """
orchestrator.eval.source = [{ env.taskset.id = "math" }]
[[orchestrator.train.source]]
name = "external"
serve.address = "tcp://envs.example:5000"
env = { id = "search", depth = inf }
"""
WITHOUT_NAME = 'run = { dir = "here" }\norchestrator.renderer.name = "default"'


def tables() -> dict[str, dict[str, Any]]:
    """Every fixture that is TOML at all."""
    found = {}
    for path in sorted([*ROOT.glob("fixtures/*/rl.toml"), *ROOT.glob("fixtures/bad/*.toml")]):
        with suppress(ValueError, RecursionError):
            found[f"{path.parent.name}/{path.stem}"] = tomli.loads(path.read_text(encoding="utf-8"))
    assert len(found) > 70
    return found


def assert_same(given: dict[str, Any]) -> None:
    ways = [resolve(given, RL, mode=mode, given=Given(name_seed="run-1")) for mode in ("launcher", "hosted")]  # type: ignore[arg-type]
    both = resolve_both(given, RL, given=Given(name_seed="run-1"))
    assert both[0].findings == ways[0].findings
    told = {(finding.code, finding.path) for resolution in both for finding in resolution.findings}
    assert told == {(finding.code, finding.path) for resolution in ways for finding in resolution.findings}
    assert [has_errors(resolution.findings) for resolution in both] == [has_errors(way.findings) for way in ways]
    for ours, theirs in zip(both, ways, strict=True):
        assert parts(ours) == parts(theirs)
        if not has_errors(ours.findings):
            assert ours.config is not None
            assert theirs.config is not None
            assert ours.config.provenance == replace(theirs.config.provenance, derived=())
            assert artifact(split(ours.config)) == artifact(split(theirs.config))


def parts(resolution: Resolution) -> str | None:
    """The split as text, which keeps 1, 1.0 and true apart; of a refused table there is none."""
    if resolution.config is None or has_errors(resolution.findings):
        return None
    return repr(split(resolution.config))


@pytest.mark.parametrize("given", [pytest.param(given, id=name) for name, given in tables().items()])
def test_fixtures(given: dict[str, Any]) -> None:
    assert_same(given)


@pytest.mark.parametrize("text", ["", WITH_EVAL, WITHOUT_NAME, 'k8s = {}\nrun.name = "x"', "clean = true"])
def test_small_tables(text: str) -> None:
    assert_same(table(text))


def test_an_automatic_name_counts_sources_in_one_way_only() -> None:
    given = table()
    del given["run"]
    launcher, hosted = resolve_both(given, RL, given=Given(name_seed="run-1"))
    assert launcher.config is not None
    assert hosted.config is not None
    assert str(launcher.config.run.name).startswith("reverse-text--")
    assert str(hosted.config.run.name).startswith("no-env--")


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_conformance_configs(shared: Path, chunk: int) -> None:
    cases = list(conformance_cases(shared, chunk=chunk, of=CHUNKS))
    assert len(cases) > 100
    for case in cases:
        assert_same(case["config"])


def containers(value: Any) -> Iterator[int]:
    """The identity of everything in a tree that could be changed."""
    if isinstance(value, (Section, dict, list)):
        yield id(value)
    inner = value.__dict__ if isinstance(value, Section) else value
    for item in inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ():
        yield from containers(item)


@pytest.mark.parametrize("text", ["", WITH_EVAL, "[trainer.model.lora]\n[orchestrator.eval]\ninterval = 3"])
def test_sections_that_nobody_wrote_are_nobody_elses(text: str) -> None:
    first, second = read(RLConfig, table(text)).section, read(RLConfig, table(text)).section
    assert first == second
    assert not set(containers(first)) & set(containers(second))


def test_the_hosted_configuration_shares_nothing_with_the_launchers() -> None:
    config = read(RLConfig, table(WITH_EVAL)).section
    lean = without_sources(config)
    assert not set(containers(config)) & set(containers(lean))
    assert config.orchestrator.train.source
    assert config.orchestrator.eval
    assert not lean.orchestrator.train.source
    assert lean.orchestrator.eval is None
