"""What the image of an older release cannot do on a cluster, or does in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.findings import Finding, shown
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.planning.said import error, note
from rlsplit.planning.subject import Subject

MAX_PORT: Final = 65535


def servers_beside(subject: Subject) -> Iterator[Finding]:
    """Environment servers that share a pod take one port each, counted from the first."""
    servers, port = subject.env_sidecars, subject.settings.orchestrator.env_server_base_port
    first = port.value
    if servers and not 1 <= first <= MAX_PORT - max(server.index for server in servers):
        message = f"{first} is not in 1..{MAX_PORT}: {len(servers)} environment servers take a port each"
        yield error("port-range", port.key, message, "choose another port")


def looked_up_servers(subject: Subject) -> Iterator[Finding]:
    """Servers that are looked up by a name that means each pod itself are nowhere."""
    base_url = subject.settings.orchestrator.base_url
    called = endpoint(base_url.value)
    if subject.shape.has_inference and base_url.key[-1] != "base_url" and called and is_loopback(called[0]):
        message = f"{shown(called[0])} would be the orchestrator's own pod, where no server runs"
        yield error("loopback-base-url", base_url.key, message, "leave elastic out: the run has its own engines")


def ranks_behind_router(subject: Subject) -> Iterator[Finding]:
    """A router chooses the engine itself, so nobody can tell ranks behind it apart."""
    ranks = subject.settings.orchestrator.rank_count
    if subject.shape.has_router_pod and ranks.value > 1:
        message = f"{ranks.value} ranks cannot be told apart behind the router of several machines"
        yield error("ranks-behind-router", ranks.key, message, "leave it out: it is 1 on several machines")


def environments_inside(subject: Subject) -> Iterator[Finding]:
    """Note that environments take the orchestrator's CPU and memory where it starts them itself."""
    sources = subject.settings.sources if subject.shape.has_orchestrator else ()
    own = [source for source in sources if source.address.value is None]
    if own and not subject.image.has_env_server_files:
        message = f"the orchestrator of {subject.release.tag} starts the environments in its own container"
        hint = "give [orchestrator.resources] of the platform what they need"
        yield note("env-in-orchestrator", own[0].key[:-1], message, hint)
