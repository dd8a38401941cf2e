"""The pod template of a component: where its pods may run and as whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.manifests.container import container, sidecar
from rlsplit.manifests.delivery import Delivery, config_sha256
from rlsplit.manifests.gang import gang_annotations, gang_labels, scheduler_name
from rlsplit.manifests.metadata import APP, COMPONENT, selector
from rlsplit.manifests.monitoring import scrape_annotations
from rlsplit.manifests.mounts import volumes
from rlsplit.manifests.passthrough import passed_through
from rlsplit.plain_data import is_list, is_table
from rlsplit.planning.model import Pods, RunPlan
from rlsplit.strategic_merge import merged

_TOPOLOGY_ANNOTATION: Final = "kueue.x-k8s.io/podset-{mode}-topology"
_UNDISTURBED: Final = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""What asks the autoscalers not to take a pod's node away."""


def pod_template(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    """Labels, annotations and spec of a component's pods, with the platform's patch."""
    platform, own = plan.platform, plan.platform.component(pods.component)
    labels = {**selector(plan, pods.component), **gang_labels(plan), **platform.pod_labels, **own.pod_labels}
    annotations = {**_annotations(plan, pods, delivered), **platform.pod_annotations, **own.pod_annotations}
    template: dict[str, Any] = {
        "metadata": {"labels": labels, **({"annotations": annotations} if annotations else {})},
        "spec": _spec(plan, pods, delivered),
    }
    for patch in _patches(plan, pods):
        template = merged(template, passed_through(patch))
    return template


def _patches(plan: RunPlan, pods: Pods) -> Iterator[Mapping[str, Any]]:
    """The component's patch, and before it that of the component that it is like, on the container of its own."""
    like = pods.role.like
    inherited = plan.platform.table(like).pod_patch if like else {}
    spec = inherited.get("spec")
    containers: Any = spec.get("containers") if is_table(spec) else None
    if is_table(spec) and is_list(containers):
        renamed = [{**item, "name": pods.component} if item.get("name") == like else item for item in containers]
        inherited = {**inherited, "spec": {**spec, "containers": renamed}}
    yield from (patch for patch in (inherited, plan.platform.table(pods.component).pod_patch) if patch)


def _annotations(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, str]:
    found = {**scrape_annotations(plan, pods), **gang_annotations(plan)}
    if plan.platform.protect_from_autoscaler:
        found |= _UNDISTURBED
    if pods.env_server is not None:
        found["rlsplit/env-name"] = f"{pods.env_server.id.split}/{pods.env_server.name}"
    for each in (pods, *pods.sidecars):
        mounted = delivered[each.suffix].mounted
        if mounted is not None:
            suffix = "" if each is pods else f".{each.suffix}"
            found[f"rlsplit/config-sha256{suffix}"] = config_sha256(mounted)
    if plan.platform.queue_name is not None and plan.platform.topology_key is not None and pods.role.has_gpus:
        found[_TOPOLOGY_ANNOTATION.format(mode=plan.platform.topology_mode)] = plan.platform.topology_key
    return found


def _spec(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> dict[str, Any]:
    beside = [sidecar(plan, each, delivered[each.suffix]) for each in pods.sidecars]
    return {
        "restartPolicy": "Never",
        "subdomain": plan.names.base,
        "serviceAccountName": plan.platform.service_account or plan.names.base,
        **_pull_secrets(plan),
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


def _pull_secrets(plan: RunPlan) -> dict[str, Any]:
    """The run's own ServiceAccount names them; another one is not changed."""
    names = plan.platform.image_pull_secrets if plan.platform.service_account is not None else []
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}


def _classes(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    platform = plan.platform
    named = {
        "runtimeClassName": platform.runtime_class if pods.role.has_gpus else None,
        "priorityClassName": platform.priority_class,
        "schedulerName": scheduler_name(plan),
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
    ids = {"runAsUser": platform.run_as_user, "runAsGroup": platform.run_as_group, "fsGroup": platform.fs_group}
    return {
        "runAsNonRoot": platform.run_as_user != 0,
        **{field: number for field, number in ids.items() if number != "none"},
        **({} if platform.fs_group == "none" else {"fsGroupChangePolicy": "OnRootMismatch"}),
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
        "topologySpreadConstraints": _spread(plan),
    }
    return {key: value for key, value in found.items() if value}


def _spread(plan: RunPlan) -> list[dict[str, Any]]:
    """The platform's constraints, counted over the run's own pods: a file for all runs cannot know their labels."""
    constraints: list[dict[str, Any]] = passed_through(plan.platform.topology_spread)
    for constraint in constraints:
        written: dict[str, Any] = constraint.get("labelSelector") or {}
        labels: dict[str, Any] = written.get("matchLabels") or {}
        constraint["labelSelector"] = {**written, "matchLabels": {**labels, **selector(plan)}}
    return constraints


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
    gpu_pods = {"key": COMPONENT, "operator": "In", "values": ["trainer", *plan.shape.engine_components]}
    return {
        "topologyKey": topology_key,
        "labelSelector": {
            "matchLabels": {f"{APP}/instance": plan.names.base},
            "matchExpressions": [gpu_pods],
        },
    }
