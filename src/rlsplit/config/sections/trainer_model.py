"""``trainer.model``: what is trained and how it is laid out on the GPUs."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from rlsplit.config.sections.base import PathText, Section, unwritten
from rlsplit.config.sections.shared import VLMConfig


class CompileConfig(Section):
    """Compilation of the model's blocks with torch.compile."""

    fullgraph: bool = False
    """Compiles each block as one single graph and fails on a graph break instead of splitting it."""


class ActivationCheckpointConfig(Section):
    """Recomputation of activations in the backward pass to save GPU memory."""

    mode: Literal["full", "selective"] = "full"
    """Recomputes whole layers (full) or only the parts listed in `targets` (selective; custom implementation only)."""
    freq: int = Field(default=1, ge=1)
    """Applies recomputation to every so many layers; 1 covers all layers."""
    targets: list[str] = Field(default=["norm"])
    """Parts of a layer to recompute in selective mode; duplicates are dropped and selective mode needs at least
    one."""


class ActivationOffloadingConfig(Section):
    """Storage of saved activations in host memory."""

    pin_memory: bool = True
    """Uses page-locked host memory, which makes transfers faster."""
    max_inflight_activations: int = Field(default=5, ge=1)
    """Most activations being transferred at the same time."""


class OptimizerInBackwardOffloadConfig(Section):
    """Optimizer that runs on the CPU while the backward pass is still going on; AdamW or SignSGD only."""

    cpu_optimizer_backend: Literal["native", "torch"] = "native"
    """CPU implementation of the optimizer step: the native one or PyTorch's."""
    numa_bind: bool = True
    """Binds each process to the CPU cores and memory nearest to its GPU."""


UNQUANTIZED: Final = [
    "lm_head",
    "router",
    "mlp\\.gate\\.",
    "shared_expert_gate",
    "eh_proj",
    "weights_proj",
    "in_proj_a",
    "in_proj_b",
]
"""Modules that low-precision training leaves alone by default."""


class FP8Config(Section):
    """FP8 training of the model's matrix products."""

    type: Literal["fp8"] = "fp8"
    """Selects FP8 training."""
    enable_grouped_gemm: bool = True
    """Also runs the grouped expert matrix products in FP8."""
    ignore_patterns: list[str] = Field(default=UNQUANTIZED)
    """Regular expressions of module names left unquantized."""


class MXFP8Config(Section):
    """MXFP8 training (8-bit floats with block scales); not available with DeepEP."""

    type: Literal["mxfp8"] = "mxfp8"
    """Selects MXFP8 training."""
    recipe: Literal["mxfp8_rceil", "mxfp8_rceil_wgrad_with_hp"] = "mxfp8_rceil"
    """Scaling recipe; the `wgrad_with_hp` recipe keeps weight gradients in higher precision."""
    enable_grouped_gemm: bool = True
    """Also runs the grouped expert matrix products in MXFP8."""
    enable_a2a: bool = True
    """Also sends the tokens exchanged between experts in MXFP8."""
    ignore_patterns: list[str] = Field(default=UNQUANTIZED)
    """Regular expressions of module names left unquantized."""


Quantization = Annotated[FP8Config | MXFP8Config, Field(discriminator="type")]
"""Low-precision training."""


class IndexCacheConfig(Section):
    """Reuse of sparse-attention token indices across layers."""

    topk_freq: int = Field(default=1, ge=1)
    """Computes the indices anew every so many layers; 1 computes them in every layer."""
    topk_pattern: str | None = None
    """One letter F or S per layer that sets index computation layer by layer; null follows `topk_freq`."""


class TrainerLoRAConfig(Section):
    """Low-rank adapter that is trained instead of the full weights; requires the filesystem broadcast."""

    rank: int = Field(default=16, ge=1)
    """Rank of the adapter matrices; higher ranks can learn more and cost more memory."""
    alpha: float = Field(default=32.0, ge=0)
    """Scaling numerator of the adapter, whose output is multiplied by alpha divided by rank."""
    dropout: float = Field(default=0.0, ge=0, le=1)
    """Probability of dropping an adapter input during training, between 0 and 1."""
    target_modules: list[str] = Field(
        default=[
            "q_proj",
            "k_proj",
            "v_proj",
            "o_proj",
            "gate_proj",
            "up_proj",
            "down_proj",
            "experts",
            "fc1_latent_proj",
            "fc2_latent_proj",
        ]
    )
    """Names of the modules that receive an adapter."""
    modules_to_save: list[str] = Field(default_factory=list)
    """Names of the modules kept fully trainable next to the adapters."""


class DebugModelConfig(Section):
    """Shortcuts for debugging that make the model useless for real training."""

    num_layers: int | None = None
    """Keeps only this many layers of the model; null keeps all."""
    random_init: bool = False
    """Starts from random weights instead of loading the pretrained ones."""
    force_balanced_routing: bool = False
    """Ignores the router and spreads tokens evenly over the experts."""


