"""The sections of a release: those of the newest, with the fields that it has and without those that came later.

A section of an older release is a subclass of the newest one's, so every rule about that holds for it, too. It is made
from the data of the spokes, once.

A field that came later stays, at its default and out of every file, so that rules may read it; what a user writes under
its name is an unknown key.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from functools import cache, reduce
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rlsplit.config.sections.base import S, Section, unwritten
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import held_sections, is_section
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.spoke import Move, Since, Until
from rlsplit.releases.spokes import SPOKES


def section_of(section: type[S], release: Release) -> type[S]:
    """Give a section as a release has it; the newest release's, and one that did not change, is itself."""
    return section if release is NEWEST or section.made_for is not None else _section_of(section, release)


def of_release(value: Any, release: Release) -> Any:
    """Turn a section that a rule made into the release's; anything else is returned as it is."""
    if release is NEWEST or not isinstance(value, Section):
        return value
    kind = section_of(type(value), release)
    return value if kind is type(value) else kind.model_construct(set(value.model_fields_set), **vars(value))


@cache
def _section_of(section: type[S], release: Release) -> type[S]:
    additions = [addition for base in section.__mro__ for addition in _additions(base, release)]
    old = _old_fields(section, additions, release)
    fields = {**section.model_fields, **old}
    changed: dict[str, Any] = {}
    for name, field in fields.items():
        if not _has(section, name, release) or not _lives(field, release):
            changed[name] = _absent(name, field, release)
        else:
            annotation = _substituted(field.annotation, release)
            if name in old or annotation != field.annotation:
                changed[name] = _field(field, annotation, release)
    if not additions and not changed:
        return section
    bases: tuple[Any, ...] = (*additions, section)
    made: type[S] = create_model(
        section.__name__,
        __base__=bases,
        __module__=section.__module__,
        **changed,
    )
    made.made_for = release.tag
    return made


def _additions(section: type, release: Release) -> list[type[Section]]:
    """What spokes add to a section of a release; what an older spoke makes from a newer one's stands for both."""
    living = [
        addition
        for spoke in SPOKES
        for addition in spoke.sections.get(section, ())
        if release.is_before(spoke.ends.get(addition, spoke.until))
    ]
    return [one for one in living if not any(other is not one and issubclass(other, one) for other in living)]


def _old_fields(section: type[Section], additions: Sequence[type[Section]], release: Release) -> dict[str, FieldInfo]:
    """The fields that additions declare themselves, as the release has them, those of outer bases first."""
    found: dict[str, FieldInfo] = {}
    for addition in reversed(additions):
        for part in reversed(addition.__mro__):
            if not issubclass(part, Section) or part in section.__mro__:
                continue
            for name in inspect.get_annotations(part):
                field = part.model_fields.get(name)
                if field is None:
                    continue
                if _lives(field, release):
                    found[name] = field
                else:
                    found.setdefault(name, section.model_fields.get(name, field))
    return found


def _lives(field: FieldInfo, release: Release) -> bool:
    """Whether a release has a field, as far as the field says so itself."""
    marks = field.metadata
    came = any(isinstance(mark, Since) and release.is_before(mark.tag) for mark in marks)
    return not came and all(release.is_before(mark.tag) for mark in marks if isinstance(mark, Until))


def _has(section: type[Section], name: str, release: Release) -> bool:
    """Whether a release has a field, or at least keeps in it what it has elsewhere."""
    if _came_later(section, name, release):
        return any((base, name) in housing(release) for base in section.__mro__)
    return True


def _came_later(section: type[Section], name: str, release: Release) -> bool:
    return any(
        release.is_before(spoke.came[base, name])
        for spoke in SPOKES
        for base in section.__mro__
        if (base, name) in spoke.came
    )


@cache
def moves_of(release: Release) -> tuple[Move, ...]:
    """The moves between a release and the newest, tables before what lies in them."""
    found = [
        move
        for spoke in SPOKES
        if release.is_before(spoke.until)
        for move in spoke.moves()
        if release.is_before(move.since) and (move.first is None or not release.is_before(move.first))
    ]
    return tuple(sorted(found, key=lambda move: len(move.old)))


@cache
def housing(release: Release) -> frozenset[tuple[type, str]]:
    """The fields of the newest release that a move leads through, with the section that declares each."""
    return frozenset(
        (owner, name) for move in moves_of(release) for owner, name, _ in _on_the_way(move.new) if owner is not None
    )


@cache
def houses(release: Release) -> tuple[tuple[str | int, ...], ...]:
    """The tables and keys that a release does not have, but keeps moved keys in while it is compiled."""
    found: dict[tuple[str | int, ...], None] = {}
    for move in moves_of(release):
        for end, (owner, name, section) in enumerate(_on_the_way(move.new), start=1):
            if owner is not None and section is not None and _came_later(section, name, release):
                found[move.new[:end]] = None
                break
    return tuple(found)


def _on_the_way(path: Sequence[str | int]) -> Iterator[tuple[type[Section] | None, str, type[Section] | None]]:
    """The declaring section, name and holding section of each field on a path, as far as fields lead."""
    section: type[Section] | None = RLConfig
    for part in path:
        name = str(part)
        if section is None or name not in section.model_fields:
            return
        owner = next(base for base in reversed(section.__mro__) if name in getattr(base, "model_fields", {}))
        yield owner, name, section
        section = next(held_sections(section.model_fields[name].annotation), None)


# --- fields ----------------------------------------------------------------------------------------------------


def _absent(name: str, field: FieldInfo, release: Release) -> tuple[Any, Any]:
    settings = {"exclude": True, "validation_alias": f"{name} (not in {release.tag})"}
    return field.annotation, _declared(field, release, settings)


def _field(field: FieldInfo, annotation: Any, release: Release) -> tuple[Any, Any]:
    marks = tuple(mark for mark in field.metadata if not isinstance(mark, (Since, Until)))
    annotated = _annotated(annotation, marks) if marks else annotation
    return annotated, _declared(field, release, {"discriminator": field.discriminator})


def _declared(field: FieldInfo, release: Release, settings: dict[str, Any]) -> Any:
    if field.default_factory is not None:
        value: object = field.get_default(call_default_factory=True)
        factory: Any = field.default_factory
        if isinstance(value, Section) and section_of(type(value), release) is not type(value):
            factory = unwritten(section_of(type(value), release))
        return Field(default_factory=factory, **settings)
    return Field(**settings) if field.default is PydanticUndefined else Field(default=field.default, **settings)


def _substituted(annotation: Any, release: Release) -> Any:
    """Put the release's sections into an annotation, and take out variants that it does not have."""
    if is_section(annotation):
        return section_of(annotation, release)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = _substituted(arguments[0], release)
        return annotation if inner == arguments[0] else _annotated(inner, arguments[1:])
    if origin in (Union, UnionType):
        kept = [_substituted(part, release) for part in arguments if not _variant_came_later(part, release)]
        return annotation if kept == list(arguments) else reduce(_either, kept)
    if origin in (list, dict):
        inner_ones = tuple(_substituted(part, release) for part in arguments)
        container: Any = origin
        return annotation if inner_ones == arguments else container[inner_ones]
    return annotation


def _either(one: Any, other: Any) -> Any:
    return one | other


def _annotated(annotation: Any, marks: Sequence[Any]) -> Any:
    parts: Any = (annotation, *marks)
    return Annotated[parts]


def _variant_came_later(annotation: Any, release: Release) -> bool:
    if not is_section(annotation):
        return False
    return any(
        release.is_before(spoke.variants_came[annotation]) for spoke in SPOKES if annotation in spoke.variants_came
    )
