"""The run's Secret: the one object that holds secret values."""

from __future__ import annotations

import base64
from typing import Any, Final

from rlsplit.manifests.metadata import metadata
from rlsplit.planning.model import RunPlan
from rlsplit.secrets import RUN_SECRETS, Secrets

REDACTED: Final = "redacted"
"""Stands for every value in a preview; the same for all, so that no length shows."""


def secret(plan: RunPlan, secrets: Secrets, *, redact: bool) -> dict[str, Any] | None:
    """The Secret of a run, None if it has no values.

    ``data``, not ``stringData``: that is write-only, so server-side apply could not remove a key.
    """
    given = {RUN_SECRETS[name].key: value.reveal() for name, value in secrets.items()}
    if redact:
        given = {known.key: REDACTED for name, known in RUN_SECRETS.items() if name in (plan.secrets or ())}
    moved = {key: REDACTED if redact else value.reveal() for key, value in plan.secret_env_values.items()}
    values = {**given, **moved}
    if not values:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(plan, plan.names.secret),
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode("ascii") for key, value in values.items()},
    }
