"""What the commands do.

Every command takes its parsed arguments and returns an exit code. Modules are imported where they are used, so that
a command loads no more than it needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rlsplit.cli.streams import (
    COULD_NOT_RUN,
    FINDINGS,
    FINE,
    CommandError,
    compiled,
    platform_of,
    read_file,
    report,
    report_outcome,
    run_of,
    secrets_of,
    shown_name,
    sources_of,
    write,
)

if TYPE_CHECKING:
    from rlsplit.document import Source
    from rlsplit.parsing import Outcome
    from rlsplit.planning import RunPlan
    from rlsplit.preview import Compiled
    from rlsplit.run import Secrets
    from rlsplit.splitting import Split


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

    parts = _split(outcome)
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

    secrets = secrets_of(options)
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

    if (options.git is None) == (options.new is None):
        raise CommandError("name two files, or one and --git REVISION")
    name = options.new or options.old
    new = Source(name=shown_name(name), content=read_file(name))
    if options.git is None:
        return Source(name=shown_name(options.old), content=read_file(options.old)), new
    return Source(name=f"{options.git}:{name}", content=_at_revision(options.git, name)), new


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
        platform = platform_of(options)
    except ConfigError as error:
        raise CommandError("; ".join(str(finding) for finding in error.findings)) from error
    return preview.compiled(outcome, run=run_of(options), platform=platform, secrets=secrets_of(options))


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
    rows = [row for row in map(_explained, origins) if _is_asked_for(row[0], options)]
    if not rows:
        raise CommandError("no value there; name a component or a key such as trainer.model.seq_len")
    print(_aligned(rows), end="")
    return code


def rules(options: argparse.Namespace) -> int:
    """Show the whole entry of one code, or list the codes that begin like it."""
    from rlsplit.rulebook import as_lines, as_text, entries, nearest

    wanted = (options.id or "").lower().rstrip("*")
    found = [entry for entry in entries() if entry.code.lower().startswith(wanted)]
    exact = [entry for entry in found if entry.code.lower() == wanted]
    if not found:
        near = nearest(wanted)
        meant = f"did you mean {near}? " if near else ""
        raise CommandError(f"no code {options.id!r}; {meant}`rlsplit rules` lists them all")
    print(as_text(exact[0]) if exact else as_lines(found), end="")
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


def _split(outcome: Outcome) -> Split:
    from rlsplit.splitting import split as split_config

    assert outcome.config is not None
    return split_config(outcome.config)


def _planned(options: argparse.Namespace, outcome: Outcome, secrets: Secrets | None) -> tuple[Split, RunPlan]:
    """Plan a run; raises ConfigError for what the cluster or its settings refuse."""
    from rlsplit.planning import plan as plan_run

    parts = _split(outcome)
    return parts, plan_run(parts, run=run_of(options), platform=platform_of(options), secrets=secrets)


Row = tuple[str, str, str]
"""Dotted key with its component, value, origin."""


def _explained(origin: Any) -> Row:
    from rlsplit.explaining import origin_text
    from rlsplit.findings import dotted, is_secret

    text = "(not shown)" if is_secret(origin.path) else json.dumps(origin.value, default=str)
    return f"{origin.component}.{dotted(origin.path)}", text, origin_text(origin)


def _is_asked_for(key: str, options: argparse.Namespace) -> bool:
    if options.component and key.partition(".")[0] != options.component:
        return False
    path = options.path
    return path is None or key == path or key.startswith((f"{path}.", f"{path}["))


def _aligned(rows: Sequence[Row]) -> str:
    from rlsplit.findings import visible

    shown = [(f"{visible(key)} = {visible(value)}", visible(origin)) for key, value, origin in rows]
    width = min(max(len(left) for left, _ in shown), 60)
    return "".join(f"{left:<{width}}  # {right}\n" for left, right in shown)
