"""Policies: what a run of somebody else may not ask, as ``[tenant]`` of the platform says. Off on one's own cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from ipaddress import ip_network
from posixpath import normpath
from typing import Final, Literal

from rlsplit.addresses import address_of, is_network, is_public_name, is_within
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import sections
from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import is_list, is_table
from rlsplit.planning.policy_fields import judged_values
from rlsplit.planning.settings import DATASET_MOUNT
from rlsplit.planning.side_overlays import override_key
from rlsplit.planning.subject import Subject, env_tables
from rlsplit.platform import Policy
from rlsplit.secrets import matches_any


def policy_findings(subject: Subject) -> Iterator[Finding]:
    """Judge a run by every policy that is on."""
    policy = subject.platform.tenant.policy
    for check in _POLICIES:
        yield from check(subject, policy)


# --- variables ---------------------------------------------------------------------------------------------------


def _variables(subject: Subject, policy: Policy) -> Iterator[Finding]:
    tables = [table for _, table in env_tables(subject.settings)]
    if policy.env_deny is not None:
        allowed = policy.env_allow or ()
        for table in tables:
            for name in table.value:
                if matches_any(name, policy.env_deny) and not matches_any(name, allowed):
                    message = "no run on this platform may set this variable"
                    yield _broken("env", (*table.key, name), message, "leave it out")
    count = sum(len(table.value) for table in tables)
    if policy.max_env_vars is not None and count > policy.max_env_vars:
        largest = max(tables, key=lambda table: len(table.value))
        message = f"all env_vars together hold {count} variables, this platform takes {policy.max_env_vars}"
        yield _broken("env-vars", largest.key, message, "put values into a file")


# --- addresses ---------------------------------------------------------------------------------------------------


def _addresses(subject: Subject, policy: Policy) -> Iterator[Finding]:
    if policy.egress_hosts is None and policy.allow_named_peers is not False:
        return
    for path, value in judged_values(subject.split.config, "egress_hosts"):
        listed = list(enumerate(value)) if is_list(value) else [(None, value)]
        for index, text in listed:
            place = path if index is None else (*path, index)
            if isinstance(text, str) and not _is_own(subject, path):
                yield from _address(place, text, subject, policy)


def _is_own(subject: Subject, path: KeyPath) -> bool:
    """Whether an overlay replaces a host: where the pods of the run meet by themselves."""
    broadcast = subject.settings.orchestrator.broadcast
    return path[-2:] == ("weight_broadcast", "host") and broadcast.type != "nixl"


def _address(path: KeyPath, text: str, subject: Subject, policy: Policy) -> Iterator[Finding]:
    called = endpoint(text) if "://" in text else (text, None)
    if called is None or is_loopback(called[0]):
        return
    host, port = called
    if policy.egress_hosts is not None and not _is_let_through(host, policy.egress_hosts):
        message = f"no run on this platform may call {shown(host)}"
        yield _broken("address", path, message, "name a server that the platform's egress_hosts let through")
    elif policy.allow_named_peers is False and address_of(host) is None:
        used = port or (443 if text.startswith("https:") else 80)
        if used not in subject.platform.egress_ports:
            message = f"port {used} of a host name would be open to every address"
            open_ports = ", ".join(map(str, subject.platform.egress_ports))
            hint = f"use port {open_ports}" if open_ports else "name the server by its address"
            yield _broken("named-peer", path, message, hint)


def _is_let_through(host: str, allowed: tuple[str, ...]) -> bool:
    address = address_of(host)
    if address is not None:
        return any(is_within(address, ip_network(entry)) for entry in allowed if is_network(entry))
    name = host.rstrip(".").lower()
    exact = [entry.lower() for entry in allowed]
    return name in exact or (is_public_name(name) and any(fnmatchcase(name, entry) for entry in exact))


# --- paths -------------------------------------------------------------------------------------------------------


def _paths(subject: Subject, policy: Policy) -> Iterator[Finding]:
    if not policy.confine_paths:
        return
    datasets = [DATASET_MOUNT] if subject.settings.sft and subject.platform.dataset_mount else []
    roots = [subject.run_dir, *(policy.shared_paths or ()), *datasets]
    for path, value in (
        *judged_values(subject.split.config, "confine_paths"),
        *_handed_on(subject.split.config),
        *_overrides(subject),
    ):
        if isinstance(value, str) and not _is_confined(value, roots):
            message = f"{shown(value)} lies outside of what a run on this platform may use"
            yield _broken(
                "path", path, message, f"name a path below {' or '.join(roots)}, or a relative one without '..'"
            )


def _handed_on(config: Section) -> Iterator[tuple[KeyPath, object]]:
    """Arguments that are handed to a program of the image (vLLM) as they are, where they look like absolute paths."""
    for path, section in sections(config):
        for name, value in (section.__pydantic_extra__ or {}).items():
            if isinstance(value, str) and value.startswith(("/", "~", "file:")):
                yield (*path, name), value


def _overrides(subject: Subject) -> Iterator[tuple[KeyPath, object]]:
    """The same of arguments that prefill or decode engines alone get."""
    inference = subject.settings.inference
    for side in inference.sides.values() if inference else ():
        for path, value in _texts(side.overrides.value, side.overrides.key):
            if override_key(str(path[-1])) == "model" or value.startswith(("/", "~", "file:")):
                yield path, value


def _texts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif is_table(value):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _is_confined(value: str, roots: list[str]) -> bool:
    if ".." in value.split("/") or value.startswith(("~", "file:")) or "\0" in value:
        return False
    if not value.startswith("/"):
        return True
    real = "/" + normpath(value).lstrip("/")
    return any(real == root or real.startswith(f"{root.rstrip('/')}/") for root in roots)


# --- quotas ------------------------------------------------------------------------------------------------------


def _quotas(subject: Subject, policy: Policy) -> Iterator[Finding]:
    shape, servers = subject.shape, len(subject.split.env_servers) if subject.shape.has_orchestrator else 0
    machines = shape.trainer_pods + (shape.inference_pods if shape.has_inference else 0)
    pods = machines + servers + shape.has_orchestrator + shape.has_router_pod
    inference = subject.settings.inference
    probe = inference.liveness_timeout if inference and shape.has_inference else 0
    if _exceeds(shape.gpus, policy.max_gpus):
        yield _broken("gpus", _COUNTS, *_too_much(shape.gpus, policy.max_gpus, "GPUs"))
    if _exceeds(machines, policy.max_nodes):
        yield _broken("nodes", _COUNTS, *_too_much(machines, policy.max_nodes, "pods with GPUs"))
    if _exceeds(pods, policy.max_pods):
        yield _broken("pods", _COUNTS, *_too_much(pods, policy.max_pods, "pods"))
    if _exceeds(servers, policy.max_env_servers):
        sources = _SOURCES if subject.settings.sft is None else ("eval", "source")
        yield _broken("env-servers", sources, *_too_much(servers, policy.max_env_servers, "environment servers"))
    if _exceeds(probe, policy.max_probe_seconds):
        yield _broken(
            "probe-seconds", _PROBE, *_too_much(probe, policy.max_probe_seconds, "seconds for a health check")
        )


_COUNTS: Final = ("deployment",)
_SOURCES: Final = ("orchestrator", "train", "source")
_PROBE: Final = ("inference", "server", "liveness_timeout_seconds")


def _exceeds(wanted: float, most: int | None) -> bool:
    return most is not None and wanted > most


def _too_much(wanted: float, most: int | None, what: str) -> tuple[str, str]:
    """Say what is too much, and what to write instead."""
    return f"{shown(wanted)} {what} are more than the {most} that a run on this platform may have", f"at most {most}"


# --- the image ---------------------------------------------------------------------------------------------------


def _image(subject: Subject, policy: Policy) -> Iterator[Finding]:
    run = subject.run
    if policy.image_tags is not None and not any(fnmatchcase(run.image_tag, glob) for glob in policy.image_tags):
        message = f"no run on this platform may have the image tag {shown(run.image_tag)}"
        yield _broken("image-tag", ("imageTag",), message, f"one of {', '.join(policy.image_tags)}", "run")
    for param, value in (("sourceRef", run.source_ref), ("sourceRepo", run.source_repo)):
        if policy.allow_source_ref is False and value is not None:
            message = "no run on this platform may check out other code than the image's"
            yield _broken("source-ref", (param,), message, "leave it out", "run")


_POLICIES: Final[tuple[Callable[[Subject, Policy], Iterator[Finding]], ...]] = (
    _variables,
    _addresses,
    _paths,
    _quotas,
    _image,
)


def _broken(code: str, path: KeyPath, message: str, hint: str, about: Literal["config", "run"] = "config") -> Finding:
    return Finding(code=f"policy.{code}", path=path, message=message, hint=hint, about=about)
