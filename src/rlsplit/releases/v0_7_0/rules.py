"""What v0.7.0 derives and refuses, and later releases do not (V7-rules, and rules that were different)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rlsplit.config import run_keys as at
from rlsplit.config.checks.trainer import CUSTOM_IMPLS
from rlsplit.config.fields import explicit
from rlsplit.config.rules import EACH, Check, Derivation, Refusal, Setting, keys
from rlsplit.config.run_facts import default_broadcast, samples_from_policy
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.deployment import SingleNodeDeploymentConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sources import SourceConfig
from rlsplit.config.sections.trainer_model import TrainerModelConfig
from rlsplit.releases.v0_7_0.sections import SharedWeightBroadcastConfig
from rlsplit.releases.v0_8_0.derivations import value_of_field

CP_KERNELS: Final = frozenset({"flash_attention_2", "flash_attention_3", "fa4"})
"""Attention kernels that know context parallelism."""

DP_RANK_COUNT: Final = keys("orchestrator.model.client.dp_rank_count")


# --- derivations -----------------------------------------------------------------------------------------------


def is_classic(source: SourceConfig) -> bool:
    """Whether an environment is a classic one: no taskset is named."""
    return not value_of_field(source, "taskset").get("id")


def classic_settings(source: SourceConfig) -> Iterator[Setting]:
    """A classic environment gets the time and token limits of its table."""
    if not is_classic(source):
        return
    limits = {
        "timeout_seconds": value_of_field(source, "timeout").rollout,
        "max_total_completion_tokens": value_of_field(source, "max_output_tokens"),
    }
    found = {key: value for key, value in limits.items() if value is not None}
    if found:
        arguments: dict[str, Any] = value_of_field(source, "extra_env_kwargs")
        yield Setting(("extra_env_kwargs",), {**arguments, **found}, of=(("timeout",), ("max_output_tokens",)))


def classic_sequence_length(orchestrator: OrchestratorConfig) -> Iterator[Setting]:
    """A classic environment to train on gets the sequence length."""
    for i, source in enumerate(orchestrator.train.source):
        if is_classic(source):
            arguments: dict[str, Any] = value_of_field(source, "extra_env_kwargs")
            path = ("train", "source", i, "extra_env_kwargs")
            yield Setting(path, {**arguments, "max_seq_len": orchestrator.seq_len}, of=(("seq_len",),))


def default_weight_broadcast(config: RLConfig) -> Iterator[Setting]:
    """A run without weight broadcast uses NCCL, or the filesystem with LoRA or without inference."""
    if config.weight_broadcast is None:
        kind = default_broadcast(config).model_fields["type"].default
        default = SharedWeightBroadcastConfig.model_construct(type=kind)
        yield Setting(at.BROADCAST.path, default, of=(at.LORA.path, at.INFERENCE.path))


def policy_ranks(config: RLConfig) -> Iterator[Setting]:
    """On one machine the policy client tells the engine ranks behind the server apart."""
    client, inference = config.orchestrator.model.client, config.inference
    if inference is None or explicit(client, "dp_rank_count"):
        return
    if isinstance(config.deployment, SingleNodeDeploymentConfig):
        vllm = inference.vllm
        yield Setting(DP_RANK_COUNT, vllm.data_parallel_size_local or vllm.data_parallel_size, of=(at.DP.path,))
    else:
        yield Setting(DP_RANK_COUNT, 1, of=(at.DEPLOYMENT_TYPE.path,))


# --- checks ----------------------------------------------------------------------------------------------------


def cp_needs_flash_attention(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Context parallelism needs a flash-attention kernel, and with the newer ones the custom implementation."""
    if model.cp <= 1:
        return
    if model.attn not in CP_KERNELS:
        hint = 'set attn = "flash_attention_2"'
        yield Refusal(("attn",), f'"{model.attn}" does not work with cp = {model.cp}', hint, (("cp",),))
    elif model.attn != "flash_attention_2" and model.impl != "custom":
        message = f'must be "custom" for attn = "{model.attn}" with cp = {model.cp}, not "{model.impl}"'
        yield Refusal(("impl",), message, 'set impl = "custom"', (("attn",), ("cp",)))


def flash_attention_4_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """Flash attention 4 needs the custom implementation."""
    if str(model.attn) == "fa4" and model.impl != "custom":
        message = f'"fa4" needs impl = "custom", not "{model.impl}"'
        yield Refusal(("attn",), message, 'set trainer.model.impl = "custom"', (("impl",),))


def fp8_needs_custom_impl(model: TrainerModelConfig) -> Iterator[Refusal]:
    """FP8 training needs the custom implementation."""
    if value_of_field(model, "fp8") and model.impl not in CUSTOM_IMPLS:
        message = f'needs impl "custom" or "auto", not "{model.impl}"'
        yield Refusal(("fp8",), message, 'set trainer.model.impl = "custom"', (("impl",),))


def pool_renders_for_policy(orchestrator: OrchestratorConfig) -> Iterator[Refusal]:
    """Renderer workers are for rollouts that come from the policy."""
    from_policy = any(samples_from_policy(source) for source in orchestrator.train.source)
    if value_of_field(orchestrator, "pool_size") is not None and not from_policy:
        yield Refusal(("pool_size",), "needs an environment that samples from the policy", "remove it")


def quantized_transfer_needs_custom_impl(config: RLConfig) -> Iterator[Refusal]:
    """Quantized weight transfer needs NCCL, inference and `trainer.model.impl = "custom"`."""
    shared = config.weight_broadcast
    if shared is None or not value_of_field(shared, "quantize_in_weight_transfer"):
        return
    path = at.QUANTIZED_TRANSFER.path
    if shared.type != "nccl":
        yield Refusal(path, f'needs type = "nccl", not "{shared.type}"', "set it to false", (at.BROADCAST_TYPE.path,))
    if config.inference is None:
        yield Refusal(path, "needs [inference]", "set it to false")
    if config.trainer.model.impl != "custom":
        message = f'needs trainer.model.impl = "custom", not "{config.trainer.model.impl}"'
        yield Refusal(path, message, 'set trainer.model.impl = "custom"', (at.IMPL.path,))


SECTION_DERIVATIONS: Final[Mapping[type[Section], tuple[Derivation, ...]]] = {
    SourceConfig: (Derivation("V8-14", classic_settings, (("extra_env_kwargs",),), until="v0.7.1.dev77"),),
    OrchestratorConfig: (
        Derivation(
            "V8-15",
            classic_sequence_length,
            (("train", "source", EACH, "extra_env_kwargs"),),
            until="v0.7.1.dev77",
        ),
    ),
}

SECTION_CHECKS: Final[Mapping[type[Section], tuple[Check, ...]]] = {
    TrainerModelConfig: (
        Check("T-04", cp_needs_flash_attention, until="v0.7.1.dev28"),
        Check("T-09", flash_attention_4_needs_custom_impl, until="v0.7.1.dev28"),
        Check("T-10", fp8_needs_custom_impl, until="v0.7.1.dev19"),
    ),
    OrchestratorConfig: (Check("V7-05", pool_renders_for_policy, until="v0.7.1.dev85"),),
}

ROOT_DERIVATIONS: Final = (
    Derivation("X-10", default_weight_broadcast, (at.BROADCAST.path,), until="v0.7.1.dev45", after="X-01"),
    Derivation("V7-06", policy_ranks, (DP_RANK_COUNT,), until="v0.7.1.dev72"),
)

ROOT_CHECKS: Final = (Check("X-04", quantized_transfer_needs_custom_impl, until="v0.7.1.dev45"),)
