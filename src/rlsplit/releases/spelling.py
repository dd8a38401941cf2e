"""From a release's spelling of a document to the newest one and back.

Up, before anything is read: every key that moved since is put where it stands today. Down, after dumping: every
component gets back the keys that its image reads. Findings are told in the release's own spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.plain_data import is_table, value_at
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.sections import houses, moves_of
from rlsplit.releases.spokes import SPOKES

_NOWHERE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A document in the newest spelling, and what its release does not know of it."""

    table: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    """In the release's spelling."""
    kept: tuple[tuple[KeyPath, Any], ...] = ()
    """Keys that only later releases have at their places: handed on as they are, if unknown keys are."""


def raised(table: Mapping[str, Any], release: Release, severity: Literal["error", "warning"] = "error") -> Raised:
    """Bring a document into the newest spelling; the argument is not changed."""
    if release is NEWEST:
        return Raised(table=table)
    rising = _Rising(dict(table), release, severity)
    for house in houses(release):
        rising.refuse(house, house)
    for old, at, new in steps(release):
        rising.move(old, at, new)
    for path in _dissolved(release):
        rising.dissolve(path)
    return Raised(table=rising.table, findings=tuple(rising.findings), kept=tuple(rising.kept))


def gathered(
    raised_table: Mapping[str, Any], table: Mapping[str, Any], path: KeyPath, release: Release
) -> Mapping[str, Any]:
    """Put what was written in an older spelling of a path where it stands today, before its section is read.

    ``raised_table`` is ``table`` in the newest spelling, and ``path`` a path of that.
    """
    today = spelled(path, release)
    older = as_written(today, table, release)
    above = value_at(raised_table, path[:-1], _NOWHERE)
    if older == today or not (above is _NOWHERE or is_table(above)):
        return raised_table
    found = dict(raised_table)
    value = _holder(found, older).pop(str(older[-1]))
    _put(found, path, value)
    return found


@cache
def steps(release: Release) -> tuple[tuple[KeyPath, KeyPath, KeyPath], ...]:
    """Every move as it is made: the old path, where the key stands when its turn comes, and the newest path."""
    made: list[tuple[KeyPath, KeyPath, KeyPath]] = []
    for move in moves_of(release):
        at = move.old
        for _, start, end in made:
            if at[: len(start)] == start:
                at = (*end, *at[len(start) :])
        made.append((move.old, at, move.new))
    return tuple(made)


@cache
def _dissolved(release: Release) -> tuple[KeyPath, ...]:
    return tuple(
        path
        for spoke in SPOKES
        if release.is_before(spoke.until)
        for path in spoke.dissolved
        if any(move.old[:-1] == path for move in moves_of(release))
    )


class _Rising:
    """A document on its way up; tables are copied before they are changed."""

    def __init__(self, table: dict[str, Any], release: Release, severity: Literal["error", "warning"]) -> None:
        self.table = table
        self.findings: list[Finding] = []
        self.kept: list[tuple[KeyPath, Any]] = []
        self._release = release
        self._severity: Literal["error", "warning"] = severity

    def move(self, old: KeyPath, at: KeyPath, new: KeyPath) -> None:
        if at == new:
            return
        if value_at(self.table, new, _NOWHERE) is not _NOWHERE:
            self.refuse(new, (*old[:-1], new[-1]))
        value = value_at(self.table, at, _NOWHERE)
        if value is not _NOWHERE:
            self._take(at)
            _put(self.table, new, value)

    def refuse(self, path: KeyPath, spelled: KeyPath) -> None:
        """Take out what this release does not have at a path."""
        value = value_at(self.table, path, _NOWHERE)
        if value is not _NOWHERE:
            self._take(path)
            self._unknown(spelled, path, value)
            self.kept.append((spelled, value))

    def dissolve(self, path: KeyPath) -> None:
        """Refuse what is left of a table of which every known key has moved."""
        value = value_at(self.table, path, _NOWHERE)
        if value is _NOWHERE:
            return
        self._take(path)
        if not is_table(value):
            self.findings.append(Finding(code="B-03", path=path, message="must be a table"))
            return
        for key, inner in value.items():
            self._unknown((*path, key), (*path, key), inner)
            self.kept.append(((*path, key), inner))

    def _take(self, path: KeyPath) -> None:
        holder = _holder(self.table, path)
        del holder[str(path[-1])]

    def _unknown(self, path: KeyPath, today: KeyPath, value: Any) -> None:
        """Refuse a key; ``today`` is the path at which the newest release has it."""
        message = f"is not a key of {dotted(path[:-1]) or 'the root'} in {self._release.tag}"
        below = [move for move in moves_of(self._release) if move.new[: len(today)] == today]
        meant = [move for move in below if value_at(value, move.new[len(today) :], _NOWHERE) is not _NOWHERE]
        names = [dotted(move.old) for move in meant or below]
        hint = f"{self._release.tag} has {', '.join(names[:4])}" if names else "remove it"
        self.findings.append(Finding(code="B-01", severity=self._severity, path=path, message=message, hint=hint))


