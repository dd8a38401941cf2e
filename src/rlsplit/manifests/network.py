"""NetworkPolicy: who may call the run's pods, and whom they may call."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Final

from rlsplit.manifests.metadata import metadata, selector
from rlsplit.manifests.monitoring import scraped_ports
from rlsplit.planning.model import Peer, RunPlan

LINK_LOCAL: Final = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))
"""Ranges of cloud metadata services, which no pod may call."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    rules: list[dict[str, Any]] = [{"to": [_own_pods(plan)]}, _dns()]
    if plan.platform.egress_cidrs and plan.platform.egress_ports:
        blocks = [_ip_block(cidr) for cidr in plan.platform.egress_cidrs]
        rules.append({"to": blocks, "ports": _tcp(plan.platform.egress_ports)})
    return [*rules, *_peer_rules(plan.peers)]


def _peer_rules(peers: Iterable[Peer]) -> list[dict[str, Any]]:
    """Servers outside the run. A host name cannot be expressed: its port is open to every address."""
    rules: list[dict[str, Any]] = []
    for peer in peers:
        to = {} if peer.cidr is None else {"to": [{"ipBlock": {"cidr": peer.cidr}}]}
        rule = {**to, "ports": _tcp([peer.port])}
        if rule not in rules:
            rules.append(rule)
    return rules


def _dns() -> dict[str, Any]:
    place = {**_namespace("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {"to": [place], "ports": ports}


def _ip_block(cidr: str) -> dict[str, Any]:
    """A range without the link-local addresses in it."""
    network = ipaddress.ip_network(cidr)
    inside = [str(part) for part in LINK_LOCAL if part != network and _is_within(part, network)]
    return {"ipBlock": {"cidr": cidr, **({"except": inside} if inside else {})}}


def _is_within(part: _Network, whole: _Network) -> bool:
    return part.version == whole.version and part[0] in whole and part[-1] in whole


def _own_pods(plan: RunPlan) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": selector(plan)}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _tcp(ports: Iterable[str | int]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in ports]
