"""From pydantic's locations to the user's key paths, and what the types of the sections have there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rlsplit.config.sections.base import Section
from rlsplit.config.tree import is_section, members, tag_field, tag_of
from rlsplit.findings import KeyPath


def grouped(kind: type[Section], error: ValidationError, most: int) -> dict[KeyPath, list[ErrorDetails]]:
    """Errors by user path, of the first ``most``; of the alternatives of one plain union the innermost ones count."""
    groups: dict[KeyPath, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False)[:most]:
        groups.setdefault(user_path(kind, details["loc"]), []).append(details)
    inside_union = {path for path, group in groups.items() if len(alternatives(kind, path)) > 1 and len(group) == 1}
    return {
        path: group
        for path, group in groups.items()
        if path not in inside_union or not any(_below(other, path) for other in groups)
    }


def _below(path: KeyPath, parent: KeyPath) -> bool:
    return len(path) > len(parent) and path[: len(parent)] == parent


def user_path(kind: type[Section], loc: Sequence[str | int]) -> KeyPath:
    """Drop what pydantic adds to a location: tags of unions and names of plain alternatives."""
    path: list[str | int] = []
    here: tuple[Any, ...] = (kind,)
    for part in loc:
        chosen = _alternative(here, part)
        if chosen is not None:
            here = chosen
            continue
        if part == "[key]":
            continue
        path.append(part)
        here = tuple(inner for member in here for inner in _inner(member, part))
    return tuple(path)


def _alternative(here: tuple[Any, ...], part: str | int) -> tuple[Any, ...] | None:
    """The members that a location part selects, when it is a label of a union and no key."""
    if len(here) < 2 or not isinstance(part, str):
        return None
    tagged = [member for member in here if is_section(member) and _has_tag(member, part)]
    if tagged:
        return tuple(tagged)
    named = [member for member in here if getattr(member, "__name__", "") == part]
    if named or part.partition("[")[0] in _LABELS:
        return tuple(named)
    return None


_LABELS: Final = frozenset(
    {"int", "float", "str", "bool", "literal", "dict", "list", "constrained-str", "constrained-int"}
)


def _has_tag(member: type[Section], tag: str) -> bool:
    key = tag_field(member)
    return key is not None and tag_of(member, key) == tag


def _inner(member: Any, part: str | int) -> Iterator[Any]:
    if is_section(member):
        field = member.model_fields.get(part)
        if field is not None:
            yield from members(field.annotation)
    elif get_origin(member) is list:
        yield from members(get_args(member)[0])
    elif get_origin(member) is dict:
        yield from members(get_args(member)[1])


def alternatives(kind: type[Section], path: KeyPath) -> tuple[Any, ...]:
    """What may stand at a user path, by the types along it."""
    here: tuple[Any, ...] = (kind,)
    for part in path:
        here = tuple(inner for member in here for inner in _inner(member, part))
    return here
