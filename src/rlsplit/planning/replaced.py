"""Values that somebody wrote and that a derivation replaced, as prime-rl's launcher does without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlsplit.config.rules import Derived
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.root import RootConfig
from rlsplit.config.tree import value_of
from rlsplit.findings import Finding, KeyPath, enclosing, shown
from rlsplit.plain_data import is_list, is_table


def replaced_notes(config: RootConfig) -> Iterator[Finding]:
    """Say which written values have no effect, each once, and what stands there now."""
    first: dict[KeyPath, Derived] = {}
    for derived in config.provenance.derived:
        # What stands in a section that a rule made was written by nobody.
        if not any(enclosing(first, derived.path)):
            first[derived.path] = derived
    for path, derived in first.items():
        for written in derived.replaced:
            yield from _notes(written, value_of(config, path), path, derived)


def _notes(written: Any, now: Any, path: KeyPath, derived: Derived) -> Iterator[Finding]:
    if isinstance(written, Section) and isinstance(now, Section):
        for name in sorted(written.model_fields_set & type(written).model_fields.keys()):
            yield from _notes(vars(written).get(name), vars(now).get(name), (*path, name), derived)
    elif is_table(written) and is_table(now):
        for key, value in written.items():
            yield from _notes(value, now.get(key), (*path, key), derived)
    elif written not in (now, "auto") and not _keeps_all(written, now):
        how = f" ({derived.formula})" if derived.formula else ""
        message = f"{_text(written)} has no effect: by {derived.rule} it is {_text(now)}{how}"
        yield Finding(code="plan.derived-value", severity="notice", path=path, message=message, hint="leave it out")


def _keeps_all(written: Any, now: Any) -> bool:
    """Whether a list only lost its duplicates, or gained items."""
    return is_list(written) and is_list(now) and all(item in now for item in written)


def _text(value: Any) -> str:
    return "a table" if isinstance(value, Section) else shown(value)
