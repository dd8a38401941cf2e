"""What the commands do: the only code that reads files, standard input and the environment, and writes output.

Every command takes its parsed arguments and returns an exit code. Modules are imported where they are used, so that
a command loads no more than it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rlsplit.document import Source
    from rlsplit.findings import Finding
    from rlsplit.parsing import Outcome
    from rlsplit.planning import RunPlan
    from rlsplit.platform import Platform
    from rlsplit.preview import Compiled
    from rlsplit.run import Run, Secrets
    from rlsplit.splitting import Split

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


def validate(options: argparse.Namespace) -> int:
    """Check each file on its own, or all of them as one config with ``--compose``."""
    sources = sources_of(options)
    groups = [sources] if options.compose or options.attach else [[source] for source in sources]
    outcomes = [compiled(options, group) for group in groups]
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    lines = {name: text for outcome in outcomes for name, text in outcome.document.lines.items()}
    return report(options, findings, lines, stream=sys.stdout)


def split(options: argparse.Namespace) -> int:
    """Print or write the component configs."""
    outcome = compiled(options, sources_of(options))
    code = report_outcome(options, outcome)
    if outcome.config is None or code:
        return code
    from rlsplit.component_files import as_text, component_configs, component_files
    from rlsplit.splitting import artifact
    from rlsplit.splitting import split as split_config

    parts = split_config(outcome.config)
    if options.artifact:
        write(options.output, {"artifact.json": as_text(artifact(parts), "json")})
    elif options.output:
        write(options.output, component_files(parts, form=options.form, syntax=options.format))
    else:
        configs = component_configs(parts, form=options.form)
        if options.component and options.component not in configs:
            raise CommandError(f"no component {options.component!r} here; there are {', '.join(configs)}")
        print(as_text(configs[options.component] if options.component else configs, options.format), end="")
    return code


def render(options: argparse.Namespace) -> int:
    """Print or write the Kubernetes objects, or a preview of the run."""
    outcome = compiled(options, sources_of(options))
    if options.format in PREVIEWS:
        return _preview(options, outcome)
    if outcome.config is None:
        return report_outcome(options, outcome)
    from rlsplit.findings import ConfigError
    from rlsplit.manifests import render as render_plan
    from rlsplit.serialize import select, to_files, to_json, to_yaml

    secrets = _secrets(options)
    try:
        plan = _planned(options, outcome, secrets)[1]
        objects = render_plan(plan, secrets=secrets, redact=options.redact)
    except ConfigError as error:
        return report_outcome(options, outcome, error.findings)
    notes = [note for note in plan.notes if options.notes or note.severity != "notice"]
    code = report_outcome(options, outcome, notes)
    if code:
        return code
    chosen = select(objects, only=options.only, component=options.component)
    if not chosen:
        raise CommandError("no object matches --only and --component")
    if options.output:
        write(options.output, to_files(chosen))
    else:
        print(to_json(chosen) if options.format == "json" else to_yaml(chosen), end="")
    return code


PREVIEWS: Final = {"markdown": "preview.md", "html": "preview.html"}
"""Format of a preview to the name of its file."""


def _preview(options: argparse.Namespace, outcome: Outcome) -> int:
    """Print or write a page about the run; a refused one has its findings."""
    from rlsplit import preview

    subject = _previewed(options, outcome)
    text = preview.as_html(subject) if options.format == "html" else preview.as_markdown(subject)
    write(options.output, {PREVIEWS[options.format]: text})
    return FINDINGS if subject.is_refused else FINE


def diff(options: argparse.Namespace) -> int:
    """Say what a change means: exit code 0 same, 1 different, 2 could not run."""
    from rlsplit import diff as differ

    options.run_id = options.run_id or differ.COMPARED_RUN_ID  # one name for both, so that only the change shows
    old, new = _sides(options)
    found = differ.difference(_compared(options, old), _compared(options, new))
    form = {"text": differ.as_text, "markdown": differ.as_markdown, "html": differ.as_html}[options.format]
    print(form(found), end="")
    if found.is_refused:
        return COULD_NOT_RUN
    return FINE if found.is_same else FINDINGS


def _sides(options: argparse.Namespace) -> tuple[Source, Source]:
    from rlsplit.document import Source

    if options.git is None:
        if options.new is None:
            raise CommandError("name two files, or one and --git REVISION")
        old, new = options.old, options.new
        return Source(name=_shown_name(old), content=_read(old)), Source(name=_shown_name(new), content=_read(new))
    if options.new is not None:
        raise CommandError("--git takes one file")
    name = options.old
    return Source(name=f"{options.git}:{name}", content=_at_revision(options.git, name)), Source(
        name=name, content=_read(name)
    )


def _at_revision(revision: str, name: str) -> bytes:
    import subprocess

    if revision.startswith("-"):
        raise CommandError(f"no revision is called {revision!r}")
    path = Path(name)
    command = ["git", "-C", str(path.parent), "show", f"{revision}:./{path.name}"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise CommandError(f"cannot run git: {error.strerror or error}") from error
    if done.returncode:
        raise CommandError(done.stderr.decode("utf-8", "replace").strip().splitlines()[-1])
    return done.stdout


def _compared(options: argparse.Namespace, source: Source) -> Compiled:
    return _previewed(options, compiled(options, [source]))


def _previewed(options: argparse.Namespace, outcome: Outcome) -> Compiled:
    from rlsplit import preview
    from rlsplit.findings import ConfigError

    try:
        platform = _platform(options)
    except ConfigError as error:
        raise CommandError("; ".join(str(finding) for finding in error.findings)) from error
    return preview.compiled(outcome, run=_run(options), platform=platform, secrets=_secrets(options))


def explain(options: argparse.Namespace) -> int:
    """Say where values come from."""
    options.files = [options.file]
    outcome = compiled(options, sources_of(options))
    code = report_outcome(options, outcome)
    if outcome.config is None or code:
        return code
    from rlsplit.explaining import changed
    from rlsplit.explaining import explain as explain_split
    from rlsplit.findings import ConfigError

    parts, plan = _split(outcome), None
    if not options.without_cluster:
        try:
            parts, plan = _planned(options, outcome, None)
        except ConfigError as error:
            return report_outcome(options, outcome, error.findings)
    assert outcome.config is not None
    origins = explain_split(parts, outcome.config.provenance, outcome.document, plan)
    if options.changed_only:
        origins = changed(origins)
    rows = [row for row in map(_explained, origins) if _is_asked_for(row[0], row[2], options)]
    if not rows:
        raise CommandError("no value there; name a component or a key such as trainer.model.seq_len")
    print(_aligned(rows), end="")
    return code


def rules(options: argparse.Namespace) -> int:
    """List the rules, or those of one ID."""
    from rlsplit.catalogue import catalogue

    wanted = options.id.upper().rstrip("*") if options.id else ""
    entries = [entry for entry in catalogue() if entry.rule.upper().startswith(wanted)]
    if not entries:
        raise CommandError(f"no rule {options.id!r}; `rlsplit rules` lists them all")
    print("".join(f"{entry.rule:<6} {entry.kind:<8} {entry.sentence}\n" for entry in entries), end="")
    return FINE


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema of an rl.toml."""
    from rlsplit.schema_file import text

    print(text(), end="")
    return FINE


