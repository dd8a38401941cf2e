"""Key paths that a type checker reads: renaming a field in its section breaks the key that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rlsplit.config.sections.base import S
from rlsplit.findings import KeyPath

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[S, T]):
    """A field of a kind of section, wherever that stands in a run's configuration."""

    path: KeyPath
    """From the root of the configuration."""
    read: Callable[[S], T]
    """Gives the field's value in such a section."""


def key(section: type[S], read: Callable[[S], T], below: Key[Any, Any] | None = None) -> Key[S, T]:
    """Make the key of the field that ``read`` takes from a section, which stands at the key ``below`` (None: the root).

    ``read`` may go down several sections, but not past one that may be null or of several kinds: that takes a key more.
    """
    steps: list[str] = []
    recorder: Any = _Recorder(steps)
    read(recorder)
    return Key((*(below.path if below else ()), *steps), read)


class _Recorder:
    """Stands for a section, and notes which fields are read."""

    __slots__ = ("_steps",)

    def __init__(self, steps: list[str]) -> None:
        self._steps = steps

    def __getattr__(self, name: str) -> _Recorder:
        self._steps.append(name)
        return self
