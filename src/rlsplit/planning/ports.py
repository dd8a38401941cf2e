"""Which container ports each component has, and which of the user's keys decides each number."""

from __future__ import annotations

from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.kubernetes import is_loopback
from rlsplit.planning.model import Port, Shape
from rlsplit.platform import Platform
from rlsplit.splitting import JsonObject, Split

RENDEZVOUS_PORT: Final = 29500
"""torchrun's TCPStore on trainer 0."""
ROUTER_METRICS_OFFSET: Final = 21000
"""The router serves Prometheus metrics on ``server.port`` plus this."""

BROADCAST_PORT: Final[KeyPath] = ("weight_broadcast", "port")
ROLLOUTS_PORT: Final[KeyPath] = ("rollout_transport", "port")
SERVER_PORT: Final[KeyPath] = ("inference", "server", "port")
BACKEND_PORT: Final[KeyPath] = ("inference", "backend_port")
RPC_PORT: Final[KeyPath] = ("inference", "vllm", "data_parallel_rpc_port")


def trainer_ports(split: Split, shape: Shape, platform: Platform) -> tuple[Port, ...]:
    """``rdzv`` with several pods, ``nccl`` with that broadcast, ``metrics`` where anything serves them."""
    broadcast = split.trainer.resolved["weight_broadcast"]
    ports = []
    if shape.trainer_pods > 1:
        ports.append(Port(name="rdzv", number=RENDEZVOUS_PORT, setting=("deployment", "num_train_nodes")))
    if broadcast["type"] == "nccl" and not shape.trainer_only:
        ports.append(Port(name="nccl", number=broadcast["port"], setting=BROADCAST_PORT))
    return (*ports, *_metrics_port(split.trainer.resolved.get("metrics_server"), platform))


def orchestrator_ports(split: Split) -> tuple[Port, ...]:
    """The two sockets of ZMQ rollouts: the configured port and the next."""
    transport = split.orchestrator.resolved["rollout_transport"]
    if transport["type"] != "zmq":
        return ()
    return (
        Port(name="rollouts", number=transport["port"], setting=ROLLOUTS_PORT),
        Port(name="rollouts-ready", number=transport["port"] + 1, setting=ROLLOUTS_PORT),
    )


def inference_ports(inference: JsonObject, shape: Shape) -> tuple[Port, ...]:
    """Single node: ``http`` of the router and ``engine`` behind it. Multi-node: one ``engine-<k>`` each."""
    if not shape.multi_node:
        return _single_node_ports(inference)
    engines = [
        Port(name=f"engine-{k}", number=inference["backend_port"] + k, setting=BACKEND_PORT)
        for k in range(shape.engines)
    ]
    if shape.expert_parallel:
        rpc = inference["vllm"]["data_parallel_rpc_port"]
        engines.append(Port(name="dp-rpc", number=rpc, setting=RPC_PORT))
    return tuple(engines)


def router_ports(server_port: int) -> tuple[Port, ...]:
    """Ports of the router's own pod."""
    return (
        Port(name="http", number=server_port, setting=SERVER_PORT),
        Port(name="router-metrics", number=server_port + ROUTER_METRICS_OFFSET, setting=SERVER_PORT),
    )


def env_server_ports(platform: Platform) -> tuple[Port, ...]:
    """Every environment server has a pod of its own, so all use one number."""
    return (Port(name="env", number=platform.env_server_port, setting=("platform", "env_server_port")),)


def engine_ports(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    """Those ports of an inference pod on which engines answer, by engine; without a router that is ``http``."""
    engines = tuple(port for port in ports if port.name.startswith("engine"))
    return engines or ports[:1]


def _single_node_ports(inference: JsonObject) -> tuple[Port, ...]:
    http = Port(name="http", number=inference["server"]["port"], setting=SERVER_PORT)
    if inference.get("router") is None:
        return (http,)
    return (http, Port(name="engine", number=inference["backend_port"], setting=BACKEND_PORT))


def _metrics_port(metrics_server: dict[str, Any] | None, platform: Platform) -> tuple[Port, ...]:
    """With ``metrics = "off"`` a server on a loopback address is out of the probes' reach."""
    if platform.metrics == "force":
        setting: KeyPath = ("platform", "trainer_metrics_port")
        return (Port(name="metrics", number=platform.trainer_metrics_port, setting=setting),)
    if metrics_server is None or (is_loopback(metrics_server["host"]) and metrics_server["host"] != "0.0.0.0"):
        return ()
    return (Port(name="metrics", number=metrics_server["port"], setting=("trainer", "metrics_server", "port")),)
