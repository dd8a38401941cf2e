"""What the user should know about a plan that runs: replaced values, paths off the volume, and what lasts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rlsplit.components import ComponentName
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.planning.cluster_notes import cluster_notes
from rlsplit.planning.environment import fixed_variables, has_variable
from rlsplit.planning.exposed import exposed_secrets
from rlsplit.planning.image_checks import environments_inside
from rlsplit.planning.limits import shortened_waits
from rlsplit.planning.model import Overlay, OverlayName, RunPlan
from rlsplit.planning.paths import lost_paths, relative_paths
from rlsplit.planning.replaced import replaced_notes
from rlsplit.planning.said import note
from rlsplit.planning.settings import DATASET_MOUNT, MultiNode, RunSettings, Value
from rlsplit.planning.side_notes import side_notes
from rlsplit.planning.subject import Subject, env_tables
from rlsplit.secrets import RUN_SECRETS, SecretName

_FIXED_TAG: Final = re.compile(r"v?\d+\.\d+\.\d+\Z|sha-[0-9a-f]+\Z|[0-9a-f]{40}\Z")


def is_moving_tag(tag: str) -> bool:
    """Whether a tag may name another image tomorrow: everything but versions and commits."""
    return _FIXED_TAG.match(tag) is None


def plan_notes(plan: RunPlan, subject: Subject, secrets: Collection[SecretName] | None) -> Iterator[Finding]:
    """Give every note about a plan, in a fixed order; ``secrets`` are those that the run has, None: not known yet."""
    yield from _overlay_notes(plan)
    yield from replaced_notes(subject.split.config)
    yield from _moved_root_env(subject)
    for check in _CONFIG_NOTES:
        yield from check(subject)
    if subject.settings.sft is not None:
        from rlsplit.planning.sft_checks import sft_notes

        yield from sft_notes(subject, subject.settings.sft)
    yield from exposed_secrets(plan)
    yield from _without_keys(subject, secrets) if secrets is not None else ()
    yield from _lasting(plan, subject)
    yield from cluster_notes(plan, subject)
    yield from side_notes(plan, subject)


@dataclass(frozen=True, slots=True)
class _Noted:
    """When an overlay is worth a note, and at which key of the user."""

    path: KeyPath
    matters: Callable[[Any, Any], bool]
    """Of the replaced and the new value."""


def _is_foreign_host(replaced: Any, _: Any) -> bool:
    return isinstance(replaced, str) and not is_loopback(replaced)


def _differs(replaced: Any, value: Any) -> bool:
    return replaced is not None and replaced != value


def _has_foreign_url(replaced: Any, _: Any) -> bool:
    hosts = [endpoint(str(url)) for url in replaced or ()]
    return any(host is not None and not is_loopback(host[0]) for host in hosts)


def _is_absolute(replaced: Any, _: Any) -> bool:
    return isinstance(replaced, str) and replaced.startswith("/")


_NOTED: Final[Mapping[OverlayName, _Noted]] = {
    "run-directory": _Noted(("output_dir",), _is_absolute),
    "trainer-metrics": _Noted(("trainer", "metrics_server"), _differs),
    "broadcast-bind": _Noted(("weight_broadcast", "host"), _is_foreign_host),
    "broadcast-host": _Noted(("weight_broadcast", "host"), _is_foreign_host),
    "rollouts-host": _Noted(("rollout_transport", "host"), _is_foreign_host),
    "rollouts-bind": _Noted(("rollout_transport", "host"), _is_foreign_host),
    "engine-urls": _Noted(("orchestrator", "model", "client", "admin_base_url"), _has_foreign_url),
    "server-bind": _Noted(("inference", "server", "host"), _is_foreign_host),
}
"""Overlays that replace what the user may have chosen; those of the engines repeat what prime-rl's launcher does."""


def _overlay_notes(plan: RunPlan) -> Iterator[Finding]:
    seen: set[tuple[KeyPath, str]] = set()
    for overlay in plan.overlays:
        for path, message in _overlay_note(overlay, plan.settings):
            if (path, message) not in seen:
                seen.add((path, message))
                yield note(f"overlay-{overlay.id}", path, message)


