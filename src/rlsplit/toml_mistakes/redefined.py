"""Keys that are defined twice, and tables that cannot be extended."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import tomli

from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.toml_marks import KEY_PART, Node, Text, scan
from rlsplit.toml_mistakes.mistake import Mend, unused_name

_UNUSED_KEY: Final = "rlsplit-unused-key."
_PART: Final = re.compile(KEY_PART)


def refusal(content: str) -> tomli.TOMLDecodeError | None:
    """Return what tomli says against a text; None where it reads it, or stops for another stage's reason."""
    try:
        tomli.loads(content)
    except tomli.TOMLDecodeError as error:
        return error
    except (ValueError, RecursionError):
        return None
    return None


def redefinition(text: Text, error: tomli.TOMLDecodeError) -> tuple[Finding, Mend | None] | None:
    """Recognise a key that collides with an earlier one: below an unused key, the same error does not come.

    tomli has many words for such errors, and places them behind the value.
    """
    found = scan(replace(text, content=text.content[: error.pos]))
    if not found.last_key:
        return None
    (_, start), (_, last) = found.last_key[0], found.last_key[-1]
    renamed = f"{text.content[:start]}{_UNUSED_KEY}{text.content[start:]}"
    again = refusal(renamed)
    if again and again.pos == error.pos + len(_UNUSED_KEY):
        return None
    path = next(path for path, node in found.root.walk() if node.offset == last)
    path = path[:-1] if isinstance(path[-1], int) else path  # the header of an item names its array
    earlier, line = _deepest(scan(replace(text, content=text.content[:start])).root, path)
    if earlier == path:
        message = f"the key is defined twice, first on line {line}"
    else:
        message = f"{dotted(earlier)} is already defined on line {line} and cannot be extended here"
    finding = Finding(
        code="document.redefined",
        message=message,
        path=path,
        related=(earlier,),
        where=text.mark(start),
        hint=_list_hint(text, start, path) if earlier == path else None,
    )
    return finding, _renamed(text, start)


def _list_hint(text: Text, start: int, path: KeyPath) -> str | None:
    """Two equal headers are mostly meant as two items of a list."""
    before = text.content[:start].rpartition("\n")[2].strip()
    name = dotted([part for part in path if isinstance(part, str)])
    if before != "[":
        return None
    return f"make one table of the two; if they are items of a list, write [[{name}]] both times"


def _renamed(text: Text, start: int) -> Mend | None:
    """Give a key another name of the same length, that the text does not have."""
    part = _PART.match(text.content, start)
    length = len(part[0]) if part else 0
    name = unused_name(text, length)
    return Mend(start, start + length, name) if name else None


def _deepest(node: Node, path: KeyPath) -> tuple[KeyPath, int]:
    """Return how much of a path exists below a node, and the line of the last key that does."""
    for depth, part in enumerate(path):
        if part not in node.below:
            return path[:depth], node.mark.line
        node = node.below[part]
    return path, node.mark.line
