"""Tables of v0.7.0: parsers and renderers."""

from __future__ import annotations

from typing import Final

from rlsplit.config.tables.parsers import ParserTable
from rlsplit.releases.v0_7_0.came import RENDERERS
from rlsplit.releases.v0_8_0 import tables as v0_8_0

LATER_PATTERNS: Final = ("arcee-ai/", "openai/gpt-oss", "poolside/")
"""Beginnings of the parser rows that came later."""


def _earlier(table: ParserTable) -> ParserTable:
    return tuple((pattern, parser) for pattern, parser in table if not pattern.pattern.startswith(LATER_PATTERNS))


TOOL_CALL_PARSERS: Final = _earlier(v0_8_0.TOOL_CALL_PARSERS)
REASONING_PARSERS: Final = _earlier(v0_8_0.REASONING_PARSERS)

_LATER: Final = frozenset(str(variant.model_fields["name"].default) for variant in RENDERERS)

MODEL_RENDERER_MAP: Final = {model: name for model, name in v0_8_0.MODEL_RENDERER_MAP.items() if name not in _LATER}
"""Model id to renderer name (O-25)."""
