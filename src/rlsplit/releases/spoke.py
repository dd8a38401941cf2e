"""What one older release of prime-rl has that the next newer one has not, and the other way round: data."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rlsplit.config.rules import Check, Derivation, keys
from rlsplit.config.sections.base import Section
from rlsplit.findings import KeyPath
from rlsplit.releases.changes import Change, changes
from rlsplit.releases.changes import keys as keys_of

_BRACES: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Since:
    """Marks a field, in ``Annotated``, that came with a tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Until:
    """Marks a field, in ``Annotated``, that is gone since a tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Move:
    """A key that stands elsewhere since a tag, as it is: the old place and the one of the newest release."""

    old: KeyPath
    new: KeyPath
    since: str
    first: str | None = None
    """The first release that had the old place; None: all that are served."""


def moves(*old: str, first: str | None = None) -> tuple[Move, ...]:
    """Take moves from the table of changes, by their old paths; ``{a,b}`` stands for several."""
    rows: dict[KeyPath, Change] = {keys_of(change.old): change for change in changes() if change.is_moved}
    return tuple(
        Move(keys(path), keys_of(rows[keys(path)].new[0]), rows[keys(path)].since, first)
        for spelled in old
        for path in _expanded(spelled)
    )


def _expanded(spelled: str) -> Iterator[str]:
    parts = _BRACES.split(spelled)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ("".join(choice) for choice in itertools.product(*choices))


Fields = Mapping[tuple[type[Section], str], str]
"""Section and field, to the first tag that has it."""


def additions(*parts: type[Section]) -> Mapping[type[Section], tuple[type[Section], ...]]:
    """List additions by the section of today that each is made from."""
    found: dict[type[Section], tuple[type[Section], ...]] = {}
    for part in parts:
        section = next(base for base in part.__mro__ if base.__module__.startswith("rlsplit.config."))
        found[section] = (*found.get(section, ()), part)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoke:
    """One older release, as it differs from the next newer one."""

    until: str
    """The tag of the next newer release: this spoke tells of everything before it."""
    sections: Mapping[type[Section], tuple[type[Section], ...]]
    """Section to what only this release adds to it: old fields, other defaults, other tables."""
    ends: Mapping[type[Section], str]
    """Of those with more than fields (which say it themselves): the first tag to which they do not apply."""
    came: Fields
    """Fields that came later."""
    variants_came: Mapping[type[Section], str]
    """Variants of unions that came later, to their first tag."""
    moves: Callable[[], tuple[Move, ...]]
    """Keys that stand elsewhere today; the table of changes is read when they are first asked for."""
    dissolved: tuple[KeyPath, ...] = ()
    """Tables of which every key has moved."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys that stand below each other, to the older spelling of them that this release also reads."""
    derivations: Mapping[type[Section], tuple[Derivation, ...]] = field(default_factory=dict[Any, Any])
    checks: Mapping[type[Section], tuple[Check, ...]] = field(default_factory=dict[Any, Any])
    root_derivations: tuple[Derivation, ...] = ()
    root_checks: tuple[Check, ...] = ()
