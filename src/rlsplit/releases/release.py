"""Which release of prime-rl a configuration is compiled for, and how an image tag names one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rlsplit.findings import Finding
from rlsplit.releases.changes import release_order


@dataclass(frozen=True, slots=True)
class Release:
    """One point in the history of prime-rl's configuration; two with the same tag are the same."""

    tag: str
    """Its tag: ``v0.8.0``, or a dev tag between two releases, ``v0.8.1.dev30``."""
    commit: str
    """The commit whose configuration it is; of a dev tag without a known one, the tag."""

    def is_before(self, tag: str) -> bool:
        """Whether it comes before a tag, and so has nothing that came with it."""
        return release_order(self.tag) < release_order(tag)

    def lies_in(self, since: str | None, until: str | None) -> bool:
        """Whether it lies in a life span: from the first tag on (None: ever), before the last (None: to this day)."""
        return not (since is not None and self.is_before(since)) and (until is None or self.is_before(until))


NEWEST: Final = Release("v0.8.1.dev67", "559b447")
"""The newest release that rlsplit knows: the hub, whose configuration the sections describe; compared by identity."""

V0_8_0: Final = Release("v0.8.0", "60bc295")
V0_7_0: Final = Release("v0.7.0", "d334ea5")

KNOWN: Final = (V0_7_0, V0_8_0, NEWEST)
"""The releases that are served exactly, oldest first."""

UNDATED: Final = "v0.8.1.dev1"
"""Stands for the first tag of a change between v0.8.0 and the newest release whose own tag is not known."""

_TAG: Final = re.compile(r"v?(?P<tag>\d+\.\d+\.\d+(?:\.?dev\d+)?)\Z")
_COMMIT: Final = re.compile(r"(?:sha-)?(?P<commit>[0-9a-f]{7,40})\Z")
MAIN: Final = "main"
_MOVING: Final = frozenset({MAIN, "latest"})
"""Image tags that follow prime-rl's main branch."""


@dataclass(frozen=True, slots=True)
class Served:
    """The release that serves a name, and what there is to say about it."""

    release: Release
    note: Finding | None = None
    """A notice that the newest release stands in for one that is not known, or an error for one that is too old."""
    is_image: bool = False
    """Whether it is the very release of an image, and does not just stand in for what is newer."""


def served(name: str) -> Served:
    """Find the release for a release name, an image tag or a commit.

    Dev tags are served exactly, as far as the first tag of a change is known. What is newer than the newest known
    release, or not known at all, is served by the newest, with a notice.
    """
    if name in _MOVING:
        return Served(NEWEST)
    found = _TAG.match(name)
    if found is not None:
        return _of_tag("v" + found["tag"].replace("dev", ".dev").replace("..", "."))
    found = _COMMIT.match(name)
    for release in KNOWN if found is not None else ():
        if found is not None and found["commit"].startswith(release.commit):
            return Served(release, is_image=True)
    return Served(NEWEST, _unknown(name))


def _of_tag(tag: str) -> Served:
    for release in KNOWN:
        if release.tag == tag:
            return Served(release, is_image=True)
    release = Release(tag, tag)
    if release.is_before(KNOWN[0].tag):
        message = f"{tag} is older than {KNOWN[0].tag}, the oldest release that rlsplit compiles"
        hint = f"use an image of {KNOWN[0].tag} or newer, and bring the config along"
        return Served(KNOWN[0], Finding(code="release.too-old", message=message, hint=hint))
    return Served(release, is_image=True) if release.is_before(NEWEST.tag) else Served(NEWEST, _unknown(tag))


def _unknown(name: str) -> Finding:
    message = f"rlsplit does not know {name}; the config was checked against {NEWEST.commit}"
    hint = f"name the release that the image has: {', '.join(release.tag for release in KNOWN)}"
    return Finding(code="release.unknown", severity="notice", message=message, hint=hint)
