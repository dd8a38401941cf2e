"""Overrides: ``key=value`` texts, each of which sets one value of a document."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

import tomli

from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import BAD_INTEGER, TOO_DEEP
from rlsplit.toml_marks import KEY_PART, Node, Text, key_name, scan
from rlsplit.toml_text import unreadable

SOURCE_NAME: Final = "--set"
"""The source that the marks of overrides name; the line is the number of the override."""


_STEP: Final = re.compile(rf"[ \t]*{KEY_PART}(?P<indices>(?:\[[0-9]{{1,9}}\])*)[ \t]*(?P<end>[.=])")
_INDEX: Final = re.compile(r"\[([0-9]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One override, read."""

    text: Text
    steps: tuple[tuple[str | int, int], ...]
    """The keys and indices that lead to the value, each with its offset in the text."""
    equals: int
    """Offset of the sign between key and value."""
    value: Any
    is_toml: bool
    """Whether the value is written in TOML; else it is a plain string."""

    @property
    def path(self) -> KeyPath:
        """Where the value goes."""
        return tuple(part for part, _ in self.steps)

    def places(self) -> Node:
        """Find every key and list item."""
        root = node = Node(self.text, 0)
        for part, offset in self.steps:
            below = node.below
            node = below[part] = Node(self.text, offset)
        if self.is_toml:
            # Behind a bare key of the same length, the value is a line of TOML and stays where it is.
            key = "_" * self.equals
            line = replace(self.text, content=key + self.text.content[self.equals :])
            node.below = scan(line).root.below[key].below
        return root


def text_of(number: int, override: str) -> Text:
    """Name the text of an override, the first one being number 1."""
    content = override.replace("\r\n", "\n")
    return Text(SOURCE_NAME, content, (content,), number)


def parse(text: Text) -> Override | Finding:
    """Read an override: a dotted TOML key, perhaps with list indices, and a TOML value or else a plain string."""
    if fault := unreadable(text):
        return fault
    steps: list[tuple[str | int, int]] = []
    end = 0
    while match := _STEP.match(text.content, end):
        steps.append((key_name(match["part"]), match.start("part")))
        indices = _INDEX.finditer(text.content, *match.span("indices"))
        steps.extend((int(index[1]), index.start()) for index in indices)
        end = match.end()
        if match["end"] == "=":
            value, is_toml = _value(text.content[end:].strip())
            if isinstance(value, Finding):
                return replace(value, where=text.mark(end))
            return Override(text=text, steps=tuple(steps), equals=end - 1, value=value, is_toml=is_toml)
    return Finding(
        code="document.override",
        message="an override must be a dotted key, an equals sign and a value",
        hint='write it like a.b=1, a.b="text" or items[0].name=text',
        where=text.mark(end),
    )


def _value(spelled: str) -> tuple[Any, bool]:
    """Read a value, and say whether it is TOML; what stands beside or behind a TOML value makes it a plain string."""
    try:
        table = tomli.loads(f"value = [{spelled}, 0]")
    except tomli.TOMLDecodeError:
        return spelled, False
    except RecursionError:
        return TOO_DEEP, True
    except ValueError:  # Python's limit on the digits of an integer; tomli lets it through
        return BAD_INTEGER, True
    if table.keys() == {"value"} and len(table["value"]) == 2:
        return table["value"][0], True
    return spelled, False
