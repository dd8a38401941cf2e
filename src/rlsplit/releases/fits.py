"""Which release of prime-rl a document was written for: the one whose keys it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.plain_types import is_list, is_table
from rlsplit.releases.changes import arrivals, change_of, release_order
from rlsplit.releases.release import NEWEST, V0_7_0, V0_8_0

TAGS: Final = ("v0.5.0", "v0.6.0", V0_7_0.tag, V0_8_0.tag, NEWEST.tag)
"""The releases whose keys are known, oldest first."""

_MOST_KEYS: Final = 2_000
"""So many keys of a document are looked at."""


@dataclass(frozen=True, slots=True)
class _Life:
    """When releases had a path."""

    first: tuple[int, ...]
    end: tuple[int, ...] | None
    """The first tag that has it no more; None if the newest has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well a document fits a release."""

    tag: str
    """The tag of the release."""
    foreign: int
    """Keys that other releases have and this one has not."""


def best_release(table: Mapping[str, Any]) -> Fit:
    """Find the release that has most of a document's keys; of several, the newest."""
    return best_of(fits(table))


def best_of(found: Sequence[Fit]) -> Fit:
    """Find the fit with the fewest foreign keys; of several, the newest."""
    return min(reversed(found), key=lambda fit: fit.foreign)


def fits(table: Mapping[str, Any], *others: str) -> tuple[Fit, ...]:
    """Tell how well a document fits each release, and each other tag that is given, oldest first.

    Only keys with a value are counted, and of those only what some release has: a misspelled one says nothing.
    """
    lives = [life for path in _paths(table) if (life := _life(path)) is not None]
    tags = sorted({*TAGS, *others}, key=release_order)
    counted = Counter(lives)  # most keys live all along
    return tuple(
        Fit(tag=tag, foreign=sum(number for life, number in counted.items() if not _lives(life, tag))) for tag in tags
    )


def strangers(table: Mapping[str, Any], tag: str, best: str) -> int:
    """Count the keys that the best release has and another has not."""
    lives = (_life(path) for path in _paths(table))
    return sum(life is not None and _lives(life, best) and not _lives(life, tag) for life in lives)


def _paths(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Every key with a value, list indices left out."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), table)]
    left = _MOST_KEYS
    while pending and left:
        path, node = pending.pop()
        left -= 1
        inner: list[tuple[tuple[str, ...], Any]] = []
        if is_table(node):
            inner = [((*path, name), value) for name, value in list(node.items())[:left]]
        elif is_list(node) and any(map(is_table, node)):
            inner = [(path, item) for item in node[:left]]
        if inner:
            pending += inner
        elif path:
            yield path


def _lives(life: _Life, tag: str) -> bool:
    order = release_order(tag)
    return life.first <= order and (life.end is None or order < life.end)


def _life(path: tuple[str, ...]) -> _Life | None:
    """When releases had a path; None if it was none of theirs."""
    change = change_of(path)
    if change is None:
        return _Life(_came(path), None)
    if change.releases is None:
        return None
    first, last = change.releases
    # The row may tell of a later change, too: the release after the last had this form no more in any case.
    after = [*TAGS[TAGS.index(last) + 1 :], change.since]
    return _Life(max(release_order(first), _came(path)), min(map(release_order, after)))


def _came(path: tuple[str, ...]) -> tuple[int, ...]:
    """When a path came, or the table around it that came last."""
    since = [tag for end in range(1, len(path) + 1) if (tag := arrivals().get(path[:end]))]
    return max(map(release_order, since), default=release_order(TAGS[0]))
