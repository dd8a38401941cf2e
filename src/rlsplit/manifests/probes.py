"""Probes: what makes a hung component a visible failure. Ports by name."""

from __future__ import annotations

import math
from typing import Any, Final

from rlsplit.planning.model import Pods, RunPlan
from rlsplit.planning.ports import engine_ports

_PREFETCH_PATIENCE: Final = 4
"""Factor on startup thresholds while trainer 0 downloads the model first."""
_LIVENESS_MARGIN: Final = 5
"""Seconds on top of the engine's own liveness timeout, so that its answer is heard."""


def probes(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """``startupProbe``, ``readinessProbe`` and ``livenessProbe`` of a container, as far as it has them.

    The orchestrator has none: it serves no HTTP, and its ZMQ ports open late.
    """
    if pods.component == "trainer" and pods.port("metrics") is not None:
        return _trainer(plan)
    if pods.component == "inference":
        return _inference(plan, pods)
    if pods.component == "router":
        return {"startupProbe": _get(plan, "http", failures=430), "readinessProbe": _get(None, "http", failures=3)}
    if pods.component == "env-server":
        return {"readinessProbe": {"tcpSocket": {"port": "env"}, "periodSeconds": 10, "failureThreshold": 3}}
    return {}


def _trainer(plan: RunPlan) -> dict[str, Any]:
    found = {
        "startupProbe": _get(plan, "metrics", failures=180, timeout=30),
        "readinessProbe": _get(None, "metrics", failures=6, timeout=30),
    }
    if plan.platform.liveness:
        found["livenessProbe"] = _get(None, "metrics", failures=6, timeout=30, period=30)
    return found


def _inference(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """Readiness asks the router where the pod holds it; only the client-facing Service looks at it."""
    engine = engine_ports(pods.ports)[0].name
    ready = engine if pods.port("http") is None else "http"
    found = {
        "startupProbe": _get(plan, engine, failures=420),
        "readinessProbe": _get(None, ready, failures=3),
    }
    if plan.platform.liveness:
        timeout = math.ceil(plan.liveness_timeout_seconds) + _LIVENESS_MARGIN
        found["livenessProbe"] = _get(None, engine, failures=3, timeout=timeout, period=30, path="/liveness")
    return found


def _get(
    starting: RunPlan | None,
    port: str,
    *,
    failures: int,
    timeout: int = 5,
    period: int = 10,
    path: str = "/health",
) -> dict[str, Any]:
    """An HTTP probe; a startup probe is given the plan, whose prefetch makes it wait longer."""
    patience = _PREFETCH_PATIENCE if starting is not None and starting.prefetch else 1
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures * patience,
        "timeoutSeconds": timeout,
    }
