"""NetworkPolicies: who may call the run's pods, and whom they may call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from rlsplit.addresses import is_within
from rlsplit.manifests.metadata import metadata, selector
from rlsplit.manifests.monitoring import scraped_ports
from rlsplit.planning.model import Peer, RunPlan
from rlsplit.platform.settings import DnsPeer


def network_policies(plan: RunPlan) -> Iterator[dict[str, Any]]:
    """The policy of all pods, and a further one for environment servers that open tunnels."""
    yield network_policy(plan)
    if plan.tunnelling and plan.platform.tunnel_ports and plan.platform.egress_cidrs:
        yield tunnel_policy(plan)


def network_policy(plan: RunPlan) -> dict[str, Any]:
    """Both directions of all pods. NCCL uses ephemeral ports, so pods of one run may use every port."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(plan, plan.names.base),
        "spec": {
            "podSelector": {"matchLabels": selector(plan)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(plan),
            "egress": _egress(plan),
        },
    }


def tunnel_policy(plan: RunPlan) -> dict[str, Any]:
    """What environment servers may call besides, by Job: policies add up."""
    jobs = {"key": "batch.kubernetes.io/job-name", "operator": "In", "values": list(plan.tunnelling)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(plan, plan.names.tunnels, "env-server"),
        "spec": {
            "podSelector": {"matchLabels": selector(plan, "env-server"), "matchExpressions": [jobs]},
            "policyTypes": ["Egress"],
            "egress": [{"to": _everywhere(plan), "ports": _tcp(plan.platform.tunnel_ports)}],
        },
    }


def _ingress(plan: RunPlan) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [{"from": [_own_pods(plan)]}]
    ports = scraped_ports(plan)
    if ports:
        rules.append({"from": [_namespace(plan.platform.monitoring_namespace)], "ports": _tcp(ports)})
    if plan.platform.ingress_namespaces and plan.shape.has_inference:
        callers = [_namespace(name) for name in plan.platform.ingress_namespaces]
        rules.append({"from": callers, "ports": _tcp(["http"])})
    return rules


def _egress(plan: RunPlan) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [{"to": [_own_pods(plan)]}, *(_dns(peer) for peer in plan.platform.dns)]
    if plan.platform.egress_cidrs and plan.platform.egress_ports:
        rules.append({"to": _everywhere(plan), "ports": _tcp(plan.platform.egress_ports)})
    return [*rules, *_peer_rules(plan)]


def _peer_rules(plan: RunPlan) -> list[dict[str, Any]]:
    """Servers outside the run. A host name cannot be expressed: its port is open to all that may be called."""
    rules: list[dict[str, Any]] = []
    for peer in plan.peers:
        to = _blocks_of(plan, peer)
        rule = {"to": to, "ports": _tcp([peer.port])}
        if to and rule not in rules:
            rules.append(rule)
    return rules


def _blocks_of(plan: RunPlan, peer: Peer) -> list[dict[str, Any]]:
    """What a rule for a peer opens. Never nothing at all: a rule without ``to`` is open to everybody."""
    return _everywhere(plan) if peer.cidr is None else [_ip_block(peer.cidr, tuple(plan.platform.deny_cidrs))]


def _dns(peer: DnsPeer) -> dict[str, Any]:
    pods = {"podSelector": {"matchLabels": dict(peer.pod_labels)}} if peer.pod_labels else {}
    named = [{**_namespace(peer.namespace), **pods}] if peer.namespace is not None else []
    ports = [{"protocol": protocol, "port": port} for port in peer.ports for protocol in ("UDP", "TCP")]
    blocks = [{"ipBlock": {"cidr": str(ip_network(cidr))}} for cidr in peer.cidrs]
    return {"to": [*named, *blocks], "ports": ports}


def _everywhere(plan: RunPlan) -> list[dict[str, Any]]:
    return [_ip_block(cidr, tuple(plan.platform.deny_cidrs)) for cidr in plan.platform.egress_cidrs]


def _ip_block(cidr: str, deny: tuple[str, ...]) -> dict[str, Any]:
    """A range without the denied addresses in it."""
    network, inside = _without(cidr, deny)
    return {"ipBlock": {"cidr": network, **({"except": list(inside)} if inside else {})}}


@lru_cache(maxsize=64)
def _without(cidr: str, deny: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A range, and the denied ones in it. A platform has the same for all its runs, and reading them takes long."""
    network = ip_network(cidr)
    denied = dict.fromkeys(map(ip_network, deny))
    return str(network), tuple(str(part) for part in denied if part != network and is_within(part, network))


def _own_pods(plan: RunPlan) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": selector(plan)}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _tcp(ports: Iterable[str | int]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
