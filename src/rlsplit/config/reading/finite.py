"""Numbers that JSON cannot hold (D-03).

In declared fields a launched run keeps them, and a hosted run is refused. In tables that prime-rl does not type they
become null; in sources that were set aside, where the hosted platform would stop, they are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from rlsplit.config.rules import Mode, SetAside
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import Placed, members
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_list, is_table


@dataclass(frozen=True, slots=True)
class NonFinite:
    """An infinity or NaN of a document."""

    path: KeyPath
    value: float
    is_typed: bool
    """Whether it stands in a field that is declared as a number."""


def non_finite(placed: Iterable[Placed]) -> Iterator[NonFinite]:
    """Find infinities and NaN in the fields of sections."""
    for path, section in placed:
        if not section.__pydantic_fields_set__:
            continue  # Nobody wrote anything here, and defaults are finite.
        for name, is_typed in number_fields(type(section)):
            value = section.__dict__.get(name)
            if value is not None and not isinstance(value, str):
                yield from _found(value, (*path, name), is_typed)
        for key, value in (section.__pydantic_extra__ or {}).items():
            yield from _found(value, (*path, key), is_typed=False)


def _found(value: Any, path: KeyPath, is_typed: bool) -> Iterator[NonFinite]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield NonFinite(path, value, is_typed)
    elif is_table(value):
        for key, item in value.items():
            yield from _found(item, (*path, key), is_typed)
    elif is_list(value):
        for i, item in enumerate(value):
            yield from _found(item, (*path, i), is_typed)


def non_finite_findings(found: Iterable[NonFinite], mode: Mode) -> Iterator[Finding]:
    """Judge infinities and NaN in sections."""
    for number in found:
        if not number.is_typed:
            message = f"{number.value} becomes null, since JSON has no such number"
            hint = "use a number or a string"
            yield Finding(code="D-03", severity="warning", path=number.path, message=message, hint=hint)
        elif mode == "hosted":
            yield _refused(number)


def aside_findings(aside: SetAside) -> Iterator[Finding]:
    """Refuse infinities and NaN in what was set aside."""
    for path, value in aside.values.items():
        for number in _found(value, path, is_typed=False):
            yield _refused(number)


def _refused(number: NonFinite) -> Finding:
    message = f"{number.value} cannot be submitted to the hosted platform"
    return Finding(code="D-03", path=number.path, message=message, hint="use a number")


@cache
def number_fields(section: type[Section]) -> tuple[tuple[str, bool], ...]:
    """Fields that may hold floats, and whether the field itself says so."""
    kinds = {name: set(_leaves(field.annotation)) for name, field in section.model_fields.items()}
    return tuple((name, float in kind) for name, kind in kinds.items() if float in kind or Any in kind)


def _leaves(annotation: Any) -> Iterator[Any]:
    for member in members(annotation):
        if get_origin(member) in (list, dict):
            for inner in get_args(member):
                yield from _leaves(inner)
        else:
            yield member
