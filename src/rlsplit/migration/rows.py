"""The rows of the table of changes, applied to a document: by key, whatever release the rest of it is of.

What a row says in data is done here: a key that moved, a value that is written otherwise, a key that is gone. What
it can only say in words has a rule of its own, by the row's old path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

import tomli

from rlsplit.config.schema_index import schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.findings import KeyPath
from rlsplit.migration.draft import NOWHERE, Draft, path_of, places
from rlsplit.plain_data import is_list
from rlsplit.releases.changes import Change, change_of, changes, keys, release_order
from rlsplit.releases.fits import TAGS
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.spelling import steps

Rule = Callable[[Draft, Change, KeyPath, tuple[int, ...]], None]
"""Applies one row to one path that a document has; the numbers are the list indices on the path."""

LEAVE_OUT: Final = "leave it out"
_PASSES: Final = 6
"""A key may move with its table and then by itself, more than once."""


def apply_rows(draft: Draft, rules: Mapping[str, Rule]) -> None:
    """Apply every row that lies between the two releases, inner keys before the tables around them."""
    living = [change for change in _deepest_first() if is_due(change, draft)]
    for change in living:
        if _is_list_of_tables(change):  # what lies in one is told by its newest place
            for path, at in places(draft.table, change.old):
                moved(draft, change, path, at)
    for _ in range(_PASSES):
        before = len(draft.edits)
        for change in living:
            for path, at in places(draft.table, change.old):
                if draft.has(path):
                    _applied(rules, change)(draft, change, path, at)
                    _sweep_empty(draft, path[:-1])
        if len(draft.edits) == before:
            break
    _drop_empty(draft, living)


def _drop_empty(draft: Draft, living: Iterable[Change]) -> None:
    """Remove tables that were empty from the start, if the goal does not know them."""
    for above in {change.old[:-1]: change for change in living}:
        for path, _ in places(draft.table, above) if above and not above[-1].is_list else ():
            if draft.at(path) == {} and not _is_known(path):
                draft.drop(path)


def keep_older_places(draft: Draft, rules: Mapping[str, Rule]) -> None:
    """Where a rule wrote a key at its newest place and the goal still has an older one, put it there."""
    if draft.goal == NEWEST.tag:
        return
    release = Release(draft.goal, draft.goal)
    for old, _, new in reversed(steps(release)):
        draft.move(new, old)
    older = [
        change
        for change in changes()
        if change.is_moved and ".".join(keys(change.old)) not in rules and _is_of(change, draft.goal)
    ]
    for change in sorted(older, key=lambda change: -len(change.new[0])):
        for path, at in places(draft.table, change.new[0]):
            draft.move(path, path_of(change.old, at))
            _sweep_empty(draft, path[:-1])


def _is_of(change: Change, tag: str) -> bool:
    """Whether a release had the old form of a row, in a list that it has."""
    if change.releases is None or release_order(change.since) <= release_order(tag):
        return False
    is_env = any(step.key == "env" and step.is_list for step in change.old)
    is_source = any(step.key == "source" and step.is_list for step in change.old)
    has_env = release_order(tag) < release_order("v0.7.1.dev77")
    is_alive = release_order(change.releases[0]) <= release_order(tag) and not _is_outlived(change, tag)
    return is_alive and not (is_source if has_env else is_env)


@cache
def _deepest_first() -> tuple[Change, ...]:
    return tuple(sorted(changes(), key=lambda change: -len(change.old)))


def is_due(change: Change, draft: Draft) -> bool:
    """Whether the old form is none of the goal's and, where today's has the same place, may be one of the start's."""
    goal, start = release_order(draft.goal), release_order(draft.start)
    if release_order(change.since) > goal and not _is_outlived(change, draft.goal):
        return False
    if change.releases is None or not _lives_today(change):
        return True
    return start < release_order(change.since) and not _is_outlived(change, draft.start)


def _lives_today(change: Change) -> bool:
    """Whether the newest release has a key at the old place, too."""
    return keys(change.old) in _living_places()


