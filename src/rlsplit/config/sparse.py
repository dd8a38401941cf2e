"""The sparse form of a section: what was written, shared or derived, without the section's own defaults.

A component that reads the sparse form ends up with the same settings as one that reads the resolved form. So a
written value stays even where it equals the default, since it may block a derivation, and so does the tag of every
variant that its field would not choose by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from .section import Section
from .tree import tag_field


def sparse(section: Section) -> dict[str, Any]:
    """Return the sparse table of a compiled section; nested sections become nested tables."""
    written, values = section.model_fields_set, section.__dict__
    table: dict[str, Any] = {}
    for name, default in defaults(type(section)).items():
        value = values[name]
        if isinstance(value, Section):
            inner = _variant(value, default)
            if inner or name in written or default is None:
                table[name] = inner
        elif name in written or value != default:
            table[name] = _plain(value)
    table.update(section.__pydantic_extra__ or {})
    return table


@cache
def defaults(section: type[Section]) -> dict[str, Any]:
    """Default of every field; for fields that hold a section its class, for required fields :data:`REQUIRED`."""
    return {
        name: _default(field.get_default(call_default_factory=True), field.is_required())
        for name, field in section.model_fields.items()
    }


REQUIRED: Final = object()


def _default(value: Any, required: bool) -> Any:
    if required:
        return REQUIRED
    return type(value) if isinstance(value, Section) else value


def _variant(section: Section, default: Any) -> dict[str, Any]:
    table = sparse(section)
    tag = tag_field(type(section))
    if tag is None or tag in table or default is type(section):
        return table
    return {tag: getattr(section, tag), **table}


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return sparse(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
