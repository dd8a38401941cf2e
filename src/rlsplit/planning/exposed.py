"""Secrets that a run does not keep in its Secret, since they stand in a config outside ``env_vars``."""

from __future__ import annotations

from collections.abc import Iterator

from rlsplit.findings import Finding
from rlsplit.planning.model import RunPlan
from rlsplit.secrets import secret_paths


def exposed_secrets(plan: RunPlan) -> Iterator[Finding]:
    """Note what looks like a secret in the config of a component; environments stand in the orchestrator's, too."""
    for pods in plan.containers:
        if pods.config is not None and pods.env_server is None:
            for path in secret_paths(pods.config.sparse):
                yield Finding(
                    code="plan.secret-in-config",
                    severity="notice",
                    path=plan.settings.root_key(pods.component, path),
                    message=f"looks like a secret and stands in the startup script of the {pods.component} pods",
                    hint="where its reader can take a variable, write it into env_vars, which move to the Secret",
                )
