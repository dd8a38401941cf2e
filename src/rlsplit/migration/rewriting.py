"""A changed layout as text again, if that text holds what it shall and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli

from rlsplit.migration.arranging import arranged
from rlsplit.migration.layout import Layout


def rewritten(layout: Layout, table: Mapping[str, Any]) -> str | None:
    """Write a layout as text; None if that would not read as the table that it was to hold."""
    written = arranged(layout, table)
    try:
        found = tomli.loads(written)
    except tomli.TOMLDecodeError:
        return None
    return written if _same(found, table) else None


def as_given(given: str, written: str) -> str:
    """Give a text the newlines, the end and the byte order mark that it had."""
    mark = "\ufeff" if given.startswith("\ufeff") else ""
    ended = written if given.endswith("\n") else written.removesuffix("\n")
    return mark + (ended.replace("\n", "\r\n") if "\r\n" in given else ended)


def _same(found: object, wanted: object) -> bool:
    """Whether two tables are equal, types included; what is not a number counts as itself."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key]) for key in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return type(found) is type(wanted) and (found == wanted or (found != found and wanted != wanted))