@cache
def _living_places() -> frozenset[tuple[str, ...]]:
    return frozenset(keys(change.old) for change in changes() if _has_place(change))


def _has_place(change: Change) -> bool:
    if any(keys(new) == keys(change.old) for new in change.new):
        return True
    above: list[str | int] = []
    for step in change.old[:-1]:
        above += [step.key, 0] if step.is_list else [step.key]
    return any(change.old[-1].key in section.model_fields for section in schema_index(RLConfig).variants(tuple(above)))


def _is_outlived(change: Change, tag: str) -> bool:
    """Whether a release came after the last one with the old form, and is not later than a tag."""
    return change.releases is not None and any(
        release_order(change.releases[1]) < release_order(release) <= release_order(tag) for release in TAGS
    )


def _is_list_of_tables(change: Change) -> bool:
    return change.is_moved and bool(schema_index(RLConfig).variants((*keys(change.new[0]), 0)))


def _applied(rules: Mapping[str, Rule], change: Change) -> Rule:
    rule = rules.get(".".join(keys(change.old)))
    if rule is not None:
        return rule
    if not change.new:
        return gone
    return by_value if change.values else moved


def moved(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Put a key elsewhere as it is."""
    new = path_of(change.new[0], at)
    if new != path:
        draft.move(path, new)


def gone(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Take out a key without successor."""
    value = draft.at(path)
    why = change.note or f"instead, {change.instead}"
    if is_harmless(change, value):
        draft.idle(path, f"it is left out, gone since {change.since}: {why}")
    else:
        draft.lost(path, f"{draft.shown_at(path)} is lost: it is gone since {change.since}", why)
    draft.drop(path)


def is_harmless(change: Change, value: Any) -> bool:
    """Whether a key that is gone said what is always so."""
    return not value or value == "None" or word_of(value) in change.harmless


def by_value(draft: Draft, change: Change, path: KeyPath, at: tuple[int, ...]) -> None:
    """Write a value as it is written today; of a list, each item."""
    value = draft.at(path)
    items = value if is_list(value) else [value]
    told = [_told(change, item) for item in items]
    if any(each is NOWHERE for each in told):
        draft.lost(
            path, f"{draft.shown_at(path)} is lost: it has no successor since {change.since}", _successors(change)
        )
        draft.drop(path)
    elif LEAVE_OUT in told:
        draft.drop(path)
    elif told == items:
        moved(draft, change, path, at)
    else:
        moved(draft, change, path, at)
        draft.put(path_of(change.new[0], at), told if is_list(value) else told[0])


def word_of(value: Any) -> str:
    """Spell a value as the table does."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told(change: Change, value: Any) -> Any:
    """What the table says of a value: another one, ``NOWHERE`` if there is none, or the same."""
    word = word_of(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = change.values.get(word, change.values.get("N") if is_number else None)
    if text is None:
        return value
    return LEAVE_OUT if text == LEAVE_OUT else _parsed(text.replace("N", word) if word not in change.values else text)


def _parsed(text: str) -> Any:
    """Read a value of the table: TOML, or one bare word; a sentence is none."""
    try:
        return tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        return NOWHERE if " " in text else text


def _is_known(path: KeyPath) -> bool:
    """Whether a table is one of the newest release, or has a row of its own that leads to one."""
    change = change_of(tuple(part for part in path if isinstance(part, str)))
    has_row = (
        change is not None and bool(change.new) and len(change.old) == len([p for p in path if isinstance(p, str)])
    )
    return has_row or bool(schema_index(RLConfig).variants(path))


def _successors(change: Change) -> str:
    return "; ".join(f"{old}: {new}" for old, new in change.values.items())


def _sweep_empty(draft: Draft, path: KeyPath) -> None:
    """Remove a table of which every key has moved, if the newest release does not know it."""
    while path and isinstance(path[-1], str) and draft.at(path, NOWHERE) == {}:
        if _is_known(path):
            return
        draft.sweep(path)
        path = path[:-1]
