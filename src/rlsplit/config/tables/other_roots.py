"""Root keys of files that are no ``rl.toml``, as far as no section of this package has them as fields."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FORMER_KEYS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "trainer": _words("bench file_monitor max_async_level max_concurrent_runs wandb"),
        "orchestrator": _words(
            """
            advantage bench buffer client env env_install_prerelease experimental file_monitor filters max_async_level
            max_concurrent max_inflight_episodes max_inflight_rollouts optim oversampling_factor pool_size
            post_batch_filters pre_batch_filters prime_monitor rollouts_per_example sampling seed strict_async_level
            student teacher teacher_model teacher_rollout_model training_mode use_token_client val verification wandb
            """
        ),
        "inference": _words(
            """
            all2all_backend api_server_count data_parallel_rpc_port data_parallel_size_local enable_dbo enable_eplb
            enable_expert_parallel enable_lora enable_prefix_caching enable_return_routed_experts experimental
            gpu_memory_utilization lora_target_modules max_cpu_loras max_lora_rank max_loras model parallel
            quantization seed vllm_extra
            """
        ),
    }
)
"""Component to the keys that its config had at its root in some release from v0.5.0 to v0.8.0, and has no more."""

LORA_KEYS: Final = _words(
    """
    model env sampling eval val wandb max_steps batch_size rollouts_per_example learning_rate lora_alpha lora_rank
    max_tokens temperature seq_len buffer checkpoints adapters trajectory_strategy oversampling_factor max_async_level
    """
)
"""Root keys of a hosted LoRA run's config."""

PYPROJECT_KEYS: Final = _words("project build-system tool dependency-groups")
"""Root keys of a ``pyproject.toml``."""
