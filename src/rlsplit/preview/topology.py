"""The topology of a planned run: who runs where, who listens, and who connects to whom, as plain values.

Read by the Mermaid and the SVG picture alike, so that they cannot tell different stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from rlsplit.components import ComponentName, SourceSplit
from rlsplit.kubernetes import endpoint
from rlsplit.planning.model import Pods, Port, RunPlan
from rlsplit.planning.ports import side_channel
from rlsplit.preview.text import counted

NodeKind = ComponentName | Literal["volume", "outside"]
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
    pulled: str | None = None
    """How the source gets what travels from the target: ``pulled over NCCL``; None where it asks, or gives."""

    @property
    def said(self) -> str:
        """What travels and how: ``weights, pulled over NCCL``."""
        return f"{self.what}, {self.pulled}" if self.pulled else self.what


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

    def flow(self, link: Link) -> str:
        """Say which way things flow where it is not the way of the link: ``weights: Trainer -> Inference``."""
        if link.pulled is None:
            return link.what
        return f"{link.what}: {self.node(link.target).title} -> {self.node(link.source).title}"


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


def flow_text(drawn: Topology, link: Link) -> str:
    """Say what flows, and which way and how where the link does not: ``rollouts: Orchestrator -> Trainer, pulled``."""
    return f"{drawn.flow(link)}, {link.pulled}" if link.pulled else link.what


def shape_text(pods: int, gpus: int) -> str:
    """Say how many pods there are and what each has: ``4 pods x 8 GPUs``."""
    return f"{counted(pods, 'pod')} x {counted(gpus, 'GPU')}" if gpus else counted(pods, "pod")


# --- nodes -----------------------------------------------------------------------------------------------------


def _nodes(plan: RunPlan) -> Iterator[Node]:
    """Every pod of the plan, by component in the order of their tiers, and the volume that they share."""
    servers = _served(plan)
    for pods in sorted(plan.containers, key=lambda pods: pods.role.tier):
        if pods.env_server is None:
            yield _component(plan, pods)
        elif pods is servers[pods.env_server.id.split][0]:
            yield _environments(pods.env_server.id.split, servers[pods.env_server.id.split])
    claim = plan.claim or plan.names.claim
    yield Node(id="volume", kind="volume", title="Volume", detail=f"{claim} at {plan.platform.mount_path}")


def _served(plan: RunPlan) -> dict[SourceSplit, list[Pods]]:
    """Environment servers by what they serve."""
    servers: dict[SourceSplit, list[Pods]] = {}
    for pods in plan.containers:
        if pods.env_server is not None:
            servers.setdefault(pods.env_server.id.split, []).append(pods)
    return servers


def _environments(split: SourceSplit, servers: list[Pods]) -> Node:
    title = f"{servers[0].role.title} ({split})"
    local = tuple(s.env_server.local_port for s in servers if s.env_server and s.env_server.local_port is not None)
    if local:
        names = ", ".join(s.env_server.name for s in servers if s.env_server)
        services = (Service(name="environment", ports=local),)
        detail = f"beside the orchestrator: {names}"
        return Node(id=f"env-{split}", kind="env-server", title=title, detail=detail, services=services)
    return Node(
        id=f"env-{split}",
        kind="env-server",
        title=title,
        detail=shape_text(len(servers), 0),
        pods=tuple(Pod(label=s.env_server.name if s.env_server else "", host=s.hosts[0]) for s in servers),
        services=_services(servers[0].ports),
    )


def _component(plan: RunPlan, pods: Pods) -> Node:
    return Node(
        id=pods.suffix,
        kind=pods.component,
        title=pods.role.title,
        detail=shape_text(pods.count, pods.gpus),
        pods=tuple(Pod(label=str(index), host=host) for index, host in enumerate(pods.hosts)),
        gpus=pods.gpus,
        services=(*_services(pods.ports), *_side_channel(plan, pods)),
    )


def _side_channel(plan: RunPlan, pods: Pods) -> Iterator[Service]:
    """Where decode engines ask for KV caches: all ports of a group, of which each pod has its own."""
    if pods.groups is not None and pods.component == "prefill":
        yield Service(name="KV caches", ports=tuple(side_channel(pods.groups, plan.platform.nixl_port)))


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
    by_id, driver = {node.id: node for node in nodes}, plan.settings.driver
    environments = [node.id for node in by_id.values() if node.kind == "env-server"]
    for environment in environments:
        yield Link(source=driver, target=environment, what="episodes", service="environment")
    if _is_own_policy(plan):
        front = "router" if "router" in by_id else "inference"
        for caller in (*environments, driver):
            yield Link(source=caller, target=front, what="generation", service="inference API")
    for engines in plan.shape.engine_components:
        if engines in by_id:
            yield from _engine_links(plan, engines, by_id)
    if "prefill" in by_id and "decode" in by_id:
        yield Link(source="decode", target="prefill", what="KV caches", service="KV caches", pulled="pulled over NIXL")
    if plan.shape.trainer_pods > 1:
        yield Link(source="trainer", target="trainer", what="torchrun", service="rendezvous")
    if driver in by_id and any(service.name == "rollouts" for service in by_id[driver].services):
        yield Link(source="trainer", target=driver, what="rollouts", service="rollouts", pulled="pulled over ZMQ")


def _engine_links(plan: RunPlan, engines: ComponentName, by_id: Mapping[str, Node]) -> Iterator[Link]:
    offered = {service.name for service in by_id[engines].services}
    service = "engines" if "engines" in offered else "inference API"
    yield Link(source=plan.settings.driver, target=engines, what="weight updates", service=service)
    if "router" in by_id:
        yield Link(source="router", target=engines, what="generation", service=service)
    if "expert group" in offered:
        yield Link(source=engines, target=engines, what="expert parallelism", service="expert group")
    if any(service.name == "weights" for service in by_id["trainer"].services):
        yield Link(source=engines, target="trainer", what="weights", service="weights", pulled="pulled over NCCL")


def _file_links(plan: RunPlan) -> Iterator[Link]:
    """What goes through the shared volume. Even NCCL broadcast signals through marker files."""
    trainer, driver, engines = plan.settings.trainer, plan.settings.driver, plan.shape.engine_components
    passed = _Passed()
    if trainer.has_ckpt:
        passed.by("checkpoints", "trainer")
    if plan.shape.has_orchestrator:
        if trainer.broadcast.type == "filesystem":
            passed.by("weights", "trainer", readers=engines)
        if trainer.rollouts is None and plan.settings.sft is None:
            passed.by("rollouts", driver, readers=("trainer",))
        passed.by("step markers", "trainer", driver)
    for source in (driver, *engines, "trainer"):
        if plan.component(source) is not None:
            yield from passed.links(source)


@dataclass(frozen=True, slots=True)
class _Passed:
    """What each component writes to the volume, and what others then read from there."""

    written: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    read: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])

    def by(self, what: str, *writers: str, readers: Iterable[str] = ()) -> None:
        for writer in writers:
            self.written.setdefault(writer, []).append(what)
        for reader in readers:
            self.read.setdefault(reader, []).append(what)

    def links(self, source: str) -> Iterator[Link]:
        if source in self.written:
            yield Link(source=source, target="volume", what=", ".join(self.written[source]), medium="files")
        if source in self.read:
            what = ", ".join(self.read[source])
            yield Link(source=source, target="volume", what=what, medium="files", pulled="read as files")


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


_SHOWN: Final = ("generation", "weight updates", "episodes", "teacher", "samples", "weights (NIXL)")
"""What servers outside are called for, in the order of the picture; telling the platform's monitor is left out."""


