"""A difference as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from rlsplit.characters import visible
from rlsplit.diff.difference import Difference
from rlsplit.diff.words import (
    change_path,
    component_title,
    extent,
    moves_heading,
    roles_text,
    sides,
    verdict,
)
from rlsplit.findings import dotted
from rlsplit.preview.pages import page_text
from rlsplit.preview.shown_findings import ShownFinding, shown_findings
from rlsplit.preview.svg import picture
from rlsplit.preview.topology import topology

Row = tuple[str, ...]

_LINE_KINDS: Final = {"+": "added", "-": "removed", "@": "hunk"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffPage:
    """Everything on the page, in the words that stand there."""

    title: str
    verdict: str
    tone: str
    subject: str
    heading: str
    extent: str
    plan: tuple[Row, ...]
    components: tuple[tuple[str, tuple[Row, ...]], ...]
    findings: tuple[tuple[str, tuple[ShownFinding, ...]], ...]
    pictures: tuple[tuple[str, Markup], ...]
    moves: tuple[Row, ...]
    moves_heading: str
    objects: tuple[tuple[str, str, tuple[Row, ...]], ...]

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Id and name of the sections that have something in them."""
        filled = {
            "plan": self.plan,
            "configs": self.components,
            "findings": self.findings,
            "topology": self.pictures,
            "moves": self.moves,
            "objects": self.objects,
        }
        return [(name, name.capitalize()) for name, content in filled.items() if content]


def as_html(found: Difference) -> str:
    """Write the page."""
    return page_text("diff.html.j2", _page(found))


def _page(found: Difference) -> DiffPage:
    word, tone = _verdict(found)
    return DiffPage(
        title=f"{word}: {visible(found.old.name)} to {visible(found.new.name)}",
        verdict=word,
        tone=tone,
        subject=f"{visible(found.old.name)} to {visible(found.new.name)}",
        heading=verdict(found),
        extent=extent(found),
        plan=tuple((roles_text(fact), visible(fact.what), *sides(fact)) for fact in found.facts),
        components=tuple(
            (component_title(component), tuple((change_path(c), *sides(c, 2000)) for c in component.values))
            for component in found.components
        ),
        findings=tuple(_findings(found)),
        pictures=tuple(_pictures(found)),
        moves=tuple((f"{m.component}.{dotted(m.path)}", visible(m.old), visible(m.new)) for m in found.moves),
        moves_heading=moves_heading(found),
        objects=tuple((item.title, item.kind, tuple(_lines(item.diff))) for item in found.objects),
    )


def _verdict(found: Difference) -> tuple[str, str]:
    if found.is_refused:
        return "Refused", "bad"
    return ("Same run", "good") if found.is_same else ("Different", "note")


def _findings(found: Difference) -> Iterator[tuple[str, tuple[ShownFinding, ...]]]:
    if not found.is_refused and found.new_findings:
        yield "New findings", shown_findings(found.new_findings, found.new.document.lines)
    for title, side in (("Findings of the old", found.old), ("Findings of the new", found.new)):
        if side.is_refused:
            yield title, shown_findings(side.findings, side.document.lines)


def _pictures(found: Difference) -> Iterator[tuple[str, Markup]]:
    """Both pictures if they differ, each with what the other does not have alike marked."""
    if found.old.planned is None or found.new.planned is None:
        return
    old, new = topology(found.old.planned.plan), topology(found.new.planned.plan)
    if picture(old) != picture(new):
        yield "Old", Markup(picture(old, new))
        yield "New", Markup(picture(new, old))


def _lines(diff: str) -> Iterator[Row]:
    for line in diff.splitlines()[2:]:
        yield _LINE_KINDS.get(line[:1], ""), visible(line)
