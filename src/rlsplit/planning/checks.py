"""What this target cannot run: every rule a small function that yields findings at the user's own keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import value_at
from rlsplit.planning.model import Pods, Shape
from rlsplit.planning.ports import (
    BACKEND_PORT,
    BROADCAST_PORT,
    ROLLOUTS_PORT,
    ROUTER_METRICS_OFFSET,
    SERVER_PORT,
)
from rlsplit.platform import Platform
from rlsplit.splitting import JsonObject, Split

MAX_PORT: Final = 65535
MAX_NAME_BYTES: Final = 253
MAX_CONFIG_BYTES: Final = 1_000_000
"""A ConfigMap holds 1 MiB in all; a config comes in one when it does not fit its startup script."""
MAX_ARGUMENT_BYTES: Final = 120_000
"""Linux takes 131,071 bytes in one argument; the rest is room for the script around it."""

MAX_PODS: Final = 1000
"""Pods of one Job, each with a host name of its own."""
MAX_ENGINES: Final = 1500
"""No list of more engines fits ``MAX_ARGUMENT_BYTES``, however short the names."""

_POLICY: Final = re.compile(r"[a-z_]+\Z")
_ADDRESS: Final = re.compile(r"tcp://[^\s/@]+:\d{1,5}\Z")
_STEP_DIR: Final = re.compile(r"step_(\d{1,18})\Z")
_TENSOR_PARALLEL: Final[KeyPath] = ("inference", "vllm", "tensor_parallel_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the checks look at."""

    split: Split
    shape: Shape
    platform: Platform

    @property
    def inference(self) -> JsonObject:
        """Resolved inference config, empty where there is none."""
        return self.split.inference.resolved if self.split.inference else {}

    @property
    def deployment(self) -> JsonObject:
        """Resolved root deployment."""
        return self.split.deployment


@dataclass(frozen=True, slots=True)
class Source:
    """One environment source of the orchestrator and where it stands."""

    path: KeyPath
    table: JsonObject


def sources(split: Split) -> Iterator[Source]:
    """Give every environment source that is a table, train before eval."""
    for part in ("train", "eval"):
        listed = value_at(split.orchestrator.resolved, (part, "source"))
        for index, table in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(table, dict):
                yield Source(("orchestrator", part, "source", index), table)


def frozen_models(split: Split) -> Iterator[tuple[KeyPath, str]]:
    """Give path and value of every ``base_url`` of a model that is neither trained nor started here.

    A source that inherits the orchestrator's algorithm names no model of its own.
    """
    shared = split.orchestrator.resolved.get("algo")
    algos: list[tuple[KeyPath, Any]] = [(("orchestrator", "algo"), shared)]
    algos += [((*s.path, "algo"), s.table.get("algo")) for s in sources(split) if s.table.get("algo") != shared]
    for path, algo in algos:
        for model in (("teacher",), ("sampling", "source")):
            url = value_at({"algo": algo}, ("algo", *model, "base_url"))
            if isinstance(url, str):
                yield (*path, *model, "base_url"), url


def resume_step(resume_dir: str) -> int | None:
    """Read the step of a ``step_<n>`` folder, None if it is called otherwise."""
    match = _STEP_DIR.match(resume_dir.rstrip("/").rpartition("/")[2])
    return int(match[1]) if match else None


def _inference_kinds(subject: Subject) -> Iterator[Finding]:
    if subject.split.inference is None:
        return
    launch = subject.split.launch
    if _is_disaggregated(subject):
        message = "disaggregated inference needs a NIXL built from source"
        yield _error("disaggregated-inference", ("inference", "deployment", "type"), message, "use multi_node")
    if (launch.router or {}).get("type") == "llm-d":
        message = "the image holds neither llm-d's endpoint picker nor its Envoy and sidecar"
        yield _error("llm-d-router", ("inference", "router", "type"), message, "use vllm-router")
    if (subject.inference.get("kv_cache_offload") or {}).get("type") == "mooncake":
        message = "mooncake needs a store process on every node"
        yield _error("mooncake-offload", ("inference", "kv_cache_offload", "type"), message, "use native")
    if launch.router is None and subject.shape.has_router_pod:
        message = "a multi-node run needs a router in front of its engines"
        yield _error("no-router", ("inference", "router"), message, 'write type = "vllm-router"')


