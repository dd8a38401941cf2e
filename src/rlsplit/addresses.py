"""Hosts as addresses: every spelling that a resolver takes for one, and the addresses that no run may call.

Sources: ``inet_aton(3)`` for short and hexadecimal forms, RFC 4291 (mapped and link-local addresses), and the
documentation of the cloud providers' metadata services.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PART: Final = re.compile(r"0[xX][0-9a-fA-F]*\Z|\d+\Z")
_CIDR: Final = re.compile(r"[0-9A-Fa-f:.]+/\d{1,3}\Z")
_METADATA_HOSTS: Final = frozenset(
    ["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"]
)
_METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192"))
)
"""Where instances ask for their credentials: AWS and most others, AWS over IPv6, Google over IPv6, Alibaba, Oracle."""


def address_of(host: str) -> Address | None:
    """Read a host as an address, an IPv4-mapped one as IPv4; None for a name. A zone (``%eth0``) is left out."""
    text = host.strip("[]").partition("%")[0]
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return _old_spelling(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_public_name(host: str) -> bool:
    """Whether a host can be a name of the public internet: plain characters, a dot, no internal last label."""
    labels = host.rstrip(".").lower().split(".")
    return len(labels) > 1 and all(map(_HOST_LABEL.match, labels)) and labels[-1] not in _INTERNAL


_HOST_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\Z")
_INTERNAL: Final = frozenset(
    ("arpa", "corp", "home", "internal", "intranet", "lan", "local", "localdomain", "localhost", "private", "svc")
)
"""Last labels that no public name has."""


def has_zone(host: str) -> bool:
    """Whether a host names a network interface, which means another one in every pod: ``fe80::1%eth0``."""
    return "%" in host and address_of(host) is not None


def is_metadata(host: str) -> bool:
    """Whether a host is the metadata service of a cloud, by address or by name."""
    address = address_of(host)
    return address in _METADATA if address is not None else host.rstrip(".").lower() in _METADATA_HOSTS


def is_network(text: str) -> bool:
    """Whether a text is a range that a NetworkPolicy takes: a prefix, no bits behind it, no zone, not IPv4-mapped."""
    if _CIDR.match(text) is None:
        return False
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return not (isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None)


def is_within(part: Address | Network, whole: Network) -> bool:
    """Whether an address or a range lies in a range, which may be the same one."""
    if part.version != whole.version:
        return False
    if isinstance(part, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return part in whole
    return part[0] in whole and part[-1] in whole


def _old_spelling(text: str) -> Address | None:
    """Read what ``inet_aton`` takes: one to four parts in decimal, octal or hexadecimal, the last fills the rest."""
    parts = text.split(".")
    if len(parts) > 4 or not all(map(_PART.match, parts)):
        return None
    try:
        *first, last = (_number(part) for part in parts)
    except ValueError:
        return None
    room = 8 * (4 - len(first))
    if any(number > 0xFF for number in first) or last >> room:
        return None
    return ipaddress.IPv4Address(sum(number << 8 * (3 - i) for i, number in enumerate(first)) + last)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8) if part[0] == "0" else int(part[:12])
