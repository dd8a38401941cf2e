"""PodGroups: all pods of a run start, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rlsplit.manifests.metadata import metadata
from rlsplit.planning.model import RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gang:
    """How one scheduler knows the pods of a group."""

    version: str
    """API version of its PodGroup."""
    scheduler: str
    """``schedulerName`` under which it is installed unless somebody chose another one."""
    key: str
    """Key on pods that names their group."""
    holder: Literal["labels", "annotations"]


_GANGS: Final[Mapping[str, _Gang]] = {
    "volcano": _Gang(
        version="scheduling.volcano.sh/v1beta1",
        scheduler="volcano",
        key="scheduling.k8s.io/group-name",
        holder="annotations",
    ),
    "coscheduling": _Gang(
        version="scheduling.x-k8s.io/v1alpha1",
        scheduler="scheduler-plugins-scheduler",
        key="scheduling.x-k8s.io/pod-group",
        holder="labels",
    ),
}
"""Setting ``gang`` to what it means, as Volcano and scheduler-plugins document it."""


def pod_group_resource(plan: RunPlan) -> str | None:
    """What kubectl calls the group's kind, with its API group: others have PodGroups, too. None without a gang."""
    gang = _gang(plan)
    return None if gang is None else f"podgroups.{gang.version.partition('/')[0]}"


def pod_group(plan: RunPlan) -> dict[str, Any] | None:
    """The group of all pods, None where no gang is asked for."""
    gang = _gang(plan)
    if gang is None:
        return None
    return {
        "apiVersion": gang.version,
        "kind": "PodGroup",
        "metadata": metadata(plan, plan.names.base),
        "spec": {"minMember": plan.pod_count},
    }


def gang_labels(plan: RunPlan) -> dict[str, str]:
    """Labels by which the scheduler finds a pod's group."""
    return _held(plan, "labels")


def gang_annotations(plan: RunPlan) -> dict[str, str]:
    """Annotations by which the scheduler finds a pod's group."""
    return _held(plan, "annotations")


def scheduler_name(plan: RunPlan) -> str | None:
    """``schedulerName`` of the pods; None leaves it to the cluster."""
    gang = _gang(plan)
    return plan.platform.scheduler_name or (gang.scheduler if gang else None)


def _held(plan: RunPlan, holder: Literal["labels", "annotations"]) -> dict[str, str]:
    gang = _gang(plan)
    return {gang.key: plan.names.base} if gang is not None and gang.holder == holder else {}


def _gang(plan: RunPlan) -> _Gang | None:
    return _GANGS[plan.platform.gang] if plan.platform.gang is not None else None
