"""How Prometheus finds the run's metrics."""

from __future__ import annotations

from typing import Any, Final

from rlsplit.manifests.metadata import metadata, selector
from rlsplit.planning.model import Pods, RunPlan

_ANNOTATED: Final = {"trainer": "metrics", "router": "router-metrics"}
"""Component to the one port that its annotations can name."""

_INDEX_LABEL: Final = "__meta_kubernetes_pod_label_batch_kubernetes_io_job_completion_index"


def pod_monitor(plan: RunPlan) -> dict[str, Any]:
    """One endpoint per port name that serves metrics."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(plan, plan.names.base),
        "spec": {
            "selector": {"matchLabels": selector(plan)},
            "podMetricsEndpoints": [_endpoint(port) for port in scraped_ports(plan)],
        },
    }


def scrape_annotations(plan: RunPlan, pods: Pods) -> dict[str, str]:
    """``prometheus.io/*`` annotations of a pod; they can name one port only."""
    port = pods.port(_ANNOTATED.get(pods.component, ""))
    if plan.platform.monitoring != "annotations" or port is None:
        return {}
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(port),
        "prometheus.io/path": "/metrics",
    }


def scraped_ports(plan: RunPlan) -> list[str]:
    """Names of the ports that Prometheus reads: a PodMonitor can also reach every engine."""
    if plan.platform.monitoring == "none":
        return []
    names = [port.name for pods in plan.pods for port in pods.ports]
    wanted = [name for name in names if name in _ANNOTATED.values()]
    if plan.platform.monitoring == "podmonitor":
        wanted += [name for name in names if name.startswith("engine")]
    return list(dict.fromkeys(wanted))


def _endpoint(port: str) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"port": port, "path": "/metrics"}
    if port == "metrics":
        # Trainers other than the first answer 404 on /metrics.
        endpoint["relabelings"] = [{"sourceLabels": [_INDEX_LABEL], "regex": "0", "action": "keep"}]
    return endpoint
