"""What a person should know about a run's network and about where its pods are placed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from rlsplit.findings import Finding
from rlsplit.planning.model import RunPlan
from rlsplit.planning.said import note, on_platform
from rlsplit.planning.subject import Subject


def cluster_notes(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """Give every note about network and placement, in a fixed order."""
    for check in _CHECKS:
        yield from check(plan, subject)


def _opened_ports(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """A policy cannot name hosts, so their ports are open to more than them."""
    for peer in plan.peers if plan.platform.network_policy else ():
        if peer.cidr is not None:
            continue
        if plan.platform.egress_cidrs:
            message = f"a NetworkPolicy cannot name hosts: {peer.host} opens port {peer.port} to all of egress_cidrs"
            yield note("open-port", (), message)
        else:
            message = f"a NetworkPolicy cannot name hosts, and egress_cidrs is empty: {peer.host} cannot be called"
            yield on_platform("closed-port", ("egress_cidrs",), message, f"add the range of {peer.host}")


def _tunnels(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    platform = plan.platform
    ports = ", ".join(map(str, platform.tunnel_ports))
    for pods in plan.pods:
        if pods.env_server is None or plan.names.host_prefix(pods.suffix) not in plan.tunnelling:
            continue
        key = subject.source_of(pods.env_server.id).key
        if platform.network_policy and platform.tunnel_ports and platform.egress_cidrs:
            message = f"agents run in sandboxes elsewhere, so port {ports} is open to all of egress_cidrs"
            yield note("tunnel-port", key, message, "a runtime of type subprocess needs no tunnel")
        elif platform.network_policy:
            message = "agents run in sandboxes elsewhere, and no port of their tunnel is open"
            yield note("tunnel-closed", key, message, "set tunnel_ports and egress_cidrs of the platform", "warning")


def _partial_placement(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    """Two runs that each got some of their pods wait for each other's nodes for ever."""
    platform = plan.platform
    if _gpu_pods(plan) > 1 and plan.shape.multi_node:
        if platform.queue_name is None and platform.gang is None and platform.scheduler_name is None:
            message = "nothing keeps the cluster from placing some of the pods only, which then hold their GPUs idle"
            yield on_platform("partial-placement", ("gang",), message, "set gang, or queue_name for Kueue")
        if platform.topology_key is None:
            message = "pods may be spread over zones, since that is what schedulers do by default"
            hint = 'set topology_key, for instance to "topology.kubernetes.io/zone"'
            yield on_platform("spread-placement", ("topology_key",), message, hint)


def _slow_network(plan: RunPlan, subject: Subject) -> Iterator[Finding]:
    shape = plan.shape
    if not shape.multi_node or plan.platform.rdma_resource:
        return
    uses = {
        "gradients of the trainers": shape.trainer_pods > 1,
        "weights for the engines": shape.has_inference and subject.settings.trainer.broadcast.type == "nccl",
        "KV caches from prefill to decode": bool(shape.groups),
        "tokens of the experts": shape.expert_parallel and shape.group_nodes > 1,
    }
    slow = [what for what, is_used in uses.items() if is_used]
    if slow:
        message = f"without RDMA devices these go through TCP: {', '.join(slow)}"
        yield on_platform("no-rdma", ("rdma_resource",), message, 'name the resource, for instance { "rdma/ib" = 1 }')


def _gpu_pods(plan: RunPlan) -> int:
    return sum(pods.count for pods in plan.pods if pods.role.has_gpus)


_CHECKS: Final[tuple[Callable[[RunPlan, Subject], Iterable[Finding]], ...]] = (
    _opened_ports,
    _tunnels,
    _partial_placement,
    _slow_network,
)
