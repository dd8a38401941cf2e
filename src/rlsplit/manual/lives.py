"""Since when prime-rl has a key, what it was called before, and which default it had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rlsplit.manual.types import toml
from rlsplit.releases.changes import Change, arrivals, changes, keys, release_order, spelled
from rlsplit.releases.defaults import changed_defaults
from rlsplit.releases.release import KNOWN

OLDEST: Final = KNOWN[0].tag
"""The oldest release that is compiled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What is known of a key in earlier releases."""

    since: str | None
    """The first tag that has it in this place; None: every release that is compiled."""
    was: tuple[str, ...]
    """Older spellings of its path."""
    defaults: tuple[str, ...]
    """Older defaults, each as a sentence without a full stop."""


def life_of(path: tuple[str, ...]) -> Life:
    """Tell the life of a key of today by its path, without signs for list items."""
    moves = [move for move in _moves(path) if _is_later(move.since)]
    came = [tag for end in range(1, len(path) + 1) if (tag := arrivals().get(path[:end])) is not None]
    since = moves[0].since if moves else (came[-1] if came else None)
    defaults = (each for each in changed_defaults() if keys(each.path) == path)
    return Life(
        since=since if since and _is_later(since) else None,
        was=tuple(dict.fromkeys(_older(move, path) for move in moves)),
        defaults=tuple(f"{toml(each.was)} before {each.since}: {each.effect.rstrip('.')}" for each in defaults),
    )


def _is_later(tag: str) -> bool:
    return release_order(tag) > release_order(OLDEST)


def life_text(life: Life) -> str:
    """Say which releases have a key: ``since v0.8.1.dev30, before as wandb.project``."""
    since = f"since {life.since}" if life.since else f"all since {OLDEST}"
    return since + (f", before as {' or '.join(f'`{path}`' for path in life.was)}" if life.was else "")


def _moves(path: tuple[str, ...]) -> list[Change]:
    """The changes that put a key, or the nearest table around it, where it is."""
    for end in range(len(path), 0, -1):
        found = [change for change in changes() if change.releases and _leads_to(change, path, end)]
        if found:
            return found
    return []


def _leads_to(change: Change, path: tuple[str, ...], end: int) -> bool:
    if keys(change.old) == path[:end]:
        return False
    return any(keys(new) == path[:end] for new in change.new) and (end == len(path) or change.is_moved)


def _older(change: Change, path: tuple[str, ...]) -> str:
    new = next(new for new in change.new if keys(new) == path[: len(new)])
    return ".".join((spelled(change.old), *path[len(new) :]))


def older_keys() -> Iterator[Change]:
    """Every key of an earlier release that stands elsewhere today, or nowhere."""
    return (change for change in changes() if change.releases is not None)
