"""Platform: everything about one cluster that a run's config does not say, as one typed file that was judged."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import tomli
from pydantic import ValidationError

from rlsplit.findings import ConfigError, Finding, KeyPath, dotted
from rlsplit.platform.rules import platform_findings
from rlsplit.platform.settings import PlatformSettings

if TYPE_CHECKING:
    from typing_extensions import Self

_LONGEST_SUGGESTED_KEY: Final = 64


class Platform(PlatformSettings):
    """The settings of one cluster. Every default works on a plain cluster with GPUs and a shared volume."""

    @classmethod
    def from_toml(cls, text: str) -> Platform:
        """Read a platform file. Raises ``ConfigError`` with every problem, paths under ``platform``."""
        try:
            table = tomli.loads(text)
        except (tomli.TOMLDecodeError, RecursionError) as error:
            raise ConfigError([_finding("platform.syntax", (), str(error) or "nested too deeply")]) from None
        return cls.from_mapping(table)

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Platform:
        """Read the settings from a table. Raises ``ConfigError`` with every problem."""
        platform, findings = _read(dict(table))
        if platform is None or findings:
            raise ConfigError(findings)
        return platform

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with settings taken together; judged once, since settings never change."""
        return platform_findings(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the settings, some of them changed; unlike elsewhere in pydantic the copy is judged anew."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("findings", None)
        return copied


def _read(table: dict[str, Any]) -> tuple[Platform | None, tuple[Finding, ...]]:
    """Type the table; on type errors go on with what is left, so that every other rule is still checked."""
    try:
        platform = Platform.model_validate(table)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        typed = tuple(_type_finding(detail["type"], detail["loc"], detail["msg"]) for detail in details)
        rest = {key: value for key, value in table.items() if key not in {d["loc"][0] for d in details}}
        return None, (*typed, *platform_findings(Platform.model_validate(rest)))
    return platform, platform.findings


def _type_finding(kind: str, loc: Sequence[str | int], message: str) -> Finding:
    path = tuple(loc)
    if kind == "extra_forbidden":
        return _finding("platform.unknown-key", path, "unknown setting", _suggestion(path))
    return _finding("platform.type", path, message[:1].lower() + message[1:])


def _suggestion(path: KeyPath) -> str | None:
    """Name the setting that an unknown key is nearly, among its siblings."""
    key = str(path[-1])
    settings: Any = Platform
    for part in path[:-1]:
        settings = settings.model_fields[part].annotation
    if len(key) > _LONGEST_SUGGESTED_KEY:
        return None
    known: list[str] = list(settings.model_fields)
    near = difflib.get_close_matches(key, known, 1)
    return f"did you mean {dotted((*path[:-1], near[0]))}" if near else None


def _finding(code: str, path: KeyPath, message: str, hint: str | None = None) -> Finding:
    return Finding(code=code, about="platform", path=("platform", *path), message=message, hint=hint)
