"""A difference as a Markdown comment for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.diff.difference import ComponentChange, Difference
from rlsplit.diff.words import (
    change_path,
    component_title,
    extent,
    moves_heading,
    roles_text,
    sides,
    verdict,
)
from rlsplit.excerpts import NO_LINES, Lines
from rlsplit.findings import Finding, dotted
from rlsplit.preview.markdown_blocks import Block, code, details, escaped, fenced, finding_list, fitted, table
from rlsplit.preview.mermaid import flowchart
from rlsplit.preview.subject import Compiled, Planned
from rlsplit.preview.text import counted
from rlsplit.preview.topology import Topology, topology

MAX_ROWS: Final = 100
"""Settings of one component, or moved values, that a table lists."""


def as_markdown(found: Difference) -> str:
    """Write the comment; what does not fit is left out by whole sections, and named."""
    return fitted(_head(found), list(_blocks(found)))


def _head(found: Difference) -> str:
    sign = "❌" if found.is_refused else "🟰" if found.is_same else "🔀"
    counts = f": {extent(found)}" if extent(found) else ""
    return f"### {sign} {escaped(verdict(found))}\n\n{code(found.old.name)} to {code(found.new.name)}{counts}.\n"


def _blocks(found: Difference) -> Iterator[Block]:
    if found.is_refused:
        yield from _refusal("Findings of the old", found.old)
        yield from _refusal("Findings of the new", found.new)
        return
    if found.facts:
        rows = [
            (escaped(roles_text(fact)), escaped(fact.what), *(code(side) for side in sides(fact)))
            for fact in found.facts
        ]
        yield Block("plan", f"#### Plan\n\n{table(('role', 'what', 'old', 'new'), rows)}")
    for component in found.components:
        yield _component(component)
    yield from _findings("New findings", found.new_findings)
    yield from _picture(found)
    if found.moves:
        shown = found.moves[:MAX_ROWS]
        rows = [(code(f"{m.component}.{dotted(m.path)}"), escaped(m.old), escaped(m.new)) for m in shown]
        body = table(("value", "old origin", "new origin"), rows) + _more(len(found.moves))
        yield Block("moved values", details(escaped(moves_heading(found)), body))
    for item in found.objects:
        yield Block(item.title, details(f"{escaped(item.title)} ({item.kind})", fenced(item.diff, "diff")))


def _component(component: ComponentChange) -> Block:
    shown = component.values[:MAX_ROWS]
    rows = [(code(change_path(change)), *(code(side) for side in sides(change))) for change in shown]
    body = table(("key", "old", "new"), rows) + _more(len(component.values)) if rows else ""
    return Block(f"config {component.component}", f"#### Config: {escaped(component_title(component))}\n\n{body}")


def _more(number: int) -> str:
    return f"\nand {counted(number - MAX_ROWS, 'more row')}\n" if number > MAX_ROWS else ""


def _refusal(title: str, side: Compiled) -> Iterator[Block]:
    """Why a side is refused, with the lines of its own text."""
    if side.is_refused:
        yield from _findings(title, side.findings, side.document.lines)


def _findings(title: str, findings: tuple[Finding, ...], lines: Lines = NO_LINES) -> Iterator[Block]:
    if findings:
        yield Block(title.lower(), f"#### {title}\n\n{finding_list(findings, lines)}")


def _picture(found: Difference) -> Iterator[Block]:
    """The new topology, if it is another one, with what is new in it marked."""
    old, new = _drawn(found.old.planned), _drawn(found.new.planned)
    if old and new and flowchart(old) != flowchart(new):
        text = "Marked is what the old one does not have alike."
        yield Block("topology", f"#### New topology\n\n{text}\n\n{fenced(flowchart(new, old), 'mermaid')}")


def _drawn(planned: Planned | None) -> Topology | None:
    return topology(planned.plan) if planned else None
