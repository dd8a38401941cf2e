"""Lines of a source as they may be shown under a finding: what looks like a secret is covered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rlsplit.characters import visible, width
from rlsplit.covering import covered
from rlsplit.findings import Finding
from rlsplit.overrides import SOURCE_NAME
from rlsplit.secrets import COVER

Lines = Mapping[str, tuple[str, ...]]
"""Source name to its lines, for showing the line of a finding."""

NO_LINES: Final[Lines] = MappingProxyType({})

_WORD: Final = re.compile(r"[ \t]*[^\s:=]+")

MAX_SHOWN: Final = 100
"""Widest source line that is shown whole; of a longer one, the part around the column [columns]."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The source line of a finding, as it may be shown: on one line, without what looks like a secret."""

    line: int
    """Its number, from 1."""
    before: str
    """What stands before the place of the finding."""
    rest: str
    """What stands from there on."""

    @property
    def indent(self) -> int:
        """Columns that a terminal takes for what stands before."""
        return width(self.before)


def excerpt(finding: Finding, lines: Lines) -> Excerpt | None:
    """Give the line that a finding stands on; None for one without a place, or on an empty line."""
    where = finding.where
    source = lines.get(where.source, ()) if where else ()
    if where is None or where.is_whole or not 1 <= where.line <= len(source) or not source[where.line - 1].strip():
        return None
    line, at = covered(source, where.line, finding.path, where.column - 1)
    if where.source == SOURCE_NAME and finding.code == "document.override":
        line = _first_word(line)
    text, column = _window(line.replace("\t", " "), at)
    return Excerpt(where.line, visible(text[:column]), visible(text[column:]))


def _first_word(line: str) -> str:
    """What is shown of an override that is none: nobody knows where its value begins, and that may be a secret."""
    word = _WORD.match(line)
    shown = word[0] if word else ""
    return line if shown == line.rstrip() else f"{shown} {COVER}".lstrip()


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a line that is shown, and the column in it."""
    line = line.rstrip("\r\n")
    if len(line) <= MAX_SHOWN:
        return line, min(column, len(line))
    start = max(0, min(column - MAX_SHOWN // 2, len(line) - MAX_SHOWN))
    cut = f"{'…' if start else ''}{line[start : start + MAX_SHOWN]}{'…' if start + MAX_SHOWN < len(line) else ''}"
    return cut, column - start + bool(start)
