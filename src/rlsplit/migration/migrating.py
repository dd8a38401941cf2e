"""Bring the text of a config from one release of prime-rl to a later one, comments, order and layout kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rlsplit import toml_text
from rlsplit.compiler import start_of
from rlsplit.document import Document, Source, read
from rlsplit.findings import Finding, has_errors, located
from rlsplit.migration import layout, run_rules, source_rules, training_rules
from rlsplit.migration.agreement import settle
from rlsplit.migration.defaults import name_defaults
from rlsplit.migration.draft import Draft, Edit, copied
from rlsplit.migration.rewriting import as_given, rewritten
from rlsplit.migration.rows import apply_rows, keep_older_places
from rlsplit.releases.changes import release_order
from rlsplit.releases.fits import TAGS, best_release
from rlsplit.releases.release import NEWEST, served

RULES: Final = {**run_rules.RULES, **training_rules.RULES, **source_rules.RULES}
"""The old path of a row to the rule that applies it; rows that say all in data have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A config, brought to another release."""

    text: str
    """The text as it is now; if anything refuses it, as it was."""
    edits: tuple[Edit, ...]
    """Every change, in the order in which they were made."""
    findings: tuple[Finding, ...]
    """What a person must know or decide, at its place in the old text; in file order."""
    from_release: str
    """The tag of the release that it was of, as given or found out."""
    to_release: str
    """The tag of the release that it is of."""
    lines: Mapping[str, tuple[str, ...]] = field(repr=False)
    """The lines of the old text by its name, to be shown under findings."""

    @property
    def is_refused(self) -> bool:
        """Whether the text could not be brought along, and is as it was."""
        return has_errors(self.findings)


def migrate(
    text: str | bytes,
    *,
    source: str = "rl.toml",
    from_release: str | None = None,
    to_release: str | None = None,
    pin_defaults: bool = False,
) -> Migration:
    """Bring a config to another release of prime-rl; never raises for bad input.

    ``from_release`` is the one that it is of, None: found out by its keys. ``to_release`` is the one that it shall be
    of, None: the newest known. With ``pin_defaults``, defaults that changed are written out with their old values;
    else they are named in findings.
    """
    document = read([Source(name=source, content=text)])
    given = text if isinstance(text, str) else text.decode("utf-8", "replace")
    begun = release_of(from_release) if from_release is not None else best_release(document.table).tag
    ended = release_of(to_release) if to_release is not None else NEWEST.tag
    refusals = [*document.findings, *_refusals(given, (from_release, begun), (to_release, ended))]
    if has_errors(refusals) or begun is None or ended is None:
        return _unchanged(given, document, refusals, begun or "", ended or "")
    content = toml_text.text_of(source, given).content
    draft = Draft(table=copied(document.table), layout=layout.read(content), start=begun, goal=ended)
    _bring(draft, pin_defaults)
    if not draft.edits:
        return _unchanged(given, document, [*document.findings, *draft.findings], begun, ended)
    written = rewritten(draft.layout, draft.table)
    if written is None:
        return _unchanged(given, document, [*refusals, _FAULT], begun, ended)
    return Migration(
        text=as_given(given, written),
        edits=tuple(draft.edits),
        findings=_placed([*document.findings, *draft.findings], document),
        from_release=begun,
        to_release=ended,
        lines=document.lines,
    )


def release_of(name: str) -> str | None:
    """Find the tag of a release by its name; None if it is not known, or older than any whose keys are."""
    found = served(name)
    if found.note is None:
        return found.release.tag
    tag = f"v{name.removeprefix('v')}"
    is_old = found.note.code == "release.too-old" and release_order(tag) >= release_order(TAGS[0])
    return tag if is_old else None


def _bring(draft: Draft, pin_defaults: bool) -> None:
    if release_order(draft.start) < release_order(draft.goal):
        apply_rows(draft, RULES)
        settle(draft)
        name_defaults(draft, is_pinned=pin_defaults)
        keep_older_places(draft, RULES)


# --- what refuses ----------------------------------------------------------------------------------------------


def _refusals(text: str, start: tuple[str | None, str | None], goal: tuple[str | None, str | None]) -> list[Finding]:
    known = f"the releases are {', '.join(TAGS)}, and the dev tags between them"
    found = [
        Finding(code="migrate.release", message=f"{name} is no release whose keys are known", hint=known)
        for name, tag in (start, goal)
        if name is not None and tag is None
    ]
    if not found and start[1] and goal[1] and release_order(start[1]) > release_order(goal[1]):
        message = f"the config is of {start[1]}, and {goal[1]} is older"
        found.append(Finding(code="migrate.backwards", message=message, hint="name a later release"))
    if toml_text.is_json(text):
        message = "the config is JSON, and only TOML can be rewritten"
        found.append(Finding(code="migrate.json", message=message, hint="write it as TOML"))
    return found


_FAULT: Final = Finding(
    code="migrate.layout",
    message="the file is laid out in a way that cannot be rewritten safely; it is left as it is",
    hint="write each table below one header of its own",
)


def _unchanged(text: str, document: Document, findings: Iterable[Finding], start: str, goal: str) -> Migration:
    placed = _placed(findings, document)
    return Migration(text=text, edits=(), findings=placed, from_release=start, to_release=goal, lines=document.lines)


def _placed(findings: Iterable[Finding], document: Document) -> tuple[Finding, ...]:
    return located(findings, document.marks, start_of(document))
