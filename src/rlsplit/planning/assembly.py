"""Assemble the plan: check everything, collect every finding, then put the parts together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from rlsplit.components import ROLES, TRAINER, ComponentName, ConfigId
from rlsplit.config.propagation import Propagated
from rlsplit.config.resolve import as_written
from rlsplit.findings import ConfigError, Finding, dotted, has_errors, shown
from rlsplit.planning import ports as port_tables
from rlsplit.planning.binding import bound
from rlsplit.planning.checks import config_findings, pod_findings, resume_step, router_findings
from rlsplit.planning.environment import Environment, environment, secret_values
from rlsplit.planning.host_ports import env_server_port, host_port_findings, trainer_metrics_port
from rlsplit.planning.limits import broadcast_timeout
from rlsplit.planning.model import Config, EnvServerInfo, Overlay, Pods, Port, Resume, RunPlan
from rlsplit.planning.names import env_suffix, run_names
from rlsplit.planning.notes import is_moving_tag, plan_notes
from rlsplit.planning.outside import outside_calls, outside_findings, peers_of
from rlsplit.planning.overlays import applied, engine_urls, overlays_of, policy_url
from rlsplit.planning.paths import checkpoint_dir
from rlsplit.planning.placement_checks import placement_findings
from rlsplit.planning.policy import policy_findings
from rlsplit.planning.run_checks import env_findings, given_findings, run_name_findings
from rlsplit.planning.secret_checks import known_secrets, moved_secret_findings
from rlsplit.planning.settings import Inference
from rlsplit.planning.subject import Subject, subject_of
from rlsplit.platform import Platform
from rlsplit.releases.release import NEWEST
from rlsplit.releases.spelling import as_spelled
from rlsplit.run import Run
from rlsplit.secrets import SecretName, Secrets
from rlsplit.splitting import Component, EnvServer, Split

_HUB_MODEL: Final = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}\Z")
"""A model of the hub; what begins with ``./`` is a local path."""


def plan(
    split: Split, *, run: Run, platform: Platform, secrets: Secrets | None = None, told: Collection[str] = ()
) -> RunPlan:
    """Plan a run. Raises ``ConfigError`` with every problem, at the user's own keys.

    ``secrets`` are checked, and decide what only their presence brings; no value of theirs enters the plan.
    Without them that is left open until the plan is rendered. ``told`` are the codes of what was found in the config
    before: a rule that would only say the same once more is left out.
    """
    subject = subject_of(split, run, platform)
    names = known_secrets(platform, secrets)
    _raise_on([*given_findings(run, platform, secrets), *_split_findings(subject, names or (), told)], subject)
    overlays = tuple(overlays_of(subject))
    planned = _run_plan(subject, tuple(_pods_of(subject, overlays)), overlays)
    settled = planned if names is None else bound(planned, names)
    _raise_on([*pod_findings(subject, settled.containers), *_late_findings(subject, settled)], subject)
    return replace(settled, notes=_at_written_keys(plan_notes(planned, subject, settled.secrets), subject))


def _split_findings(subject: Subject, secrets: Collection[SecretName], told: Collection[str]) -> Iterator[Finding]:
    yield from run_name_findings(subject.settings.run_name) if not subject.run.name else ()
    yield from config_findings(subject, told)
    yield from outside_findings(subject)
    yield from policy_findings(subject)
    yield from _access_mode(subject)
    yield from _resume_from(subject)
    yield from env_findings(subject.settings, secrets, subject.split.config.protected)
    yield from moved_secret_findings(subject)


def _late_findings(subject: Subject, plan: RunPlan) -> Iterator[Finding]:
    yield from router_findings(subject, plan.worker_urls)
    yield from host_port_findings(subject, plan.pods)
    yield from placement_findings(subject, plan)


def _access_mode(subject: Subject) -> Iterator[Finding]:
    """Even NCCL broadcast signals through marker files on the shared volume."""
    platform, shape = subject.platform, subject.shape
    renders_claim = _claim(subject) is None
    shared = shape.has_orchestrator or shape.trainer_pods > 1
    if renders_claim and shared and platform.access_mode != "ReadWriteMany":
        yield Finding(
            code="platform.access-mode",
            about="platform",
            path=("platform", "access_mode"),
            message=f"several pods share the volume, and {platform.access_mode} gives it to one node",
            hint="ReadWriteMany",
        )


def _resume_from(subject: Subject) -> Iterator[Finding]:
    """A run that continues another one reads the checkpoints of that one, and has to read some."""
    trainer, resume_from = subject.settings.trainer, subject.run.resume_from
    if resume_from is None:
        return
    if not trainer.resumes:
        message = "the config does not resume, and trainer 0 refuses to start over checkpoints"
        hint = f"write {subject.image.resuming}"
    elif trainer.resume_dir.value is not None:
        message = f"the config names another checkpoint, {shown(trainer.resume_dir.value)}"
        hint = f"keep one of the two: {dotted(trainer.resume_dir.key)} or resumeFrom"
    else:
        return
    yield Finding(code="plan.resume-from", about="run", path=("resumeFrom",), message=message, hint=hint)


def _claim(subject: Subject) -> str | None:
    """The claim that is there already; None: one is rendered."""
    run, platform = subject.run, subject.platform
    resumed = run_names(subject.run_name, run.resume_from, platform).claim if run.resume_from else None
    return run.volume or platform.existing_claim or resumed


def _raise_on(findings: Sequence[Finding], subject: Subject) -> None:
    if has_errors(findings):
        raise ConfigError(_at_written_keys(findings, subject))


def _at_written_keys(findings: Iterable[Finding], subject: Subject) -> tuple[Finding, ...]:
    """Point at the shared key where a value was written once for several components, and into the platform's file."""
    provenance = subject.split.config.provenance
    found = as_written(findings, Propagated(table={}, fills=provenance.fills, conflicts=()))
    if provenance.release is not NEWEST:
        found = as_spelled(found, provenance.written, provenance.release)
    return subject.platform.placed(found)


