"""Derivations between sections: the values that prime-rl's launcher computes for the run as a whole (X-rules).

They run in the order of :data:`ROOT_DERIVATIONS`, which matters: X-10 reads the inference layout before X-19
completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from rlsplit.config.derivations.sections import declared, explicit, samples_from_policy
from rlsplit.config.rules import Derivation, Setting, keys
from rlsplit.config.run_facts import (
    MAX_ENGINE_ROLES,
    automatic_run_name,
    broadcast_world,
    default_broadcast,
    engine_roles,
    engine_workers,
    inference_node_count,
    run_dir,
)
from rlsplit.config.sections.base import Section
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

GPUS: Final = keys("deployment.gpus_per_node")
TP: Final = keys("inference.vllm.tensor_parallel_size")
DP: Final = keys("inference.vllm.data_parallel_size")
TRAINER_WORLD: Final = keys("trainer.weight_broadcast.inference_world_size")
ORCHESTRATOR_WORLD: Final = keys("orchestrator.weight_broadcast.inference_world_size")


# --- the rules -------------------------------------------------------------------------------------------------


def inferred_infer_nodes(config: RLConfig) -> Iterator[Setting]:
    """`num_infer_nodes` left out takes the node count of the inference section."""
    deployment = config.deployment
    if isinstance(deployment, MultiNodeDeploymentConfig) and deployment.num_infer_nodes is None:
        nodes = inference_node_count(config.inference)
        yield Setting(("deployment", "num_infer_nodes"), nodes, of=(("inference", "deployment"),))


def run_directory(config: RLConfig) -> Iterator[Setting]:
    """The run gets a name, and both components write to `output_dir/run.dir`."""
    if config.run.name is None:
        yield Setting(("run", "name"), automatic_run_name(config), of=(keys("trainer.model.name"),))
    if config.run.dir is None:
        yield Setting(("run", "dir"), config.run.name, of=(("run", "name"),))
    directory = run_dir(config.output_dir, config.run.dir or "")
    for component in ("trainer", "orchestrator"):
        yield Setting((component, "output_dir"), directory, of=(("output_dir",), ("run", "dir")))


def resume_everywhere(config: RLConfig) -> Iterator[Setting]:
    """A root `resume` replaces the components' own."""
    if config.resume is not None:
        for component in ("trainer", "orchestrator"):
            yield Setting((component, "resume"), config.resume.model_copy(), of=(("resume",),))


def monitors_take_run_name(config: RLConfig) -> Iterator[Setting]:
    """W&B and Prime monitors without name take the run's."""
    for owner in ((), ("trainer",), ("orchestrator",)):
        monitors = _at(config, owner).monitors
        for kind in ("wandb", "prime"):
            monitor = declared(monitors, kind)
            if monitor is not None and monitor.name is None:
                yield Setting((*owner, "monitors", kind, "name"), config.run.name, of=(("run", "name"),))


def _at(config: RLConfig, owner: tuple[str, ...]) -> Any:
    return getattr(config, owner[0]) if owner else config


def resolved_broadcast(config: RLConfig) -> Iterator[Setting]:
    """One weight broadcast for all parts: NCCL by default, the filesystem with LoRA or without inference."""
    if config.weight_broadcast is None:
        default = default_broadcast(config).model_construct()
        yield Setting(("weight_broadcast",), default, of=(keys("trainer.model.lora"), ("inference",)))
    shared = config.weight_broadcast
    assert shared is not None
    world = engine_workers(config)
    for component, ends in (("trainer", TRAINER_ENDS), ("orchestrator", ORCHESTRATOR_ENDS)):
        end = ends[shared.type](shared, world)
        yield Setting((component, "weight_broadcast"), end, of=(("weight_broadcast",), DP, TP))
    if config.inference:
        end = WeightBroadcastConfig.model_construct({"type"}, type=shared.type)
        yield Setting(("inference", "weight_broadcast"), end, of=(("weight_broadcast",),))


BroadcastEnd = Callable[[SharedWeightBroadcast, int], Section]


def _end_without_endpoint(end: type[Section]) -> BroadcastEnd:
    return lambda shared, world: end.model_construct()


def _endpoint(end: type[Section]) -> BroadcastEnd:
    # Built without validation: a derived world size is not re-validated (P-08).
    return lambda shared, world: end.model_construct(
        set(shared.model_fields_set), **dict(shared), inference_world_size=world
    )


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
        yield Setting(("rollout_transport",), transport, of=(keys("trainer.rollout_transport"),))


