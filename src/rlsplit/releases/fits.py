"""Which release of prime-rl a document was written for: the one whose keys it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.plain_types import is_list, is_table
from rlsplit.releases.changes import arrivals, change_of, release_order
from rlsplit.releases.release import NEWEST, V0_7_0, V0_8_0

TAGS: Final = ("v0.5.0", "v0.6.0", V0_7_0.tag, V0_8_0.tag, NEWEST.tag)
"""The releases whose keys are known, oldest first."""

_MOST_KEYS: Final = 10_000
"""So many keys of a document are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well a document fits a release."""

    tag: str
    """The tag of the release."""
    foreign: int
    """Keys that other releases have and this one has not."""
    telling: int
    """Keys that this release has and the newest has not."""


def best_release(table: Mapping[str, Any]) -> Fit:
    """Find the release that has most of a document's keys; of several, the newest."""
    return min(reversed(fits(table)), key=lambda fit: fit.foreign)


def fits(table: Mapping[str, Any]) -> tuple[Fit, ...]:
    """Tell how well a document fits each release, oldest first; keys that no release has count nowhere."""
    lives = [life for path in _paths(table) if (life := _life(path)) is not None]
    newest = len(TAGS) - 1
    return tuple(
        Fit(
            tag=tag,
            foreign=sum(number not in life for life in lives),
            telling=sum(number in life and newest not in life for life in lives),
        )
        for number, tag in enumerate(TAGS)
    )


def _paths(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Every key of a document, its indices left out."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), table)]
    left = _MOST_KEYS
    while pending and left:
        path, node = pending.pop()
        if is_list(node):
            pending += [(path, item) for item in node[:left]]
        elif is_table(node):
            for name, inner in list(node.items())[:left]:
                left -= 1
                yield (*path, name)
                pending.append(((*path, name), inner))


def _life(path: tuple[str, ...]) -> range | None:
    """The releases that have a path; None if it was none of theirs."""
    change = change_of(path)
    if change is None:
        return range(_first(path), len(TAGS))
    if change.releases is None:
        return None
    first, last = change.releases
    return range(max(TAGS.index(first), _first(path)), TAGS.index(last) + 1)


def _first(path: tuple[str, ...]) -> int:
    """The first release that had a path, or the table around it that came last."""
    since = [tag for end in range(1, len(path) + 1) if (tag := arrivals().get(path[:end]))]
    return next(
        number for number, tag in enumerate(TAGS) if all(release_order(each) <= release_order(tag) for each in since)
    )
