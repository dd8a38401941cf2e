"""The JSON Schema of a ``platform.toml``, made from the settings, for editors and other validators.

As with :mod:`rlsplit.schema` what ships is its result, ``platform.schema.json``: ``python -m rlsplit.platform_schema``
writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rlsplit.config.sections.base import Section
from rlsplit.config.tree import inner_sections
from rlsplit.plain_data import is_list
from rlsplit.platform import PlatformSettings
from rlsplit.schema import field_docs
from rlsplit.schema_file import FILES

UNKNOWN_SETTING: Final[dict[str, Any]] = {"not": {"title": "a setting that this table does not have"}}
"""Refuses whatever stands under a key; unlike ``false``, at the key itself."""


def build() -> dict[str, Any]:
    """Make the schema (JSON Schema 2020-12)."""
    made = PlatformSettings.model_json_schema()
    kinds = {kind.__name__: kind for kind in inner_sections(PlatformSettings)}
    kinds |= {inner.__name__: inner for kind in list(kinds.values()) for inner in inner_sections(kind)}
    definitions = {name: _table(kinds[name], schema) for name, schema in made["$defs"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rlsplit platform.toml",
        **_table(PlatformSettings, {key: value for key, value in made.items() if key != "$defs"}),
        "$defs": dict(sorted(definitions.items())),
    }


def _table(kind: type[Section], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": schema["description"],
        "properties": {name: _setting(kind, name, shape) for name, shape in schema["properties"].items()},
        "additionalProperties": UNKNOWN_SETTING,
    }


def _setting(kind: type[Section], name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    # Taplo reads nothing that stands beside a reference.
    references = {"allOf": [{"$ref": schema["$ref"]}]} if "$ref" in schema else {}
    shape = {key: _shape(value) for key, value in schema.items() if key not in ("title", "default", "$ref")}
    default = {"default": schema["default"]} if "default" in schema else {}
    return {"description": field_docs(kind)[name], **references, **shape, **default}


def _shape(value: Any) -> Any:
    if is_list(value):
        return [_shape(item) for item in value]
    # TOML has no null: the text "None" is read as one (B-04).
    return {"enum": [None, "None"]} if value == {"type": "null"} else value


def spelled() -> str:
    """Spell the schema as the committed file has it."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(FILES["platform"]).write_text(spelled(), encoding="utf-8", newline="\n")
