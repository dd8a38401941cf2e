"""Findings as pages show them: in words that are safe to look at, each with its line of the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rlsplit.characters import visible
from rlsplit.excerpts import Excerpt, Lines, excerpt
from rlsplit.findings import Finding, Severity, dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """One finding in the words that stand on a page; what it does not have is empty."""

    severity: Severity
    code: str
    place: str
    path: str
    message: str
    hint: str
    excerpt: Excerpt | None


def shown_findings(findings: Iterable[Finding], lines: Lines) -> tuple[ShownFinding, ...]:
    """Show findings with the lines of their sources."""
    return tuple(
        ShownFinding(
            severity=finding.severity,
            code=finding.code,
            place=visible(str(finding.where)) if finding.where else "",
            path=visible(dotted(finding.path)),
            message=visible(finding.message),
            hint=visible(finding.hint or ""),
            excerpt=excerpt(finding, lines),
        )
        for finding in findings
    )
