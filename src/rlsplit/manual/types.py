"""What a JSON Schema of this package says of a value, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import tomli_w

from rlsplit.characters import escaped
from rlsplit.plain_data import is_list, is_table

Schema = dict[str, Any]

TOML_NULL: Final = '"None"'
"""TOML has no null: prime-rl and rlsplit read this text as one (B-04)."""

_REFERENCE: Final = "#/$defs/"
_TABLE_WITH: Final = "table whose "

_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "`true` or `false`",
        "object": "table",
        "null": f"`{TOML_NULL}`",
    }
)
_BOUNDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "below {}",
        "minItems": "at least {} of them",
    }
)


def toml(value: object) -> str:
    """Spell a value on one line as TOML does, what does not show escaped; null as the text that is read as one."""
    if value is None:
        return TOML_NULL
    if is_list(value):
        return f"[{', '.join(map(toml, value))}]"
    if is_table(value):
        pairs = ", ".join(f"{_key(name)} = {toml(item)}" for name, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return escaped(tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n"))


def _key(name: str) -> str:
    return escaped(tomli_w.dumps({name: 0}).removesuffix(" = 0\n"))


def type_text(schema: Schema) -> str:
    """Say which values a schema takes; choices and bounds included, tables by their tags."""
    said = list(dict.fromkeys(_alternatives(schema)))
    if any(each.startswith(_TABLE_WITH) for each in said):
        said = [each for each in said if each != "table"]
    return _either(said, ", or " if any(" or " in each or "," in each for each in said) else " or ")


def _either(said: Sequence[str], last: str = " or ") -> str:
    """Join alternatives: ``a, b or c``."""
    return ", ".join(said[:-1]) + last + said[-1] if len(said) > 1 else "".join(said)


def _alternatives(schema: Schema) -> Iterator[str]:
    tags = _tags(schema)
    if tags:
        yield f"{_TABLE_WITH}{tags}"
    elif "anyOf" in schema:
        for member in (*schema["anyOf"], *schema.get("else", {}).get("anyOf", ())):
            yield from _alternatives(member)
    elif "enum" in schema or "const" in schema:
        yield _either([f"`{toml(value)}`" for value in _distinct(schema.get("enum", [schema.get("const")]))])
    elif "$ref" in schema or "allOf" in schema:
        yield "table"
    elif "type" in schema:
        yield _typed(schema)


def _distinct(values: list[Any]) -> list[Any]:
    """Null and the text that stands for it are one."""
    return [value for value in values if value is not None] if "None" in values else values


def _tags(schema: Schema) -> str:
    conditions: list[Schema] = [part["if"]["properties"] for part in schema.get("allOf", []) if "if" in part]
    if not conditions:
        return ""
    (key,) = conditions[0]
    return f"`{key}` is " + _either([f"`{toml(condition[key]['const'])}`" for condition in conditions])


def _typed(schema: Schema) -> str:
    kinds: list[str] = schema["type"] if is_list(schema["type"]) else [schema["type"]]
    bounds = ", ".join(said.format(toml(schema[name])) for name, said in _BOUNDS.items() if name in schema)
    said = " or ".join(_typed_one(kind, schema) for kind in kinds)
    return f"{said}, {bounds}" if bounds else said


def _typed_one(kind: str, schema: Schema) -> str:
    if kind == "array":
        return _of_each("list of", schema.get("items"))
    if kind == "object" and "propertyNames" in schema:
        names = ", ".join(f"`{name}`" for name in schema["propertyNames"]["enum"])
        return f"table with {names}: {type_text(schema['additionalProperties'])}"
    if kind == "object" and "properties" in schema:
        return f"{_TABLE_WITH}other keys depend on what is installed"
    if kind == "object" and is_table(schema.get("additionalProperties")):
        return _of_each("table of", schema["additionalProperties"])
    return _TYPES[kind]


def _of_each(whole: str, schema: Any) -> str:
    inner = type_text(schema) if is_table(schema) else ""
    plural = {"text": "texts", "integer": "integers", "number": "numbers", "table": "tables", "list": "lists"}
    head, comma, rest = inner.partition(",")
    return f"{whole} {plural.get(head, head)}{comma}{rest}" if inner else whole.removesuffix(" of")


def tables_of(schema: Schema) -> Iterator[tuple[str, str, str | None]]:
    """Give the tables that a schema takes: sign of list or table around it, name, tag that chooses it."""
    found: dict[tuple[str, str], str | None] = {}
    for sign, name, tag in _held(schema):
        found[sign, name] = tag or found.get((sign, name))
    return ((sign, name, tag) for (sign, name), tag in found.items())


def _held(schema: Schema) -> Iterator[tuple[str, str, str | None]]:
    if "$ref" in schema:
        yield "", schema["$ref"].removeprefix(_REFERENCE), None
    for part in schema.get("anyOf", []):
        yield from _held(part)
    for part in schema.get("allOf", []):
        if "if" in part:
            ((key, condition),) = part["if"]["properties"].items()
            yield "", part["then"]["$ref"].removeprefix(_REFERENCE), f"{key} = {toml(condition['const'])}"
        else:
            yield from _held(part)
    for sign, inner in (("[]", schema.get("items")), (".*", schema.get("additionalProperties"))):
        if is_table(inner):
            yield from ((f"{sign}{further}", name, tag) for further, name, tag in _held(inner))
