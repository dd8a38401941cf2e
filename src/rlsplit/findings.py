"""What rlsplit says about an input: findings, their places, and the error that carries them.

Lies below every stage. A check reports a path; :func:`located` alone turns paths into places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from functools import lru_cache
from math import isfinite
from typing import Final, Literal, TypeVar

from rlsplit.secrets import COVER, covered_key, masked

KeyPath = tuple[str | int, ...]
"""Keys and list indices from the root of the document: ``("orchestrator", "train", "source", 0)``."""

Severity = Literal["error", "warning", "notice"]

About = Literal["config", "run", "platform"]

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a source: its name as the user gave it, and 1-based line and column (in characters)."""

    source: str
    line: int
    column: int
    is_whole: bool = field(default=False, compare=False, repr=False)
    """Whether the source as a whole is meant, and its beginning only stands for it: nothing there is to be shown."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


Sure = Literal["certain", "likely"]
"""How sure an edit is: a certain one says the same as what was written, a likely one is a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """An edit that mends a finding: a key that goes elsewhere with its value, or a piece of text that is replaced."""

    old: str
    """What is written: a key as a dotted path, or the piece of text."""
    new: str
    """What to write instead."""
    sure: Sure = "certain"
    path: KeyPath = ()
    """The key that goes elsewhere; empty for a piece of text."""
    to: KeyPath = ()
    """Where that key goes."""
    where: Mark | None = None
    """Where ``old`` begins; of a key it is filled by :func:`located`."""

    @staticmethod
    def moving(path: KeyPath, to: KeyPath, sure: Sure = "certain") -> Fix:
        """Make the edit that puts a key elsewhere."""
        return Fix(old=dotted(path), new=dotted(to), sure=sure, path=path, to=to)

    def at(self, path: KeyPath) -> Fix | None:
        """Give the same edit for a key that was written elsewhere; None where only this place is known."""
        if not self.path or path == self.path:
            return self
        if self.path[:-1] != self.to[:-1] or path[-1:] != self.path[-1:]:
            return None
        return Fix.moving(path, (*path[:-1], self.to[-1]), self.sure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of one input, complete enough to be mended without reading anything else."""

    code: str
    """Stable and documented: a rule ID of prime-rl's rules (``T-04``), or ``<stage>.<what-is-wrong>``."""
    severity: Severity = "error"
    message: str
    """One sentence without trailing stop and without the place."""
    path: KeyPath = ()
    """The key path as the user would write it; union tags are no part of it."""
    about: About = "config"
    """What the path leads through: the config, the run's own settings (by the API's names), or the platform's."""
    hint: str | None = None
    """What to write instead."""
    related: tuple[KeyPath, ...] = ()
    """Other keys that take part, for instance the shared key of a conflict."""
    scope: KeyPath | None = None
    """Where prime-rl itself attaches the problem when that is wider than ``path``: the section of the rule."""
    where: Mark | None = None
    """Filled by :func:`located`, never by a check."""
    fix: Fix | None = None
    """The edit that mends it, where one is known."""

    def __post_init__(self) -> None:
        # Whoever writes a message may spell a value in it; what looks like a secret by itself goes no further.
        object.__setattr__(self, "message", masked(self.message))
        if self.hint is not None:
            object.__setattr__(self, "hint", masked(self.hint))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        target = f"{dotted(self.path)}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.severity}[{self.code}] {target}{self.message}{hint}"


class ConfigError(ValueError):
    """A document that cannot be compiled. ``findings`` holds every problem, sorted by place."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


def dotted(path: Sequence[str | int]) -> str:
    """Spell a path as a user would: ``orchestrator.train.source[0].group_size``, odd keys in quotes.

    A key that looks like a secret itself, written where a value belongs, is covered.
    """
    return _dotted(tuple(path))


@lru_cache(maxsize=4096)
def _dotted(path: KeyPath) -> str:
    """Spell a path; the same few are told of all components of a kind."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_key(part)}" if text else _key(part)
    return text


@lru_cache(maxsize=4096)
def _key(part: str) -> str:
    covered = covered_key(part)
    return covered if _BARE_KEY.match(covered) or covered == COVER else json.dumps(covered)


_MOST_BITS: Final = 256


def shown(value: object, limit: int = 60) -> str:
    """Spell an offending value for a message: JSON-like, one line, cut with an ellipsis."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a very long number"  # which Python itself refuses to spell
    text = value.isoformat() if isinstance(value, (date, time)) else json.dumps(value, default=str)
    return clipped(text, limit)


def clipped(text: str, limit: int = 200) -> str:
    """Cut a text that would make a message unreadable."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def located(
    findings: Iterable[Finding],
    marks: Mapping[KeyPath, Mark],
    start: Mark | None = None,
    *,
    about: About = "config",
) -> tuple[Finding, ...]:
    """Give findings about one subject their places and sort all: by place, then path, then code; without place last.

    ``marks`` are where the keys of that subject were written. A finding stands at its key; where nobody wrote that, at
    the first of the related keys that was written (a derived value at what it was computed from), else at the nearest
    table around any of them. What stands nowhere is placed at ``start``.
    """
    return tuple(sorted((_placed(finding, marks, start, about) for finding in findings), key=_order))


T = TypeVar("T")


def enclosing(records: Mapping[KeyPath, T], path: KeyPath) -> Iterator[T]:
    """Yield the records of a path and of all that it lies below, the nearest first."""
    for end in range(len(path), -1, -1):
        record = records.get(path[:end])
        if record is not None:
            yield record


def nearest(records: Mapping[KeyPath, T], path: KeyPath) -> T | None:
    """Return the record of the longest prefix of a path that has one, which may be the path itself."""
    return next(enclosing(records, path), None)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding refuses the input (warnings and notices do not)."""
    return any(finding.severity == "error" for finding in findings)


def _placed(finding: Finding, marks: Mapping[KeyPath, Mark], start: Mark | None, about: About) -> Finding:
    if finding.where is not None or finding.about != about:
        return finding
    paths = (finding.path, *finding.related)
    written = (marks.get(path) for path in paths)
    around = (nearest(marks, path) for path in paths)
    where = next((mark for mark in (*written, *around) if mark is not None), start)
    return replace(finding, where=where, fix=_fix_at(finding, marks) if finding.fix else None)


def _fix_at(finding: Finding, marks: Mapping[KeyPath, Mark]) -> Fix | None:
    """Give an edit its place; one of a key that was written elsewhere than the finding says is none."""
    fix = finding.fix.at(finding.path) if finding.fix else None
    return replace(fix, where=marks.get(fix.path, fix.where)) if fix else None


def _order(finding: Finding) -> tuple[object, ...]:
    where = finding.where
    place = (where.source, where.line, where.column) if where else ("", 0, 0)
    return (where is None, place, [str(part) for part in finding.path], finding.code, finding.message)
