"""Where a key goes that no section knows, as data: the edit that belongs to a hint, and how sure it is.

Certain is what says the same as before: a key that a release renamed, one that only one place knows, a typo that is
near one key alone. Whether the edit is applied is decided where a file is rewritten, by compiling it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rlsplit.config.hints import Reason, Unknown, begun, fitting_places, is_of_another_component, unquoted
from rlsplit.config.schema_index import ENTRY, ITEM, SchemaIndex
from rlsplit.config.spelling import is_sure, nearest
from rlsplit.findings import Fix, KeyPath
from rlsplit.releases.changes import KnownChange, known_change


def fix_of(index: SchemaIndex, unknown: Unknown, reason: Reason) -> Fix | None:
    """Give the edit of a hint that was found for a reason; None where there are several, or none is known."""
    find = _FIXES.get(reason)
    return find(index, unknown) if find else None


def _renamed(index: SchemaIndex, unknown: Unknown) -> Fix | None:
    """A key that a release moved as it is; where its value is written otherwise now, only a person can tell."""
    known = known_change(unknown.path)
    if known is None or len(known.new) != 1 or any(step.tag for step in known.new[0]):
        return None
    path = _with_indices([(step.key, step.is_list) for step in known.new[0]], unknown.path)
    return _moving(index, unknown, path, is_certain=not _says_more(known)) if path else None


def _says_more(known: KnownChange) -> bool:
    """Whether there is more to do than to move the key."""
    change = known.change
    return bool(change.values or change.note or change.instead)


def _elsewhere(index: SchemaIndex, unknown: Unknown) -> Fix | None:
    """A key that one place has, and no other."""
    parts = unquoted(index, unknown)
    if parts is not None:
        return _moving(index, unknown, (*unknown.path[:-1], *parts), is_certain=True)
    places = fitting_places(index, str(unknown.path[-1]), unknown.value)
    paths = {place.path for place in places}
    if len(paths) != 1:
        return None
    (path,) = paths
    above = path[:-1]
    if len(index.sections[above]) > len({place.section for place in places}):
        return None  # only some variants have it
    steps = [(step, path[number + 1 : number + 2] == (ITEM,)) for number, step in enumerate(path) if step != ITEM]
    to = _with_indices(steps, unknown.path)
    is_same = not (
        begun(unknown) or is_of_another_component(unknown.path, places) or _is_switched_on(index, unknown, to)
    )
    return _moving(index, unknown, to, is_certain=is_same) if to and ENTRY not in path else None


_SWITCHES: Final = frozenset({"ac", "ac_offloading", "debug"})
"""Tables that change how a model is trained, or which one, as soon as a key is written, though none of them is off."""


def _is_switched_on(index: SchemaIndex, unknown: Unknown, to: KeyPath | None) -> bool:
    """Whether a key would go into a table that is off unless it is written, such as that of adapters."""
    tables = [to[:end] for end in range(1, len(to))] if to else []
    new = [table for table in tables if unknown.path[: len(table)] != table]
    return any(table[-1] in _SWITCHES or index.is_off(index.steps(table)) for table in new)


def _respelled(index: SchemaIndex, unknown: Unknown) -> Fix | None:
    """A typo in a key of the same section."""
    name = str(unknown.path[-1])
    fields = unknown.section.model_fields
    near = nearest(name, fields)
    if near is None:
        return None
    others = [known for known in fields if known != near and is_sure(name, known)]
    is_certain = is_sure(name, near) and not others
    return _moving(index, unknown, (*unknown.path[:-1], near), is_certain=is_certain)


def _moving(index: SchemaIndex, unknown: Unknown, to: KeyPath, *, is_certain: bool) -> Fix | None:
    """Make the edit, if a section has such a key."""
    has_key = any(str(to[-1]) in section.model_fields for section in index.variants(to[:-1]))
    if to == unknown.path or not has_key:
        return None
    return Fix.moving(unknown.path, to, "certain" if is_certain else "likely")


def _with_indices(steps: list[tuple[str, bool]], written: KeyPath) -> KeyPath | None:
    """Put the list indices of a written path into another; None if that has more lists than were written."""
    indices = iter([part for part in written if isinstance(part, int)])
    path: list[str | int] = []
    for number, (key, is_list) in enumerate(steps):
        path.append(key)
        if is_list and number < len(steps) - 1:
            index = next(indices, None)
            if index is None:
                return None
            path.append(index)
    return tuple(path) if next(indices, None) is None else None


_FIXES: Final[Mapping[Reason, Callable[[SchemaIndex, Unknown], Fix | None]]] = {
    "release": _renamed,
    "elsewhere": _elsewhere,
    "spelling": _respelled,
}
