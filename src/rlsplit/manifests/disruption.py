"""PodDisruptionBudget: losing any pod ends the run, so no node drain may take one."""

from __future__ import annotations

from typing import Any

from rlsplit.manifests.metadata import metadata, selector
from rlsplit.planning.model import RunPlan


def pod_disruption_budget(plan: RunPlan) -> dict[str, Any]:
    """All pods, as an integer: percentages need owners with a scale subresource, which Jobs lack."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(plan, plan.names.base),
        "spec": {"minAvailable": plan.pod_count, "selector": {"matchLabels": selector(plan)}},
    }
