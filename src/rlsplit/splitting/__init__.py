"""Split: one compiled run configuration into the component configs, exactly as prime-rl's own splitter does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rlsplit.splitting.dump import INFERENCE_LEFT_OUT
from rlsplit.splitting.model import BROADCASTS, Component, EnvServer, JsonObject, Launch, Split

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

__all__ = [
    "BROADCASTS",
    "CONTRACT_VERSION",
    "INFERENCE_LEFT_OUT",
    "Component",
    "EnvServer",
    "JsonObject",
    "Launch",
    "Split",
    "artifact",
    "split",
]

CONTRACT_VERSION: Final = 4
"""Version of the hosted artifact (H-12)."""


def split(config: AnyConfig) -> Split:
    """Split a compiled configuration, as it came from :func:`rlsplit.parse`.

    In the launcher's way sources are resolved and their env servers are listed; in the hosted way they are restored
    as they were written (H-09 to H-11, SFT-87). Raises TypeError for a configuration that was not compiled.
    """
    if config.kind == "sft":
        from rlsplit.splitting.sft import split_sft

        return split_sft(config)
    from rlsplit.splitting.rl import split_rl

    return split_rl(config)


def artifact(split: Split) -> JsonObject:
    """Return the artifact that is submitted for a hosted run (H-12, SFT-87): components resolved, and the deployment.

    ``split`` is of a configuration that was compiled in the hosted way.
    """
    parts = {"trainer": split.trainer, "orchestrator": split.orchestrator, "inference": split.inference}
    return {
        "contract_version": CONTRACT_VERSION,
        "mode": split.config.kind,
        "schema_commit": split.release.commit,
        "deployment": split.deployment,
        "components": {name: part.resolved for name, part in parts.items() if part is not None},
    }
