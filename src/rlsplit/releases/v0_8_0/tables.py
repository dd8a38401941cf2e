"""Tables of v0.8.0: parsers, renderers, and the environment variables that belong to the launcher."""

from __future__ import annotations

from typing import Final

from rlsplit.config.tables import parsers
from rlsplit.config.tables.parsers import parser_table
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP as NEWEST_RENDERERS
from rlsplit.releases.v0_8_0.came import RENDERERS

PROTECTED_ENV_VARS: Final = frozenset(
    {"CUDA_VISIBLE_DEVICES", "WANDB_SHARED_MODE", "WANDB_SHARED_RUN_ID", "WANDB_SHARED_LABEL"}
)
"""Variables that the launcher sets itself (B-10)."""

_QWEN: Final = r"Qwen/Qwen3\.(5|6|8)-"
_NEMOTRON: Final = r"nvidia/NVIDIA-Nemotron-3\.5"

TOOL_CALL_PARSERS: Final = parser_table(
    *((r"Qwen/Qwen3\.5-" if row.pattern == _QWEN else row.pattern, parser) for row, parser in parsers.TOOL_CALL_PARSERS)
)

REASONING_PARSERS: Final = parser_table(
    *(
        (r"Qwen/Qwen3\.5-" if row.pattern == _QWEN else row.pattern, parser)
        for row, parser in parsers.REASONING_PARSERS
        if row.pattern != _NEMOTRON
    )
)

_LATER: Final = frozenset(str(variant.model_fields["name"].default) for variant in RENDERERS)

MODEL_RENDERER_MAP: Final = {model: name for model, name in NEWEST_RENDERERS.items() if name not in _LATER}
"""Model id to renderer name (O-25)."""
