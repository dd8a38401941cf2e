"""How a run starts, ends and is removed: who waits for whom, for how long, and who notices that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.components import ROLES
from rlsplit.manifests.gang import pod_group_resource
from rlsplit.planning.model import RunPlan

Row = tuple[str, str]
"""Whom it is about, and what they do."""

_LEFT: Final = ("svc", "secret", "configmap", "networkpolicy", "pdb", "serviceaccount")
"""Kinds that stay when a run has ended, besides its workload and its claim."""


def lifecycle(plan: RunPlan) -> tuple[Row, ...]:
    """Say it in the order in which it happens."""
    return (*_start(plan), *_end(plan), *_removal(plan))


def _start(plan: RunPlan) -> Iterator[Row]:
    limit, shape = plan.platform.startup_timeout_seconds, plan.shape
    fetched = f", downloads {', '.join(plan.prefetch)}" if plan.prefetch else ""
    resumed = ", looks for the checkpoint to continue from" if plan.resume else ""
    yield "Trainer 0", f"checks that it can write to the volume{resumed}{fetched}"
    if plan.prefetch and plan.pod_count > 1:
        yield "All others", "wait for that download before they load"
    if shape.trainer_pods > 1:
        yield "Trainers", f"meet at trainer 0, within {limit} s"
    if shape.group_nodes > 1:
        yield (
            "Engines",
            f"of one {'expert-parallel ' if not shape.groups else ''}group wait for its pods, at most {limit} s",
        )
    waited = [pods.suffix for pods in plan.pods if pods.role.is_waited_for]
    if shape.has_orchestrator:
        yield ROLES[plan.settings.driver].title, f"waits for trainer 0, then at most {limit} s for {', '.join(waited)}"
    download = ", four times as long with that download" if plan.prefetch else ""
    yield "Startup limit", f"{limit} s for engines, router and trainers{download}"


def _end(plan: RunPlan) -> Iterator[Row]:
    driver = plan.settings.driver
    last = "trainer" if plan.settings.sft is None else driver
    is_alone = plan.settings.sft is not None and not plan.shape.has_orchestrator
    both = "the trainer" if is_alone else f"trainer and {driver}"
    if plan.platform.max_runtime_seconds is not None:
        yield "Runtime limit", f"{plan.platform.max_runtime_seconds} s for every component"
    if plan.platform.workload == "jobset":
        yield (
            "End",
            f"the JobSet ends with {both}, or with the first pod that fails, and ends all pods",
        )
    elif plan.shape.has_orchestrator:
        drain = plan.platform.drain_seconds
        yield (
            "End",
            f"servers end {drain} s after the {last}; all pods end when trainer or {driver} fails or is gone",
        )


def _removal(plan: RunPlan) -> Iterator[Row]:
    kinds = [plan.platform.workload, *_LEFT]
    if plan.platform.monitoring == "podmonitor":
        kinds.append("podmonitor")
    if (groups := pod_group_resource(plan)) is not None:
        kinds.append(groups)
    chosen = f"-n {plan.names.namespace} -l app.kubernetes.io/instance={plan.names.base}"
    yield "To remove it", f"kubectl delete {','.join(kinds)} {chosen}"
    if plan.claim is None:
        yield "With its volume", f"kubectl delete pvc {chosen}"
