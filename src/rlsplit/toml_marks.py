"""Where each key of a TOML text stands.

No maintained TOML library tells the positions of keys, so this scanner finds them, in one pass. It judges nothing:
tomli has accepted the text before. Separators are therefore skipped loosely, and in a text that is not TOML the scan
simply ends at the first thing it cannot read.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

import tomli

from rlsplit.findings import KeyPath, Mark

BASIC_STRING: Final = r'"(?!"")[^"\\\n]*(?:\\.[^"\\\n]*)*"'
LITERAL_STRING: Final = r"'(?!'')[^'\n]*'"
LONG_BASIC_STRING: Final = r'"""[^"\\]*(?:(?:\\.|"{1,2}(?!"))[^"\\]*)*"{3,5}'
LONG_LITERAL_STRING: Final = r"'''.*?'{3,5}"
KEY_PART: Final = rf"(?P<part>{BASIC_STRING}|{LITERAL_STRING}|[A-Za-z0-9_-]+)"
"""One part of a dotted key; :func:`key_name` reads it."""

_PART: Final = re.compile(rf"{KEY_PART}[ \t]*(?P<end>[.=\]]?)[ \t]*")
_GAP: Final = re.compile(r"(?:[ \t\n,]+|#[^\n]*)*")
# One space may part a date from its time; every other bare value is one word.
SCALAR: Final = re.compile(
    rf"{LONG_BASIC_STRING}|{LONG_LITERAL_STRING}|{BASIC_STRING}|{LITERAL_STRING}"
    r"|[^\s,\[\]{}#=]+(?:(?<=-[0-9][0-9])[ ][0-9][0-9]:[^\s,\]}#]+)?",
    re.DOTALL,
)
"""One value that holds no other."""


@dataclass(frozen=True)
class Text:
    """A named text whose newlines are all ``\\n``."""

    name: str
    content: str
    lines: tuple[str, ...]
    first_line: int = 1

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        return (0, *accumulate(len(line) + 1 for line in self.lines[:-1]))

    def mark(self, offset: int) -> Mark:
        """Turn an offset into the content into a place."""
        index = bisect_right(self._starts, offset) - 1
        return Mark(self.name, self.first_line + index, offset - self._starts[index] + 1)


