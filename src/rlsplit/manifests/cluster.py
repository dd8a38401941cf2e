"""What a run's pods stand on: Namespace, ServiceAccount and volume claim."""

from __future__ import annotations

from typing import Any

from rlsplit.manifests.metadata import metadata
from rlsplit.planning.model import RunPlan


def namespace(plan: RunPlan) -> dict[str, Any]:
    """The namespace, with its Pod Security level. It may hold other runs, so it carries no label of this one."""
    level, prefix = plan.platform.pod_security, "pod-security.kubernetes.io"
    labels = {
        key: value
        for mode in ("enforce", "audit", "warn")
        for key, value in ((f"{prefix}/{mode}", level), (f"{prefix}/{mode}-version", "latest"))
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": plan.names.namespace, "labels": labels},
    }


def service_account(plan: RunPlan) -> dict[str, Any]:
    """The pods' account. No component talks to the API server, so it mounts no token."""
    account: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(plan, plan.names.base, annotations=plan.platform.service_account_annotations),
        "automountServiceAccountToken": False,
    }
    if plan.platform.image_pull_secrets:
        account["imagePullSecrets"] = [{"name": name} for name in plan.platform.image_pull_secrets]
    return account


def persistent_volume_claim(plan: RunPlan) -> dict[str, Any]:
    """The run's volume. An unset class is left out: ``""`` would mean no class at all."""
    platform = plan.platform
    spec: dict[str, Any] = {"accessModes": [platform.access_mode]}
    if platform.storage_class is not None:
        spec["storageClassName"] = platform.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(plan, plan.names.claim),
        "spec": {**spec, "resources": {"requests": {"storage": platform.storage_size}}},
    }
