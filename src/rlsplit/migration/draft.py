"""A document on its way to another release: its table and its text, changed together."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rlsplit.findings import Finding, KeyPath, dotted, shown
from rlsplit.migration import editing
from rlsplit.migration.layout import Layout
from rlsplit.plain_data import is_list, is_table, value_at
from rlsplit.releases.changes import Pattern, release_order
from rlsplit.secrets import HIDDEN, holds_secret

NOWHERE: Final = object()
"""What a path that leads nowhere holds."""

EditKind = Literal["moved", "changed", "removed", "added"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a document."""

    kind: EditKind
    old: KeyPath
    """The path as it was; of what was added, the new one."""
    new: KeyPath | None
    """The path as it is; None: it is gone."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """One document that is being migrated."""

    table: dict[str, Any]
    layout: Layout
    start: str
    """The tag of the release that it is of."""
    goal: str
    """The tag of the release that it shall be of."""
    edits: list[Edit] = field(default_factory=list[Edit])
    findings: list[Finding] = field(default_factory=list[Finding])
    origins: dict[KeyPath, KeyPath] = field(default_factory=dict[KeyPath, KeyPath])
    """Paths that moved, to where they were written."""

    def at(self, path: KeyPath, default: Any = None) -> Any:
        """The value at a path, or the default."""
        return value_at(self.table, path, default)

    def has(self, path: KeyPath) -> bool:
        """Whether anything stands at a path."""
        return self.at(path, NOWHERE) is not NOWHERE

    def was_before(self, tag: str) -> bool:
        """Whether the release that the document is of came before a tag."""
        return release_order(self.start) < release_order(tag)

    def is_for(self, tag: str) -> bool:
        """Whether the release that the document shall be of came before a tag."""
        return release_order(self.goal) < release_order(tag)

    def sources(self, *kinds: str) -> Iterator[KeyPath]:
        """The paths of all sources of these kinds (train, eval) that are tables."""
        lists = [
            *([("orchestrator", "env")] if "train" in kinds else []),
            *(("orchestrator", kind, name) for kind in kinds for name in ("env", "source")),
        ]
        for path in lists:
            found = self.at(path)
            for number, item in enumerate(found if is_list(found) else ()):
                if is_table(item):
                    yield (*path, number)

    def written(self, path: KeyPath) -> KeyPath:
        """Where that which stands at a path was written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return (*self.origins[path[:end]], *path[end:])
        return path

    def move(self, old: KeyPath, new: KeyPath) -> None:
        """Put what stands at a path elsewhere; a table joins one that is there, of which every key stays."""
        value = self.at(old, NOWHERE)
        there = self.at(new, NOWHERE)
        if value is NOWHERE or old == new or self._is_blocked(old, new):
            return
        if there is not NOWHERE:
            self._join(old, new, value, there)
            return
        self.edits.append(Edit(kind="moved", old=self.written(old), new=new))
        self.origins[new] = self.written(old)
        self._take(old)
        self._set(new, value)
        editing.move(self.layout, old, new)

    def _join(self, old: KeyPath, new: KeyPath, value: Any, there: Any) -> None:
        if is_table(value) and is_table(there):
            for key in list(value):
                self.move((*old, key), (*new, key))
            if not value:
                self.sweep(old)
        elif value == there:
            self.drop(old)
        else:
            self.lost(old, f"{self.shown_at(old)} is left out: {dotted(new)} says {self.shown_at(new)}")
            self.drop(old)

    def drop(self, path: KeyPath) -> None:
        """Remove what stands at a path."""
        if self.has(path):
            self.edits.append(Edit(kind="removed", old=self.written(path), new=None))
            self.sweep(path)

    def sweep(self, path: KeyPath) -> None:
        """Remove what is of no account any more: an empty table."""
        self._take(path)
        editing.drop(self.layout, path)

    def put(self, path: KeyPath, value: Any, near: KeyPath | None = None) -> None:
        """Write a value at a path, behind what stands at ``near``."""
        before = self.at(path, NOWHERE)
        if before is not NOWHERE and before == value and type(before) is type(value):
            return
        if self._is_blocked(near or path, path):
            return
        self.edits.append(Edit(kind="added" if before is NOWHERE else "changed", old=self.written(path), new=path))
        self._set(path, value)
        editing.put(self.layout, path, near)

    def add_source(self, kind: str, name: str) -> KeyPath:
        """Write a first source into a list of this name; it is empty. Return its path."""
        path = ("orchestrator", kind, name)
        self._set(path, [{}])
        editing.add_item(self.layout, (*path, 0))
        self.edits.append(Edit(kind="added", old=path, new=path))
        return (*path, 0)

    def remark(self, path: KeyPath, lines: Sequence[str]) -> None:
        """Write comments at a table."""
        editing.remark(self.layout, path, [f"# {line}" for line in lines])

    # --- findings: about a path as the user wrote it -----------------------------------------------------------

    def lost(self, path: KeyPath, message: str, hint: str | None = None) -> None:
        """Say that something is lost which changes the run."""
        path = self.written(path)
        self._find(Finding(code="migrate.lost", severity="warning", path=path, message=message, hint=hint))

    def shown_at(self, path: KeyPath) -> str:
        """Spell the value at a path for a message, unless it may be a secret."""
        value = self.at(path)
        return HIDDEN if holds_secret(path, value) else shown(value)

    def idle(self, path: KeyPath, message: str) -> None:
        """Say that something is gone which said what is always so, or had no effect."""
        self._find(Finding(code="migrate.idle", severity="notice", path=self.written(path), message=message))

    def decide(self, path: KeyPath, message: str, hint: str | None = None) -> None:
        """Say that a person must look at something."""
        path = self.written(path)
        self._find(Finding(code="migrate.decide", severity="warning", path=path, message=message, hint=hint))

    def classic(self, path: KeyPath, message: str, hint: str) -> None:
        """Say that an environment must be replaced."""
        path = self.written(path)
        self._find(Finding(code="migrate.environment", severity="warning", path=path, message=message, hint=hint))

    def _find(self, finding: Finding) -> None:
        if finding not in self.findings:
            self.findings.append(finding)

    def _is_blocked(self, old: KeyPath, new: KeyPath) -> bool:
        """Whether something stands in the way that is no table; it is said once and stays as it is."""
        for end in range(1, len(new)):
            value = self.at(new[:end], NOWHERE)
            is_item = isinstance(new[end], int)
            if (is_item or value is not NOWHERE) and not (is_list(value) if is_item else is_table(value)):
                self.decide(old, f"it belongs to {dotted(new)}, but {dotted(new[:end])} is no table")
                return True
        return False

    def _take(self, path: KeyPath) -> None:
        holder = self.at(path[:-1])
        if is_list(holder) and isinstance(path[-1], int):
            del holder[path[-1]]
        elif is_table(holder):
            holder.pop(str(path[-1]), None)

    def _set(self, path: KeyPath, value: Any) -> None:
        node: Any = self.table
        for part in path[:-1]:
            node = node[part] if isinstance(part, int) else node.setdefault(part, {})
        node[path[-1]] = value


def places(table: Mapping[str, Any], pattern: Pattern) -> list[tuple[KeyPath, tuple[int, ...]]]:
    """Every path of a document that a pattern means, with the list indices on it."""
    found: list[tuple[KeyPath, tuple[int, ...], Any]] = [((), (), table)]
    for number, step in enumerate(pattern):
        is_last = number == len(pattern) - 1
        inner = [
            ((*path, step.key), at, node[step.key]) for path, at, node in found if is_table(node) and step.key in node
        ]
        if not step.is_list or is_last:
            found = inner
        else:
            found = [
                ((*path, index), (*at, index), item)
                for path, at, node in inner
                if is_list(node)
                for index, item in enumerate(node)
            ]
    return [(path, at) for path, at, _ in found]


def path_of(pattern: Pattern, indices: Sequence[int]) -> KeyPath:
    """Turn a pattern into a path with these list indices."""
    known = iter(indices)
    path: list[str | int] = []
    for step in pattern:
        path.append(step.key)
        if step.is_list and (index := next(known, None)) is not None:
            path.append(index)
    return tuple(path)


def copied(table: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a table, to be changed."""
    return copy.deepcopy(dict(table))