ByConfig = Mapping[ConfigId, Sequence[Overlay]]
Environments = Mapping[ComponentName, Environment]
"""The environment of each component."""


def _pods_of(subject: Subject, overlays: Iterable[Overlay]) -> Iterator[Pods]:
    """The pods of every component, configs overlaid with what needs no secret."""
    split, settings, shape, platform = subject.split, subject.settings, subject.shape, subject.platform
    engines = shape.engine_components
    names: list[ComponentName] = [n for n in ROLES if n != "env-server" and (n in engines or not ROLES[n].has_engines)]
    envs: Environments = {name: environment(name, subject) for name in names}
    always: dict[ConfigId, list[Overlay]] = defaultdict(list)
    for overlay in overlays:
        if overlay.needs is None:
            always[overlay.config].append(overlay)
    ports = port_tables.trainer_ports(settings.trainer, shape, platform, trainer_metrics_port(subject))
    config = _config(TRAINER, _of_pods(split.trainer, subject), always, file=_trainer_file(subject))
    yield _pods(subject, envs, "trainer", shape.trainer_pods, ports, config, gpus=shape.trainer_gpus)
    driver, driver_config = settings.driver, subject.driver_config
    if shape.has_orchestrator and driver_config is not None:
        ports = port_tables.orchestrator_ports(settings.orchestrator)
        config = _config(ConfigId(driver), driver_config, always)
        sidecars = tuple(_env_server(subject, server, always, ()) for server in subject.env_sidecars)
        yield replace(_pods(subject, envs, driver, 1, ports, config), sidecars=sidecars)
    if shape.has_inference and split.inference is not None and settings.inference is not None:
        yield from _inference(subject, envs, split.inference, settings.inference, always)
    for server in subject.env_pods:
        ports = port_tables.env_server_ports(env_server_port(subject, server.index))
        yield _env_server(subject, server, always, ports)


def _inference(
    subject: Subject, envs: Environments, inference: Component, settings: Inference, overlays: ByConfig
) -> Iterator[Pods]:
    shape = subject.shape
    for component, ports in port_tables.engine_pod_ports(settings, shape).items():
        groups = shape.groups_of(component)
        count = groups.pods_per_replica * shape.replicas if groups else shape.inference_pods
        config = _config(ConfigId(component), inference, overlays)
        pods = _pods(subject, envs, component, count, ports, config, gpus=shape.inference_gpus)
        yield pods if groups is None else replace(pods, groups=groups)
    if shape.has_router_pod:
        yield _pods(subject, envs, "router", 1, port_tables.router_ports(settings.router_port), None)


def _env_server(subject: Subject, server: EnvServer, overlays: ByConfig, ports: tuple[Port, ...]) -> Pods:
    config = _config(ConfigId("env-server", server.id), server.config, overlays)
    info = EnvServerInfo(
        id=server.id,
        name=server.name,
        segment=subject.segments[server.id],
        local_port=None if ports else subject.settings.orchestrator.env_server_base_port.value + server.index,
    )
    envs: Environments = {"env-server": environment("env-server", subject, subject.source_of(server.id))}
    return _pods(subject, envs, "env-server", 1, ports, config, env_server=info)


def _pods(
    subject: Subject,
    envs: Environments,
    component: ComponentName,
    count: int,
    ports: tuple[Port, ...],
    config: Config | None,
    *,
    gpus: int = 0,
    env_server: EnvServerInfo | None = None,
) -> Pods:
    suffix = env_suffix(env_server.id.index, env_server.name) if env_server else component
    return Pods(
        component=component,
        suffix=suffix,
        hosts=tuple(subject.names.host(suffix, index) for index in range(count)),
        gpus=gpus,
        ports=ports,
        env=envs[component].plain,
        secret_env=envs[component].secret,
        config=config,
        env_server=env_server,
    )


