"""Ports of pods that use their node's network: what two of them would share on one host moves apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rlsplit.findings import Finding
from rlsplit.planning.model import Pods, Port
from rlsplit.planning.ports import (
    engine_pod_ports,
    inner_ports,
    orchestrator_ports,
    router_ports,
    side_channel,
    trainer_ports,
)
from rlsplit.planning.subject import Subject


def trainer_metrics_port(subject: Subject) -> int:
    """The platform's port of the trainer's metrics; on the node's network the first from there that is free."""
    wanted = subject.platform.trainer_metrics_port
    if not subject.platform.host_network:
        return wanted
    taken = _taken(subject)
    return next((port for port in range(wanted, 65536) if port not in taken), wanted)


def env_server_port(subject: Subject, index: int) -> int:
    """The platform's port of environment servers, which have pods of their own; on the node's network one each."""
    first = subject.platform.env_server_port
    return first + index if subject.platform.host_network else first


def host_port_findings(subject: Subject, pods: Iterable[Pods]) -> Iterator[Finding]:
    """Refuse ports that pods of two components would bind on one node; those of one component never share a node."""
    if not subject.platform.host_network:
        return
    holders: dict[int, tuple[Pods, Port]] = {}
    for planned in pods:
        listening = (*planned.ports, *inner_ports(planned, subject.settings, subject.platform))
        for number, port in {port.number: port for port in listening}.items():
            other, its = holders.setdefault(number, (planned, port))
            # A prefill or decode pod takes all GPUs of its node, so the two never share one.
            if other is not planned and not (other.groups and planned.groups):
                message = f"{port.name} of {planned.suffix} and {its.name} of {other.suffix} both take port {number}"
                hint = "choose another port: with host_network they may share a node"
                finding = Finding(code="plan.port-conflict", path=port.setting, message=message, hint=hint)
                yield replace(finding, about="platform") if port.setting[0] == "platform" else finding


def _taken(subject: Subject) -> set[int]:
    """Every port that anything of the run may bind on a node, but for the trainer's metrics."""
    settings, shape, platform = subject.settings, subject.shape, subject.platform
    without_metrics = platform.model_copy(update={"metrics": "off"})
    ports = [*trainer_ports(replace(settings.trainer, metrics=None), shape, without_metrics, 0)]
    numbers = {env_server_port(subject, server.index) for server in subject.split.env_servers}
    if shape.has_orchestrator:
        ports += orchestrator_ports(settings.orchestrator)
    if shape.has_inference and settings.inference is not None:
        ports += router_ports(settings.inference.port)
        ports += [port for ports in engine_pod_ports(settings.inference, shape).values() for port in ports]
        numbers |= {number for group in shape.groups for number in side_channel(group, platform.nixl_port)}
    return numbers | {port.number for port in ports}
