"""The overlays: every value that wiring puts on top of the split, as records, and how they are applied.

One function per component; each yields what it sets and why. Nothing else changes a config.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import value_at
from rlsplit.planning.model import REMOVED, Names, Overlay, Shape
from rlsplit.planning.names import env_suffix, path_segment
from rlsplit.planning.ports import engine_ports, inference_ports
from rlsplit.platform import Platform
from rlsplit.platform.rules import is_secret_env as is_secret_env
from rlsplit.run import SecretName
from rlsplit.splitting import Component, EnvServer, JsonObject, Split

ANY_ADDRESS: Final = "0.0.0.0"
"""What servers in a pod bind to: the pod's own name may not resolve yet, and loopback is out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the overlays are made from."""

    split: Split
    shape: Shape
    names: Names
    platform: Platform
    run_name: str
    run_dir: str


def trainer_overlays(wiring: Wiring) -> Iterator[Overlay]:
    """O1-O3, O5, O17, O18 on the trainer."""
    config, shape = wiring.split.trainer.resolved, wiring.shape
    overlay = _Overlaying("trainer", config)
    yield overlay("O1", ("output_dir",), wiring.run_dir, "every component works in the run's directory")
    if wiring.platform.metrics == "force":
        reason = "the platform scrapes and probes this address"
        yield overlay("O2", ("metrics_server", "host"), ANY_ADDRESS, reason)
        yield overlay("O2", ("metrics_server", "port"), wiring.platform.trainer_metrics_port, reason)
    if shape.has_orchestrator:
        if config["weight_broadcast"]["type"] == "nccl":
            reason = "the trainer binds the broadcast's store inside its pod"
            yield overlay("O3", ("weight_broadcast", "host"), ANY_ADDRESS, reason)
        if config["rollout_transport"]["type"] == "zmq":
            reason = "the orchestrator sends the rollouts"
            yield overlay("O5", ("rollout_transport", "host"), wiring.names.host("orchestrator"), reason)
    yield from _world_size(overlay, wiring)
    yield from _secret_env(overlay, wiring.platform)


def orchestrator_overlays(wiring: Wiring) -> Iterator[Overlay]:
    """O1, O4, O6-O9, O16-O18 on the orchestrator."""
    config = wiring.split.orchestrator.resolved
    overlay = _Overlaying("orchestrator", config)
    yield overlay("O1", ("output_dir",), wiring.run_dir, "every component works in the run's directory")
    if config["weight_broadcast"]["type"] == "nccl":
        reason = "trainer 0 holds the broadcast's store"
        yield overlay("O4", ("weight_broadcast", "host"), wiring.names.host("trainer"), reason)
    if config["rollout_transport"]["type"] == "zmq":
        reason = "the orchestrator binds the rollout sockets inside its pod"
        yield overlay("O6", ("rollout_transport", "host"), ANY_ADDRESS, reason)
    if wiring.shape.has_inference:
        yield from _client(overlay, wiring)
    for server in wiring.split.env_servers:
        path: KeyPath = (server.split, "source", server.position, "serve", "address")
        host = wiring.names.host(env_suffix(server.index, server.name))
        address = f"tcp://{host}:{wiring.platform.env_server_port}"
        yield overlay("O9", path, address, "the environment is served by a pod of its own")
    yield from _monitor(overlay, wiring)
    yield from _world_size(overlay, wiring)
    yield from _secret_env(overlay, wiring.platform)


def inference_overlays(wiring: Wiring, inference: Component) -> Iterator[Overlay]:
    """O12-O15, O18 on inference."""
    config, shape = inference.resolved, wiring.shape
    overlay = _Overlaying("inference", config)
    yield overlay("O12", ("server", "host"), ANY_ADDRESS, "other pods call the server")
    if shape.multi_node:
        if shape.engines == 1:
            reason = "the public port is the router's; the engine listens behind it"
            yield overlay("O13", ("server", "port"), config["backend_port"], reason)
        ranks = shape.nodes_per_replica * shape.engines if shape.expert_parallel else 1
        reason = "each engine is one process of its own"
        sizes = {"data_parallel_size": ranks, "data_parallel_size_local": 1, "api_server_count": 1}
        for key, size in sizes.items():
            yield overlay("O14", ("vllm", key), size, reason)
    for name, value in sorted(wiring.split.launch.env_vars.items()):
        if name not in config["env_vars"] and not is_secret_env(name, wiring.platform):
            reason = "inference puts its defaults over the pod's environment, but not over its own env_vars"
            yield overlay("O15", ("env_vars", name), value, reason)
    yield from _secret_env(overlay, wiring.platform)


