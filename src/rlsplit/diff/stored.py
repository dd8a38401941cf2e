"""A render beside stored objects: an earlier render, or what the API server gives, without what the server added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from rlsplit.diff.difference import Kind, ObjectChange, unified
from rlsplit.excerpts import covered_lines
from rlsplit.plain_data import is_list, is_table
from rlsplit.preview.summary import object_title
from rlsplit.secrets import HIDDEN, is_secret_variable
from rlsplit.serialize import to_yaml

_OF_SERVER: Final = frozenset(
    (
        *("status", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"),
        *("ownerReferences", "finalizers", "deletionTimestamp", "clusterIP", "clusterIPs", "ipFamilies"),
        *("ipFamilyPolicy", "volumeName", "storageClassName", "serviceAccount", "imagePullPolicy", "nodeName"),
        *("kubectl.kubernetes.io/last-applied-configuration", "pv.kubernetes.io/bind-completed"),
        *("pv.kubernetes.io/bound-by-controller", "volume.kubernetes.io/storage-provisioner"),
        *("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/selected-node"),
        *("batch.kubernetes.io/controller-uid", "controller-uid", "batch.kubernetes.io/job-name", "job-name"),
    )
)
"""Keys that the server fills in with values of its own."""

_DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "annotations": {},
        "apiVersion": "v1",
        "completionMode": "NonIndexed",
        "completions": 1,
        "defaultMode": 420,
        "dnsPolicy": "ClusterFirst",
        "failureThreshold": 3,
        "internalTrafficPolicy": "Cluster",
        "manualSelector": False,
        "namespace": "default",
        "parallelism": 1,
        "periodSeconds": 10,
        "podReplacementPolicy": "TerminatingOrFailed",
        "protocol": "TCP",
        "schedulerName": "default-scheduler",
        "scheme": "HTTP",
        "securityContext": {},
        "sessionAffinity": "None",
        "successThreshold": 1,
        "suspend": False,
        "terminationGracePeriodSeconds": 30,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "timeoutSeconds": 1,
        "type": "ClusterIP",
        "volumeMode": "Filesystem",
    }
)
"""Values that the server writes out where none was given."""

Object = Mapping[str, Any]


def stored_changes(stored: Sequence[Object], rendered: Sequence[Object]) -> tuple[ObjectChange, ...]:
    """Compare objects with those that a render, its secrets hidden, would put in their place.

    Keys that only the stored side has are left out where the server fills them in. Values of Secrets are never shown
    nor compared; what looks like a secret elsewhere is covered.
    """
    wanted = {object_title(item): item for item in rendered}
    before = {object_title(item): _text(_pruned(item, wanted.get(object_title(item)))) for item in stored}
    after = {title: _text(item) for title, item in wanted.items()}
    found: list[ObjectChange] = []
    for title in dict.fromkeys((*before, *after)):
        was, is_now = before.get(title, ""), after.get(title, "")
        if was != is_now:
            kind: Kind = "added" if not was else "removed" if not is_now else "changed"
            found.append(ObjectChange(title=title, kind=kind, diff=unified(title, was, is_now)))
    return tuple(found)


def _pruned(value: Any, wanted: Any) -> Any:
    """Leave out what the server filled in, and put keys in the order of the other side."""
    if is_table(value):
        beside = wanted if is_table(wanted) else {}
        order = [*(key for key in beside if key in value), *(key for key in value if key not in beside)]
        kept = [key for key in order if key in beside or not _is_filled_in(key, value[key])]
        found = {key: _pruned(value[key], beside.get(key)) for key in kept}
        return {key: item for key, item in found.items() if key in beside or item != {} or value[key] == {}}
    if is_list(value):
        items = list(wanted) if is_list(wanted) else []
        return [_pruned(item, _beside(item, number, items)) for number, item in enumerate(value)]
    return value


def _is_filled_in(key: str, value: Any) -> bool:
    return key in _OF_SERVER or (key in _DEFAULTS and _DEFAULTS[key] == value)


def _beside(item: Any, number: int, items: list[Any]) -> Any:
    """The item of another list that has the same name, else the one at the same position."""
    name = item.get("name") if is_table(item) else None
    named = next((other for other in items if is_table(other) and name is not None and other.get("name") == name), None)
    return named if named is not None else items[number] if name is None and number < len(items) else None


def _text(item: Object) -> str:
    return "\n".join(covered_lines(to_yaml([_veiled(item)])))


def _veiled(item: Any) -> Any:
    """Hide the values of a Secret and of variables whose names tell of one."""
    if is_table(item):
        if item.get("kind") == "Secret":
            keys = {key: HIDDEN for part in ("data", "stringData") for key in sorted(item.get(part) or {})}
            rest = {key: value for key, value in item.items() if key not in ("data", "stringData")}
            return {**rest, "data": keys}
        name, value = item.get("name"), item.get("value")
        if isinstance(name, str) and isinstance(value, str) and is_secret_variable(name, value):
            return {**item, "value": HIDDEN}
        return {key: _veiled(inner) for key, inner in item.items()}
    return [_veiled(inner) for inner in item] if is_list(item) else item
