"""Causes: for every path of a run's configuration, what gave it its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Literal, TypeVar

from rlsplit.config.rules import Derived, Fill, Provenance
from rlsplit.document import Document
from rlsplit.findings import KeyPath, nearest
from rlsplit.plain_data import value_at
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.spelling import as_written, spelled

_ABSENT: Final = object()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Nearest(Generic[T]):
    """Records by path, that remember for every table which record is the nearest to what stands in it."""

    records: Mapping[KeyPath, T]
    known: dict[KeyPath, T | None] = field(default_factory=dict[KeyPath, "T | None"])

    def above(self, path: KeyPath) -> T | None:
        """Return the record of a path, or of the nearest table around it that has one."""
        record = self.records.get(path)
        if record is not None or not path:
            return record
        table = path[:-1]
        if table not in self.known:
            self.known[table] = nearest(self.records, table)
        return self.known[table]


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written, that remembers every table and list which was asked for a value of its own."""

    table: Mapping[str, Any]
    known: dict[KeyPath, Any] = field(default_factory=dict[KeyPath, Any])

    def at(self, path: KeyPath) -> Any:
        """Return what was written at a path, which is not the root's; :data:`_ABSENT` where nothing was."""
        above = path[:-1]
        if above not in self.known:
            self.known[above] = value_at(self.table, above, _ABSENT)
        return value_at(self.known[above], path[-1:], _ABSENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Causes:
    """What was written, shared and derived, ready for look-up by path."""

    document: Document
    written: _Written
    fills: _Nearest[Fill]
    derived: _Nearest[Derived]
    """The last setting of each path."""
    release: Release
    """Whose spelling all paths have."""

    @classmethod
    def of(cls, provenance: Provenance, document: Document) -> Causes:
        """Prepare what is known of a run."""
        if provenance.release is not NEWEST:
            provenance = _spelled(provenance)
        return cls(
            document=document,
            written=_Written(document.table),
            fills=_Nearest({fill.target: fill for fill in provenance.fills}),
            derived=_Nearest({setting.path: setting for setting in provenance.derived}),
            release=provenance.release,
        )

    def cause(self, root: KeyPath, value: Any) -> Derived | Fill | Literal["written", "default"]:
        """Find what gave a path of the document its value."""
        setting, fill = self.derived.above(root), self.fills.above(root)
        if setting is not None and (setting.path == root or not self._is_written_as(root, value)):
            return setting
        if fill is not None and (fill.target == root or fill.value != {}):
            return fill
        is_written = self.written.at(self.as_written(root)) is not _ABSENT
        return "written" if is_written else "default"

    def as_written(self, root: KeyPath) -> KeyPath:
        """Give the path as it was written, in the spelling of the release."""
        return as_written(root, self.document.table, self.release)

    def way(self, root: KeyPath, value: Any) -> object:
        """Tell how a value came to be, without the line it stands on and the numbers that went into it."""
        cause = self.cause(root, value)
        if isinstance(cause, Derived):
            return cause.rule
        return cause.source_of(root) if isinstance(cause, Fill) else (cause,)

    def _is_written_as(self, root: KeyPath, value: Any) -> bool:
        written = self.written.at(root)
        return written is not _ABSENT and (written == value or str(written) == str(value))


def _spelled(provenance: Provenance) -> Provenance:
    """Spell what was shared and derived as the release does, and point at the keys that were written."""
    release = provenance.release

    def written(path: KeyPath) -> KeyPath:
        return as_written(spelled(path, release), provenance.written, release)

    fills = [
        replace(fill, target=spelled(fill.target, release), source=written(fill.source)) for fill in provenance.fills
    ]
    derived = [
        replace(
            setting,
            path=spelled(setting.path, release),
            of=tuple((written(path), value) for path, value in setting.of),
        )
        for setting in provenance.derived
    ]
    return replace(provenance, fills=tuple(fills), derived=tuple(derived))
