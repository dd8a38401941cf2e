"""Metadata of the objects: labels that select, labels that tell, and annotations that hold any text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rlsplit.kubernetes import is_label_value
from rlsplit.planning.model import RunPlan

APP: Final = "app.kubernetes.io"
COMPONENT: Final = f"{APP}/component"


def selector(plan: RunPlan, component: str | None = None) -> dict[str, str]:
    """Labels that select the run's pods, or those of one component. Never a version or an attempt."""
    labels = {f"{APP}/name": "prime-rl", f"{APP}/instance": plan.names.base}
    return {**labels, COMPONENT: component} if component else labels


def metadata(
    plan: RunPlan,
    name: str,
    component: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Name, labels and annotations of one object of the run."""
    return {
        "name": name,
        "namespace": plan.names.namespace,
        "labels": {**selector(plan, component), **_telling(plan), **plan.platform.labels, **(labels or {})},
        "annotations": {**_annotations(plan), **plan.platform.annotations, **(annotations or {})},
    }


def _telling(plan: RunPlan) -> dict[str, str]:
    labels = {f"{APP}/managed-by": "rlsplit", f"{APP}/part-of": "prime-rl-run"}
    return {**labels, f"{APP}/version": plan.image_tag} if is_label_value(plan.image_tag) else labels


def _annotations(plan: RunPlan) -> dict[str, str]:
    annotations = {"rlsplit/run-id": plan.run_id, "rlsplit/run-name": plan.run_name}
    return {**annotations, "rlsplit/team-id": plan.team_id} if plan.team_id is not None else annotations