def lora_adapter(config: RLConfig) -> Iterator[Setting]:
    """A trained LoRA adapter is announced to the orchestrator and served by inference."""
    lora = config.trainer.model.lora
    if lora is None:
        return
    adapter = keys("orchestrator.model.lora")
    source = keys("trainer.model.lora")
    if config.orchestrator.model.lora is None:
        yield Setting(adapter, OrchestratorLoRAConfig.model_construct(), of=(source,))
    own = config.orchestrator.model.lora
    assert own is not None
    for field in ("rank", "alpha"):
        if getattr(own, field) is None:
            yield Setting((*adapter, field), getattr(lora, field), of=((*source, field),))
    if own.name is None:
        # repr is the shortest text that reads back as the same float: 32.0, 1e-05.
        name = f"r{own.rank}-a{own.alpha!r}"
        yield Setting((*adapter, "name"), name, of=((*adapter, "rank"), (*adapter, "alpha")))
    if config.inference:
        yield Setting(keys("inference.vllm.enable_lora"), True, of=(source,))
        yield Setting(keys("inference.vllm.max_lora_rank"), lora.rank, of=((*source, "rank"),))


def router_replay(config: RLConfig) -> Iterator[Setting]:
    """Router replay needs the engines to return the experts they routed to."""
    field = keys("inference.vllm.enable_return_routed_experts")
    if config.trainer.enable_router_replay and config.inference:
        known = config.inference.vllm.enable_return_routed_experts
        warning = None if known else "router replay needs routed experts from inference; they are switched on"
        yield Setting(field, True, of=(keys("trainer.enable_router_replay"),), warning=warning)


def padding(config: RLConfig) -> Iterator[Setting]:
    """Batches are padded to a multiple of the context-parallel degree."""
    cp = keys("trainer.model.cp")
    yield Setting(keys("orchestrator.pad_to_multiple_of"), config.trainer.model.cp, of=(cp,))