class Node:
    """One key or list item: where it stands, and what lies below it."""

    __slots__ = ("below", "end", "is_list", "offset", "start", "text")

    def __init__(self, text: Text, offset: int) -> None:
        self.text = text
        self.offset = offset
        # Where its value begins and ends; -1: it has none of its own (a header's table), or that is not closed.
        self.start = self.end = -1
        self.below: dict[str | int, Node] = {}
        self.is_list = False

    @property
    def mark(self) -> Mark:
        """The place of this node."""
        return self.text.mark(self.offset)

    def child(self, key: str, offset: int) -> Node:
        """Return the node of a key, made here if this is its first mention."""
        found = self.below.get(key)
        if found is None:
            found = self.below[key] = Node(self.text, offset)
        return found

    def append(self, offset: int) -> Node:
        """Make the node of the next list item."""
        self.is_list = True
        item = self.below[len(self.below)] = Node(self.text, offset)
        return item

    def last_table(self) -> Node:
        """Return the table that a header reaches through this node: of a list, its last item."""
        return self.below.get(len(self.below) - 1, self) if self.is_list else self

    def find(self, path: KeyPath) -> Node | None:
        """Return the node at a path below."""
        node: Node | None = self
        for part in path:
            node = node.below.get(part) if node else None
        return node

    def take(self, path: KeyPath, other: Node) -> None:
        """Replace all that lies at a path by what another tree has there, with tables on the way if they are new."""
        node = self
        for part in path[:-1]:
            other = other.below[part]
            node = node.below.setdefault(part, Node(other.text, other.offset))
        node.below[path[-1]] = other.below[path[-1]]

    def drop(self, path: KeyPath) -> None:
        """Remove all that lies at a path."""
        if holder := self.find(path[:-1]):
            holder.below.pop(path[-1], None)

    def walk(self) -> Iterator[tuple[KeyPath, Node]]:
        """Yield everything below, with its path."""
        pending: list[tuple[KeyPath, Node]] = [((), self)]
        while pending:
            above, node = pending.pop()
            for part, child in node.below.items():
                yield (*above, part), child
                if child.below:
                    pending.append(((*above, part), child))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one pass over a text found."""

    root: Node
    is_too_deep: bool
    last_key: Sequence[tuple[str, int]]
    """Name and offset of each part of the header or key that was read last; behind a value, of the key that has it."""


def scan(text: Text, deepest: int = sys.maxsize) -> Scan:
    """Find every key and list item, and stop where brackets or one key's parts nest deeper than allowed.

    A key that is mentioned several times stands at its first mention, a table at its ``[header]`` if it has one, an
    item of an array of tables at its ``[[header]]``; the place in a header is that of the key within the brackets.
    """
    content = text.content
    root = Node(text, 0)
    inside = [root]  # the table of the last header, then the inline tables and arrays that are open
    opened_by: list[Sequence[tuple[str, int]]] = []  # the keys of the latter
    last_key: Sequence[tuple[str, int]] = ()
    pos = depth = 0
    while depth <= deepest:
        pos = _after(_GAP, content, pos)
        char = content[pos : pos + 1]
        if len(inside) > 1 and char in ("]", "}"):
            inside.pop().end = pos + 1
            last_key = opened_by.pop()
            pos += 1
            continue
        if len(inside) == 1 and char == "[":
            is_array = content.startswith("[[", pos)
            parts, pos = key_parts(content, _after(_GAP, content, pos + 1 + is_array), deepest, end="]")
            if not parts:
                break
            inside = [_opened(root, parts, is_array=is_array)]
            last_key, depth = parts, len(parts)
            pos += is_array
            continue
        if inside[-1].is_list:
            node, depth = inside[-1].append(pos), len(inside)
        else:
            parts, pos = key_parts(content, pos, deepest, end="=")
            if not parts:
                break
            node = _assigned(inside[-1], parts)
            last_key, depth = parts, len(inside) + len(parts) - 1
        node.start = pos
        if content[pos : pos + 1] in ("[", "{"):
            node.is_list = content[pos] == "["
            inside.append(node)
            opened_by.append(last_key)
            pos += 1
        elif (end := _after(SCALAR, content, pos)) > pos:
            pos = node.end = end
        else:
            break
    return Scan(root=root, last_key=last_key, is_too_deep=depth > deepest)


def key_parts(content: str, pos: int, deepest: int, *, end: str) -> tuple[list[tuple[str, int]], int]:
    """Read a dotted key: the name and offset of each part, and the offset after the sign that ends it.

    No parts if it is not a key that ends so; the end of the text ends any key. Too many parts are not read to the end.
    """
    parts: list[tuple[str, int]] = []
    while len(parts) <= deepest and (match := _PART.match(content, pos)):
        parts.append((key_name(match["part"]), pos))
        pos = match.end()
        if match["end"] != ".":
            return (parts if match["end"] == end or pos == len(content) else []), pos
    return (parts if len(parts) > deepest else []), pos


def key_name(spelled: str) -> str:
    """Read one part of a key as it is spelled: bare, ``"quoted"`` or ``'literal'``."""
    if spelled[0] == "'" or (spelled[0] == '"' and "\\" not in spelled):
        return spelled[1:-1]
    if spelled[0] != '"':
        return spelled
    try:
        return str(tomli.loads(f"key = {spelled}")["key"])
    except tomli.TOMLDecodeError:  # in a text that tomli refuses anyway
        return spelled


def _opened(root: Node, parts: Sequence[tuple[str, int]], *, is_array: bool) -> Node:
    """Return the table that a header opens."""
    table = root
    for name, offset in parts[:-1]:
        table = table.child(name, offset).last_table()
    name, offset = parts[-1]
    table = table.child(name, offset)
    if is_array:
        return table.append(offset)
    table.offset = offset
    return table


def _assigned(table: Node, parts: Sequence[tuple[str, int]]) -> Node:
    """Return the node of a dotted key that gets a value, always a new one."""
    for name, offset in parts[:-1]:
        table = table.child(name, offset)
    name, offset = parts[-1]
    node = table.below[name] = Node(table.text, offset)
    return node


def _after(pattern: re.Pattern[str], content: str, pos: int) -> int:
    match = pattern.match(content, pos)
    return match.end() if match else pos
