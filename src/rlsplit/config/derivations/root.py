"""Derivations between sections: the values that prime-rl's launcher computes for the run as a whole (X-rules).

They run in the order of :data:`ROOT_DERIVATIONS`, which matters: X-10 reads the inference layout before X-19
completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from rlsplit.config import run_keys as at
from rlsplit.config.fields import explicit
from rlsplit.config.keys import Key
from rlsplit.config.rules import Derivation, Setting
from rlsplit.config.run_facts import (
    MAX_ENGINE_ROLES,
    automatic_run_name,
    default_broadcast,
    engine_roles,
    engine_workers,
    inference_gpus,
    inference_node_count,
    run_dir,
    samples_from_policy,
)
from rlsplit.config.sections.base import Section, taken_over
from rlsplit.config.sections.deployment import (
    DisaggregatedInferenceDeploymentConfig,
    MultiNodeDeploymentConfig,
    SingleNodeDeploymentConfig,
)
from rlsplit.config.sections.orchestrator import OrchestratorLoRAConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.transport import (
    OrchestratorFileSystemWeightBroadcastConfig,
    OrchestratorNCCLWeightBroadcastConfig,
    OrchestratorNIXLWeightBroadcastConfig,
    SharedWeightBroadcast,
    TrainerFileSystemWeightBroadcastConfig,
    TrainerNCCLWeightBroadcastConfig,
    TrainerNIXLWeightBroadcastConfig,
    WeightBroadcastConfig,
)
from rlsplit.config.sections.vllm import VllmConfig
from rlsplit.findings import KeyPath

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

# --- the rules -------------------------------------------------------------------------------------------------


def inferred_infer_nodes(config: RLConfig) -> Iterator[Setting]:
    """`num_infer_nodes` left out takes the node count of the inference section."""
    deployment = config.deployment
    if isinstance(deployment, MultiNodeDeploymentConfig) and deployment.num_infer_nodes is None:
        nodes = inference_node_count(config.inference)
        yield Setting(at.NUM_INFER_NODES.path, nodes, of=(at.LAYOUT.path,))


def run_directory(config: RLConfig) -> Iterator[Setting]:
    """The run gets a name, and both components write to `output_dir/run.dir`."""
    if config.run.name is None:
        yield Setting(at.RUN_NAME.path, automatic_run_name(config), of=(at.TRAINER_MODEL_NAME.path,))
    if config.run.dir is None:
        yield Setting(at.RUN_DIR.path, config.run.name, of=(at.RUN_NAME.path,))
    directory = run_dir(config.output_dir, config.run.dir or "")
    for target in (at.TRAINER_OUTPUT_DIR, at.ORCHESTRATOR_OUTPUT_DIR):
        yield Setting(target.path, directory, of=(at.OUTPUT_DIR.path, at.RUN_DIR.path))


def resume_everywhere(config: RLConfig) -> Iterator[Setting]:
    """A root `resume` replaces the components' own."""
    if config.resume is not None:
        for target in (at.TRAINER_RESUME, at.ORCHESTRATOR_RESUME):
            yield Setting(target.path, config.resume.model_copy(), of=(at.RESUME.path,))


def monitors_take_run_name(config: RLConfig) -> Iterator[Setting]:
    """W&B and Prime monitors without name take the run's."""
    for block, name in NAMED_MONITORS:
        monitor = block.read(config)
        if monitor is not None and name.read(monitor) is None:
            yield Setting(name.path, config.run.name, of=(at.RUN_NAME.path,))


NAMED_MONITORS: Final[tuple[tuple[Key[RLConfig, Any], Key[Any, str | None]], ...]] = (
    (at.WANDB, at.WANDB_NAME),
    (at.PRIME, at.PRIME_NAME),
    (at.TRAINER_WANDB, at.TRAINER_WANDB_NAME),
    (at.ORCHESTRATOR_WANDB, at.ORCHESTRATOR_WANDB_NAME),
    (at.ORCHESTRATOR_PRIME, at.ORCHESTRATOR_PRIME_NAME),
)
"""Blocks, and the names in them."""


