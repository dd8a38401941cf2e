"""The command line: the only place that reads files, standard input and the environment, and writes output."""

from __future__ import annotations

import argparse
import gc
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from rlsplit.version import __version__

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

_ATTACHED: Final = re.compile(r"--([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)\Z")

DESCRIPTION: Final = """\
Compile a full prime-rl rl.toml: check it, split it into the component configs, render Kubernetes manifests.
Offline and deterministic; every problem is reported at once, with file, line and column."""

SOURCES_HELP: Final = """\
Several FILEs are merged left to right, later ones win; "-" is standard input. prime-rl's own spelling
"@ a.toml @ b.toml" works too, and "--trainer @ t.toml" attaches a file below a key."""

EXIT_HELP: Final = "Exit codes: 0 fine, 1 findings, 2 could not run."

EXAMPLES: Final = {
    "render": "example:\n  rlsplit render rl.toml --run-id my-run | kubectl apply -f -",
    "split": "example:\n  rlsplit split rl.toml --form resolved --format json -o configs",
    "validate": "example:\n  rlsplit validate configs/*.toml",
}


class CommandError(Exception):
    """The command could not run: a file that cannot be read, an option that makes no sense."""


def run() -> NoReturn:
    """Entry point of the ``rlsplit`` script."""
    # A command lives for a fraction of a second: collecting garbage would take a tenth of it and free nothing.
    gc.disable()
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    try:
        options = parser.parse_args(_with_attachments(argv))
    except SystemExit as stop:
        return COULD_NOT_RUN if stop.code else FINE
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except CommandError as error:
        print(f"rlsplit: {error}", file=sys.stderr)
        return COULD_NOT_RUN


# --- commands --------------------------------------------------------------------------------------------------


def validate(options: argparse.Namespace) -> int:
    """Check each file on its own, or all of them as one config with ``--compose``."""
    groups = [_sources(options)] if options.compose or options.attach else [[s] for s in _sources(options)]
    outcomes = [_compiled(options, group) for group in groups]
    return max(_report(options, outcome.findings, outcome) for outcome in outcomes)


def split(options: argparse.Namespace) -> int:
    """Print or write the component configs."""
    outcome = _compiled(options, _sources(options))
    code = _report(options, outcome.findings, outcome)
    if outcome.config is None or code:
        return code
    from rlsplit.component_files import as_text, component_configs, component_files
    from rlsplit.splitting import artifact
    from rlsplit.splitting import split as split_config

    parts = split_config(outcome.config)
    if options.artifact:
        _write(options, {"artifact": artifact(parts)}, as_text(artifact(parts), "json"))
    elif options.output:
        files = component_files(parts, form=options.form, syntax=options.format)
        _write_files(Path(options.output), files)
    else:
        configs = component_configs(parts, form=options.form)
        if options.component and options.component not in configs:
            raise CommandError(f"no component {options.component!r} here; there are {', '.join(configs)}")
        print(as_text(configs[options.component] if options.component else configs, options.format), end="")
    return code


def render(options: argparse.Namespace) -> int:
    """Print or write the Kubernetes objects."""
    outcome = _compiled(options, _sources(options))
    if outcome.config is None:
        return _report(options, outcome.findings, outcome)
    from rlsplit.findings import ConfigError
    from rlsplit.manifests import render as render_plan
    from rlsplit.planning import plan as plan_run
    from rlsplit.serialize import select, to_files, to_json, to_yaml
    from rlsplit.splitting import split as split_config

    secrets = _secrets(options)
    try:
        platform = _platform(options)
        plan = plan_run(split_config(outcome.config), run=_run(options), platform=platform, secrets=secrets)
        objects = render_plan(plan, secrets=secrets, redact=options.redact)
    except ConfigError as error:
        return _report(options, (*outcome.findings, *error.findings), outcome)
    notes = [note for note in plan.notes if options.notes or note.severity != "notice"]
    code = _report(options, (*outcome.findings, *notes), outcome)
    if code:
        return code
    chosen = select(objects, only=options.only, component=options.component)
    if not chosen:
        raise CommandError("no object matches --only and --component")
    if options.output:
        _write_files(Path(options.output), to_files(chosen))
    else:
        print(to_json(chosen) if options.format == "json" else to_yaml(chosen), end="")
    return code


# --- input -----------------------------------------------------------------------------------------------------


def _with_attachments(argv: Sequence[str]) -> list[str]:
    """Turn prime-rl's ``@ FILE`` and ``--a.b @ FILE`` into what argparse knows."""
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        attached = _ATTACHED.match(words[-1]) if words and word == "@" else None
        if word == "@" and attached:
            words[-1:] = ["--attach", f"{attached.group(1)}={next(rest, '')}"]
        elif word != "@":
            words.append(word.removeprefix("@") if len(word) > 1 else word)
    return words


def _sources(options: argparse.Namespace) -> list[Source]:
    from rlsplit.document import Source

    if not options.files and not options.attach:
        raise CommandError("name at least one file, or - for standard input")
    sources = [Source(name=_shown_name(name), content=_read(name)) for name in options.files]
    for attached in options.attach:
        prefix, _, name = attached.partition("=")
        if not prefix or not name:
            raise CommandError(f"--attach takes PREFIX=FILE, not {attached!r}")
        keys = tuple(prefix.split("."))
        sources.append(Source(name=_shown_name(name), content=_read(name), prefix=keys))
    return sources


