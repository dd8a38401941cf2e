"""What renderer variants refuse (R-rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.general_renderers import DefaultRendererConfig, RendererConfig
from rlsplit.config.sections.renderers import InklingRendererConfig
from rlsplit.findings import shown

RETENTION_KNOBS: Final = {
    "qwen3.6": ("preserve_thinking", "tool_cycle", "all"),
    "qwen3.8": ("preserve_thinking", "tool_cycle", "all"),
    "gemma4": ("preserve_thinking", "tool_cycle", "all"),
    "glm-5": ("clear_thinking", "all", "tool_cycle"),
    "glm-5.1": ("clear_thinking", "all", "tool_cycle"),
    "glm-5.3": ("clear_thinking", "all", "tool_cycle"),
    "gpt-oss": ("auto_drop_analysis", "all", "tool_cycle"),
    "nemotron-3": ("truncate_history_thinking", "all", "tool_cycle"),
    "nemotron-3-ultra": ("truncate_history_thinking", "all", "tool_cycle"),
    "nemotron-3.5": ("truncate_history_thinking", "all", "tool_cycle"),
    "deepseek-v4": ("drop_thinking", "all", "tool_cycle"),
    "hy3": ("preserved_thinking", "tool_cycle", "all"),
}
"""Variant to its own knob, and the `thinking_retention` that false and true stand for (R-01)."""

LEGACY_FLAGS: Final = ("preserve_all_thinking", "preserve_thinking_between_tool_calls")
EFFORT_LABELS: Final = ("none", "minimal", "low", "medium", "high", "max")
MAX_EFFORT: Final = 0.99


def retention_agrees_with_knob(renderer: RendererConfig) -> Iterator[Refusal]:
    """A thinking knob that is set agrees with `thinking_retention`."""
    row = RETENTION_KNOBS.get(getattr(renderer, "name", ""))
    if row is None or renderer.thinking_retention is None:
        return
    knob, when_false, when_true = row
    value = getattr(renderer, knob)
    if knob not in renderer.model_fields_set or value is None:
        return
    meant = when_false if value is False else when_true
    if meant != renderer.thinking_retention:
        message = f'is {shown(renderer.thinking_retention)}, but {knob} = {shown(value)} stands for "{meant}"'
        yield Refusal(("thinking_retention",), message, f"remove {knob}", ((knob,),))


def no_legacy_flags(renderer: DefaultRendererConfig) -> Iterator[Refusal]:
    """The default renderer takes `thinking_retention`, not its older flags."""
    for flag in LEGACY_FLAGS:
        if flag in (renderer.model_extra or {}):
            yield Refusal((flag,), "is an older name", 'write thinking_retention = "all" or "tool_cycle"')


def effort_is_known(renderer: InklingRendererConfig) -> Iterator[Refusal]:
    """Inkling's reasoning effort is a label or a number from 0 to 0.99."""
    effort = renderer.reasoning_effort
    if isinstance(effort, str):
        known = effort.strip() in EFFORT_LABELS
    else:
        known = 0.0 <= effort <= MAX_EFFORT
    if not known:
        hint = f"use one of {', '.join(EFFORT_LABELS)}, or a number from 0.0 to {MAX_EFFORT}"
        yield Refusal(("reasoning_effort",), f"{shown(effort)} is not an effort", hint)


RENDERER_CHECKS: Final = (Check("R-01", retention_agrees_with_knob),)
DEFAULT_RENDERER_CHECKS: Final = (Check("R-02", no_legacy_flags),)
INKLING_CHECKS: Final = (Check("R-03", effort_is_known),)
