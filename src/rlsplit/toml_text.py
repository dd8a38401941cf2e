"""From the text of one TOML or JSON file to a table, or to the findings that say why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import tomli

from rlsplit.findings import Finding, Mark
from rlsplit.plain_data import BAD_INTEGER, MAX_BYTES, MAX_DEPTH, SURROGATE, TOO_DEEP, TOO_LARGE
from rlsplit.toml_marks import (
    BASIC_STRING,
    LITERAL_STRING,
    LONG_BASIC_STRING,
    LONG_LITERAL_STRING,
    Text,
    scan,
)

_BOM: Final = "\ufeff"

_TOKEN: Final = re.compile(
    rf"(?P<basic>{LONG_BASIC_STRING}|{BASIC_STRING})"
    rf"|(?P<other>{LONG_LITERAL_STRING}|{LITERAL_STRING}|#[^\n]*)"
    r"|(?P<sign>[\[\]{},\n])"
    r"|(?P<bare>(?=(?P<digits>[+-]?[0-9_]*))[^\s\[\]{},#=\"']+)",
    re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_WINDOWS_PATH: Final = r'"(?:[A-Za-z]:|\.\.?)(?:\\[^"\\\n]+)+"'
_MAY_BE_JSON: Final = frozenset("{ \t\r\n")
_SHORT_TIME: Final = re.compile(r"(?:.*[Tt])?[0-9]{2}:[0-9]{2}(?![0-9:])")
_MAY_BE_NEWER: Final = re.compile(r"\{|\\[ex]|[0-9]:[0-9]{2}(?![0-9:])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One TOML file, read."""

    text: Text
    table: dict[str, Any] | None
    """``None`` if the file was refused."""
    findings: tuple[Finding, ...]
    """Each knows its place."""


def parse(name: str, content: str | bytes) -> Parsed:
    """Read one file, JSON if it begins with a brace, else TOML; every fault is a finding."""
    if len(content) > MAX_BYTES:
        return _refused(text_of(name, ""), replace(TOO_LARGE, where=Mark(name, 1, 1)))
    if isinstance(content, bytes):
        try:
            content = content.decode()
        except UnicodeDecodeError as error:
            return _refused(*_not_utf8(name, error))
    text = text_of(name, content)
    if fault := unreadable(text):
        return _refused(text, fault)
    is_toml = not is_json(text.content)
    loaded = _load(text) if is_toml else _load_json(text)
    if isinstance(loaded, tuple):
        return _refused(text, *loaded)
    of_toml = (*_newer_syntax(text), *_windows_paths(text)) if is_toml else ()
    notices = (*_byte_order_mark(content, text), *of_toml)
    return Parsed(text=text, table=loaded, findings=notices)


def text_of(name: str, content: str) -> Text:
    """Name a text, bring its newlines into TOML's form, and drop a byte order mark."""
    content = content.removeprefix(_BOM).replace("\r\n", "\n")
    return Text(name, content, tuple(content.split("\n")))


def is_json(content: str) -> bool:
    """Whether a text can only be JSON: no TOML begins with a brace."""
    return content.lstrip(" \t\r\n").startswith("{") if content[:1] in _MAY_BE_JSON else False


def unreadable(text: Text) -> Finding | None:
    """Say why a text is not even looked at."""
    if len(text.content) > MAX_BYTES:
        return replace(TOO_LARGE, where=text.mark(0))
    if half := SURROGATE.search(text.content):
        return Finding(
            code="document.encoding",
            message=f"U+{ord(half[0]):04X} is half of a character and cannot be written in UTF-8",
            where=text.mark(half.start()),
        )
    return None


def _refused(text: Text, *faults: Finding) -> Parsed:
    return Parsed(text=text, table=None, findings=faults)


def _not_utf8(name: str, error: UnicodeDecodeError) -> tuple[Text, Finding]:
    text = text_of(name, error.object.decode(errors="replace"))
    before = text_of(name, error.object[: error.start].decode())
    fault = Finding(
        code="document.encoding",
        message=f"byte 0x{error.object[error.start]:02x} is not UTF-8",
        hint="save the file as UTF-8",
        where=text.mark(len(before.content)),
    )
    return text, fault


def _byte_order_mark(content: str, text: Text) -> Iterator[Finding]:
    if content.startswith(_BOM):
        yield Finding(
            code="document.byte-order-mark",
            severity="notice",
            message="the file begins with a byte order mark, which many TOML readers refuse",
            hint="save the file as UTF-8 without it",
            where=text.mark(0),
        )


