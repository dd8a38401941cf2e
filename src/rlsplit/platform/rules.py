"""What the settings of a platform must look like and how they depend on each other: one tuple of small rules."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from rlsplit.addresses import is_network
from rlsplit.characters import is_plain
from rlsplit.components import WITH_SETTINGS, Role
from rlsplit.config.sections.base import Section, UnreadableError
from rlsplit.findings import Finding, KeyPath
from rlsplit.kubernetes import (
    endpoint,
    is_dns_label,
    is_dns_subdomain,
    is_env_name,
    is_label_value,
    is_qualified_name,
    quantity,
)
from rlsplit.plain_data import SURROGATE, is_list, is_table
from rlsplit.platform.bringing_rules import BRINGING_RULES
from rlsplit.platform.cluster_rules import CLUSTER_RULES
from rlsplit.platform.judging import Format, Rule, conflict, each, finding, misfit, own_keys, table
from rlsplit.platform.patch_rules import PATCH_RULES
from rlsplit.platform.protected_env import is_protected_env
from rlsplit.platform.settings import PlatformSettings
from rlsplit.platform.tenant_rules import TENANT_RULES
from rlsplit.secrets import is_secret_variable, matches_any
from rlsplit.unsafe_variables import shell_reads

_REPOSITORY: Final = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::\d{1,5})?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*\Z"
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_RELEASE: Final = re.compile(r"v?\d+\.\d+\.\d+(?:\.?dev\d+)?\Z|(?:sha-)?[0-9a-f]{7,40}\Z|main\Z")

_PRIVILEGED: Final = ("rdma_ipc_lock", "host_network", "host_ipc")
_JOBSET_ONLY: Final = ("queue_name", "restart_on_disruption", "ttl_seconds_after_finished")
_TAKEN_MOUNTS: Final = (
    "/app",
    "/cache/huggingface",
    "/dev",
    "/etc",
    "/home",
    "/proc",
    "/sys",
    "/tmp",
    "/usr",
    "/volume",
)


def is_absolute_path(text: str) -> bool:
    """Absolute, without ``..`` and without what a mount path cannot hold."""
    return text.startswith("/") and ".." not in text.split("/") and not {":", "\0"} & set(text)


def is_secret_env(name: str, value: object, platform: PlatformSettings) -> bool:
    """Whether a variable of ``env_vars`` is moved to the Secret (overlay ``secret-env``)."""
    if platform.secret_env_patterns is None:
        return is_secret_variable(name, value)
    return matches_any(name, tuple(platform.secret_env_patterns))


def _is_http_url(text: str) -> bool:
    return text.startswith(("http://", "https://")) and is_plain(text) and endpoint(text) is not None


def _is_positive_quantity(text: str) -> bool:
    return bool(quantity(text))


def _is_cache_place(text: str) -> bool:
    return text in ("shared", "local") or is_absolute_path(text)


_LABEL: Final = Format("a DNS label", is_dns_label)
_NAME: Final = Format("a DNS name", is_dns_subdomain)
_KEY: Final = Format("a label key", is_qualified_name)
_VALUE: Final = Format("a label value", is_label_value)
_SIZE: Final = Format("a positive quantity such as 64Gi", _is_positive_quantity)
_PATH: Final = Format("an absolute path without '..' or ':'", is_absolute_path)
_RESOURCE: Final = Format(
    "a resource name such as nvidia.com/gpu", lambda text: "/" in text and is_qualified_name(text)
)

_RANGE: Final = Format("an address range such as 10.0.0.0/8, without bits behind its prefix or a zone", is_network)

FORMATS: Final[tuple[tuple[str, Format], ...]] = (
    ("image_repository", Format("an image name without tag", lambda text: bool(_REPOSITORY.match(text)))),
    ("image_digest", Format("a digest 'sha256:<64 hex digits>'", lambda text: bool(_DIGEST.match(text)))),
    ("release", Format("a release such as v0.8.0, or a commit of prime-rl", lambda text: bool(_RELEASE.match(text)))),
    ("image_pull_secrets", _NAME),
    ("namespace", _LABEL),
    ("cluster_domain", _NAME),
    ("queue_name", _LABEL),
    ("priority_class", _NAME),
    ("queue_priority_class", _NAME),
    ("scheduler_name", _NAME),
    ("existing_secret", _NAME),
    ("service_account", _NAME),
    ("existing_claim", _NAME),
    ("storage_class", _NAME),
    ("storage_size", _SIZE),
    ("mount_path", _PATH),
    ("hf_home", Format("'shared', 'local' or an absolute path", _is_cache_place)),
    ("secret_env_patterns", Format("a glob such as *KEY", bool)),
    ("gpu_resource", _RESOURCE),
    ("gpu_type_label", _KEY),
    ("runtime_class", _NAME),
    ("topology_key", _KEY),
    ("ingress_namespaces", _LABEL),
    ("egress_cidrs", _RANGE),
    ("deny_cidrs", _RANGE),
    ("monitoring_namespace", _LABEL),
    ("monitor_url", Format("an http(s) URL", _is_http_url)),
)
"""Setting (a text, a list of texts, or nothing) and the form of its texts."""

KEY_FORMATS: Final[tuple[tuple[str, Format, Format | None], ...]] = (
    ("rdma_resource", _RESOURCE, None),
    ("labels", _KEY, _VALUE),
    ("pod_labels", _KEY, _VALUE),
    ("annotations", _KEY, None),
    ("pod_annotations", _KEY, None),
    ("service_account_annotations", _KEY, None),
)
"""Setting (a table), the form of its keys, the form of its values."""


def platform_findings(platform: PlatformSettings) -> tuple[Finding, ...]:
    """Check every rule of the platform settings; paths stand under ``platform``.

    A rule that reads a setting which could not be read says nothing about it.
    """
    return tuple(finding for rule in RULES for finding in _told(rule, platform))


def _told(rule: Callable[[PlatformSettings], Iterable[Finding]], platform: PlatformSettings) -> Iterator[Finding]:
    try:
        yield from rule(platform)
    except UnreadableError:
        return


def _format(setting: str, form: Format, platform: PlatformSettings) -> Iterator[Finding]:
    value = getattr(platform, setting)
    if isinstance(value, str):
        yield from misfit((setting,), value, form)
    for index, item in enumerate(value if is_list(value) else ()):
        yield from misfit((setting, index), item, form)


def _key_format(setting: str, keys: Format, values: Format | None, platform: PlatformSettings) -> Iterator[Finding]:
    yield from table((setting,), getattr(platform, setting), keys, values)


def _own_keys(setting: str, platform: PlatformSettings) -> Iterator[Finding]:
    yield from own_keys((setting,), getattr(platform, setting))


def _node_selector(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    selector = platform.table(role.name).node_selector
    yield from table((role.settings, "node_selector"), selector, _KEY, _VALUE)


def _shm_size(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    size = platform.table(role.name).shm_size
    yield from () if size is None else misfit((role.settings, "shm_size"), size, _SIZE)


def _env(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    path: KeyPath = (role.settings, "env")
    for name, value in platform.table(role.name).env.items():
        if not is_env_name(name):
            yield finding("env-name", (*path, name), "not a name of an environment variable")
        elif is_protected_env(name):
            yield finding("env-protected", (*path, name), "only the launcher sets this variable", "leave it out")
        elif reason := shell_reads(name):
            yield finding("env-unsafe", (*path, name), f"no pod may have this variable: {reason}", "leave it out")
        if "\0" in value:
            yield finding("env-value", (*path, name), "an environment variable cannot hold NUL")


def _resources(role: Role, platform: PlatformSettings) -> Iterator[Finding]:
    path: KeyPath = (role.settings, "resources")
    resources = platform.table(role.name).resources
    requests, limits = resources.requests, resources.limits
    ours = {platform.gpu_resource, *platform.rdma_resource}
    for part, listed in (("requests", requests), ("limits", limits)):
        yield from table((*path, part), listed, Format("a resource name", is_qualified_name), _SIZE)
        for name in (name for name in listed if name in ours):
            yield finding("gpu-resource", (*path, part, name), "the config decides this resource", "leave it out")
    whole = platform.component(role.name).resources
    for name in requests.keys() | limits.keys() if role.like else limits:
        limit = whole.limits.get(name)
        if limit is not None:
            yield from _limit((*path, "limits", name), name, quantity(whole.requests.get(name, limit)), quantity(limit))


def _limit(path: KeyPath, name: str, request: Any, limit: Any) -> Iterator[Finding]:
    if request is None or limit is None:
        return
    if limit < request:
        yield finding("limit-below-request", path, "the limit is below the request", "raise the limit")
    elif "/" in name and limit != request:
        yield finding("limit-differs", path, "request and limit of an extended resource must be equal")


def _mounts(platform: PlatformSettings) -> Iterator[Finding]:
    mount = platform.mount_path.rstrip("/")
    if not mount or any(mount == taken or mount.startswith(f"{taken}/") for taken in _TAKEN_MOUNTS):
        yield finding("mount-path", ("mount_path",), "this path belongs to the container", "use /data")


def _run_dir(platform: PlatformSettings) -> Iterator[Finding]:
    if not is_absolute_path(platform.mount_path):
        return
    filled = platform.run_dir.replace("{mount}", platform.mount_path).replace("{run_id}", "id")
    below = filled.startswith(platform.mount_path.rstrip("/") + "/")
    if "{run_id}" not in platform.run_dir or not below or not is_absolute_path(filled) or set("{}") & set(filled):
        yield finding(
            "run-dir",
            ("run_dir",),
            "the run's directory must lie below the mount and hold the run id",
            "write {mount}/runs/{run_id}",
        )


def _security(platform: PlatformSettings) -> Iterator[Finding]:
    level = platform.pod_security
    for setting in _PRIVILEGED:
        if getattr(platform, setting) and level != "privileged":
            yield conflict(setting, f"needs pod_security = privileged, which is {level}")
    if level == "restricted" and platform.run_as_user == 0:
        yield conflict("run_as_user", "must not be 0 under pod_security = restricted")


def _jobset_only(platform: PlatformSettings) -> Iterator[Finding]:
    if platform.workload == "job":
        for setting in _JOBSET_ONLY:
            if setting in platform.model_fields_set and getattr(platform, setting) not in (None, False):
                yield conflict(setting, 'needs workload = "jobset"')


def _prefetch(platform: PlatformSettings) -> Iterator[Finding]:
    if platform.hf_home == "local" and platform.prefetch_model and "prefetch_model" in platform.model_fields_set:
        yield conflict("prefetch_model", 'needs a shared cache, and hf_home is "local"')


def _run_subpath(platform: PlatformSettings) -> Iterator[Finding]:
    if platform.run_subpath and platform.dataset_mount:
        yield conflict("dataset_mount", "mounts the whole volume, and run_subpath the run's directory alone")


def _plain_values(platform: PlatformSettings) -> Iterator[Finding]:
    """Settings that are passed through may hold only what a manifest can hold."""
    for path, problem in _unplain(platform, ()):
        yield finding("value", path, problem)


def _unplain(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, Section):
        fields = type(value).model_fields
        yield from _unplain({name: inner for name, inner in vars(value).items() if name in fields}, path)
    elif is_table(value):
        for key, item in value.items():
            yield from ([(path, "a key is no valid text")] if SURROGATE.search(str(key)) else [])
            yield from _unplain(item, (*path, str(key)))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _unplain(item, (*path, index))
    elif isinstance(value, str):
        yield from [(path, "no valid text: a lone surrogate")] if SURROGATE.search(value) else []
    elif value is not None and not isinstance(value, int):
        yield path, f"no field of Kubernetes takes {_described(value)}"


def _described(value: object) -> str:
    if isinstance(value, float):
        return "a number that is not finite" if not math.isfinite(value) else f"the fraction {value}"
    return f"a {type(value).__name__}"


RULES: Final[tuple[Rule, ...]] = (
    *each(_format, of=FORMATS),
    *each(_key_format, of=KEY_FORMATS),
    *each(_own_keys, of=(("labels",), ("annotations",), ("pod_labels",), ("pod_annotations",))),
    *each(_node_selector, _shm_size, _env, _resources, of=[(role,) for role in WITH_SETTINGS]),
    _mounts,
    _run_dir,
    _security,
    _jobset_only,
    _prefetch,
    _run_subpath,
    _plain_values,
    *CLUSTER_RULES,
    *BRINGING_RULES,
    *PATCH_RULES,
    *TENANT_RULES,
)