def _trainer_file(subject: Subject) -> str:
    return "trainer.json" if subject.settings.sft is None else "sft.json"


_LAUNCH_ONLY: Final = frozenset({"deployment", "slurm", "dry_run", "clean", "inference"})
"""What SFT's trainer file leaves out on several machines, and loads to the same values without (SFT-77)."""


def _of_pods(trainer: Component, subject: Subject) -> Component:
    """The trainer's config without what describes the launch: pods get the form of several machines."""
    if subject.settings.sft is None:
        return trainer
    resolved, sparse = (
        {key: value for key, value in form.items() if key not in _LAUNCH_ONLY}
        for form in (trainer.resolved, trainer.sparse)
    )
    return Component(resolved=resolved, sparse=sparse)


def _config(owner: ConfigId, config: Component, overlays: ByConfig, file: str | None = None) -> Config:
    own, usual = overlays.get(owner, ()), ROLES[owner.component].config_file
    assert usual is not None, "who has a config has a file for it"
    return Config(
        file=file or usual,
        sparse=applied(config.sparse, own),
        resolved=applied(config.resolved, own),
    )


def _run_plan(subject: Subject, pods: tuple[Pods, ...], overlays: tuple[Overlay, ...]) -> RunPlan:
    """Everything together, without notes."""
    run, platform, settings = subject.run, subject.platform, subject.settings
    inference = settings.inference if subject.shape.has_inference else None
    outside = outside_calls(subject)
    return RunPlan(
        release=subject.release,
        run_id=subject.run_id,
        run_name=subject.run_name,
        attempt=run.attempt,
        team_id=run.team_id,
        gpu_type=run.gpu_type,
        image=_image(platform, run.image_tag),
        image_tag=run.image_tag,
        image_pull_policy=_pull_policy(platform, run.image_tag),
        names=subject.names,
        shape=subject.shape,
        run_dir=subject.run_dir,
        ckpt_dir=checkpoint_dir(subject),
        hf_home=subject.hf_home,
        claim=_claim(subject),
        server_port=_server_port(subject, inference),
        worker_urls=engine_urls(subject),
        router_policy=inference.router_policy.value if inference else None,
        liveness_timeout_seconds=inference.liveness_timeout if inference else 0,
        broadcast_timeout_seconds=broadcast_timeout(subject),
        ranks_filter=settings.trainer.ranks_filter,
        resume=_resume(subject),
        prefetch=_prefetch(subject),
        settings=settings,
        policy_url=policy_url(subject),
        pods=pods,
        overlays=overlays,
        notes=(),
        outside=outside,
        peers=peers_of(outside, subject),
        tunnelling=tuple(subject.names.host_prefix(pods.suffix) for pods in pods if _has_sandboxes(subject, pods)),
        secret_env_values=secret_values(subject.secret_keys),
        secrets=None,
        platform=platform,
    )


def _server_port(subject: Subject, inference: Inference | None) -> int | None:
    if inference is None:
        return None
    return (inference.router_port if subject.shape.has_router_pod else inference.port).value


def _has_sandboxes(subject: Subject, pods: Pods) -> bool:
    """Whether pods serve an environment whose agents run in sandboxes elsewhere."""
    server = pods.env_server
    return server is not None and subject.source_of(server.id).has_sandboxes


def _image(platform: Platform, tag: str) -> str:
    if platform.image_digest is not None:
        return f"{platform.image_repository}@{platform.image_digest}"
    return f"{platform.image_repository}:{tag}"


def _pull_policy(platform: Platform, tag: str) -> Literal["Always", "IfNotPresent", "Never"]:
    if platform.image_pull_policy != "auto":
        return platform.image_pull_policy
    return "Always" if platform.image_digest is None and is_moving_tag(tag) else "IfNotPresent"


def _resume(subject: Subject) -> Resume | None:
    trainer = subject.settings.trainer
    if not trainer.resumes:
        return None
    directory = trainer.resume_dir.value
    step = trainer.resume_step.value if directory is None else resume_step(directory)
    return Resume(step=step, has_dir=directory is not None, is_required=subject.run.resume_from is not None)


def _prefetch(subject: Subject) -> tuple[str, ...]:
    """Models of the hub that several processes would otherwise download at once; each once."""
    if not (subject.platform.prefetch_model and subject.has_shared_cache()):
        return ()
    inference, trainer = subject.settings.inference, subject.settings.trainer
    names = [trainer.model.value, *([inference.model.value] if inference and subject.shape.has_inference else [])]
    wanted = [name for name in names if not (trainer.has_random_weights and name == trainer.model.value)]
    return tuple(dict.fromkeys(name for name in wanted if _HUB_MODEL.match(name)))
