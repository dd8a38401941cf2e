"""Random tables, and a writer that spells one table in any of the many ways TOML has."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")

names = st.one_of(
    st.sampled_from(["a", "b", "c", "1", "true", "a.b", "", " ", "é", '"', "'", "\\", "#", "=", "]", "\n", "\x1b"]),
    st.text(string.ascii_letters, min_size=1, max_size=3),
    st.text(max_size=4),
)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.text("\"'\\\n#=[]{}, a", max_size=8),
    st.dates(),
    st.times(),
    st.datetimes(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(names, inner, max_size=4),
        st.lists(st.dictionaries(names, inner, max_size=3), max_size=3),
    ),
    max_leaves=20,
)
tables = st.dictionaries(names, values, max_size=5)


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every key and list item below a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in entries:
        yield (*at, part)
        yield from paths(inner, (*at, part))


def written(table: dict[str, Any], random: Random) -> str:
    """One of the many TOML texts of a table."""
    lines = "\n".join(_Writer(random).section((), table))
    return lines.replace("\n", "\r\n") if random.random() < 0.2 else lines


class _Writer:
    def __init__(self, random: Random) -> None:
        self.random = random

    def section(self, path: tuple[str, ...], table: dict[str, Any], brackets: str = "[]") -> list[str]:
        """A header with its own keys, and the sections of tables below it, in any order that TOML allows."""
        own: list[str] = []
        below: list[list[str]] = []
        for key, value in self.shuffled(table.items()):
            if isinstance(value, dict) and self.sometimes():
                below.append(self.section((*path, key), value))
            elif self.is_array_of_tables(value) and self.sometimes():
                below.append([line for item in value for line in self.section((*path, key), item, "[[]]")])
            else:
                own += [f"{pair}{self.line_end()}" for pair in self.pairs((key,), value)]
        self.random.shuffle(own)
        body = [line for lines in below for line in lines]
        if not path:
            return own + body
        if brackets == "[]" and not own and below and self.sometimes():
            return body
        half = len(brackets) // 2
        header = f"{self.blank()}{brackets[:half]}{self.dotted(path)}{brackets[half:]}{self.line_end()}"
        if brackets == "[]" and self.sometimes():
            return [*body, header, *own]
        return [header, *own, *body]

    def pairs(self, key: tuple[str, ...], value: Any) -> list[str]:
        """The ``key = value`` texts of one value: one, or those of a dotted table."""
        if isinstance(value, dict) and value and self.sometimes():
            return [pair for name, inner in value.items() for pair in self.pairs((*key, name), inner)]
        return [f"{self.dotted(key)}={self.blank()}{self.value(value)}"]

    def value(self, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, list):
            return self.enclosed("[", [self.value(item) for item in value], "]")
        if isinstance(value, dict):
            pairs = [pair for key, item in value.items() for pair in self.pairs((key,), item)]
            return self.enclosed("{", pairs, "}")
        return str(value) if self.sometimes() else value.isoformat()

    def enclosed(self, start: str, items: list[str], end: str) -> str:
        text = start + self.gap()
        for number, item in enumerate(items, 1):
            text += item + self.gap()
            if number < len(items) or self.sometimes():
                text += f",{self.gap()}"
        return text + end

    def text(self, value: str) -> str:
        if "'''" not in f"{value}'" and not _CONTROL.search(value.replace("\n", "")) and self.sometimes():
            return f"'''\n{value}'''"
        if self.sometimes():
            return '"""\n' + "\n".join(self.escaped(line) for line in value.split("\n")) + '"""'
        return self.quoted(value)

    def quoted(self, value: str) -> str:
        if "'" not in value and not _CONTROL.search(value) and self.sometimes():
            return f"'{value}'"
        return f'"{self.escaped(value)}"'

    def escaped(self, value: str) -> str:
        return "".join(self.escape(char) for char in value)

    def escape(self, char: str) -> str:
        if char in '"\\':
            return f"\\{char}"
        if char == "\n":
            return "\\n"
        if _CONTROL.match(char) or self.random.random() < 0.1:
            return f"\\U{ord(char):08x}"
        return char

    def dotted(self, key: tuple[str, ...]) -> str:
        parts = [name if _BARE.match(name) and self.sometimes() else self.quoted(name) for name in key]
        return self.blank() + f"{self.blank()}.{self.blank()}".join(parts) + self.blank()

    def blank(self) -> str:
        return self.random.choice(["", "", " ", "\t "])

    def gap(self) -> str:
        return self.random.choice(["", "", " ", "\n", " # a = [1, {\n\t"])

    def line_end(self) -> str:
        return self.random.choice(["", "", " ", "\n", " # [x] y = 1", "\n# \"'''\n"])

    def sometimes(self) -> bool:
        return self.random.random() < 0.5

    def is_array_of_tables(self, value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)

    def shuffled(self, items: Any) -> list[tuple[str, Any]]:
        entries = list(items)
        self.random.shuffle(entries)
        return entries
