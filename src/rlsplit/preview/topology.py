"""The topology of a planned run: who runs where, who listens, and who connects to whom, as plain values.

Read by the Mermaid and the SVG picture alike, so that they cannot tell different stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from rlsplit.kubernetes import endpoint
from rlsplit.plain_data import value_at
from rlsplit.planning.model import Pods, Port, RunPlan
from rlsplit.preview.text import counted

NodeKind = Literal["env-server", "orchestrator", "router", "inference", "trainer", "volume", "outside"]
Medium = Literal["network", "files"]

MAX_OUTSIDE: Final = 8
"""Servers outside the run that a picture shows one by one."""

_SERVICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "rdzv": "rendezvous",
        "nccl": "weights",
        "metrics": "metrics",
        "rollouts": "rollouts",
        "rollouts-ready": "rollouts",
        "http": "inference API",
        "dp-rpc": "expert group",
        "router-metrics": "metrics",
        "env": "environment",
    }
)
"""Name of a container port to what a reader calls it; ``engine`` and ``engine-<k>`` are engines."""

_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {"trainer": "Trainer", "orchestrator": "Orchestrator", "inference": "Inference", "router": "Router"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a node offers, and on which ports."""

    name: str
    ports: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {ports_text(self.ports)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of a node."""

    label: str
    """Its index, or the environment it serves."""
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Pods that are alike, the volume, or a server outside the run."""

    id: str
    kind: NodeKind
    title: str
    detail: str
    """What the title leaves open: the shape of the pods, the claim of the volume."""
    pods: tuple[Pod, ...] = ()
    gpus: int = 0
    """GPUs of each pod."""
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One node that connects to another; the arrow points to the one that listens."""

    source: str
    target: str
    what: str
    """What travels."""
    service: str | None = None
    """Which service of the target; None for files."""
    medium: Medium = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Nodes from the orchestrator, which starts the work, down to the volume; links in the order of their sources."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def node(self, key: str) -> Node:
        """Give a node by its id."""
        return next(node for node in self.nodes if node.id == key)

    def ports(self, link: Link) -> tuple[int, ...]:
        """Ports that a link connects to."""
        services = self.node(link.target).services
        return next((service.ports for service in services if service.name == link.service), ())


def topology(plan: RunPlan) -> Topology:
    """Draw the plan as nodes and links."""
    own = tuple(_nodes(plan))
    calls = _limited(tuple(_outside_calls(plan)))
    links = [*_network_links(plan, own), *(call.link for call in calls), *_file_links(plan)]
    order = {node.id: rank for rank, node in enumerate(own)}
    return Topology(
        nodes=(*own, *_outside_nodes(calls)),
        links=tuple(sorted(dict.fromkeys(links), key=lambda link: order[link.source])),
    )


def ports_text(ports: Iterable[int]) -> str:
    """Spell ports, rows of more than two as a range: ``8000, 8100-8107``."""
    runs: list[tuple[int, int]] = []
    for port in ports:
        if runs and port == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return ", ".join(_run_text(first, last) for first, last in runs)


def shape_text(pods: int, gpus: int) -> str:
    """Say how many pods there are and what each has: ``4 pods x 8 GPUs``."""
    return f"{counted(pods, 'pod')} x {counted(gpus, 'GPU')}" if gpus else counted(pods, "pod")


# --- nodes -----------------------------------------------------------------------------------------------------


def _nodes(plan: RunPlan) -> Iterator[Node]:
    yield from _components(plan, ("orchestrator",))
    for split in ("train", "eval"):
        servers = [pods for pods in plan.pods if pods.env_server and pods.env_server.split == split]
        if servers:
            yield _environments(split, servers)
    yield from _components(plan, ("router", "inference", "trainer"))
    claim = plan.claim or plan.names.claim
    yield Node(id="volume", kind="volume", title="Volume", detail=f"{claim} at {plan.platform.mount_path}")


def _components(plan: RunPlan, names: Iterable[str]) -> Iterator[Node]:
    planned = (plan.component(name) for name in names)
    yield from (_component(pods) for pods in planned if pods is not None)


def _environments(split: str, servers: list[Pods]) -> Node:
    return Node(
        id=f"env-{split}",
        kind="env-server",
        title=f"Environments ({split})",
        detail=shape_text(len(servers), 0),
        pods=tuple(Pod(label=s.env_server.name if s.env_server else "", host=s.hosts[0]) for s in servers),
        services=_services(servers[0].ports),
    )


def _component(pods: Pods) -> Node:
    return Node(
        id=pods.suffix,
        kind=pods.component,
        title=_TITLES[pods.component],
        detail=shape_text(pods.count, pods.gpus),
        pods=tuple(Pod(label=str(index), host=host) for index, host in enumerate(pods.hosts)),
        gpus=pods.gpus,
        services=_services(pods.ports),
    )


def _services(ports: Iterable[Port]) -> tuple[Service, ...]:
    grouped: dict[str, tuple[int, ...]] = {}
    for port in ports:
        name = _service(port)
        grouped[name] = (*grouped.get(name, ()), port.number)
    return tuple(Service(name=name, ports=numbers) for name, numbers in grouped.items())


def _service(port: Port) -> str:
    return _SERVICES.get(port.name, "engines")


# --- links inside the run --------------------------------------------------------------------------------------


def _network_links(plan: RunPlan, nodes: Iterable[Node]) -> Iterator[Link]:
    by_id = {node.id: node for node in nodes}
    environments = [key for key in by_id if key.startswith("env-")]
    for environment in environments:
        yield Link(source="orchestrator", target=environment, what="episodes", service="environment")
    if _is_own_policy(plan):
        front = "router" if "router" in by_id else "inference"
        for caller in (*environments, "orchestrator"):
            yield Link(source=caller, target=front, what="generation", service="inference API")
    if "inference" in by_id:
        yield from _inference_links(plan, by_id)
    if plan.shape.trainer_pods > 1:
        yield Link(source="trainer", target="trainer", what="torchrun", service="rendezvous")
    if "orchestrator" in by_id and any(service.name == "rollouts" for service in by_id["orchestrator"].services):
        yield Link(source="trainer", target="orchestrator", what="rollouts", service="rollouts")


def _inference_links(plan: RunPlan, by_id: Mapping[str, Node]) -> Iterator[Link]:
    offered = {service.name for service in by_id["inference"].services}
    engines = "engines" if "engines" in offered else "inference API"
    yield Link(source="orchestrator", target="inference", what="weight updates", service=engines)
    if "router" in by_id:
        yield Link(source="router", target="inference", what="generation", service=engines)
    if "expert group" in offered:
        yield Link(source="inference", target="inference", what="expert parallelism", service="expert group")
    if any(service.name == "weights" for service in by_id["trainer"].services):
        yield Link(source="inference", target="trainer", what="weights (NCCL)", service="weights")


def _file_links(plan: RunPlan) -> Iterator[Link]:
    """What goes through the shared volume. Even NCCL broadcast signals through marker files."""
    passed: dict[str, list[str]] = {"orchestrator": [], "inference": [], "trainer": []}
    if _setting(plan, "trainer", "ckpt") is not None:
        passed["trainer"].append("checkpoints")
    if plan.shape.has_orchestrator:
        if _setting(plan, "trainer", "weight_broadcast", "type") == "filesystem":
            passed["trainer"].append("weights")
            passed["inference"].append("weights")
        if _setting(plan, "trainer", "rollout_transport", "type") == "filesystem":
            passed["trainer"].append("rollouts")
            passed["orchestrator"].append("rollouts")
        passed["trainer"].append("step markers")
        passed["orchestrator"].append("step markers")
    for source, contents in passed.items():
        if contents and plan.component(source) is not None:
            yield Link(source=source, target="volume", what=", ".join(contents), medium="files")


# --- servers outside the run -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """A connection to a server outside the run."""

    caller: str
    host: str
    what: str
    port: int | None

    @property
    def link(self) -> Link:
        service = None if self.port is None else self.what
        return Link(source=self.caller, target=f"outside-{self.host}", what=self.what, service=service)


def _outside_nodes(calls: Iterable[_Call]) -> Iterator[Node]:
    hosts: dict[str, dict[str, set[int]]] = {}
    for call in calls:
        ports = hosts.setdefault(call.host, {}).setdefault(call.what, set())
        ports.update(() if call.port is None else (call.port,))
    for host, offered in hosts.items():
        services = tuple(Service(name=what, ports=tuple(sorted(ports))) for what, ports in offered.items() if ports)
        yield Node(id=f"outside-{host}", kind="outside", title=host, detail="outside the run", services=services)


def _outside_calls(plan: RunPlan) -> Iterator[_Call]:
    if not plan.shape.has_orchestrator:
        return
    if not _is_own_policy(plan):
        url = _setting(plan, "orchestrator", "model", "client", "base_url")
        callers = ["orchestrator", *dict.fromkeys(f"env-{p.env_server.split}" for p in plan.pods if p.env_server)]
        yield from _calls(callers, "generation", url)
    if plan.shape.external_inference:
        for url in _listed(_setting(plan, "orchestrator", "model", "client", "admin_base_url")):
            yield from _calls(["orchestrator"], "weight updates", url)
    own_hosts = {host for pods in plan.pods for host in pods.hosts}
    for source in _sources(plan):
        address = value_at(source, ("serve", "address"))
        if _host(address) not in own_hosts:
            yield from _calls(["orchestrator"], "episodes", address)
    for algo in (_setting(plan, "orchestrator", "algo"), *(value_at(s, ("algo",)) for s in _sources(plan))):
        yield from _calls(["orchestrator"], "teacher", value_at(algo, ("teacher", "base_url")))
        yield from _calls(["orchestrator"], "samples", value_at(algo, ("sampling", "source", "base_url")))
    yield from _model_express(plan)


def _model_express(plan: RunPlan) -> Iterator[_Call]:
    broadcast = _setting(plan, "trainer", "weight_broadcast")
    if value_at(broadcast, ("type",)) == "nixl":
        callers = [name for name in ("orchestrator", "inference", "trainer") if plan.component(name)]
        yield from _calls(callers, "weights (NIXL)", f"tcp://{broadcast['host']}:{broadcast['port']}")


def _calls(callers: Iterable[str], what: str, url: Any) -> Iterator[_Call]:
    called = endpoint(url) if isinstance(url, str) else None
    if called is not None:
        host, written = called
        port = written or (443 if url.startswith("https:") else 80)
        yield from (_Call(caller, host, what, port) for caller in callers)


def _limited(calls: tuple[_Call, ...]) -> tuple[_Call, ...]:
    """Put the servers that a picture has no room for into one."""
    hosts = list(dict.fromkeys(call.host for call in calls))
    if len(hosts) <= MAX_OUTSIDE:
        return calls
    kept = set(hosts[: MAX_OUTSIDE - 1])
    rest = counted(len(hosts) - len(kept), "more server")
    return tuple(call if call.host in kept else replace(call, host=rest, port=None) for call in calls)


# --- reading the plan ------------------------------------------------------------------------------------------


def _setting(plan: RunPlan, component: str, *path: str) -> Any:
    pods = plan.component(component)
    return value_at(pods.config.resolved, path) if pods and pods.config else None


def _sources(plan: RunPlan) -> Iterator[Mapping[str, Any]]:
    """Every environment source that is a table; in hosted mode the list may be anything."""
    for split in ("train", "eval"):
        for source in _listed(_setting(plan, "orchestrator", split, "source")):
            if isinstance(source, Mapping):
                yield source


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _host(url: Any) -> str | None:
    called = endpoint(url) if isinstance(url, str) else None
    return called[0] if called else None


def _is_own_policy(plan: RunPlan) -> bool:
    """Whether requests go to the run's own engines: not with external inference or a gateway of the user's."""
    if not plan.shape.has_inference:
        return False
    return _host(_setting(plan, "orchestrator", "model", "client", "base_url")) == plan.names.service_host()


def _run_text(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}, {last}" if last == first + 1 else f"{first}-{last}"
