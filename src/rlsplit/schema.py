"""The JSON Schemas of an ``rl.toml`` and an ``sft.toml``, made from the sections, for editors and other validators.

:func:`build` makes one and reads the sources of the sections for their docstrings, which is why what ships is its
result, ``rl.schema.json`` and ``sft.schema.json``: ``python -m rlsplit.schema`` writes them anew.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

from rlsplit.config.rules import KindName
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.root import RootConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.tree import held_sections
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import section_of
from rlsplit.schema_file import FILES

UNKNOWN_KEY: Final[dict[str, Any]] = {"not": {"title": "a key that this table does not have"}}
"""Refuses whatever stands under a key; unlike ``false``, at the key itself."""

ENV_BLOCK: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Environment plugin."},
        "taskset": {
            "type": "object",
            "properties": {"id": {"type": "string", "description": "Task plugin."}},
        },
    },
}
"""What every environment block has; the rest depends on installed packages."""


ROOTS: Final[Mapping[KindName, type[RootConfig]]] = MappingProxyType({"rl": RLConfig, "sft": SFTConfig})
"""Kind of run to what its document is."""


def build(release: Release = NEWEST, run: KindName = "rl") -> dict[str, Any]:
    """Make the schema (JSON Schema 2020-12) of a release's sections, with every key where it stands today."""
    kind = section_of(ROOTS[run], release)
    made = kind.model_json_schema()
    held = {name: schema for name, schema in made.pop("$defs").items() if schema["title"] in _sections(kind)}
    definitions = {name: _section(kind, schema) for name, schema in held.items()}
    root = _section(kind, {**made, "title": ROOTS[run].__name__})
    del root["title"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"prime-rl {run}.toml",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _section(root: type[Section], schema: dict[str, Any]) -> dict[str, Any]:
    section = _sections(root)[schema["title"]]
    schema = {**schema, "additionalProperties": True if section.keeps_unknown else UNKNOWN_KEY}
    # What a release does not have goes by an alias that nobody can write.
    known = {name: value for name, value in schema.get("properties", {}).items() if name in section.model_fields}
    properties = {name: _property(section, name, value) for name, value in known.items()}
    for spelling, field in section.second_spellings.items():
        properties[spelling] = {**properties[field], "description": f"Another spelling of `{field}`."}
    if properties:
        schema["properties"] = properties
    return schema


def _property(section: type[Section], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    shape = {key: value for key, value in _shape(section, name, schema).items() if key != "title"}
    description = field_docs(section).get(name)
    return {**({"description": description} if description else {}), **_apart(shape)}


def _apart(shape: dict[str, Any]) -> dict[str, Any]:
    """Put a reference into ``allOf`` where something stands beside it: Taplo reads nothing beside a reference."""
    reference = shape.get("$ref")
    return {"allOf": [{"$ref": reference}], **{k: v for k, v in shape.items() if k != "$ref"}} if reference else shape


def _shape(section: type[Section], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    if name == "env" and schema.get("type") == "object":
        return ENV_BLOCK
    if name == "full_offload":
        schema = {**schema, "anyOf": [*schema["anyOf"], {"type": "boolean"}]}
    injected = section.injected_tags.get(name)
    shape: dict[str, Any] = _walked(schema, injected[1] if injected else None)
    return shape


def _walked(schema: Any, injected: str | None) -> Any:
    if is_list(schema):
        return [_walked(item, injected) for item in schema]
    if not is_table(schema):
        return schema
    if schema == {"type": "null"}:
        # TOML has no null: prime-rl reads the text "None" as one (B-04).
        return {"enum": [None, "None"]}
    if "discriminator" in schema:
        return _union(schema, injected)
    walked: dict[str, Any] = {key: _walked(value, injected) for key, value in schema.items() if key != "default"}
    if "anyOf" in walked:
        walked = _alternatives(walked)
    return {**walked, **({"default": schema["default"]} if "default" in schema else {})}


def _alternatives(schema: dict[str, Any]) -> dict[str, Any]:
    """A table or something else: what is a table is judged as one, so that an error in it stands at its key."""
    tables = [member for member in schema["anyOf"] if _is_table(member)]
    if len(tables) != 1:
        return schema
    others = [member for member in schema["anyOf"] if not _is_table(member)]
    return {
        **schema,
        # Judges nothing: editors find descriptions and keys here, which they do not look for behind `then`.
        "anyOf": [{}, tables[0]],
        "if": {"type": "object"},
        "then": tables[0],
        "else": {"anyOf": [{"type": "object"}, *others]},
    }


def _is_table(schema: dict[str, Any]) -> bool:
    return "$ref" in schema or schema.get("type") == "object"


def _union(schema: dict[str, Any], injected: str | None) -> dict[str, Any]:
    """Variants told apart by their tag, which only a table of the default variant may lack (B-06, B-07).

    One ``if`` for each variant, so that a wrong key is told once and not once for each variant.
    """
    discriminator = schema["discriminator"]
    key, variants = discriminator["propertyName"], discriminator["mapping"]
    rest = {key: value for key, value in schema.items() if key not in {"discriminator", "oneOf"}}
    return {
        **rest,
        "type": "object",
        "properties": {key: {"enum": list(variants)}},
        **({} if injected in variants else {"required": [key]}),
        "anyOf": [{}, *({"$ref": reference} for reference in variants.values())],
        "allOf": [
            {
                "if": {
                    "properties": {key: {"const": tag}},
                    **({} if tag == injected else {"required": [key]}),
                },
                "then": {"$ref": reference},
            }
            for tag, reference in variants.items()
        ],
    }


@cache
def _sections(root: type[Section]) -> dict[str, type[Section]]:
    """Every section that an ``rl.toml`` can hold, by class name."""
    found: dict[str, type[Section]] = {}
    pending: list[type[Section]] = [root]
    while pending:
        section = pending.pop()
        if section.__name__ not in found:
            found[section.__name__] = section
            pending += [
                held
                for field in section.model_fields.values()
                if field.validation_alias is None
                for held in held_sections(field.annotation)
            ]
    return found


@cache
def field_docs(section: type[Section]) -> dict[str, str]:
    """The docstrings under the fields of a section and of those that it inherits from."""
    docs: dict[str, str] = {}
    for base in reversed(section.__mro__):
        module = sys.modules[base.__module__]
        if issubclass(base, Section):
            docs |= _class_docs(module).get(base.__name__, {})
    return docs


@cache
def _class_docs(module: ModuleType) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(module))
    return {node.name: _attribute_docs(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _attribute_docs(node: ast.ClassDef) -> dict[str, str]:
    return {
        field.target.id: " ".join(doc.value.value.split())
        for field, doc in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(doc, ast.Expr)
        and isinstance(doc.value, ast.Constant)
        and isinstance(doc.value.value, str)
    }


def spelled(run: KindName = "rl") -> str:
    """Spell the schema of a kind of run as the committed file has it."""
    return json.dumps(build(run=run), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in ROOTS:
        Path(__file__).with_name(FILES[name]).write_text(spelled(name), encoding="utf-8", newline="\n")
