"""Which tool-call and reasoning parser vLLM uses for a model (I-20)."""

from __future__ import annotations

import re
from typing import Final

ParserTable = tuple[tuple[re.Pattern[str], str], ...]


def parser_table(*rows: tuple[str, str]) -> ParserTable:
    """Make a table of patterns and parsers."""
    return tuple((re.compile(pattern), parser) for pattern, parser in rows)


TOOL_CALL_PARSERS: Final = parser_table(
    (r"arcee-ai/Trinity-Large-Thinking", "qwen3_coder"),
    (r"arcee-ai/Trinity-", "hermes"),
    (r"deepseek-ai/DeepSeek-V3\.2", "deepseek_v32"),
    (r"deepseek-ai/DeepSeek-V3\.1", "deepseek_v31"),
    (r"zai-org/GLM-4\.5", "glm45"),
    (r"zai-org/GLM-4\.7", "glm47"),
    (r"zai-org/GLM-5", "glm47"),
    (r"MiniMaxAI/MiniMax-M2", "minimax_m2"),
    (r"openai/gpt-oss", "openai"),
    (r"poolside/Laguna", "poolside_v1"),
    (r"PrimeIntellect/INTELLECT-3", "qwen3_coder"),
    (r"nvidia/NVIDIA-Nemotron-3", "qwen3_coder"),
    (r"stepfun-ai/Step-3\.5", "step3p5"),
    (r"Qwen/Qwen3\.(5|6|8)-", "qwen3_coder"),
    (r"Qwen/Qwen3-Coder", "qwen3_coder"),
    (r"Qwen/Qwen3-", "hermes"),
)
"""Tried top to bottom at the start of the model id; the first match wins."""

REASONING_PARSERS: Final = parser_table(
    (r"arcee-ai/Trinity-(Large-Thinking|Mini|Nano)", "deepseek_r1"),
    (r"deepseek-ai/DeepSeek-V3\.[12]", "deepseek_r1"),
    (r"zai-org/GLM-", "glm45"),
    (r"MiniMaxAI/MiniMax-M2", "minimax_m2_append_think"),
    (r"poolside/Laguna", "poolside_v1"),
    (r"PrimeIntellect/INTELLECT-3", "deepseek_r1"),
    (r"nvidia/NVIDIA-Nemotron-3-Super", "nemotron_v3"),
    (r"nvidia/NVIDIA-Nemotron-3-Nano", "nano_v3"),
    (r"nvidia/NVIDIA-Nemotron-3\.5", "nano_v3"),
    (r"stepfun-ai/Step-3\.5", "step3p5"),
    (r"Qwen/Qwen3-.*Thinking", "deepseek_r1"),
    (r"Qwen/Qwen3\.(5|6|8)-", "qwen3"),
)
"""Read like :data:`TOOL_CALL_PARSERS`."""


def parser_for(model: str, table: ParserTable) -> str | None:
    """Return the parser of the first row that matches the start of a model id, or None."""
    return next((parser for pattern, parser in table if pattern.match(model)), None)
