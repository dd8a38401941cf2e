"""What became of the keys of earlier releases: one table, ``changes.json``, for hints, migration and documentation.

A row is an object with these keys:

- ``old``: the path as it was. ``[]`` stands for every item of a list, ``{a,b}`` for several paths in one row.
- ``new``: the paths of today, none if there is no successor. ``<tag>`` is the variant of a union that has the key; of
  braces that ``old`` has too, the same alternative is meant.
- ``since``: the first tag of prime-rl that reads the new form alone.
- ``releases``: the first and the last release that had the old form; left out if no release had it.
- ``values``: how a value is written today, from old value to new one; left out if it stays as it is.
- ``note``: what else there is to say; of a key without successor, why it is gone.
- ``instead``: of a key without successor, what to do instead or what comes nearest.
- ``harmless``: of a key without successor, values whose loss changes nothing; empty ones are anyway.
- ``ported``: what prime-rl itself put in the place of a value, where nothing says that it is the same.

A row for a table is also one for what lies in it, unless that has a row of its own.

Further rows say ``came``: paths that the releases before ``since`` did not have and that no other row leads to.

Rows that say ``default`` tell of a path of today whose default changed; :mod:`rlsplit.releases.defaults` reads them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from rlsplit.findings import KeyPath

FILE: Final = "changes.json"

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_STEP: Final = re.compile(r"(?P<key>[A-Za-z0-9_-]+)(?:<(?P<tag>[^>]*)>)?(?P<list>\[\])?")
_HOPS: Final = 5
"""A path may move with its table, and there by itself; more often than so only if rows went round in circles."""


@dataclass(frozen=True, slots=True)
class Step:
    """One key of a path."""

    key: str
    tag: str | None
    """The variant of a union that holds what follows."""
    is_list: bool
    """Whether what follows stands in every item of a list."""


Pattern = tuple[Step, ...]
"""A path with places for list indices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the table, for one old path."""

    old: Pattern
    new: tuple[Pattern, ...]
    """Where it is today; none: it has no successor."""
    since: str
    """The first tag of prime-rl that reads the new form alone."""
    releases: tuple[str, str] | None
    """The first and the last release that had the old form; None for what lived between two releases, or earlier."""
    values: Mapping[str, str]
    """How a value is written today, by what it was; empty if it stays as it is."""
    note: str | None
    """What else there is to say."""
    instead: str | None
    """What to do instead of a key without successor."""
    harmless: frozenset[str] = frozenset()
    """Values of a key without successor that said what is always so, besides empty ones."""
    ported: Mapping[str, str] = field(default_factory=dict[str, str])
    """What prime-rl itself put in the place of a value, where nothing says that it is the same."""

    @property
    def is_moved(self) -> bool:
        """Whether what was written stands at another place as it is, together with all that lies in it."""
        return len(self.new) == 1 and not self.values and keys(self.new[0]) != keys(self.old)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownChange:
    """What became of one path that a user wrote."""

    change: Change
    """The row that decides: of a key that moved with its table and then by itself, the latter."""
    new: tuple[Pattern, ...]
    """Where it is today, complete; none: it has no successor."""
    since: str
    """The first tag that reads the new form alone."""
    is_own: bool
    """Whether there is a row for this very path, and not only for a table around it."""


def keys(pattern: Sequence[Step]) -> tuple[str, ...]:
    """The keys of a path, without list indices and variants."""
    return tuple(step.key for step in pattern)


def pattern(spelled: str) -> Pattern:
    """Read a path as the table spells it."""
    return tuple(Step(found["key"], found["tag"], found["list"] is not None) for found in _STEP.finditer(spelled))


def spelled(path: Pattern, indices: Sequence[int] = ()) -> str:
    """Spell a path as findings do; lists whose index is not known as ``[]``."""
    known = iter(indices)
    return ".".join(f"{step.key}[{next(known, '')}]" if step.is_list else step.key for step in path)


@cache
def changes() -> tuple[Change, ...]:
    """Every change, one for each old path, in the order of the table."""
    return tuple(change for row in rows() if "old" in row for change in _changes(row))


@cache
def rows() -> tuple[Mapping[str, Any], ...]:
    """The rows of the table as they stand in the file."""
    found: list[dict[str, Any]] = json.loads(files(__package__ or "").joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(found)


@cache
def arrivals() -> Mapping[tuple[str, ...], str]:
    """The paths that came with a release, without list indices, to the tag of it."""
    return {
        keys(pattern(path)): str(row["since"])
        for row in rows()
        for spelled_path in row.get("came", ())
        for path, _ in expanded(spelled_path, ())
    }


def _changes(row: Mapping[str, Any]) -> Iterator[Change]:
    releases = row.get("releases")
    for old, new in expanded(row["old"], tuple(row["new"])):
        yield Change(
            old=pattern(old),
            new=tuple(map(pattern, new)),
            since=row["since"],
            releases=(releases[0], releases[1]) if releases else None,
            values=MappingProxyType(row.get("values", {})),
            note=row.get("note"),
            instead=row.get("instead"),
            harmless=frozenset(row.get("harmless", ())),
            ported=MappingProxyType(row.get("ported", {})),
        )


def expanded(old: str, new: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Write a path with braces out, and with it those that choose the same alternative."""
    found = _BRACES.search(old)
    if found is None:
        yield old, new
        return
    for choice in found[1].split(","):
        chosen = tuple(path.replace(found[0], choice, 1) for path in new)
        yield from expanded(old.replace(found[0], choice, 1), chosen)


