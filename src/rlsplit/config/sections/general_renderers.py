"""What every renderer has, and the renderers that are made for no model in particular."""

from typing import ClassVar, Literal

from rlsplit.config.sections.base import Section


class RendererConfig(Section):
    """What every renderer has."""

    thinking_retention: Literal["tool_cycle", "all"] | None = None
    """Which earlier thinking stays in the prompt: the current tool cycle only (tool_cycle) or all of it; null keeps
    the chosen renderer's own rule."""


class AutoRendererConfig(RendererConfig):
    """Chooses the renderer by tokenizer name, or by model name if that is empty."""

    name: Literal["auto"] = "auto"
    """Selects automatic choice of the renderer by model."""


class DefaultRendererConfig(RendererConfig):
    """Renders with the tokenizer's own chat template; unknown keys are passed to the template."""

    keeps_unknown: ClassVar[bool] = True

    name: Literal["default"] = "default"
    """Selects rendering with the tokenizer's own chat template."""
    tool_parser: str | None = None
    """Parser that extracts tool calls from responses; null uses none."""
    reasoning_parser: str | None = None
    """Parser that separates thinking from the answer; null uses none."""


class CustomRendererConfig(RendererConfig):
    """Renderer of your own; further keys are passed to its configuration class."""

    keeps_unknown: ClassVar[bool] = True

    name: Literal["custom"] = "custom"
    """Selects a renderer of your own."""
    import_path: str
    """Import path of the renderer, which must be importable where the run starts."""
