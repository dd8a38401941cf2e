"""Which container ports each component has, and which of the user's keys decides each number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from rlsplit.components import ComponentName
from rlsplit.findings import KeyPath
from rlsplit.kubernetes import is_loopback
from rlsplit.planning.model import Pods, Port
from rlsplit.planning.settings import Endpoint, EngineSide, Inference, Orchestrator, RunSettings, Trainer, Value
from rlsplit.planning.shape import EngineGroups, Shape
from rlsplit.platform import Platform

RENDEZVOUS_PORT: Final = 29500
"""torchrun's TCPStore on trainer 0."""
ROUTER_METRICS_OFFSET: Final = 21000
"""The router serves Prometheus metrics on ``server.port`` plus this."""


def trainer_ports(trainer: Trainer, shape: Shape, platform: Platform, metrics_port: int) -> tuple[Port, ...]:
    """``rdzv`` with several pods, ``nccl`` with that broadcast, ``metrics`` where anything serves them."""
    ports: list[Port] = []
    if shape.trainer_pods > 1:
        ports.append(Port(name="rdzv", number=RENDEZVOUS_PORT, setting=("deployment", "num_train_nodes")))
    meets = trainer.broadcast.meets
    if trainer.broadcast.type == "nccl" and meets is not None and not shape.trainer_only:
        ports.append(_port("nccl", meets.port))
    return (*ports, *(_metrics_port(trainer.metrics, platform, metrics_port) if trainer.has_metrics else ()))


def orchestrator_ports(orchestrator: Orchestrator) -> tuple[Port, ...]:
    """The two sockets of ZMQ rollouts: the configured port and the next."""
    if orchestrator.rollouts is None:
        return ()
    first = orchestrator.rollouts.port
    return (_port("rollouts", first), _port("rollouts-ready", first, 1))


def inference_ports(inference: Inference, shape: Shape) -> tuple[Port, ...]:
    """Single node: ``http`` of the router and ``engine`` behind it. Multi-node: one ``engine-<k>`` each."""
    if not shape.multi_node:
        return _single_node_ports(inference)
    engines = [_port(f"engine-{k}", inference.backend_port, k) for k in range(shape.engines)]
    if shape.expert_parallel:
        engines.append(_port("dp-rpc", inference.rpc_port))
    return tuple(engines)


def side_ports(side: EngineSide, inference: Inference, group: EngineGroups) -> tuple[Port, ...]:
    """One ``engine-<k>`` each, and ``dp-rpc`` where engines of a group meet at its head."""
    engines = [_port(f"engine-{k}", side.port, k) for k in range(group.engines)]
    return (*engines, _port("dp-rpc", inference.rpc_port)) if group.ranks > 1 else tuple(engines)


def engine_pod_ports(inference: Inference, shape: Shape) -> dict[ComponentName, tuple[Port, ...]]:
    """Ports of the pods of every component that runs engines."""
    if not shape.groups:
        return {"inference": inference_ports(inference, shape)}
    return {g.component: side_ports(inference.sides[g.component], inference, g) for g in shape.groups}


def side_channel(group: EngineGroups, first: int) -> range:
    """Ports on which the engines of a group agree on transfers: vLLM adds an engine's rank to the one it is given."""
    return range(first, first + group.ranks + group.engines - 1)


def inner_ports(pods: Pods, settings: RunSettings, platform: Platform) -> tuple[Port, ...]:
    """What listens in a pod beside its container ports: nobody outside calls it, or its number differs by pod."""
    inner = _INNER.get(pods.component)
    return tuple(inner(pods, settings, platform)) if inner else ()


def _inner_trainer(pods: Pods, settings: RunSettings, platform: Platform) -> Iterator[Port]:
    """One trainer pod meets itself; metrics on a loopback address listen all the same."""
    if pods.port("rdzv") is None:
        yield Port(name="torchrun's rendezvous", number=RENDEZVOUS_PORT, setting=("deployment",))
    metrics = settings.trainer.metrics
    if metrics is not None and platform.metrics == "off" and pods.port("metrics") is None:
        yield _port("metrics", metrics.port)


def _inner_inference(pods: Pods, settings: RunSettings, platform: Platform) -> Iterator[Port]:
    """Of a router beside its engine, Prometheus listens too."""
    if pods.port("http") is not None and pods.port("engine") is not None and settings.inference is not None:
        yield _port("the router's metrics", settings.inference.port, ROUTER_METRICS_OFFSET)


def _inner_orchestrator(pods: Pods, settings: RunSettings, platform: Platform) -> Iterator[Port]:
    """Environment servers beside it, each on a port of the loopback address that all of the pod share."""
    for sidecar in pods.sidecars:
        port = sidecar.env_server.local_port if sidecar.env_server else None
        if port is not None:
            setting = settings.orchestrator.env_server_base_port.key
            yield Port(name=f"the environment server of {sidecar.suffix}", number=port, setting=setting)


def _inner_engines(pods: Pods, settings: RunSettings, platform: Platform) -> Iterator[Port]:
    """The side channel of NIXL: all that any pod of a group takes."""
    if pods.groups is not None:
        for number in side_channel(pods.groups, platform.nixl_port):
            yield Port(name="NIXL's side channel", number=number, setting=("platform", "nixl_port"))


_INNER: Final[Mapping[ComponentName, Callable[[Pods, RunSettings, Platform], Iterator[Port]]]] = {
    "trainer": _inner_trainer,
    "orchestrator": _inner_orchestrator,
    "inference": _inner_inference,
    "prefill": _inner_engines,
    "decode": _inner_engines,
}


def router_ports(server: Value[int]) -> tuple[Port, ...]:
    """Ports of the router's own pod."""
    return (_port("http", server), _port("router-metrics", server, ROUTER_METRICS_OFFSET))


def env_server_ports(number: int) -> tuple[Port, ...]:
    """The one port of an environment server."""
    return (Port(name="env", number=number, setting=("platform", "env_server_port")),)


def engine_ports(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """Those ports of an inference pod on which engines answer, by engine; without a router that is ``http``."""
    engines = tuple(port for port in ports if port.name.startswith("engine"))
    return engines or ports[:1]


def _port(name: str, number: Value[int], offset: int = 0) -> Port:
    return Port(name=name, number=number.value + offset, setting=number.key)


def _single_node_ports(inference: Inference) -> tuple[Port, ...]:
    http = _port("http", inference.port)
    return (http,) if inference.router.value is None else (http, _port("engine", inference.backend_port))


def _metrics_port(metrics: Endpoint | None, platform: Platform, number: int) -> tuple[Port, ...]:
    """With ``metrics = "off"`` a server on a loopback address is out of the probes' reach."""
    if platform.metrics == "force":
        setting: KeyPath = ("platform", "trainer_metrics_port")
        return (Port(name="metrics", number=number, setting=setting),)
    if metrics is None or (is_loopback(metrics.host.value) and metrics.host.value != "0.0.0.0"):
        return ()
    return (_port("metrics", metrics.port),)
