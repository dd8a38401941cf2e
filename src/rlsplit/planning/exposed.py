"""Secrets that a run does not keep in its Secret, since they stand in a config outside ``env_vars``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from rlsplit.findings import Finding, KeyPath
from rlsplit.planning.model import Pods, RunPlan
from rlsplit.secrets import secret_paths

MOST_EXPOSED: Final = 100
"""So many secrets of one config are told one by one."""


def exposed_secrets(plan: RunPlan) -> Iterator[Finding]:
    """Note what looks like a secret in the config of a component; environments stand in the orchestrator's, too."""
    for pods in plan.containers:
        if pods.config is not None and pods.env_server is None:
            found = secret_paths(pods.config.sparse)
            for path in islice(found, MOST_EXPOSED):
                yield _exposed(plan, pods, path, f"looks like a secret and stands in the startup script {_of(pods)}")
            if more := sum(1 for _ in found):
                yield _exposed(
                    plan, pods, (), f"{more} more values look like secrets and stand in the startup script {_of(pods)}"
                )


def _of(pods: Pods) -> str:
    return f"of the {pods.component} pods"


def _exposed(plan: RunPlan, pods: Pods, path: KeyPath, message: str) -> Finding:
    return Finding(
        code="plan.secret-in-config",
        severity="notice",
        path=plan.settings.root_key(pods.split_id.component, path),
        message=message,
        hint="where its reader can take a variable, write it into env_vars, which move to the Secret",
    )
