"""Manifests: a plan to the list of Kubernetes objects, as plain dicts in the order of application."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlsplit.findings import ConfigError
from rlsplit.manifests.cluster import namespace, persistent_volume_claim, service_account
from rlsplit.manifests.delivery import config_map, deliveries
from rlsplit.manifests.disruption import pod_disruption_budget
from rlsplit.manifests.gang import pod_group
from rlsplit.manifests.monitoring import pod_monitor, scraped_ports
from rlsplit.manifests.network import network_policies
from rlsplit.manifests.secret import secret
from rlsplit.manifests.services import headless_service, inference_service
from rlsplit.manifests.sizes import oversized
from rlsplit.manifests.workloads import job, job_set
from rlsplit.planning.binding import bound
from rlsplit.planning.hiding import with_hidden
from rlsplit.planning.model import RunPlan
from rlsplit.planning.run_checks import late_secret_findings
from rlsplit.secrets import Secrets

__all__ = ["render", "rendered_as_shown"]


def render(plan: RunPlan, *, secrets: Secrets | None = None, redact: bool = False) -> list[dict[str, Any]]:
    """Render every object of a planned run.

    ``secrets`` must be those that the plan was made for, if it was made for any. With ``redact`` the Secret's
    values are replaced by one placeholder, configs and variables are without what looks like a secret, so that the
    objects may be shown but not applied; and a plan that knows its secrets needs none here. Every dict and list in
    the result is the caller's own: none is shared with another object, the plan or the platform.
    Raises ``ConfigError`` for a secret that no Secret can hold, and for an object that is larger than etcd takes.
    """
    given = secrets if secrets is not None else Secrets()
    findings = tuple(late_secret_findings(plan, given))
    if findings:
        raise ConfigError(findings)
    is_known = plan.platform.existing_secret is not None or (redact and secrets is None)
    known = plan.secrets if is_known and plan.secrets is not None else given.names()
    shown = with_hidden(plan) if redact else plan
    return _rendered(bound(shown, known), given, redact)


def rendered_as_shown(plan: RunPlan) -> list[dict[str, Any]]:
    """Render what :func:`render` does with ``redact``, from a plan that is without what looks like a secret already.

    Raises ``ConfigError`` for an object that is larger than etcd takes.
    """
    return _rendered(bound(plan, plan.secrets or ()), Secrets(), redact=True)


def _rendered(plan: RunPlan, secrets: Secrets, redact: bool) -> list[dict[str, Any]]:
    objects = list(_objects(plan, secrets, redact))
    too_large = tuple(oversized(objects))
    if too_large:
        raise ConfigError(too_large)
    return objects


def _objects(plan: RunPlan, secrets: Secrets, redact: bool) -> Iterator[dict[str, Any]]:
    platform, delivered = plan.platform, deliveries(plan)
    if platform.create_namespace:
        yield namespace(plan)
    if platform.service_account is None:
        yield service_account(plan)
    values = secret(plan, secrets, redact=redact) if platform.existing_secret is None else None
    if values is not None:
        yield values
    if plan.claim is None:
        yield persistent_volume_claim(plan)
    for pods in plan.containers:
        mounted = delivered[pods.suffix].mounted
        if mounted is not None:
            yield config_map(plan, pods, mounted)
    yield from _network(plan)
    if platform.pdb:
        yield pod_disruption_budget(plan)
    group = pod_group(plan)
    if group is not None:
        yield group
    if platform.monitoring == "podmonitor" and scraped_ports(plan):
        yield pod_monitor(plan)
    if platform.workload == "jobset":
        yield job_set(plan, delivered)
    else:
        yield from (job(plan, pods, delivered) for pods in plan.pods)


def _network(plan: RunPlan) -> Iterator[dict[str, Any]]:
    """Services and the policy. A JobSet's controller makes its own headless Service of that name."""
    if plan.platform.workload == "job":
        yield headless_service(plan)
    if plan.shape.has_inference:
        yield inference_service(plan)
    if plan.platform.network_policy:
        yield from network_policies(plan)
