"""Environment variables that belong to the launcher."""

from typing import Final

PROTECTED_ENV_VARS: Final = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "PRL_RUN_ID",
        "PRL_RUN_NAME",
        "WANDB_RUN_ID",
        "WANDB_SHARED_MODE",
        "WANDB_SHARED_LABEL",
        "WANDB_SHARED_PRIMARY",
        "WANDB_SHARED_FINISHER",
    }
)
"""Variables that the launcher sets itself (B-10)."""
