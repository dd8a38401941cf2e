"""Bind a plan to the secrets that a run has: keep what needs a given secret, drop what needs a missing one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from rlsplit.planning.model import Config, EnvVar, Overlay, Pods, RunPlan
from rlsplit.planning.overlays import applied
from rlsplit.secrets import SecretName


def bound(plan: RunPlan, secrets: Collection[SecretName]) -> RunPlan:
    """Give the plan of a run with exactly these secrets. A plan that is already bound must agree."""
    if plan.secrets is not None:
        if plan.secrets != frozenset(secrets):
            raise ValueError("the plan was made for other secrets than the ones given now")
        return plan
    late = [overlay for overlay in plan.overlays if overlay.needs in secrets]
    return replace(
        plan,
        secrets=frozenset(secrets),
        pods=tuple(_bound_pods(pods, late, secrets) for pods in plan.pods),
        overlays=tuple(o for o in plan.overlays if o.needs is None or o.needs in secrets),
        outside=tuple(call for call in plan.outside if call.needs is None or call.needs in secrets),
        peers=tuple(peer for peer in plan.peers if peer.needs is None or peer.needs in secrets),
    )


def _bound_pods(pods: Pods, late: Sequence[Overlay], secrets: Collection[SecretName]) -> Pods:
    return replace(
        pods,
        sidecars=tuple(_bound_pods(sidecar, late, secrets) for sidecar in pods.sidecars),
        env=_bound_env(pods.env, secrets),
        secret_env=tuple(var for var in pods.secret_env if var.needs is None or var.needs in secrets),
        config=_bound_config(pods, late),
    )


def _bound_env(env: tuple[EnvVar, ...], secrets: Collection[SecretName]) -> tuple[EnvVar, ...]:
    if all(var.needs is None for var in env):
        return env
    variables = {var.name: var for var in env if var.needs is None}
    variables |= {var.name: replace(var, needs=None) for var in env if var.needs is not None and var.needs in secrets}
    return tuple(variables[name] for name in sorted(variables))


def _bound_config(pods: Pods, late: Sequence[Overlay]) -> Config | None:
    own = [overlay for overlay in late if overlay.config == pods.config_id]
    if pods.config is None or not own:
        return pods.config
    return replace(pods.config, sparse=applied(pods.config.sparse, own), resolved=applied(pods.config.resolved, own))