def _overlay_note(overlay: Overlay, settings: RunSettings) -> Iterator[tuple[KeyPath, str]]:
    noted = _NOTED.get(overlay.id)
    in_root: KeyPath | None = (
        None if settings.sft is None else settings.root_key(overlay.config.component, overlay.path)
    )
    if noted is not None and overlay.replaced != overlay.value and noted.matters(overlay.replaced, overlay.value):
        path = (*noted.path, overlay.path[-1]) if overlay.id == "trainer-metrics" else noted.path
        yield in_root or path, f"{shown(overlay.replaced)} is replaced by {shown(overlay.value)}: {overlay.reason}"
    elif overlay.id == "world-size" and _differs(overlay.replaced, overlay.value):
        message = f"inference_world_size is {overlay.value}, not {overlay.replaced}: {overlay.reason}"
        yield ("weight_broadcast",), message
    elif overlay.id == "secret-env":
        yield in_root or (overlay.config.component, *overlay.path), _MOVED


_MOVED: Final = "the value is moved to the run's Secret"


def _moved_root_env(subject: Subject) -> Iterator[Finding]:
    for name, value in sorted(subject.settings.env_vars.value.items()):
        if subject.is_secret(name, value):
            yield note("overlay-secret-env", (*subject.settings.env_vars.key, name), _MOVED)


def _gateway(subject: Subject) -> Iterator[Finding]:
    url = subject.settings.orchestrator.base_url
    called = endpoint(url.value)
    if subject.shape.has_inference and called is not None and not is_loopback(called[0]):
        message = f"requests go to {shown(url.value)}, not to the run's own router"
        yield note("own-gateway", url.key, message, "leave it out to use the router")


def _slurm(subject: Subject) -> Iterator[Finding]:
    slurm = subject.settings.has_slurm
    if slurm.value:
        yield note("slurm", slurm.key, "SLURM settings have no effect on Kubernetes")


def _clean(subject: Subject) -> Iterator[Finding]:
    clean = subject.settings.clean
    if clean.value:
        message = "has no effect: every run has a directory of its own, so there is nothing to clean"
        yield note("clean", clean.key, message, "leave it out, or take another run id")


def _orchestrator_place(subject: Subject) -> Iterator[Finding]:
    deployment = subject.settings.deployment
    if isinstance(deployment, MultiNode) and deployment.orchestrator_on_inference.value:
        message = "has no effect: the orchestrator has a pod of its own"
        yield note("orchestrator-on-inference", deployment.orchestrator_on_inference.key, message)


def _local_models(subject: Subject) -> Iterator[Finding]:
    mounts = [f"{subject.platform.mount_path.rstrip('/')}/"]
    if subject.platform.dataset_mount:
        mounts.append(f"{DATASET_MOUNT}/")
    inference = subject.settings.inference
    for model in (subject.settings.trainer.model, *((inference.model,) if inference else ())):
        if model.value.startswith("/") and not model.value.startswith(tuple(mounts)):
            yield note("local-model", model.key, f"{shown(model.value)} must exist in the image", None, "warning")


def _external_inference(subject: Subject) -> Iterator[Finding]:
    if subject.shape.external_inference:
        message = "the server must mount the run's volume at the same path, to read new weights"
        key = subject.settings.orchestrator.base_url.key
        yield note("external-inference", key, message, None, "warning")


def _sequence_lengths(subject: Subject) -> Iterator[Finding]:
    """What one part cuts off before another one ends."""
    settings, orchestrator = subject.settings, subject.settings.orchestrator
    if not subject.shape.has_orchestrator or settings.sft is not None:
        return
    longest = orchestrator.seq_len
    model = settings.inference.max_model_len if settings.inference else None
    if model is not None and model.value is not None and 0 < model.value < longest.value:
        message = f"engines end every rollout at {model.value} tokens, before seq_len = {longest.value}"
        yield note("sequence-length", model.key, message, f"at least {longest.value}, or a shorter seq_len")
    for tokens in (orchestrator.max_completion_tokens, *(source.max_completion_tokens for source in settings.sources)):
        if tokens.value is not None and tokens.value > longest.value:
            message = f"one turn may have {tokens.value} tokens, of which seq_len = {longest.value} are trained on"
            yield note("sequence-length", tokens.key, message, f"at most {longest.value}, or a longer seq_len")


