"""A difference as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rlsplit.characters import visible
from rlsplit.diff.difference import Difference, ObjectChange
from rlsplit.diff.words import (
    change_path,
    component_title,
    extent,
    moves_heading,
    roles_text,
    sides,
    verdict,
)
from rlsplit.findings import Finding
from rlsplit.line_diff import painted
from rlsplit.preview.text import counted, visible_lines


def as_text(found: Difference, *, colour: bool = False) -> str:
    """Write the three levels one after the other; only the verdict if there is nothing more."""
    lines = "\n".join(_lines(found)).split("\n")
    return "".join(f"{_painted(line, is_first=not number) if colour else line}\n" for number, line in enumerate(lines))


def as_object_text(changes: Sequence[ObjectChange], *, colour: bool = False) -> str:
    """Write what applying a render would change in stored objects."""
    if not changes:
        return "No difference.\n"
    head = [f"{counted(len(changes), 'object')} would change:", *(f"  {visible(c.title)} ({c.kind})" for c in changes)]
    lines = [*head, *(line for c in changes for line in ("", *visible_lines(c.diff.removesuffix("\n")).split("\n")))]
    return "".join(f"{_painted(line, is_first=not number) if colour else line}\n" for number, line in enumerate(lines))


def _painted(line: str, *, is_first: bool) -> str:
    is_heading = is_first or (line.endswith(":") and line[:1].isalpha())
    return f"\x1b[1m{line}\x1b[0m" if is_heading else painted(line)


def _lines(found: Difference) -> Iterator[str]:
    yield verdict(found)
    if found.is_refused:
        yield from _findings("old", found.old.findings if found.old.is_refused else ())
        yield from _findings("new", found.new.findings if found.new.is_refused else ())
        return
    if not found.is_same:
        yield extent(found)
    yield from _settings(found)
    yield from _plan(found)
    yield from _moves(found)
    yield from _findings("new, not in the old", found.new_findings)
    yield from _objects(found)


def _settings(found: Difference) -> Iterator[str]:
    yield from ("", "What the components read:") if found.components else ()
    for component in found.components:
        yield f"  {component_title(component)}"
        for change in component.values:
            old, new = sides(change)
            yield f"    {change_path(change)}: {old} -> {new}"


def _plan(found: Difference) -> Iterator[str]:
    yield from ("", "What is planned:") if found.facts else ()
    for fact in found.facts:
        old, new = sides(fact)
        yield f"  {roles_text(fact)}: {visible(fact.what)}: {old} -> {new}"


def _moves(found: Difference) -> Iterator[str]:
    yield from ("", f"{moves_heading(found)}:") if found.moves else ()
    yield from (f"  {visible(str(move))}" for move in found.moves)


def _findings(whose: str, findings: tuple[Finding, ...]) -> Iterator[str]:
    yield from ("", f"Findings ({whose}):") if findings else ()
    yield from (f"  {visible(str(finding))}" for finding in findings)


def _objects(found: Difference) -> Iterator[str]:
    yield from ("", "What is applied:") if found.objects else ()
    for change in found.objects:
        yield f"  {visible(change.title)} ({change.kind})"
    for change in found.objects:
        yield ""
        yield visible_lines(change.diff.removesuffix("\n"))