def _is_disaggregated(subject: Subject) -> bool:
    return (subject.split.launch.inference_deployment or {}).get("type") == "disaggregated"


def _router_policy(subject: Subject) -> Iterator[Finding]:
    policy = (subject.split.launch.router or {}).get("policy")
    if policy is not None and not _POLICY.match(policy):
        message = f"{shown(policy)} is no routing policy: it may hold lower-case letters and '_' only"
        yield _error("router-policy", ("inference", "router", "policy"), message)


def _clean(subject: Subject) -> Iterator[Finding]:
    if subject.split.launch.clean:
        message = "every run has a directory of its own, so there is nothing to clean"
        yield _error("clean", ("clean",), message, "leave it out, or take another run id")


def _counts(subject: Subject) -> Iterator[Finding]:
    keys = ["gpus_per_node"]
    if subject.shape.multi_node:
        keys += ["num_train_nodes", "num_infer_replicas"]
    else:
        keys += ["num_train_gpus"]
    for key in keys:
        if subject.deployment[key] < 1:
            yield _error("count", ("deployment", key), f"is {subject.deployment[key]}", "must be at least 1")
    for key in ("num_infer_gpus", "num_infer_nodes"):
        if (subject.deployment.get(key) or 0) < 0:
            yield _error("count", ("deployment", key), f"is {subject.deployment[key]}", "must be at least 1")
    yield from _crowds(subject)
    if subject.inference and subject.inference["vllm"]["tensor_parallel_size"] < 1:
        yield _error("count", _TENSOR_PARALLEL, "no GPU per engine", "must be at least 1")


def _crowds(subject: Subject) -> Iterator[Finding]:
    """Bound what is listed one by one later, before anything is."""
    shape = subject.shape
    if shape.trainer_pods > MAX_PODS:
        message = f"is {shape.trainer_pods}"
        yield _error("count", ("deployment", "num_train_nodes"), message, f"must be at most {MAX_PODS}")
    if shape.inference_pods * shape.engines > MAX_ENGINES:
        message = f"{shape.inference_pods * shape.engines} engines are more than a router's command line holds"
        yield _error("too-many-engines", ("deployment", "num_infer_replicas"), message, "use fewer engines")


def _fake_data(subject: Subject) -> Iterator[Finding]:
    fake = value_at(subject.split.trainer.resolved, ("data", "fake"))
    if fake is not None:
        return
    if subject.shape.multi_node and subject.shape.nodes_per_replica == 0:
        message = "without inference nodes no rollouts would come"
        hint = "set trainer.data.fake, or deployment.num_infer_nodes"
        yield _error("no-rollouts", ("trainer", "data", "fake"), message, hint)
    if not subject.shape.multi_node and subject.inference and subject.deployment["num_infer_gpus"] == 0:
        message = "[inference] needs a GPU"
        hint = "at least 1, or set trainer.data.fake"
        yield _error("no-inference-gpus", ("deployment", "num_infer_gpus"), message, hint)


def _external_inference(subject: Subject) -> Iterator[Finding]:
    if not subject.shape.external_inference:
        return
    if not subject.platform.allow_external_inference:
        message = "this platform runs its own inference"
        yield _error("inference-required", ("inference",), message, "add [inference]")
        return
    url = str(value_at(subject.split.orchestrator.resolved, ("model", "client", "base_url")) or "")
    if _is_unreachable(url):
        message = f"{shown(url)} would be the orchestrator's own pod, where no server runs"
        path = ("orchestrator", "model", "client", "base_url")
        yield _error("loopback-base-url", path, message, "add [inference], or name the server's host")


def _gpu_arithmetic(subject: Subject) -> Iterator[Finding]:
    deployment, shape = subject.deployment, subject.shape
    total = deployment["gpus_per_node"]
    if not shape.multi_node:
        train = shape.trainer_gpus
        infer = shape.inference_gpus if shape.has_inference else 0
        if train + infer > total:
            message = f"{train} GPUs for training and {infer} for inference are {train + infer}, a node has {total}"
            hint = "lower one of them, raise deployment.gpus_per_node, or use multi_node"
            yield _error("too-many-gpus", ("deployment", "num_train_gpus"), message, hint)
    if shape.has_inference and shape.inference_gpus % shape.tensor_parallel:
        message = f"{shape.tensor_parallel} GPUs an engine do not divide the {shape.inference_gpus} of an inference pod"
        yield _error("tensor-parallel", _TENSOR_PARALLEL, message, f"a divisor of {shape.inference_gpus}")


