"""Workloads: every component is one Indexed Job, on its own or inside one JobSet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlsplit.manifests.delivery import Delivery
from rlsplit.manifests.metadata import metadata
from rlsplit.manifests.pod import pod_template
from rlsplit.planning.model import Pods, RunPlan


def job(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    """A component's Job in the job form."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(plan, plan.names.job(pods.suffix), pods.component),
        "spec": job_spec(plan, pods, delivered),
    }


def job_spec(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    """The Job of a component, alike in both forms. Nothing starts over by itself.

    A trainer or engine that came back without its peers would give a wrong run, not a slower one. No
    ``podFailurePolicy``: the defaults are the strict ones. No TTL: it would take the proof of success along.
    """
    limit = plan.platform.max_runtime_seconds
    return {
        "completionMode": "Indexed",
        "completions": pods.count,
        "parallelism": pods.count,
        "backoffLimit": 0,
        **({} if limit is None else {"activeDeadlineSeconds": limit}),
        "template": pod_template(plan, pods, delivered),
    }


def job_set(plan: RunPlan, deliveries: Mapping[str, Delivery]) -> dict[str, Any]:
    """All components as one JobSet, which succeeds with trainer and orchestrator and fails with any Job."""
    targets = [pods.suffix for pods in plan.pods if pods.role.decides_success]
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": metadata(plan, plan.names.base, labels=_queue_labels(plan)),
        "spec": {
            "network": {
                "enableDNSHostnames": True,
                "publishNotReadyAddresses": True,
                "subdomain": plan.names.base,
            },
            "successPolicy": {"operator": "All", "targetReplicatedJobs": targets},
            # A restarted JobSet keeps its config and attempt: it would train from the first step again.
            "failurePolicy": {"maxRestarts": 0},
            "ttlSecondsAfterFinished": plan.platform.ttl_seconds_after_finished,
            "replicatedJobs": [_replicated_job(plan, pods, deliveries) for pods in plan.pods],
        },
    }


def _replicated_job(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    return {"name": pods.suffix, "replicas": 1, "template": {"spec": job_spec(plan, pods, delivered)}}


def _queue_labels(plan: RunPlan) -> dict[str, str]:
    queue, priority = plan.platform.queue_name, plan.platform.priority_class
    if queue is None:
        return {}
    labels = {"kueue.x-k8s.io/queue-name": queue}
    return {**labels, "kueue.x-k8s.io/priority-class": priority} if priority is not None else labels
