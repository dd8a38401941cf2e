"""How a cluster treats a run, in a few words: queue, gang, limits, devices, network, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.characters import visible
from rlsplit.components import ComponentName
from rlsplit.findings import clipped
from rlsplit.planning.model import RunPlan
from rlsplit.preview.text import counted

_MAX_VALUE: Final = 200


def placing_facts(plan: RunPlan) -> Iterator[tuple[str, str]]:
    """Give what is said about a run's place on the cluster, as name and value; what is not asked for is left out."""
    for name, value in _facts(plan):
        if value:
            yield name, clipped(visible(value), _MAX_VALUE)


def _facts(plan: RunPlan) -> Iterator[tuple[str, str | None]]:
    platform = plan.platform
    yield "Queue", _queue(plan)
    gang = f"{counted(plan.pod_count, 'pod')} start together or not at all, by {platform.gang}"
    yield "Gang", gang if platform.gang is not None else None
    yield "Scheduler", platform.scheduler_name
    yield "Priority class", platform.priority_class
    yield "Near each other", f"GPU pods by {platform.topology_key}" if platform.topology_key is not None else None
    yield "After a disruption", "the JobSet starts again" if platform.restart_on_disruption else None
    limit = platform.max_runtime_seconds
    yield "Time limit", f"{limit:,} s for every component" if limit is not None else None
    devices = ", ".join(f"{count} x {name}" for name, count in platform.rdma_resource.items())
    yield "RDMA per GPU pod", devices if plan.has_rdma else None
    yield "Outgoing", _outgoing(plan)
    yield "Secrets", f"from {platform.existing_secret}" if platform.existing_secret is not None else None
    yield "Patched pods", _patched(plan)


def _queue(plan: RunPlan) -> str | None:
    queue, priority = plan.platform.queue_name, plan.platform.queue_priority_class
    return queue if queue is None or priority is None else f"{queue}, as {priority}"


def _outgoing(plan: RunPlan) -> str:
    if not plan.platform.network_policy:
        return "everything: no network policy"
    ports = ", ".join(map(str, plan.platform.egress_ports)) or "none"
    tunnels = f"; tunnels of {counted(len(plan.tunnelling), 'environment')}" if plan.tunnelling else ""
    peers = f"; {counted(len(plan.peers), 'server')} of its own" if plan.peers else ""
    return f"ports {ports}{peers}{tunnels}"


def _patched(plan: RunPlan) -> str:
    components: dict[ComponentName, None] = dict.fromkeys(pods.component for pods in plan.pods)
    return ", ".join(name for name in components if plan.platform.component(name).pod_patch)
