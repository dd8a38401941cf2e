"""Where each key of a JSON text stands, which keys it has twice, and where it stops being JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Literal

from rlsplit.findings import KeyPath
from rlsplit.toml_marks import Node, Text

Expected = Literal[
    "a value", "a value or ]", "a key", "a key or }", "a colon", "a comma or }", "a comma or ]", "the end"
]

_STRING: Final = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"'
_KEY: Final = re.compile(_STRING)
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(
    rf"{_STRING}|(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![\w.+-])"
)


class JsonScan:
    """One pass over a text that holds a table; it ends where the text does, or where it cannot go on."""

    def __init__(self, text: Text, deepest: int = sys.maxsize) -> None:
        self.root = Node(text, 0)
        self.twice: list[tuple[KeyPath, int, int]] = []
        """Path of every key that its table already had, its offset, and that of the earlier one."""
        self.pos = 0
        self.expected: Expected = "a value"
        """What should stand at ``pos``."""
        self.path: list[str | int] = []
        """The key or item at ``pos``."""
        self.inside: list[Node] = []
        """The tables and lists that are open."""
        self._content = text.content
        self._goto(0, "a value")
        while len(self.inside) <= deepest and any(step(self) for step in self._steps[self.expected]):
            pass
        self.is_too_deep = len(self.inside) > deepest

    @property
    def is_whole(self) -> bool:
        """Whether the text is JSON."""
        return self.expected == "the end" and self.pos == len(self._content)

    def _goto(self, pos: int, expected: Expected) -> bool:
        space = _SPACE.match(self._content, pos)
        self.pos, self.expected = space.end() if space else pos, expected
        return True

    def _read_key(self) -> bool:
        found = _KEY.match(self._content, self.pos)
        if found is None:
            return False
        name = str(json.loads(found[0])) if "\\" in found[0] else found[0][1:-1]
        self.path.append(name)
        table = self.inside[-1].below
        if name in table:
            self.twice.append((tuple(self.path), self.pos, table[name].offset))
        table[name] = Node(self.root.text, self.pos)
        return self._goto(found.end(), "a colon")

    def _read_colon(self) -> bool:
        return self._content.startswith(":", self.pos) and self._goto(self.pos + 1, "a value")

    def _read_value(self) -> bool:
        scalar = _SCALAR.match(self._content, self.pos)
        if scalar is None and not self._content.startswith(("[", "{"), self.pos):
            return False
        node = self._node()
        if scalar:
            return self._leave(scalar.end())
        node.is_list = self._content[self.pos] == "["
        self.inside.append(node)
        return self._goto(self.pos + 1, "a value or ]" if node.is_list else "a key or }")

    def _node(self) -> Node:
        """The node of the value at this place."""
        if not self.inside:
            return self.root
        table = self.inside[-1]
        if table.is_list:
            self.path.append(len(table.below))
            return table.append(self.pos)
        return table.below[self.path[-1]]

    def _read_comma(self) -> bool:
        following: Expected = "a value" if self.inside[-1].is_list else "a key"
        return self._content.startswith(",", self.pos) and self._goto(self.pos + 1, following)

    def _read_end(self) -> bool:
        if not self._content.startswith("]" if self.inside[-1].is_list else "}", self.pos):
            return False
        self.inside.pop()
        return self._leave(self.pos + 1)

    def _leave(self, pos: int) -> bool:
        """Go on behind a value."""
        del self.path[-1:]
        if not self.inside:
            return self._goto(pos, "the end")
        return self._goto(pos, "a comma or ]" if self.inside[-1].is_list else "a comma or }")

    _steps: ClassVar[Mapping[Expected, tuple[Callable[[JsonScan], bool], ...]]] = MappingProxyType(
        {
            "a value": (_read_value,),
            "a value or ]": (_read_end, _read_value),
            "a key": (_read_key,),
            "a key or }": (_read_end, _read_key),
            "a colon": (_read_colon,),
            "a comma or }": (_read_end, _read_comma),
            "a comma or ]": (_read_end, _read_comma),
            "the end": (),
        }
    )
    """What may be read where something is expected."""
