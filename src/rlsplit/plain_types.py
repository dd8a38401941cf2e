"""What tells the containers of plain data apart, for type checkers, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_table(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether plain data is a table."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value that is not yet plain is a table of any kind."""
    return isinstance(value, (dict, Mapping))


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether plain data is a list."""
    return isinstance(value, list)
