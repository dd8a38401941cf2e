"""Every key of an ``rl.toml`` or ``sft.toml`` and every setting of a cluster, read from the JSON Schemas that ship."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal

from rlsplit.manual.types import Schema, tables_of, toml, type_text
from rlsplit.plain_data import is_table
from rlsplit.schema_file import text

Of = Literal["rl", "sft", "platform"]
"""Which file has a key."""

Spot = tuple[str, str]
"""A key by the table that has it, wherever that stands."""

ROOTS: Final[Mapping[Of, str]] = MappingProxyType(
    {"rl": "RLConfig", "sft": "SFTConfig", "platform": "PlatformSettings"}
)
"""The table around everything in each file, by the name of its section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table."""

    name: str
    about: str
    """What it means, in one or a few sentences with code in backticks."""
    type: str
    """Types, choices and bounds in words."""
    default: str | None
    """Spelled as TOML; None: it must be written, or it is a table."""
    is_required: bool
    holds: tuple[Held, ...]
    """The tables that may stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A table that may stand at a key."""

    sign: str
    """``[]`` for the items of a list, ``.*`` for the values of a table with any keys, else empty."""
    table: str
    variant: str | None
    """The tag that chooses it among several: ``type = "muon"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of table, which may stand at several places."""

    name: str
    """Name of its section, which is a class of prime-rl's or of :mod:`rlsplit.platform`."""
    about: str
    keys: tuple[Key, ...]
    takes_any: bool
    """Whether it also takes keys that are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A table where it stands."""

    path: str
    """``orchestrator.train.source[]``; empty for the root."""
    table: str
    variants: tuple[str, ...]
    """The tags that lead there, the innermost last."""
    variant: str | None
    """The tag of this very table."""

    def path_of(self, key: str) -> str:
        """The path of one of its keys."""
        return f"{self.path}.{key}" if self.path else key


@cache
def tables(of: Of) -> Mapping[str, Table]:
    """Every kind of table by its name, in the order of the schema."""
    schema = _schema(of)
    named = {ROOTS[of]: schema, **schema["$defs"]}
    return MappingProxyType({table.name: table for name, node in named.items() for table in _with_inner(name, node)})


@cache
def places(of: Of) -> tuple[Place, ...]:
    """Every table at every place where it may stand, outer ones first."""
    root = Place(path="", table=ROOTS[of], variants=(), variant=None)
    return (root, *_below(of, root, (root.table,)))


def _below(of: Of, place: Place, around: tuple[str, ...]) -> Iterator[Place]:
    for key in tables(of)[place.table].keys:
        for held in key.holds:
            if held.table not in around:
                variants = (*place.variants, held.variant) if held.variant else place.variants
                path = f"{place.path_of(key.name)}{held.sign}"
                inner = Place(path=path, table=held.table, variants=variants, variant=held.variant)
                yield inner
                yield from _below(of, inner, (*around, held.table))


def spots(of: Of, path: Iterable[str], table: str = "") -> tuple[Spot, ...]:
    """Find the keys at a path below a table, the root if none is named: of a union, those of every variant."""
    here = {table or ROOTS[of]: None}
    found: list[Spot] = []
    for name in path:
        held = [(at, key) for at in here if at in tables(of) for key in tables(of)[at].keys if key.name == name]
        found = [(at, key.name) for at, key in held]
        here = dict.fromkeys(inner.table for _, key in held for inner in key.holds)
    return tuple(found)


@cache
def _schema(of: Of) -> Schema:
    schema: Schema = json.loads(text(of))
    return schema


def _with_inner(name: str, node: Schema) -> Iterator[Table]:
    """Make a table, and those that are written out in it and so have no name of their own."""
    yield _table(name, node)
    for key, schema in node.get("properties", {}).items():
        if _is_written_out(schema):
            yield from _with_inner(f"{name}.{key}", {**schema, "additionalProperties": True})


def _is_written_out(schema: Schema) -> bool:
    return "properties" in schema and "allOf" not in schema


def _table(name: str, node: Schema) -> Table:
    required = node.get("required", ())
    properties: Mapping[str, Schema] = node.get("properties", {})
    return Table(
        name=name,
        about=plain(node.get("description", "")),
        keys=tuple(_key(name, key, schema, key in required) for key, schema in properties.items()),
        takes_any=node.get("additionalProperties") is True,
    )


def _key(table: str, name: str, schema: Schema, is_required: bool) -> Key:
    held = [("", f"{table}.{name}", None)] if _is_written_out(schema) else tables_of(schema)
    holds = tuple(Held(sign=sign, table=inner, variant=tag) for sign, inner, tag in held)
    default = schema.get("default")
    return Key(
        name=name,
        about=plain(schema.get("description", "")),
        type=type_text(schema),
        default=None if "default" not in schema or (holds and is_table(default)) else toml(default),
        is_required=is_required,
        holds=holds,
    )


def plain(about: Any) -> str:
    """Put a docstring on one line, with code in single backticks as everywhere else."""
    return " ".join(str(about).replace("``", "`").split())