def resolved_broadcast(config: RLConfig) -> Iterator[Setting]:
    """One weight broadcast for all parts: NCCL by default, the filesystem with LoRA or without inference."""
    if config.weight_broadcast is None:
        default = default_broadcast(config).model_construct()
        yield Setting(at.BROADCAST.path, default, of=(at.LORA.path, at.INFERENCE.path))
    shared = config.weight_broadcast
    assert shared is not None
    world = engine_workers(config)
    for target, ends in ((at.TRAINER_BROADCAST, TRAINER_ENDS), (at.ORCHESTRATOR_BROADCAST, ORCHESTRATOR_ENDS)):
        end = ends[shared.type](shared, world)
        yield Setting(target.path, end, of=(at.BROADCAST.path, at.DP.path, at.TP.path))
    if config.inference:
        end = WeightBroadcastConfig.model_construct({"type"}, type=shared.type)
        yield Setting(at.INFERENCE_BROADCAST.path, end, of=(at.BROADCAST.path,))


BroadcastEnd = Callable[[SharedWeightBroadcast, int], Section]


def _end_without_endpoint(end: type[Section]) -> BroadcastEnd:
    return lambda shared, world: end.model_construct()


def _endpoint(end: type[Section]) -> BroadcastEnd:
    # Built without validation: a derived world size is not re-validated (P-08).
    return lambda shared, world: taken_over(end, shared, inference_world_size=world)


TRAINER_ENDS: Final = {
    "filesystem": _end_without_endpoint(TrainerFileSystemWeightBroadcastConfig),
    "nccl": _endpoint(TrainerNCCLWeightBroadcastConfig),
    "nixl": _endpoint(TrainerNIXLWeightBroadcastConfig),
}
ORCHESTRATOR_ENDS: Final = {
    "filesystem": _end_without_endpoint(OrchestratorFileSystemWeightBroadcastConfig),
    "nccl": _endpoint(OrchestratorNCCLWeightBroadcastConfig),
    "nixl": _endpoint(OrchestratorNIXLWeightBroadcastConfig),
}


def resolved_transport(config: RLConfig) -> Iterator[Setting]:
    """A root without rollout transport takes the trainer's."""
    if config.rollout_transport is None:
        transport = config.trainer.rollout_transport
        yield Setting(at.TRANSPORT.path, transport, of=(at.TRAINER_TRANSPORT.path,))


def lora_adapter(config: RLConfig) -> Iterator[Setting]:
    """A trained LoRA adapter is announced to the orchestrator and served by inference."""
    lora = config.trainer.model.lora
    if lora is None:
        return
    if config.orchestrator.model.lora is None:
        yield Setting(at.ADAPTER.path, OrchestratorLoRAConfig.model_construct(), of=(at.LORA.path,))
    own = config.orchestrator.model.lora
    assert own is not None
    if own.rank is None:
        yield Setting(at.ADAPTER_RANK.path, lora.rank, of=(at.LORA_RANK.path,))
    if own.alpha is None:
        yield Setting(at.ADAPTER_ALPHA.path, lora.alpha, of=(at.LORA_ALPHA.path,))
    if own.name is None:
        # repr is the shortest text that reads back as the same float: 32.0, 1e-05.
        name = f"r{own.rank}-a{own.alpha!r}"
        yield Setting(at.ADAPTER_NAME.path, name, of=(at.ADAPTER_RANK.path, at.ADAPTER_ALPHA.path))
    if config.inference:
        yield Setting(at.ENABLE_LORA.path, True, of=(at.LORA.path,))
        yield Setting(at.MAX_LORA_RANK.path, lora.rank, of=(at.LORA_RANK.path,))


def router_replay(config: RLConfig) -> Iterator[Setting]:
    """Router replay needs the engines to return the experts they routed to."""
    if config.trainer.enable_router_replay and config.inference:
        known = config.inference.vllm.enable_return_routed_experts
        warning = None if known else "router replay needs routed experts from inference; they are switched on"
        yield Setting(at.ROUTED_EXPERTS.path, True, of=(at.ROUTER_REPLAY.path,), warning=warning)


def padding(config: RLConfig) -> Iterator[Setting]:
    """Batches are padded to a multiple of the context-parallel degree."""
    yield Setting(at.PAD_TO_MULTIPLE_OF.path, config.trainer.model.cp, of=(at.CP.path,))


