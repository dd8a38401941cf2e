"""Reports: findings as text for people and for machines. Each format is one function from findings to text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from rlsplit.characters import visible
from rlsplit.excerpts import NO_LINES, Lines, excerpt
from rlsplit.findings import Finding, Fix, Severity, dotted
from rlsplit.report_formats import REPORT_FORMATS
from rlsplit.version import __version__

GITHUB_ANNOTATIONS: Final = 10
"""GitHub shows this many annotations of each level in one step, and drops the rest silently."""

INFORMATION_URI: Final = "https://github.com/PrimeIntellect-ai/prime-rl"
"""Where a code-scanning tool sends its readers: the home page in the package's metadata."""

_COLOURS: Final[Mapping[Severity, str]] = {"error": "31", "warning": "33", "notice": "34"}
_SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "notice")


def as_plain(findings: Sequence[Finding], lines: Lines = NO_LINES, *, colour: bool = False) -> str:
    """Report findings to a person: place, code, key, sentence; under it the source line and the hint."""
    paint = _painted if colour else _unpainted
    blocks = ["".join(f"{line}\n" for line in _block(finding, lines, paint)) for finding in findings]
    if len(findings) > 1:
        blocks.append(f"{_count(findings)}\n")
    return "".join(blocks)


Paint = Callable[[str, str], str]
"""Text and an ANSI style to text."""


def _painted(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _unpainted(text: str, style: str) -> str:
    return text


def _block(finding: Finding, lines: Lines, paint: Paint) -> Iterator[str]:
    place = f"{visible(str(finding.where))}: " if finding.where else ""
    level = paint(f"{finding.severity}[{finding.code}]", _COLOURS[finding.severity])
    target = f"{paint(visible(dotted(finding.path)), '1')}: " if finding.path else ""
    yield f"{place}{level} {target}{visible(finding.message)}"
    yield from _source_line(finding, lines, paint)
    if finding.hint:
        yield f"  hint: {visible(finding.hint)}"


def _source_line(finding: Finding, lines: Lines, paint: Paint) -> Iterator[str]:
    found = excerpt(finding, lines)
    if found is not None:
        margin = f"{found.line:>5} | "
        yield f"{margin}{found.before}{found.rest}"
        yield " " * (len(margin) + found.indent) + paint("^", _COLOURS[finding.severity])


def _count(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    told = (f"{counts[level]} {level}{'s' if counts[level] > 1 else ''}" for level in _SEVERITIES if counts[level])
    return ", ".join(told)


def as_json(findings: Sequence[Finding], lines: Lines = NO_LINES) -> str:
    """Report findings as a JSON list of objects."""
    return json.dumps([_record(finding) for finding in findings], indent=2, ensure_ascii=True) + "\n"


def _record(finding: Finding) -> dict[str, Any]:
    where = finding.where
    return {
        "code": finding.code,
        "severity": finding.severity,
        "param": dotted(finding.path),
        "message": finding.message,
        "hint": finding.hint,
        "source": where.source if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
        "fix": _edit(finding.fix) if finding.fix else None,
    }


def _edit(fix: Fix) -> dict[str, Any]:
    """Describe an edit; of a key that goes elsewhere, ``old`` and ``new`` are its paths."""
    return {
        "kind": "move" if fix.path else "replace",
        "old": fix.old,
        "new": fix.new,
        "sure": fix.sure,
        "line": fix.where.line if fix.where else None,
        "column": fix.where.column if fix.where else None,
    }


def as_github(findings: Sequence[Finding], lines: Lines = NO_LINES) -> str:
    """Report findings as workflow commands, which GitHub shows beside the lines: errors first, then "and N more"."""
    ranked = sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
    room = GITHUB_ANNOTATIONS if len(ranked) <= GITHUB_ANNOTATIONS else GITHUB_ANNOTATIONS - 1
    commands = [_command(finding) for finding in ranked[:room]]
    if len(ranked) > room:
        rest = ranked[room:]
        commands.append(f"::{rest[0].severity} title=rlsplit::and {len(rest)} more: {_count(rest)}")
    return "".join(f"{command}\n" for command in commands)


def _command(finding: Finding) -> str:
    where = finding.where
    place = f"file={_property(where.source)},line={where.line},col={where.column}," if where else ""
    target = f"{dotted(finding.path)}: " if finding.path else ""
    hint = f"\n{finding.hint}" if finding.hint else ""
    text = _data(f"{target}{finding.message}{hint}")
    return f"::{finding.severity} {place}title={_property(f'rlsplit {finding.code}')}::{text}"


def _data(text: str) -> str:
    quoted = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return visible(quoted)  # the log shows the command to people, too


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(findings: Sequence[Finding], lines: Lines = NO_LINES) -> str:
    """Report findings as SARIF 2.1.0, the format of code-scanning tools."""
    codes = list(dict.fromkeys(finding.code for finding in findings))
    driver = {
        "name": "rlsplit",
        "version": __version__,
        "informationUri": INFORMATION_URI,
        "rules": [_rule(code) for code in codes],
    }
    results = [_result(finding, codes.index(finding.code), lines) for finding in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _rule(code: str) -> dict[str, Any]:
    """Describe a code as the rulebook does, which is read for this format only."""
    from rlsplit.rulebook import as_markdown, as_text, entry

    found = entry(code)
    if found is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": found.sentence},
        "fullDescription": {"text": f"{found.sentence} {found.why}"},
        "help": {"text": as_text(found), "markdown": as_markdown(found)},
    }


_SARIF_LEVELS: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "notice": "note"}


def _result(finding: Finding, rule: int, lines: Lines) -> dict[str, Any]:
    target = f"{dotted(finding.path)}: " if finding.path else ""
    hint = f" ({finding.hint})" if finding.hint else ""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _SARIF_LEVELS[finding.severity],
        "message": {"text": f"{target}{finding.message}{hint}"},
    }
    if finding.where:
        region = {"startLine": finding.where.line, "startColumn": finding.where.column}
        artifact = {"uri": _uri(finding.where.source)}
        result["locations"] = [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    if finding.fix:
        result["properties"] = {"fix": _edit(finding.fix)}
        result |= _sarif_fixes(finding.fix, lines)
    return result


def _sarif_fixes(fix: Fix, lines: Lines) -> dict[str, Any]:
    """Describe an edit of one piece of text; a key that goes to another table is more than that, and is left out."""
    old, new = (fix.old, fix.new) if not fix.path else (str(fix.path[-1]), dotted(fix.to[-1:]))
    where = fix.where
    source = lines.get(where.source, ()) if where else ()
    if where is None or where.line > len(source) or fix.path[:-1] != fix.to[:-1]:
        return {}
    if not source[where.line - 1].startswith(old, where.column - 1):
        return {}
    region = {
        "startLine": where.line,
        "startColumn": where.column,
        "endLine": where.line,
        "endColumn": where.column + len(old),
    }
    replacement = {"deletedRegion": region, "insertedContent": {"text": new}}
    change = {"artifactLocation": {"uri": _uri(where.source)}, "replacements": [replacement]}
    return {"fixes": [{"description": {"text": f"write {new}"}, "artifactChanges": [change]}]}


def _uri(name: str) -> str:
    from urllib.parse import quote

    path = quote(name.replace("\\", "/").removeprefix("./"), errors="replace")
    return f"file://{path}" if path.startswith("/") else path


REPORTS: Final[Mapping[str, Callable[[Sequence[Finding], Lines], str]]] = MappingProxyType(
    {form: globals()[f"as_{form}"] for form in REPORT_FORMATS}
)
"""Format to its function."""
