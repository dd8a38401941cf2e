"""The containers of a pod, its own and its sidecars: script, environment, resources, mounts."""

from __future__ import annotations

from typing import Any

from rlsplit.manifests.delivery import MOUNTED_CONFIG_DIR, Delivery
from rlsplit.manifests.mounts import mounts, own_volume
from rlsplit.manifests.passthrough import passed_through
from rlsplit.manifests.probes import probes
from rlsplit.planning.model import Pods, RunPlan, SecretEnv
from rlsplit.startup import escape


def container(plan: RunPlan, pods: Pods, delivery: Delivery) -> dict[str, Any]:
    """The container of one component. Without ``command`` the image's ENTRYPOINT runs the args."""
    # Privileged mode (-p): bash takes over no functions and options from its environment, and sources no file first.
    command = {} if plan.platform.entrypoint is None else {"command": passed_through(plan.platform.entrypoint)}
    ports = [{"name": p.name, "containerPort": p.number, "protocol": "TCP"} for p in pods.ports]
    return {
        "name": pods.component,
        "image": plan.image,
        "imagePullPolicy": plan.image_pull_policy,
        **command,
        "args": ["/bin/bash", "-pc", escape(delivery.script)],
        "env": _env(plan, pods, delivery),
        **({"ports": ports} if ports else {}),
        "resources": _resources(plan, pods),
        "securityContext": _security_context(plan, pods),
        **probes(plan, pods),
        # A failure says why where people look first, also after the log is gone with its pod.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [mount for mount, _ in mounts(plan, pods, delivery)],
    }


def sidecar(plan: RunPlan, pods: Pods, delivery: Delivery) -> dict[str, Any]:
    """What runs beside a pod's own container for as long as that does; the kubelet starts it again should it end.

    Kubernetes has that as an init container that always restarts ("Sidecar Containers", since 1.29).
    """
    made = container(plan, pods, delivery)
    own = [{**mount, "name": own_volume(mount["name"], pods)} for mount in made["volumeMounts"]]
    return {**made, "name": pods.suffix, "restartPolicy": "Always", "volumeMounts": own}


def _env(plan: RunPlan, pods: Pods, delivery: Delivery) -> list[dict[str, Any]]:
    """Plain variables, the pod's own address, references to the Secret; no name twice."""
    changed = {"RLSPLIT_CONFIG_DIR": MOUNTED_CONFIG_DIR} if delivery.mounted else {}
    plain = [{"name": v.name, "value": escape(changed.get(v.name, v.value))} for v in pods.env]
    own: list[dict[str, Any]] = []
    if pods.groups is not None or (pods.component == "inference" and plan.shape.expert_parallel):
        own = [{"name": "RLSPLIT_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    return [*plain, *own, *(_secret_ref(plan, variable) for variable in pods.secret_env)]


def _secret_ref(plan: RunPlan, variable: SecretEnv) -> dict[str, Any]:
    reference = {"name": plan.platform.existing_secret or plan.names.secret, "key": variable.key}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}


def _resources(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """Requests and limits; an extended resource needs both, equal."""
    settings = plan.platform.component(pods.component).resources
    devices: dict[str, str] = {}
    if pods.role.has_gpus:
        devices[plan.platform.gpu_resource] = str(pods.gpus)
        if plan.has_rdma:
            devices |= {name: str(count) for name, count in plan.platform.rdma_resource.items()}
    limits = {**settings.limits, **devices}
    requests = {**settings.requests, **devices}
    return {"requests": requests, **({"limits": limits} if limits else {})}


def _security_context(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    adds_lock = plan.platform.rdma_ipc_lock and plan.shape.multi_node and pods.role.has_gpus
    capabilities: dict[str, Any] = {"drop": ["ALL"], **({"add": ["IPC_LOCK"]} if adds_lock else {})}
    read_only = {"readOnlyRootFilesystem": True} if plan.platform.read_only_root_filesystem else {}
    return {"allowPrivilegeEscalation": False, **read_only, "capabilities": capabilities}
