"""What this target cannot run: every rule a small function that yields findings at the user's own keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rlsplit.components import ComponentName
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import MAX_ARGUMENT_BYTES, endpoint, is_loopback
from rlsplit.planning.image_checks import MAX_PORT, looked_up_servers, ranks_behind_router, servers_beside
from rlsplit.planning.lookup import DISAGGREGATED
from rlsplit.planning.model import Pods, Port
from rlsplit.planning.paths import outside_run
from rlsplit.planning.ports import ROUTER_METRICS_OFFSET, inner_ports
from rlsplit.planning.said import error
from rlsplit.planning.settings import EnvSource, MultiNode, RunSettings, SingleNode, Value
from rlsplit.planning.side_checks import SIDE_CHECKS
from rlsplit.planning.start_checks import docker_runtime, train_source, trainer_parallel
from rlsplit.planning.subject import Subject

MAX_NAME_BYTES: Final = 253
MAX_CONFIG_BYTES: Final = 1_000_000
"""A ConfigMap holds 1 MiB in all; a config comes in one when it does not fit its startup script."""

MAX_PODS: Final = 1000
"""Pods of one Job, each with a host name of its own."""
MAX_ENGINES: Final = 1500
"""No list of more engines fits ``MAX_ARGUMENT_BYTES``, however short the names."""

_POLICY: Final = re.compile(r"[a-z_]+\Z")
_ADDRESS: Final = re.compile(r"tcp://[^\s/@]+:\d{1,5}\Z")
_STEP_DIR: Final = re.compile(r"step_(\d{1,18})\Z")


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """One rule of the target."""

    find: Callable[[Subject], Iterable[Finding]]
    restates: frozenset[str] = frozenset()
    """Rules after which it would only say once more what they said: it is left out when one of them was broken."""
    is_of_rl: bool = False
    """Whether it is about what only RL runs have: rollouts, and who makes them."""


def frozen_models(settings: RunSettings) -> tuple[Value[str], ...]:
    """Give ``base_url`` of every model that is neither trained nor started here."""
    models = (*settings.frozen_models, *(model for source in settings.sources for model in source.frozen_models))
    return tuple(model.base_url for model in models)


def resume_step(resume_dir: str) -> int | None:
    """Read the step of a ``step_<n>`` folder, None if it is called otherwise."""
    match = _STEP_DIR.match(resume_dir.rstrip("/").rpartition("/")[2])
    return int(match[1]) if match else None


def _disaggregated(subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    if inference is None or inference.layout.value != DISAGGREGATED:
        return
    if not subject.image.can_disaggregate:
        message = f"the image of {subject.release.tag} has no packages for prefill and decode"
        hint = "use multi_node, or an image of the newest release"
        yield error("disaggregated-inference", inference.layout.key, message, hint)
    elif "disaggregated" not in subject.platform.features:
        message = "prefill and decode need a NIXL built against UCX 1.19, DeepEP, and the router for them in the image"
        hint = 'set features = ["disaggregated"] of the platform if yours has them, else use multi_node'
        yield error("disaggregated-inference", inference.layout.key, message, hint)


def _llmd_router(subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    if inference is not None and inference.router.value == "llm-d":
        message = "the image holds neither llm-d's endpoint picker nor its Envoy and sidecar"
        yield error("llm-d-router", inference.router.key, message, "use vllm-router")


def _mooncake(subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    if inference is not None and inference.offload.value == "mooncake":
        message = "mooncake needs a store process on every node"
        yield error("mooncake-offload", inference.offload.key, message, "use native")


def _no_router(subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    if inference is not None and inference.router.value is None and subject.shape.has_router_pod:
        message = "a multi-node run needs a router in front of its engines"
        yield error("no-router", inference.router.key[:-1], message, 'write type = "vllm-router"')


def _router_policy(subject: Subject) -> Iterator[Finding]:
    policy = subject.settings.inference.router_policy if subject.settings.inference else None
    if policy is not None and policy.value is not None and not _POLICY.match(policy.value):
        message = f"{shown(policy.value)} is no routing policy: it may hold lower-case letters and '_' only"
        yield error("router-policy", policy.key, message)


def _counts(subject: Subject) -> Iterator[Finding]:
    """Counts of which there is at least one, and those that may be zero."""
    deployment = subject.settings.deployment
    if isinstance(deployment, SingleNode):
        wanted: tuple[Value[int], ...] = (deployment.gpus_per_node, deployment.train_gpus)
        optional: Value[int | None] = deployment.infer_gpus
    else:
        wanted = (deployment.gpus_per_node, deployment.train_nodes, deployment.infer_replicas)
        optional = deployment.infer_nodes
    too_few: list[Value[Any]] = [count for count in wanted if count.value < 1]
    for count in [*too_few, *([optional] if (optional.value or 0) < 0 else [])]:
        yield error("count", count.key, f"is {count.value}", "must be at least 1")


def _crowds(subject: Subject) -> Iterator[Finding]:
    """Bound what is listed one by one later, before anything is."""
    shape, deployment = subject.shape, subject.settings.deployment
    if not isinstance(deployment, MultiNode):
        return
    if shape.trainer_pods > MAX_PODS:
        yield error("count", deployment.train_nodes.key, f"is {shape.trainer_pods}", f"must be at most {MAX_PODS}")
    if shape.inference_pods * shape.engines > MAX_ENGINES:
        message = f"{shape.inference_pods * shape.engines} engines are more than a router's command line holds"
        yield error("too-many-engines", deployment.infer_replicas.key, message, "use fewer engines")


def _engine_size(subject: Subject) -> Iterator[Finding]:
    inference = subject.settings.inference
    if inference is not None and inference.tensor_parallel.value < 1:
        yield error("count", inference.tensor_parallel.key, "no GPU per engine", "must be at least 1")


def _fake_data(subject: Subject) -> Iterator[Finding]:
    fake, deployment = subject.settings.trainer.has_fake_data, subject.settings.deployment
    if fake.value:
        return
    if isinstance(deployment, MultiNode):
        if subject.shape.nodes_per_replica == 0:
            message = "without inference nodes no rollouts would come"
            hint = "set trainer.data.fake, or deployment.num_infer_nodes"
            yield error("no-rollouts", fake.key, message, hint)
    elif subject.settings.inference is not None and deployment.infer_gpus.value == 0:
        hint = "at least 1, or set trainer.data.fake"
        yield error("no-inference-gpus", deployment.infer_gpus.key, "[inference] needs a GPU", hint)


def _external_inference(subject: Subject) -> Iterator[Finding]:
    if not subject.shape.external_inference:
        return
    if not subject.platform.allow_external_inference:
        yield error("inference-required", ("inference",), "this platform runs its own inference", "add [inference]")
        return
    url = subject.settings.orchestrator.base_url
    if _is_unreachable(url.value):
        message = f"{shown(url.value)} would be the {subject.settings.driver} pod itself, where no server runs"
        yield error("loopback-base-url", url.key, message, "add [inference], or name the server's host")


def _gpu_arithmetic(subject: Subject) -> Iterator[Finding]:
    deployment, shape = subject.settings.deployment, subject.shape
    total = deployment.gpus_per_node.value
    if isinstance(deployment, SingleNode):
        train = shape.trainer_gpus
        infer = shape.inference_gpus if shape.has_inference else 0
        if train + infer > total:
            message = f"{train} GPUs for training and {infer} for inference are {train + infer}, a node has {total}"
            hint = "lower one of them, raise deployment.gpus_per_node, or use multi_node"
            yield error("too-many-gpus", deployment.train_gpus.key, message, hint)
    inference = subject.settings.inference
    if inference is not None and shape.has_inference and shape.inference_gpus % shape.tensor_parallel:
        message = f"{shape.tensor_parallel} GPUs an engine do not divide the {shape.inference_gpus} of an inference pod"
        hint = f"a divisor of {shape.inference_gpus}"
        yield error("tensor-parallel", inference.tensor_parallel.key, message, hint)


def _expert_parallel(subject: Subject) -> Iterator[Finding]:
    shape, inference = subject.shape, subject.settings.inference
    gpus = shape.nodes_per_replica * shape.inference_gpus
    if inference is None or inference.layout.value == DISAGGREGATED:
        return
    ranks, wanted = inference.data_parallel, gpus // shape.tensor_parallel
    if shape.expert_parallel and gpus % shape.tensor_parallel == 0 and ranks.value != wanted:
        message = f"{ranks.value} ranks of {shape.tensor_parallel} GPUs do not fill the {gpus} GPUs of a replica"
        yield error("data-parallel", ranks.key, message, f"must be {wanted}")


def _broadcast_host(subject: Subject) -> Iterator[Finding]:
    broadcast = subject.settings.orchestrator.broadcast
    if not subject.shape.has_orchestrator or broadcast.type != "nixl" or broadcast.meets is None:
        return
    host = broadcast.meets.host
    if is_loopback(host.value):
        message = f"{shown(host.value)} would be each pod's own; nothing here starts a ModelExpress server"
        yield error("nixl-host", host.key, message, "name a ModelExpress server")


def _port_ranges(subject: Subject) -> Iterator[Finding]:
    for port, most, why in _port_limits(subject):
        if not 1 <= port.value <= most:
            yield error("port-range", port.key, f"{port.value} is not in 1..{most}: {why}", f"at most {most}")


def _port_limits(subject: Subject) -> Iterator[tuple[Value[int], int, str]]:
    """Every port that the config chooses, the highest number it may have, and why."""
    shape, settings = subject.shape, subject.settings
    if shape.has_inference and settings.inference is not None:
        why = f"the router's metrics take port + {ROUTER_METRICS_OFFSET}"
        yield settings.inference.router_port, MAX_PORT - ROUTER_METRICS_OFFSET, why
        last, sides = MAX_PORT - shape.engines + 1, settings.inference.sides.values()
        for first in [side.port for side in sides] if shape.groups else [settings.inference.backend_port]:
            yield first, last, f"{shape.engines} engines take a port each"
    if shape.has_orchestrator:
        if settings.orchestrator.rollouts is not None:
            yield settings.orchestrator.rollouts.port, MAX_PORT - 1, "port + 1 is used too"
        if settings.trainer.broadcast.meets is not None:
            yield settings.trainer.broadcast.meets.port, MAX_PORT, "there are no more ports"


def _rollout_ports(subject: Subject) -> Iterator[Finding]:
    ours, theirs = subject.settings.trainer.rollouts, subject.settings.orchestrator.rollouts
    if not subject.shape.has_orchestrator or ours is None or theirs is None or ours.port.value == theirs.port.value:
        return
    message = f"the trainer would call port {ours.port.value}, the orchestrator listens on {theirs.port.value}"
    yield error("rollout-ports", ours.port.key, message, "write one port for both")


def _env_names(subject: Subject) -> Iterator[Finding]:
    named = {(source.split, source.position): source.name for source in subject.settings.sources}
    for server in subject.split.env_servers if subject.shape.has_orchestrator else ():
        name = server.name
        if "\0" in name or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            message = f"{shown(name)} cannot be part of a path"
            hint = f"give the source a name without NUL, at most {MAX_NAME_BYTES} bytes"
            yield error("env-name", named[server.split, server.position], message, hint)


def _env_addresses(subject: Subject) -> Iterator[Finding]:
    for source in subject.settings.sources if subject.shape.has_orchestrator else ():
        if source.address.value is not None:
            yield from _env_address(source, subject.settings.driver)


def _env_address(source: EnvSource, driver: ComponentName) -> Iterator[Finding]:
    address = str(source.address.value)
    called = endpoint(address) if _ADDRESS.match(address) else None
    if called is None or not called[1]:
        yield error("env-address", source.address.key, f"{shown(address)} is no address", "write tcp://<host>:<port>")
    elif is_loopback(called[0]):
        message = f"{shown(address)} would be the {driver} pod itself, where no server runs"
        yield error("env-address", source.address.key, message, "leave it out, or name the server's host")


def _frozen_models(subject: Subject) -> Iterator[Finding]:
    for url in frozen_models(subject.settings) if subject.shape.has_orchestrator else ():
        if _is_unreachable(url.value):
            message = f"{shown(url.value)} would be the pod's own address; nothing here starts this model"
            yield error("frozen-model", url.key, message, "name the host that serves it")


def _resume_dir(subject: Subject) -> Iterator[Finding]:
    resume = subject.settings.trainer.resume_dir
    if resume.value is None:
        return
    mount = subject.platform.mount_path.rstrip("/")
    if not resume.value.startswith(f"{mount}/") or ".." in resume.value.split("/"):
        message = f"{shown(resume.value)} is not visible in the pod"
        yield error("resume-dir", resume.key, message, f"name a folder below {mount}")
    elif resume_step(resume.value) is None:
        message = f"{shown(resume.value)} does not tell its step"
        yield error("resume-dir", resume.key, message, "name a folder step_<n>")


_NEEDS_INFERENCE: Final = frozenset({"H-07"})

CHECKS: Final = (
    PlanCheck(_disaggregated, restates=frozenset({"H-06"})),
    PlanCheck(_llmd_router),
    PlanCheck(_mooncake),
    PlanCheck(_no_router),
    PlanCheck(_router_policy),
    PlanCheck(_counts),
    PlanCheck(_crowds),
    PlanCheck(_engine_size),
    PlanCheck(trainer_parallel),
    PlanCheck(train_source, is_of_rl=True),
    PlanCheck(docker_runtime),
    PlanCheck(_fake_data, restates=_NEEDS_INFERENCE, is_of_rl=True),
    PlanCheck(_external_inference, restates=_NEEDS_INFERENCE),
    PlanCheck(_gpu_arithmetic),
    PlanCheck(_expert_parallel, is_of_rl=True),
    PlanCheck(_broadcast_host, is_of_rl=True),
    PlanCheck(_port_ranges),
    PlanCheck(_rollout_ports, is_of_rl=True),
    PlanCheck(_env_names),
    PlanCheck(_env_addresses),
    PlanCheck(_frozen_models),
    PlanCheck(_resume_dir),
    PlanCheck(servers_beside),
    PlanCheck(looked_up_servers),
    PlanCheck(ranks_behind_router),
    PlanCheck(outside_run),
    *(PlanCheck(check) for check in SIDE_CHECKS),
)


def config_findings(subject: Subject, told: Collection[str] = ()) -> Iterator[Finding]:
    """Check what the config asks for; ``told`` are the codes of what was said about it before."""
    sft = subject.settings.sft
    for check in CHECKS:
        if check.restates.isdisjoint(told) and not (check.is_of_rl and sft):
            yield from check.find(subject)
    if sft is not None:
        from rlsplit.planning.sft_checks import sft_findings

        yield from sft_findings(subject, sft)


def pod_findings(subject: Subject, pods: Iterable[Pods]) -> Iterator[Finding]:
    """Check what only the planned pods show: ports that meet, and configs and arguments that are too large."""
    for planned in pods:
        yield from _port_conflicts(subject, planned)
        if planned.config is not None:
            yield from _config_findings(planned, subject.settings)


def router_findings(subject: Subject, urls: Iterable[str]) -> Iterator[Finding]:
    """Check that the router's list of workers fits one argument."""
    argument = 4 if not subject.shape.groups else len("--prefill ") + 4
    size, deployment = sum(len(url) + argument for url in urls), subject.settings.deployment
    if size > MAX_ARGUMENT_BYTES and isinstance(deployment, MultiNode):
        message = f"the router's list of engines takes {size} bytes, its script holds {MAX_ARGUMENT_BYTES}"
        yield error("too-many-engines", deployment.infer_replicas.key, message, "use fewer engines")


