"""Plain data: what a document may hold, checked and copied.

That is strings, numbers, booleans, null, dates, tables, and lists of these. Whatever else a caller hands over, and
whatever is too deep or too large, becomes a finding and is left out of the copy (of a list, null takes its place).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timezone
from typing import Any, Final, TypeGuard

from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_types import is_list as is_list
from rlsplit.plain_types import is_mapping as is_mapping
from rlsplit.plain_types import is_table as is_table

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
_SIMPLE: Final = frozenset({float, bool, type(None)})
SCALARS: Final = frozenset({str, int, float, bool, type(None)})
"""Types of plain data that hold nothing else, dates apart."""


def plain(given: Mapping[Any, Any], at: KeyPath = ()) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Copy a table that will stand at a path, and say what had to be left out."""
    if len(at) >= MAX_DEPTH:
        return {}, (replace(TOO_DEEP, path=at[:MAX_DEPTH]),)
    return _copied(given, at)


def value_at(data: Any, path: KeyPath, default: Any = None) -> Any:
    """Read a path of plain data; the default where a step is missing, or nothing can be entered on the way."""
    node = data
    for part in path:
        if is_table(node) and part in node:
            node = node[str(part)]
        elif is_list(node) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return default
    return node


class _EnoughError(Exception):
    """There are as many findings as can be listed, or more data than may be."""


@dataclass(slots=True)
class _Copying:
    """One table that is being copied."""

    room: int
    """Bytes that are left."""
    findings: list[Finding] = field(default_factory=list[Finding])
    above: set[int] = field(default_factory=set[int])
    """The tables and lists that are entered: what is met again contains itself."""

    def fill(self, copy: Any, given: object, path: KeyPath) -> None:
        """Copy what a table or list holds, which at most :data:`MAX_DEPTH` of them do within one another."""
        self.above.add(id(given))
        keyed, depth = isinstance(copy, dict), len(path) + 1
        for key, item in _entries(given):
            name: str | int | Finding = key
            if keyed and not (type(key) is str and key.isascii()):
                name = _key(key)
            # Most values are themselves the plain form, and a copy takes half the time when it sees that here.
            is_simple = type(item) in _SIMPLE or (type(item) is str and item.isascii())
            value = item if is_simple else _value(item, self.above, depth)
            if isinstance(name, Finding) or isinstance(value, Finding):
                self.refuse(name, value, path)
                continue
            copy[name] = value
            # What an entry needs in any text: a key and its sign, or an item and its comma.
            self.room -= (len(name) + 1 if isinstance(name, str) else 2) + (len(value) if type(value) is str else 0)
            if self.room < 0:
                raise _EnoughError
            if not is_simple and isinstance(value, (dict, list)):
                self.fill(value, item, (*path, name))
        self.above.discard(id(given))

    def refuse(self, name: str | int | Finding, value: Any, path: KeyPath) -> None:
        """Note where a bad key or a bad value stands."""
        self.findings.append(
            replace(name, path=path) if isinstance(name, Finding) else replace(value, path=(*path, name))
        )
        if len(self.findings) == MAX_FINDINGS:
            raise _EnoughError


def _copied(given: Mapping[Any, Any], at: KeyPath) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    root: dict[str, Any] = {}
    copying = _Copying(MAX_BYTES)
    try:
        copying.fill(root, given, at)
    except _EnoughError:
        return ({}, (TOO_LARGE,)) if copying.room < 0 else (root, (*copying.findings, TOO_MANY))
    return root, tuple(copying.findings)


_DICT: Final[Any] = dict
_LIST: Final[Any] = list
_TUPLE: Final[Any] = tuple
"""Whose own methods are called, whatever a subclass overrides."""


def _entries(container: Any) -> Iterator[tuple[Any, Any]]:
    """Give keys or numbers with their values; the unbound methods see through subclasses, as for scalars."""
    if is_table(container):
        return iter(_DICT.items(container))
    if is_mapping(container):
        return iter(container.items())
    items: Iterator[Any] = _LIST.__iter__(container) if is_list(container) else _TUPLE.__iter__(container)
    return enumerate(items)


def _key(key: object) -> str | Finding:
    """Return the plain form of a key, or why there is none."""
    if not isinstance(key, str):
        return Finding(code="document.key", message=f"every key must be a string, not {_kind(key)}")
    return _BAD_KEY if SURROGATE.search(key) else str.__str__(key)


def _value(value: object, above: Set[int], depth: int) -> Any:
    """Return the plain form of a value (of a table or list: an empty one to be filled), or why there is none."""
    if type(value) in SCALARS or not _is_container(value):
        return _scalar(value)
    if id(value) in above:
        return _CYCLE
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if is_list(value):
        return [None] * _LIST.__len__(value)
    return [None] * _TUPLE.__len__(value) if isinstance(value, tuple) else {}


def _is_container(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, (dict, list, tuple, Mapping))


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
        return _moment(value)
    if isinstance(value, date):
        return date.fromordinal(date.toordinal(value))
    if isinstance(value, time):
        return datetime.timetz(datetime.combine(date.min, value))
    return Finding(code="document.type", message=f"a document cannot hold {_kind(value)}")


def _moment(value: datetime) -> datetime | Finding:
    """Give a time with the mere distance of its zone, which may be of any class."""
    moment = datetime.combine(datetime.date(value), datetime.timetz(value))
    try:
        offset = moment.utcoffset()
    except Exception:  # whatever the class of a zone raises
        return Finding(code="document.type", message="a document cannot hold a time in a zone that fails")
    return moment if offset is None else moment.replace(tzinfo=timezone(offset))


def _kind(value: object) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"
