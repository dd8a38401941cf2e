"""``orchestrator.renderer``: how messages become tokens, one variant per chat format."""

from typing import Annotated, Literal

from pydantic import Field

from rlsplit.config.sections.general_renderers import (
    AutoRendererConfig,
    CustomRendererConfig,
    DefaultRendererConfig,
    RendererConfig,
)


class Qwen3RendererConfig(RendererConfig):
    """Renderer of the Qwen3 models."""

    name: Literal["qwen3"] = "qwen3"
    """Selects the qwen3 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""


class PrimeQwen3RendererConfig(RendererConfig):
    """Renderer of the Prime Intellect variants of Qwen3."""

    name: Literal["prime-qwen3"] = "prime-qwen3"
    """Selects the prime-qwen3 renderer."""


class Qwen35RendererConfig(RendererConfig):
    """Renderer of the Qwen3.5 models."""

    name: Literal["qwen3.5"] = "qwen3.5"
    """Selects the qwen3.5 renderer."""
    enable_thinking: bool | None = None
    """Lets the model think before it answers; null keeps the default of the model family."""
    add_vision_id: bool = False
    """Numbers the images and videos in the prompt so that the text can refer to them."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class Qwen36RendererConfig(RendererConfig):
    """Renderer of the Qwen3.6 models."""

    name: Literal["qwen3.6"] = "qwen3.6"
    """Selects the qwen3.6 renderer."""
    enable_thinking: bool | None = None
    """Lets the model think before it answers; null keeps the default of the model family."""
    add_vision_id: bool = False
    """Numbers the images and videos in the prompt so that the text can refer to them."""
    preserve_thinking: bool = False
    """Keeps the thinking of earlier turns; when written together with `thinking_retention`, true fits `all` and
    false fits `tool_cycle`."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class Qwen38RendererConfig(RendererConfig):
    """Renderer of the Qwen3.8 models."""

    name: Literal["qwen3.8"] = "qwen3.8"
    """Selects the qwen3.8 renderer."""
    enable_thinking: bool | None = None
    """Lets the model think before it answers; null keeps the default of the model family."""
    add_vision_id: bool = False
    """Numbers the images and videos in the prompt so that the text can refer to them."""
    preserve_thinking: bool = True
    """Keeps the thinking of earlier turns; when written together with `thinking_retention`, true fits `all` and
    false fits `tool_cycle`."""
    reasoning_effort: Literal["xhigh", "medium", "low"] = "xhigh"
    """How much the model is asked to think before answering."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class Qwen3VLRendererConfig(RendererConfig):
    """Renderer of the Qwen3-VL vision-language models."""

    name: Literal["qwen3-vl"] = "qwen3-vl"
    """Selects the qwen3-vl renderer."""
    add_vision_id: bool = False
    """Numbers the images and videos in the prompt so that the text can refer to them."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class Gemma4RendererConfig(RendererConfig):
    """Renderer of the Gemma 4 models."""

    name: Literal["gemma4"] = "gemma4"
    """Selects the gemma4 renderer."""
    enable_thinking: bool = False
    """Lets the model think before it answers; off by default."""
    preserve_thinking: bool = False
    """Keeps the thinking of earlier turns; when written together with `thinking_retention`, true fits `all` and
    false fits `tool_cycle`."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class GLM5RendererConfig(RendererConfig):
    """Renderer of the GLM-5 and GLM-4.7 Flash models."""

    name: Literal["glm-5"] = "glm-5"
    """Selects the glm-5 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    clear_thinking: bool = True
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`
    and false fits `all`."""


class GLM51RendererConfig(RendererConfig):
    """Renderer of the GLM-5.1 models."""

    name: Literal["glm-5.1"] = "glm-5.1"
    """Selects the glm-5.1 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    clear_thinking: bool = True
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`
    and false fits `all`."""


