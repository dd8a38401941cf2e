"""A changed layout as text again, if that text holds what it shall and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli

from rlsplit.migration.arranging import arranged
from rlsplit.migration.layout import Layout
from rlsplit.plain_data import is_list, is_table


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


def _same(found: Any, wanted: Any) -> bool:
    """Whether two tables are equal, types included; what is not a number counts as itself."""
    if is_table(found) and is_table(wanted):
        return found.keys() == wanted.keys() and all(_same(found[key], wanted[key]) for key in found)
    if is_list(found) and is_list(wanted):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    is_equal: bool = found == wanted or (found != found and wanted != wanted)
    return type(found) is type(wanted) and is_equal
