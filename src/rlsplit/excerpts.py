"""Lines of a source as they may be shown under a finding: what looks like a secret is covered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rlsplit.characters import visible, width
from rlsplit.findings import Finding, KeyPath
from rlsplit.secrets import is_secret, secret_spans

Lines = Mapping[str, tuple[str, ...]]
"""Source name to its lines, for showing the line of a finding."""

NO_LINES: Final[Lines] = MappingProxyType({})

COVER: Final = "***"

MAX_SHOWN: Final = 100
"""Widest source line that is shown whole; of a longer one, the part around the column [columns]."""

MAX_LINE: Final = 5000
"""Of a longer line [characters] only what begins at the column is looked at, and shown."""

_QUOTED: Final = r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'"
_PART: Final = rf"(?:(?<![A-Za-z0-9_-])[A-Za-z0-9_-]+|{_QUOTED})(?:\[[0-9]+\])*"
_KEY: Final = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART}){{0,50}}"
_ASSIGNMENT: Final = re.compile(
    rf"(?:(?P<toml>{_KEY})[ \t]*=|(?P<json>{_QUOTED})[ \t]*:|\A[ \t-]*(?P<yaml>[A-Za-z0-9_-]+)[ \t]*:)[ \t]*"
)
"""A key and the sign behind it: of TOML and overrides, of JSON, and of YAML, which may be given by mistake."""
_HEADER: Final = re.compile(rf"[ \t]*\[\[?[ \t]*(?P<key>{_KEY})[ \t]*\]\]?[ \t]*(?:#.*)?\Z")
_VALUE: Final = re.compile(rf"(?:{_QUOTED})(?=[ \t]*(?:[,}}\]#]|\Z))")
"""A whole string with nothing odd behind it; of any other value nobody can tell where it ends."""
_WORD: Final = re.compile(r"[^.\"'\[\] \t]+")
_MOST_LINES: Final = 200
"""So many lines above are looked at for the key that a line belongs to."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The source line of a finding, as it may be shown: on one line, without what looks like a secret."""

    line: int
    """Its number, from 1."""
    before: str
    """What stands before the place of the finding."""
    rest: str
    """What stands from there on."""

    @property
    def indent(self) -> int:
        """Columns that a terminal takes for what stands before."""
        return width(self.before)


def excerpt(finding: Finding, lines: Lines) -> Excerpt | None:
    """Give the line that a finding stands on; None for one without a place, or on an empty line."""
    where = finding.where
    source = lines.get(where.source, ()) if where else ()
    if where is None or where.is_whole or not 1 <= where.line <= len(source) or not source[where.line - 1].strip():
        return None
    line, at = covered(source, where.line, finding.path, where.column - 1)
    text, column = _window(line.replace("\t", " "), at)
    return Excerpt(where.line, visible(text[:column]), visible(text[column:]))


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a line that is shown, and the column in it."""
    line = line.rstrip("\r\n")
    if len(line) <= MAX_SHOWN:
        return line, min(column, len(line))
    start = max(0, min(column - MAX_SHOWN // 2, len(line) - MAX_SHOWN))
    cut = f"{'…' if start else ''}{line[start : start + MAX_SHOWN]}{'…' if start + MAX_SHOWN < len(line) else ''}"
    return cut, column - start + bool(start)


def covered(lines: Sequence[str], number: int, path: KeyPath, column: int) -> tuple[str, int]:
    """Give a line (from 1) as it may be shown, and where a column (from 0) of it then is.

    ``path`` is what the finding is about. A value is covered when its key looks like a secret's, when the line goes on
    with the value of such a key, or when it looks like a secret itself.
    """
    text = lines[number - 1]
    if len(text) > MAX_LINE:
        return covered([f"{COVER}{text[column : column + MAX_LINE - len(COVER)]}"], 1, path, len(COVER))
    shown, at, end = "", column, 0
    for start, stop in _joined(_spans(lines, number, path)):
        shown += text[end:start] + COVER
        if column >= stop:
            at += len(COVER) - (stop - start)
        elif column > start:
            at -= column - start
        end = stop
    return shown + text[end:], at


def covered_lines(text: str) -> list[str]:
    """Give every line of a text as it may be shown."""
    lines = text.split("\n")
    return [covered(lines, number, (), 0)[0] for number in range(1, len(lines) + 1)]


def _joined(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = stop = -1
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        if begin <= stop:
            stop = max(stop, end)
            continue
        if start >= 0:
            yield start, stop
        start, stop = begin, end
    if start >= 0:
        yield start, stop


def _spans(lines: Sequence[str], number: int, path: KeyPath) -> Iterator[tuple[int, int]]:
    text = lines[number - 1]
    end = len(text.rstrip())
    yield from secret_spans(text)
    for assigned in _ASSIGNMENT.finditer(text):
        if is_secret(_names(assigned)):
            whole = _VALUE.match(text, assigned.end())
            yield assigned.end(), whole.end() if whole else end
    if _HEADER.match(text) or text.lstrip().startswith("#"):
        return
    if is_secret(path) or _goes_on_with_secret(lines, number):
        first = _first(text)
        yield first.end() if first else len(text) - len(text.lstrip()), end


def _goes_on_with_secret(lines: Sequence[str], number: int) -> bool:
    """Whether a line is part of a longer value of a secret key, or stands below a header with such a name."""
    is_own = _first(lines[number - 1]) is not None
    for text in reversed(lines[max(0, number - 1 - _MOST_LINES) : number - 1]):
        header = _HEADER.match(text)
        if header is not None:
            return is_secret(_words(header["key"]))
        key = None if is_own else _first(text)
        if key is not None:
            if is_secret(_names(key)):
                return True
            is_own = True
    return False


def _first(text: str) -> re.Match[str] | None:
    """The key that a line begins with, if it does."""
    assigned = _ASSIGNMENT.search(text)
    return assigned if assigned and not text[: assigned.start()].strip(" \t-{") else None


def _names(assigned: re.Match[str]) -> tuple[str, ...]:
    return _words(assigned["toml"] or assigned["json"] or assigned["yaml"] or "")


def _words(key: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(key))
