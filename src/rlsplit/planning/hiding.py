"""A plan as it may be shown: what looks like a secret is hidden.

The values of :class:`Secrets` are redacted by the manifests themselves, and most variables with such names are in the
Secret anyway. What is left stands in configs: headers of a client, arguments of an environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from rlsplit.planning.model import EnvVar, Pods, RunPlan
from rlsplit.secret_names import is_secret_name
from rlsplit.secrets import HIDDEN, hidden, is_secret_value


def with_hidden(plan: RunPlan) -> RunPlan:
    """Give the plan as it may be shown."""
    looks_secret = cache(is_secret_value)  # most texts stand in many pods; what is remembered goes with this call
    return replace(plan, pods=tuple(_pods(pods, looks_secret) for pods in plan.pods))


def _pods(pods: Pods, looks_secret: Callable[[str], bool]) -> Pods:
    hide = partial(hidden, looks_secret=looks_secret)
    config = pods.config
    return replace(
        pods,
        sidecars=tuple(_pods(sidecar, looks_secret) for sidecar in pods.sidecars),
        env=tuple(_variable(variable, looks_secret) for variable in pods.env),
        config=config and replace(config, sparse=hide(config.sparse), resolved=hide(config.resolved)),
    )


def _variable(variable: EnvVar, looks_secret: Callable[[str], bool]) -> EnvVar:
    is_secret = is_secret_name(variable.name) or looks_secret(variable.value)
    return replace(variable, value=HIDDEN) if is_secret else variable
