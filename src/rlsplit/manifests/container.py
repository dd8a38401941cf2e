"""The containers of a pod, its own and its sidecars: script, environment, resources, mounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rlsplit.manifests.delivery import MOUNTED_CONFIG_DIR, Delivery
from rlsplit.manifests.passthrough import passed_through
from rlsplit.manifests.probes import probes
from rlsplit.planning.model import Pods, RunPlan, SecretEnv
from rlsplit.planning.subject import LOCAL_HF_HOME
from rlsplit.startup import escape

DATASET_MOUNT: Final = "/volume"
_SCRATCH_MOUNTS: Final = (("tmp", "/tmp"), ("home", "/home/appuser"))
"""Volume and path of what must stay writable under a read-only root file system."""
_SHARED_VOLUMES: Final = frozenset({"data", "huggingface"})
"""Volumes that the containers of a pod have in common."""


def container(plan: RunPlan, pods: Pods, delivery: Delivery) -> dict[str, Any]:
    """The container of one component. Without ``command`` the image's ENTRYPOINT runs the args."""
    command = {} if plan.platform.entrypoint is None else {"command": passed_through(plan.platform.entrypoint)}
    ports = [{"name": p.name, "containerPort": p.number, "protocol": "TCP"} for p in pods.ports]
    return {
        "name": pods.component,
        "image": plan.image,
        "imagePullPolicy": plan.image_pull_policy,
        **command,
        "args": ["/bin/bash", "-c", escape(delivery.script)],
        "env": _env(plan, pods, delivery),
        **({"ports": ports} if ports else {}),
        "resources": _resources(plan, pods),
        "securityContext": _security_context(plan, pods),
        **probes(plan, pods),
        "volumeMounts": [mount for mount, _ in _mounts(plan, pods, delivery)],
    }


def sidecar(plan: RunPlan, pods: Pods, delivery: Delivery) -> dict[str, Any]:
    """What runs beside a pod's own container for as long as that does; the kubelet starts it again should it end.

    Kubernetes has that as an init container that always restarts ("Sidecar Containers", since 1.29).
    """
    made = container(plan, pods, delivery)
    mounts = [{**mount, "name": _own_name(mount["name"], pods)} for mount in made["volumeMounts"]]
    return {**made, "name": pods.suffix, "restartPolicy": "Always", "volumeMounts": mounts}


def volumes(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> list[dict[str, Any]]:
    """The pod's volumes: one for each mount's name; of what containers may not share, each sidecar has its own."""
    by_name = {volume["name"]: volume for _, volume in _mounts(plan, pods, delivered[pods.suffix])}
    for beside in pods.sidecars:
        for _, volume in _mounts(plan, beside, delivered[beside.suffix]):
            name = _own_name(volume["name"], beside)
            by_name.setdefault(name, {**volume, "name": name})
    return list(by_name.values())


def _own_name(volume: str, sidecar: Pods) -> str:
    return volume if volume in _SHARED_VOLUMES else f"{volume}-{sidecar.suffix}"


def _env(plan: RunPlan, pods: Pods, delivery: Delivery) -> list[dict[str, Any]]:
    """Plain variables, the pod's own address, references to the Secret; no name twice."""
    changed = {"RLSPLIT_CONFIG_DIR": MOUNTED_CONFIG_DIR} if delivery.mounted else {}
    plain = [{"name": v.name, "value": escape(changed.get(v.name, v.value))} for v in pods.env]
    own: list[dict[str, Any]] = []
    if pods.component == "inference" and plan.shape.expert_parallel:
        own = [{"name": "RLSPLIT_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    return [*plain, *own, *(_secret_ref(plan, variable) for variable in pods.secret_env)]


def _secret_ref(plan: RunPlan, variable: SecretEnv) -> dict[str, Any]:
    reference = {"name": plan.names.secret, "key": variable.key}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}


def _resources(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """Requests and limits; an extended resource needs both, equal."""
    settings = plan.platform.component(pods.component).resources
    devices: dict[str, str] = {}
    if pods.role.has_gpus:
        devices[plan.platform.gpu_resource] = str(pods.gpus)
        if plan.shape.multi_node:
            devices |= {name: str(count) for name, count in plan.platform.rdma_resource.items()}
    limits = {**settings.limits, **devices}
    requests = {**settings.requests, **devices}
    return {"requests": requests, **({"limits": limits} if limits else {})}


def _security_context(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    adds_lock = plan.platform.rdma_ipc_lock and plan.shape.multi_node and pods.role.has_gpus
    capabilities: dict[str, Any] = {"drop": ["ALL"], **({"add": ["IPC_LOCK"]} if adds_lock else {})}
    read_only = {"readOnlyRootFilesystem": True} if plan.platform.read_only_root_filesystem else {}
    return {"allowPrivilegeEscalation": False, **read_only, "capabilities": capabilities}


def _mounts(plan: RunPlan, pods: Pods, delivery: Delivery) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each mount with its volume."""
    platform = plan.platform
    claim = {"persistentVolumeClaim": {"claimName": plan.claim or plan.names.claim}}
    found = [_mount("data", platform.mount_path, claim)]
    if platform.dataset_mount and pods.role.reads_datasets:
        mount, volume = _mount("data", DATASET_MOUNT, claim)
        found.append(({**mount, "readOnly": True}, volume))
    size = platform.component(pods.component).shm_size
    if size is not None:
        found.append(_mount("shm", "/dev/shm", {"emptyDir": {"medium": "Memory", "sizeLimit": size}}))
    if delivery.mounted is not None:
        mount, volume = _mount(
            "config", MOUNTED_CONFIG_DIR, {"configMap": {"name": plan.names.config_map(pods.suffix)}}
        )
        found.append(({**mount, "readOnly": True}, volume))
    if platform.hf_home == "local":
        found.append(_mount("huggingface", LOCAL_HF_HOME, {"emptyDir": {}}))
    if platform.read_only_root_filesystem:
        found += [_mount(name, path, {"emptyDir": {}}) for name, path in _SCRATCH_MOUNTS]
    return found


def _mount(name: str, path: str, source: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"name": name, "mountPath": path}, {"name": name, **source}
