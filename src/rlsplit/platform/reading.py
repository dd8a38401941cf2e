"""Platform: everything about one cluster that a run's config does not say, as one typed file that was judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import ErrorDetails

from rlsplit.config.reading.problems import finding_of
from rlsplit.config.reading.tables import read
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import make_unreadable
from rlsplit.document import Document, Source
from rlsplit.document import read as read_document
from rlsplit.findings import ConfigError, Finding, KeyPath, has_errors, located, nearest
from rlsplit.plain_data import is_mapping, plain, value_at
from rlsplit.platform.rules import platform_findings
from rlsplit.platform.settings import PlatformSettings
from rlsplit.platform.unknown_settings import meant, unknown_setting

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT: Final = ("platform",)
"""What the paths of findings about settings begin with."""

_NO_TABLE: Final = Finding(code="platform.type", path=ROOT, message="must be a table")


class Platform(PlatformSettings):
    """The settings of one cluster. Every default works on a plain cluster with GPUs and a shared volume."""

    @classmethod
    def from_toml(cls, text: str | bytes, *, source: str = "platform.toml") -> Platform:
        """Read a platform file. Raises ``ConfigError`` with every problem at its place, paths under ``platform``."""
        return cls.from_document(document_of(text, source))

    @classmethod
    def from_document(cls, document: Document) -> Platform:
        """Read what :func:`document_of` gives, and remember where each setting stands. Raises ``ConfigError``."""
        if has_errors(document.findings):
            raise ConfigError(document.findings)
        try:
            platform = cls.from_mapping(document.table[ROOT[0]])
        except ConfigError as error:
            raise ConfigError(placed(error.findings, document)) from None
        vars(platform)["document"] = document
        return platform

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Platform:
        """Read the settings from a table. Raises ``ConfigError`` with every problem."""
        copied, left_out = plain(table, ROOT) if is_mapping(table) else ({}, (_NO_TABLE,))
        platform, findings = _read(cls, copied)
        unplain = [replace(finding, about="platform") for finding in left_out]
        # What stands in the place of a value that was left out is nobody's.
        gone = {each.path: each for each in unplain if value_at({ROOT[0]: copied}, each.path) is None}
        told = (*unplain, *(finding for finding in findings if nearest(gone, finding.path) is None))
        if platform is None or told:
            raise ConfigError(told)
        return platform

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with settings taken together; judged once, since settings never change."""
        return self.placed(platform_findings(self))

    @cached_property
    def document(self) -> Document | None:
        """The file that the settings were read from, None if they came otherwise."""
        return None

    def placed(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Give findings about these settings their places in the file, if there is one; others stay as they are."""
        return tuple(findings) if self.document is None else placed(findings, self.document)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the settings, some of them changed; unlike elsewhere in pydantic the copy is judged anew."""
        copied = super().model_copy(update=update, deep=deep)
        for judged in ("findings", "document"):
            vars(copied).pop(judged, None)
        return copied


def document_of(content: str | bytes, source: str = "platform.toml") -> Document:
    """Read the text of a platform file; its table stands under ``platform``, as the paths of findings do."""
    return read_document([Source(name=source, content=content, prefix=ROOT)])


def placed(findings: Iterable[Finding], document: Document) -> tuple[Finding, ...]:
    """Give findings about a platform their places in its file, in file order."""
    listed = tuple(findings)
    ours = (replace(finding, about="config") for finding in listed if finding.about == "platform")
    about_it = (replace(finding, about="platform") for finding in located(ours, document.marks))
    return (*about_it, *(finding for finding in listed if finding.about != "platform"))


def _read(kind: type[Platform], table: Mapping[str, Any]) -> tuple[Platform | None, tuple[Finding, ...]]:
    """Type the table; on errors go on with what can be read, so that every other rule is still checked."""
    reading = read(kind, table, say=_said)
    platform, findings = reading.section, reading.findings
    if platform is None or not findings:
        return platform, platform.findings if platform else findings
    for finding in findings:
        # A rule must not read the default of a setting that was meant and misspelled.
        make_unreadable(reading.placed, meant(kind, finding.path[1:]))
    return None, (*findings, *platform_findings(platform))


def _said(kind: type[Section], path: KeyPath, group: list[ErrorDetails]) -> Finding:
    """Say what is wrong as it is said about a config, in the codes of the platform."""
    if group[0]["type"] == "extra_forbidden":
        return unknown_setting(kind, path)
    said = finding_of(kind, path, group)
    return Finding(code="platform.type", about="platform", path=(*ROOT, *path), message=said.message, hint=said.hint)
