"""Whether a refused document was written for another release than the one it is compiled for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from rlsplit.findings import Finding
from rlsplit.releases.changes import release_order
from rlsplit.releases.fits import best_of, fits, strangers
from rlsplit.releases.release import KNOWN, Release

LEAST_KEYS: Final = 2
"""Fewer keys of another release are an oversight in a config of this one."""
CLEARLY: Final = 3
"""How many times more keys the asked release must not know than the other does."""


def fitting_better(
    table: Mapping[str, Any], release: Release, severity: Literal["error", "warning"]
) -> tuple[Finding, ...]:
    """Say that a document is one of another release, if that knows far more of its keys."""
    found = fits(table, release.tag)
    best = best_of(found)
    foreign = next(fit.foreign for fit in found if fit.tag == release.tag)
    if best.tag == release.tag or foreign - best.foreign < LEAST_KEYS or foreign < CLEARLY * best.foreign:
        return ()
    count = strangers(table, release.tag, best.tag)
    message = f"this is a {best.tag} config: {release.tag} does not know {count} of its keys"
    return (Finding(code="release.other", severity=severity, message=message, hint=_hint(best.tag, release)),)


def _hint(best: str, release: Release) -> str:
    """What to do about it: an older config can be brought along, and what is compiled can be asked for."""
    ways = [
        *(["rlsplit migrate FILE"] if release_order(best) < release_order(release.tag) else []),
        *([f"--release {best}, with an image of it"] if any(best == known.tag for known in KNOWN) else []),
    ]
    return ", or ".join(ways)
