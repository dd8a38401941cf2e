"""Parse: sources in, a compiled and checked configuration out, or every finding at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlsplit.config.resolve import resolve
from rlsplit.config.rules import Mode
from rlsplit.config.sections.rl import RLConfig
from rlsplit.document import Document, Source, read
from rlsplit.findings import ConfigError, Finding, Mark, has_errors, located
from rlsplit.overrides import SOURCE_NAME as OVERRIDES

OnUnknown = Literal["error", "warn"]
"""What an unknown key is: an error, or a warning that passes it through to the component."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What compiling sources gave: a configuration if there are no errors, and all findings in file order."""

    config: RLConfig | None
    findings: tuple[Finding, ...]
    document: Document


def compile_sources(
    sources: Sequence[Source],
    overrides: Sequence[str] = (),
    *,
    mode: Mode = "launcher",
    on_unknown: OnUnknown = "error",
    run_id: str | None = None,
) -> Outcome:
    """Read, propagate, derive and check; never raises for bad input.

    ``run_id`` gives an automatic run name its suffix; without one, the configuration itself does.
    """
    document = read(sources, overrides)
    findings = document.findings
    if has_errors(findings):
        return Outcome(config=None, findings=findings, document=document)
    severity: Literal["error", "warning"] = "error" if on_unknown == "error" else "warning"
    resolution = resolve(document.table, mode=mode, on_unknown=severity, name_seed=run_id)
    if resolution.findings:
        findings = located((*findings, *resolution.findings), document.marks, start_of(document))
    config = None if has_errors(findings) else resolution.config
    return Outcome(config=config, findings=findings, document=document)


def start_of(document: Document) -> Mark | None:
    """The beginning of the first text, for findings about what stands nowhere; tables have no places."""
    return next((Mark(name, 1, 1) for name in document.lines if name != OVERRIDES), None)


def parse(
    content: str | bytes | Mapping[str, Any],
    *,
    source: str = "rl.toml",
    mode: Mode = "launcher",
    on_unknown: OnUnknown = "error",
    run_id: str | None = None,
) -> RLConfig:
    """Compile one full ``rl.toml``, as text or as the table that a TOML parser returns.

    Raises :class:`ConfigError` with every finding, in file order. Warnings and notices alone do not refuse; ask
    :func:`compile_sources` for them.
    """
    outcome = compile_sources([Source(name=source, content=content)], mode=mode, on_unknown=on_unknown, run_id=run_id)
    if outcome.config is None:
        raise ConfigError(outcome.findings)
    return outcome.config
