"""How rules of the platform's settings are written: forms of texts, and findings at settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.platform.settings import PlatformSettings

Rule = Callable[[PlatformSettings], Iterable[Finding]]

OWN_KEYS: Final = frozenset(
    f"app.kubernetes.io/{name}" for name in ("name", "instance", "component", "part-of", "managed-by", "version")
)
"""Label keys that rlsplit itself sets; its annotations all start with ``rlsplit/``."""


@dataclass(frozen=True, slots=True)
class Format:
    """A form of text: what it is called, and how to tell."""

    name: str
    accepts: Callable[[str], bool]


def each(*rules: Callable[..., Iterable[Finding]], of: Iterable[tuple[Any, ...]]) -> Iterator[Rule]:
    """Make one rule for each row, so that what cannot be read silences one row only."""
    for rule in rules:
        for row in of:
            yield partial(rule, *row)


def table(path: KeyPath, listed: Mapping[str, object], keys: Format, values: Format | None) -> Iterator[Finding]:
    """Judge the keys of a table, and its values."""
    for key, value in listed.items():
        yield from misfit((*path, key), key, keys)
        if values is not None:
            yield from misfit((*path, key), str(value), values)


def misfit(path: KeyPath, text: str, form: Format) -> Iterator[Finding]:
    """Say that a text does not have its form."""
    if not form.accepts(text):
        yield finding("format", path, f"{shown(text)} is not {form.name}")


def own_keys(path: KeyPath, keys: Iterable[str]) -> Iterator[Finding]:
    """Refuse labels and annotations that rlsplit sets."""
    for key in keys:
        if is_own_key(key):
            yield finding("own-key", (*path, key), "rlsplit sets this key itself", "use another key")


def is_own_key(key: str) -> bool:
    """Whether rlsplit sets a label or annotation itself."""
    return key in OWN_KEYS or key.startswith("rlsplit/")


def conflict(setting: str, message: str) -> Finding:
    """Say that a setting contradicts another one."""
    return finding("conflict", (setting,), message, "change one of the two")


def finding(code: str, path: KeyPath, message: str, hint: str | None = None) -> Finding:
    """Say something about a setting."""
    return Finding(code=f"platform.{code}", about="platform", path=("platform", *path), message=message, hint=hint)
