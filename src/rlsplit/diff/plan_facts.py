"""A plan as a flat table of facts, so that two plans compare by comparing two tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlsplit.planning.model import EnvVar, Pods
from rlsplit.planning.shape import EngineGroups
from rlsplit.preview.placing import placing_facts
from rlsplit.preview.subject import Planned
from rlsplit.preview.topology import ports_text, topology
from rlsplit.secrets import SecretText, is_secret_variable

Fact = tuple[str, str]
"""Whose it is (``run``, a role, ``connections``) and what it is called."""


def facts(planned: Planned) -> dict[Fact, Any]:
    """Give every fact about the plan. Secret values stay wrapped: they compare, but show nothing."""
    placing = [(("run", name.lower()), value) for name, value in placing_facts(planned.plan)]
    return dict([*_run_facts(planned), *placing, *_pod_facts(planned), *_link_facts(planned)])


def role(pods: Pods) -> str:
    """Name the pods of a component; an environment's name stays when its index changes."""
    return f"environment {pods.env_server.id.split}/{pods.env_server.name}" if pods.env_server else pods.component


def _run_facts(planned: Planned) -> Iterator[tuple[Fact, Any]]:
    plan, shape = planned.plan, planned.plan.shape
    values: Mapping[str, Any] = {
        "release": f"{plan.release.tag} ({plan.release.commit})",
        "name": planned.split.launch.run_name,
        "GPUs": shape.gpus,
        "pods": plan.pod_count,
        "image": plan.image,
        "image pull policy": plan.image_pull_policy,
        "GPU type": plan.gpu_type,
        "namespace": plan.names.namespace,
        "run directory": plan.run_dir,
        "volume": plan.claim,
        "attempt": plan.attempt,
        "resume": _resume(planned),
        "inference replicas": shape.replicas if shape.has_inference else None,
        "engines": len(plan.worker_urls),
        "GPUs per engine": shape.tensor_parallel if shape.has_inference else None,
        **{f"{group.component} groups": _groups(group) for group in shape.groups},
        "expert parallel": shape.expert_parallel,
        "router policy": plan.router_policy,
    }
    yield from ((("run", what), value) for what, value in values.items() if value is not None)


def _groups(group: EngineGroups) -> str:
    return f"{group.per_replica} a replica, {group.nodes} pods and {group.ranks} ranks each"


def _resume(planned: Planned) -> str | None:
    resume = planned.plan.resume
    if resume is None:
        return None
    return "newest checkpoint" if resume.step is None else f"step {resume.step}"


def _pod_facts(planned: Planned) -> Iterator[tuple[Fact, Any]]:
    hidden = planned.plan.secret_env_values
    for pods in planned.plan.containers:
        name = role(pods)
        yield (name, "pods"), pods.count
        yield (name, "GPUs per pod"), pods.gpus
        yield (name, "hosts"), _host_pattern(pods)
        yield from (((name, f"port {port.name}"), port.number) for port in pods.ports)
        yield from (((name, f"variable {variable.name}"), _variable_value(variable)) for variable in pods.env)
        for secret in pods.secret_env:
            yield (name, f"variable {secret.name}"), hidden.get(secret.key, f"from the Secret: {secret.key}")


def _variable_value(variable: EnvVar) -> Any:
    return SecretText(variable.value) if is_secret_variable(variable.name, variable.value) else variable.value


def _host_pattern(pods: Pods) -> str:
    """Spell the host names with ``*`` for the index, so that they change only when their names do."""
    host, dot, domain = pods.hosts[0].partition(".")
    return f"{host.rpartition('-')[0]}-*{dot}{domain}"


def _link_facts(planned: Planned) -> Iterator[tuple[Fact, Any]]:
    drawn = topology(planned.plan)
    for link in drawn.links:
        source, target = drawn.node(link.source).title, drawn.node(link.target).title
        yield ("connections", f"{source} to {target}: {link.said}"), ports_text(drawn.ports(link)) or "files"
