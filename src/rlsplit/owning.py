"""Owning: every object of a run belongs to its workload, so that the cluster deletes them together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rlsplit.findings import ConfigError, Finding, shown
from rlsplit.plain_data import is_list, value_at

_UID: Final = re.compile(r"[A-Za-z0-9-]{1,128}\Z")
_COMPONENT: Final = "app.kubernetes.io/component"


def owned(objects: Sequence[Mapping[str, Any]], uid: str, *, keep_claim: bool = False) -> list[dict[str, Any]]:
    """Give a run's objects with ``ownerReferences`` to its JobSet, or to the trainer's Job.

    With the workload its volume claim goes, too, and the checkpoints on it, when that is deleted or its time to live
    is over; ``keep_claim`` leaves the claim to itself.

    ``uid`` is the workload's on the server (``kubectl get -o jsonpath='{.metadata.uid}'``), which nobody else knows.
    The workload itself and the Namespace stay as they are. Shares with ``objects`` what does not change. Raises
    ``ConfigError`` for objects that are not one run's, and for a uid that none can be.
    """
    owners = [item for item in objects if item.get("kind") == "JobSet"]
    owners = owners or [item for item in objects if _is_trainer_job(item)]
    findings = tuple(_findings(owners, uid))
    if findings:
        raise ConfigError(findings)
    owner = owners[0]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": uid,
    }
    free = {"Namespace", "PersistentVolumeClaim"} if keep_claim else {"Namespace"}
    return [dict(item) if item is owner or item["kind"] in free else _owned(item, reference) for item in objects]


def _owned(item: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(item["metadata"])
    before = metadata.get("ownerReferences")
    others = [other for other in before if other.get("name") != reference["name"]] if is_list(before) else []
    metadata["ownerReferences"] = [*others, dict(reference)]
    return {**item, "metadata": metadata}


def _findings(owners: Sequence[Mapping[str, Any]], uid: str) -> list[Finding]:
    found: list[Finding] = []
    if len(owners) != 1:
        message = f"there must be one JobSet, or one Job of a trainer, and there are {len(owners)}"
        hint = "give all objects of one run"
        found.append(Finding(code="objects.no-owner", about="run", path=(), message=message, hint=hint))
    if not _UID.match(uid):
        message = f"{shown(uid)} is no uid of an object"
        hint = "kubectl get jobset,job -o custom-columns=NAME:.metadata.name,UID:.metadata.uid"
        found.append(Finding(code="objects.uid", about="run", path=("uid",), message=message, hint=hint))
    return found


def _is_trainer_job(item: Mapping[str, Any]) -> bool:
    component: object = value_at(item, ("metadata", "labels", _COMPONENT))
    return item.get("kind") == "Job" and component == "trainer"
