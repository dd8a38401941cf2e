"""What the commands do.

Every command takes its options and returns an exit code. Modules are imported where they are used, so that a command
loads no more than it needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rlsplit.cli.folders import write_folder
from rlsplit.cli.streams import (
    FINDINGS,
    FINE,
    Cluster,
    CommandError,
    cluster_of,
    progress,
    read_file,
    report,
    run_of,
    secrets_of,
    sources_of,
    write,
)

if TYPE_CHECKING:
    from rlsplit.cli.options import (
        CompileOptions,
        CompletionOptions,
        KindOptions,
        OwnOptions,
        RenderOptions,
        RulesOptions,
        RunOptions,
        SchemaOptions,
        SplitOptions,
        ValidateOptions,
    )
    from rlsplit.compiler import Outcome, Stage, Target
    from rlsplit.document import Source
    from rlsplit.findings import Finding
    from rlsplit.preview import Compiled
    from rlsplit.releases.release import Release


def validate(options: ValidateOptions) -> int:
    """Check each file on its own, or all of them as one config with ``--compose``; or the cluster's alone."""
    if options.fix or options.diff:
        from rlsplit.cli.fixing import fix_files

        fix_files(options, partial(compiled, options))
    cluster = Cluster() if options.platform is None else cluster_of(options.platform)
    is_alone = options.platform is not None and not options.files and not options.attach
    sources = [] if is_alone else sources_of(options.files, options.attach)
    groups = [sources] if options.compose or options.attach else [[source] for source in sources]
    outcomes = [_validated(options, group, cluster) for group in progress(groups, "checked")]
    findings = [*cluster.findings, *(finding for outcome in outcomes for finding in _valid_for(options, outcome))]
    lines = {name: text for outcome in outcomes for name, text in outcome.document.lines.items()}
    stream = sys.stderr if options.diff else sys.stdout
    return report(options, findings, {**lines, **cluster.lines}, stream=stream)


def _validated(options: ValidateOptions, sources: Sequence[Source], cluster: Cluster) -> Outcome:
    from rlsplit.compiler import Target

    until: Stage = "config" if options.without_cluster or cluster.is_refused else "plan"
    return compiled(options, sources, Target(platform=cluster.platform), until=until)


def _valid_for(options: ValidateOptions, outcome: Outcome) -> Sequence[Finding]:
    """What stands against a config; what only a cluster refuses is a warning while none is named."""
    from dataclasses import replace

    notes = [note for note in outcome.plan.notes if options.notes or note.severity != "notice"] if outcome.plan else []
    if options.platform is None:
        notes = [note for note in notes if note.about != "platform"]  # about settings that nobody has chosen
    findings = outcome.noted(notes)
    if options.platform is not None:
        return findings
    # Somebody else serves the environments of hosted runs.
    left_out = {"plan.env-unserved"} if options.mode == "hosted" else set[str]()
    return [
        replace(finding, severity="warning")
        if finding.code.startswith("plan.") and finding.severity == "error"
        else finding
        for finding in findings
        if finding.code not in left_out
    ]


def split(options: SplitOptions) -> int:
    """Print or write the component configs."""
    outcome = compiled(options, sources_of(options.files, options.attach), until="split")
    code = _report(options, outcome)
    if outcome.split is None or code:
        return code
    from rlsplit.component_files import as_text, component_configs, component_files
    from rlsplit.splitting import artifact

    if options.artifact:
        write(options.output, {"artifact.json": as_text(artifact(outcome.split), "json")})
    elif options.output:
        write_folder(options.output, component_files(outcome.split, form=options.form, syntax=options.format), "split")
    else:
        configs = component_configs(outcome.split, form=options.form)
        if options.component and options.component not in configs:
            raise CommandError(f"no component {options.component!r} here; there are {', '.join(configs)}")
        print(as_text(configs[options.component] if options.component else configs, options.format), end="")
    return code


def render(options: RenderOptions) -> int:
    """Print or write the Kubernetes objects, or a preview of the run."""
    sources = sources_of(options.files, options.attach)
    if options.format in PREVIEWS:
        return _preview(options, sources)
    target, cluster = target_of(options, redact=options.redact)
    outcome = compiled(options, sources, target, until="config" if cluster.is_refused else "objects")
    notes = [note for note in _notes(outcome) if options.notes or note.severity != "notice"]
    code = _report(options, outcome, notes, cluster)
    if outcome.objects is None or code:
        return code
    from rlsplit.serialize import select, to_files, to_json, to_yaml

    chosen = select(outcome.objects, only=options.only, component=options.component)
    if not chosen:
        raise CommandError("no object matches --only and --component")
    if options.output:
        is_whole = options.only is None and options.component is None
        write_folder(options.output, to_files(chosen), "render", is_whole=is_whole)
    else:
        print(to_json(chosen) if options.format == "json" else to_yaml(chosen), end="")
    return code


def kind(options: KindOptions) -> int:
    """Print what kind of file each is, before its name."""
    from rlsplit.characters import visible
    from rlsplit.compiler import compile_sources
    from rlsplit.config.kinds import kind_of
    from rlsplit.file_kinds import name_of_kind
    from rlsplit.findings import has_errors

    for source in sources_of(options.files, []):
        outcome = compile_sources([source])
        table = outcome.document.table
        is_broken = has_errors(outcome.document.findings)
        found = kind_of(table)
        name = "broken" if is_broken else found if outcome.config is not None else name_of_kind(table, found)
        print(visible(f"{name} {source.name}"))
    return FINE


