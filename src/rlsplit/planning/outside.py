"""Servers outside the run that its pods call: one list, which the network policy and the previews read alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

from rlsplit.addresses import address_of, has_zone, is_metadata, is_within
from rlsplit.components import ComponentName
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.planning.model import OutsideCall, Peer
from rlsplit.planning.overlays import policy_url
from rlsplit.planning.subject import Subject
from rlsplit.platform import Platform
from rlsplit.secrets import SecretName


@dataclass(frozen=True, slots=True)
class _Url:
    """Something that components call by its URL."""

    callers: tuple[ComponentName, ...]
    what: str
    url: str
    key: KeyPath
    """Where it is written: in the config, or in the platform's settings."""
    needs: SecretName | None = None


def outside_calls(subject: Subject) -> tuple[OutsideCall, ...]:
    """Give every call to a server that the run does not start itself; a loopback address is none."""
    if not subject.shape.has_orchestrator:
        return ()
    return tuple(call for url in _urls(subject) for call in _calls(url))


def peers_of(calls: tuple[OutsideCall, ...], subject: Subject) -> tuple[Peer, ...]:
    """Give the servers on other ports than the ones that the platform opens anyway, each once."""
    peers: dict[tuple[str, int], Peer] = {}
    for call in calls:
        if not _is_open(call, subject.platform):
            peers.setdefault((call.host, call.port), Peer(host=call.host, port=call.port, needs=call.needs))
    return tuple(peers.values())


def _is_open(call: OutsideCall, platform: Platform) -> bool:
    """Whether the platform opens the port to a server anyway; to a host name, whatever its address is."""
    address = address_of(call.host)
    ranges = [ip_network(cidr) for cidr in platform.egress_cidrs]
    reached = bool(ranges) if address is None else any(is_within(address, network) for network in ranges)
    return reached and call.port in platform.egress_ports


def outside_findings(subject: Subject) -> Iterator[Finding]:
    """Refuse servers at addresses that no pod may call, or that mean another machine in every pod."""
    for url in _urls(subject) if subject.shape.has_orchestrator else ():
        called = endpoint(url.url)
        problem = _problem(called[0], subject) if called is not None and not is_loopback(called[0]) else None
        if problem is not None:
            message, hint = f"{shown(url.url)} {problem}", "name the server by a host name or an address of its own"
            finding = Finding(code="plan.outside-address", path=url.key, message=message, hint=hint)
            yield replace(finding, about="platform") if url.key[0] == "platform" else finding


def _problem(host: str, subject: Subject) -> str | None:
    """Say why no pod may call a host."""
    address = address_of(host)
    if has_zone(host):
        return "names an interface of this machine"
    if is_metadata(host):
        return "is where clouds hand out their credentials"
    if address is None:
        return None
    if address.is_link_local:
        return "is link-local: another machine in every pod"
    denied = subject.platform.deny_cidrs if subject.platform.network_policy else []
    over = next((cidr for cidr in denied if is_within(address, ip_network(cidr))), None)
    return None if over is None else f"lies in {over}, which deny_cidrs of the platform denies"


def _urls(subject: Subject) -> Iterator[_Url]:
    settings, orchestrator, driver = subject.settings, subject.settings.orchestrator, subject.settings.driver
    models = (*settings.frozen_models, *(model for source in settings.sources for model in source.frozen_models))
    for model in models:
        yield _Url((driver,), model.role, model.base_url.value, model.base_url.key)
    if policy_url(subject) == orchestrator.base_url.value:
        for url in orchestrator.base_urls:
            yield _Url((driver, "env-server"), "generation", url, orchestrator.base_url.key)
    for i, url in enumerate(orchestrator.admin_base_url.value if subject.shape.external_inference else ()):
        yield _Url((driver,), "weight updates", url, (*orchestrator.admin_base_url.key, i))
    for source in settings.sources:
        if source.address.value is not None:
            yield _Url((driver,), "episodes", str(source.address.value), source.address.key)
    broadcast = orchestrator.broadcast
    if broadcast.type == "nixl" and broadcast.meets is not None:
        url = f"tcp://{broadcast.meets.host.value}:{broadcast.meets.port.value}"
        callers: tuple[ComponentName, ...] = (driver, *subject.shape.engine_components, "trainer")
        present = callers if subject.shape.has_inference else (driver, "trainer")
        yield _Url(present, "weights (NIXL)", url, broadcast.meets.host.key)
    if settings.sft is None and subject.platform.monitor_url is not None:
        key = ("platform", "monitor_url")
        yield _Url((driver,), "progress", subject.platform.monitor_url, key, "prime_api_key")


def _calls(url: _Url) -> Iterator[OutsideCall]:
    called = endpoint(url.url)
    if called is not None and not is_loopback(called[0]):
        port = called[1] or (443 if url.url.startswith("https:") else 80)
        yield OutsideCall(callers=url.callers, what=url.what, host=called[0], port=port, needs=url.needs)
