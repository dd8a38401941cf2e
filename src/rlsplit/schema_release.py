"""The JSON Schema of an ``rl.toml`` of an older release: today's sections as that has them, in its own spelling.

Unlike the newest one, which ships, it is made when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from rlsplit.findings import KeyPath, dotted
from rlsplit.plain_data import is_list, is_table
from rlsplit.releases.release import Release
from rlsplit.releases.sections import houses
from rlsplit.releases.spelling import steps
from rlsplit.releases.spokes import SPOKES
from rlsplit.schema import UNKNOWN_KEY, build

Schema = dict[str, Any]

_REFERENCE: Final = "#/$defs/"


def text(release: Release) -> str:
    """Spell the schema of a release as the one that ships is spelled."""
    return json.dumps(build_for(release), indent=1, ensure_ascii=False) + "\n"


def build_for(release: Release) -> Schema:
    """Make the schema of a release (JSON Schema 2020-12)."""
    made = _Making(build(release))
    for _, at, new in reversed(steps(release)):
        made.move(new, at)
    for house in houses(release):
        made.take(house)
    for spoke in SPOKES:
        if release.is_before(spoke.until):
            for today, older in spoke.aliases.items():
                made.allow(today.split("."), older)
    return {**_pruned(made.root), "title": f"prime-rl rl.toml ({release.tag})"}


def _pruned(root: Schema) -> Schema:
    """Leave out definitions that nothing refers to any more."""
    definitions: Schema = root["$defs"]
    used: dict[str, None] = {}
    pending: list[Any] = [{key: value for key, value in root.items() if key != "$defs"}]
    while pending:
        node = pending.pop()
        pending += node.values() if is_table(node) else node if is_list(node) else ()
        name = str(node.get("$ref", "")).removeprefix(_REFERENCE) if is_table(node) else ""
        if name in definitions and name not in used:
            used[name] = None
            pending.append(definitions[name])
    return {**root, "$defs": {name: definitions[name] for name in sorted(used)}}


class _Making:
    """A schema whose properties are put elsewhere; definitions that several tables share change once."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self._taken: dict[tuple[int, str], Any] = {}

    def move(self, new: KeyPath, at: KeyPath) -> None:
        found = self.take(new)
        if found is not None:
            for table in self._tables(at[:-1], makes=True):
                table.setdefault("properties", {})[str(at[-1])] = found

    def take(self, path: KeyPath) -> Any:
        """Take a property out of the tables at a path; what was taken before out of the same one is found again."""
        name, found = str(path[-1]), None
        for table in self._tables(path[:-1]):
            inner = table.get("properties", {}).pop(name, None)
            if inner is not None:
                self._taken[id(table), name] = inner
            found = self._taken.get((id(table), name)) if found is None else found
        return found

    def allow(self, today: list[str], older: str) -> None:
        """Let every table that has a path also have the older spelling of it, whatever its value."""
        for table in (self.root, *self.root["$defs"].values()):
            inner = table.get("properties", {}).get(today[0])
            holders = [table] if len(today) == 1 else list(self._held(inner))
            if inner is not None and any(today[-1] in holder.get("properties", {}) for holder in holders):
                table["properties"].setdefault(older, {"description": f"Older spelling of `{'.'.join(today)}`."})

    def _tables(self, path: KeyPath, *, makes: bool = False) -> list[Schema]:
        """What may stand at a path: of a union, every variant."""
        tables = [self.root]
        for end, part in enumerate(path, start=1):
            found: list[Schema] = []
            for table in tables:
                inner = table.get("properties", {}).get(part)
                if inner is None and makes:
                    inner = _table(path[:end])
                    table.setdefault("properties", {})[str(part)] = inner
                found += self._held(inner)
            tables = found
        return tables

    def _held(self, schema: Any) -> Iterator[Schema]:
        """The tables that a schema lets in, each once."""
        held: dict[int, Schema] = {}
        pending = [schema]
        while pending:
            node = pending.pop()
            if is_list(node):
                pending += node
            elif is_table(node):
                reference = node.get("$ref")
                table = node if reference is None else self.root["$defs"][reference.removeprefix(_REFERENCE)]
                if "additionalProperties" in table:
                    held[id(table)] = table
                if reference is None:
                    pending += [node[key] for key in ("allOf", "anyOf", "items", "then") if key in node]
        return iter(held.values())


def _table(path: KeyPath) -> Schema:
    description = f"Keys of `{dotted(path)}`."
    return {"type": "object", "description": description, "properties": {}, "additionalProperties": UNKNOWN_KEY}
