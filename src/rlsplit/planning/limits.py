"""How long components wait for each other: one number of the platform, put where prime-rl has numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.findings import Finding, shown
from rlsplit.plain_data import value_at
from rlsplit.planning.settings import Broadcast, Inference, Value
from rlsplit.planning.subject import Subject
from rlsplit.splitting import Component

ENGINE_TIMEOUT: Final = "VLLM_ENGINE_READY_TIMEOUT_S"
"""How long an engine waits for its own processes [seconds]."""
ENGINE_DEFAULT: Final = 4200
"""What prime-rl's ``inference`` sets it to, over the pod's environment, unless its own ``env_vars`` have it."""


def has_own_timeout(broadcast: Broadcast, component: Component | None) -> bool:
    """Whether somebody wrote how long the weight broadcast may take, or there is nothing to wait for."""
    return broadcast.timeout is None or is_written(component, broadcast.timeout)


def is_written(component: Component | None, value: Value[Any]) -> bool:
    """Whether somebody wrote a value of a component's config."""
    return component is not None and value_at(component.sparse, value.path) is not None


def broadcast_timeout(subject: Subject) -> int:
    """How long setting up the weight broadcast, or one update, may take [seconds]; 0 for files."""
    broadcast = subject.settings.orchestrator.broadcast
    if broadcast.timeout is None:
        return 0
    if has_own_timeout(broadcast, subject.driver_config):
        return broadcast.timeout.value
    return subject.platform.startup_timeout_seconds


def is_patient(subject: Subject) -> bool:
    """Whether somebody wrote that the orchestrator waits for engines as long as they may take, or longer."""
    ready = subject.settings.orchestrator.ready_timeout
    written = is_written(subject.driver_config, ready)
    return written and ready.value >= subject.platform.startup_timeout_seconds


def engine_limit(subject: Subject, inference: Inference) -> str | None:
    """What the engines' own limit has to become; None: prime-rl's is right, or somebody chose one."""
    limit = subject.platform.startup_timeout_seconds
    chosen = ENGINE_TIMEOUT in subject.settings.env_vars.value or ENGINE_TIMEOUT in inference.env_vars.value
    return None if limit == ENGINE_DEFAULT or chosen else str(limit)


def engine_variables(subject: Subject) -> Mapping[str, str]:
    """The same for the engines' environment, for whoever reads it before ``inference`` does."""
    return {ENGINE_TIMEOUT: str(subject.platform.startup_timeout_seconds)}


def shortened_waits(subject: Subject) -> Iterator[Finding]:
    """Say that a time which somebody wrote is too short, and replaced."""
    ready, limit = subject.settings.orchestrator.ready_timeout, subject.platform.startup_timeout_seconds
    written = is_written(subject.driver_config, ready)
    if subject.shape.has_orchestrator and written and ready.value < limit:
        message = f"{shown(ready.value)} is replaced by {limit}: engines may take that long to start"
        hint = "set the platform's startup_timeout_seconds"
        yield Finding(code="plan.overlay-startup-limit", severity="notice", path=ready.key, message=message, hint=hint)
