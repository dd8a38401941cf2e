"""The keys of an older release in its own spelling, and what to write instead of one that it does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from rlsplit.config.schema_index import ITEM, Steps, schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.spelling import is_sure, nearest
from rlsplit.config.tree import distance
from rlsplit.findings import Finding, Fix, KeyPath
from rlsplit.releases.release import Release
from rlsplit.releases.sections import houses, section_of
from rlsplit.releases.spelling import spelled

_OF_TODAY: Final = re.compile(r"remove it\Z|did you mean|.*(?:belongs to (?:\[|the root)|has no such key)")
"""Hints that were found among today's keys, or in no table at all; others hold for every release."""
_MOST_PLACES: Final = 3
_LEAST_LETTERS: Final = 3
"""Shorter names are near too many others."""


def hinted(findings: Iterable[Finding], release: Release) -> Iterator[Finding]:
    """Give unknown keys a hint that knows the release's own keys; paths have its spelling already."""
    for finding in findings:
        if finding.code != "B-01" or not _OF_TODAY.match(finding.hint or "remove it"):
            yield finding
        else:
            yield _hinted(finding, release)


def _hinted(finding: Finding, release: Release) -> Finding:
    finding = replace(finding, fix=None)  # which was found among today's keys
    *above, name = [ITEM if isinstance(part, int) else part for part in finding.path]
    here, places = tuple(above), _places(release)
    near = nearest(name, [path[-1] for path in places.get("", ()) if path[:-1] == here])
    if near is not None:
        fix = Fix.moving(finding.path, (*finding.path[:-1], near), "certain" if is_sure(name, near) else "likely")
        return replace(finding, severity="error", hint=f'did you mean "{near}"?', fix=fix)
    if name in places:
        return replace(finding, hint=f"it belongs to {_nearest(here, places[name])}")
    near = nearest(name, [known for known in places if len(known) >= _LEAST_LETTERS])
    if near is not None:
        return replace(finding, hint=f'did you mean "{near}"? it belongs to {_nearest(here, places[near])}')
    return replace(finding, hint=f"{release.tag} has no such key; for a newer image, pass --on-unknown warn")


def _nearest(here: Steps, paths: Iterable[Steps]) -> str:
    """Name the places that are nearest to a table, each as a header and as a path."""
    far = {path: distance(here, path[:-1]) for path in paths}
    least = [path for path in far if far[path] == min(far.values())]
    return ", or to ".join(_place(path) for path in least[:_MOST_PLACES])


def _place(path: Steps) -> str:
    if len(path) == 1:
        return f"the root, before the first table: {path[0]}"
    header = ".".join(step for step in path[:-1] if step != ITEM)
    brackets = f"[[{header}]]" if path[-2] == ITEM else f"[{header}]"
    return f"{brackets}: {'.'.join(path).replace(f'.{ITEM}', ITEM)}"


@cache
def _places(release: Release) -> Mapping[str, tuple[Steps, ...]]:
    """Every key by its last part; all of them under the empty name."""
    index = schema_index(section_of(RLConfig, release))
    places = [place for places in index.by_name.values() for place in places]
    absent = {p.path for p in places if p.section.model_fields[p.path[-1]].validation_alias is not None}
    absent |= {tuple(map(str, house)) for house in houses(release) if spelled(house, release) == house[:-1]}
    kept = {p.path: None for p in places if p.path not in absent and not _is_below(p.path, absent, release)}
    found: dict[str, dict[Steps, None]] = {"": {}}
    for path in kept:
        own = tuple(map(str, spelled(path, release)))
        found[""][own] = None
        found.setdefault(own[-1], {})[own] = None
    return {name: tuple(paths) for name, paths in found.items()}


def _is_below(path: KeyPath, absent: Iterable[KeyPath], release: Release) -> bool:
    """Whether a key lies in a table that the release does not have, and did not move out of it."""
    return spelled(path, release) == path and any(path[: len(table)] == table for table in absent)