@cache
def _by_path() -> Mapping[tuple[str, ...], Change]:
    return {keys(change.old): change for change in changes()}


@cache
def by_name() -> Mapping[str, tuple[Change, ...]]:
    """Every change by the last key of its old path."""
    found: dict[str, list[Change]] = {}
    for change in changes():
        found.setdefault(change.old[-1].key, []).append(change)
    return {name: tuple(group) for name, group in found.items()}


def change_of(path: tuple[str, ...]) -> Change | None:
    """Find the row of a path of an earlier release, or of the table around it; None for what is still in place."""
    table = _by_path()
    for end in range(len(path), 0, -1):
        change = table.get(path[:end])
        if change is not None and not any(keys(new) == keys(change.old) for new in change.new):
            return change
    return None


def known_change(path: KeyPath) -> KnownChange | None:
    """Tell what became of a path of the document, if it was one of an earlier release, or lay in such a table."""
    here = _generalised(path)
    found: KnownChange | None = None
    for _ in range(_HOPS):
        step = _one_change(here)
        if step is None or (found and step.new == (here,)):
            return found
        found = _joined(found, step)
        if not step.change.is_moved:
            return found
        here = step.new[0]
    return found


def row_of(path: KeyPath) -> Change | None:
    """Give the row for a path of the document, or else for the nearest table around it; None: it never changed."""
    step = _one_change(_generalised(path))
    return step.change if step else None


def _joined(first: KnownChange | None, then: KnownChange) -> KnownChange:
    """Say of two changes in a row what they are together."""
    if first is None:
        return then
    since = max(first.since, then.since, key=release_order)
    return replace(then, since=since, is_own=first.is_own or then.is_own)


def _one_change(path: Pattern) -> KnownChange | None:
    """Apply the row of the path itself, or else of the nearest table around it."""
    table = _by_path()
    for end in range(len(path), 0, -1):
        change = table.get(keys(path[:end]))
        if change is None:
            continue
        if end == len(path):
            return KnownChange(change=change, new=change.new, since=change.since, is_own=True)
        if any(keys(new) == keys(change.old) for new in change.new):
            continue  # the table is still there
        rest = path[end:] if change.is_moved else ()
        new = tuple((*path_of, *rest) for path_of in change.new)
        return KnownChange(change=change, new=new, since=change.since, is_own=False)
    return None


def _generalised(path: KeyPath) -> Pattern:
    steps: list[Step] = []
    for part in path:
        if isinstance(part, str):
            steps.append(Step(part, None, False))
        elif steps:
            steps[-1] = Step(steps[-1].key, None, True)
    return tuple(steps)


@lru_cache(maxsize=256)
def release_order(tag: str) -> tuple[int, ...]:
    """Order the tags of prime-rl: ``v0.8.1.dev30`` comes before ``v0.8.1``."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", tag)]
    return (*numbers, 0) if "dev" in tag else (*numbers, sys.maxsize)
