"""Plain data: what a document may hold, checked and copied.

That is strings, numbers, booleans, null, dates, tables, and lists of these. Whatever else a caller hands over, and
whatever is too deep or too large, becomes a finding and is left out of the copy (of a list, null takes its place).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Final

from rlsplit.findings import Finding, KeyPath

MAX_BYTES: Final = 8 * 1024 * 1024
"""The largest document that is read: bytes (of a ``str``, characters; of a table, the least its text could have)."""

MAX_DEPTH: Final = 100
"""The largest number of keys and list indices between the root and a value."""

MAX_FINDINGS: Final = 1000
"""After so many findings the rest of the data is not looked at."""

SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half of a character: JSON and Python let it pass, but no UTF-8 text can hold it."""

TOO_LARGE: Final = Finding(code="document.too-large", message=f"the document is larger than {MAX_BYTES // 2**20} MiB")
TOO_DEEP: Final = Finding(
    code="document.too-deep", message=f"tables and lists are nested more than {MAX_DEPTH} levels deep"
)
TOO_MANY: Final = Finding(code="document.too-many", message="there are more problems of this kind than can be listed")
BAD_INTEGER: Final = Finding(
    code="document.integer",
    message="the integer does not fit into 64 bits",
    hint="write it as a float or as a string",
)
_CYCLE: Final = Finding(code="document.cycle", message="the value contains itself")
_BAD_TEXT: Final = Finding(code="document.surrogate", message="the text holds half of a character (a lone surrogate)")
_BAD_KEY: Final = replace(_BAD_TEXT, message="a key holds half of a character (a lone surrogate)")

_INTEGERS: Final = range(-(2**63), 2**63)
SCALARS: Final = frozenset({str, int, float, bool, type(None)})
"""Types of plain data that hold nothing else, dates apart."""


def plain(given: Mapping[Any, Any], at: KeyPath = ()) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Copy a table that will stand at a path, and say what had to be left out."""
    if len(at) >= MAX_DEPTH:
        return {}, (replace(TOO_DEEP, path=at[:MAX_DEPTH]),)
    try:
        copy: dict[str, Any] = _copied(given, MAX_DEPTH - len(at), _Room(MAX_BYTES))
    except (_UnusualError, RecursionError):
        return _carefully_copied(given, at)
    return copy, ()


def value_at(data: Any, path: KeyPath, default: Any = None) -> Any:
    """Read a path of plain data; the default where a step is missing, or nothing can be entered on the way."""
    node = data
    for part in path:
        if isinstance(node, dict):
            if part not in node:
                return default
        elif not (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            return default
        node = node[part]
    return node


# --- what nearly all documents are: a quick copy that gives up ---------------------------------------------------


class _UnusualError(Exception):
    """There is something of which a careful copy must say what it is."""


class _Room:
    """What is left of a size; gives up below nothing."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _UnusualError


def _copied(container: Any, levels: int, room: _Room) -> Any:
    """Copy a table or list that has at most so many levels, itself included."""
    kind = type(container)
    if levels == 0 or (kind is not dict and kind is not list):
        raise _UnusualError
    if kind is list:
        room.take(2 * len(container))
        return [_copied_item(item, levels, room) for item in container]
    copy = {}
    for key, item in container.items():
        if type(key) is not str or not _is_harmless(key):
            raise _UnusualError
        copy[key] = _copied_item(item, levels, room)
    room.take(sum(map(len, copy)) + len(copy))
    return copy


def _copied_item(item: Any, levels: int, room: _Room) -> Any:
    kind = type(item)
    if kind is str:
        room.take(len(item))
        if _is_harmless(item):
            return item
    elif kind is int:
        if item in _INTEGERS:
            return item
    elif kind in SCALARS:
        return item
    else:
        return _copied(item, levels - 1, room)
    raise _UnusualError


def _is_harmless(text: str) -> bool:
    return text.isascii() or SURROGATE.search(text) is None


# --- all others --------------------------------------------------------------------------------------------------


def _carefully_copied(given: Mapping[Any, Any], at: KeyPath) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    root: dict[str, Any] = {}
    findings: list[Finding] = []
    room = MAX_BYTES
    opened: list[tuple[Any, Iterator[tuple[Any, Any]], Any]] = [(given, _entries(given), root)]
    above, path = {id(given)}, list(at)
    while opened:
        source, entries, copy = opened[-1]
        keyed = isinstance(copy, dict)
        for key, item in entries:
            name: Any = _key(key) if keyed else key
            value = name if isinstance(name, Finding) else _value(item, above, len(path) + 1)
            if isinstance(value, Finding):
                findings.append(replace(value, path=tuple(path) if value is name else (*path, name)))
                if len(findings) == MAX_FINDINGS:
                    return root, (*findings, TOO_MANY)
                continue
            copy[name] = value
            room -= _least_size(name, item)
            if room < 0:
                return {}, (TOO_LARGE,)
            if isinstance(value, (dict, list)):
                opened.append((item, _entries(item), value))
                above.add(id(item))
                path.append(name)
                break
        else:
            opened.pop()
            above.discard(id(source))
            del path[-1:]
    return root, tuple(findings)


def _entries(container: Any) -> Iterator[tuple[Any, Any]]:
    return iter(container.items() if isinstance(container, Mapping) else enumerate(container))


def _least_size(name: str | int, value: object) -> int:
    """Count what an entry needs in any text: a key and its sign, or an item and its comma."""
    return (len(name) + 1 if isinstance(name, str) else 2) + (len(value) if isinstance(value, str) else 0)


def _key(key: object) -> str | Finding:
    if not isinstance(key, str):
        return Finding(code="document.key", message=f"every key must be a string, not {_kind(key)}")
    return _BAD_KEY if SURROGATE.search(key) else str.__str__(key)


def _value(value: object, above: Set[int], depth: int) -> Any:
    """Return the plain form of a value (of a table or list: an empty one to be filled), or why there is none."""
    if type(value) in SCALARS or not isinstance(value, (dict, list, tuple, Mapping)):
        return _scalar(value)
    if id(value) in above:
        return _CYCLE
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    return [None] * len(value) if isinstance(value, (list, tuple)) else {}


def _scalar(value: object) -> Any:
    """Return a scalar as its plain type, or why it is refused.

    The unbound methods see through subclasses, whatever those override.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _BAD_TEXT if SURROGATE.search(value) else str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        return number if number in _INTEGERS else BAD_INTEGER
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, datetime):
        return datetime.combine(datetime.date(value), datetime.timetz(value))
    if isinstance(value, date):
        return date.fromordinal(date.toordinal(value))
    if isinstance(value, time):
        return datetime.timetz(datetime.combine(date.min, value))
    return Finding(code="document.type", message=f"a document cannot hold {_kind(value)}")


def _kind(value: object) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"
