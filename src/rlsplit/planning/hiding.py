"""A plan as it may be shown: what looks like a secret is hidden.

The values of :class:`Secrets` are redacted by the manifests themselves, and most variables with such names are in the
Secret anyway. What is left stands in configs: headers of a client, arguments of an environment.
"""

from __future__ import annotations

from dataclasses import replace

from rlsplit.planning.model import EnvVar, Pods, RunPlan
from rlsplit.secrets import HIDDEN, hidden, is_secret_variable


def with_hidden(plan: RunPlan) -> RunPlan:
    """Give the plan as it may be shown."""
    return replace(plan, pods=tuple(_pods(pods) for pods in plan.pods))


def _pods(pods: Pods) -> Pods:
    config = pods.config
    return replace(
        pods,
        sidecars=tuple(_pods(sidecar) for sidecar in pods.sidecars),
        env=tuple(_variable(variable) for variable in pods.env),
        config=config and replace(config, sparse=hidden(config.sparse), resolved=hidden(config.resolved)),
    )


def _variable(variable: EnvVar) -> EnvVar:
    return replace(variable, value=HIDDEN) if is_secret_variable(variable.name, variable.value) else variable
