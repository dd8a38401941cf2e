"""What each command is asked for, as typed values: one class per command, one field per argument."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from rlsplit.component_files import Form, Syntax
    from rlsplit.config.rules import Mode
    from rlsplit.schema_file import Described

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How findings are reported."""

    strict: bool
    report: str | None
    """Format of the findings, perhaps with ``=FILE``; None: for people."""


@dataclass(frozen=True, kw_only=True)
class CompileOptions(ReportOptions):
    """How sources are compiled."""

    overrides: list[str]
    attach: list[str]
    """``PREFIX=FILE``: files that are read below a key."""
    sft: bool
    """Whether it is an SFT run, whatever its root keys say."""
    mode: Mode
    on_unknown: Literal["error", "warn"]
    release: str | None
    """Release of prime-rl, by tag or commit; None: the platform's, or that of the image."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a configuration is planned for."""

    platform: str | None
    """File with the settings of the cluster."""
    run_id: str | None
    name: str | None
    attempt: int | None
    image_tag: str | None
    """None: the tag of the release that is named, else of the main branch."""
    release: str | None
    team_id: str | None
    gpu_type: str | None
    volume: str | None
    source_ref: str | None
    source_repo: str | None
    secrets_from_env: bool


@dataclass(frozen=True, kw_only=True)
class ValidateOptions(CompileOptions):
    """``rlsplit validate``."""

    files: list[str]
    compose: bool
    platform: str | None
    """File with the settings of the cluster, against which the configs are checked; with no config it alone."""
    without_cluster: bool
    notes: bool
    fix: bool
    diff: bool
    """Whether to show what ``fix`` would change instead."""


@dataclass(frozen=True, kw_only=True)
class SplitOptions(CompileOptions):
    """``rlsplit split``."""

    files: list[str]
    form: Form
    format: Syntax
    component: str | None
    artifact: bool
    output: str | None


@dataclass(frozen=True, kw_only=True)
class RenderOptions(CompileOptions, RunOptions):
    """``rlsplit render``."""

    files: list[str]
    redact: bool
    notes: bool
    format: Literal["yaml", "json", "markdown", "html"]
    only: str | None
    component: str | None
    output: str | None


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(CompileOptions, RunOptions):
    """``rlsplit explain``."""

    words: list[str]
    """Files, and behind them perhaps a key."""
    platforms: list[str]
    """Files with the settings of the cluster: none, one, or an old and a new one."""
    component: str | None
    changed_only: bool
    without_cluster: bool


@dataclass(frozen=True, kw_only=True)
class DiffOptions(CompileOptions, RunOptions):
    """``rlsplit diff``."""

    old: str
    new: str | None
    platforms: list[str]
    """Files with the settings of the cluster: none, one for both sides, or an old and a new one."""
    git: str | None
    base: list[str]
    """Files that both sides are written over."""
    objects: str | None
    """Stored objects to compare with instead."""
    format: Literal["text", "markdown", "html"]


@dataclass(frozen=True, kw_only=True)
class MigrateOptions(ReportOptions):
    """``rlsplit migrate``."""

    files: list[str]
    from_release: str | None
    to_release: str | None
    diff: bool
    output: str | None
    """Where to write instead: a file, or a folder for several."""
    pin_defaults: bool


@dataclass(frozen=True, kw_only=True)
class DriftOptions(ReportOptions):
    """``rlsplit drift``."""

    dump: str
    release: str | None
    since: str | None
    """An earlier dump, whose validators are compared."""
    stub: bool
    tag: str | None
    """The tag that rows of a stub are since."""


@dataclass(frozen=True, kw_only=True)
class KindOptions:
    """``rlsplit kind``."""

    files: list[str]


@dataclass(frozen=True, kw_only=True)
class OwnOptions:
    """``rlsplit own``."""

    file: str
    uid: str
    keep_claim: bool
    format: Literal["yaml", "json"]


@dataclass(frozen=True, kw_only=True)
class RulesOptions:
    """``rlsplit rules``."""

    id: str | None
    release: str | None
    """Only rules that this release has."""


@dataclass(frozen=True, kw_only=True)
class DocOptions:
    """``rlsplit doc``."""

    topic: str | None


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """``rlsplit init``."""

    of: Literal["rl", "sft", "platform"]
    sft: bool
    """The same as ``sft``."""
    model: str | None
    env: str | None
    data: str | None
    """Dataset of an ``sft.toml``."""
    nodes: int | None
    output: str | None
    """Where to write: a file, or ``-`` for standard output; None: ``rl.toml``, ``sft.toml`` or ``platform.toml``."""


@dataclass(frozen=True, kw_only=True)
class SchemaOptions:
    """``rlsplit schema``."""

    of: Described
    release: str | None


@dataclass(frozen=True, kw_only=True)
class CompletionOptions:
    """``rlsplit completion``."""

    shell: Literal["bash", "zsh", "fish"]


def options_of(kind: type[T], parsed: argparse.Namespace) -> T:
    """Give what argparse found as the options of a command; :mod:`.arguments` has an argument for every field."""
    return kind(**{field.name: getattr(parsed, field.name) for field in fields(kind)})  # type: ignore[arg-type]
