"""What prime-rl refuses between sections by looking at what was written, before it derives anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rlsplit.config import run_keys as at
from rlsplit.config.fields import explicit
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.run_facts import default_broadcast, engine_workers, is_divided_by_tensor_parallel, run_dir
from rlsplit.config.sections.deployment import SingleNodeDeploymentConfig
from rlsplit.config.sections.rl import RLConfig


def nccl_needs_two_gpus(config: RLConfig) -> Iterator[Refusal]:
    """The trainer's own NCCL broadcast needs two GPUs on one machine."""
    deployment = config.deployment
    if not isinstance(deployment, SingleNodeDeploymentConfig) or config.trainer.weight_broadcast.type != "nccl":
        return
    gpus = deployment.num_train_gpus + deployment.num_infer_gpus
    if gpus < 2:
        message = f'"nccl" needs at least 2 GPUs, the deployment has {gpus}'
        yield Refusal(at.TRAINER_BROADCAST_TYPE.path, message, 'set type = "filesystem"')


def broadcast_has_workers(config: RLConfig) -> Iterator[Refusal]:
    """An in-memory broadcast has at least one inference worker."""
    shared = config.weight_broadcast
    kind = shared.type if shared else default_broadcast(config).model_fields["type"].default
    if kind != "filesystem" and config.inference is not None and engine_workers(config) < 1:
        vllm = config.inference.vllm
        if vllm.tensor_parallel_size == 0 and is_divided_by_tensor_parallel(config):
            return  # Refused as a divisor (I-45, X-19).
        tp, dp = vllm.tensor_parallel_size, vllm.data_parallel_size
        message = f"times dp {dp} must be at least 1 for a {kind} broadcast, {tp} is not"
        yield Refusal(at.TP.path, message, "set it to 1 or more")


def output_dir_is_the_runs(config: RLConfig) -> Iterator[Refusal]:
    """A component's `output_dir` is the run's directory or left out."""
    name = config.run.dir or config.run.name
    directory = run_dir(config.output_dir, name) if name else None
    for key, section in ((at.TRAINER_OUTPUT_DIR, config.trainer), (at.ORCHESTRATOR_OUTPUT_DIR, config.orchestrator)):
        if explicit(section, "output_dir") and section.output_dir != directory:
            expected = f'the run directory "{directory}"' if directory else "the directory of the named run"
            yield Refusal(key.path, f"must be {expected}", "remove it; set output_dir at the root")


def llmd_excludes_router_replay(config: RLConfig) -> Iterator[Refusal]:
    """Router replay makes the engines return routed experts, which llm-d cannot."""
    inference = config.inference
    if inference is None or inference.router is None or inference.router.type != "llm-d":
        return
    if config.trainer.enable_router_replay and not inference.vllm.enable_return_routed_experts:
        message = '"llm-d" excludes trainer.enable_router_replay'
        yield Refusal(at.ROUTER_TYPE.path, message, 'use type = "vllm-router"')


INPUT_CHECKS: Final = (
    Check("X-03", nccl_needs_two_gpus),
    Check("X-10", broadcast_has_workers),
    Check("X-06", output_dir_is_the_runs, since="v0.8.1.dev26"),
    Check("X-15", llmd_excludes_router_replay),
)
