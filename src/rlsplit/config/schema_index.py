"""Where each name of the sections stands: made once, when somebody wrote a name where it does not stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args, get_origin

from rlsplit.config.sections.base import Section
from rlsplit.config.tree import is_section, members, tag_field, tag_of
from rlsplit.findings import KeyPath

Kind = Literal["table", "list", "scalar"]
"""What kind of value a field takes."""

ITEM: Final = "[]"
"""Stands in a path for the items of a list."""
ENTRY: Final = "{}"
"""Stands in a path for the keys of a table that may have any."""

Steps = tuple[str, ...]
"""Keys from the root, with :data:`ITEM` and :data:`ENTRY`."""


def last_name(table: Steps) -> str:
    """The name of a table: its last key, whatever item or entry it is; empty for the root."""
    return next((step for step in reversed(table) if step not in (ITEM, ENTRY)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One field."""

    path: Steps
    section: type[Section]
    """The section that has it; of a union, one variant."""
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SchemaIndex:
    """All fields below a root; there is one for each, which caches may go by."""

    root: type[Section]
    by_name: Mapping[str, tuple[Place, ...]]
    """In the order of the sections."""
    sections: Mapping[Steps, tuple[type[Section], ...]]
    """What may stand at a path: of a union, every variant."""

    def variants(self, path: KeyPath) -> tuple[type[Section], ...]:
        """What may stand at a path of a document."""
        return self.sections.get(self.steps(path), ())

    def is_off(self, table: Steps) -> bool:
        """Whether a table is null unless it is written: whoever writes a key of it switches something on."""
        above = self.sections.get(table[:-1], ())
        return any(s.model_fields[table[-1]].default is None for s in above if table[-1] in s.model_fields)

    def steps(self, path: KeyPath) -> Steps:
        """Put the signs for any item and any key into a path of a document."""
        found: Steps = ()
        for part in path:
            name = ITEM if isinstance(part, int) else part
            known = (*found, name) in self.sections or (*found, ENTRY) not in self.sections
            found = (*found, name if known else ENTRY)
        return found


@cache
def schema_index(root: type[Section]) -> SchemaIndex:
    """Index the fields of a root section and of all sections below it."""
    by_name: dict[str, list[Place]] = {}
    sections: dict[Steps, list[type[Section]]] = {}
    for path, section in _placed(root, ()):
        sections.setdefault(path, []).append(section)
        for name, field in section.model_fields.items():
            place = Place(path=(*path, name), section=section, kinds=_kinds(field.annotation))
            by_name.setdefault(name, []).append(place)
    return SchemaIndex(
        root=root,
        by_name={name: tuple(places) for name, places in by_name.items()},
        sections={path: tuple(found) for path, found in sections.items()},
    )


def _placed(section: type[Section], path: Steps) -> Iterator[tuple[Steps, type[Section]]]:
    yield path, section
    for name, field in section.model_fields.items():
        for sign, inner in _inner(field.annotation):
            yield from _placed(inner, (*path, name, *sign))


def _inner(annotation: Any) -> Iterator[tuple[Steps, type[Section]]]:
    for member in members(annotation):
        if is_section(member):
            yield (), member
        elif get_origin(member) in _SIGNS:
            for sign, inner in _inner(get_args(member)[-1]):
                yield (_SIGNS[get_origin(member)], *sign), inner


_SIGNS: Final[Mapping[Any, str]] = {list: ITEM, dict: ENTRY}


def _kinds(annotation: Any) -> frozenset[Kind]:
    kinds: list[Kind] = [_kind(member) for member in members(annotation)]
    return frozenset[Kind](kinds)


def _kind(member: Any) -> Kind:
    if is_section(member) or get_origin(member) is dict:
        return "table"
    return "list" if get_origin(member) is list else "scalar"


def tag_text(section: type[Section]) -> str | None:
    """Spell the tag of a variant as in a document: ``type = "muon"``."""
    key = tag_field(section)
    return f'{key} = "{tag_of(section, key)}"' if key else None
