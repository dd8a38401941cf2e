"""Mending: a table without its bad values, so that the rest of it can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args, get_origin

from pydantic_core import ErrorDetails

from rlsplit.config.reading.locations import alternatives
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import is_section, members, tag_field, tag_of
from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_list, is_table


def mended(kind: type[Section], table: Any, problems: Mapping[KeyPath, list[ErrorDetails]]) -> Any:
    """Copy the table once, with every bad value taken out, or replaced where a value has to stand."""
    edits = _Edits()
    for path, group in problems.items():
        needed = group[0]["type"] == "missing" or isinstance(path[-1], int) or _is_required(kind, path)
        edits.at(path).value = _stand_in(alternatives(kind, path)) if needed else _ABSENT
    return _edited(table, edits)


_ABSENT: Final = object()
_KEPT: Final = object()


@dataclass(slots=True)
class _Edits:
    """Values to put into a table, by key: a tree of the same shape."""

    value: Any = _KEPT
    below: dict[str | int, _Edits] = field(default_factory=dict[str | int, "_Edits"])

    def at(self, path: KeyPath) -> _Edits:
        here = self
        for part in path:
            here = here.below.setdefault(part, _Edits())
        return here


def _edited(node: Any, edits: _Edits) -> Any:
    if edits.value is not _KEPT:
        return edits.value
    if is_list(node):
        return [_edited(item, edits.below[i]) if i in edits.below else item for i, item in enumerate(node)]
    if not is_table(node):
        return node
    table = dict(node)
    for part, inner in edits.below.items():
        key = _spelled(node, str(part))
        table[key] = _edited(node.get(key, {}), inner)
        if table[key] is _ABSENT:
            del table[key]
    return table


def _spelled(node: Mapping[str, Any], key: str) -> str:
    """The key as it was written: sections that read ``a-b`` as ``a_b`` are reported by the latter (I-01)."""
    kebab = key.replace("_", "-")
    return kebab if key not in node and kebab in node else key


def _is_required(kind: type[Section], path: KeyPath) -> bool:
    return any(
        is_section(parent) and path[-1] in parent.model_fields and parent.model_fields[str(path[-1])].is_required()
        for parent in alternatives(kind, path[:-1])
    )


def _stand_in(alternatives: tuple[Any, ...]) -> Any:
    """A value that a field accepts, to read the rest around it; never judged, since its field becomes unreadable."""
    for member in alternatives:
        if is_section(member):
            key = tag_field(member)
            return {key: tag_of(member, key)} if key else {}
        if get_origin(member) is Literal:
            return get_args(member)[0]
        if get_origin(member) is list:
            return [_stand_in(members(get_args(member)[0]))]
        if member in _STAND_INS:
            return _STAND_INS[member]
    return {}


_STAND_INS: Final[Mapping[Any, Any]] = {int: 1, float: 1.0, str: "x", bool: False}
