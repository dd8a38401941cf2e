"""Where a TOML reader stopped: in which key, and what it expected there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from rlsplit.findings import KeyPath, Mark
from rlsplit.toml_marks import BASIC_STRING, LITERAL_STRING, LONG_BASIC_STRING, LONG_LITERAL_STRING, Text, scan

Place = Literal["header", "key", "behind-key", "value", "behind-value", "string", "unclosed-string"]
"""What stands at the place: ``behind-key`` is where the equals sign should be, ``behind-value`` what should not be."""

_TOKEN: Final = re.compile(
    rf"(?P<string>{LONG_BASIC_STRING}|{LONG_LITERAL_STRING}|{BASIC_STRING}|{LITERAL_STRING})"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<sign>[\[\]{},=\n])"
    r"|(?P<quote>\"\"\"|'''|[\"'])"
    r"|(?P<bare>[^\s\[\]{},#=\"']+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A place that a TOML reader could not pass; what stands before it is well-formed."""

    text: Text
    pos: int
    """Offset at which the reader stopped."""
    place: Place
    token: int
    """Offset of the last token before: a key, a value, or the string that holds the place."""
    open_brackets: tuple[int, ...]
    """Offsets of the lists and inline tables that are open, outermost first."""
    path: KeyPath
    """The key that was read last, as far as it is known."""

    @property
    def rest(self) -> str:
        """The rest of the line."""
        return self.text.content[self.pos :].partition("\n")[0]

    @property
    def is_in_list(self) -> bool:
        """Whether the innermost open bracket is a list's."""
        return bool(self.open_brackets) and self.text.content[self.open_brackets[-1]] == "["

    def mark(self, offset: int) -> Mark:
        """Turn an offset into a place."""
        return self.text.mark(offset)


class _Walk:
    """What the tokens of a text say about the place behind them."""

    def __init__(self) -> None:
        self.open: list[tuple[str, int]] = []
        self.place: Place = "key"
        self.token = 0

    def take(self, token: re.Match[str]) -> None:
        sign = token["sign"]
        if sign == "\n":
            self.place = self.place if self.open else "key"
        elif sign in ("[", "{"):
            if self.place == "key" and not self.open:
                self.place = "header"
            if self.place != "header":
                self.open.append((sign, token.start()))
                self.place = "value" if sign == "[" else "key"
        elif sign in ("]", "}"):
            if self.open:
                self.open.pop()
            self.place = self.place if self.place == "header" else "behind-value"
        elif sign == ",":
            self.place = "value" if self.open and self.open[-1][0] == "[" else "key"
        elif sign == "=":
            self.place = "value"
        elif not token["comment"]:
            self.place = _BEHIND.get(self.place, self.place)
        if sign != "\n" and not token["comment"]:
            self.token = token.start()


_BEHIND: Final[dict[Place, Place]] = {"key": "behind-key", "value": "behind-value"}


def failure_at(text: Text, pos: int) -> Failure:
    """Describe the place at which a TOML reader stopped."""
    walk, stop = _Walk(), pos
    place: Place | None = None
    for token in _TOKEN.finditer(text.content):
        if token.start() >= pos:
            break
        if token["quote"] or (token["string"] and token.end() > pos):
            place = "unclosed-string" if token["quote"] else "string"
            stop = walk.token = token.start()
            break
        walk.take(token)
    return Failure(
        text=text,
        pos=pos,
        place=place or walk.place,
        token=walk.token,
        open_brackets=tuple(offset for _, offset in walk.open),
        path=_path(text, stop),
    )


def _path(text: Text, stop: int) -> KeyPath:
    """The key that a text ends in; list items count as their list."""
    found = scan(Text(text.name, text.content[:stop], text.lines))
    if not found.last_key:
        return ()
    offset = found.last_key[-1][1]
    path = next((path for path, node in found.root.walk() if node.offset == offset), ())
    return path[:-1] if path and isinstance(path[-1], int) else path
