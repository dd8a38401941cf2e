"""Numbers that JSON cannot hold: refused in declared fields, null in tables that prime-rl does not type (D-03)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, get_args, get_origin

from rlsplit.config.rules import EVAL_PATH, SOURCE_PATH, SetAside
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import Placed, members
from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_list, is_table


def non_finite(placed: Iterable[Placed]) -> Iterator[Finding]:
    """Find infinities and NaN in the fields of sections."""
    for path, section in placed:
        if not section.__pydantic_fields_set__:
            continue  # Nobody wrote anything here, and defaults are finite.
        for name, typed in number_fields(type(section)):
            value = section.__dict__.get(name)
            if value is not None and not isinstance(value, str):
                yield from _judged(value, (*path, name), typed)
        for key, value in (section.__pydantic_extra__ or {}).items():
            yield from _judged(value, (*path, key), typed=False)


def non_finite_values(aside: SetAside) -> Iterator[Finding]:
    """Find infinities and NaN in sources that were set aside."""
    yield from _judged(aside.sources, SOURCE_PATH, typed=False)
    yield from _judged(aside.eval, EVAL_PATH, typed=False)


def _judged(value: Any, path: KeyPath, typed: bool) -> Iterator[Finding]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield _finding(value, path, typed)
    elif is_table(value):
        for key, item in value.items():
            yield from _judged(item, (*path, key), typed)
    elif is_list(value):
        for i, item in enumerate(value):
            yield from _judged(item, (*path, i), typed)


def _finding(value: float, path: KeyPath, typed: bool) -> Finding:
    if typed:
        return Finding(
            code="D-03", path=path, message=f"{value} cannot be written to a config file", hint="use a number"
        )
    message = f"{value} becomes null, since JSON has no such number"
    return Finding(code="D-03", severity="warning", path=path, message=message, hint="use a number or a string")


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