def env_server_overlays(wiring: Wiring, server: EnvServer) -> Iterator[Overlay]:
    """O10 and O11 on one environment server."""
    overlay = _Overlaying(env_suffix(server.index, server.name), server.config.resolved)
    address = f"tcp://{ANY_ADDRESS}:{wiring.platform.env_server_port}"
    yield overlay("O10", ("serve", "address"), address, "the orchestrator calls from another pod")
    directory = f"{wiring.run_dir}/envs/{server.split}/{path_segment(server.name, server.index)}"
    yield overlay("O11", ("output_dir",), directory, "every component works in the run's directory")


def applied(config: JsonObject, overlays: Iterable[Overlay]) -> JsonObject:
    """Give a config with overlays applied; shares what did not change with the one given."""
    for overlay in overlays:
        if overlay.value is REMOVED:
            config = _without(config, overlay.path)
        else:
            config = _with(config, overlay.path, overlay.value)
    return config


def inference_base_url(names: Names, server_port: int) -> str:
    """Where clients reach the policy's server: the Service in front of the router (O7)."""
    return f"http://{names.service_host()}:{server_port}/v1"


def engine_urls(names: Names, shape: Shape, inference: JsonObject) -> tuple[str, ...]:
    """Every engine, node-major: the order is the broadcast's rank order."""
    ports = engine_ports(inference_ports(inference, shape))
    return tuple(
        f"http://{names.host('inference', node)}:{port.number}"
        for node in range(shape.inference_pods)
        for port in ports
    )


@dataclass(frozen=True, slots=True)
class _Overlaying:
    """Makes the overlays of one component, noting what each replaces; only secrets are removed, and not shown."""

    component: str
    config: JsonObject

    def __call__(
        self,
        id: str,  # noqa: A002
        path: KeyPath,
        value: Any,
        reason: str,
        *,
        needs: SecretName | None = None,
    ) -> Overlay:
        return Overlay(
            id=id,
            component=self.component,
            path=path,
            value=value,
            reason=reason,
            replaced="***" if value is REMOVED else value_at(self.config, path),
            needs=needs,
        )


def _client(overlay: _Overlaying, wiring: Wiring) -> Iterator[Overlay]:
    assert wiring.split.inference is not None
    inference = wiring.split.inference.resolved
    called = endpoint(str(value_at(overlay.config, ("model", "client", "base_url")) or ""))
    if called is None or is_loopback(called[0]):
        url = inference_base_url(wiring.names, inference["server"]["port"])
        yield overlay("O7", ("model", "client", "base_url"), url, "requests go through the router")
    urls = [f"{url}/v1" for url in engine_urls(wiring.names, wiring.shape, inference)]
    reason = "weight updates go to every engine, in rank order"
    yield overlay("O8", ("model", "client", "admin_base_url"), urls, reason)


def _monitor(overlay: _Overlaying, wiring: Wiring) -> Iterator[Overlay]:
    path: KeyPath = ("monitors", "prime")
    if wiring.platform.monitor_url is not None and value_at(overlay.config, path) is None:
        reason = "the platform's monitor shows the run under its name"
        yield overlay("O16", path, {"name": wiring.run_name}, reason, needs="prime_api_key")


def _world_size(overlay: _Overlaying, wiring: Wiring) -> Iterator[Overlay]:
    """A single node whose data parallelism is derived keeps the split's 1, and would wait for one worker."""
    workers = wiring.shape.inference_workers
    if wiring.shape.has_inference and overlay.config["weight_broadcast"]["type"] in ("nccl", "nixl"):
        path = ("weight_broadcast", "inference_world_size")
        yield overlay("O17", path, workers, "GPU workers of all engines")


def _secret_env(overlay: _Overlaying, platform: Platform) -> Iterator[Overlay]:
    for name in sorted(overlay.config.get("env_vars") or {}):
        if is_secret_env(name, platform):
            reason = "the value is kept in the run's Secret"
            yield overlay("O18", ("env_vars", name), REMOVED, reason)


def _with(node: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items = list(node)
        items[part] = _with(items[part], rest, value)
        return items
    table = node if isinstance(node, dict) else {}
    return {**table, part: _with(table.get(part), rest, value)}


def _without(node: Any, path: KeyPath) -> Any:
    part, rest = path[0], path[1:]
    if not isinstance(node, dict) or part not in node:
        return node
    if rest:
        return {**node, part: _without(node[part], rest)}
    return {key: value for key, value in node.items() if key != part}