def _shown_name(name: str) -> str:
    return "<stdin>" if name == "-" else name


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {name}: {error.strerror or error}") from error


def _compiled(options: argparse.Namespace, sources: Sequence[Source]) -> Outcome:
    from rlsplit.parsing import compile_sources

    return compile_sources(
        sources,
        options.overrides,
        mode=options.mode,
        on_unknown=options.on_unknown,
        run_id=getattr(options, "run_id", None),
    )


def _platform(options: argparse.Namespace) -> Platform:
    from rlsplit.platform import Platform

    if options.platform is None:
        return Platform()
    try:
        text = _read(options.platform).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{options.platform} is not UTF-8: {error.reason}") from error
    return Platform.from_toml(text)


def _run(options: argparse.Namespace) -> Run:
    from rlsplit.run import Run

    names = ("name", "attempt", "image_tag", "team_id", "gpu_type", "volume", "source_ref", "source_repo")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return Run(id=options.run_id, **given)


def _secrets(options: argparse.Namespace) -> Secrets:
    from rlsplit.run import Secrets

    if not options.secrets_from_env:
        return Secrets()
    values = {name: os.environ.get(variable) for name, variable in SECRET_VARIABLES.items()}
    return Secrets(**{name: value for name, value in values.items() if value})


# --- output ----------------------------------------------------------------------------------------------------


def _report(options: argparse.Namespace, findings: Sequence[Finding], outcome: Outcome) -> int:
    """Print findings to standard error, nothing when there are none; returns the exit code they stand for."""
    if not findings:
        return FINE
    from rlsplit.findings import has_errors, located
    from rlsplit.reports import as_plain

    placed = located(findings, outcome.document.marks)
    report = as_plain(placed, outcome.document.lines, colour=_wants_colour(sys.stderr, os.environ))
    print(report, end="", file=sys.stderr)
    refused = has_errors(placed) or (options.strict and any(f.severity == "warning" for f in placed))
    return FINDINGS if refused else FINE


def _wants_colour(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """https://no-color.org and https://force-color.org, else colour on a terminal only."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


def _write_files(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error


def _write(options: argparse.Namespace, files: Mapping[str, Any], text: str) -> None:
    if options.output:
        _write_files(Path(options.output), {f"{name}.json": text for name in files})
    else:
        print(text, end="")


# --- the parser ------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlsplit",
        description=DESCRIPTION,
        epilog=EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rlsplit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_render(_command(commands, "render", "render Kubernetes manifests", render))
    _add_split(_command(commands, "split", "print or write the component configs", split))
    checking = _command(commands, "validate", "check files, each on its own", validate)
    checking.add_argument("--compose", action="store_true", help="take all files as one config instead")
    return parser


def _command(commands: Any, name: str, summary: str, command: Callable[[argparse.Namespace], int]) -> Any:
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n{SOURCES_HELP}",
        epilog=f"{EXAMPLES[name]}\n\n{EXIT_HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    parser.add_argument("files", nargs="*", metavar="FILE", help="rl.toml, or - for standard input")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="override one key"
    )
    parser.add_argument("--attach", action="append", default=[], metavar="PREFIX=FILE", help="read FILE below a key")
    parser.add_argument("--mode", choices=["launcher", "hosted"], default="launcher", help="whose rules apply")
    parser.add_argument(
        "--on-unknown", choices=["error", "warn"], default="error", help="what an unknown key is (default: error)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 on warnings, too")
    return parser


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--form", choices=["sparse", "resolved"], default="sparse", help="default: sparse")
    parser.add_argument("--format", choices=["toml", "json"], default="toml", help="default: toml")
    parser.add_argument("--component", metavar="NAME", help="only this component")
    parser.add_argument("--artifact", action="store_true", help="print the artifact of a hosted run (JSON)")
    parser.add_argument("-o", "--output", metavar="DIR", help="write one file per component instead")


def _add_render(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", metavar="FILE", help="settings of the cluster (TOML)")
    parser.add_argument("--run-id", metavar="ID", help="identity of the run; default: a hash of the config")
    parser.add_argument("--name", help="display name; default: run.name")
    parser.add_argument("--attempt", type=int, metavar="N", help="number of this start of the run (default: 1)")
    parser.add_argument("--image-tag", metavar="TAG", help="tag of the prime-rl image (default: main)")
    parser.add_argument("--team-id", metavar="ID", help="owning team")
    parser.add_argument("--gpu-type", metavar="TYPE", help="GPU product of the nodes")
    parser.add_argument("--volume", metavar="CLAIM", help="existing volume claim")
    parser.add_argument("--source-ref", metavar="REF", help="prime-rl revision that the image checks out")
    parser.add_argument("--source-repo", metavar="URL", help="repository of --source-ref")
    variables = ", ".join(SECRET_VARIABLES.values())
    parser.add_argument("--secrets-from-env", action="store_true", help=f"read {variables}")
    parser.add_argument("--redact", action="store_true", help="show no secret value")
    parser.add_argument("--notes", action="store_true", help="also say what the cluster needs to know about this run")
    parser.add_argument("--format", choices=["yaml", "json"], default="yaml", help="default: yaml")
    parser.add_argument("--only", metavar="KIND[/NAME]", help="only these objects")
    parser.add_argument("--component", metavar="NAME", help="only the objects of this component")
    parser.add_argument("-o", "--output", metavar="DIR", help="write one file per object instead")
