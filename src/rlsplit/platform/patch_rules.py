"""What a ``pod_patch`` may say: nothing about what rlsplit computes, and nothing above the Pod Security level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.components import ROLES, Role
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.plain_data import is_list, is_table
from rlsplit.platform.judging import Rule, each, finding, is_own_key
from rlsplit.platform.protected_env import is_protected_env
from rlsplit.platform.settings import PlatformSettings
from rlsplit.secrets import RUN_SECRETS
from rlsplit.strategic_merge import DIRECTIVE, DIRECTIVES, MERGE_KEYS, Leaf, Place, leaves

_COMPUTED: Final = "rlsplit computes this"

_OF_PODS: Final[Mapping[str, str]] = {
    "activeDeadlineSeconds": "set max_runtime_seconds",
    "hostIPC": "set host_ipc",
    "hostNetwork": "set host_network",
    "hostname": "leave it out",
    "restartPolicy": "leave it out",
    "setHostnameAsFQDN": "leave it out",
    "shareProcessNamespace": "leave it out",
    "subdomain": "leave it out",
    "terminationGracePeriodSeconds": "set grace_seconds of the component",
    "tolerations": "set tolerations of the component",
}
"""Field of the pod's spec to what to do instead."""

_OF_CONTAINERS: Final[Mapping[str, str]] = {
    "args": "leave it out",
    "command": "set entrypoint",
    "image": "set image_repository, and the tag of the run",
    "imagePullPolicy": "set image_pull_policy",
    "ports": "leave it out",
}
"""Field of the component's own container to what to do instead."""

_OWN_VOLUMES: Final = ("config", "data")
_FIXED_VARIABLES: Final = frozenset({"HF_HOME", "NVIDIA_VISIBLE_DEVICES"}) | {
    secret.variable for secret in RUN_SECRETS.values()
}


def _protected(role: Role, platform: PlatformSettings) -> Iterator[tuple[Place, str]]:
    """Every place that rlsplit decides alone, and what to do instead of patching it."""
    yield from ((("spec", field), hint) for field, hint in _OF_PODS.items())
    yield ("spec", "nodeSelector", platform.gpu_type_label), "ask for the GPU type of the run"
    yield from ((("spec", "volumes", name), "add a volume of another name") for name in _OWN_VOLUMES)
    own = ("spec", "containers", role.name)
    yield from (((*own, field), hint) for field, hint in _OF_CONTAINERS.items())
    for devices in (platform.gpu_resource, *platform.rdma_resource):
        for part in ("requests", "limits"):
            yield (*own, "resources", part, devices), "the config decides it"
    for path in (platform.mount_path.rstrip("/"), "/etc/rlsplit"):
        yield (*own, "volumeMounts", path), "mount at another path"


def _is_own_variable(place: Place, role: Role) -> bool:
    """Whether a place is a variable that rlsplit sets in the component's container."""
    if place[:4] != ("spec", "containers", role.name, "env") or len(place) < 5:
        return False
    return is_protected_env(place[4]) or place[4] in _FIXED_VARIABLES


