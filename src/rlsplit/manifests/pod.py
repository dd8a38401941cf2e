"""The pod template of a component: where its pods may run and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rlsplit.components import GPU_COMPONENTS
from rlsplit.manifests.container import container, sidecar, volumes
from rlsplit.manifests.delivery import Delivery, config_sha256
from rlsplit.manifests.metadata import APP, COMPONENT, selector
from rlsplit.manifests.monitoring import scrape_annotations
from rlsplit.manifests.passthrough import passed_through
from rlsplit.planning.model import Pods, RunPlan

_TOPOLOGY_ANNOTATION: Final = "kueue.x-k8s.io/podset-required-topology"


def pod_template(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    """Labels, annotations and spec of a component's pods."""
    annotations = {**_annotations(plan, pods, delivered), **plan.platform.pod_annotations}
    return {
        "metadata": {
            "labels": {**selector(plan, pods.component), **plan.platform.pod_labels},
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": _spec(plan, pods, delivered),
    }


def _annotations(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, str]:
    found = scrape_annotations(plan, pods)
    if pods.env_server is not None:
        found["rlsplit/env-name"] = f"{pods.env_server.id.split}/{pods.env_server.name}"
    for each in (pods, *pods.sidecars):
        mounted = delivered[each.suffix].mounted
        if mounted is not None:
            suffix = "" if each is pods else f".{each.suffix}"
            found[f"rlsplit/config-sha256{suffix}"] = config_sha256(mounted)
    if plan.platform.queue_name is not None and plan.platform.topology_key is not None and pods.role.has_gpus:
        found[_TOPOLOGY_ANNOTATION] = plan.platform.topology_key
    return found


def _spec(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    beside = [sidecar(plan, each, delivered[each.suffix]) for each in pods.sidecars]
    return {
        "restartPolicy": "Never",
        "subdomain": plan.names.base,
        "serviceAccountName": plan.names.base,
        "automountServiceAccountToken": False,
        # Service links would set VLLM_PORT next to a Service called vllm, which vLLM refuses.
        "enableServiceLinks": False,
        # The pause process is PID 1: TERM ends a component without a handler, and orphans are reaped.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": plan.platform.component(pods.component).grace_seconds,
        **_classes(plan, pods),
        **_node_access(plan),
        "securityContext": _security_context(plan),
        **_placement(plan, pods),
        **({"initContainers": beside} if beside else {}),
        "containers": [container(plan, pods, delivered[pods.suffix])],
        "volumes": volumes(plan, pods, delivered),
    }


def _classes(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    platform = plan.platform
    named = {
        "runtimeClassName": platform.runtime_class if pods.role.has_gpus else None,
        "priorityClassName": platform.priority_class,
        "schedulerName": platform.scheduler_name,
    }
    return {key: name for key, name in named.items() if name is not None}


def _node_access(plan: RunPlan) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if plan.platform.host_network:
        found |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    if plan.platform.host_ipc:
        found["hostIPC"] = True
    return found


def _security_context(plan: RunPlan) -> dict[str, Any]:
    """Numeric user: the kubelet refuses ``runAsNonRoot`` with the image's user name."""
    platform = plan.platform
    return {
        "runAsNonRoot": platform.run_as_user != 0,
        "runAsUser": platform.run_as_user,
        "runAsGroup": platform.run_as_group,
        "fsGroup": platform.fs_group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _placement(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    settings = plan.platform.component(pods.component)
    node_selector = dict(settings.node_selector)
    tolerations: list[dict[str, Any]] = passed_through(settings.tolerations)
    if pods.role.has_gpus:
        own = {"key": plan.platform.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}
        tolerations.insert(0, own)
        if plan.gpu_type is not None:
            node_selector[plan.platform.gpu_type_label] = plan.gpu_type
    found = {
        "tolerations": tolerations,
        "nodeSelector": node_selector,
        "affinity": _affinity(plan, pods),
        "topologySpreadConstraints": passed_through(plan.platform.topology_spread),
    }
    return {key: value for key, value in found.items() if value}


def _affinity(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """Single node: trainer and inference on one host. Multi-node: GPU pods within one topology domain."""
    if not pods.role.has_gpus:
        return {}
    if plan.shape.multi_node:
        key = plan.platform.topology_key
        return {} if key is None else _preferred(_near(plan, key))
    if not plan.shape.has_inference or plan.platform.colocate == "none":
        return {}
    near = _near(plan, "kubernetes.io/hostname")
    if plan.platform.colocate == "required":
        return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]}}
    return _preferred(near)


def _preferred(term: dict[str, Any]) -> dict[str, Any]:
    weighted = {"weight": 100, "podAffinityTerm": term}
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}}


def _near(plan: RunPlan, topology_key: str) -> dict[str, Any]:
    gpu_pods = {"key": COMPONENT, "operator": "In", "values": list(GPU_COMPONENTS)}
    return {
        "topologyKey": topology_key,
        "labelSelector": {
            "matchLabels": {f"{APP}/instance": plan.names.base},
            "matchExpressions": [gpu_pods],
        },
    }
