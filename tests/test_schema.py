"""The JSON Schema that ships: up to date, valid, and right about what it can judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from goldens import bad, good, sft
from rlsplit import schema, schema_file
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.tree import inner_sections

SCHEMA: dict[str, Any] = json.loads(schema_file.text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

REFUSED = {
    "date-for-string",
    "empty",
    "fraction-for-integer",
    "k8s-table",
    "list-for-table",
    "missing-field",
    "missing-section",
    "missing-tag",
    "none-for-section",
    "not-a-choice",
    "other-variant-key",
    "out-of-bounds",
    "scalar-for-table",
    "string-for-list",
    "table-for-list",
    "ten-mistakes",
    "text-for-boolean",
    "unknown-key",
    "unknown-section",
    "unknown-tag",
    "wrong-type",
}
"""Bad fixtures whose mistake a schema can see: shapes, types, choices, bounds and unknown keys."""


def problems(path: Path) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomli.loads(path.read_text(encoding="utf-8")))]


def test_the_committed_schemas_are_those_the_sections_give() -> None:
    for run in schema.ROOTS:
        assert schema_file.text(run) == schema.spelled(run), "run python -m rlsplit.schema"
        jsonschema.Draft202012Validator.check_schema(json.loads(schema_file.text(run)))


def test_sft_configs_are_valid(shared: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_file.text("sft")))
    examples = sorted((shared / "sft" / "sft-examples").glob("*.toml"))
    assert examples
    for path in (*sft(), *examples):
        written = tomli.loads(path.read_text(encoding="utf-8"))
        assert [error.message for error in validator.iter_errors(written)] == []
        assert not validator.is_valid({**written, "trainer": {}})
        assert not VALIDATOR.is_valid(written)


@pytest.mark.parametrize("path", good(), ids=lambda path: path.parent.name)
def test_good_fixtures_are_valid(path: Path) -> None:
    assert problems(path) == []


def test_real_configs_are_valid(shared: Path) -> None:
    examples = sorted((shared / "conformance" / "examples").glob("*.toml"))
    assert examples
    assert {path.name: found for path in examples if (found := problems(path))} == {}


@pytest.mark.parametrize("path", [path for path in bad() if path.stem in REFUSED], ids=lambda path: path.stem)
def test_bad_shapes_are_refused(path: Path) -> None:
    assert problems(path)


def test_every_field_of_every_section_is_described() -> None:
    pending, seen = [RLConfig, SFTConfig], set()
    while pending:
        section = pending.pop()
        if section in seen:
            continue
        seen.add(section)
        pending += inner_sections(section)  # type: ignore[arg-type]
        assert section.__doc__, section
        assert set(schema.field_docs(section)) >= set(section.model_fields), section
    assert len(seen) > 100


def test_nothing_stands_beside_a_reference() -> None:
    """Taplo would not read it."""
    pending: list[Any] = [SCHEMA]
    references = 0
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "$ref" in node:
                references += 1
                assert node.keys() == {"$ref"}
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    assert references > 100
