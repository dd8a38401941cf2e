"""Any YAML as plain data, with PyYAML, where rlsplit's own reader of what it writes does not do.

PyYAML resolves words and tags; what it builds of them is built here, so that the work has a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from rlsplit.plain_data import MAX_DEPTH, is_list, is_table

MAX_REPEATED: Final = 500_000
"""So much may be repeated by aliases [characters, and one for each value]; a few lines can repeat billions."""

_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAG}merge"
_TABLE: Final = f"{_TAG}map"
_LIST: Final = f"{_TAG}seq"
_AS_WRITTEN: Final = frozenset((f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"))
"""Tags of texts; JSON, which servers speak, has no dates."""
_READ: Final = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))


class UnreadableError(Exception):
    """The text is no YAML of plain data."""


def documents(text: str) -> list[Any]:
    """Read every document of a YAML stream. Raises :class:`UnreadableError` with one line that says why not."""
    try:
        nodes: list[Node | None] = list(yaml.compose_all(text, yaml.SafeLoader))
        building = _Building()
        return [building.of(node, 0) for node in nodes if node is not None]
    except RecursionError:
        raise UnreadableError("is nested too deeply") from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"holds no objects: {str(error).splitlines()[0]}") from None


@dataclass(slots=True)
class _Building:
    """Documents that are being built; their nodes are shared where aliases are."""

    seen: set[int] = field(default_factory=set[int])
    repeated: int = 0

    def of(self, node: Node, depth: int) -> Any:
        self._count(node)
        if depth > MAX_DEPTH:
            raise UnreadableError("is nested too deeply")
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, MappingNode) and node.tag == _TABLE:
            return self._table(node, depth)
        if node.tag != _LIST:
            raise UnreadableError("holds no objects: it has a tag that is none of plain data")
        return [self.of(item, depth + 1) for item in node.value]

    def _count(self, node: Node) -> None:
        if id(node) in self.seen:
            self.repeated += 1 + (len(node.value) if isinstance(node, ScalarNode) else 0)
        self.seen.add(id(node))
        if self.repeated > MAX_REPEATED:
            raise UnreadableError(f"repeats more than {MAX_REPEATED} characters by aliases")

    def _table(self, node: MappingNode, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                for table in self._merged(value, depth + 1):
                    merged = {**table, **merged}
            else:
                own[self._key(key)] = self.of(value, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, depth: int) -> Iterator[dict[str, Any]]:
        found = self.of(node, depth)
        for table in found if is_list(found) else [found]:
            if not is_table(table):
                raise UnreadableError("holds no objects: it merges what is no table")
            yield table

    def _key(self, node: Node) -> str:
        """Give a key as it is written: in JSON, which servers speak, all of them are texts."""
        if not isinstance(node, ScalarNode):
            raise UnreadableError("holds no objects: a key is no text")
        self._count(node)
        return str(node.value)


def _scalar(node: ScalarNode) -> Any:
    if node.tag in _AS_WRITTEN:
        return node.value
    if node.tag not in _READ:
        raise UnreadableError("holds no objects: it has a tag that is none of plain data")
    try:
        constructing: Any = yaml.SafeLoader("")
        return constructing.construct_object(node)
    except (yaml.YAMLError, LookupError, ValueError, AttributeError):
        # PyYAML builds whatever stands behind an explicit tag, and raises what comes of it.
        raise UnreadableError(f"holds no objects: what stands behind !!{node.tag.removeprefix(_TAG)} is none") from None
