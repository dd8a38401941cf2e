"""From the text of one JSON file to a table, or to the findings that say why not: prime-rl writes its files as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from rlsplit.findings import Finding
from rlsplit.json_marks import Expected, JsonScan
from rlsplit.plain_data import BAD_INTEGER, MAX_DEPTH, MAX_FINDINGS, TOO_DEEP
from rlsplit.toml_marks import Node, Text

_DIGITS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?([0-9]+)', re.DOTALL)


def places(text: Text) -> Node:
    """Find every key and list item of a text that is JSON."""
    return JsonScan(text).root


def load(text: Text) -> dict[str, Any] | tuple[Finding, ...]:
    """Read a text that begins as a JSON table; null is null, as prime-rl reads it."""
    try:
        table: dict[str, Any] = json.loads(text.content, object_pairs_hook=_table, parse_constant=_refuse)
    except _RefusedError:
        return tuple(_faults(text))
    except RecursionError:
        return (_too_deep(text),)
    except ValueError:
        return tuple(_faults(text)) or (_too_long_integer(text),)
    return table


class _RefusedError(Exception):
    """Python's reader would pass it."""


def _refuse(word: str) -> float:
    raise _RefusedError


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _RefusedError
    return table


def _too_deep(text: Text) -> Finding:
    found = JsonScan(text, MAX_DEPTH)
    return replace(TOO_DEEP, path=tuple(found.path)[:MAX_DEPTH], where=text.mark(found.pos))


def _too_long_integer(text: Text) -> Finding:
    """Python's limit on the digits of an integer."""
    numbers = (found for found in _DIGITS.finditer(text.content) if found[1])
    longest = max(numbers, key=lambda found: len(found[1]))
    return replace(BAD_INTEGER, where=text.mark(longest.start()))


def _faults(text: Text) -> Iterator[Finding]:
    found = JsonScan(text, MAX_DEPTH)
    if found.is_too_deep:
        yield _too_deep(text)
    for path, offset, earlier in found.twice[:MAX_FINDINGS]:
        line = text.mark(earlier).line
        message = f"the key is defined twice, first on line {line}"
        yield Finding(code="document.redefined", message=message, path=path, where=text.mark(offset))
    if not found.is_whole and not found.is_too_deep:
        yield _syntax(text, found)


# --- what is wrong, and what to write ----------------------------------------------------------------------------

_MISTAKES: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = tuple(
    (re.compile(pattern), message, hint)
    for pattern, message, hint in (
        (r"['‘’“”]", "a text stands in double quotes", "write \" instead"),  # noqa: RUF001
        (r"NaN\b", "NaN is not JSON", 'write null, or "nan" in quotes'),
        (r"[-+]?Infinity\b", "an infinity is not JSON", 'write "inf" or "-inf" in quotes'),
        (r"True\b", "True is not JSON", "write true"),
        (r"False\b", "False is not JSON", "write false"),
        (r"None\b|undefined\b", "this is not JSON's null", "write null"),
        (r"[+]?0[0-9]|[+.][0-9]|[0-9]+\.(?![0-9])", "the number is not JSON", "write it like 5 or 0.5"),
        (r'"[^"\n]*(?:\n|$)', "the text that begins here is not closed in its line", 'write " at its end'),
        (r'"', "a backslash or control character in this text means nothing", "double it, or write \\n or \\t"),
    )
)  # fmt: skip
"""What stands where a value or key should be."""

_HINTS: Final[dict[Expected, str]] = {
    "a value": "write a value",
    "a value or ]": "write a value, or ] to close the list",
    "a key": 'write a key in double quotes, or remove the comma before: "a": 1',
    "a key or }": 'write keys in double quotes: "a": 1',
    "a colon": "write : between a key and its value",
    "a comma or }": "write a comma between two keys, or } to close the table",
    "a comma or ]": "write a comma between two items, or ] to close the list",
    "the end": "remove what stands behind the table",
}


_COMMENT: Final = re.compile(r"//|/\*|#")


def _syntax(text: Text, found: JsonScan) -> Finding:
    message, hint = _told(found, text.content[found.pos : found.pos + 1000])
    return Finding(
        code="document.syntax",
        message=f"not valid JSON: {message}",
        path=tuple(found.path),
        hint=hint,
        where=text.mark(found.pos),
    )


def _told(found: JsonScan, rest: str) -> tuple[str, str]:
    """What is wrong where a scan stopped, and what to write."""
    expected = found.expected
    if _COMMENT.match(rest):
        return "JSON has no comments", "remove it"
    if expected.startswith(("a value", "a key")):
        for pattern, message, hint in _MISTAKES:
            if pattern.match(rest):
                return message, hint
    if expected == "the end":
        return "there is more behind the table", _HINTS[expected]
    if expected == "a value" and rest[:1] in ("]", "}"):
        return "a value is missing", "remove the comma before, or write a value"
    if not rest and found.inside:
        line = found.inside[-1].mark.line
        return f"{expected} is missing at the end of the text; the table of line {line} is open", _HINTS[expected]
    return f"{expected} is missing", _HINTS[expected]
