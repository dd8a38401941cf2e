"""``inference.vllm``: arguments of the engine."""

import json
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from rlsplit.config.sections.base import Section
from rlsplit.config.tables.parsers import REASONING_PARSERS, TOOL_CALL_PARSERS, ParserTable

LORA_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""The adapter ranks that vLLM has kernels for (I-22)."""


def _json_or_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class VllmConfig(Section):
    """Arguments of the vLLM engines; keys not listed here are passed to vLLM as they are."""

    keeps_unknown: ClassVar[bool] = True
    tool_call_parsers: ClassVar[ParserTable] = TOOL_CALL_PARSERS
    """What `auto` looks `tool_call_parser` up in (I-20)."""
    reasoning_parsers: ClassVar[ParserTable] = REASONING_PARSERS
    """What `auto` looks `reasoning_parser` up in (I-20)."""

    model: str = "Qwen/Qwen3-0.6B"
    """Hugging Face id or local path of the served model; must equal the orchestrator's model name."""
    dtype: Literal["auto", "float16", "bfloat16", "float32"] = "auto"
    """Number format of weights and activations; auto follows the model's files."""
    max_model_len: int | None = None
    """Longest context of prompt and response together in tokens; null takes the model's own limit."""
    enforce_eager: bool = False
    """Switches CUDA graphs and compilation off: faster start, slower generation."""
    trust_remote_code: bool = False
    """Allows running Python code shipped with the model."""
    chat_template: str | None = None
    """Chat template to use instead of the model's own, as Jinja text or a file path; null keeps the model's own."""
    tool_call_parser: str | None = "auto"
    """Parser that extracts tool calls from responses; auto looks the model up, null uses none."""
    reasoning_parser: str | None = "auto"
    """Parser that separates thinking from the answer; auto looks the model up, null uses none."""
    rope_scaling: dict[str, Any] | str | None = None
    """Scaling of rotary position embeddings for longer contexts, as a table or JSON text; null keeps the model's
    own."""
    tensor_parallel_size: int = 1
    """GPUs that share one engine by splitting each layer."""
    data_parallel_size: int = Field(default=1, ge=1)
    """Number of engines that share the work; set from the GPU layout where possible."""
    data_parallel_size_local: int | None = Field(default=None, ge=1)
    """Number of engines on each machine; null derives it from the layout."""
    data_parallel_rpc_port: int = Field(default=13345, ge=1, le=65535)
    """Port on which data-parallel engines coordinate."""
    api_server_count: int = Field(default=1, ge=0)
    """HTTP server processes; 0 runs engines without one, and it is raised to the engine count when unset."""
    seed: int = 0
    """Seed of the engines' random numbers."""
    gpu_memory_utilization: float = 0.9
    """Fraction of each GPU's memory that vLLM may use."""
    enable_prefix_caching: bool | None = None
    """Reuses cached keys and values of common prompt beginnings; null lets vLLM decide."""
    quantization: str | None = None
    """Quantization method of the served weights; null follows the model's files."""
    enable_lora: bool = False
    """Serves low-rank adapters; switched on when the trainer uses LoRA."""
    max_loras: int = 8
    """Most adapters active in one batch."""
    max_cpu_loras: int = 100
    """Most adapters cached in host memory."""
    max_lora_rank: int | None = None
    """Highest adapter rank served, rounded up to a size vLLM supports (at most 512); null uses vLLM's default."""
    lora_target_modules: list[str] | None = None
    """Names of the modules that may carry an adapter; null allows all supported ones."""
    enable_expert_parallel: bool = False
    """Splits the experts of a mixture-of-experts model over the engines' GPUs."""
    all2all_backend: Literal[
        "allgather_reducescatter",
        "deepep_high_throughput",
        "deepep_low_latency",
        "flashinfer_nvlink_one_sided",
        "flashinfer_nvlink_two_sided",
    ] = "allgather_reducescatter"
    """Library that exchanges tokens between experts."""
    enable_eplb: bool = False
    """Balances the load of experts while serving; needs the quantized NCCL broadcast."""
    enable_dbo: bool = False
    """Overlaps computation and communication of two batches."""
    enable_return_routed_experts: bool = False
    """Returns with each response which experts were chosen; switched on by the trainer's router replay."""

    @classmethod
    def prepared(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Read undeclared keys like vLLM's command line (I-01): ``-`` is ``_``, text is JSON where it parses."""
        read = dict(table)
        for key in table:
            if key not in cls.model_fields:
                value = read.pop(key)
                read[key.replace("-", "_")] = _json_or_text(value)
        return read
