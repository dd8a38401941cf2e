"""What prime-rl's launcher refuses between sections, after its derivations (X-rules)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rlsplit.config import run_keys as at
from rlsplit.config.keys import Key
from rlsplit.config.rules import Check, Refusal
from rlsplit.config.run_facts import MAX_ENGINE_ROLES, disaggregated_nodes, engine_roles, is_divided_by_tensor_parallel
from rlsplit.config.sections.base import S, Section
from rlsplit.config.sections.deployment import (
    DisaggregatedInferenceDeploymentConfig,
    MultiNodeDeploymentConfig,
    MultiNodeInferenceDeploymentConfig,
    SingleNodeDeploymentConfig,
)
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.transport import SharedNCCLWeightBroadcastConfig, TrainerNCCLWeightBroadcastConfig
from rlsplit.findings import dotted, shown

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

UNCHECKED_MODEL_PREFIX: Final = "Jackmin108/"
"""Trainer models whose name may differ from the orchestrator's without inference (X-09a)."""

T = TypeVar("T")
R = TypeVar("R", bound=Section)


# --- deployment ------------------------------------------------------------------------------------------------


def infer_nodes_agree(config: RLConfig) -> Iterator[Refusal]:
    """`num_infer_nodes` equals the node count of a multi-node inference section."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return
    layout, nodes = inference.deployment, deployment.num_infer_nodes
    # Zero nodes beside an inference section are refused as such.
    if isinstance(layout, MultiNodeInferenceDeploymentConfig) and nodes and nodes != layout.num_nodes:
        message = f"is {nodes}, but inference.deployment.num_nodes is {layout.num_nodes}"
        yield Refusal(at.NUM_INFER_NODES.path, message, "leave it out", (at.LAYOUT_NODES.path,))


def multi_node_needs_slurm(config: AnyConfig) -> Iterator[Refusal]:
    """A multi-node deployment needs a slurm table; leaving it out counts as an empty one."""
    if config.deployment.type == "multi_node" and config.slurm is None:
        yield Refusal(at.SLURM.path, "must not be null for a multi-node deployment", "remove it")


def infer_nodes_need_inference(config: RLConfig) -> Iterator[Refusal]:
    """Inference nodes and the inference section come together."""
    deployment = config.deployment
    if not isinstance(deployment, MultiNodeDeploymentConfig):
        return
    nodes = deployment.num_infer_nodes or 0
    if nodes > 0 and config.inference is None:
        message = f"is required for {nodes} inference node{'s' if nodes > 1 else ''}"
        yield Refusal(
            at.INFERENCE.path, message, "add [inference], or set num_infer_nodes = 0", (at.NUM_INFER_NODES.path,)
        )
    if nodes == 0 and config.inference is not None:
        yield Refusal(at.NUM_INFER_NODES.path, "must be at least 1 with [inference]", "raise it, or remove [inference]")


def no_inference_needs_fake_data(config: RLConfig) -> Iterator[Refusal]:
    """A multi-node run without inference nodes trains on fake data."""
    deployment = config.deployment
    if not isinstance(deployment, MultiNodeDeploymentConfig) or config.inference is not None:
        return
    if not deployment.num_infer_nodes and config.trainer.data.fake is None:
        message = "is required without inference nodes, since no rollouts would come"
        places = (at.NUM_INFER_NODES.path, at.DEPLOYMENT_TYPE.path)
        yield Refusal(at.FAKE_DATA.path, message, "add [trainer.data.fake], or [inference]", places)


# --- agreement between the components --------------------------------------------------------------------------


def one_model(config: RLConfig) -> Iterator[Refusal]:
    """The orchestrator talks to the model that is served, or else to the one that is trained."""
    expected = config.orchestrator.model.name
    if config.inference:
        path, name = at.SERVED_MODEL.path, config.inference.vllm.model
        free = False
    else:
        path, name = at.TRAINER_MODEL_NAME.path, config.trainer.model.name
        free = name.startswith(UNCHECKED_MODEL_PREFIX)
    if name != expected and not free:
        message = f"is {shown(name)}, but orchestrator.model.name is {shown(expected)}"
        yield Refusal(path, message, "write model.name once, at the root", (at.ORCHESTRATOR_MODEL_NAME.path,))


def one_chat_template(config: RLConfig) -> Iterator[Refusal]:
    """All components use the trainer's chat template."""
    source = at.TRAINER_CHAT_TEMPLATE
    expected = source.read(config)
    others = [(at.ORCHESTRATOR_CHAT_TEMPLATE.path, config.orchestrator.tokenizer.chat_template)]
    if config.inference:
        others.append((at.SERVED_CHAT_TEMPLATE.path, config.inference.vllm.chat_template))
    for path, template in others:
        if template != expected:
            message = f"is {shown(template)}, but {dotted(source.path)} is {shown(expected)}"
            yield Refusal(path, message, "write tokenizer.chat_template once, at the root", (source.path,))