class GLM53RendererConfig(RendererConfig):
    """Renderer of the GLM-5.3 models."""

    name: Literal["glm-5.3"] = "glm-5.3"
    """Selects the glm-5.3 renderer."""
    clear_thinking: bool = False
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`
    and false fits `all`."""
    reasoning_effort: Literal["low", "high", "max"] = "max"
    """How much the model is asked to think before answering."""


class GLM45RendererConfig(RendererConfig):
    """Renderer of the GLM-4.5 models."""

    name: Literal["glm-4.5"] = "glm-4.5"
    """Selects the glm-4.5 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""


class GptOssRendererConfig(RendererConfig):
    """Renderer of the gpt-oss models."""

    name: Literal["gpt-oss"] = "gpt-oss"
    """Selects the gpt-oss renderer."""
    reasoning_effort: Literal["low", "medium", "high"] = "medium"
    """How much the model is asked to think before answering."""
    conversation_start_date: str | None = None
    """Date written into the system message as the current one; null uses the renderer's default."""
    use_system_prompt: bool = True
    """Writes the standard system message of gpt-oss before the conversation."""
    knowledge_cutoff: str | None = None
    """Knowledge cutoff date written into the system message; null uses the renderer's default."""
    model_identity: str | None = None
    """Identity sentence in the system message; null uses the renderer's default."""
    auto_drop_analysis: bool = True
    """Drops the thinking (analysis channel) of earlier turns; must be false with retention `all`."""


class Hy3RendererConfig(RendererConfig):
    """Renderer of the Hunyuan Hy3 models."""

    name: Literal["hy3"] = "hy3"
    """Selects the hy3 renderer."""
    reasoning_effort: Literal["no_think", "low", "high"] = "no_think"
    """How much the model is asked to think before answering."""
    preserved_thinking: bool | None = None
    """Keeps the thinking of earlier turns; null leaves it to the renderer, and true fits only retention `all`."""
    is_training: bool = False
    """Renders conversations the way the model saw them in training."""
    raw_last_assistant: bool = False
    """Writes the last assistant message as given, without the template's formatting."""
    fallback_strategy: Literal["reasoning_toolcall_retry"] | None = None
    """What to do when a response cannot be parsed; null does nothing special."""


class InklingRendererConfig(RendererConfig):
    """Renderer of the Inkling models."""

    name: Literal["inkling"] = "inkling"
    """Selects the inkling renderer."""
    reasoning_effort: str | float = 0.9
    """How much the model should think: none, minimal, low, medium, high, max, or a number from 0.0 to 0.99."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""
    audio_cache_max: int = 256
    """Most processed audio inputs kept in memory for reuse."""


class KimiK2RendererConfig(RendererConfig):
    """Renderer of the Kimi K2 models."""

    name: Literal["kimi-k2"] = "kimi-k2"
    """Selects the kimi-k2 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""


class KimiK25RendererConfig(RendererConfig):
    """Renderer of the Kimi K2.5 and K2.6 models."""

    name: Literal["kimi-k2.5"] = "kimi-k2.5"
    """Selects the kimi-k2.5 renderer."""
    thinking: bool = True
    """Lets the model think before it answers."""
    image_cache_max: int = 256
    """Most processed images kept in memory for reuse."""


class LagunaXS2RendererConfig(RendererConfig):
    """Renderer of the Laguna XS.2 model."""

    name: Literal["laguna-xs.2"] = "laguna-xs.2"
    """Selects the laguna-xs.2 renderer."""
    enable_thinking: bool = False
    """Lets the model think before it answers; off by default."""
    render_assistant_messages_raw: bool = False
    """Writes assistant messages as given, without the template's formatting."""


class LagunaM1RendererConfig(RendererConfig):
    """Renderer of the Laguna M.1 model."""

    name: Literal["laguna-m.1"] = "laguna-m.1"
    """Selects the laguna-m.1 renderer."""
    enable_thinking: bool = False
    """Lets the model think before it answers; off by default."""
    render_assistant_messages_raw: bool = False
    """Writes assistant messages as given, without the template's formatting."""


class LagunaXS21RendererConfig(RendererConfig):
    """Renderer of the Laguna XS 2.1 model."""

    name: Literal["laguna-xs-2.1"] = "laguna-xs-2.1"
    """Selects the laguna-xs-2.1 renderer."""
    enable_thinking: bool = False
    """Lets the model think before it answers; off by default."""


class LagunaS21RendererConfig(RendererConfig):
    """Renderer of the Laguna S 2.1 model."""

    name: Literal["laguna-s-2.1"] = "laguna-s-2.1"
    """Selects the laguna-s-2.1 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    preserve_thinking: bool = False
    """Keeps the thinking of earlier turns in the rendered conversation."""


class Llama3RendererConfig(RendererConfig):
    """Renderer of the Llama 3 models."""

    name: Literal["llama-3"] = "llama-3"
    """Selects the llama-3 renderer."""
    date_string: str = "26 Jul 2024"
    """Date written into the system message as the current one."""
    tools_in_user_message: bool = True
    """Lists the tools in the first user message instead of the system message."""


class MiniMaxM2RendererConfig(RendererConfig):
    """Renderer of the MiniMax M2 models."""

    name: Literal["minimax-m2"] = "minimax-m2"
    """Selects the minimax-m2 renderer."""
    model_identity: str = "You are a helpful assistant. Your name is MiniMax-M2.5 and is built by MiniMax."
    """Identity sentence in the system message."""


class Nemotron3RendererConfig(RendererConfig):
    """Renderer of the Nemotron 3 Nano and Super models."""

    name: Literal["nemotron-3"] = "nemotron-3"
    """Selects the nemotron-3 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    truncate_history_thinking: bool = True
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`,
    false `all`."""
    low_effort: bool = False
    """Asks the model to think less than usual."""


class Nemotron3UltraRendererConfig(RendererConfig):
    """Renderer of the Nemotron 3 Ultra models."""

    name: Literal["nemotron-3-ultra"] = "nemotron-3-ultra"
    """Selects the nemotron-3-ultra renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    truncate_history_thinking: bool = True
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`,
    false `all`."""
    medium_effort: bool = False
    """Asks the model for medium instead of full thinking."""


class Nemotron35RendererConfig(RendererConfig):
    """Renderer of the Nemotron 3.5 models."""

    name: Literal["nemotron-3.5"] = "nemotron-3.5"
    """Selects the nemotron-3.5 renderer."""
    enable_thinking: bool = True
    """Lets the model think before it answers."""
    truncate_history_thinking: bool = True
    """Drops the thinking of earlier turns; when written together with `thinking_retention`, true fits `tool_cycle`,
    false `all`."""


class DeepSeekV3RendererConfig(RendererConfig):
    """Renderer of the DeepSeek V3 models."""

    name: Literal["deepseek-v3"] = "deepseek-v3"
    """Selects the deepseek-v3 renderer."""


class DeepSeekR1RendererConfig(RendererConfig):
    """Renderer of the DeepSeek R1 models."""

    name: Literal["deepseek-r1"] = "deepseek-r1"
    """Selects the deepseek-r1 renderer."""


class DeepSeekV4RendererConfig(RendererConfig):
    """Renderer of the DeepSeek V4 models."""

    name: Literal["deepseek-v4"] = "deepseek-v4"
    """Selects the deepseek-v4 renderer."""
    enable_thinking: bool = False
    """Lets the model think before it answers; off by default."""
    drop_thinking: bool = True
    """Drops the thinking of earlier turns; must agree with `thinking_retention` when both are written."""
    reasoning_effort: Literal["low", "high", "max"] = "low"
    """How much the model is asked to think before answering."""


Renderer = Annotated[
    AutoRendererConfig
    | DefaultRendererConfig
    | Qwen3RendererConfig
    | PrimeQwen3RendererConfig
    | Qwen35RendererConfig
    | Qwen36RendererConfig
    | Qwen38RendererConfig
    | Qwen3VLRendererConfig
    | Gemma4RendererConfig
    | GLM5RendererConfig
    | GLM51RendererConfig
    | GLM53RendererConfig
    | GLM45RendererConfig
    | GptOssRendererConfig
    | Hy3RendererConfig
    | InklingRendererConfig
    | KimiK2RendererConfig
    | KimiK25RendererConfig
    | LagunaXS2RendererConfig
    | LagunaM1RendererConfig
    | LagunaXS21RendererConfig
    | LagunaS21RendererConfig
    | Llama3RendererConfig
    | MiniMaxM2RendererConfig
    | Nemotron3RendererConfig
    | Nemotron3UltraRendererConfig
    | Nemotron35RendererConfig
    | DeepSeekV3RendererConfig
    | DeepSeekR1RendererConfig
    | DeepSeekV4RendererConfig
    | CustomRendererConfig,
    Field(discriminator="name"),
]
"""How messages become tokens."""
