"""A render beside stored objects: an earlier render, or what the API server gives, without what the server added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from rlsplit.covering import covered_lines
from rlsplit.diff.difference import Kind, ObjectChange, unified
from rlsplit.diff.server_fields import ITEM, LAST_APPLIED, Place, is_filled_in, is_from_server
from rlsplit.plain_data import is_list, is_table
from rlsplit.preview.summary import object_title
from rlsplit.secrets import HIDDEN, is_secret_variable
from rlsplit.serialize import Spelled, to_yaml

Object = Mapping[str, Any]

Identity = tuple[str, str, str]
"""Group, title and namespace of an object."""


def stored_changes(stored: Sequence[Object], rendered: Sequence[Object]) -> tuple[ObjectChange, ...]:
    """Compare objects with those that a render, its secrets hidden, would put in their place.

    Keys that only the stored side has are left out where the server fills them in. Values of Secrets are never shown
    nor compared; what looks like a secret elsewhere is covered.
    """
    pairs = _paired(stored, rendered)
    places = Counter(object_title(item or wanted or {}) for item, wanted in pairs)
    found: list[ObjectChange] = []
    for item, wanted in pairs:
        was = _text(_pruned(item, wanted)) if item else ""
        is_now = _text(wanted) if wanted else ""
        if was != is_now:
            kind: Kind = "added" if not was else "removed" if not is_now else "changed"
            title = _title(item or wanted or {}, places)
            found.append(ObjectChange(title=title, kind=kind, diff=unified(title, was, is_now)))
    return tuple(found)


def _paired(stored: Sequence[Object], rendered: Sequence[Object]) -> list[tuple[Object | None, Object | None]]:
    """Put objects beside those that take their place; of one that is given twice the last counts, as when applied.

    Group and namespace tell objects of one title apart. What has no match by these, for instance as it was rendered
    without a namespace, stands beside the first of its title that is left.
    """
    before, after = ({_identity(item): item for item in side} for side in (stored, rendered))
    left: dict[str, list[Identity]] = {}
    for identity in after:
        if identity not in before:
            left.setdefault(object_title(after[identity]), []).append(identity)
    pairs: list[tuple[Object | None, Object | None]] = []
    for identity, item in before.items():
        others = [] if identity in after else left.get(object_title(item), [])
        pairs.append((item, after.pop(others.pop(0) if others else identity, None)))
    return [*pairs, *((None, item) for item in after.values())]


def _identity(item: Object) -> Identity:
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    return group, object_title(item), _namespace(item)


def _namespace(item: Object) -> str:
    return str(item["metadata"].get("namespace") or "default")


def _title(item: Object, places: Mapping[str, int]) -> str:
    """Name an object, with its namespace where several have that name."""
    title = object_title(item)
    return f"{title} in {_namespace(item)}" if places[title] > 1 else title


def _pruned(item: Object, wanted: Object | None) -> Object:
    """Leave out what the server filled in, if one had the object, and put keys in the order of the other side."""
    pruned: Object = _Pruning(str(item["kind"]), is_from_server(item)).of(item, wanted, ())
    return pruned


@dataclass(frozen=True, slots=True)
class _Pruning:
    kind: str
    is_from_server: bool

    def of(self, value: Any, wanted: Any, place: Place) -> Any:
        if is_table(value):
            return self._table(value, wanted if is_table(wanted) else {}, place)
        if is_list(value):
            items = list(wanted) if is_list(wanted) else []
            inside = (*place, ITEM)
            return [self.of(item, _beside(item, number, items), inside) for number, item in enumerate(value)]
        return value

    def _table(self, value: Object, beside: Object, place: Place) -> Object:
        found: dict[str, Any] = {}
        for key in (*(key for key in beside if key in value), *(key for key in value if key not in beside)):
            inside = (*place, key)
            if key not in beside and self.is_from_server and is_filled_in(self.kind, inside, value[key]):
                continue
            inner = self.of(value[key], beside.get(key), inside)
            # A table of which nothing is left was the server's, too.
            if key in beside or inner != {} or value[key] == {}:
                found[key] = inner
        return found


def _beside(item: Any, number: int, items: list[Any]) -> Any:
    """The item of another list that has the same name, else the one at the same position."""
    name = item.get("name") if is_table(item) else None
    named = next((other for other in items if is_table(other) and name is not None and other.get("name") == name), None)
    return named if named is not None else items[number] if name is None and number < len(items) else None


def _text(item: Object) -> str:
    return "\n".join(covered_lines(to_yaml([_veiled(item)])))


def _veiled(item: Any) -> Any:
    """Hide the values of a Secret and of variables whose names tell of one."""
    if is_table(item):
        shown = {key: HIDDEN if key == LAST_APPLIED else _veiled(inner) for key, inner in item.items()}
        if item.get("kind") == "Secret":
            return {**{key: shown[key] for key in shown if key not in _VALUES}, "data": _keys_of_secret(item)}
        name, value = item.get("name"), item.get("value")
        is_hidden = isinstance(name, str) and isinstance(value, str) and is_secret_variable(name, value)
        return {**shown, "value": HIDDEN} if is_hidden else shown
    if isinstance(item, float):
        return Spelled(repr(item))
    return [_veiled(inner) for inner in item] if is_list(item) else item


_VALUES: Final = ("data", "stringData")
"""Where a Secret has its values."""


def _keys_of_secret(item: Object) -> Any:
    """The keys of a Secret, of both its parts; a part that is no table shows nothing at all."""
    parts = [part for part in (item.get(name) for name in _VALUES) if part is not None]
    tables = [part for part in parts if is_table(part)]
    return dict.fromkeys(sorted({*chain(*tables)}), HIDDEN) if len(tables) == len(parts) else HIDDEN
