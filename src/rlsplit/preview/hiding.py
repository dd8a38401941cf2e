"""Hide what looks like a secret in configs and variables, before anything is rendered for people to see.

The values of :class:`Secrets` are redacted by the manifests themselves, and most variables with such names are in the
Secret anyway. What is left stands in configs: headers of a client, variables of an environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_list, is_table
from rlsplit.planning import RunPlan
from rlsplit.planning.model import EnvVar, Pods
from rlsplit.secrets import is_secret, is_secret_variable

HIDDEN: Final = "(not shown)"


def hidden(value: Any, hide: Callable[[Any], Any] = lambda _: HIDDEN, path: KeyPath = ()) -> Any:
    """Copy plain data with every value hidden whose key looks like a secret's."""
    if value is not None and is_secret(path):
        return hide(value)
    if is_table(value):
        return {key: hidden(item, hide, (*path, key)) for key, item in value.items()}
    if is_list(value):
        return [hidden(item, hide, (*path, index)) for index, item in enumerate(value)]
    return value


def with_hidden(plan: RunPlan) -> RunPlan:
    """Give the plan as it may be shown."""
    return replace(plan, pods=tuple(_pods(pods) for pods in plan.pods))


def _pods(pods: Pods) -> Pods:
    config = pods.config
    return replace(
        pods,
        env=tuple(_variable(variable) for variable in pods.env),
        config=config and replace(config, sparse=hidden(config.sparse), resolved=hidden(config.resolved)),
    )


def _variable(variable: EnvVar) -> EnvVar:
    return replace(variable, value=HIDDEN) if is_secret_variable(variable.name) else variable
