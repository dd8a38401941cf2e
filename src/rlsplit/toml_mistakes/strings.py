"""Mistakes in texts."""

from __future__ import annotations

import re
from typing import Final

from rlsplit.characters import is_plain
from rlsplit.findings import clipped
from rlsplit.toml_marks import BASIC_STRING, LONG_BASIC_STRING
from rlsplit.toml_mistakes.failure import Failure
from rlsplit.toml_mistakes.mistake import CURLY, STATEMENT, Mend, Mistake, blanked, may_be_secret

_BASIC: Final = re.compile(rf"{LONG_BASIC_STRING}|{BASIC_STRING}", re.DOTALL)
_ESCAPES: Final = re.compile(r'\\(?:[btnfre"\\ \t\n]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})|\\')


def bad_escape(failure: Failure) -> Mistake | None:
    """A backslash that begins no escape, as in the paths of Windows."""
    content = failure.text.content
    start = failure.token
    end = _closing(content, start)
    bad = next((found for found in _ESCAPES.finditer(content, start, end) if found[0] == "\\"), None)
    if bad is None or content[start] != '"':
        return None
    inner = content[start:end].strip('"')
    hint = "double each backslash"
    if not may_be_secret(failure.path, inner) and "\n" not in inner:
        hint = f'write "{clipped(inner, 80)}"'.replace("\\", "\\\\")
        hint = hint if "'" in inner or len(inner) > 80 else f"write '{inner}' in single quotes, or {hint[6:]}"
    return Mistake(
        message=f"{content[bad.start() : bad.start() + 2]} means nothing in a text in double quotes",
        hint=hint,
        at=bad.start(),
        mend=Mend(start + 1, end - 1, content[start + 1 : end - 1].replace("\\", "/")),
    )


def _closing(content: str, start: int) -> int:
    found = _BASIC.match(content, start)
    return found.end() if found else start


def control_character(failure: Failure) -> Mistake | None:
    """A control character within a text."""
    char = failure.text.content[failure.pos : failure.pos + 1]
    if not char or char in "\t\n" or is_plain(char):
        return None
    return Mistake(
        message=f"the control character U+{ord(char):04X} cannot stand in a text",
        hint=f"write \\u{ord(char):04X} in a text in double quotes",
        at=failure.pos,
        mend=Mend(failure.pos, failure.pos + 1, " "),
    )


def unclosed_quote(failure: Failure) -> Mistake | None:
    """A text without end; it is placed where it begins."""
    content = failure.text.content
    start = failure.token
    line = content[start:].partition("\n")[0]
    quote = line[0] * 3 if line.startswith(line[0] * 3) else line[0]
    if line.endswith('\\"'):
        hint = (
            r"""a backslash before a quote makes it part of the text: put the text in '...', or double the backslash"""
        )
    elif line.rstrip()[-1:] in CURLY:
        hint = f"write {quote} instead of {line.rstrip()[-1]}"
    else:
        hint = f"write {quote} at its end" + (
            "" if len(quote) == 3 else "; a text of several lines needs three of them"
        )
    following = content[start + len(line) + 1 :].partition("\n")[0]
    is_single = len(quote) == 1 and not failure.open_brackets and bool(STATEMENT.match(following))
    return Mistake(
        message=f"the text that begins with this {quote} is not closed",
        hint=hint,
        at=start,
        mend=blanked(start, line) if is_single and failure.path else None,
    )
