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
    ``podFailurePolicy`` but the one that tells disruptions apart: the defaults are the strict ones. No
    TTL: it would take the proof of success along.
    """
    limit = plan.platform.max_runtime_seconds
    return {
        "completionMode": "Indexed",
        "completions": pods.count,
        "parallelism": pods.count,
        "backoffLimit": 0,
        **({} if limit is None else {"activeDeadlineSeconds": limit}),
        **({"podFailurePolicy": _fails_when_disrupted()} if plan.platform.restart_on_disruption else {}),
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
            "failurePolicy": _failure_policy(plan),
            "ttlSecondsAfterFinished": plan.platform.ttl_seconds_after_finished,
            "replicatedJobs": [_replicated_job(plan, pods, deliveries) for pods in plan.pods],
        },
    }


def _failure_policy(plan: RunPlan) -> dict[str, Any]:
    """A restarted JobSet keeps its config and attempt: without ``resume`` it would train from the first step again."""
    if not plan.platform.restart_on_disruption:
        return {"maxRestarts": 0}
    rule = {
        "name": "disrupted",
        "action": "RestartJobSetAndIgnoreMaxRestarts",
        "onJobFailureReasons": ["PodFailurePolicy"],
    }
    return {"maxRestarts": 0, "rules": [rule]}


def _fails_when_disrupted() -> dict[str, Any]:
    """Give a Job whose pod was drained or preempted a reason of its own to fail."""
    return {"rules": [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}


def _replicated_job(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    return {"name": pods.suffix, "replicas": 1, "template": {"spec": job_spec(plan, pods, delivered)}}


def _queue_labels(plan: RunPlan) -> dict[str, str]:
    queue, priority = plan.platform.queue_name, plan.platform.queue_priority_class
    if queue is None:
        return {}
    labels = {"kueue.x-k8s.io/queue-name": queue}
    return {**labels, "kueue.x-k8s.io/priority-class": priority} if priority is not None else labels
