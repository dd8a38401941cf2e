"""The topology as a Mermaid flowchart, as GitHub draws it inside a ``mermaid`` code block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from rlsplit.characters import visible
from rlsplit.findings import clipped
from rlsplit.preview.topology import Link, Node, NodeKind, Topology, ports_text

MAX_NAMES: Final = 6
"""Environments that a node names."""
MAX_LABEL: Final = 48

_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 .,/():_-]")
_BOXES: Final[Mapping[NodeKind, tuple[str, str]]] = MappingProxyType(
    {"volume": ("[(", ")]"), "outside": ("([", "])"), "env-server": ("[[", "]]")}
)
"""Kind of node to the brackets of its shape; a plain box without."""


_CHANGED: Final = "fill:#fff3bf,stroke:#e67700,color:#000"
"""How a node is drawn that another topology does not have as it is."""


def flowchart(drawn: Topology, beside: Topology | None = None) -> str:
    """Write the flowchart; what ``beside`` does not have alike is marked.

    Nothing in a name can end a label: all but harmless characters are entity codes.
    """
    numbers = {node.id: f"n{number}" for number, node in enumerate(drawn.nodes)}
    nodes = [f"  {numbers[node.id]}{_box(node)}" for node in drawn.nodes]
    links = [
        f"  {numbers[link.source]} {_arrow(link)}|{_quoted(_link_lines(drawn, link))}| {numbers[link.target]}"
        for link in drawn.links
    ]
    return "\n".join(["flowchart TB", *nodes, *links, *_marks(drawn, beside, numbers)]) + "\n"


def _marks(drawn: Topology, beside: Topology | None, numbers: Mapping[str, str]) -> Iterator[str]:
    if beside is None:
        return
    yield from (f"  style {numbers[node.id]} {_CHANGED}" for node in drawn.nodes if node not in beside.nodes)
    new = [
        n for n, link in enumerate(drawn.links) if _told(drawn, link) not in [_told(beside, o) for o in beside.links]
    ]
    if new:
        yield f"  linkStyle {','.join(map(str, new))} stroke:#e67700,stroke-width:3px"


def _told(drawn: Topology, link: Link) -> tuple[str, str, str]:
    return link.source, link.target, " ".join(_link_lines(drawn, link))


def _box(node: Node) -> str:
    opening, closing = _BOXES.get(node.kind, ("[", "]"))
    return f"{opening}{_quoted(_lines(node))}{closing}"


def _lines(node: Node) -> Iterator[str]:
    yield node.title
    yield node.detail
    if node.kind == "env-server":
        names = [pod.label for pod in node.pods[:MAX_NAMES]]
        yield from names
        if len(node.pods) > MAX_NAMES:
            yield f"and {len(node.pods) - MAX_NAMES} more"
    yield from (str(service) for service in node.services)


def _arrow(link: Link) -> str:
    return "-.->" if link.medium == "files" else "-->"


def _link_lines(drawn: Topology, link: Link) -> list[str]:
    """Say what flows; which way and how, where that is not told by the arrow; and the ports."""
    ports = ports_text(drawn.ports(link))
    lines = [drawn.flow(link)] if link.pulled is None else [drawn.flow(link), link.pulled]
    return [*lines[:-1], f"{lines[-1]} :{ports}"] if ports else lines


def _quoted(lines: Iterator[str] | list[str]) -> str:
    return '"' + "<br/>".join(_escaped(clipped(visible(line), MAX_LABEL)) for line in lines) + '"'


def _escaped(text: str) -> str:
    return _NOT_PLAIN.sub(lambda match: f"#{ord(match.group())};", text)
