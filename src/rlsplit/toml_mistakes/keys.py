"""Mistakes in keys and headers."""

from __future__ import annotations

import re
from typing import Final

from rlsplit.findings import dotted
from rlsplit.toml_mistakes.failure import Failure
from rlsplit.toml_mistakes.mistake import (
    CURLY,
    NUMBER,
    Mend,
    Mistake,
    leading_zero,
    may_be_secret,
    spelled,
    unused_name,
    word_at,
)

_SIGNS: Final = re.compile(r":=|=>|->|\+=|\|=|:")


def wrong_sign(failure: Failure) -> Mistake | None:
    """Another sign than ``=`` behind a key."""
    found = _SIGNS.match(failure.rest)
    if not found:
        return None
    end = failure.pos + len(found[0])
    value = word_at(failure, end)
    is_block = not value
    name = dotted(failure.path[-1:])
    hint = f"write [{dotted(failure.path)}] for a table" if is_block else f"write {name} = {_as_value(failure, value)}"
    return Mistake(
        message=f"a key and its value are joined by =, not by {found[0]}",
        hint=hint,
        at=failure.pos,
        mend=None if is_block or failure.open_brackets else Mend(failure.pos, end + len(value), "=0"),
        fix=None if is_block else (found[0], "=" if failure.pos > failure.token + len(name) else " ="),
    )


_PLAIN_TEXT: Final = re.compile(r"\"[^\"\\]{,60}\"|'[^']{,60}'")


def _as_value(failure: Failure, word: str) -> str:
    """Spell a value as TOML would have it: what is none yet as a text."""
    word = word.strip()
    if may_be_secret(failure.path, word) or (word[:1] in "[{\"'" and not _PLAIN_TEXT.fullmatch(word)):
        return "..."
    if _PLAIN_TEXT.fullmatch(word):
        return word
    if word.lower() in ("true", "false"):
        return word.lower()
    return word if NUMBER.fullmatch(word) and not leading_zero(word) else spelled(failure, word)


def strange_space(failure: Failure) -> Mistake | None:
    """A space of Unicode, as word processors and web pages have it."""
    char = failure.text.content[failure.pos : failure.pos + 1]
    if not char.isspace() or char in " \t\n\r":
        return None
    return Mistake(
        message=f"U+{ord(char):04X} is a space that TOML does not have",
        hint="write a plain space instead",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + 1, " "),
        fix=(char, " "),
    )


def no_value(failure: Failure) -> Mistake | None:
    """A key alone in a line."""
    if failure.open_brackets or word_at(failure, failure.pos):
        return None
    name = dotted(failure.path[-1:])
    return Mistake(
        message=f"{name} has no value", hint=f"write {name} = ..., or put # before the line", at=failure.token
    )


def space_in_key(failure: Failure) -> Mistake | None:
    """A key of several words."""
    line = failure.text.content[failure.token :].partition("\n")[0]
    found = re.match(r"([\w .-]+?)[ \t]*=(?!=)", line)
    if not found or failure.open_brackets:
        return None
    if found[1].startswith("export "):
        return Mistake(message="export is the shell's", hint="write the key alone", at=failure.token)
    joined = re.sub(r"\s+", "_", found[1])
    unused = unused_name(failure.text, len(found[1]))
    return Mistake(
        message="a key cannot have a space",
        hint="join its words with _, or put it in quotes"
        if may_be_secret(failure.path, found[1])
        else f'write {joined}, or "{found[1]}" in quotes if the space belongs to it',
        at=failure.token,
        mend=Mend(failure.token, failure.token + len(found[1]), unused) if unused else None,
    )


def conflict(failure: Failure) -> Mistake | None:
    """The markers that git leaves in a file."""
    if not re.match(r"<{7}|={7}|>{7}|\|{7}", failure.rest):
        return None
    return Mistake(
        message="there is a merge conflict in this file",
        hint="settle it: keep one side, and remove the lines of the markers",
        at=failure.pos,
    )


def curly_key(failure: Failure) -> Mistake | None:
    """A key in curly quotes."""
    if failure.rest[:1] not in tuple(CURLY):
        return None
    return Mistake(message=f"{failure.rest[0]} is no quote of TOML", hint="use straight quotes", at=failure.pos)


def key_beyond_ascii(failure: Failure) -> Mistake | None:
    """A bare key with letters that only a quoted one may have."""
    found = re.match(r"([\w-]+)[ \t]*=", failure.rest)
    if not found or found[1].isascii():
        return None
    return Mistake(message="a key beyond a-z, 0-9, _ and - needs quotes", hint=f'write "{found[1]}"', at=failure.pos)


def header(failure: Failure) -> Mistake | None:
    """Brackets that do not match, and names that need quotes."""
    content = failure.text.content
    start = content.rfind("\n", 0, failure.pos) + 1
    line = content[start:].partition("\n")[0]
    found = re.match(r"([ \t]*)(\[[\[ \t]*)([^\[\]#]*?)([\] \t]*)(?:#.*)?$", line)
    if not found:
        return None
    if not found[3]:
        return Mistake(message="this header names no table", hint="write a name in the brackets", at=start)
    opened, closed = found[2].count("["), found[4].count("]")
    at = start + len(found[1])
    if opened == closed and opened <= 2 and " " not in found[2].strip() and " " not in found[4].strip():
        return Mistake(
            message="the name of a table is made of keys and points",
            hint='write it with points between its keys, and other characters in quotes: [a.b."c d"]',
            at=at,
        )
    name = found[3].strip()
    return Mistake(
        message="the brackets of this header do not match",
        hint=f"write [{name}] for a table, [[{name}]] for an item of a list",
        at=at,
    )