def train_workers(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator packs for as many data-parallel ranks as the trainer has."""
    deployment, cp = config.deployment, config.trainer.model.cp
    target = at.NUM_TRAIN_WORKERS.path
    if cp == 0:
        return
    if isinstance(deployment, MultiNodeDeploymentConfig):
        nodes, gpus = deployment.num_train_nodes, deployment.gpus_per_node
        of = (at.NUM_TRAIN_NODES.path, at.GPUS_PER_NODE.path, at.CP.path)
        yield Setting(target, nodes * gpus // cp, of, f"{nodes} nodes x {gpus} GPUs // cp {cp}")
    elif deployment.num_train_gpus > 1:
        gpus = deployment.num_train_gpus
        yield Setting(target, gpus // cp, (at.NUM_TRAIN_GPUS.path, at.CP.path), f"{gpus} GPUs // cp {cp}")


def single_node_engines(config: AnyConfig) -> Iterator[Setting]:
    """On one machine the engines fill the inference GPUs, with an API server each."""
    deployment = config.deployment
    if deployment.type != "single_node" or not config.inference:
        return
    vllm, gpus = config.inference.vllm, deployment.num_infer_gpus
    tp = vllm.tensor_parallel_size
    if gpus != vllm.data_parallel_size * tp and tp != 0 and gpus % tp == 0:
        yield Setting(at.DP.path, gpus // tp, (at.NUM_INFER_GPUS.path, at.TP.path), f"{gpus} GPUs // tp {tp}")
    if vllm.api_server_count < vllm.data_parallel_size and not vllm.enable_lora:
        yield Setting(at.API_SERVERS.path, vllm.data_parallel_size, of=(at.DP.path,))


def fsdp_groups(config: RLConfig) -> Iterator[Setting]:
    """`nodes_per_fsdp_group` becomes the number of replicas of the sharded model."""
    yield from fsdp_replicas(config, at.DP_REPLICATE.path)


def fsdp_replicas(config: AnyConfig, target: KeyPath) -> Iterator[Setting]:
    """Give the number of replicas that `nodes_per_fsdp_group` makes to a key, where it divides the nodes."""
    deployment = config.deployment
    if deployment.type == "multi_node" and deployment.nodes_per_fsdp_group:
        nodes, group = deployment.num_train_nodes, deployment.nodes_per_fsdp_group
        if nodes % group == 0:
            of = (at.NUM_TRAIN_NODES.path, at.NODES_PER_FSDP_GROUP.path)
            yield Setting(target, nodes // group, of, f"{nodes} nodes // {group}")


def multi_node_engines(config: RLConfig) -> Iterator[Setting]:
    """On several machines each holds GPUs // tp engines; with expert parallelism they form one group."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return
    tp = inference.vllm.tensor_parallel_size
    if isinstance(inference.deployment, DisaggregatedInferenceDeploymentConfig) or tp == 0:
        return
    engines = deployment.gpus_per_node // tp
    for target in _counted_engines(inference.vllm, engines):
        formula = f"{deployment.gpus_per_node} GPUs // tp {tp}"
        yield Setting(target.path, engines, (at.GPUS_PER_NODE.path, at.TP.path), formula)


def _counted_engines(vllm: VllmConfig, engines: int) -> tuple[Key[VllmConfig, Any], ...]:
    """The fields that take the number of engines of a machine, since nobody said otherwise."""
    if vllm.enable_expert_parallel:
        applies: dict[Key[VllmConfig, Any], bool] = {
            at.DP_LOCAL: vllm.data_parallel_size_local is None,
            at.API_SERVERS: not vllm.enable_lora and vllm.api_server_count == vllm.data_parallel_size,
        }
    else:
        several = engines > 1
        applies = {
            at.DP: several and vllm.data_parallel_size == 1,
            at.DP_LOCAL: several and vllm.data_parallel_size_local is None,
            at.API_SERVERS: several and vllm.api_server_count == 1,
        }
    return tuple(target for target, does in applies.items() if does)


def multi_node_broadcast(config: RLConfig) -> Iterator[Setting]:
    """Across machines the broadcast counts all inference GPUs, and the NCCL trainer binds everywhere."""
    deployment, shared = config.deployment, config.weight_broadcast
    if not isinstance(deployment, MultiNodeDeploymentConfig) or shared is None or shared.type == "filesystem":
        return
    gpus = inference_gpus(deployment)
    of = (at.NUM_INFER_NODES.path, at.NUM_INFER_REPLICAS.path, at.GPUS_PER_NODE.path)
    formula = f"{gpus.nodes} nodes x {gpus.replicas} replicas x {gpus.gpus_per_node} GPUs"
    for target in (at.TRAINER_WORLD, at.ORCHESTRATOR_WORLD):
        yield Setting(target.path, gpus.total, of, formula)
    if shared.type == "nccl":
        yield Setting(at.TRAINER_HOST.path, "0.0.0.0", of=(at.DEPLOYMENT_TYPE.path,))


def disaggregated_roles(config: RLConfig) -> Iterator[Setting]:
    """Under disaggregated inference every engine of every replica gets its role, prefill before decode."""
    count = engine_roles(config)
    if count is None or count.total > MAX_ENGINE_ROLES or explicit(config.orchestrator, "inference_metrics_roles"):
        return
    roles = (["prefill"] * count.prefill + ["decode"] * count.decode) * count.replicas
    yield Setting(at.METRICS_ROLES.path, roles, of=(at.LAYOUT.path, at.GPUS_PER_NODE.path, at.TP.path))


def policy_client(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator finds the policy server: its router for rollouts, its engines for weight updates."""
    if config.inference is None:
        return
    client, inference = config.orchestrator.model.client, config.inference
    host = inference.server.host or "localhost"
    from_policy = any(samples_from_policy(source) for source in config.orchestrator.train.source)
    if not from_policy and not explicit(client, "base_url"):
        url = f"http://{host}:{inference.server.port}/v1"
        yield Setting(at.BASE_URL.path, url, of=(at.SERVER_HOST.path, at.SERVER_PORT.path))
    routed = isinstance(config.deployment, SingleNodeDeploymentConfig) and inference.router is not None
    if routed and not explicit(client, "admin_base_url"):
        url = f"http://{host}:{inference.backend_port}/v1"
        yield Setting(at.ADMIN_BASE_URL.path, [url], of=(at.SERVER_HOST.path, at.BACKEND_PORT.path))


def rule(
    code: str, derive: Callable[[Any], Iterator[Setting]], *sets: Key[Any, Any], since: str | None = None
) -> Derivation:
    """Make a derivation between sections, which may set the fields at some keys."""
    return Derivation(code, derive, tuple(target.path for target in sets), since=since)


ROOT_DERIVATIONS: Final = (
    rule("X-01", inferred_infer_nodes, at.NUM_INFER_NODES),
    rule(
        "X-06",
        run_directory,
        at.RUN_NAME,
        at.RUN_DIR,
        at.TRAINER_OUTPUT_DIR,
        at.ORCHESTRATOR_OUTPUT_DIR,
        since="v0.8.1.dev26",
    ),
    rule("X-07", resume_everywhere, at.TRAINER_RESUME, at.ORCHESTRATOR_RESUME),
    rule("X-08", monitors_take_run_name, *(name for _, name in NAMED_MONITORS), since="v0.8.1.dev26"),
    rule(
        "X-10",
        resolved_broadcast,
        at.BROADCAST,
        at.TRAINER_BROADCAST,
        at.ORCHESTRATOR_BROADCAST,
        at.INFERENCE_BROADCAST,
    ),
    rule("X-11", resolved_transport, at.TRANSPORT),
    rule("X-13", lora_adapter, at.ADAPTER, at.ENABLE_LORA, at.MAX_LORA_RANK),
    rule("X-14", router_replay, at.ROUTED_EXPERTS),
    rule("X-19", padding, at.PAD_TO_MULTIPLE_OF, since="v0.8.1.dev3"),
    rule("X-19", train_workers, at.NUM_TRAIN_WORKERS, since="v0.8.1.dev3"),
    rule("X-19", single_node_engines, at.DP, at.API_SERVERS),
    rule("X-19", fsdp_groups, at.DP_REPLICATE),
    rule("X-19", multi_node_engines, at.DP, at.DP_LOCAL, at.API_SERVERS),
    rule("X-19", multi_node_broadcast, at.TRAINER_WORLD, at.TRAINER_HOST, at.ORCHESTRATOR_WORLD),
    rule("X-20", disaggregated_roles, at.METRICS_ROLES),
    rule("X-21", policy_client, at.BASE_URL, at.ADMIN_BASE_URL, since="v0.8.1.dev3"),
)
"""In prime-rl's order. X-05 is propagation; X-22 (template paths) reaches no component."""
