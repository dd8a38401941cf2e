"""Environment variables that only the launcher sets."""

from __future__ import annotations

from typing import Final

from rlsplit.config.tables.protected_variables import PROTECTED_ENV_VARS

PROTECTED_ENV: Final = PROTECTED_ENV_VARS | {"JOB_COMPLETION_INDEX"}
"""Names that only the launcher sets: prime-rl's protected ones, and the index the Job controller adds."""
PROTECTED_ENV_PREFIXES: Final = ("WANDB_SHARED_", "RLSPLIT_")


def is_protected_env(name: str) -> bool:
    """Whether a variable is set by the launcher alone."""
    return name in PROTECTED_ENV or name.startswith(PROTECTED_ENV_PREFIXES)
