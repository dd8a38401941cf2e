"""Services: DNS names for the run's pods, and the inference endpoint."""

from __future__ import annotations

from typing import Any

from rlsplit.manifests.metadata import metadata, selector
from rlsplit.planning.model import RunPlan


def headless_service(plan: RunPlan) -> dict[str, Any]:
    """DNS names of all pods, ready or not: peers must resolve each other before any of them is ready."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(plan, plan.names.base),
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector(plan)},
    }


def inference_service(plan: RunPlan) -> dict[str, Any]:
    """The endpoint that clients call: the router, in its own pod or in the inference pod."""
    component = "router" if plan.shape.has_router_pod else "inference"
    http = {"name": "http", "port": plan.server_port, "targetPort": "http", "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(plan, plan.names.service, component),
        "spec": {"type": "ClusterIP", "selector": selector(plan, component), "ports": [http]},
    }
