"""Environment variables that only the launcher sets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rlsplit.config.tables.protected_variables import PROTECTED_ENV_VARS

PROTECTED_ENV: Final = frozenset({"JOB_COMPLETION_INDEX"})
"""Names that only the launcher sets, besides prime-rl's protected ones: the index that the Job controller adds."""
PROTECTED_ENV_PREFIXES: Final = ("WANDB_SHARED_", "RLSPLIT_")


def is_protected_env(name: str, protected: Collection[str] = PROTECTED_ENV_VARS) -> bool:
    """Whether a variable is set by the launcher alone; ``protected`` are those of prime-rl's release."""
    return name in protected or name in PROTECTED_ENV or name.startswith(PROTECTED_ENV_PREFIXES)
