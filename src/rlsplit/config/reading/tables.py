"""Tables become sections.

A table with bad fields is still read: what was refused is taken out, its field is left without a value
(:class:`~rlsplit.config.sections.base.UnreadableError`), and the rules go on with the rest. So one bad value hides no
other problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rlsplit.config.reading.locations import grouped
from rlsplit.config.reading.mending import mended
from rlsplit.config.reading.problems import MOST_PROBLEMS, finding_of, too_many
from rlsplit.config.sections.base import S, Section
from rlsplit.config.tree import Placed, make_unreadable, sections
from rlsplit.findings import Finding, KeyPath, nearest

_ROUNDS: Final = 20
"""Repairs are repeated, since a mended table can show an inner problem; prime-rl's sections nest less deep."""


@dataclass(frozen=True, slots=True)
class Reading(Generic[S]):
    """A section as far as it could be read (None: not at all), and the findings of its fields."""

    section: S | None
    findings: tuple[Finding, ...]
    placed: tuple[Placed, ...] = ()
    """Every section that was read, as :func:`~rlsplit.config.tree.sections` lists them; also those that stand beside an
    element of a list or table that was refused, whose field has no value."""


Say = Callable[[type[Section], KeyPath, list[ErrorDetails]], Finding]
"""Puts into words what pydantic has against one key of a section."""


def read(kind: type[S], table: Mapping[str, Any], *, say: Say = finding_of) -> Reading[S]:
    """Read a table as a section: types, bounds, required keys and tags (B-02, B-03, B-07)."""
    try:
        section = kind.model_validate(table)
    except ValidationError as error:
        return _read_around(kind, table, error, say)
    return Reading(section, (), tuple(sections(section)))


def _read_around(kind: type[S], table: Mapping[str, Any], error: ValidationError, say: Say) -> Reading[S]:
    found: dict[KeyPath, Finding] = {}
    rest: Any = table
    for _ in range(_ROUNDS):
        problems = grouped(kind, error, MOST_PROBLEMS)
        for path, group in problems.items():
            if nearest(found, path) is None:
                found[path] = say(kind, path, group)
        if (more := error.error_count() - MOST_PROBLEMS) > 0:
            return Reading(None, (*found.values(), too_many("values that cannot be read", more)))
        rest = mended(kind, rest, problems)
        try:
            section = kind.model_validate(rest)
        except ValidationError as again:
            error = again
            continue
        # Listed while every field has a value; what stands at a refused path is a stand-in, and nobody's.
        everything = sections(section)
        make_unreadable(everything, found)
        placed = tuple(place for place in everything if nearest(found, place[0]) is None)
        return Reading(section, tuple(found.values()), placed)
    return Reading(None, tuple(found.values()))
