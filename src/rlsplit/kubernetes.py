"""Kubernetes' own rules for names, labels, quantities and arguments, and what counts as a loopback address.

Sources: "Object Names and IDs", "Labels and Selectors" and "Quantity" of the Kubernetes reference.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final
from urllib.parse import urlsplit

from rlsplit.addresses import address_of

_DNS_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
_NAME_PART: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_IMAGE_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_QUANTITY: Final = re.compile(
    r"\+?(?P<number>\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?P<unit>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?\Z"
)
_DECIMAL_UNITS: Final = {unit: 3 * power for power, unit in enumerate("num", -3)} | {
    unit: 3 * power for power, unit in enumerate("kMGTPE", 1)
}
_BINARY_UNITS: Final = {f"{unit}i": 10 * power for power, unit in enumerate("KMGTPE", 1)}
_MAX_SUBDOMAIN: Final = 253

MAX_ARGUMENT_BYTES: Final = 120_000
"""Longest argument of a container: Linux takes 131,071 bytes, after the kubelet's expansion; the rest is room."""


def is_dns_label(text: str) -> bool:
    """At most 63 of lower-case letters, digits and inner ``-``: namespaces, host names, most parts of names."""
    return _DNS_LABEL.match(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """DNS labels joined by dots, at most 253 characters: names of most objects."""
    return len(text) <= _MAX_SUBDOMAIN and all(is_dns_label(part) for part in text.split("."))


def is_label_value(text: str) -> bool:
    """Empty, or at most 63 letters, digits and inner ``-_.``."""
    return text == "" or _NAME_PART.match(text) is not None


def is_qualified_name(text: str) -> bool:
    """Key of a label or annotation, name of a resource: a name part, perhaps behind ``<DNS subdomain>/``."""
    prefix, slash, name = text.rpartition("/")
    return _NAME_PART.match(name) is not None and (not slash or is_dns_subdomain(prefix))


def is_env_name(text: str) -> bool:
    """Name that a shell can read: letters, digits and ``_``, not starting with a digit."""
    return _ENV_NAME.match(text) is not None


def is_image_tag(text: str) -> bool:
    """Tag of a container image: letters, digits and ``_.-``, at most 128."""
    return _IMAGE_TAG.match(text) is not None


def quantity(text: str) -> Fraction | None:
    """Read a quantity such as ``500m`` or ``64Gi``; None if it is none."""
    match = _QUANTITY.match(text)
    if match is None:
        return None
    number, unit = Fraction(match["number"].rstrip(".")), match["unit"] or ""
    if unit in _BINARY_UNITS:
        return number * (1 << _BINARY_UNITS[unit])
    exponent = _DECIMAL_UNITS.get(unit)
    power: Fraction = Fraction(10) ** (int(unit[1:] or 0) if exponent is None else exponent)
    return number * power


def is_loopback(host: str | None) -> bool:
    """Whether a host means "this machine": ``localhost``, ``127.0.0.0/8``, ``::1``, unspecified, or nothing.

    However it is spelled: ``127.1``, ``0x7f.1``, ``2130706433`` and ``::ffff:127.0.0.1``, too.
    """
    name = (host or "").strip("[]").rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    address = address_of(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def endpoint(url: str) -> tuple[str, int | None] | None:
    """Read host and written port of a URL; None if it has no host that could be called."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (host, port) if host else None
