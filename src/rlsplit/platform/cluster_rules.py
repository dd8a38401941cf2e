"""Rules about the network and the scheduler of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from rlsplit.addresses import is_network, is_within
from rlsplit.components import ROLES, Role
from rlsplit.findings import Finding, shown
from rlsplit.kubernetes import is_dns_label, is_label_value, is_qualified_name
from rlsplit.plain_data import is_table, value_at
from rlsplit.platform.judging import Format, Rule, conflict, each, finding, misfit, own_keys, table
from rlsplit.platform.settings import PlatformSettings

_KEY: Final = Format("a label key", is_qualified_name)
_VALUE: Final = Format("a label value", is_label_value)
_NAMESPACE: Final = Format("a DNS label", is_dns_label)
_RANGE: Final = Format("an address range such as 169.254.20.10/32", is_network)

_NEEDS: Final = (
    ("queue_priority_class", ("queue_name",)),
    ("topology_mode", ("queue_name", "topology_key")),
)
"""Setting, and those without which it has no effect."""


def _dns(platform: PlatformSettings) -> Iterator[Finding]:
    for index, peer in enumerate(platform.dns):
        if peer.namespace is None and not peer.cidrs:
            message, hint = "names nobody to ask", "give a namespace or cidrs"
            yield finding("dns", ("dns", index), message, hint)
        if peer.namespace is None and peer.pod_labels:
            yield finding("dns", ("dns", index, "pod_labels"), "select pods of a namespace", "give the namespace, too")
        if not peer.ports:
            yield finding("dns", ("dns", index, "ports"), "no port is open", "write [53]")
        yield from () if peer.namespace is None else misfit(("dns", index, "namespace"), peer.namespace, _NAMESPACE)
        yield from table(("dns", index, "pod_labels"), peer.pod_labels, _KEY, _VALUE)
        for i, cidr in enumerate(peer.cidrs):
            yield from misfit(("dns", index, "cidrs", i), cidr, _RANGE)


def _denied(platform: PlatformSettings) -> Iterator[Finding]:
    """A range that is opened and denied as a whole would say nothing."""
    denied = [cidr for cidr in platform.deny_cidrs if is_network(cidr)]
    for index, cidr in enumerate(platform.egress_cidrs):
        over = next((by for by in denied if is_network(cidr) and is_within(ip_network(cidr), ip_network(by))), None)
        if over is not None:
            message = f"{cidr} lies in {over}, which deny_cidrs denies"
            yield finding("conflict", ("egress_cidrs", index), message, "change one of the two")


def _spread(platform: PlatformSettings) -> Iterator[Finding]:
    """The run's labels are filled into selectors, so these have to be ones."""
    for index, constraint in enumerate(platform.topology_spread):
        for path in (("labelSelector",), ("labelSelector", "matchLabels")):
            written = value_at(constraint, path)
            if written is not None and not is_table(written):
                yield finding("format", ("topology_spread", index, *path), f"{shown(written)} is not a table")
                break


def _needs(setting: str, others: tuple[str, ...], platform: PlatformSettings) -> Iterator[Finding]:
    for other in others if setting in platform.model_fields_set and getattr(platform, setting) is not None else ():
        if getattr(platform, other) is None:
            yield conflict(setting, f"has no effect without {other}")


def _pod_metadata(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    settings = platform.table(role.name)
    for name, listed, values in (
        ("pod_labels", settings.pod_labels, _VALUE),
        ("pod_annotations", settings.pod_annotations, None),
    ):
        yield from table((role.settings, name), listed, _KEY, values)
        yield from own_keys((role.settings, name), listed)


CLUSTER_RULES: Final[tuple[Rule, ...]] = (
    _dns,
    _denied,
    _spread,
    *each(_needs, of=_NEEDS),
    *each(_pod_metadata, of=[(role,) for role in ROLES.values()]),
)
