"""What the commands read and write: files, standard streams, the environment, git.

The only code that touches them; the package's own tables and templates are read where they are used.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rlsplit.cli.options import ReportOptions, RunOptions
    from rlsplit.document import Source
    from rlsplit.findings import Finding
    from rlsplit.platform import Platform
    from rlsplit.run import Run
    from rlsplit.secrets import Secrets

FINE, FINDINGS, COULD_NOT_RUN = 0, 1, 2
"""Exit codes."""


class CommandError(Exception):
    """The command could not run: a file that cannot be read, an option that makes no sense."""


# --- input -----------------------------------------------------------------------------------------------------


def sources_of(files: Sequence[str], attach: Sequence[str]) -> list[Source]:
    """Read the files that a command names, and those that it attaches below a key."""
    from rlsplit.document import Source

    if not files and not attach:
        raise CommandError("name at least one file, or - for standard input")
    sources = [source_of(name) for name in files]
    for attached in attach:
        prefix, _, name = attached.partition("=")
        if not prefix or not name:
            raise CommandError(f"--attach takes PREFIX=FILE, not {attached!r}")
        sources.append(Source(name=shown_name(name), content=read_file(name), prefix=tuple(prefix.split("."))))
    return sources


def source_of(name: str) -> Source:
    """Read one file as a source."""
    from rlsplit.document import Source

    return Source(name=shown_name(name), content=read_file(name))


def shown_name(name: str) -> str:
    """What findings call a file."""
    return "<stdin>" if name == "-" else name


def read_file(name: str) -> bytes:
    """Read a file, or standard input for ``-``."""
    if name == "-" and not sys.stdin:
        raise CommandError("standard input is closed")
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot read {name}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Say why a file cannot be had: the system's words, or that it can have no such name."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def source_at(revision: str, name: str) -> Source:
    """Read a file as a git revision has it."""
    import subprocess

    from rlsplit.document import Source

    if revision.startswith("-"):
        raise CommandError(f"no revision is called {revision!r}")
    path = Path(name)
    command = ["git", "-C", str(path.parent), "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot run git: {reason(error)}") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CommandError(told[-1] if told else f"git ended with {done.returncode}")
    return Source(name=f"{revision}:{name}", content=done.stdout)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What a file says about the cluster."""

    platform: Platform | None = None
    """None: no file was named, or it is refused."""
    findings: tuple[Finding, ...] = ()
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    """The lines of the file by its name."""
    is_refused: bool = False


def cluster_of(file: str | None) -> Cluster:
    """Read the settings of the cluster, or say at their places why they cannot be."""
    from rlsplit.findings import ConfigError
    from rlsplit.platform import Platform
    from rlsplit.platform.reading import document_of

    if file is None:
        return Cluster()
    document = document_of(read_file(file), shown_name(file))
    try:
        platform = Platform.from_document(document)
    except ConfigError as error:
        return Cluster(findings=error.findings, lines=document.lines, is_refused=True)
    return Cluster(platform=platform, findings=document.findings, lines=document.lines)


def run_of(options: RunOptions) -> Run:
    """What the options say about this one run."""
    from rlsplit.run import Run

    names = ("name", "attempt", "image_tag", "team_id", "gpu_type", "volume", "source_ref", "source_repo")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.release is not None and options.image_tag is None:
        given |= _image_of(options.release)
    return Run(id=options.run_id, **given)


def _image_of(release: str) -> dict[str, str]:
    """The image tag of a release that was named without one; of a release that is not known, none."""
    from rlsplit.releases.release import served

    found = served(release)
    return {"image_tag": found.release.tag} if found.is_image else {}


def secrets_of(options: RunOptions) -> Secrets:
    """Secrets from the environment, if that is asked for."""
    from rlsplit.secrets import RUN_SECRETS, Secrets

    if not options.secrets_from_env:
        return Secrets()
    values = {name: os.environ.get(secret.variable) for name, secret in RUN_SECRETS.items()}
    return Secrets(**{name: value for name, value in values.items() if value})


def completes() -> bool:
    """Whether a shell asks for completions rather than for a command."""
    return "_ARGCOMPLETE" in os.environ


# --- output ----------------------------------------------------------------------------------------------------


