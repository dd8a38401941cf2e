"""Settings that no table of a platform file knows, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.components import ROLES
from rlsplit.config.reading.locations import alternatives
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import distance, is_section
from rlsplit.findings import Finding, KeyPath, clipped, dotted
from rlsplit.hints import did_you_mean

_MOST_PLACES: Final = 3


def unknown_setting(kind: type[Section], path: KeyPath) -> Finding:
    """Say about an unknown setting, as about an unknown key of a config, where it belongs or what it nearly is."""
    return Finding(
        code="platform.unknown-key",
        about="platform",
        path=("platform", *path),
        message=f"is not a key of {clipped(dotted(('platform', *path[:-1])))}",
        hint=_elsewhere(kind, path) or did_you_mean(path[-1], _fields(kind, path[:-1])) or _misspelled(kind, path),
    )


def meant(kind: type[Section], path: KeyPath) -> Iterator[KeyPath]:
    """Give the known setting that an unknown one nearly is; a known one is none."""
    known = _fields(kind, path[:-1])
    if path and path[-1] not in known:
        for field in known:
            if did_you_mean(path[-1], [field]):
                yield (*path[:-1], field)


def _fields(kind: type[Section], path: KeyPath) -> tuple[str, ...]:
    """The settings of the table at a path."""
    return tuple(name for table in alternatives(kind, path) if is_section(table) for name in table.model_fields)


def _tables(kind: type[Section], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every table of a platform file, each before those in it; pods' tables in the order of the components."""
    yield path
    order = [role.settings for role in ROLES.values()]
    fields = _fields(kind, path)
    for name in sorted(fields, key=lambda name: order.index(name) if name in order else -1):
        if any(map(is_section, alternatives(kind, (*path, name)))):
            yield from _tables(kind, (*path, name))


def _elsewhere(kind: type[Section], path: KeyPath) -> str | None:
    """Name the nearest tables that have a setting of this name."""
    return _belongs(kind, str(path[-1]), path[:-1])


def _misspelled(kind: type[Section], path: KeyPath) -> str | None:
    """Name the nearest tables that have a setting of nearly this name."""
    known = dict.fromkeys(name for table in _tables(kind) for name in _fields(kind, table))
    for name in known:
        near = did_you_mean(path[-1], [name])
        if near:
            return f"{near} {_belongs(kind, name, path[:-1])}"
    return None


def _belongs(kind: type[Section], name: str, here: KeyPath) -> str | None:
    tables = [table for table in _tables(kind) if name in _fields(kind, table)]
    least = min((distance(here, table) for table in tables), default=0)
    nearest = [_header(table) for table in tables if distance(here, table) == least]
    more = len(nearest) - _MOST_PLACES
    listed = [*nearest[:_MOST_PLACES], *([f"one of {more} other tables"] if more > 0 else [])]
    return f"it belongs to {', or to '.join(listed)}: {name}" if listed else None


def _header(table: KeyPath) -> str:
    return f"[{dotted(table)}]" if table else "the root, before the first table"
