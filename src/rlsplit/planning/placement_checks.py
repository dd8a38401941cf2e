"""Runs that the scheduler, or the network that it gives them, could not carry."""

from __future__ import annotations

from collections.abc import Iterator

from rlsplit.findings import Finding
from rlsplit.planning.model import RunPlan
from rlsplit.planning.subject import Subject


def placement_findings(subject: Subject, plan: RunPlan) -> Iterator[Finding]:
    """Check what a run needs of the settings of placement."""
    yield from _nixl(subject)
    yield from _restarts(subject, plan)


def _nixl(subject: Subject) -> Iterator[Finding]:
    """NIXL moves weights by RDMA, for which pods need devices."""
    broadcast = subject.settings.trainer.broadcast
    if subject.shape.has_orchestrator and broadcast.type == "nixl" and not subject.platform.rdma_resource:
        message = "NIXL needs RDMA devices, and the platform names no rdma_resource"
        hint = 'set rdma_resource of the platform, for instance { "rdma/ib" = 1 }, or write type = "nccl"'
        yield Finding(code="plan.nixl-without-rdma", path=("weight_broadcast", "type"), message=message, hint=hint)


def _restarts(subject: Subject, plan: RunPlan) -> Iterator[Finding]:
    """A restarted JobSet keeps its config: what it does not resume it cannot go on with."""
    if subject.platform.restart_on_disruption and plan.resume is None:
        message = "a run that restart_on_disruption starts again would refuse its own checkpoints"
        yield Finding(code="plan.restart-without-resume", path=("resume",), message=message, hint="write resume = {}")