def _port_conflicts(subject: Subject, pods: Pods) -> Iterator[Finding]:
    holders: dict[int, Port] = {}
    told: set[tuple[KeyPath, KeyPath]] = set()  # a row of ports may meet another row
    for port in (*pods.ports, *inner_ports(pods, subject.settings, subject.platform)):
        holder = holders.setdefault(port.number, port)
        if holder != port and (holder.setting, port.setting) not in told:
            told.add((holder.setting, port.setting))
            first, second = sorted((port, holder), key=lambda port: _CHOSEN_BY.get(port.setting[0], 0))
            message = f"{first.name} and {second.name} of the {pods.component} pod both take port {port.number}"
            finding = error("port-conflict", first.setting, message, "choose another port")
            yield replace(finding, about="platform") if first.setting[0] == "platform" else finding


_CHOSEN_BY: Final[Mapping[str | int, int]] = {"platform": 1, "deployment": 2}
"""Whose port is asked to give way: rather the config's own than the platform's; what follows from a count, never."""


def _config_findings(pods: Pods, settings: RunSettings) -> Iterator[Finding]:
    assert pods.config is not None
    table = _table_of(pods, settings)
    size = len(pods.config.text)
    if size > MAX_CONFIG_BYTES:
        message = f"the {pods.component} config takes {size} bytes, a ConfigMap holds {MAX_CONFIG_BYTES}"
        yield error("config-too-large", table, message, "move data to the volume")


def _table_of(pods: Pods, settings: RunSettings) -> KeyPath:
    if pods.env_server is None:
        return settings.root_key(pods.split_id.component, ())
    return settings.root_key(settings.driver, (pods.env_server.id.split, "source"))


def _is_unreachable(url: str) -> bool:
    called = endpoint(url)
    return called is None or is_loopback(called[0])