def _load(text: Text) -> dict[str, Any] | tuple[Finding, ...]:
    """Call tomli, and turn whatever it raises into findings."""
    stray = text.content.find("\r")
    if stray >= 0:
        return (_stray_return(text, stray),)
    # tomli walks along all parts of a header for every key below it: too slow if there are thousands of both.
    if any(line.count(".") >= MAX_DEPTH for line in text.lines) and scan(text, MAX_DEPTH).is_too_deep:
        return (_too_deep(text),)
    try:
        return tomli.loads(text.content)
    except tomli.TOMLDecodeError as error:
        from rlsplit.toml_mistakes import mistakes  # nearly no text needs it

        return tuple(mistakes(text, error))
    except RecursionError:
        return (_too_deep(text),)
    except ValueError:  # Python's limit on the digits of an integer; tomli lets it through
        return (_too_long_integer(text),)


def _load_json(text: Text) -> dict[str, Any] | tuple[Finding, ...]:
    from rlsplit import json_text  # few texts need it

    return json_text.load(text)


def _stray_return(text: Text, offset: int) -> Finding:
    return Finding(
        code="document.syntax",
        message="not valid TOML: a carriage return without a newline behind it",
        hint="save the file with newlines as line ends",
        where=text.mark(offset),
    )


def _too_deep(text: Text) -> Finding:
    found = scan(text, MAX_DEPTH)
    return replace(TOO_DEEP, where=text.mark(found.last_key[0][1]) if found.is_too_deep else None)


def _too_long_integer(text: Text) -> Finding:
    bare = (token for token in _TOKEN.finditer(text.content) if token["digits"])
    longest = max(bare, key=lambda token: len(token["digits"]))
    return replace(BAD_INTEGER, where=text.mark(longest.start()))


def _newer_syntax(text: Text) -> Iterator[Finding]:
    """Report each kind of TOML 1.1 syntax once, where it is first used."""
    if not _MAY_BE_NEWER.search(text.content):
        return
    first: dict[str, int] = {}
    for offset, what in _newer_uses(text.content):
        first.setdefault(what, offset)
    for what, offset in first.items():
        yield Finding(
            code="document.toml-1.1",
            severity="notice",
            message=f"{what} is TOML 1.1, which older TOML readers refuse",
            where=text.mark(offset),
        )


def _newer_uses(content: str) -> Iterator[tuple[int, str]]:
    """Yield offset and kind of everything that TOML 1.0 does not have."""
    inside: list[str] = []
    comma: int | None = None  # where the last token was, if it was a comma
    for token in _TOKEN.finditer(content):
        sign, start = token["sign"], token.start()
        if sign == "\n" or token[0].startswith("#"):
            if sign and inside and inside[-1] == "{":
                yield start, "a newline within an inline table"
            continue
        if sign in ("[", "{"):
            inside.append(sign)
        elif sign in ("]", "}"):
            if sign == "}" and comma is not None:
                yield comma, "a comma after the last key of an inline table"
            inside.pop()
        elif token["basic"]:
            yield from _newer_escapes(token)
        elif token["bare"] and _SHORT_TIME.match(token[0]):
            yield start, "a time without seconds"
        comma = start if sign == "," else None


def _newer_escapes(string: re.Match[str]) -> Iterator[tuple[int, str]]:
    for escape in _ESCAPE.finditer(string[0]):
        if escape[1] in ("e", "x"):
            yield string.start() + escape.start(), f"the escape {escape[0]} in a string"


def _windows_paths(text: Text) -> Iterator[Finding]:
    """Notice paths in double quotes whose backslashes made other characters: ``"C:\\temp"`` has a tab."""
    if ":\\" not in text.content and ".\\" not in text.content:
        return
    for token in _TOKEN.finditer(text.content):
        escape = _ESCAPE.search(token[0]) if token["basic"] and re.fullmatch(_WINDOWS_PATH, token[0]) else None
        if escape and escape[1] in _MEANINGS:
            yield _windows_path(text, token.start() + escape.start(), escape)


_MEANINGS: Final = {"b": "a backspace", "t": "a tab", "n": "a newline", "f": "a form feed", "r": "a carriage return"}


def _windows_path(text: Text, offset: int, escape: re.Match[str]) -> Finding:
    return Finding(
        code="document.escape",
        severity="notice",
        message=f"{escape[0]} is {_MEANINGS[escape[1]]} in a text in double quotes, and this looks like a path",
        hint="write the path in single quotes, or double each backslash",
        where=text.mark(offset),
    )
