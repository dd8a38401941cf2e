"""Probes: what makes a hung component a visible failure. Ports by name."""

from __future__ import annotations

import math
from typing import Any, Final

from rlsplit.components import Probe
from rlsplit.planning.model import Pods, RunPlan

_LONGEST_UPDATE: Final = 1440
"""Seconds for which a weight update may keep an engine's workers busy: twice the 720 that were seen."""
_WITH_DOWNLOAD: Final = 4
"""How many times as long a pod may take to start while everything waits for the download of a model."""
_MORE_LOOKS: Final = 3
"""Failures that an engine may have beside those of an update."""
_LIVENESS_MARGIN: Final = 5
"""Seconds on top of the engine's own liveness timeout, so that its answer is heard."""
_LONGEST: Final = 2**31 - 1
"""Kubernetes counts seconds in 32 bits; the engine's timeout may be longer, or infinite."""


def probes(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """``startupProbe``, ``readinessProbe`` and ``livenessProbe`` of a container, as far as it has them."""
    wanted = pods.role.probes
    found = {
        "startupProbe": _probe(plan, pods, wanted.startup),
        "readinessProbe": _probe(plan, pods, wanted.readiness),
        "livenessProbe": _probe(plan, pods, wanted.liveness) if plan.platform.liveness else None,
    }
    return {name: probe for name, probe in found.items() if probe is not None}


def _probe(plan: RunPlan, pods: Pods, wanted: Probe | None) -> dict[str, Any] | None:
    """One probe, on the first of its ports that the pods have."""
    port = next((name for name in wanted.ports if pods.port(name) is not None), None) if wanted else None
    if wanted is None or port is None:
        return None
    timing = {"periodSeconds": wanted.period, "failureThreshold": _failures(plan, wanted)}
    if wanted.path is None:
        return {"tcpSocket": {"port": port}, **timing}
    own = math.ceil(min(plan.liveness_timeout_seconds, _LONGEST - _LIVENESS_MARGIN)) + _LIVENESS_MARGIN
    timeout = own if wanted.timeout is None else wanted.timeout
    return {"httpGet": {"path": wanted.path, "port": port}, **timing, "timeoutSeconds": timeout}


def _failures(plan: RunPlan, wanted: Probe) -> int:
    """How often a probe may fail in a row: seconds counted in its periods, rounded up."""
    if wanted.failures == "startup":
        limit = plan.platform.startup_timeout_seconds * (_WITH_DOWNLOAD if plan.prefetch else 1)
        return min(-(-limit // wanted.period) + wanted.spare, _LONGEST)
    if wanted.failures == "update":
        longest = min(max(plan.broadcast_timeout_seconds, _LONGEST_UPDATE), _LONGEST)
        return -(-longest // wanted.period) + _MORE_LOOKS
    return wanted.failures
