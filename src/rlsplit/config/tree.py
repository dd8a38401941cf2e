"""Walks over typed sections: which sections stand where, and how a path leads to a field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from rlsplit.config.rules import EACH
from rlsplit.config.sections.base import Section
from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_list, is_table

Placed = tuple[KeyPath, Section]


def sections(root: Section, path: KeyPath = ()) -> list[Placed]:
    """List every section below a section with its path, inner ones first, the section itself last."""
    found: list[Placed] = []
    _collect(root, path, found)
    return found


def _collect(root: Section, path: KeyPath, found: list[Placed]) -> None:
    values = root.__dict__
    for name in section_fields(type(root)):
        value = values.get(name)
        if isinstance(value, Section):
            _collect(value, (*path, name), found)
        elif value and not isinstance(value, str):
            items: Iterable[tuple[str | int, Any]] = value.items() if is_table(value) else _numbered(value)
            for key, item in items:
                if isinstance(item, Section):
                    _collect(item, (*path, name, key), found)
    found.append((path, root))


def _numbered(items: Iterable[Any]) -> Iterable[tuple[int, Any]]:
    return enumerate(items)


@cache
def section_fields(section: type[Section]) -> tuple[str, ...]:
    """Fields of a section that may hold sections, alone or in a list or table."""
    return tuple(name for name, field in section.model_fields.items() if any(held_sections(field.annotation)))


def inner_sections(section: type[Section]) -> tuple[type[Section], ...]:
    """The sections that the fields of a section may hold."""
    return tuple(inner for field in section.model_fields.values() for inner in held_sections(field.annotation))


def held_sections(annotation: Any) -> Iterator[type[Section]]:
    """The sections that a field with this annotation may hold, alone or in a list or table."""
    for member in members(annotation):
        if is_section(member):
            yield member
        for inner in get_args(member):
            yield from held_sections(inner)


@cache
def members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation: unions flattened, ``Annotated`` stripped, ``None`` left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(member for part in get_args(annotation) for member in members(part))
    return () if annotation is type(None) else (annotation,)


def is_section(annotation: Any) -> bool:
    """Whether an annotation is a section class."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


@cache
def tag_field(section: type[Section]) -> str | None:
    """The field that tells a variant of a union: ``type``, or ``name`` for renderers."""
    return next((key for key in ("type", "name") if key in section.model_fields and tag_of(section, key)), None)


@cache
def tag_of(section: type[Section], key: str) -> str | None:
    """The tag of a variant: the one literal that its tag field admits."""
    annotation: Any = section.model_fields[key].annotation
    for member in members(annotation):
        values = get_args(member)
        if len(values) == 1 and isinstance(values[0], str):
            return values[0]
    return None


def owner(root: Section, path: Sequence[str | int]) -> tuple[Section, str] | None:
    """The innermost section on a path and the field of it that the path enters, or None off the tree."""
    found: tuple[Section, str] | None = None
    node: Any = root
    for part in path:
        if isinstance(node, Section):
            if part not in type(node).__pydantic_fields__:  # ``model_fields`` without its check of the caller
                break
            found = (node, str(part))
            node = node.__dict__.get(str(part))
        elif is_table(node):
            node = node.get(str(part))
        elif is_list(node) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            break
    return found


def fields_at(root: Section, path: Sequence[str | int]) -> Iterator[tuple[Section, str]]:
    """Yield the fields that a whole path leads to: none where it ends early, several where it has :data:`EACH`."""
    nodes: list[Any] = [root]
    for part in path[:-1]:
        nodes = [inner for node in nodes for inner in _entered(node, part)]
    for node in nodes:
        if isinstance(node, Section) and path[-1] in type(node).__pydantic_fields__:
            yield node, str(path[-1])


def _entered(node: Any, part: str | int) -> tuple[Any, ...]:
    if isinstance(node, Section):
        return (node.__dict__.get(str(part)),)
    return tuple(node) if is_list(node) and part == EACH else ()


def make_unreadable(placed: Iterable[Placed], paths: Iterable[KeyPath]) -> None:
    """Take the value away from the innermost field on each path: reading it raises from now on.

    ``placed`` are the sections of one tree as :func:`sections` lists them: a field of a section is found also where the
    way to that section has become unreadable itself.
    """
    known = dict(placed)
    for path in paths:
        end = next((end for end in range(len(path) - 1, -1, -1) if path[:end] in known), None)
        if end is not None:
            vars(known[path[:end]]).pop(str(path[end]), None)


def value_of(root: Section, path: Sequence[str | int]) -> Any:
    """The value at a path below a section, None where there is none."""
    node: Any = root
    for part in path:
        if isinstance(node, Section):
            key = str(part)
            node = node.__dict__[key] if key in node.__dict__ else (node.__pydantic_extra__ or {}).get(key)
        elif is_table(node):
            node = node.get(str(part))
        else:
            node = node[part] if is_list(node) and isinstance(part, int) else None
    return node


def distance(here: Sequence[str | int], there: Sequence[str | int]) -> int:
    """Count the tables to leave and to enter on the way from one table to another."""
    shared = 0
    for ours, theirs in zip(here, there, strict=False):
        if ours != theirs:
            break
        shared += 1
    return len(here) + len(there) - 2 * shared
