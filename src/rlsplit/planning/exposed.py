"""Secrets that a run does not keep in its Secret, since they stand in a config outside ``env_vars``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlsplit.findings import Finding, KeyPath
from rlsplit.plain_data import is_list, is_table
from rlsplit.planning.model import RunPlan
from rlsplit.secrets import holds_secret


def exposed_secrets(plan: RunPlan) -> Iterator[Finding]:
    """Note what looks like a secret in the config of a component; environments stand in the orchestrator's, too."""
    for pods in plan.pods:
        if pods.config is not None and pods.env_server is None:
            for path in _secrets(pods.config.sparse, ()):
                yield Finding(
                    code="plan.secret-in-config",
                    severity="notice",
                    path=(pods.component, *path),
                    message=f"looks like a secret and stands in the startup script of the {pods.component} pods",
                    hint="where its reader can take a variable, write it into env_vars, which move to the Secret",
                )


def _secrets(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if value in (None, "", [], {}):
        return
    if holds_secret(path[-2:], "" if is_list(value) or is_table(value) else value):
        yield path
    elif is_table(value):
        for key, item in value.items():
            yield from _secrets(item, (*path, key))
    elif is_list(value):
        for index, item in enumerate(value):
            yield from _secrets(item, (*path, index))
