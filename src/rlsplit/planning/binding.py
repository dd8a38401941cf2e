"""Bind a plan to the secrets that a run has: keep what needs a given secret, drop what needs a missing one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rlsplit.planning.model import Config, EnvVar, Pods, RunPlan
from rlsplit.planning.overlays import applied
from rlsplit.run import SecretName


def bound(plan: RunPlan, secrets: Collection[SecretName]) -> RunPlan:
    """Give the plan of a run with exactly these secrets. A plan that is already bound must agree."""
    if plan.secrets is not None:
        if plan.secrets != frozenset(secrets):
            raise ValueError("the plan was made for other secrets than the ones given now")
        return plan
    return replace(
        plan,
        secrets=frozenset(secrets),
        pods=tuple(_bound_pods(plan, pods, secrets) for pods in plan.pods),
        overlays=tuple(o for o in plan.overlays if o.needs is None or o.needs in secrets),
        peers=tuple(peer for peer in plan.peers if peer.needs is None or peer.needs in secrets),
    )


def _bound_pods(plan: RunPlan, pods: Pods, secrets: Collection[SecretName]) -> Pods:
    variables = {var.name: var for var in pods.env if var.needs is None}
    variables |= {var.name: var for var in pods.env if var.needs is not None and var.needs in secrets}
    return replace(
        pods,
        env=tuple(_settled(variables[name]) for name in sorted(variables)),
        secret_env=tuple(var for var in pods.secret_env if var.needs is None or var.needs in secrets),
        config=_bound_config(plan, pods, secrets),
    )


def _settled(variable: EnvVar) -> EnvVar:
    return variable if variable.needs is None else replace(variable, needs=None)


def _bound_config(plan: RunPlan, pods: Pods, secrets: Collection[SecretName]) -> Config | None:
    late = [o for o in plan.overlays if o.needs in secrets and o.component == pods.suffix]
    if pods.config is None or not late:
        return pods.config
    sparse, resolved = applied(pods.config.sparse, late), applied(pods.config.resolved, late)
    return replace(pods.config, sparse=sparse, resolved=resolved)
