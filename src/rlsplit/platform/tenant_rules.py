"""Rules of the ``[tenant]`` table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.addresses import is_network
from rlsplit.findings import Finding
from rlsplit.platform.judging import Format, Rule, each, misfit
from rlsplit.platform.settings import PlatformSettings


def _is_host(text: str) -> bool:
    return is_network(text) if "/" in text else bool(text) and not {"/", ":", " "} & set(text)


def _is_shared(text: str) -> bool:
    return text.startswith("/") and text != "/" and ".." not in text.split("/") and "\0" not in text


_GLOB: Final = Format("a glob", bool)

FORMATS: Final[tuple[tuple[str, Format], ...]] = (
    ("env_deny", _GLOB),
    ("env_allow", _GLOB),
    ("egress_hosts", Format("a host name, a glob of such, or an address range such as 10.0.0.0/8", _is_host)),
    ("shared_paths", Format("an absolute path without '..'", _is_shared)),
    ("image_tags", _GLOB),
)
"""Setting of ``[tenant]``, and the form of its texts."""


def _format(setting: str, form: Format, platform: PlatformSettings) -> Iterator[Finding]:
    for index, text in enumerate(getattr(platform.tenant, setting) or ()):
        yield from misfit(("tenant", setting, index), text, form)


TENANT_RULES: Final[tuple[Rule, ...]] = tuple(each(_format, of=FORMATS))
