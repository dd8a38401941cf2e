"""Defaults that changed and that a config leaves alone: named, or written out with their old values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.migration.arranging import value_text
from rlsplit.migration.draft import Draft, path_of
from rlsplit.migration.training_rules import DEFAULT_BATCH
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.changes import Pattern
from rlsplit.releases.defaults import ChangedDefault, changed_defaults

_CAP: Final = ("orchestrator", "concurrency", "max_inflight")


def name_defaults(draft: Draft, *, is_pinned: bool) -> None:
    """Name every default that changed and that the config leaves alone, or write out its old value."""
    due = [
        (path, row)
        for row in changed_defaults()
        if row.is_between(draft.start, draft.goal)
        for path in _paths(draft, row)
    ]
    if is_pinned:
        for path, row in due:
            _pin(draft, path, row)
        return
    for path, row in due:
        if row.advice == "pin":
            draft.findings.append(_changed(draft, path, row))
    others = [f"{dotted(path)} (was {value_text(row.was)}): {row.effect}" for path, row in due if row.advice == "warn"]
    if others:
        message = f"other defaults changed since {draft.start}, which this config leaves alone: {'; '.join(others)}"
        hint = "--pin-defaults writes out the old ones"
        draft.findings.append(Finding(code="migrate.defaults", severity="notice", message=message, hint=hint))


def _changed(draft: Draft, path: KeyPath, row: ChangedDefault) -> Finding:
    return Finding(
        code="migrate.default",
        severity="warning",
        path=path,
        related=(draft.written(path),),
        message=f"another default since {row.since}: {row.effect}",
        hint=f"{dotted(path)} = {value_text(_was(draft, path, row))} is the old one; --pin-defaults writes it out",
    )


def _pin(draft: Draft, path: KeyPath, row: ChangedDefault) -> None:
    draft.put(path, _was(draft, path, row))
    for also, value in row.also.items():
        draft.put(also, value)


def _was(draft: Draft, path: KeyPath, row: ChangedDefault) -> Any:
    """The old default; that of the cap was the batch, or a group that is larger."""
    if path != _CAP:
        return row.was
    sizes = [draft.at(("orchestrator", key)) for key in ("batch_size", "group_size")]
    numbers = [size for size in sizes if isinstance(size, int)]
    return max(numbers) if isinstance(sizes[0], int) else max([DEFAULT_BATCH, *numbers])


def _paths(draft: Draft, row: ChangedDefault) -> Iterator[KeyPath]:
    """Where in a config the default would apply."""
    if any(draft.has(path) for path in row.unless):
        return
    for indices in _indices(draft, row.path):
        path = path_of(row.path, indices)
        blocked = any(draft.has(path[:end]) and not is_table(draft.at(path[:end])) for end in _tables(path))
        if not draft.has(path) and not blocked and _has_needs(draft, path, row):
            yield path


def _tables(path: KeyPath) -> list[int]:
    return [end for end in range(1, len(path)) if not isinstance(path[end], int)]


def _indices(draft: Draft, pattern: Pattern) -> list[tuple[int, ...]]:
    """The list indices that a config has for a path with at most one list."""
    number = next((number for number, step in enumerate(pattern) if step.is_list), None)
    if number is None:
        return [()]
    found = draft.at(tuple(step.key for step in pattern[: number + 1]))
    return [(index,) for index in range(len(found) if is_list(found) else 0)]


def _has_needs(draft: Draft, path: KeyPath, row: ChangedDefault) -> bool:
    needs = row.needs
    if needs is None:
        return True
    if isinstance(needs, tuple):
        return is_table(draft.at(needs))
    table = draft.at(path[:-1])
    return is_table(table) and all(table.get(key) == value for key, value in needs.items())