def _computed(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    patch, protected = platform.table(role.name).pod_patch, tuple(_protected(role, platform))
    for leaf in leaves(patch):
        for place, hint in protected:
            if _touches(leaf, place):
                yield _refused(role, leaf.path, _COMPUTED, hint)
                break
        else:
            yield from _metadata(role, leaf)
            if _is_own_variable(leaf.place, role):
                yield _refused(role, leaf.path, _COMPUTED, "leave it out")


def _touches(leaf: Leaf, place: Place) -> bool:
    """Whether a value lands at a place or below, or takes away what holds the place."""
    at = leaf.place
    if at[: len(place)] == place:
        return True
    takes_away = leaf.is_directive or not is_table(leaf.value)
    return takes_away and place[: len(at)] == at


def _metadata(role: Role, leaf: Leaf) -> Iterator[Finding]:
    if leaf.place[:1] != ("metadata",):
        return
    if len(leaf.place) < 3 or leaf.place[1] not in ("labels", "annotations") or leaf.is_directive:
        hint = "patch labels and annotations key by key"
        yield _refused(role, leaf.path, "rlsplit computes the metadata of pods", hint)
    elif is_own_key(leaf.place[2]):
        yield _refused(role, leaf.path, "rlsplit sets this key itself", "use another key")


def _form(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    """A patch of the form that a pod template has; else nothing of it can be merged."""
    patch = platform.table(role.name).pod_patch
    for key in patch:
        if key not in ("metadata", "spec"):
            hint = "a pod template has metadata and spec"
            yield _refused(role, (key,), "is not a key of a pod template", hint)
        elif not is_table(patch[key]):
            yield _refused(role, (key,), "must be a table", None)
    yield from _forms(role, patch, (), ())


def _forms(role: Role, value: Any, path: KeyPath, bare: Place) -> Iterator[Finding]:
    name = MERGE_KEYS.get(bare)
    if name is not None and not is_list(value) and value is not None:
        yield _refused(role, path, "must be a list of tables", f"[{{ {name} = ... }}]")
    elif is_table(value):
        yield from _table_form(role, value, path, bare)
    elif name is not None:
        for index, item in enumerate(value or ()):
            yield from _element(role, item, (*path, index), bare, name)


def _table_form(role: Role, value: Mapping[str, Any], path: KeyPath, bare: Place) -> Iterator[Finding]:
    for key, item in value.items():
        if key.startswith("$"):
            yield from _directive(role, (*path, key), key, item)
        else:
            yield from _forms(role, item, (*path, key), (*bare, key))


def _element(role: Role, item: Any, path: KeyPath, bare: Place, name: str) -> Iterator[Finding]:
    if not is_table(item) or not (isinstance(item.get(name), (str, int)) or item.get(DIRECTIVE) == "replace"):
        yield _refused(role, path, f"has no {name}, by which this list merges", f"give it a {name}")
    else:
        yield from _table_form(role, item, path, bare)


def _directive(role: Role, path: KeyPath, key: str, value: Any) -> Iterator[Finding]:
    if key != DIRECTIVE or value not in DIRECTIVES:
        yield _refused(role, path, f"{shown(value)} is no directive", '"$patch" is "delete" or "replace"')


def _security(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    """A namespace refuses pods above its level, and only when the Job makes them."""
    level = platform.pod_security
    if level == "privileged":
        return
    patch = platform.table(role.name).pod_patch
    for leaf in leaves(patch):
        if not leaf.is_directive and _is_privileged(leaf, level):
            hint = "leave it out, or raise pod_security if the namespace allows it"
            yield _refused(role, leaf.path, f"is above pod_security = {level}", hint)
    yield from _unrestricted(role, patch) if level == "restricted" else ()


def _is_privileged(leaf: Leaf, level: str) -> bool:
    place, value = leaf.place, leaf.value
    if place[:2] == ("spec", "hostPID"):
        return value is True
    if place[:2] == ("spec", "volumes"):
        return "hostPath" in place
    if "securityContext" not in place:
        return False
    if place[-1] == "privileged":
        return value is True
    if place[-2:] == ("capabilities", "add"):
        return bool(value != ["NET_BIND_SERVICE"])
    unrestricted = {"allowPrivilegeEscalation": True, "runAsNonRoot": False, "runAsUser": 0}
    return level == "restricted" and (place[-1], value) in unrestricted.items()


def _unrestricted(role: Role, patch: Mapping[str, Any]) -> Iterator[Finding]:
    """Containers that a patch adds say themselves what the restricted level wants of each."""
    spec = patch.get("spec")
    for field in ("initContainers", "containers"):
        listed = spec.get(field) if is_table(spec) else None
        for index, item in enumerate(listed if is_list(listed) else ()):
            if is_table(item) and item.get("name") != role.name and DIRECTIVE not in item and not _is_restricted(item):
                message = "pod_security = restricted takes no container without its own securityContext"
                hint = 'securityContext = { allowPrivilegeEscalation = false, capabilities = { drop = ["ALL"] } }'
                yield _refused(role, ("spec", field, index), message, hint)


def _is_restricted(container: Mapping[str, Any]) -> bool:
    context = container.get("securityContext")
    if not is_table(context) or context.get("allowPrivilegeEscalation") is not False:
        return False
    capabilities = context.get("capabilities")
    return is_table(capabilities) and capabilities.get("drop") == ["ALL"]


def _refused(role: Role, path: KeyPath, message: str, hint: str | None) -> Finding:
    return finding("pod-patch", (role.settings, "pod_patch", *path), message, hint)


PATCH_RULES: Final[tuple[Rule, ...]] = tuple(
    each(_form, _computed, _security, of=[(role,) for role in ROLES.values()]),
)