def _outside_calls(plan: RunPlan) -> Iterator[_Call]:
    """Calls that the plan knows, one for each node of the picture that makes them."""
    shown = [call for call in plan.outside if call.what in _SHOWN]
    for call in sorted(shown, key=lambda call: _SHOWN.index(call.what)):
        for caller in _callers(plan, call.callers):
            yield _Call(caller, call.host, call.what, call.port)


def _callers(plan: RunPlan, components: Iterable[ComponentName]) -> Iterator[str]:
    """Ids of the nodes of components: environment servers stand in one node for each split."""
    for component in components:
        if component == "env-server":
            yield from dict.fromkeys(f"env-{p.env_server.id.split}" for p in plan.containers if p.env_server)
        else:
            yield component


def _limited(calls: tuple[_Call, ...]) -> tuple[_Call, ...]:
    """Put the servers that a picture has no room for into one."""
    hosts = list(dict.fromkeys(call.host for call in calls))
    if len(hosts) <= MAX_OUTSIDE:
        return calls
    kept = set(hosts[: MAX_OUTSIDE - 1])
    rest = counted(len(hosts) - len(kept), "more server")
    return tuple(call if call.host in kept else replace(call, host=rest, port=None) for call in calls)


# --- reading the plan ------------------------------------------------------------------------------------------


def _is_own_policy(plan: RunPlan) -> bool:
    """Whether requests go to the run's own engines: not with external inference or a gateway of the user's."""
    if not plan.shape.has_inference:
        return False
    called = endpoint(plan.policy_url)
    return called is not None and called[0] == plan.names.service_host()


def _run_text(first: int, last: int) -> str:
    if first == last:
        return str(first)
    return f"{first}, {last}" if last == first + 1 else f"{first}-{last}"
