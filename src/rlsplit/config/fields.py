"""What a rule may ask of a field besides its value."""

from __future__ import annotations

from typing import Any

from rlsplit.config.sections.base import Section


def explicit(section: Section, field: str) -> bool:
    """Whether a field was written or shared, as opposed to left at its default.

    Raises :class:`~rlsplit.config.sections.base.UnreadableError` where the written value was refused: no answer.
    """
    getattr(section, field)
    return field in section.model_fields_set


def declared(section: Section, field: str) -> Any:
    """The value of a field that not every such section has, else None; never an unknown key of that name."""
    return getattr(section, field) if field in type(section).model_fields else None