def one_run_length(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator stop at the same step."""
    yield from _equal(at.TRAINER_MAX_STEPS, config, at.ORCHESTRATOR_MAX_STEPS, config)


def trainer_fits_sequences(config: RLConfig) -> Iterator[Refusal]:
    """The trainer's sequences are at least as long as the orchestrator's."""
    trainer, orchestrator = config.trainer.model.seq_len, config.orchestrator.seq_len
    if trainer < orchestrator:
        message = f"must be at least orchestrator.seq_len = {orchestrator}, not {trainer}"
        related = (at.ORCHESTRATOR_SEQ_LEN.path,)
        yield Refusal(at.TRAINER_SEQ_LEN.path, message, "write seq_len once, at the root", related)


def one_checkpoint_schedule(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator save together and resume from the same point."""
    trainer, orchestrator = config.trainer, config.orchestrator
    if trainer.ckpt is not None and orchestrator.ckpt is not None:
        yield from _equal(at.TRAINER_CKPT_INTERVAL, trainer.ckpt, at.ORCHESTRATOR_CKPT_INTERVAL, orchestrator.ckpt)
    else:
        yield from _together(config, at.TRAINER_CKPT, at.ORCHESTRATOR_CKPT)
    if trainer.resume != orchestrator.resume:
        related = (at.TRAINER_RESUME.path,)
        yield Refusal(
            at.ORCHESTRATOR_RESUME.path, "differs from trainer.resume", "write [resume] once, at the root", related
        )


def one_wandb_run(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator log into one W&B run."""
    trainer, orchestrator = config.trainer.monitors.wandb, config.orchestrator.monitors.wandb
    if trainer is not None and orchestrator is not None:
        yield from _equal(at.TRAINER_WANDB_PROJECT, trainer, at.ORCHESTRATOR_WANDB_PROJECT, orchestrator)
    else:
        yield from _together(config, at.TRAINER_WANDB, at.ORCHESTRATOR_WANDB)


def _together(config: RLConfig, trainer: Key[RLConfig, Any], orchestrator: Key[RLConfig, Any]) -> Iterator[Refusal]:
    """Both components have a block, or neither has it."""
    having, lacking = (trainer, orchestrator) if orchestrator.read(config) is None else (orchestrator, trainer)
    if having.read(config) is not None:
        message, hint = f"has no counterpart {dotted(lacking.path)}", f"write [{_shared(trainer)}] at the root"
        yield Refusal(having.path, message, hint, (lacking.path,))


def _equal(trainer: Key[S, T], ours: S, orchestrator: Key[R, T], theirs: R) -> Iterator[Refusal]:
    """The same field of both components has one value; each is read from a section of its own."""
    expected, value = trainer.read(ours), orchestrator.read(theirs)
    if value != expected:
        message = f"is {shown(value)}, but {dotted(trainer.path)} is {shown(expected)}"
        yield Refusal(orchestrator.path, message, f"write {_shared(trainer)} once, at the root", (trainer.path,))


def _shared(trainer: Key[Any, Any]) -> str:
    """The key at the root that fills a key of the trainer."""
    return dotted(trainer.path[1:])


# --- weights, transport, experts -------------------------------------------------------------------------------


def quantized_transfer_needs_custom_impl(config: RLConfig) -> Iterator[Refusal]:
    """Quantized weight transfer needs inference and `trainer.model.impl = "custom"`."""
    shared = config.weight_broadcast
    if not isinstance(shared, SharedNCCLWeightBroadcastConfig) or not shared.quantize_in_weight_transfer:
        return
    path = at.QUANTIZED_TRANSFER.path
    if config.inference is None:
        yield Refusal(path, "needs [inference]", "set it to false")
    if config.trainer.model.impl != "custom":
        message = f'needs trainer.model.impl = "custom", not "{config.trainer.model.impl}"'
        yield Refusal(path, message, 'set trainer.model.impl = "custom"', (at.IMPL.path,))


def lora_broadcast_is_filesystem(config: RLConfig) -> Iterator[Refusal]:
    """A LoRA adapter travels over the filesystem only (the shared block)."""
    shared = config.weight_broadcast
    if config.trainer.model.lora is not None and shared is not None and shared.type != "filesystem":
        message = f'"{shared.type}" does not work with trainer.model.lora'
        yield Refusal(at.BROADCAST_TYPE.path, message, 'set type = "filesystem"', (at.LORA.path,))


def one_transport(config: RLConfig) -> Iterator[Refusal]:
    """Trainer and orchestrator use the same kind of rollout transport."""
    trainer, orchestrator = config.trainer.rollout_transport.type, config.orchestrator.rollout_transport.type
    if trainer != orchestrator:
        message = f'is "{orchestrator}", but trainer.rollout_transport.type is "{trainer}"'
        related = (at.TRAINER_TRANSPORT_TYPE.path,)
        yield Refusal(at.ORCHESTRATOR_TRANSPORT_TYPE.path, message, "write rollout_transport at the root", related)


def expert_balancing_needs_quantized_nccl(config: RLConfig) -> Iterator[Refusal]:
    """Expert load balancing needs a quantized NCCL broadcast."""
    if config.inference is None or not config.inference.vllm.enable_eplb:
        return
    end = config.trainer.weight_broadcast
    if not (isinstance(end, TrainerNCCLWeightBroadcastConfig) and end.quantize_in_weight_transfer):
        hint = 'set weight_broadcast.type = "nccl" and quantize_in_weight_transfer = true'
        yield Refusal(at.ENABLE_EPLB.path, "needs a quantized nccl broadcast", hint, (at.BROADCAST.path,))


def one_lora_adapter(config: RLConfig) -> Iterator[Refusal]:
    """The orchestrator's adapter is the one that is trained."""
    lora, own = config.trainer.model.lora, config.orchestrator.model.lora
    if lora is None or own is None:
        return
    if own.rank is not None and own.rank != lora.rank:
        message = f"is {own.rank}, but trainer.model.lora.rank is {lora.rank}"
        yield Refusal(at.ADAPTER_RANK.path, message, "leave it out", (at.LORA_RANK.path,))
    if own.alpha is not None and own.alpha != lora.alpha:
        message = f"is {own.alpha}, but trainer.model.lora.alpha is {lora.alpha}"
        yield Refusal(at.ADAPTER_ALPHA.path, message, "leave it out", (at.LORA_ALPHA.path,))


def router_fronts_the_engines(config: AnyConfig) -> Iterator[Refusal]:
    """Several machines of engines need a router in front."""
    inference = config.inference
    if config.deployment.type != "multi_node" or inference is None:
        return
    # With a layout of several machines of its own, the inference section has refused this already (I-42).
    if inference.router is None and inference.deployment.type == "single_node":
        yield Refusal(at.ROUTER.path, "is required for a multi-node deployment", "remove it")


def router_replay_excludes_offload(config: RLConfig) -> Iterator[Refusal]:
    """Router replay does not work with KV-cache offload."""
    if config.trainer.enable_router_replay and config.inference and config.inference.kv_cache_offload is not None:
        related = (at.ROUTER_REPLAY.path,)
        yield Refusal(at.KV_CACHE_OFFLOAD.path, "excludes trainer.enable_router_replay", "remove it", related)


def mooncake_needs_slurm(config: RLConfig) -> Iterator[Refusal]:
    """Mooncake's store processes are started by SLURM only."""
    offload = config.inference.kv_cache_offload if config.inference else None
    if config.slurm is None and offload is not None and offload.type == "mooncake":
        yield Refusal(at.OFFLOAD_TYPE.path, '"mooncake" needs slurm', 'use type = "native"')


# --- sizes -----------------------------------------------------------------------------------------------------


def divisors_are_not_zero(config: AnyConfig) -> Iterator[Refusal]:
    """Nothing that sizes are divided by is zero; prime-rl itself stops with a division error."""
    deployment, inference = config.deployment, config.inference
    if deployment.type == "multi_node" and deployment.nodes_per_fsdp_group == 0:
        yield Refusal(at.NODES_PER_FSDP_GROUP.path, "must not be 0", "leave it out, or set it to 1 or more")
    if inference is None or inference.vllm.tensor_parallel_size != 0 or inference.deployment.type == "disaggregated":
        return
    if is_divided_by_tensor_parallel(config):
        yield Refusal(at.TP.path, "must not be 0", "set it to 1 or more")


def context_parallel_divides_one_node(config: RLConfig) -> Iterator[Refusal]:
    """Several training GPUs of one machine are divided by `cp`, which is not zero."""
    deployment = config.deployment
    if isinstance(deployment, SingleNodeDeploymentConfig) and deployment.num_train_gpus > 1:
        yield from _cp_is_not_zero(config)


def context_parallel_divides_nodes(config: RLConfig) -> Iterator[Refusal]:
    """The training GPUs of several machines are divided by `cp`, which is not zero."""
    if isinstance(config.deployment, MultiNodeDeploymentConfig):
        yield from _cp_is_not_zero(config)


def _cp_is_not_zero(config: RLConfig) -> Iterator[Refusal]:
    if config.trainer.model.cp == 0:
        yield Refusal(at.CP.path, "must not be 0", "set it to 1 or more")


def infer_gpus_hold_whole_engines(config: AnyConfig) -> Iterator[Refusal]:
    """The inference GPUs of one machine are a multiple of the tensor-parallel size."""
    deployment, inference = config.deployment, config.inference
    if deployment.type != "single_node" or inference is None:
        return
    gpus, tp = deployment.num_infer_gpus, inference.vllm.tensor_parallel_size
    if tp != 0 and gpus != inference.vllm.data_parallel_size * tp and gpus % tp != 0:
        message = f"must be a multiple of inference.vllm.tensor_parallel_size = {tp}, not {gpus}"
        yield Refusal(at.NUM_INFER_GPUS.path, message, None, (at.TP.path,))


def fsdp_groups_divide_nodes(config: AnyConfig) -> Iterator[Refusal]:
    """The training nodes are a multiple of `nodes_per_fsdp_group`."""
    deployment = config.deployment
    if deployment.type != "multi_node" or not deployment.nodes_per_fsdp_group:
        return
    nodes, group = deployment.num_train_nodes, deployment.nodes_per_fsdp_group
    if nodes % group != 0:
        message = f"must divide num_train_nodes = {nodes}, {group} does not"
        yield Refusal(at.NODES_PER_FSDP_GROUP.path, message, None, (at.NUM_TRAIN_NODES.path,))


def expert_parallel_layout(config: RLConfig) -> Iterator[Refusal]:
    """An expert-parallel replica fills its machines: dp x tp GPUs, GPUs // tp engines on each."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return
    vllm, gpus = inference.vllm, deployment.gpus_per_node
    tp = vllm.tensor_parallel_size
    spread = isinstance(inference.deployment, DisaggregatedInferenceDeploymentConfig)
    if not vllm.enable_expert_parallel or spread or tp == 0:
        return
    if gpus % tp != 0:
        yield Refusal(
            at.TP.path, f"must divide deployment.gpus_per_node = {gpus}, {tp} does not", None, (at.GPUS_PER_NODE.path,)
        )
        return
    total = (deployment.num_infer_nodes or 0) * gpus
    if total and vllm.data_parallel_size * tp != total:
        message = f"times tp {tp} must fill the {total} GPUs of a replica, {vllm.data_parallel_size} does not"
        related = (at.TP.path, at.NUM_INFER_NODES.path, at.GPUS_PER_NODE.path)
        yield Refusal(at.DP.path, message, f"set it to {total // tp}", related)
    if vllm.data_parallel_size_local != gpus // tp:
        message = f"must be {gpus // tp}, the engines on one machine, not {vllm.data_parallel_size_local}"
        yield Refusal(at.DP_LOCAL.path, message, "leave it out", (at.TP.path, at.GPUS_PER_NODE.path))


def engines_are_countable(config: RLConfig) -> Iterator[Refusal]:
    """The list of engine roles stays of a size that a config can hold; prime-rl itself runs out of memory."""
    count = engine_roles(config)
    if count is not None and count.total > MAX_ENGINE_ROLES:
        message = f"makes {count.total} engines, more than {MAX_ENGINE_ROLES}"
        yield Refusal(at.NUM_INFER_REPLICAS.path, message, "lower it", (at.NUM_INFER_NODES.path, at.GPUS_PER_NODE.path))


def disaggregated_nodes_agree(config: RLConfig) -> Iterator[Refusal]:
    """`num_infer_nodes` equals prefill and decode machines together."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return
    layout = inference.deployment
    if isinstance(layout, DisaggregatedInferenceDeploymentConfig):
        total = disaggregated_nodes(layout)
        if deployment.num_infer_nodes != total:
            message = f"must be {total}, prefill and decode nodes together, not {deployment.num_infer_nodes}"
            yield Refusal(at.NUM_INFER_NODES.path, message, "leave it out", (at.LAYOUT.path,))


ROOT_CHECKS: Final = (
    Check("X-01", infer_nodes_agree),
    Check("X-02", multi_node_needs_slurm),
    Check("X-02", infer_nodes_need_inference),
    Check("X-02", no_inference_needs_fake_data),
    Check("X-04", quantized_transfer_needs_custom_impl, since="v0.7.1.dev45"),
    Check("X-09a", one_model),
    Check("X-09b", one_chat_template),
    Check("X-09c", one_run_length),
    Check("X-09d", trainer_fits_sequences),
    Check("X-09e", one_checkpoint_schedule),
    Check("X-09f", one_wandb_run),
    Check("X-10", lora_broadcast_is_filesystem),
    Check("X-11", one_transport, since="v0.7.1.dev71"),
    Check("X-12", expert_balancing_needs_quantized_nccl),
    Check("X-13", one_lora_adapter),
    Check("X-16", router_fronts_the_engines, since="v0.7.1.dev72"),
    Check("X-17", router_replay_excludes_offload),
    Check("X-18", mooncake_needs_slurm),
    Check("X-19", divisors_are_not_zero),
    Check("X-19", context_parallel_divides_one_node),
    Check("X-19", context_parallel_divides_nodes, since="v0.8.1.dev3"),
    Check("X-19", infer_gpus_hold_whole_engines),
    Check("X-19", fsdp_groups_divide_nodes),
    Check("X-19", expert_parallel_layout),
    Check("X-20", disaggregated_nodes_agree),
    Check("X-20", engines_are_countable),
)
"""In prime-rl's order."""
