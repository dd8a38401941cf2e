"""Compare plain data: every value that differs, with its path, lists of named tables matched by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.plain_data import SCALARS, is_list, is_table, value_at
from rlsplit.secrets import SecretText

_NAMES: Final = (("name",), ("env", "taskset", "id"), ("env", "id"), ("legacy", "id"), ("taskset", "id"), ("id",))
"""Where a table of a list may have its name, in the order of preference."""


class Absence(Enum):
    """The value of a key that is not there."""

    ABSENT = "(none)"


ABSENT: Final = Absence.ABSENT
_LEAVES: Final = SCALARS | {Absence, SecretText}
"""Types of what is compared as it is, most of all that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that differs; :data:`ABSENT` where it is missing on one side."""

    path: KeyPath
    """An item of a list of named tables is told by its name instead of its position."""
    old: Any
    new: Any


def changes(old: Any, new: Any, path: KeyPath = ()) -> Iterator[Change]:
    """Yield the innermost values that differ.

    Tables are entered, and so are lists of tables, whose items are told by name, or by number where not each has a
    name of its own. What only one side has is told key by key, too.
    """
    if type(old) in _LEAVES and type(new) in _LEAVES:
        if not is_equal(old, new):
            yield Change(path=path, old=old, new=new)
    elif _is_entered(old, new, is_table):
        before, after = _table(old, new), _table(new, old)
        for key in dict.fromkeys((*before, *after)):
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif _is_entered(old, new, _is_tables):
        yield from _item_changes(old, new, path)
    elif not is_equal(old, new):
        yield Change(path=path, old=old, new=new)


def _is_entered(old: Any, new: Any, is_kind: Callable[[Any], bool]) -> bool:
    """Whether both sides are tables, or lists of such; or one is, and not empty, and the other is not there."""
    sides = [side for side in (old, new) if side is not ABSENT]
    return all(map(is_kind, sides)) and (len(sides) == 2 or any(sides))


def _table(value: Any, other: Any) -> Mapping[str, Any]:
    """The keys of a side; of one that is alone, those that say something."""
    if value is ABSENT:
        return {}
    written = {key: item for key, item in value.items() if item is not None} if other is ABSENT else None
    return written or value


def _item_changes(old: Any, new: Any, path: KeyPath) -> Iterator[Change]:
    before, after = _items(old), _items(new)
    was, is_now = _named(before), _named(after)
    if was is None or is_now is None:
        for number in range(max(len(before), len(after))):
            yield from changes(_at(before, number), _at(after, number), (*path, number))
        return
    yield from changes(was, is_now, path)
    kept_old, kept_new = [n for n in was if n in is_now], [n for n in is_now if n in was]
    if kept_old != kept_new:
        yield Change(path=(*path, "order"), old=kept_old, new=kept_new)


def _items(value: Any) -> list[Any]:
    return [] if value is ABSENT else value


def _at(items: list[Any], number: int) -> Any:
    return items[number] if number < len(items) else ABSENT


def is_equal(old: Any, new: Any) -> bool:
    """Whether two plain values are written alike: ``1``, ``1.0`` and ``true`` are three values."""
    if isinstance(old, (bool, int, float)):
        return type(old) is type(new) and repr(old) == repr(new)
    if is_table(old) or is_list(old):
        return type(old) is type(new) and _spelled(old) == _spelled(new)
    return bool(old == new)


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=SecretText.reveal)


def _is_tables(value: Any) -> bool:
    return is_list(value) and all(map(is_table, value))


def _named(items: list[Any]) -> dict[str, Any] | None:
    """Key the tables of a list by their names; None if not each has one of its own."""
    tables = {name: item for item in items if (name := _name(item)) is not None}
    return tables if len(tables) == len(items) else None


def _name(table: Mapping[str, Any]) -> str | None:
    names = (value_at(table, path) for path in _NAMES)
    return next((name for name in names if isinstance(name, str)), None)
