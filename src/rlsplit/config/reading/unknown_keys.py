"""Keys that no section knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rlsplit.config.reading.locations import alternatives
from rlsplit.config.sections.base import Section, written_fields
from rlsplit.config.tree import Placed, is_section, tag_field, tag_of
from rlsplit.findings import Finding, KeyPath, clipped, dotted
from rlsplit.hints import did_you_mean


def unknown_keys(
    placed: Sequence[Placed], prefix: KeyPath = (), *, severity: Literal["error", "warning"]
) -> Iterator[Finding]:
    """Find every key that no section knows (B-01); one that is nearly a known key is always an error.

    ``placed`` are all sections of one tree as :func:`.tree.sections` lists them, the root last.
    """
    for path, section in placed:
        extra = section.__pydantic_extra__
        if extra and not section.keeps_unknown:
            for key in extra:
                yield _unknown(placed[-1][1], prefix, (*path, key), section, severity)


def _unknown(
    root: Section, prefix: KeyPath, path: KeyPath, section: Section, severity: Literal["error", "warning"]
) -> Finding:
    key = str(path[-1])
    near = did_you_mean(key, written_fields(type(section)))
    hint = near or _other_variant(root, path[len(prefix) : -1], key) or "remove it"
    return Finding(
        code="B-01",
        severity="error" if near else severity,
        path=path,
        message=f"is not a key of {clipped(dotted(path[:-1])) or 'the root'}",
        hint=hint,
    )


def _other_variant(root: Section, path: KeyPath, key: str) -> str | None:
    """Name the variants of the same union that do know a key."""
    variants = [member for member in alternatives(type(root), path) if is_section(member)]
    if len(variants) < 2:
        return None
    knowing = [member for member in variants if key in written_fields(member)]
    tags = [f'{tag_field(member)} = "{tag_of(member, tag_field(member) or "type")}"' for member in knowing]
    return f"it belongs to {' or '.join(tags)}" if tags else None