def report(
    options: ReportOptions,
    findings: Sequence[Finding],
    lines: Mapping[str, tuple[str, ...]],
    *,
    stream: IO[str] | None = None,
) -> int:
    """Report findings and return the exit code they stand for.

    To people on standard error, and nothing when there is nothing to say; to machines in full, into a file or on
    ``stream``, which is standard error unless another is given.
    """
    form, _, file = (options.report or "plain").partition("=")
    if form == "plain" and not findings:
        return FINE
    findings = [_as_option(finding) for finding in findings]
    from rlsplit.findings import has_errors
    from rlsplit.reports import REPORTS, as_plain

    if form == "plain":
        colour = wants_colour(sys.stderr)
        print(as_plain(findings, lines, colour=colour), end="", file=sys.stderr)
    elif file:
        write(".", {file: REPORTS[form](findings, lines)})
    else:
        print(REPORTS[form](findings, lines), end="", file=stream or sys.stderr)
    refused = has_errors(findings) or (options.strict and any(f.severity == "warning" for f in findings))
    return FINDINGS if refused else FINE


def _as_option(finding: Finding) -> Finding:
    """Call what a request has fields for by the option that gives it here."""
    if finding.about != "run":
        return finding
    from dataclasses import replace

    from rlsplit.request_fields import OPTIONS

    return replace(finding, path=tuple(OPTIONS.get(str(part), part) for part in finding.path))


def open_streams() -> None:
    """Make the standard streams fit to be written to: documents are UTF-8, and none is missing.

    A closed standard output takes nothing, which a command finds out when it writes; a closed standard error is silent.
    """
    if not sys.stdout:
        sys.stdout = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if not sys.stderr:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def say(message: str) -> None:
    """Tell a person why a command could not run, if there is anything left to tell it on."""
    from rlsplit.characters import visible

    with suppress(OSError):
        print(f"rlsplit: {visible(message)}", file=sys.stderr)


def drop_output() -> None:
    """Let what is still to be written go nowhere: it cannot be written, and Python would complain when it closes."""
    sink = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(sink, stream.fileno())
    os.close(sink)


T = TypeVar("T")
_FIRST_PROGRESS, _NEXT_PROGRESS = 1.0, 0.1
"""Seconds before progress is shown, and between two of its lines."""


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Yield items and show on a terminal how many are done, if that takes long."""
    is_shown = len(items) > 1 and sys.stderr.isatty()
    due, told = time.monotonic() + _FIRST_PROGRESS, ""
    for number, item in enumerate(items):
        if is_shown and time.monotonic() >= due:
            told = f"{what} {number} of {len(items)}"
            print(f"\r{told}", end="", file=sys.stderr, flush=True)
            due = time.monotonic() + _NEXT_PROGRESS
        yield item
    if told:
        print("\r" + " " * len(told) + "\r", end="", file=sys.stderr, flush=True)


def wants_colour(stream: IO[str]) -> bool:
    """https://no-color.org and https://force-color.org, else colour on a terminal only."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def make_folder(path: Path) -> None:
    """Make a folder, and those around it, if it is not there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot write {path}: {reason(error)}") from error


def create_file(name: str, text: str) -> None:
    """Write a new file, or none if it cannot be whole; one that is there already, or a link, stays as it is."""
    try:
        with Path(name).open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise CommandError(f"{name} is there already; -o FILE writes another one") from error
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot write {name}: {reason(error)}") from error


def replace_file(name: str, text: str) -> None:
    """Replace a file by a text in one step, so that nobody ever sees half of it; links and its mode stay.

    A device, a pipe, and a file in a folder that may not be written to are written to instead.
    """
    import tempfile

    path = Path(name)
    try:
        if path.exists() and not (path.is_file() and os.access(path.resolve().parent, os.W_OK)):
            path.write_text(text, encoding="utf-8", newline="")
            return
        path = path.resolve()
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            Path(made).chmod(mode)
            Path(made).replace(path)
        except BaseException:
            Path(made).unlink(missing_ok=True)
            raise
    except (OSError, ValueError, RuntimeError) as error:  # the last: links that lead to each other
        raise CommandError(f"cannot write {name}: {reason(error)}") from error


def _umask() -> int:
    """What new files of this process may not have; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write(folder: str | None, files: Mapping[str, str]) -> None:
    """Write files into a folder, made if it is not there, each in one step; without a folder print them."""
    if folder is None:
        print("".join(files.values()), end="")
        return
    for name, text in files.items():
        path = Path(folder) / name
        make_folder(path.parent)
        replace_file(str(path), text)
