"""What the commands read and write: the only code that touches files, standard streams and the environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rlsplit.document import Source
    from rlsplit.findings import Finding
    from rlsplit.parsing import Outcome
    from rlsplit.platform import Platform
    from rlsplit.run import Run, Secrets

FINE, FINDINGS, COULD_NOT_RUN = 0, 1, 2
"""Exit codes."""

SECRET_VARIABLES: Final = {
    "wandb_api_key": "WANDB_API_KEY",
    "hf_token": "HF_TOKEN",
    "prime_api_key": "PRIME_API_KEY",
}
"""Secret to the environment variable that ``--secrets-from-env`` reads."""


class CommandError(Exception):
    """The command could not run: a file that cannot be read, an option that makes no sense."""


# --- input -----------------------------------------------------------------------------------------------------


def sources_of(options: argparse.Namespace) -> list[Source]:
    """Read the files that a command names, and those that it attaches below a key."""
    from rlsplit.document import Source

    if not options.files and not options.attach:
        raise CommandError("name at least one file, or - for standard input")
    sources = [Source(name=shown_name(name), content=read_file(name)) for name in options.files]
    for attached in options.attach:
        prefix, _, name = attached.partition("=")
        if not prefix or not name:
            raise CommandError(f"--attach takes PREFIX=FILE, not {attached!r}")
        keys = tuple(prefix.split("."))
        sources.append(Source(name=shown_name(name), content=read_file(name), prefix=keys))
    return sources


def shown_name(name: str) -> str:
    """What findings call a file."""
    return "<stdin>" if name == "-" else name


def read_file(name: str) -> bytes:
    """Read a file, or standard input for ``-``."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror or error}") from error


def compiled(options: argparse.Namespace, sources: Sequence[Source]) -> Outcome:
    """Compile sources as the options say."""
    from rlsplit.parsing import compile_sources

    return compile_sources(
        sources,
        options.overrides,
        mode=options.mode,
        on_unknown=options.on_unknown,
        run_id=getattr(options, "run_id", None),
    )


def platform_of(options: argparse.Namespace) -> Platform:
    """Read the settings of the cluster; raises ConfigError with every finding at its place."""
    from rlsplit.document import Source, read
    from rlsplit.findings import ConfigError, has_errors, located
    from rlsplit.platform import Platform

    if options.platform is None:
        return Platform()
    document = read([Source(name=options.platform, content=read_file(options.platform), prefix=("platform",))])
    if has_errors(document.findings):
        raise ConfigError(document.findings)
    try:
        return Platform.from_mapping(document.table["platform"])
    except ConfigError as error:
        raise ConfigError(located(error.findings, document.marks)) from error


def run_of(options: argparse.Namespace) -> Run:
    """What the options say about this one run."""
    from rlsplit.run import Run

    names = ("name", "attempt", "image_tag", "team_id", "gpu_type", "volume", "source_ref", "source_repo")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return Run(id=options.run_id, **given)


def secrets_of(options: argparse.Namespace) -> Secrets:
    """Secrets from the environment, if that is asked for."""
    from rlsplit.run import Secrets

    if not options.secrets_from_env:
        return Secrets()
    values = {name: os.environ.get(variable) for name, variable in SECRET_VARIABLES.items()}
    return Secrets(**{name: value for name, value in values.items() if value})


# --- output ----------------------------------------------------------------------------------------------------


def report_outcome(options: argparse.Namespace, outcome: Outcome, more: Sequence[Finding] = ()) -> int:
    """Report the findings of one compile, and of what came after it, to standard error."""
    from rlsplit.findings import located

    findings = located((*outcome.findings, *more), outcome.document.marks) if more else outcome.findings
    return report(options, findings, outcome.document.lines, stream=sys.stderr)


def report(
    options: argparse.Namespace,
    findings: Sequence[Finding],
    lines: Mapping[str, tuple[str, ...]],
    *,
    stream: IO[str],
) -> int:
    """Report findings and return the exit code they stand for.

    To people on standard error, and nothing when there is nothing to say; to machines in full, on ``stream`` or into a
    file.
    """
    form, _, file = (options.report or "plain").partition("=")
    if form == "plain" and not findings:
        return FINE
    from rlsplit.findings import has_errors
    from rlsplit.reports import REPORTS, as_plain

    if form == "plain":
        colour = _wants_colour(sys.stderr, os.environ)
        print(as_plain(findings, lines, colour=colour), end="", file=sys.stderr)
    elif file:
        write(".", {file: REPORTS[form](findings, lines)})
    else:
        print(REPORTS[form](findings, lines), end="", file=stream)
    refused = has_errors(findings) or (options.strict and any(f.severity == "warning" for f in findings))
    return FINDINGS if refused else FINE


def _wants_colour(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """https://no-color.org and https://force-color.org, else colour on a terminal only."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def write(folder: str | None, files: Mapping[str, str]) -> None:
    """Write files into a folder, made if it is not there; without a folder print them."""
    if folder is None:
        print("".join(files.values()), end="")
        return
    try:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
