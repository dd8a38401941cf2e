"""The text of one TOML file as blocks of entries, each with its comments: what is moved about when a file is rewritten.

Every entry keeps the text of its value, every header and entry the lines above it and the comment behind it. A reader
judges nothing: tomli has accepted the text before.

tomlkit, the library for this, was tried (0.15): a key that moves leaves the comments above it with its old neighbours,
tables that stand interleaved are put together though nothing in them was edited, and 0.1 MB of tables takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from rlsplit.findings import KeyPath
from rlsplit.toml_marks import SCALAR, key_parts

_IDLE: Final = re.compile(r"[ \t]*(?:#[^\n]*)?\n|[ \t]*#[^\n]*\Z")
_BLANK: Final = re.compile(r"[ \t]*")
_BEHIND: Final = re.compile(r"[ \t]*(?:#[^\n]*)?")
_TOKEN: Final = re.compile(rf"(?P<comment>#[^\n]*)|(?P<sign>[\[\]{{}}])|(?:{SCALAR.pattern})|[\s,=]+", re.DOTALL)
_ANY_DEPTH: Final = 10_000


@dataclass(slots=True, eq=False, kw_only=True)
class Entry:
    """One key with its value."""

    path: KeyPath
    """From the root of the document; changes when the entry moves."""
    above: list[str] = field(default_factory=list[str])
    """Blank lines and comments before it."""
    keys: KeyPath = ()
    """Its key below the header as it was written."""
    lead: str = ""
    """That key's text, up to the value."""
    indent: str = ""
    value: str | None = None
    """Its value as written; None: it is to be written anew."""
    inner: tuple[str, ...] = ()
    """Comments within the value."""
    behind: str = ""
    """The comment behind it, with the space before that."""


@dataclass(slots=True, eq=False, kw_only=True)
class Block:
    """A header and its entries; the first block of a text has none and holds the root's."""

    path: KeyPath
    is_item: bool = False
    """Whether it is an item of an array of tables."""
    is_gone: bool = False
    """Whether its header is taken out: its entries belong below other headers."""
    above: list[str] = field(default_factory=list[str])
    header: str | None = None
    """Its header as written, as long as that is true."""
    behind: str = ""
    entries: list[Entry] = field(default_factory=list[Entry])
    below: list[str] = field(default_factory=list[str])
    """Comments of what was taken out behind the last entry."""


@dataclass(slots=True, eq=False, kw_only=True)
class Layout:
    """A whole text."""

    blocks: list[Block]
    tail: list[str]
    """Lines after the last entry."""


def read(content: str) -> Layout:
    """Read a text whose newlines are all ``\\n``."""
    blocks = [Block(path=())]
    lists: dict[KeyPath, int] = {}
    pos = 0
    while True:
        above, pos = _idle_lines(content, pos)
        start = _end(_BLANK, content, pos)
        if start >= len(content):
            return Layout(blocks=blocks, tail=[*above, *([content[pos:]] if content[pos:] else [])])
        if content[start] == "[":
            block, pos = _header(content, pos, start, lists)
            block.above = above
            blocks.append(block)
        else:
            entry, pos = _entry(content, pos, start, blocks[-1].path)
            entry.above = above
            blocks[-1].entries.append(entry)


def _idle_lines(content: str, pos: int) -> tuple[list[str], int]:
    lines: list[str] = []
    while found := _IDLE.match(content, pos):
        lines.append(found[0].removesuffix("\n"))
        pos = found.end()
    return lines, pos


def _header(content: str, pos: int, start: int, lists: dict[KeyPath, int]) -> tuple[Block, int]:
    is_item = content.startswith("[[", start)
    parts, end = key_parts(content, _end(_BLANK, content, start + 1 + is_item), _ANY_DEPTH, end="]")
    end += is_item
    path: KeyPath = ()
    for number, (name, _) in enumerate(parts, 1):
        path = (*path, name)
        if number < len(parts) and path in lists:
            path = (*path, lists[path])
    if is_item:
        lists[path] = lists.get(path, -1) + 1
        path = (*path, lists[path])
    header = content[pos:end].rstrip(" \t")
    end = pos + len(header)
    behind = _end(_BEHIND, content, end)
    return Block(path=path, is_item=is_item, header=header, behind=content[end:behind]), behind + 1


def _entry(content: str, pos: int, start: int, table: KeyPath) -> tuple[Entry, int]:
    parts, at = key_parts(content, start, _ANY_DEPTH, end="=")
    end, inner = _value(content, at)
    behind = _end(_BEHIND, content, end)
    entry = Entry(
        path=(*table, *(name for name, _ in parts)),
        keys=tuple(name for name, _ in parts),
        lead=content[pos:at],
        indent=content[pos:start],
        value=content[at:end],
        inner=inner,
        behind=content[end:behind],
    )
    return entry, behind + 1


def _value(content: str, pos: int) -> tuple[int, tuple[str, ...]]:
    """Find the end of a value, and the comments in it."""
    if content[pos] not in "[{":
        return _end(SCALAR, content, pos), ()
    depth, comments = 0, list[str]()
    for token in _tokens(content, pos):
        if token["comment"]:
            comments.append(token["comment"].rstrip())
        elif token["sign"]:
            depth += 1 if token["sign"] in "[{" else -1
            if not depth:
                return token.end(), tuple(comments)
    return len(content), tuple(comments)


def _tokens(content: str, pos: int) -> Iterator[re.Match[str]]:
    while token := _TOKEN.match(content, pos):
        yield token
        pos = token.end()


def _end(pattern: re.Pattern[str], content: str, pos: int) -> int:
    found = pattern.match(content, pos)
    return found.end() if found else pos