def _switch(value: object) -> object:
    """Read a boolean as a table with defaults or as null (B-09)."""
    if isinstance(value, bool):
        return {} if value else None
    return value


FullOffload = Annotated[OptimizerInBackwardOffloadConfig | None, BeforeValidator(_switch)]
"""Full offload, also switched on and off by a boolean (B-09)."""


class TrainerModelConfig(Section):
    """Model being trained, with its kernels, parallelism, memory savings and number formats."""

    name: str = "Qwen/Qwen3-0.6B"
    """Hugging Face id or local path of the model whose weights are trained."""
    trust_remote_code: bool = False
    """Allows running Python code shipped with the model; requires `impl` hf or auto."""
    vlm: VLMConfig | None = None
    """Marks the model as a vision-language model and says where its parts live; null means text only."""
    conversion_dir: PathText | None = None
    """Folder where weights converted to the training format are cached; null uses the default place."""
    seq_len: int = 2048
    """Longest sequence the trainer accepts in tokens; may not be shorter than the orchestrator's."""
    attn: Literal["flash_attention_2", "flash_attention_3", "flash_attention_4", "auto"] = "auto"
    """Attention kernel; auto lets the trainer choose, and with `impl` hf only flash_attention_2 or
    flash_attention_3 are accepted."""
    compile: CompileConfig | None = Field(default_factory=unwritten(CompileConfig))
    """Compiles the model's blocks with torch.compile; null runs them eagerly."""
    ac: ActivationCheckpointConfig | None = Field(default_factory=unwritten(ActivationCheckpointConfig))
    """Recomputes activations in the backward pass to save memory; null is undone while `ac_offloading` is set."""
    ac_offloading: ActivationOffloadingConfig | None = Field(default_factory=unwritten(ActivationOffloadingConfig))
    """Keeps saved activations in host memory instead of on the GPU; null keeps them on the GPU."""
    fsdp_cpu_offload: bool = False
    """Keeps parameters, gradients and optimizer state in host memory; excludes the other two offload settings."""
    optim_cpu_offload: bool = True
    """Keeps only the optimizer state in host memory; on by default, and excludes the other two offload settings."""
    full_offload: FullOffload = None
    """Runs the optimizer on the CPU during the backward pass; true means defaults, null means off."""
    reshard_after_forward: bool = True
    """Frees gathered weights after each forward pass, saving memory at the cost of gathering them again."""
    dp_replicate: int = 1
    """Number of copies of the sharded model; 1 shards over all training GPUs."""
    ep: int | Literal["auto"] = "auto"
    """Number of GPUs that split the experts of a mixture-of-experts model, or `auto` to let the trainer choose."""
    ep_comm_backend: Literal["torch", "deepep"] = "torch"
    """Library that exchanges tokens between experts; DeepEP disables gradient clipping."""
    deepep_num_sms: int = Field(default=20, ge=1)
    """Streaming multiprocessors of each GPU reserved for DeepEP communication."""
    deepep_token_chunk_size: int | None = Field(default=None, ge=1)
    """Tokens exchanged by DeepEP in one chunk; null does not split them."""
    cp: int = 1
    """Number of GPUs that split each sequence among them; 1 switches context parallelism off."""
    cp_style: Literal["ring", "ulysses"] = "ring"
    """Context parallelism scheme; vision-language models need ulysses when `cp` is above 1."""
    impl: Literal["hf", "custom", "auto"] = "auto"
    """Model implementation: Hugging Face, the custom one, or the custom one where available (auto)."""
    optimization_dtype: Literal["bfloat16", "float32"] = "float32"
    """Number format of the master weights that the optimizer updates."""
    reduce_dtype: Literal["bfloat16", "float32"] = "float32"
    """Number format in which gradients are summed across GPUs."""
    moe_router_dtype: Literal["bfloat16", "float32"] = "float32"
    """Number format in which expert router gates are computed."""
    moe_use_grouped_mm: bool = True
    """Computes all experts of a layer with one grouped matrix product instead of one after the other."""
    moe_fused_kernel: bool = False
    """Uses a fused kernel for the expert computation."""
    quantization: Quantization | None = None
    """Trains with low-precision matrix products, FP8 or MXFP8; null trains without quantization."""
    index_cache: IndexCacheConfig | None = None
    """Reuses token indices of sparse attention across layers; null computes them in every layer."""
    freeze_moe_router: bool = False
    """Computes no gradients for the expert router, leaving its weights as they are."""
    lora: TrainerLoRAConfig | None = None
    """Trains a low-rank adapter instead of all weights; null trains all weights."""
    debug: DebugModelConfig = Field(default_factory=unwritten(DebugModelConfig))
    """Shortcuts for debugging and benchmarking that make the model useless for real training."""
    fused_lm_head_token_chunk_size: int | Literal["disabled"] = 8192
    """Tokens for which the fused output head computes logits at once, or `disabled` for a plain output head."""