def _expert_parallel(subject: Subject) -> Iterator[Finding]:
    shape = subject.shape
    gpus = shape.nodes_per_replica * shape.inference_gpus
    if not shape.expert_parallel or gpus % shape.tensor_parallel or _is_disaggregated(subject):
        return
    ranks = subject.inference["vllm"]["data_parallel_size"]
    wanted = gpus // shape.tensor_parallel
    if ranks != wanted:
        message = f"{ranks} ranks of {shape.tensor_parallel} GPUs do not fill the {gpus} GPUs of a replica"
        path = ("inference", "vllm", "data_parallel_size")
        yield _error("data-parallel", path, message, f"must be {wanted}")


def _broadcast_host(subject: Subject) -> Iterator[Finding]:
    broadcast = subject.split.orchestrator.resolved["weight_broadcast"]
    if subject.shape.has_orchestrator and broadcast["type"] == "nixl" and is_loopback(broadcast["host"]):
        message = f"{shown(broadcast['host'])} would be each pod's own; nothing here starts a ModelExpress server"
        yield _error("nixl-host", ("weight_broadcast", "host"), message, "name a ModelExpress server")


def _port_ranges(subject: Subject) -> Iterator[Finding]:
    shape, inference = subject.shape, subject.inference
    limits: list[tuple[KeyPath, int, int, str]] = []
    if shape.has_inference:
        metrics, last = MAX_PORT - ROUTER_METRICS_OFFSET, MAX_PORT - shape.engines + 1
        why = f"the router's metrics take port + {ROUTER_METRICS_OFFSET}"
        limits.append((SERVER_PORT, inference["server"]["port"], metrics, why))
        limits.append((BACKEND_PORT, inference["backend_port"], last, f"{shape.engines} engines take a port each"))
    if shape.has_orchestrator:
        transport = subject.split.orchestrator.resolved["rollout_transport"]
        limits.append((ROLLOUTS_PORT, transport.get("port", 1), MAX_PORT - 1, "port + 1 is used too"))
        broadcast = subject.split.trainer.resolved["weight_broadcast"]
        limits.append((BROADCAST_PORT, broadcast.get("port", 1), MAX_PORT, "there are no more ports"))
    for path, port, most, why in limits:
        if not 1 <= port <= most:
            yield _error("port-range", path, f"{port} is not in 1..{most}: {why}", f"at most {most}")


def _rollout_ports(subject: Subject) -> Iterator[Finding]:
    ours = subject.split.trainer.resolved["rollout_transport"].get("port")
    theirs = subject.split.orchestrator.resolved["rollout_transport"].get("port")
    if subject.shape.has_orchestrator and ours != theirs:
        message = f"the trainer would call port {ours}, the orchestrator listens on {theirs}"
        yield _error("rollout-ports", ROLLOUTS_PORT, message, "write one port for both")


def _env_names(subject: Subject) -> Iterator[Finding]:
    for server in subject.split.env_servers if subject.shape.has_orchestrator else ():
        name = server.name
        if "/" in name or "\0" in name or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
            path = ("orchestrator", server.split, "source", server.position, "name")
            message = f"{shown(name)} cannot be part of a path"
            hint = f"give the source a name without '/', at most {MAX_NAME_BYTES} bytes"
            yield _error("env-name", path, message, hint)


def _env_addresses(subject: Subject) -> Iterator[Finding]:
    if not subject.shape.has_orchestrator:
        return
    for source in sources(subject.split):
        address = value_at(source.table, ("serve", "address"))
        if address is None:
            continue
        called = endpoint(str(address)) if _ADDRESS.match(str(address)) else None
        path = (*source.path, "serve", "address")
        if called is None or not called[1]:
            yield _error("env-address", path, f"{shown(address)} is no address", "write tcp://<host>:<port>")
        elif is_loopback(called[0]):
            message = f"{shown(address)} would be the orchestrator's own pod, where no server runs"
            yield _error("env-address", path, message, "leave it out, or name the server's host")


