"""Whether a refused document was written for another release than the one it is compiled for.

Told from the table of changes alone, which also knows releases that are not compiled. Only keys that some release has
are counted: a misspelled one says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal

from rlsplit.config.schema_index import schema_index
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.rl import RLConfig
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.changes import changes, keys, release_order, row_of
from rlsplit.releases.release import KNOWN, Release
from rlsplit.releases.spokes import SPOKES

EARLIER: Final = ("v0.5.0", "v0.6.0")
"""Releases that are not compiled, but whose keys are known."""

LEAST_KEYS: Final = 2
"""Fewer keys of another release are an oversight in a config of this one."""
CLEARLY: Final = 3
"""How many times more keys the asked release must not know than the other does."""
_MOST_KEYS: Final = 20_000

Span = tuple[str | None, str | None]
"""The first tag that has a key (None: all), and the last release (None: the newest)."""


def fitting_better(
    table: Mapping[str, Any], release: Release, severity: Literal["error", "warning"]
) -> tuple[Finding, ...]:
    """Say that a document is one of another release, if that knows far more of its keys."""
    spans = [span for path in _paths(table) if (span := _span(path)) is not None]
    tags = [*EARLIER, *(known.tag for known in KNOWN)]
    lacking = {tag: sum(not _lives(span, tag) for span in spans) for tag in dict.fromkeys([*tags, release.tag])}
    best = min(reversed(tags), key=lambda tag: lacking[tag])
    missing = lacking[release.tag]
    if best == release.tag or missing - lacking[best] < LEAST_KEYS or missing < CLEARLY * lacking[best]:
        return ()
    count = sum(_lives(span, best) and not _lives(span, release.tag) for span in spans)
    message = f"this is a {best} config: {release.tag} does not know {count} of its keys"
    return (Finding(code="release.other", severity=severity, message=message, hint=_hint(best, release)),)


def _hint(best: str, release: Release) -> str:
    """What to do about it: an older config can be brought along, and what is compiled can be asked for."""
    compiled = best not in EARLIER
    ways = [
        *(["rlsplit migrate"] if release_order(best) < release_order(release.tag) else []),
        *([f"--release {best}, with an image of it"] if compiled else []),
    ]
    return ", or ".join(ways)


def _lives(span: Span, tag: str) -> bool:
    first, last = span
    order = release_order(tag)
    return (first is None or release_order(first) <= order) and (last is None or order <= release_order(last))


def _span(path: KeyPath) -> Span | None:
    """Which releases have a key; None if that is not known."""
    row = row_of(path)
    if row is not None and all(keys(new) != keys(row.old) for new in row.new):
        return row.releases
    index = schema_index(RLConfig)
    for end in range(len(path), 0, -1):
        sections = index.variants(path[: end - 1])
        holding = [section for section in sections if path[end - 1] in section.model_fields]
        if holding:
            return _since(path[:end], holding), None
        if any(section.keeps_unknown for section in sections):
            return _span(path[: end - 1])
    return None


def _since(path: KeyPath, sections: Sequence[type[Section]]) -> str | None:
    """The first tag that has a key of today: of the moves to it, to a table around it, and of what just came."""
    names = tuple(part for part in path if isinstance(part, str))
    tags = [tag for end in range(1, len(names) + 1) if (tag := _moved_to().get(names[:end]))]
    tags += [
        spoke.came[base, name]
        for spoke in SPOKES
        for name in names[-1:]
        for base in sections[0].__mro__
        if (base, name) in spoke.came
    ]
    return max(tags, key=release_order, default=None)


@cache
def _moved_to() -> Mapping[tuple[str, ...], str]:
    """Today's place of each key that moved, to the first tag that reads it there.

    Left out are keys that were read in both places before.
    """
    both = {today.rpartition(".")[2] for spoke in SPOKES for today in spoke.aliases}
    moved = (change for change in changes() if change.is_moved and change.releases)
    return {keys(change.new[0]): change.since for change in moved if change.new[0][-1].key not in both}


def _paths(table: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Every key with a value, as far as sections go: what a plugin is given says nothing."""
    pending: list[tuple[KeyPath, Any]] = [((), table)]
    left = _MOST_KEYS
    while pending and left:
        path, node = pending.pop()
        left -= 1
        inner: Iterable[tuple[str | int, Any]] = ()
        if is_table(node):
            inner = [(str(key), value) for key, value in node.items()]
        elif is_list(node) and any(map(is_table, node)):
            inner = list(enumerate(node))
        if inner:
            pending += [((*path, key), value) for key, value in inner]
        elif path:
            yield path
