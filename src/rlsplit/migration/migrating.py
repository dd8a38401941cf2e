"""Bring the text of a config from one release of prime-rl to a later one, comments, order and layout kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import tomli

from rlsplit import toml_text
from rlsplit.document import Document, Source, read
from rlsplit.findings import Finding, has_errors, located
from rlsplit.migration import layout, run_rules, source_rules, training_rules
from rlsplit.migration.agreement import settle
from rlsplit.migration.arranging import arranged
from rlsplit.migration.draft import Draft, Edit, copied
from rlsplit.migration.rows import apply_rows
from rlsplit.releases.changes import release_order
from rlsplit.releases.fits import TAGS, best_release
from rlsplit.releases.release import NEWEST

RULES: Final = {**run_rules.RULES, **training_rules.RULES, **source_rules.RULES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """A config, brought to another release."""

    text: str
    """The text as it is now; where anything stood against it, as it was."""
    edits: tuple[Edit, ...]
    """Every change, in the order in which they were made."""
    findings: tuple[Finding, ...]
    """What a person must know or decide, at its place in the old text; in file order."""
    start: str
    """The tag of the release that it was of, as given or found out."""
    goal: str
    """The tag of the release that it is of."""

    @property
    def is_refused(self) -> bool:
        """Whether the text could not be brought along, and is as it was."""
        return has_errors(self.findings)


def migrate(
    text: str | bytes, *, source: str = "rl.toml", start: str | None = None, goal: str | None = None,
    pin_defaults: bool = False,
) -> Migration:  # fmt: skip
    """Bring a config to another release of prime-rl; never raises for bad input.

    ``start`` is the release that it is of, None: found out by its keys. ``goal`` is the one that it shall be of, None:
    the newest known. With ``pin_defaults``, defaults that changed are written out with their old values; else they
    are named in findings.
    """
    document = read([Source(name=source, content=text)])
    given = text if isinstance(text, str) else text.decode("utf-8", "replace")
    begun, ended = start or best_release(document.table).tag, goal or NEWEST.tag
    refusals = [*document.findings, *_refused(given, begun, ended)]
    if has_errors(refusals):
        return Migration(text=given, edits=(), findings=_placed(refusals, document), start=begun, goal=ended)
    content = toml_text.text_of(source, given).content
    draft = Draft(table=copied(document.table), layout=layout.read(content), start=begun, goal=ended)
    apply_rows(draft, RULES)
    settle(draft)
    written = arranged(draft.layout, draft.table)
    return Migration(
        text=_as_given(given, written), edits=tuple(draft.edits), findings=_placed(draft.findings, document),
        start=begun, goal=ended,
    )  # fmt: skip


def _refused(text: str, start: str, goal: str) -> list[Finding]:
    return []


def _placed(findings: Iterable[Finding], document: Document) -> tuple[Finding, ...]:
    return located(findings, document.marks)


def _as_given(given: str, written: str) -> str:
    """Give a text the newlines and the byte order mark that it had."""
    mark = "\ufeff" if given.startswith("\ufeff") else ""
    ended = f"{written}\n" if given.endswith("\n") and not written.endswith("\n") else written
    return mark + (ended.replace("\n", "\r\n") if "\r\n" in given else ended)