def _frozen_models(subject: Subject) -> Iterator[Finding]:
    for path, url in frozen_models(subject.split) if subject.shape.has_orchestrator else ():
        if _is_unreachable(url):
            message = f"{shown(url)} would be the pod's own address; nothing here starts this model"
            yield _error("frozen-model", path, message, "name the host that serves it")


def _resume_dir(subject: Subject) -> Iterator[Finding]:
    directory = value_at(subject.split.trainer.resolved, ("resume", "dir"))
    if directory is None:
        return
    mount = subject.platform.mount_path.rstrip("/")
    parts = str(directory).split("/")
    if not str(directory).startswith(f"{mount}/") or ".." in parts:
        message = f"{shown(directory)} is not visible in the pod"
        yield _error("resume-dir", ("resume", "dir"), message, f"name a folder below {mount}")
    elif resume_step(str(directory)) is None:
        message = f"{shown(directory)} does not tell its step"
        yield _error("resume-dir", ("resume", "dir"), message, "name a folder step_<n>")


CHECKS: Final[tuple[Callable[[Subject], Iterable[Finding]], ...]] = (
    _inference_kinds,
    _router_policy,
    _clean,
    _counts,
    _fake_data,
    _external_inference,
    _gpu_arithmetic,
    _expert_parallel,
    _broadcast_host,
    _port_ranges,
    _rollout_ports,
    _env_names,
    _env_addresses,
    _frozen_models,
    _resume_dir,
)


def split_findings(subject: Subject) -> Iterator[Finding]:
    """Check what the config asks for."""
    for check in CHECKS:
        yield from check(subject)


def pod_findings(pods: Iterable[Pods]) -> Iterator[Finding]:
    """Check what only the planned pods show: ports that meet, and configs and arguments that are too large."""
    for planned in pods:
        yield from _port_conflicts(planned)
        if planned.config is not None:
            yield from _config_findings(planned)


def router_findings(urls: Iterable[str]) -> Iterator[Finding]:
    """Check that the router's list of workers fits one argument."""
    size = sum(len(url) + 4 for url in urls)
    if size > MAX_ARGUMENT_BYTES:
        message = f"the router's list of engines takes {size} bytes, its script holds {MAX_ARGUMENT_BYTES}"
        yield _error("too-many-engines", ("deployment", "num_infer_replicas"), message, "use fewer engines")


def _port_conflicts(pods: Pods) -> Iterator[Finding]:
    holders: dict[int, Any] = {}
    ports = [(port.name, port.number, port.setting) for port in pods.ports]
    http, engine = pods.port("http"), pods.port("engine")
    if http is not None and engine is not None:
        # Single node: the router's Prometheus listens too, on loopback.
        ports.append(("the router's metrics", http + ROUTER_METRICS_OFFSET, SERVER_PORT))
    for name, number, setting in ports:
        holder = holders.setdefault(number, (name, setting))
        if holder != (name, setting):
            path = holder[1] if setting[0] == "platform" else setting
            message = f"{name} and {holder[0]} of the {pods.component} pod both take port {number}"
            yield _error("port-conflict", path, message, "choose another port")


def _config_findings(pods: Pods) -> Iterator[Finding]:
    assert pods.config is not None
    table = _table_of(pods)
    try:
        size = len(pods.config.text)
    except ValueError:
        yield _error("config-value", table, "the config holds a number that is not finite; JSON has none")
        return
    if size > MAX_CONFIG_BYTES:
        message = f"the {pods.component} config takes {size} bytes, a ConfigMap holds {MAX_CONFIG_BYTES}"
        yield _error("config-too-large", table, message, "move data to the volume")


def _table_of(pods: Pods) -> KeyPath:
    return (pods.component,) if pods.env_server is None else ("orchestrator", pods.env_server.split, "source")


def _is_unreachable(url: str) -> bool:
    called = endpoint(url)
    return called is None or is_loopback(called[0])


def _error(code: str, path: KeyPath, message: str, hint: str | None = None) -> Finding:
    return Finding(code=f"plan.{code}", path=path, message=message, hint=hint)
