"""What the inference sections refuse (I-rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.config.rules import Check, Refusal
from rlsplit.config.sections.inference import InferenceConfig, KVCacheOffloadConfig, LlmdRouterConfig
from rlsplit.config.sections.vllm import LORA_RANKS, VllmConfig
from rlsplit.findings import shown

SCORERS: Final = frozenset(
    {
        "prefix-cache-scorer",
        "precise-prefix-cache-scorer",
        "queue-scorer",
        "kv-cache-utilization-scorer",
        "active-request-scorer",
        "load-aware-scorer",
        "running-requests-size-scorer",
        "token-load-scorer",
        "latency-scorer",
        "session-affinity-scorer",
        "lora-affinity-scorer",
    }
)
"""The scorers that llm-d's scheduler has (I-31)."""

SPREAD_LAYOUTS: Final = frozenset({"multi_node", "disaggregated"})
"""Inference deployments of more than one machine."""


def lora_rank_is_supported(vllm: VllmConfig) -> Iterator[Refusal]:
    """vLLM serves adapters up to rank 512."""
    if vllm.max_lora_rank is not None and vllm.max_lora_rank > LORA_RANKS[-1]:
        yield Refusal(("max_lora_rank",), f"must be at most {LORA_RANKS[-1]}, not {vllm.max_lora_rank}")


def offload_needs_cpu_tier(offload: KVCacheOffloadConfig) -> Iterator[Refusal]:
    """KV-cache offload needs the CPU tier; disk alone is not enough."""
    if offload.cpu is None:
        yield Refusal(("cpu",), "is required", "write cpu.num_bytes = <bytes>")


def scorers_are_known(router: LlmdRouterConfig) -> Iterator[Refusal]:
    """llm-d knows every scorer."""
    for field in ("scorers", "prefill_scorer_overrides", "decode_scorer_overrides"):
        for scorer in getattr(router, field):
            if scorer not in SCORERS:
                yield Refusal((field, scorer), "is not a scorer", f"known are {', '.join(sorted(SCORERS))}")


def spread_inference_needs_slurm(inference: InferenceConfig) -> Iterator[Refusal]:
    """Inference on several machines needs a slurm table, filled from the root's."""
    if inference.deployment.type in SPREAD_LAYOUTS and inference.slurm is None:
        message = f'is required with deployment.type = "{inference.deployment.type}"'
        yield Refusal(("slurm",), message, "add an empty [slurm] table at the root", (("deployment", "type"),))


def llmd_excludes_routed_experts(inference: InferenceConfig) -> Iterator[Refusal]:
    """llm-d cannot return routed experts."""
    if _is_llmd(inference) and inference.vllm.enable_return_routed_experts:
        yield Refusal(
            ("router", "type"),
            '"llm-d" excludes vllm.enable_return_routed_experts',
            'use type = "vllm-router"',
        )


def router_fits_layout(inference: InferenceConfig) -> Iterator[Refusal]:
    """llm-d needs several machines, and several machines need a router."""
    layout = inference.deployment.type
    if _is_llmd(inference) and layout == "single_node":
        hint = 'use type = "vllm-router", or deployment.type = "multi_node"'
        yield Refusal(("router",), '"llm-d" needs more than one inference machine', hint)
    if inference.router is None and layout in SPREAD_LAYOUTS:
        yield Refusal(("router",), f"is required with deployment.type = {shown(layout)}", "remove router")


def offload_keeps_prefix_caching(inference: InferenceConfig) -> Iterator[Refusal]:
    """KV-cache offload works with prefix caching only."""
    if inference.kv_cache_offload is not None and inference.vllm.enable_prefix_caching is False:
        path = ("vllm", "enable_prefix_caching")
        yield Refusal(path, "must not be false with kv_cache_offload", "remove it", (("kv_cache_offload",),))


def layout_has_a_divisor(inference: InferenceConfig) -> Iterator[Refusal]:
    """Disaggregated inference divides its GPUs by the tensor-parallel size."""
    if inference.deployment.type == "disaggregated" and inference.vllm.tensor_parallel_size == 0:
        yield Refusal(("vllm", "tensor_parallel_size"), "must not be 0", "set it to 1 or more")


def _is_llmd(inference: InferenceConfig) -> bool:
    return isinstance(inference.router, LlmdRouterConfig)


VLLM_CHECKS: Final = (Check("I-22", lora_rank_is_supported, since="v0.8.1.dev1"),)
OFFLOAD_CHECKS: Final = (Check("I-30", offload_needs_cpu_tier),)
LLMD_CHECKS: Final = (Check("I-31", scorers_are_known),)
INFERENCE_CHECKS: Final = (
    Check("I-40", spread_inference_needs_slurm),
    Check("I-41", llmd_excludes_routed_experts),
    Check("I-42", router_fits_layout, since="v0.7.1.dev72"),
    Check("I-44", offload_keeps_prefix_caching),
    Check("I-45", layout_has_a_divisor),
)
