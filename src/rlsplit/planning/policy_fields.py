"""Which policy of ``[tenant]`` judges which field of a config: one row for every path, address and count.

Fields are named by the table that they stand in, so that one row serves every component. A field whose name or type
says that it is a path, an address or a count has to be in one of the two tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from rlsplit.config.schema_index import last_name, schema_index
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import sections
from rlsplit.findings import KeyPath

_PATHS: Final = (
    *("ckpt.output_dir", "resume.dir", "file.path", "disk.path", "model.conversion_dir"),
    *("trainer.trace_path", "trainer.memory_profiler_path", "model.name", "tokenizer.name"),
    *(".trace_path", ".memory_profiler_path", "data.name"),
)
_ADDRESSES: Final = (
    *("client.base_url", "client.admin_base_url", "teacher.base_url", "teacher.admin_base_url"),
    *("source.base_url", "source.admin_base_url", "serve.address", "weight_broadcast.host", "heartbeat.url"),
)
_GPUS: Final = (
    *("deployment.gpus_per_node", "deployment.num_train_gpus", "deployment.num_infer_gpus"),
    *("deployment.num_train_nodes", "deployment.num_infer_nodes", "deployment.num_infer_replicas"),
    *("deployment.num_nodes", "deployment.num_prefill_replicas", "deployment.num_decode_replicas"),
    *("deployment.prefill_nodes_per_replica", "deployment.decode_nodes_per_replica"),
)

JUDGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(_PATHS, "confine_paths"),
        **dict.fromkeys(_ADDRESSES, "egress_hosts"),
        **dict.fromkeys(_GPUS, "max_gpus"),
        "server.liveness_timeout_seconds": "max_probe_seconds",
    }
)
"""Field, and the policy that judges it: paths and addresses one by one, counts by what they come to together."""

_LISTENS: Final = "an address that the pod itself listens on, or that an overlay replaces"
_REPLACED: Final = "the run's own directory takes its place"
_SLURM: Final = "has no effect on Kubernetes"
_CODE: Final = "a name of code in the image, or in an environment package, which may do what it likes in its pod anyway"
_WORK: Final = "how much work the run does in its own pods, whose resources the platform decides"
_PORT: Final = "a port of the run's own pods, which nothing outside the run can call"

UNJUDGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys((".output_dir", "run.dir"), _REPLACED),
        **dict.fromkeys(("trainer.output_dir", "orchestrator.output_dir", "inference.output_dir"), _REPLACED),
        **dict.fromkeys(("slurm.project_dir", "slurm.template_path"), _SLURM),
        **dict.fromkeys(("filter.import_path", "loss.import_path", "renderer.import_path"), _CODE),
        "monitors.file": "a table, whose path is judged",
        **dict.fromkeys(("metrics_server.host", "rollout_transport.host", "server.host"), _LISTENS),
        **dict.fromkeys(("metrics_server.port", "rollout_transport.port", "server.port"), _PORT),
        **dict.fromkeys(("weight_broadcast.port", "inference.backend_port", "vllm.data_parallel_rpc_port"), _PORT),
        **dict.fromkeys(("deployment.prefill_port", "deployment.decode_port", "router.decode_sidecar_port"), _PORT),
        **dict.fromkeys(("orchestrator.env_server_base_port", "eval.env_server_base_port"), _PORT),
        **dict.fromkeys(("data.batch_size", "data.micro_batch_size", "data.num_workers"), _WORK),
        ".dist_timeout_seconds": _WORK,
        **dict.fromkeys((".max_steps", "trainer.max_steps", "orchestrator.max_steps"), _WORK),
        **dict.fromkeys(("ac_offloading.max_inflight_activations", "debug.num_layers"), _WORK),
        **dict.fromkeys(("concurrency.max_inflight", "concurrency.min_inflight", "serve.max_concurrent"), _WORK),
        **dict.fromkeys(("eval.group_size", "eval.num_examples", "source.group_size", "source.num_examples"), _WORK),
        **dict.fromkeys(("orchestrator.batch_size", "orchestrator.token_batch_size", "fake.batch_size"), _WORK),
        **dict.fromkeys(("orchestrator.group_size", "orchestrator.num_train_workers"), _WORK),
        **dict.fromkeys(("orchestrator.max_off_policy_steps", "pool.max_workers", "pool.num_workers"), _WORK),
        **dict.fromkeys(("renderer.audio_cache_max", "renderer.image_cache_max", "cpu.num_bytes"), _WORK),
        **dict.fromkeys(("length_penalty.num_input_tokens_weight", "length_penalty.num_turns_weight"), _WORK),
        **dict.fromkeys(("length_penalty.num_output_tokens_weight", "sampling.max_completion_tokens"), _WORK),
        **dict.fromkeys(("model.deepep_token_chunk_size", "model.fused_lm_head_token_chunk_size"), _WORK),
        **dict.fromkeys(("gates.reject_max", "sampling.min_p", "scheduler.min_lr", "optim.max_norm"), _WORK),
        **dict.fromkeys(("vllm.api_server_count", "vllm.max_cpu_loras", "vllm.max_lora_rank"), _WORK),
        **dict.fromkeys(("vllm.max_loras", "vllm.max_model_len", "lora.rank"), _WORK),
        **dict.fromkeys(
            ("vllm.data_parallel_size", "vllm.tensor_parallel_size"), "must fit the GPUs, which are judged"
        ),
        "deployment.nodes_per_fsdp_group": "must fit the nodes, which are judged",
        "weight_broadcast.inference_world_size": "an overlay sets it to the number of engines",
        **dict.fromkeys(("client.wait_for_ready_timeout", "teacher.wait_for_ready_timeout"), _WORK),
        **dict.fromkeys(("source.wait_for_ready_timeout", "ckpt.wait_for_weights_timeout"), _WORK),
        **dict.fromkeys(("trainer.dist_timeout_seconds", "weight_broadcast.timeout"), _WORK),
    }
)
"""Field, and why no policy judges it."""


def judged_values(config: Section, policy: str) -> Iterator[tuple[KeyPath, Any]]:
    """Give every value that one policy judges, with its place in the config."""
    index = schema_index(type(config))
    for path, section in sections(config):
        owner = last_name(index.steps(path))
        for name, value in vars(section).items():
            if JUDGED.get(f"{owner}.{name}") == policy and value is not None:
                yield (*path, name), value