def _replaced_variables(subject: Subject) -> Iterator[Finding]:
    """Variables of the config that planning sets in every pod that would get them."""
    for owner, table in env_tables(subject.settings):
        fixed = fixed_variables(owner, subject)
        for name in sorted(table.value.keys() & fixed.keys()):
            message = f"has no effect: pods get {shown(fixed[name])}"
            hint = "set hf_home of the platform" if name == "HF_HOME" else "leave it out"
            yield note("env-var-replaced", (*table.key, name), message, hint)


def _slashed_names(subject: Subject) -> Iterator[Finding]:
    named = {(source.split, source.position): source.name for source in subject.settings.sources}
    for server in subject.split.env_servers if subject.shape.has_orchestrator else ():
        if "/" in server.name:
            called = shown(subject.segments[server.id])
            message = f"{shown(server.name)} is {called} on the cluster; prime-rl's own launcher cannot serve it"
            yield note("env-name-path", named[server.split, server.position], message, "write a name without '/'")


def _without_keys(subject: Subject, secrets: Collection[SecretName]) -> Iterator[Finding]:
    """Monitors that log in with a key which no pod of theirs has."""
    trainer, orchestrator = subject.settings.trainer, subject.settings.orchestrator
    monitors: tuple[tuple[Value[bool], ComponentName, SecretName], ...] = (
        (trainer.wandb, "trainer", "wandb_api_key"),
        (orchestrator.wandb, "orchestrator", "wandb_api_key"),
        (orchestrator.prime_monitor, "orchestrator", "prime_api_key"),
    )
    has_own = subject.shape.has_orchestrator and subject.settings.sft is None
    for monitor, component, name in monitors if has_own else monitors[:1]:
        variable = RUN_SECRETS[name].variable
        if monitor.value and name not in secrets and not has_variable(variable, component, subject):
            message = f"the {component} has no {variable}"
            hint = f"give the secret, or leave the monitor out{'' if name != 'wandb_api_key' else ', or offline'}"
            yield note("monitor-without-key", monitor.key, message, hint, "warning")


def _unserved(subject: Subject) -> Iterator[Finding]:
    """Sources that were set aside have no server planned."""
    served = {(server.split, server.position) for server in subject.split.env_servers}
    is_asked = subject.shape.has_orchestrator and subject.image.has_env_server_files
    for source in subject.settings.sources if is_asked else ():
        if source.address.value is None and (source.split, source.position) not in served:
            message = "no environment server is planned for this source"
            yield note("env-unserved", source.key, message, "set serve.address", "warning")


_CONFIG_NOTES: Final[tuple[Callable[[Subject], Iterable[Finding]], ...]] = (
    _gateway,
    _slurm,
    _clean,
    _orchestrator_place,
    lost_paths,
    relative_paths,
    shortened_waits,
    _sequence_lengths,
    _replaced_variables,
    _slashed_names,
    _local_models,
    _external_inference,
    _unserved,
    environments_inside,
)


def _lasting(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    if plan.platform.image_digest is None and is_moving_tag(plan.image_tag):
        message = f"the tag {shown(plan.image_tag)} moves: pods of one run may start different code"
        yield _given("moving-tag", ("imageTag",), message, "set the platform's image_digest")
    if subject.run.id is None:
        message = f"no run id was given; {plan.run_id} changes with the config, and the run's directory with it"
        yield _given("derived-run-id", ("runId",), message, "give a run id")
    if plan.resume is None and subject.shape.has_orchestrator:
        yield from _no_resume(plan, str(subject.image.resuming))


def _no_resume(plan: RunPlan, resuming: str) -> Iterator[Finding]:
    hint = f"write {resuming}"
    if plan.attempt > 1:
        message = f"attempt {plan.attempt} without resume: trainer 0 refuses once there are checkpoints"
        yield note("attempt-without-resume", ("resume",), message, hint, "warning")
    if plan.platform.queue_name is not None:
        message = "a preempted run starts again from its config: trainer 0 refuses once there are checkpoints"
        yield note("queue-without-resume", ("resume",), message, hint, "warning")


def _given(code: str, path: KeyPath, message: str, hint: str) -> Finding:
    """About what came beside the config."""
    return replace(note(code, path, message, hint), about="run")
