"""Lines of a text without what looks like a secret: by the extents of values where it is TOML, else line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import tomli

from rlsplit.findings import KeyPath
from rlsplit.secrets import COVER, is_secret, joined_spans, secret_paths, secret_spans
from rlsplit.toml_marks import Node, Text, scan

MAX_LINE: Final = 5000
"""Of a longer line [characters] only what begins at the column is looked at, and shown."""

Span = tuple[int, int]
"""Columns of a line, from 0: the first, and the one behind the last."""

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
_LONG_QUOTES: Final = ('"""', "'''")


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """What is known of all lines of a text; their numbers are from 0."""

    spans: Mapping[int, Sequence[Span]]
    """Parts that belong to the value of a secret key."""
    going_on: frozenset[int]
    """Lines that seem to go on with such a value, or stand below a header with such a name."""


def covered(lines: Sequence[str], number: int, path: KeyPath, column: int) -> tuple[str, int]:
    """Give a line (from 1) as it may be shown, and where a column (from 0) of it then is.

    ``path`` is what the finding is about. A value is covered when its key looks like a secret's, when the line goes on
    with the value of such a key, or when it looks like a secret itself.
    """
    known = _known(tuple(lines))
    goes_on = is_secret(path) or number - 1 in known.going_on
    return _covered(lines[number - 1], known.spans.get(number - 1, ()), column, goes_on=goes_on)


def covered_lines(text: str) -> list[str]:
    """Give every line of a text as it may be shown."""
    lines = text.split("\n")
    known = _read(lines)
    return [
        _covered(line, known.spans.get(number, ()), 0, goes_on=number in known.going_on)[0]
        for number, line in enumerate(lines)
    ]


def _covered(text: str, spans: Sequence[Span], column: int, *, goes_on: bool) -> tuple[str, int]:
    if len(text) > MAX_LINE:
        text = f"{COVER}{text[column : column + MAX_LINE - len(COVER)]}"
        moved = len(COVER) - column
        spans = [(max(start + moved, 0), min(stop + moved, len(text))) for start, stop in spans]
        column = len(COVER)
    shown, at, end = "", column, 0
    for start, stop in joined_spans(span for span in (*spans, *_spans(text, goes_on=goes_on)) if span[0] < span[1]):
        shown += text[end:start] + COVER
        if column >= stop:
            at += len(COVER) - (stop - start)
        elif column > start:
            at -= column - start
        end = stop
    return shown + text[end:], at


def _spans(text: str, *, goes_on: bool) -> Iterator[Span]:
    """What looks like a secret in one line, by nothing but the line."""
    end = len(text.rstrip())
    yield from secret_spans(text)
    for assigned in _ASSIGNMENT.finditer(text):
        if is_secret(_names(assigned)):
            whole = _VALUE.match(text, assigned.end())
            yield assigned.end(), whole.end() if whole else end
    if goes_on and not _HEADER.match(text) and not text.lstrip().startswith("#"):
        first = _first(text)
        yield first.end() if first else len(text) - len(text.lstrip()), end


# --- what only all lines together tell ---------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _known(lines: Sequence[str]) -> _Text:
    """Read a text; the findings of a report stand in few, one after the other."""
    return _read(lines)


def _read(lines: Sequence[str]) -> _Text:
    # A byte order mark and the newlines of Windows belong to no value.
    plain = [line.removesuffix("\r").replace("\ufeff", " ") for line in lines]
    text = Text("", "\n".join(plain), tuple(plain))
    spans: dict[int, list[Span]] = {}
    table = _table(text.content)
    for start, end in _extents(text, frozenset() if table is None else frozenset(secret_paths(table))):
        for number, span in _by_line(text, start, end):
            spans.setdefault(number, []).append(span)
    return _Text(spans, frozenset(_going_on(plain)) if table is None else frozenset())


def _table(content: str) -> dict[str, Any] | None:
    try:
        return tomli.loads(content)
    except (ValueError, RecursionError):
        return None


def _extents(text: Text, secrets: frozenset[KeyPath]) -> Iterator[Span]:
    """Offsets of the values of secrets, as far as the text can be read."""
    for path, node in scan(text).root.walk():
        if node.start < 0:
            continue
        end = _end(node)
        is_named = is_secret(path)
        if end > 0 and (is_named or (path in secrets and not _is_covered_alone(text.content[node.start : end]))):
            yield node.start, end


def _end(node: Node) -> int:
    """Where a value ends; -1 for an open table or list, of which nobody knows."""
    content = node.text.content
    quotes = content[node.start : node.start + 3]
    if quotes in _LONG_QUOTES and (node.end - node.start < 6 or content[node.end - 3 : node.end] != quotes):
        return len(content)  # not closed
    return node.end


def _is_covered_alone(spelled: str) -> bool:
    """Whether a value that looks like a secret does so on its line as well, where the rest of it may be shown."""
    return "\\" not in spelled and "\n" not in spelled and bool(secret_spans(spelled))


def _by_line(text: Text, start: int, end: int) -> Iterator[tuple[int, Span]]:
    first, last = text.mark(start), text.mark(end)
    for number in range(first.line - 1, last.line):
        begin = first.column - 1 if number == first.line - 1 else 0
        stop = last.column - 1 if number == last.line - 1 else len(text.lines[number])
        yield number, (begin, stop)


def _going_on(lines: Sequence[str]) -> Iterator[int]:
    """Guess which lines go on with the value of a secret key above, or stand below a header with such a name."""
    below_header = below_key = False
    for number, text in enumerate(lines):
        first = _first(text)
        if below_header or (below_key and first is None):
            yield number
        header = _HEADER.match(text)
        if header is not None:
            below_header, below_key = is_secret(_words(header["key"])), False
        elif first is not None:
            below_key = is_secret(_names(first))


def _first(text: str) -> re.Match[str] | None:
    """The key that a line begins with, if it does."""
    assigned = _ASSIGNMENT.search(text)
    return assigned if assigned and not text[: assigned.start()].strip(" \t-{") else None


def _names(assigned: re.Match[str]) -> tuple[str, ...]:
    return _words(assigned["toml"] or assigned["json"] or assigned["yaml"] or "")


def _words(key: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(key))
