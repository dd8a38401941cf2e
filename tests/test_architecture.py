"""The shape of the package: imports run one way, functions and modules stay short."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from conftest import ROOT

SOURCES = ROOT / "src"
LONGEST_FUNCTION = 45
LONGEST_MODULE = 400

STAGES: list[tuple[str, ...]] = [
    (
        "version",
        "schema_dump",
        "words",
        "characters",
        "plain_types",
        "components",
        "secret_names",
        "secrets",
        "findings",
        "hints",
        "addresses",
        "line_diff",
        "kubernetes",
        "template_files",
        "schema_file",
        "report_formats",
        "releases",
        "request_fields",
        "unsafe_variables",
    ),
    ("run",),
    (
        "plain_data",
        "strategic_merge",
        "toml_marks",
        "toml_text",
        "toml_mistakes",
        "json_marks",
        "json_text",
        "overrides",
        "document",
    ),
    ("config.sections", "config.rules", "config.keys", "config.tables"),
    (
        "config",
        "releases.fits",
        "releases.own_keys",
        "releases.renderers",
        "releases.rules",
        "releases.sections",
        "releases.spelling",
        "releases.spoke",
        "releases.spokes",
        "releases.v0_7_0",
        "releases.v0_8_0",
    ),
    ("splitting",),
    ("platform",),
    ("planning",),
    ("startup",),
    ("manifests",),
    ("file_kinds",),
    ("compiler",),
    (
        "serialize",
        "deserialize",
        "owning",
        "component_files",
        "causes",
        "covering",
        "explaining",
        "excerpts",
        "reports",
        "rulebook",
        "schema",
        "schema_release",
        "platform_schema",
    ),
    ("migration", "drift", "manual"),
    ("starter",),
    ("preview",),
    ("diff",),
    ("api",),
    ("cli", "__main__"),
]
"""From the first stage to the last; a module belongs to the longest name here that its own begins with."""

LATER: dict[tuple[str, str], str] = {}
"""Imports of a later stage that are allowed, and why."""

LONG_FUNCTIONS = {
    "rlsplit.toml_marks.scan": "one pass over a text with its state in local names: method calls would double its time",
}
"""Functions that may be longer, and why."""


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        parts = path.relative_to(SOURCES).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    assert len(found) > 100
    return found


@cache
def imports() -> dict[str, frozenset[str]]:
    """Module to the modules that it imports anywhere: at run time, in a function, or for types only."""
    return {name: frozenset(imported(tree)) - {name} for name, tree in modules().items()}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else node.module


def test_no_module_imports_itself_through_others() -> None:
    # The names that ``rlsplit`` itself gives are loaded when they are first used.
    graph = {name: others for name, others in imports().items() if name != "rlsplit"}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' imports '.join(reversed(error.args[1]))}")


def stage(module: str) -> int:
    name = module.removeprefix("rlsplit.")
    fitting = [(len(prefix), i) for i, row in enumerate(STAGES) for prefix in row if below(name, prefix)]
    assert fitting, f"{module} belongs to no stage: give it one in STAGES"
    return max(fitting)[1]


def below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def test_no_stage_imports_a_later_one() -> None:
    later = {
        (name, other)
        for name, others in imports().items()
        for other in others
        if name != "rlsplit" and other != "rlsplit" and stage(name) < stage(other)
    }
    assert later == LATER.keys()


def test_every_stage_has_modules() -> None:
    for prefix in (prefix for row in STAGES for prefix in row):
        assert any(below(name.removeprefix("rlsplit."), prefix) for name in modules()), prefix


def functions() -> Iterator[tuple[str, int]]:
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{module}.{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_are_short() -> None:
    long = {name for name, lines in functions() if lines > LONGEST_FUNCTION}
    assert long == LONG_FUNCTIONS.keys()


def test_modules_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES.rglob("*.py")}
    assert {str(path.relative_to(SOURCES)): n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_the_folder_is_the_package() -> None:
    assert {path.name for path in Path(SOURCES).iterdir() if path.suffix != ".egg-info"} == {"rlsplit"}
