"""Deserialize: the YAML that :mod:`rlsplit.serialize` writes, or JSON, back to objects. No other YAML is read."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final, NoReturn

from rlsplit.findings import ConfigError, Finding
from rlsplit.plain_data import is_list, is_table

_KEY: Final = re.compile(r'(?:(?P<plain>[A-Za-z_][A-Za-z0-9_./-]*)|(?P<quoted>"(?:[^"\\]|\\.)*")):(?: (?P<rest>.*))?\Z')
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"\Z')
_ESCAPE: Final = re.compile(r"\\(?:(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))|(.))")
_SHORT: Final = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_WORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}

Read = tuple[Any, int]
"""A value, and the number of the line behind it."""


def from_text(text: str) -> list[dict[str, Any]]:
    """Read the objects of a rendered run. Raises ``ConfigError`` for anything but what rlsplit writes."""
    try:
        objects = _from_json(text) if text.lstrip().startswith(("{", "[")) else _from_yaml(text)
    except RecursionError:
        _refuse("is nested too deeply")
    if not objects or not all(is_table(item) and is_table(item.get("metadata")) for item in objects):
        _refuse("holds no objects")
    return objects


def _from_json(text: str) -> list[Any]:
    try:
        read: Any = json.loads(text)
    except ValueError as error:
        _refuse(f"is no JSON: {error}")
    listed = read.get("items") if is_table(read) and read.get("kind") == "List" else [read]
    return listed if is_list(listed) else []


def _from_yaml(text: str) -> list[Any]:
    lines = text.removesuffix("\n").split("\n")
    objects: list[Any] = []
    at = 0
    while at < len(lines):
        if lines[at] != "---":
            _unexpected(at)
        item, at = _mapping(lines, at + 1, 0)
        objects.append(item)
    return objects


def _mapping(lines: list[str], at: int, indent: int) -> Read:
    result: dict[str, Any] = {}
    while at < len(lines) and _is_at(lines[at], indent) and lines[at] != "---" and lines[at][indent] != "-":
        match = _KEY.match(lines[at][indent:])
        if match is None:
            _unexpected(at)
        key = match["plain"] or _text(match["quoted"])
        value, at = _value(lines, at, indent, match["rest"])
        result[key] = value
    return (result, at) if result else _unexpected(at)


def _value(lines: list[str], at: int, indent: int, rest: str | None) -> Read:
    """What stands behind a key: on its line, or below."""
    if rest is not None:
        return _inline(lines, at, indent, rest)
    if at + 1 < len(lines) and _is_at(lines[at + 1], indent) and lines[at + 1][indent:].startswith("- "):
        return _sequence(lines, at + 1, indent)
    return _mapping(lines, at + 1, indent + 2)


def _sequence(lines: list[str], at: int, indent: int) -> Read:
    result: list[Any] = []
    while at < len(lines) and _is_at(lines[at], indent) and lines[at][indent:].startswith("- "):
        rest = lines[at][indent + 2 :]
        if rest.startswith("- ") or _KEY.match(rest):
            lines[at] = " " * (indent + 2) + rest
            read = _sequence if rest.startswith("- ") else _mapping
            value, at = read(lines, at, indent + 2)
        else:
            value, at = _inline(lines, at, indent, rest)
        result.append(value)
    return result, at


def _inline(lines: list[str], at: int, indent: int, rest: str) -> Read:
    if rest == "|":
        return _literal(lines, at + 1, indent + 2)
    if _QUOTED.match(rest):
        return _text(rest), at + 1
    if rest in _WORDS:
        return _WORDS[rest], at + 1
    if rest in ("{}", "[]"):
        return ({} if rest == "{}" else []), at + 1
    if re.fullmatch(r"-?\d{1,30}", rest):
        return int(rest), at + 1
    return _unexpected(at)


def _literal(lines: list[str], at: int, indent: int) -> Read:
    first = at
    while at < len(lines) and (not lines[at] or lines[at].startswith(" " * indent)):
        at += 1
    return "".join(f"{line[indent:]}\n" for line in lines[first:at]), at


def _text(quoted: str) -> str:
    return _ESCAPE.sub(_unescaped, quoted[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code and int(code, 16) <= sys.maxunicode:
        return chr(int(code, 16))
    return _SHORT.get(match[4]) or _refuse(f"has an escape that rlsplit does not write: {match[0]}")


def _is_at(line: str, indent: int) -> bool:
    return line.startswith(" " * indent) and line[indent : indent + 1] not in ("", " ")


def _unexpected(at: int) -> NoReturn:
    _refuse(f"line {at + 1} is not as rlsplit writes it")


def _refuse(message: str) -> NoReturn:
    hint = "give what rlsplit render wrote, as YAML or as JSON"
    raise ConfigError((Finding(code="objects.unreadable", about="run", path=(), message=message, hint=hint),))
