"""Sections as plain JSON-compatible data, in two forms.

**resolved**: every field, defaults included, in declaration order (D-01).

**sparse**: what was written, shared or derived, without the section's own defaults. A component that reads the sparse
form ends up with the same settings as one that reads the resolved form. So a written value stays even where it
equals the default, since it may block a derivation, and so does the tag of every variant that its field would not
choose by itself.

In both, dates and times of untyped tables are ISO text (D-04). Infinities and NaN stay in fields that are declared as
numbers and are null in untyped tables, which in the sparse form is left to :func:`nulled_as` (D-03).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, time
from functools import cache
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from rlsplit.config.sections.base import Section
from rlsplit.config.tree import tag_field
from rlsplit.plain_data import SCALARS, is_list, is_table

JsonObject = dict[str, Any]


_NO_SECTIONS: Final = SCALARS | {list, dict}
"""Types that are told apart from sections sooner than :func:`isinstance` does."""


def resolved(section: Section) -> JsonObject:
    """Return every field of a compiled section."""
    return section.model_dump(mode="json")


def sparse(section: Section) -> JsonObject:
    """Return the sparse table of a compiled section; nested sections become nested tables."""
    written, values = section.__pydantic_fields_set__, section.__dict__
    table: JsonObject = {}
    for name, default in defaults(type(section)).items():
        value = values[name]
        if type(value) not in _NO_SECTIONS and isinstance(value, Section):
            inner = _variant(value, default)
            if inner or name in written or default is None:
                table[name] = inner
        elif name in written or value != default:
            table[name] = jsonable(value)
    for name, value in (section.__pydantic_extra__ or {}).items():
        table[name] = jsonable(value)
    return table


@cache
def defaults(section: type[Section]) -> dict[str, Any]:
    """Default of every field; for fields that hold a section its class, for required fields :data:`REQUIRED`."""
    return {
        name: REQUIRED if field.is_required() else _default(field)
        for name, field in section.model_fields.items()
        if not field.exclude
    }


REQUIRED: Final = object()


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    return type(value) if isinstance(value, Section) else value


def _variant(section: Section, default: Any) -> JsonObject:
    table = sparse(section)
    tag = tag_field(type(section))
    if tag is None or tag in table or default is type(section):
        return table
    return {tag: getattr(section, tag), **table}


def jsonable(value: Any) -> Any:
    """Copy a value into what JSON has: sections in their sparse form, dates and times as text."""
    if type(value) in SCALARS:
        return value
    if is_list(value):
        return [jsonable(item) for item in value]
    if is_table(value):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, Section):
        return sparse(value)
    return to_jsonable_python(value) if isinstance(value, (date, time)) else value


def nulled_as(lean: Any, whole: Any) -> Any:
    """Copy a sparse form with null for the infinities and NaN that are null in the resolved one (D-03)."""
    if is_table(lean):
        return {key: nulled_as(item, whole[key]) for key, item in lean.items()}
    if is_list(lean):
        return [nulled_as(item, other) for item, other in zip(lean, whole, strict=True)]
    return None if isinstance(lean, float) and whole is None else lean


def without_non_finite(value: Any, stand_in: Callable[[float], Any] = lambda _: None) -> Any:
    """Copy plain data with null, or what else is asked for, in place of infinities and NaN."""
    if is_table(value):
        return {key: without_non_finite(item, stand_in) for key, item in value.items()}
    if is_list(value):
        return [without_non_finite(item, stand_in) for item in value]
    return stand_in(value) if isinstance(value, float) and not math.isfinite(value) else value
