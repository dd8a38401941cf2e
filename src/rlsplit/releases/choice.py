"""Which release a run is compiled for: the one that is named, or pinned for the cluster, or in the image."""

from __future__ import annotations

from dataclasses import replace

from rlsplit.findings import Finding
from rlsplit.kubernetes import is_image_tag
from rlsplit.releases.release import NEWEST, Release, Served, served

IMAGE_TAG = ("imageTag",)
"""What findings about the image of a run point at."""


def chosen(named: str | None, pinned: str | None, tag: str, *, is_digest: bool) -> Served:
    """Choose the release for one run.

    ``named`` goes before ``pinned``, the platform's ``release``, and both before the image tag. ``is_digest`` says that
    the platform names its image by digest: then the tag tells nothing.
    """
    if named is not None:
        found = served(named)
    elif pinned is not None:
        found = _about(served(pinned), "platform", "release")
    elif is_digest:
        return _about(Served(NEWEST, _digest()), "platform", "image_digest")
    else:
        return _of_image(tag)
    return found if found.note is not None or is_digest else replace(found, note=_other_image(found.release, tag))


def _of_image(tag: str) -> Served:
    found = served(tag)
    if found.note is None:
        return found
    # What is no tag at all is refused where runs are checked.
    note = replace(found.note, about="run", path=IMAGE_TAG) if is_image_tag(tag) else None
    return replace(found, note=note)


def _about(found: Served, *path: str) -> Served:
    return found if found.note is None else replace(found, note=replace(found.note, about="platform", path=path))


def _digest() -> Finding:
    return Finding(
        code="release.unknown",
        severity="notice",
        message=f"a digest does not tell the release of the image; the config was checked against {NEWEST.commit}",
        hint="set release of the platform, or name one",
    )


def _other_image(release: Release, tag: str) -> Finding | None:
    """Say that the image is known to read another configuration than the one that was asked for."""
    image = served(tag)
    if not image.is_image or image.release == release:
        return None
    return Finding(
        code="release.image",
        severity="warning",
        about="run",
        path=IMAGE_TAG,
        message=f"the image has {image.release.tag}, and the config is compiled for {release.tag}",
        hint=f"compile for {image.release.tag}, or take an image of {release.tag}",
    )
