"""A small model of NetworkPolicies: who may reach whom (``networking.k8s.io/v1``, policies add up)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address outside the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    """Named ports of a pod."""
    address: str | None = None


def pods_of(objects: Sequence[Mapping[str, Any]]) -> Iterator[End]:
    """One pod of every Job, as the Job controller labels it."""
    for item in objects:
        if item["kind"] == "Job":
            yield _pod(item["metadata"], item["metadata"]["name"], item["spec"])
        for job in item["spec"]["replicatedJobs"] if item["kind"] == "JobSet" else ():
            name = f"{item['metadata']['name']}-{job['name']}-0"
            yield _pod(item["metadata"], name, job["template"]["spec"])


def _pod(metadata: Mapping[str, Any], job: str, spec: Mapping[str, Any]) -> End:
    template = spec["template"]
    named = [port for container in template["spec"]["containers"] for port in container.get("ports", ())]
    return End(
        namespace=metadata["namespace"],
        labels={**template["metadata"]["labels"], "batch.kubernetes.io/job-name": job},
        ports={port["name"]: port["containerPort"] for port in named},
    )


def allowed(policies: Iterable[Mapping[str, Any]], source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection is allowed by the policies of both ends."""
    listed = list(policies)
    leaves = _side(listed, source, target, "Egress", target, port, protocol)
    arrives = _side(listed, target, source, "Ingress", target, port, protocol)
    return leaves and arrives


def _side(
    policies: Sequence[Mapping[str, Any]], here: End, there: End, way: str, target: End, port: int, protocol: str
) -> bool:
    own = [
        policy["spec"]
        for policy in policies
        if here.address is None
        and policy["metadata"]["namespace"] == here.namespace
        and way in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], here.labels)
    ]
    rules = [rule for spec in own for rule in spec.get(way.lower(), ())]
    peers = "to" if way == "Egress" else "from"
    return not own or any(
        _on_port(rule, target, port, protocol) and _at(rule.get(peers), here.namespace, there) for rule in rules
    )


def _on_port(rule: Mapping[str, Any], target: End, port: int, protocol: str) -> bool:
    wanted = rule.get("ports")
    if not wanted:
        return True
    return any(
        (item["port"] if isinstance(item["port"], int) else target.ports.get(item["port"])) == port
        and item.get("protocol", "TCP") == protocol
        for item in wanted
    )


def _at(peers: Sequence[Mapping[str, Any]] | None, namespace: str, there: End) -> bool:
    """No peers at all means everybody."""
    return not peers or any(_is(peer, namespace, there) for peer in peers)


def _is(peer: Mapping[str, Any], namespace: str, there: End) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return (
            there.address is not None
            and _in(there.address, block["cidr"])
            and not any(_in(there.address, part) for part in block.get("except", ()))
        )
    if there.address is not None:
        return False
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": there.namespace}):
            return False
    elif there.namespace != namespace:
        return False
    return _selects(peer.get("podSelector", {}), there.labels)


def _in(address: str, cidr: str) -> bool:
    parsed, network = ipaddress.ip_address(address), ipaddress.ip_network(cidr)
    return parsed.version == network.version and parsed in network


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
