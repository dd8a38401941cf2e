"""Keys that no section knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from rlsplit.config.reading.problems import MOST_PROBLEMS, too_many
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import Placed
from rlsplit.findings import Finding, KeyPath, clipped, dotted

if TYPE_CHECKING:
    from rlsplit.config.hints import Hint


def has_unknown_keys(placed: Iterable[Placed]) -> bool:
    """Whether there is a key that no section knows."""
    return any(section.__pydantic_extra__ and not section.keeps_unknown for _, section in placed)


def unknown_keys(
    placed: Sequence[Placed], root: type[Section] | None = None, *, severity: Literal["error", "warning"]
) -> Iterator[Finding]:
    """Find every key that no section knows (B-01), with the way; one that is nearly a known key is always an error.

    ``placed`` are all sections of one tree as :func:`.tree.sections` lists them, the root last; ``root`` is what their
    paths lead from, where that is not the last of them.
    """
    if not has_unknown_keys(placed):
        return
    found = [
        (path, section, key, value)
        for path, section in placed
        if section.__pydantic_extra__ and not section.keeps_unknown
        for key, value in section.__pydantic_extra__.items()
    ]
    from rlsplit.config.hint_fixes import fix_of
    from rlsplit.config.hints import Unknown, hints
    from rlsplit.config.schema_index import schema_index

    listed, more = found[:MOST_PROBLEMS], len(found) - MOST_PROBLEMS
    unknown = [Unknown(path=(*path, key), section=type(section), value=value) for path, section, key, value in listed]
    index = schema_index(root or type(placed[-1][1]))
    for each, hint in zip(unknown, hints(index.root, unknown), strict=True):
        yield replace(_finding(each.path, hint, severity), fix=fix_of(index, each, hint.reason))
    if more > 0:
        yield too_many("unknown keys", more, severity)


def _finding(path: KeyPath, hint: Hint, severity: Literal["error", "warning"]) -> Finding:
    return Finding(
        code="B-01",
        severity="error" if hint.is_misspelled else severity,
        path=path,
        message=f"is not a key of {clipped(dotted(path[:-1])) or 'the root'}",
        hint=hint.text,
    )
