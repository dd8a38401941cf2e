"""Settings of a platform that go into a manifest as they are."""

from __future__ import annotations

from typing import Any, Final

_SCALARS: Final = frozenset({str, int, bool, type(None)})


def passed_through(setting: Any) -> Any:
    """Copy a setting, so that no two objects share it. Raises ``TypeError`` for what no manifest can hold."""
    kind = _kind(setting)
    if kind in _SCALARS:
        return setting
    if kind is dict:
        return {key: passed_through(value) for key, value in setting.items()}
    if kind is list:
        return [passed_through(item) for item in setting]
    raise TypeError(f"{kind.__name__} cannot appear in a manifest")


def _kind(value: object) -> type[object]:
    return type(value)
