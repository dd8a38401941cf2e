"""What an API server writes into the objects that it stores, by kind and path: no difference from a render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

Place = tuple[str, ...]
"""Keys from the root of an object; ``*`` stands for every item of a list."""

ITEM: Final = "*"

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which ``kubectl apply`` keeps the whole object, a Secret's values among it."""

_OWN: Final = object()
"""Stands for a value of the server's own."""

_CONTROLLER_LABELS: Final = (
    *("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"),
)


def _own(*places: str) -> dict[str, Any]:
    return dict.fromkeys(places, _OWN)


def _below(above: str, table: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{above} {place}": value for place, value in table.items()}


_METADATA: Final = _own(
    *("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences"),
    *("finalizers", "deletionTimestamp", "deletionGracePeriodSeconds", f"annotations {LAST_APPLIED}"),
)

_EVERY: Final[Mapping[str, Any]] = {
    **_own("status"),
    **_below("metadata", _METADATA),
    "metadata namespace": "default",
    "metadata annotations": {},
}

_PROBE: Final[Mapping[str, Any]] = {
    "failureThreshold": 3,
    "periodSeconds": 10,
    "successThreshold": 1,
    "timeoutSeconds": 1,
    "httpGet scheme": "HTTP",
}

_CONTAINER: Final[Mapping[str, Any]] = {
    **_own("imagePullPolicy"),
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
    "ports * protocol": "TCP",
    "env * valueFrom fieldRef apiVersion": "v1",
    **_below("startupProbe", _PROBE),
    **_below("livenessProbe", _PROBE),
    **_below("readinessProbe", _PROBE),
    **{f"lifecycle {hook} httpGet scheme": "HTTP" for hook in ("preStop", "postStart")},
}

_FILES: Final = ("secret", "configMap", "projected", "downwardAPI")

_POD: Final[Mapping[str, Any]] = {
    **_own("metadata creationTimestamp", *(f"metadata labels {label}" for label in _CONTROLLER_LABELS)),
    **_own("spec serviceAccount"),
    "spec dnsPolicy": "ClusterFirst",
    "spec schedulerName": "default-scheduler",
    "spec securityContext": {},
    "spec terminationGracePeriodSeconds": 30,
    **_below("spec containers *", _CONTAINER),
    **_below("spec initContainers *", _CONTAINER),
    **{f"spec volumes * {source} defaultMode": 420 for source in _FILES},
    "spec volumes * hostPath type": "",
}

_JOB: Final[Mapping[str, Any]] = {
    **_own("metadata creationTimestamp", *(f"metadata labels {label}" for label in _CONTROLLER_LABELS)),
    **_own(*(f"spec selector matchLabels {label}" for label in _CONTROLLER_LABELS)),
    "spec completionMode": "NonIndexed",
    "spec completions": 1,
    "spec manualSelector": False,
    "spec parallelism": 1,
    "spec podReplacementPolicy": "TerminatingOrFailed",
    "spec suspend": False,
    **_below("spec template", _POD),
}

_SERVICE: Final[Mapping[str, Any]] = {
    **_own("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"),
    "internalTrafficPolicy": "Cluster",
    "sessionAffinity": "None",
    "type": "ClusterIP",
    "ports * protocol": "TCP",
}

_CLAIM_ANNOTATIONS: Final = (
    *("pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"),
    *("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"),
    "volume.kubernetes.io/selected-node",
)

_OF_KIND: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "Namespace": _own("spec finalizers", "metadata labels kubernetes.io/metadata.name"),
        "Pod": {**_POD, **_own("spec nodeName")},
        "Job": {**_JOB, **_own("metadata annotations batch.kubernetes.io/job-tracking")},
        "JobSet": {
            "spec suspend": False,
            "spec replicatedJobs * groupName": "default",
            **_below("spec replicatedJobs * template", _JOB),
        },
        "Service": _below("spec", _SERVICE),
        "PersistentVolumeClaim": {
            **_own("spec volumeName", "spec storageClassName"),
            **_own(*(f"metadata annotations {name}" for name in _CLAIM_ANNOTATIONS)),
            "spec volumeMode": "Filesystem",
        },
        "NetworkPolicy": {f"spec {way} * ports * protocol": "TCP" for way in ("ingress", "egress")},
    }
)


@lru_cache(maxsize=64)
def _filled_in(kind: str) -> Mapping[Place, Any]:
    table = {**_EVERY, **_OF_KIND.get(kind, {})}
    return MappingProxyType({tuple(place.split(" ")): value for place, value in table.items()})


def is_filled_in(kind: str, place: Iterable[str], value: object) -> bool:
    """Whether a server puts this value at this place of an object, where whoever applied it gave none."""
    found = _filled_in(kind).get(tuple(place), _NOWHERE)
    return found is _OWN or (found == value and type(found) is type(value))


_NOWHERE: Final = object()

_TRACES: Final = frozenset(("uid", "resourceVersion", "managedFields", "creationTimestamp"))


def is_from_server(item: Mapping[str, Any]) -> bool:
    """Whether an object shows that a server had it; an earlier render holds nothing but what was rendered."""
    metadata = item["metadata"]
    annotations = metadata.get("annotations")
    return not _TRACES.isdisjoint(metadata) or (isinstance(annotations, dict) and LAST_APPLIED in annotations)
