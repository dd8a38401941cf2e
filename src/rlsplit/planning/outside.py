"""Servers outside the run that its pods call: one list, which the network policy and the previews read alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlsplit.components import ComponentName
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.planning.model import OutsideCall, Peer
from rlsplit.planning.overlays import policy_url
from rlsplit.planning.subject import Subject
from rlsplit.secrets import SecretName


@dataclass(frozen=True, slots=True)
class _Url:
    """Something that components call by its URL."""

    callers: tuple[ComponentName, ...]
    what: str
    url: str
    needs: SecretName | None = None


def outside_calls(subject: Subject) -> tuple[OutsideCall, ...]:
    """Give every call to a server that the run does not start itself; a loopback address is none."""
    if not subject.shape.has_orchestrator:
        return ()
    return tuple(call for url in _urls(subject) for call in _calls(url))


def peers_of(calls: tuple[OutsideCall, ...], subject: Subject) -> tuple[Peer, ...]:
    """Give the servers on other ports than the ones that the platform opens anyway, each once."""
    platform = subject.platform
    open_ports = platform.egress_ports if "0.0.0.0/0" in platform.egress_cidrs else []
    peers: dict[tuple[str, int], Peer] = {}
    for call in calls:
        if call.port not in open_ports:
            peers.setdefault((call.host, call.port), Peer(host=call.host, port=call.port, needs=call.needs))
    return tuple(peers.values())


def _urls(subject: Subject) -> Iterator[_Url]:
    settings, orchestrator, driver = subject.settings, subject.settings.orchestrator, subject.settings.driver
    models = (*settings.frozen_models, *(model for source in settings.sources for model in source.frozen_models))
    for model in models:
        yield _Url((driver,), model.role, model.base_url.value)
    if policy_url(subject) == orchestrator.base_url.value:
        for url in orchestrator.base_urls:
            yield _Url((driver, "env-server"), "generation", url)
    for url in orchestrator.admin_base_url.value if subject.shape.external_inference else ():
        yield _Url((driver,), "weight updates", url)
    for source in settings.sources:
        if source.address.value is not None:
            yield _Url((driver,), "episodes", str(source.address.value))
    broadcast = orchestrator.broadcast
    if broadcast.type == "nixl" and broadcast.meets is not None:
        url = f"tcp://{broadcast.meets.host.value}:{broadcast.meets.port.value}"
        callers: tuple[ComponentName, ...] = (driver, "inference", "trainer")
        yield _Url(callers if subject.shape.has_inference else (driver, "trainer"), "weights (NIXL)", url)
    if settings.sft is None and subject.platform.monitor_url is not None:
        yield _Url(("orchestrator",), "progress", subject.platform.monitor_url, "prime_api_key")


def _calls(url: _Url) -> Iterator[OutsideCall]:
    called = endpoint(url.url)
    if called is not None and not is_loopback(called[0]):
        port = called[1] or (443 if url.url.startswith("https:") else 80)
        yield OutsideCall(callers=url.callers, what=url.what, host=called[0], port=port, needs=url.needs)
