"""Defaults that changed between releases of prime-rl: rows of the table of changes that say ``default``.

Such a row has these keys besides: ``was``, the old default; ``releases``, the first and the last release that had it;
``since``, the first tag with another one; ``effect``, what that means for a run; ``advice``, whether to ``pin`` it, to
``warn`` of it, or ``none``; ``also``, further keys of the pin; ``unless``, paths that decide by themselves; ``needs``,
a table that must be there, or what the table of the key must hold, or ``{}`` if it must only be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from rlsplit.releases.changes import Pattern, expanded, keys, pattern, release_order, rows

Advice = Literal["pin", "warn", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDefault:
    """One default of today that was another."""

    path: Pattern
    was: Any
    releases: tuple[str, str]
    """The first and the last release with the old default."""
    since: str
    """The first tag without it."""
    effect: str
    """What the new one means for a run."""
    advice: Advice
    also: Mapping[tuple[str, ...], Any]
    """Further keys that belong to the old default."""
    unless: tuple[tuple[str, ...], ...]
    """Paths that decide by themselves, if they are written."""
    needs: tuple[str, ...] | Mapping[str, Any] | None
    """A table that must be there; or what the key's own table must hold."""

    def is_between(self, start: str, goal: str) -> bool:
        """Whether a release had the old default, and a later one has the new one."""
        first, last = map(release_order, self.releases)
        begun = release_order(start)
        is_old = first <= begun and (begun <= last or begun < release_order(self.since))
        return is_old and release_order(goal) >= release_order(self.since)


@cache
def changed_defaults() -> tuple[ChangedDefault, ...]:
    """Every default that changed, in the order of the table: those that matter most first."""
    return tuple(_default(path, row) for row in rows() if "default" in row for path, _ in expanded(row["default"], ()))


def _default(path: str, row: Mapping[str, Any]) -> ChangedDefault:
    needs = row.get("needs")
    return ChangedDefault(
        path=pattern(path),
        was=row["was"],
        releases=(row["releases"][0], row["releases"][1]),
        since=row["since"],
        effect=row["effect"],
        advice=row["advice"],
        also=MappingProxyType({keys(pattern(also)): value for also, value in row.get("also", {}).items()}),
        unless=tuple(keys(pattern(each)) for each in row.get("unless", ())),
        needs=keys(pattern(needs)) if isinstance(needs, str) else needs,
    )