def train_workers(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator packs for as many data-parallel ranks as the trainer has."""
    deployment, cp = config.deployment, config.trainer.model.cp
    target, of = keys("orchestrator.num_train_workers"), keys("trainer.model.cp")
    if cp == 0:
        return
    if isinstance(deployment, MultiNodeDeploymentConfig):
        nodes, gpus = deployment.num_train_nodes, deployment.gpus_per_node
        formula = f"{nodes} nodes x {gpus} GPUs // cp {cp}"
        yield Setting(target, nodes * gpus // cp, (keys("deployment.num_train_nodes"), GPUS, of), formula)
    elif deployment.num_train_gpus > 1:
        formula = f"{deployment.num_train_gpus} GPUs // cp {cp}"
        yield Setting(target, deployment.num_train_gpus // cp, (keys("deployment.num_train_gpus"), of), formula)


def single_node_engines(config: RLConfig) -> Iterator[Setting]:
    """On one machine the engines fill the inference GPUs, with an API server each."""
    deployment = config.deployment
    if not isinstance(deployment, SingleNodeDeploymentConfig) or not config.inference:
        return
    vllm, gpus = config.inference.vllm, deployment.num_infer_gpus
    tp = vllm.tensor_parallel_size
    if gpus != vllm.data_parallel_size * tp and tp != 0 and gpus % tp == 0:
        yield Setting(DP, gpus // tp, (keys("deployment.num_infer_gpus"), TP), f"{gpus} GPUs // tp {tp}")
    if vllm.api_server_count < vllm.data_parallel_size and not vllm.enable_lora:
        yield Setting(keys("inference.vllm.api_server_count"), vllm.data_parallel_size, of=(DP,))


def fsdp_groups(config: RLConfig) -> Iterator[Setting]:
    """`nodes_per_fsdp_group` becomes the number of replicas of the sharded model."""
    deployment = config.deployment
    if isinstance(deployment, MultiNodeDeploymentConfig) and deployment.nodes_per_fsdp_group:
        nodes, group = deployment.num_train_nodes, deployment.nodes_per_fsdp_group
        if nodes % group == 0:
            of = (keys("deployment.num_train_nodes"), keys("deployment.nodes_per_fsdp_group"))
            yield Setting(keys("trainer.model.dp_replicate"), nodes // group, of, f"{nodes} nodes // {group}")


def multi_node_engines(config: RLConfig) -> Iterator[Setting]:
    """On several machines each holds GPUs // tp engines; with expert parallelism they form one group."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return
    vllm = inference.vllm
    tp = vllm.tensor_parallel_size
    if isinstance(inference.deployment, DisaggregatedInferenceDeploymentConfig) or tp == 0:
        return
    engines = deployment.gpus_per_node // tp
    if vllm.enable_expert_parallel:
        wanted: dict[str, tuple[bool, int]] = {
            "data_parallel_size_local": (vllm.data_parallel_size_local is None, engines),
            "api_server_count": (
                not vllm.enable_lora and vllm.api_server_count == vllm.data_parallel_size,
                engines,
            ),
        }
    else:
        several = engines > 1
        wanted = {
            "data_parallel_size": (several and vllm.data_parallel_size == 1, engines),
            "data_parallel_size_local": (several and vllm.data_parallel_size_local is None, engines),
            "api_server_count": (several and vllm.api_server_count == 1, engines),
        }
    formula = f"{deployment.gpus_per_node} GPUs // tp {tp}"
    for field, (applies, value) in wanted.items():
        if applies:
            yield Setting(("inference", "vllm", field), value, (GPUS, TP), formula)


def multi_node_broadcast(config: RLConfig) -> Iterator[Setting]:
    """Across machines the broadcast counts all inference GPUs, and the NCCL trainer binds everywhere."""
    deployment, shared = config.deployment, config.weight_broadcast
    if not isinstance(deployment, MultiNodeDeploymentConfig) or shared is None or shared.type == "filesystem":
        return
    nodes, replicas, gpus = (
        deployment.num_infer_nodes,
        deployment.num_infer_replicas,
        deployment.gpus_per_node,
    )
    of = (keys("deployment.num_infer_nodes"), keys("deployment.num_infer_replicas"), GPUS)
    for target in (TRAINER_WORLD, ORCHESTRATOR_WORLD):
        formula = f"{nodes} nodes x {replicas} replicas x {gpus} GPUs"
        yield Setting(target, broadcast_world(config), of, formula)
    if shared.type == "nccl":
        yield Setting(keys("trainer.weight_broadcast.host"), "0.0.0.0", of=(("deployment", "type"),))


def disaggregated_roles(config: RLConfig) -> Iterator[Setting]:
    """Under disaggregated inference every engine of every replica gets its role, prefill before decode."""
    count = engine_roles(config)
    if count is None or sum(count) > MAX_ENGINE_ROLES or explicit(config.orchestrator, "inference_metrics_roles"):
        return
    assert isinstance(config.deployment, MultiNodeDeploymentConfig)
    (prefill, decode), replicas = count, config.deployment.num_infer_replicas
    roles = (["prefill"] * (prefill // replicas) + ["decode"] * (decode // replicas)) * replicas
    yield Setting(keys("orchestrator.inference_metrics_roles"), roles, of=(("inference", "deployment"), GPUS, TP))


def policy_client(config: RLConfig) -> Iterator[Setting]:
    """The orchestrator finds the policy server: its router for rollouts, its engines for weight updates."""
    if config.inference is None:
        return
    client, inference = config.orchestrator.model.client, config.inference
    target, server = keys("orchestrator.model.client"), keys("inference.server")
    host = inference.server.host or "localhost"
    sources = config.orchestrator.train.source
    from_policy = any(source.algo is not None and samples_from_policy(source.algo) for source in sources)
    if not from_policy and not explicit(client, "base_url"):
        url = f"http://{host}:{inference.server.port}/v1"
        yield Setting((*target, "base_url"), url, of=((*server, "host"), (*server, "port")))
    routed = isinstance(config.deployment, SingleNodeDeploymentConfig) and inference.router is not None
    if routed and not explicit(client, "admin_base_url"):
        url = f"http://{host}:{inference.backend_port}/v1"
        yield Setting((*target, "admin_base_url"), [url], of=((*server, "host"), keys("inference.backend_port")))


_ENGINE_FIELDS: Final = tuple(
    keys(f"inference.vllm.{field}") for field in ("data_parallel_size", "data_parallel_size_local", "api_server_count")
)

ROOT_DERIVATIONS: Final = (
    Derivation("X-01", inferred_infer_nodes, (keys("deployment.num_infer_nodes"),)),
    Derivation(
        "X-06",
        run_directory,
        (("run", "name"), ("run", "dir"), keys("trainer.output_dir"), keys("orchestrator.output_dir")),
    ),
    Derivation("X-07", resume_everywhere, (keys("trainer.resume"), keys("orchestrator.resume"))),
    Derivation("X-08", monitors_take_run_name, ()),
    Derivation(
        "X-10",
        resolved_broadcast,
        (
            ("weight_broadcast",),
            keys("trainer.weight_broadcast"),
            keys("orchestrator.weight_broadcast"),
            keys("inference.weight_broadcast"),
        ),
    ),
    Derivation("X-11", resolved_transport, (("rollout_transport",),)),
    Derivation(
        "X-13",
        lora_adapter,
        (
            keys("orchestrator.model.lora"),
            keys("inference.vllm.enable_lora"),
            keys("inference.vllm.max_lora_rank"),
        ),
    ),
    Derivation("X-14", router_replay, (keys("inference.vllm.enable_return_routed_experts"),)),
    Derivation("X-19", padding, (keys("orchestrator.pad_to_multiple_of"),)),
    Derivation("X-19", train_workers, (keys("orchestrator.num_train_workers"),)),
    Derivation("X-19", single_node_engines, _ENGINE_FIELDS),
    Derivation("X-19", fsdp_groups, (keys("trainer.model.dp_replicate"),)),
    Derivation("X-19", multi_node_engines, _ENGINE_FIELDS),
    Derivation("X-19", multi_node_broadcast, (TRAINER_WORLD, ORCHESTRATOR_WORLD)),
    Derivation("X-20", disaggregated_roles, (keys("orchestrator.inference_metrics_roles"),)),
    Derivation(
        "X-21",
        policy_client,
        (keys("orchestrator.model.client.base_url"), keys("orchestrator.model.client.admin_base_url")),
    ),
)
"""In prime-rl's order. X-05 is propagation; X-22 (template paths) reaches no component."""