def _holder(table: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The table that holds the last key of a path, made or copied together with all above it."""
    node = table
    for part in path[:-1]:
        inner = node.get(str(part))
        node[str(part)] = dict(inner) if is_table(inner) else {}
        node = node[str(part)]
    return node


def _put(table: dict[str, Any], path: KeyPath, value: Any) -> None:
    _holder(table, path)[str(path[-1])] = value


# --- down ------------------------------------------------------------------------------------------------------


def lowered(
    component: str, form: Mapping[str, Any], release: Release, kept: Iterable[tuple[KeyPath, Any]] = ()
) -> dict[str, Any]:
    """Bring the config of a component into the spelling of its release."""
    if release is NEWEST:
        return dict(form)
    table: dict[str, Any] = {component: dict(form)}
    for _, at, new in reversed(steps(release)):
        if new[0] == component and at != new:
            value = value_at(table, new, _NOWHERE)
            if value is not _NOWHERE:
                del _holder(table, new)[str(new[-1])]
                _put(table, at, value)
    for house in houses(release):
        if house[0] == component and is_table(value_at(table, house)):
            del _holder(table, house)[str(house[-1])]
    for path, value in kept:
        if path[0] == component:
            _put(table, path, value)
    inner: dict[str, Any] = table[component]
    return inner


# --- findings --------------------------------------------------------------------------------------------------


def as_spelled(findings: Iterable[Finding], table: Mapping[str, Any], release: Release) -> Iterator[Finding]:
    """Tell findings in the spelling of a release, at the keys that the user wrote."""
    for finding in findings:
        path = spelled(finding.path, release)
        written = as_written(path, table, release)
        related = [as_written(spelled(each, release), table, release) for each in finding.related]
        yield replace(
            finding,
            path=written,
            related=tuple(dict.fromkeys([*([path] if path != written else []), *related])),
            scope=None if finding.scope is None else as_written(spelled(finding.scope, release), table, release),
            message=_worded(finding.message, release),
            hint=None if finding.hint is None else _worded(finding.hint, release),
        )


def spelled(path: KeyPath, release: Release) -> KeyPath:
    """Spell a path of today as a release does."""
    if release is NEWEST:
        return path
    places = _old_places(release)
    for end in range(len(path), 0, -1):
        old = places.get(path[:end])
        if old is not None:
            return (*old, *path[end:])
    return path


def as_written(path: KeyPath, table: Mapping[str, Any], release: Release) -> KeyPath:
    """Follow a path to the older spelling that the user wrote in its place, where the release reads one."""
    if release is NEWEST:
        return path
    for today, older in _aliases(release):
        for start in range(len(path) - len(today) + 1):
            above, end = path[:start], start + len(today)
            if path[start:end] == today and _is_written(table, (*above, *older), (*above, *today)):
                path = (*above, *older, *path[end:])
                break
    return path


def _is_written(table: Mapping[str, Any], path: KeyPath, instead_of: KeyPath) -> bool:
    return value_at(table, path, _NOWHERE) is not _NOWHERE and value_at(table, instead_of, _NOWHERE) is _NOWHERE


@cache
def _aliases(release: Release) -> tuple[tuple[KeyPath, KeyPath], ...]:
    return tuple(
        (tuple(today.split(".")), tuple(older.split(".")))
        for spoke in SPOKES
        if release.is_before(spoke.until)
        for today, older in spoke.aliases.items()
    )


@cache
def _old_places(release: Release) -> Mapping[KeyPath, KeyPath]:
    found: dict[KeyPath, KeyPath] = {house: house[:-1] for house in houses(release)}
    found |= {new: old for old, _, new in steps(release)}
    return found


def _worded(text: str, release: Release) -> str:
    pattern, words = _words(release)
    if not words:
        return text
    return pattern.sub(lambda found: words[found[0]], text)


@cache
def _words(release: Release) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Every moved path as messages may spell it, whole or without its component, and as the release does."""
    words: dict[str, str] = {}
    for old, _, new in steps(release):
        words[dotted(new)] = dotted(old)
        if len(new) > 2 and new[0] == old[0] and new[1] in {"vllm", "monitors"}:
            words[dotted(new[1:])] = dotted(old[1:])
    longest = sorted(words, key=len, reverse=True)
    # A key without a dot is a word of English, too, unless a value is given to it.
    patterns = [re.escape(word) + ("" if "." in word else "(?= = )") for word in longest]
    return re.compile(rf"(?<![\w.])(?:{'|'.join(patterns)})(?!\w)"), words