def completion(options: argparse.Namespace) -> int:
    """Print what a shell needs to complete this command."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["rlsplit"], shell=options.shell), end="")
    return FINE


# --- input -----------------------------------------------------------------------------------------------------


def sources_of(options: argparse.Namespace) -> list[Source]:
    """Read the files that a command names, and those that it attaches below a key."""
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


def _platform(options: argparse.Namespace) -> Platform:
    """Read the settings of the cluster; raises ConfigError with every finding at its place."""
    from rlsplit.document import Source, read
    from rlsplit.findings import ConfigError, has_errors, located
    from rlsplit.platform import Platform

    if options.platform is None:
        return Platform()
    document = read([Source(name=options.platform, content=_read(options.platform), prefix=("platform",))])
    if has_errors(document.findings):
        raise ConfigError(document.findings)
    try:
        return Platform.from_mapping(document.table["platform"])
    except ConfigError as error:
        raise ConfigError(located(error.findings, document.marks)) from error


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


def _split(outcome: Outcome) -> Split:
    from rlsplit.splitting import split as split_config

    assert outcome.config is not None
    return split_config(outcome.config)


def _planned(options: argparse.Namespace, outcome: Outcome, secrets: Secrets | None) -> tuple[Split, RunPlan]:
    """Plan a run; raises ConfigError for what the cluster or its settings refuse."""
    from rlsplit.planning import plan as plan_run

    parts = _split(outcome)
    return parts, plan_run(parts, run=_run(options), platform=_platform(options), secrets=secrets)


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


Row = tuple[str, str, str]
"""Dotted key with its component, value, origin."""


def _explained(origin: Any) -> Row:
    from rlsplit.explaining import origin_text
    from rlsplit.findings import dotted, is_secret

    text = "(not shown)" if is_secret(origin.path) else json.dumps(origin.value, default=str)
    return f"{origin.component}.{dotted(origin.path)}", text, origin_text(origin)


def _is_asked_for(key: str, origin: str, options: argparse.Namespace) -> bool:
    if options.component and key.partition(".")[0] != options.component:
        return False
    path = options.path
    return path is None or key == path or key.startswith((f"{path}.", f"{path}["))


def _aligned(rows: Sequence[Row]) -> str:
    from rlsplit.findings import visible

    shown = [(f"{visible(key)} = {visible(value)}", visible(origin)) for key, value, origin in rows]
    width = min(max(len(left) for left, _ in shown), 60)
    return "".join(f"{left:<{width}}  # {right}\n" for left, right in shown)
