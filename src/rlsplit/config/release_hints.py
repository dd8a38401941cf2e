"""What to say of a key that an earlier release of prime-rl had: where it is now, since when, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from rlsplit.findings import KeyPath, clipped, dotted
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.changes import Change, KnownChange, changes, keys, known_change, spelled

_MOST_KEYS: Final = 40
"""Of a table that is gone, so many keys are followed."""


def changed(path: KeyPath, value: Any) -> str | None:
    """Tell what became of a path and, if a table stands there, of each key in it that went elsewhere."""
    known = known_change(path)
    inner = list(_inner(path, value, known))
    if known is None:
        if inner:
            return f"its keys are elsewhere now: {'; '.join([*inner, *_unknown_keys(path, value)])}"
        return _keys_elsewhere(path)
    if known.new:
        return "; ".join([_now(path, value, known), *inner])
    if inner:
        return f"{'; '.join(inner)}; the rest is gone since {known.since}{_why(known.change)}"
    if known.change.instead:
        return f"it is gone since {known.since}{_why(known.change)}"
    return f"remove it: it is gone since {known.since}{_why(known.change)}"


def _why(change: Change) -> str:
    return f"; instead, {change.instead}" if change.instead else f"; {change.note}"


def _now(path: KeyPath, value: Any, known: KnownChange) -> str:
    """Where it is, since when, and how the value is written there."""
    more = known.change.note or known.change.instead
    text = f"it is {_places(path, known)} since {known.since}{_values(known.change, value)}"
    return f"{text}; {more}" if more else text


def _places(path: KeyPath, known: KnownChange) -> str:
    indices = [part for part in path if isinstance(part, int)]
    return " or ".join(f"{spelled(new, indices)}{_variant(new)}" for new in known.new)


def _variant(new: Iterable[Any]) -> str:
    tags = [f'type = "{step.tag}"' for step in new if step.tag]
    return f" ({', '.join(tags)})" if tags else ""


def _values(change: Change, value: Any) -> str:
    """How what was written is written today; of other values, how all are."""
    word = _word(value)
    rows = {word: change.values[word]} if word in change.values else change.values
    told = "; ".join(f"{old}: {new}" for old, new in rows.items() if old != new)
    return f" ({told})" if told else ""


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, str)) or value is None else ""


def _inner(path: KeyPath, value: Any, known: KnownChange | None) -> Iterator[str]:
    """Follow the keys of a table, or of all tables of a list, where they did not just move with it."""
    told: set[str] = set()
    for below, inner in _keys_in(path, value):
        change = known_change(below)
        name = dotted([part for part in below[len(path) :] if isinstance(part, str)])
        if change and change.is_own and name not in told and (known is None or change.change is not known.change):
            told.add(name)
            yield _inner_told(below, inner, name, change)


def _inner_told(path: KeyPath, value: Any, name: str, known: KnownChange) -> str:
    row = known.change
    if known.new:
        more = row.note or row.instead
        return f"{name} is {_places(path, known)}{_values(row, value) or (f' ({more})' if more else '')}"
    return f"{name} is gone; instead, {row.instead}" if row.instead else f"remove {name}: {row.note}"


def _keys_in(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Every key below a path, with its value: of large tables and deep ones, the first."""
    pending: list[tuple[KeyPath, Any]] = [(path, value)]
    left = _MOST_KEYS
    while pending and left:
        above, node = pending.pop(0)
        if is_list(node):
            pending += [((*above, number), item) for number, item in enumerate(node[:_MOST_KEYS])]
        elif is_table(node):
            for name, inner in list(node.items())[:left]:
                left -= 1
                yield (*above, name), inner
                pending.append(((*above, name), inner))


def _unknown_keys(path: KeyPath, value: Any) -> Iterator[str]:
    """Name the keys of a table that is gone of which nothing is known."""
    written = list(value)[:_MOST_KEYS] if is_table(value) else []
    names = [name for name in written if known_change((*path, name)) is None]
    if names:
        yield f"of {clipped(', '.join(names), 80)} nothing is known"


def _keys_elsewhere(path: KeyPath) -> str | None:
    """Of a table that is gone and empty here: where its keys went."""
    moved = _moved_by_table().get(tuple(part for part in path if isinstance(part, str)))
    return clipped(f"its keys are elsewhere now: {'; '.join(moved)}") if moved else None


@cache
def _moved_by_table() -> Mapping[tuple[str, ...], list[str]]:
    """What to say of each key that moved, by the table that it stood in."""
    moved: dict[tuple[str, ...], list[str]] = {}
    for change in changes():
        if change.new:
            text = f"{change.old[-1].key} is {spelled(change.new[0])}"
            moved.setdefault(keys(change.old)[:-1], []).append(text)
    return moved
