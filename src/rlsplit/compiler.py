"""The compiler: sources in; a configuration, its split, a plan and objects out, as far as they could be made.

One function strings the stages together for every door: the command line, the API, previews and diffs. Stages are
imported when they are reached, so that a check of a config loads no more than it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from rlsplit.config.kinds import kind_named, kind_of
from rlsplit.config.resolve import Given, Resolution, resolve, resolve_both
from rlsplit.config.rules import KindName, Mode
from rlsplit.document import Document, Source, read
from rlsplit.findings import ConfigError, Finding, KeyPath, Mark, has_errors, located
from rlsplit.overrides import SOURCE_NAME as OVERRIDES
from rlsplit.releases.image import image_of, not_hosted
from rlsplit.releases.release import MAIN, NEWEST, Release, Served
from rlsplit.releases.renderers import renderers_beyond
from rlsplit.run import Run

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig
    from rlsplit.planning import RunPlan
    from rlsplit.platform import Platform
    from rlsplit.secrets import Secrets
    from rlsplit.splitting import JsonObject, Split

OnUnknown = Literal["error", "warn"]
"""What an unknown key is: an error, or a warning that passes it through to the component."""

Stage = Literal["config", "split", "plan", "objects"]
"""How far to compile."""

_STAGES: Final[tuple[Stage, ...]] = ("config", "split", "plan", "objects")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a configuration is planned and rendered for."""

    run: Run = field(default_factory=Run)
    platform: Platform | None = None
    """None: a plain cluster, every setting at its default."""
    secrets: Secrets | None = None
    """None leaves open what only their presence decides, until the plan is rendered."""
    redact: bool = False
    """Whether the Secret's values are replaced by one placeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What compiling gave: everything that could be made, and all findings in file order."""

    document: Document
    findings: tuple[Finding, ...]
    """Of every stage that ran, except the notes of the plan, which are the plan's."""
    config: AnyConfig | None
    """None: the config has errors."""
    hosted: AnyConfig | None = None
    """The same compiled in the hosted way, where both ways were asked for."""
    split: Split | None = None
    plan: RunPlan | None = None
    objects: list[JsonObject] | None = field(default=None, repr=False)
    """Kubernetes objects in the order of application; unless redacted, the Secret with its values among them."""

    @property
    def is_refused(self) -> bool:
        """Whether anything stands against the run, as far as it was compiled."""
        return has_errors(self.findings)

    def noted(self, notes: Iterable[Finding] | None = None) -> tuple[Finding, ...]:
        """Give the findings together with notes (those of the plan unless others are given), in file order."""
        chosen = tuple(notes if notes is not None else self.plan.notes if self.plan else ())
        return self.placed((*self.findings, *chosen)) if chosen else self.findings

    def placed(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Give findings their places in the document, in file order; tables have none."""
        marks: Mapping[KeyPath, Mark] = self.document.marks if self.document.lines else {}
        return located(findings, marks, start_of(self.document))


def compile_sources(
    sources: Sequence[Source],
    overrides: Sequence[str] = (),
    *,
    mode: Mode | Literal["both"] = "launcher",
    on_unknown: OnUnknown = "error",
    until: Stage = "config",
    target: Target | None = None,
    release: str | Release | None = None,
    kind: KindName | None = None,
    project_dir: str = "/",
) -> Outcome:
    """Compile sources (texts or tables) up to a stage; never raises for bad input.

    ``release`` is a release of prime-rl, by name, image tag or commit (``v0.8.0``). Without one, the platform's
    ``release`` decides, and else the run's image tag, as far as it names a release; the newest known stands for others.
    ``kind`` says whether it is an RL run or an SFT run; None lets the root keys tell (SFT-01). A relative
    ``slurm.project_dir`` is below ``project_dir``.

    With ``mode="both"`` the config must pass the launcher's way, which is planned, and the hosted one, which is
    :attr:`Outcome.hosted`. The run's id gives an automatic run name its suffix; without one, the configuration does.
    """
    goal = target or Target()
    document = read(sources, overrides)
    chosen = release_for(release, goal)
    started = Outcome(document=document, findings=document.findings, config=None)
    if chosen.note is not None:
        started = _with_findings(started, goal.platform.placed([chosen.note]) if goal.platform else [chosen.note])
    name = kind or kind_of(document.table)
    if name == "sft" and chosen.release is not NEWEST:
        return _continued(_with_findings(started, [_only_newest(chosen.release)]), until, goal)
    if not started.is_refused:
        given = Given(
            on_unknown="error" if on_unknown == "error" else "warning",
            name_seed=goal.run.resume_from or goal.run.id,
            release=chosen.release,
            project_dir=project_dir,
        )
        started = _configured(started, name, _way(name, mode, until), given)
    if chosen.is_image and started.config is not None:
        started = _with_findings(started, renderers_beyond(started.config))
    if mode != "launcher" and not image_of(chosen.release).is_hosted:
        started = _with_findings(started, [not_hosted(chosen.release)])
    return _continued(started, until, goal)


def retargeted(outcome: Outcome, target: Target, *, until: Stage = "plan") -> Outcome:
    """Go on from the split of an outcome with another run, platform or secrets."""
    return _continued(replace(outcome, plan=None, objects=None), until, target)


def parse(
    content: str | bytes | Mapping[str, Any],
    *,
    source: str = "rl.toml",
    mode: Mode = "launcher",
    on_unknown: OnUnknown = "error",
    run_id: str | None = None,
    release: str | Release | None = None,
    kind: KindName | None = None,
    project_dir: str = "/",
) -> AnyConfig:
    """Compile one full ``rl.toml`` or ``sft.toml``, as text or as the table that a TOML parser returns.

    It is compiled as a release of prime-rl does. ``kind`` forces the kind of run; None lets the root keys tell
    (SFT-01). A relative ``slurm.project_dir`` is below ``project_dir``.

    Raises :class:`ConfigError` with every finding, in file order. Warnings and notices alone do not refuse; ask
    :func:`compile_sources` for them.
    """
    outcome = compile_sources(
        [Source(name=source, content=content)],
        mode=mode,
        on_unknown=on_unknown,
        target=Target(run=Run(id=run_id)),
        release=release,
        kind=kind,
        project_dir=project_dir,
    )
    if outcome.config is None:
        raise ConfigError(outcome.findings)
    return outcome.config


def release_for(named: str | Release | None, goal: Target) -> Served:
    """Give the release to compile for: the one that is named, or pinned by the platform, or in the image."""
    if isinstance(named, Release):
        return Served(named)
    platform, tag = goal.platform, goal.run.image_tag
    pinned, digest = (platform.release, platform.image_digest) if platform else (None, None)
    if tag == MAIN and named is None and pinned is None and digest is None:
        return Served(NEWEST)
    from rlsplit.releases.choice import chosen

    return chosen(named, pinned, tag, is_digest=digest is not None)


def start_of(document: Document) -> Mark | None:
    """The beginning of the first text, for findings about what stands nowhere; tables have no places."""
    return next((Mark(name, 1, 1, is_whole=True) for name in document.lines if name != OVERRIDES), None)


# --- one step each ---------------------------------------------------------------------------------------------


def _configured(outcome: Outcome, name: KindName, mode: Mode | Literal["both"], given: Given) -> Outcome:
    table, kind = outcome.document.table, kind_named(name)
    if mode == "both":
        launcher, hosted = resolve_both(table, kind, given=given)
        found = _united(launcher.findings, hosted.findings)
        outcome = replace(outcome, config=_accepted(launcher), hosted=_accepted(hosted))
    else:
        resolution = resolve(table, kind, mode=mode, given=given)
        found = resolution.findings
        outcome = replace(outcome, config=_accepted(resolution))
    if any(finding.code == "B-01" for finding in found) and name == "rl":
        found = (*_other_release(table, given), *found)
    return _with_findings(outcome, _kind(outcome.document, name) or found if outcome.config is None else found)


def _way(name: KindName, mode: Mode | Literal["both"], until: Stage) -> Mode | Literal["both"]:
    """Plan SFT runs from the launcher's way in every case: the hosted one leaves online evals as they were written."""
    return "both" if name == "sft" and mode == "hosted" and until in ("plan", "objects") else mode


def _only_newest(release: Release) -> Finding:
    message = f"SFT runs of {release.tag} are not compiled; rlsplit knows those of {NEWEST.tag}"
    return Finding(code="release.sft", message=message, hint=f"use an image of {NEWEST.tag}, and name no older release")


def _other_release(table: Mapping[str, Any], given: Given) -> tuple[Finding, ...]:
    """Say first that a document with unknown keys is one of another release."""
    from rlsplit.config.release_fit import fitting_better

    return fitting_better(table, given.release, given.on_unknown)


def _kind(document: Document, name: KindName) -> tuple[Finding, ...]:
    """Say that a refused document is another kind of file: its keys would give many findings, and none that helps."""
    from rlsplit.file_kinds import kind_findings

    start = start_of(document)
    return kind_findings(document.table, start.source if start else None, name)


def _accepted(resolution: Resolution[Any]) -> AnyConfig | None:
    return None if has_errors(resolution.findings) else resolution.config


def _united(*groups: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join groups of findings: a rule that an earlier group broke at the same key is not broken once more.

    What an earlier group only warned of gives way to an error.
    """
    united: dict[tuple[str, object], list[Finding]] = {}
    for group in groups:
        new: dict[tuple[str, object], list[Finding]] = {}
        for finding in group:
            known = united.get((finding.code, finding.path), ())
            if not known or (finding.severity == "error" and not has_errors(known)):
                new.setdefault((finding.code, finding.path), []).append(finding)
        united |= new
    return tuple(finding for same in united.values() for finding in same)


def _with_findings(outcome: Outcome, more: Iterable[Finding]) -> Outcome:
    found = tuple(more)
    return replace(outcome, findings=outcome.placed((*outcome.findings, *found))) if found else outcome


def _continued(outcome: Outcome, until: Stage, target: Target) -> Outcome:
    """Run the stages after the configuration; what comes beside a refused config is still judged."""
    last = _STAGES.index(until)
    if outcome.config is None:
        return _with_findings(outcome, _given(target)) if last >= _STAGES.index("plan") else outcome
    for step in _STEPS[:last]:
        outcome = step(outcome, target)
    return outcome


def _split(outcome: Outcome, target: Target) -> Outcome:
    from rlsplit.splitting import split

    if outcome.config is None or outcome.split is not None:
        return outcome
    return replace(outcome, split=split(outcome.config))


def _planned(outcome: Outcome, target: Target) -> Outcome:
    from rlsplit.planning import plan
    from rlsplit.platform import Platform

    if outcome.split is None:
        return outcome
    told = {finding.code for finding in outcome.findings}
    platform = target.platform or Platform()
    try:
        planned = plan(outcome.split, run=target.run, platform=platform, secrets=target.secrets, told=told)
    except ConfigError as error:
        return _with_findings(outcome, error.findings)
    return replace(outcome, plan=planned)


def _rendered(outcome: Outcome, target: Target) -> Outcome:
    from rlsplit.manifests import render

    if outcome.plan is None:
        return outcome
    try:
        objects = render(outcome.plan, secrets=target.secrets, redact=target.redact)
    except ConfigError as error:
        return _with_findings(outcome, error.findings)
    return replace(outcome, objects=objects)


def _given(target: Target) -> Iterable[Finding]:
    from rlsplit.planning.run_checks import given_findings

    return given_findings(target.run, target.platform, target.secrets)


_STEPS: Final[tuple[Callable[[Outcome, Target], Outcome], ...]] = (_split, _planned, _rendered)
"""What leads to each stage after the first."""
