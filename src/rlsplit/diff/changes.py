"""Compare plain data: every value that differs, with its path, lists of named tables matched by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_list, is_table, value_at
from rlsplit.secrets import SecretText

_NAMES: Final = (("name",), ("env", "taskset", "id"), ("env", "id"), ("legacy", "id"), ("taskset", "id"), ("id",))
"""Where a table of a list may have its name, in the order of preference."""


class Absence(Enum):
    """The value of a key that is not there."""

    ABSENT = "(none)"


ABSENT: Final = Absence.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that differs; :data:`ABSENT` where it is missing on one side."""

    path: KeyPath
    """An item of a list of named tables is told by its name instead of its position."""
    old: Any
    new: Any


def changes(old: Any, new: Any, path: KeyPath = ()) -> Iterator[Change]:
    """Yield the innermost values that differ. Tables are entered; so are lists of tables whose items have names."""
    if is_table(old) and is_table(new):
        for key in dict.fromkeys((*old, *new)):
            yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif (tables := _named(old)) is not None and (others := _named(new)) is not None:
        yield from changes(tables, others, path)
        kept_old, kept_new = [n for n in tables if n in others], [n for n in others if n in tables]
        if kept_old != kept_new:
            yield Change(path=(*path, "order"), old=kept_old, new=kept_new)
    elif not is_equal(old, new):
        yield Change(path=path, old=old, new=new)


def is_equal(old: Any, new: Any) -> bool:
    """Whether two plain values are written alike: ``1``, ``1.0`` and ``true`` are three values."""
    if is_table(old) or is_list(old) or isinstance(old, (bool, int, float)):
        return type(old) is type(new) and _spelled(old) == _spelled(new)
    return bool(old == new)


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=SecretText.reveal)


def _named(value: Any) -> dict[str, Any] | None:
    """Key the tables of a list by their names; None if it is no such list, or two share a name."""
    if not is_list(value) or not value or not all(map(is_table, value)):
        return None
    tables = {name: item for item in value if (name := _name(item)) is not None}
    return tables if len(tables) == len(value) else None


def _name(table: Mapping[str, Any]) -> str | None:
    names = (value_at(table, path) for path in _NAMES)
    return next((name for name in names if isinstance(name, str)), None)
