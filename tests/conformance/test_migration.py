"""Files of earlier releases, migrated, against what a faithful migration of each must contain and say."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomli
import tomli_w

from conftest import SHARED
from rlsplit.compiler import compile_sources
from rlsplit.document import Source
from rlsplit.findings import dotted
from rlsplit.migration import Migration, migrate
from rlsplit.plain_data import value_at
from rlsplit.releases.changes import change_of, keys, known_change
from rlsplit.releases.defaults import changed_defaults
from rlsplit.releases.release import V0_7_0, V0_8_0, Release
from rlsplit.releases.spelling import raised

FOLDER = SHARED / "releases" / "migration"

CONTRADICTIONS = {"wild-05": ["trainer.model.attn: still there"]}
"""Where the data asks for a pin and for its absence."""

NAMES_NO_ENVIRONMENT = "O-10"


@pytest.fixture(scope="module")
def check(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("check", shared / "releases" / "migration" / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries() -> list[Any]:
    if not FOLDER.is_dir():
        return []
    data = [(name, json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))) for name in ("pairs", "wild")]
    return [pytest.param(entry, id=entry["id"]) for name, table in data for entry in table[name]]


def text_of(entry: Any) -> str:
    return (FOLDER / entry["old_toml"]).read_text(encoding="utf-8")


def is_said(migration: Migration, old: str) -> bool:
    """Whether a finding is about a key, or about one around or in it."""
    said = [dotted(each.path) for each in migration.findings]
    # The files were read after their oldest list had its later name.
    names = (old, old.replace("orchestrator.train.env", "orchestrator.env"))
    return any(one.startswith(name) or name.startswith(one) for one in said if one for name in names)


def test_the_data_is_there(shared: Path) -> None:
    assert len(entries()) == 149


@pytest.mark.parametrize("pins", [False, True], ids=["plain", "pinned"])
@pytest.mark.parametrize("entry", entries())
def test_a_migration_is_faithful(entry: Any, pins: bool, check: ModuleType) -> None:
    migration = migrate(text_of(entry), from_release=entry["tag"], pin_defaults=pins)
    table = tomli.loads(migration.text)
    known = CONTRADICTIONS.get(entry["id"], []) if pins else []
    assert check.problems(entry, table, answers=True, pins=pins) == known
    assert [lost["old"] for lost in entry["lost"] if not is_said(migration, lost["old"])] == []
    again = migrate(migration.text, pin_defaults=pins)
    assert (again.text, again.edits) == (migration.text, ())


def errors(text: str) -> Counter[str]:
    findings = compile_sources([Source(name="rl.toml", content=text)]).findings
    return Counter(each.code for each in findings if each.severity == "error")


@pytest.mark.parametrize("given", [True, False], ids=["given", "found out"])
@pytest.mark.parametrize(("tag", "number"), [("v0.8.0", 46), ("v0.7.0", 55), ("v0.6.0", 51)])
def test_shipped_configs_compile_after_migrating(tag: str, number: int, given: bool, shared: Path) -> None:
    files = sorted((shared / "releases" / "conformance" / f"examples-{tag}").glob("*.toml"))
    assert len(files) == number
    for file in files:
        migration = migrate(file.read_text(encoding="utf-8"), from_release=tag if given else None)
        is_classic = any(each.code == "migrate.environment" for each in migration.findings)
        assert set(errors(migration.text)) == ({NAMES_NO_ENVIRONMENT} if is_classic else set()), file.name
        assert not (is_classic and tag == "v0.8.0")


@pytest.mark.parametrize(("start", "goal"), [("v0.6.0", "v0.7.0"), ("v0.6.0", "v0.8.0"), ("v0.7.0", "v0.8.0")])
def test_shipped_configs_compile_for_releases_between(start: str, goal: str, shared: Path) -> None:
    for file in sorted((shared / "releases" / "conformance" / f"examples-{start}").glob("*.toml")):
        migration = migrate(file.read_text(encoding="utf-8"), from_release=start, to_release=goal)
        outcome = compile_sources([Source(name="rl.toml", content=migration.text)], release=goal)
        assert outcome.config is not None, (file.name, outcome.findings)


# --- migrated and compiled, against the old compile's own up pass ------------------------------------------------

DERIVED = {"output_dir", "name", "id", "base_url", "filter_zero_advantages", "ckpt"}
"""Last keys whose value follows rules that changed: folders, names, addresses as text, and package names."""


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not value or not isinstance(value, (dict, list)) or (isinstance(value, list) and not isinstance(value[0], dict)):
        yield path, value
        return
    for key, item in inner:
        yield from leaves(item, (*path, key))


def is_explained(path: tuple[str | int, ...], old: Any, new: Any) -> bool:
    """Whether the table of changes has a row about a path, or its default changed, or the whole table is a default."""
    names = tuple(part for part in path if isinstance(part, str))
    rows = change_of(names) or known_change(path)
    defaults = {keys(row.path) for row in changed_defaults()}
    benched = names[:3] == ("trainer", "data", "fake")
    is_vision = names[0] == "inference" and "vlm" in names  # no longer shared with the engine
    return (
        bool(rows)
        or is_vision
        or names in defaults
        or names[-1] in DERIVED
        or old in ({}, None)
        or benched
        or new == old
    )


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items()}
    return [without_null(item) for item in value] if isinstance(value, list) else "None" if value is None else value


@pytest.mark.slow
@pytest.mark.parametrize("release", [V0_8_0, V0_7_0], ids=lambda release: release.tag)
def test_what_was_said_is_still_said(release: Release, shared: Path) -> None:
    file = shared / "releases" / "conformance" / f"cases-{release.tag}-dev.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        cases = [json.loads(line) for number, line in enumerate(lines) if number % 9 == 0]
    compared = 0
    for case in cases:
        if not case["launcher"]["ok"]:
            continue
        text = tomli_w.dumps(without_null(case["config"]))
        migration = migrate(text, from_release=release.tag)
        assert not migration.is_refused, case["id"]
        old = compile_sources([Source(name="o", content=text)], release=release, until="split").split
        new = compile_sources([Source(name="n", content=migration.text)], until="split").split
        if old is None or new is None:
            assert [each for each in migration.findings if each.severity == "warning"], case["id"]
            continue
        compared += 1
        parts = [part for part in ("trainer", "orchestrator", "inference") if getattr(old, part)]
        risen = raised({part: getattr(old, part).sparse for part in parts}, release).table
        for path, value in leaves(dict(risen)):
            found = value_at(getattr(new, str(path[0])).resolved, path[1:])
            assert found == value or is_explained(path, value, found), (case["id"], path, value, found)
    assert compared > 40
