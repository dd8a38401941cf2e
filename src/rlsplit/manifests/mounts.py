"""What a pod sees of the volume, and of everything else that is mounted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.manifests.delivery import MOUNTED_CONFIG_DIR, Delivery
from rlsplit.planning.model import Pods, RunPlan
from rlsplit.planning.settings import DATASET_MOUNT
from rlsplit.planning.subject import LOCAL_HF_HOME

_SCRATCH_MOUNTS: Final = (("tmp", "/tmp"), ("home", "/home/appuser"))
"""Volume and path of what must stay writable under a read-only root file system."""

_SHARED_VOLUMES: Final = frozenset({"data", "huggingface"})
"""Volumes that the containers of a pod have in common."""

Mount = tuple[dict[str, Any], dict[str, Any]]
"""A mount of a container with the volume of the pod that it shows."""


def volumes(plan: RunPlan, pods: Pods, delivered: Mapping[str, Delivery]) -> list[dict[str, Any]]:
    """The pod's volumes: one for each mount's name; of what containers may not share, each sidecar has its own."""
    by_name = {volume["name"]: volume for _, volume in mounts(plan, pods, delivered[pods.suffix])}
    for beside in pods.sidecars:
        for _, volume in mounts(plan, beside, delivered[beside.suffix]):
            name = own_volume(volume["name"], beside)
            by_name.setdefault(name, {**volume, "name": name})
    return list(by_name.values())


def own_volume(volume: str, sidecar: Pods) -> str:
    """Give a sidecar's volume the name that it has in the pod."""
    return volume if volume in _SHARED_VOLUMES else f"{volume}-{sidecar.suffix}"


def mounts(plan: RunPlan, pods: Pods, delivery: Delivery) -> list[Mount]:
    """Each mount with its volume."""
    platform = plan.platform
    found = [*_data(plan, pods)]
    size = platform.component(pods.component).shm_size
    if size is not None:
        found.append(_mount("shm", "/dev/shm", {"emptyDir": {"medium": "Memory", "sizeLimit": size}}))
    if delivery.mounted is not None:
        config = {"configMap": {"name": plan.names.config_map(pods.suffix)}}
        found.append(_mount("config", MOUNTED_CONFIG_DIR, config, readOnly=True))
    if pods.hf_home == LOCAL_HF_HOME:
        found.append(_mount("huggingface", LOCAL_HF_HOME, {"emptyDir": {}}))
    if platform.read_only_root_filesystem:
        found += [_mount(name, path, {"emptyDir": {}}) for name, path in _SCRATCH_MOUNTS]
    return found


def _data(plan: RunPlan, pods: Pods) -> Iterator[Mount]:
    """The shared volume: all of it, or the run's directory and the cache."""
    platform, claim = plan.platform, {"persistentVolumeClaim": {"claimName": plan.claim or plan.names.claim}}
    if not platform.run_subpath:
        yield _mount("data", platform.mount_path, claim)
        if platform.dataset_mount and pods.role.reads_datasets:
            yield _mount("data", DATASET_MOUNT, claim, readOnly=True)
        return
    yield _mount("data", plan.run_dir, claim, subPath=_below(plan.run_dir, platform.mount_path))
    cache = _below(plan.hf_home, platform.mount_path)
    if cache and not _below(plan.hf_home, plan.run_dir) and pods.role.has_cache:
        read_only = {} if pods.role.fills_cache else {"readOnly": True}
        yield _mount("data", plan.hf_home, claim, subPath=cache, **read_only)


def _below(path: str, folder: str) -> str:
    """The way from a folder to a path in it, empty if it is not."""
    start = f"{folder.rstrip('/')}/"
    return path[len(start) :].strip("/") if path.startswith(start) else ""


def _mount(name: str, path: str, source: dict[str, Any], **more: Any) -> Mount:
    return {"name": name, "mountPath": path, **more}, {"name": name, **source}