def own(options: OwnOptions) -> int:
    """Print a run's objects again, owned by its workload on the server."""
    from rlsplit.characters import visible
    from rlsplit.deserialize import from_text
    from rlsplit.findings import ConfigError
    from rlsplit.owning import owned
    from rlsplit.serialize import to_json, to_yaml

    try:
        objects = owned(from_text(_rendered(options.file)), options.uid, keep_claim=options.keep_claim)
    except ConfigError as error:
        print("".join(f"{visible(str(finding))}\n" for finding in error.findings), end="", file=sys.stderr)
        return FINDINGS
    print(to_json(objects) if options.format == "json" else to_yaml(objects), end="")
    return FINE


def _rendered(name: str) -> str:
    """Read what was rendered: one text, or the files of a folder."""
    files = [str(path) for path in sorted(Path(name).glob("*.yaml"))] if Path(name).is_dir() else [name]
    return "".join(read_file(file).decode("utf-8", "replace") for file in files)


PREVIEWS: Final = {"markdown": "preview.md", "html": "preview.html"}
"""Format of a preview to the name of its file."""


def _preview(options: RenderOptions, sources: Sequence[Source]) -> int:
    """Print or write a page about the run; a refused one has its findings."""
    from rlsplit import preview

    subject = previewed(options, options, sources)
    text = preview.as_html(subject) if options.format == "html" else preview.as_markdown(subject)
    write(options.output, {PREVIEWS[options.format]: text})
    return FINDINGS if subject.is_refused else FINE


def rules(options: RulesOptions) -> int:
    """Show the whole entry of one code, or list the codes that begin like it."""
    from rlsplit.releases.release import NEWEST
    from rlsplit.rulebook import as_lines, as_text, entries, entry, is_in, nearest

    wanted = (options.id or "").lower().rstrip("*")
    found = [each for each in entries() if each.code.lower().startswith(wanted)]
    if options.release is not None:
        release = _release(options.release) or NEWEST
        found = [each for each in found if is_in(each.code, release)]
        if not found and entry(options.id or "") is not None:
            raise CommandError(f"{release.tag} has no {options.id}; see it without --release")
    exact = [each for each in found if each.code.lower() == wanted]
    if not found:
        near = nearest(wanted)
        meant = f"did you mean {near}? " if near else ""
        raise CommandError(f"no code {options.id!r}; {meant}`rlsplit rules` lists them all")
    print(as_text(exact[0]) if exact else as_lines(found), end="")
    return FINE


def schema(options: SchemaOptions) -> int:
    """Print the JSON Schema of an rl.toml, an sft.toml or a platform.toml."""
    from rlsplit.schema_file import text

    release = _release(options.release)
    if release is None or options.of == "platform":
        print(text(options.of), end="")
        return FINE
    if options.of == "sft":
        raise CommandError(f"SFT runs of {release.tag} are not compiled; leave --release out")
    from rlsplit import schema_release

    print(schema_release.text(release), end="")
    return FINE


def _release(name: str | None) -> Release | None:
    """The older release that an option names; None is the newest."""
    if name is None:
        return None
    from rlsplit.releases.release import NEWEST, served

    found = served(name)
    if found.note is not None:
        raise CommandError(f"{found.note.message}; {found.note.hint}")
    return None if found.release is NEWEST else found.release


def completion(options: CompletionOptions) -> int:
    """Print what a shell needs to complete this command."""
    from argcomplete.shell_integration import shellcode

    code: str = shellcode(["rlsplit"], shell=options.shell)
    if options.shell == "zsh":  # whose completion system is off until somebody starts it
        head, newline, rest = code.partition("\n")
        code = f"{head}{newline}(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}\n{rest}"
    print(code, end="")
    return FINE


def compiled(
    options: CompileOptions, sources: Sequence[Source], target: Target | None = None, *, until: Stage = "config"
) -> Outcome:
    """Compile sources in the way that the options ask for."""
    from rlsplit.compiler import Target, compile_sources
    from rlsplit.run import Run

    run_id: str | None = getattr(options, "run_id", None)
    goal = target or Target(run=Run(id=run_id))
    return compile_sources(
        sources,
        options.overrides,
        mode=options.mode,
        on_unknown=options.on_unknown,
        until=until,
        target=goal,
        release=options.release,
        kind="sft" if options.sft else None,
    )


def target_of(options: RunOptions, *, redact: bool = False, has_secrets: bool = True) -> tuple[Target, Cluster]:
    """What a run is compiled for, and what its cluster's file says."""
    from rlsplit.compiler import Target

    cluster = cluster_of(options.platform)
    secrets = secrets_of(options) if has_secrets else None
    return Target(run=run_of(options), platform=cluster.platform, secrets=secrets, redact=redact), cluster


def _report(
    options: CompileOptions, outcome: Outcome, notes: Sequence[Finding] = (), cluster: Cluster | None = None
) -> int:
    """Report the findings of one compile, with notes and with what is said about the cluster's file."""
    beside = cluster or Cluster()
    findings = outcome.noted([*notes, *beside.findings])
    return report(options, findings, {**outcome.document.lines, **beside.lines})


def _notes(outcome: Outcome) -> Sequence[Finding]:
    return outcome.plan.notes if outcome.objects is not None and outcome.plan is not None else ()


def previewed(options: CompileOptions, run: RunOptions, sources: Sequence[Source]) -> Compiled:
    """Compile sources up to the plan, for what is shown to people."""
    from rlsplit import preview

    target, cluster = target_of(run)
    if cluster.is_refused:
        raise CommandError("; ".join(str(finding) for finding in cluster.findings))
    return preview.previewed(compiled(options, sources, target, until="plan"), target)
