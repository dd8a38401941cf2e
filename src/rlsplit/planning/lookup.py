"""The one place where prime-rl's names are looked up after the split.

The typed configuration behind a :class:`~rlsplit.splitting.Split` is read once, so that a field that is renamed in a
section is an error of the type checker here and nowhere else in planning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

from rlsplit.components import SourceSplit
from rlsplit.config.fields import declared
from rlsplit.config.sections.algorithms import AlgoConfig, FrozenModelConfig
from rlsplit.config.sections.deployment import (
    DisaggregatedInferenceDeploymentConfig,
    MultiNodeDeploymentConfig,
    MultiNodeInferenceDeploymentConfig,
    SingleNodeDeploymentConfig,
)
from rlsplit.config.sections.inference import InferenceConfig, VllmRouterConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.shared import MonitorsConfig
from rlsplit.config.sections.sources import SourceConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.transport import (
    BroadcastEndpoint,
    OrchestratorWeightBroadcast,
    RolloutTransport,
    TrainerWeightBroadcast,
    ZMQTransportConfig,
)
from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_list, is_table, value_at
from rlsplit.planning.settings import (
    Broadcast,
    Endpoint,
    EnvSource,
    FrozenModel,
    Inference,
    MultiNode,
    Orchestrator,
    RunSettings,
    SingleNode,
    Trainer,
    Value,
)
from rlsplit.splitting import Split

T = TypeVar("T")

DISAGGREGATED: Final[str] = DisaggregatedInferenceDeploymentConfig.model_fields["type"].default
"""The layout of separate prefill and decode machines."""


def settings_of(split: Split) -> RunSettings:
    """Read a split once."""
    config = split.config
    return RunSettings(
        run_name=_own(config.run.name or "", "run", "name"),
        clean=_own(config.clean, "clean"),
        has_slurm=_own(split.launch.has_slurm, "slurm"),
        env_vars=_own(config.env_vars, "env_vars"),
        deployment=_deployment(config.deployment),
        trainer=_trainer(config.trainer),
        orchestrator=_orchestrator(split, config.orchestrator),
        inference=None if config.inference is None else _inference(config.inference),
        frozen_models=tuple(_frozen_models(config.orchestrator.algo, ("orchestrator", "algo"))),
        sources=tuple(_sources(split, config)),
    )


def _own(value: T, *key: str) -> Value[T]:
    """A value that is written in its component."""
    return Value(value, key, key[1:])


def _shared(value: T, *key: str) -> Value[T]:
    """A value that is written once at the root and stands in a component under the same name."""
    return Value(value, key, key)


def _deployment(deployment: SingleNodeDeploymentConfig | MultiNodeDeploymentConfig) -> SingleNode | MultiNode:
    at = "deployment"
    gpus = _own(deployment.gpus_per_node, at, "gpus_per_node")
    if isinstance(deployment, SingleNodeDeploymentConfig):
        return SingleNode(
            gpus_per_node=gpus,
            train_gpus=_own(deployment.num_train_gpus, at, "num_train_gpus"),
            infer_gpus=_own(deployment.num_infer_gpus, at, "num_infer_gpus"),
        )
    return MultiNode(
        gpus_per_node=gpus,
        train_nodes=_own(deployment.num_train_nodes, at, "num_train_nodes"),
        infer_nodes=_own(deployment.num_infer_nodes, at, "num_infer_nodes"),
        infer_replicas=_own(deployment.num_infer_replicas, at, "num_infer_replicas"),
        orchestrator_on_inference=_own(deployment.orchestrator_on_inference, at, "orchestrator_on_inference"),
    )


def _trainer(trainer: TrainerConfig) -> Trainer:
    at, resume, metrics = "trainer", trainer.resume, trainer.metrics_server
    host, port = (at, "metrics_server", "host"), (at, "metrics_server", "port")
    return Trainer(
        model=_own(trainer.model.name, at, "model", "name"),
        has_fake_data=_own(trainer.data.fake is not None, at, "data", "fake"),
        has_ckpt=trainer.ckpt is not None,
        ckpt_dir=_own(trainer.ckpt.output_dir if trainer.ckpt else None, at, "ckpt", "output_dir"),
        resumes=resume is not None,
        resume_step=_shared(resume.step if resume else None, "resume", "step"),
        resume_dir=_shared(resume.dir if resume else None, "resume", "dir"),
        broadcast=_broadcast(trainer.weight_broadcast),
        rollouts=_rollouts(trainer.rollout_transport),
        metrics=None if metrics is None else Endpoint(host=_own(metrics.host, *host), port=_own(metrics.port, *port)),
        metrics_host=host[1:],
        metrics_port=port[1:],
        trace_path=_own(trainer.trace_path, at, "trace_path"),
        memory_profiler_path=_own(trainer.memory_profiler_path, at, "memory_profiler_path"),
        conversion_dir=_own(trainer.model.conversion_dir, at, "model", "conversion_dir"),
        dp_replicate=_own(trainer.model.dp_replicate, at, "model", "dp_replicate"),
        cp=_own(trainer.model.cp, at, "model", "cp"),
        ep=_own(trainer.model.ep, at, "model", "ep"),
        wandb=_wandb(trainer.monitors, at),
        file_monitor=_file_monitor(trainer.monitors, at),
        ranks_filter=tuple(trainer.log.ranks_filter),
        output_dir=_own(trainer.output_dir, at, "output_dir").path,
        env_vars=_own(trainer.env_vars, at, "env_vars"),
    )


def _orchestrator(split: Split, orchestrator: OrchestratorConfig) -> Orchestrator:
    at, client = "orchestrator", orchestrator.model.client
    return Orchestrator(
        base_url=_own(client.base_url, at, "model", "client", "base_url"),
        admin_base_url=_own(tuple(client.admin_base_url or ()), at, "model", "client", "admin_base_url"),
        broadcast=_broadcast(orchestrator.weight_broadcast),
        rollouts=_rollouts(orchestrator.rollout_transport),
        prime_monitor=_own(orchestrator.monitors.prime is not None, at, "monitors", "prime"),
        wandb=_wandb(orchestrator.monitors, at),
        file_monitor=_file_monitor(orchestrator.monitors, at),
        seq_len=_own(orchestrator.seq_len, at, "seq_len"),
        max_completion_tokens=_own(orchestrator.train.sampling.max_completion_tokens, *_TOKENS),
        train_sources=_own(_count(split.orchestrator.resolved, ("train", "source")), at, "train", "source"),
        output_dir=_own(orchestrator.output_dir, at, "output_dir").path,
        env_vars=_own(orchestrator.env_vars, at, "env_vars"),
    )


def _inference(inference: InferenceConfig) -> Inference:
    at, vllm, layout, offload = "inference", inference.vllm, inference.deployment, inference.kv_cache_offload
    router, server = inference.router, inference.server
    return Inference(
        model=_own(vllm.model, at, "vllm", "model"),
        max_model_len=_own(vllm.max_model_len, at, "vllm", "max_model_len"),
        tensor_parallel=_own(vllm.tensor_parallel_size, at, "vllm", "tensor_parallel_size"),
        data_parallel=_own(vllm.data_parallel_size, at, "vllm", "data_parallel_size"),
        data_parallel_local=_own(vllm.data_parallel_size_local, at, "vllm", "data_parallel_size_local").path,
        api_servers=_own(vllm.api_server_count, at, "vllm", "api_server_count").path,
        expert_parallel=_own(vllm.enable_expert_parallel, at, "vllm", "enable_expert_parallel"),
        rpc_port=_own(vllm.data_parallel_rpc_port, at, "vllm", "data_parallel_rpc_port"),
        host=_own(server.host, at, "server", "host"),
        port=_own(server.port, at, "server", "port"),
        backend_port=_own(inference.backend_port, at, "backend_port"),
        liveness_timeout=server.liveness_timeout_seconds,
        router=_own(router.type if router else None, at, "router", "type"),
        router_policy=_own(router.policy if isinstance(router, VllmRouterConfig) else None, at, "router", "policy"),
        layout=_own(layout.type, at, "deployment", "type"),
        layout_nodes=layout.num_nodes if isinstance(layout, MultiNodeInferenceDeploymentConfig) else 1,
        offload=_own(offload.type if offload else None, at, "kv_cache_offload", "type"),
        env_vars=_own(inference.env_vars, at, "env_vars"),
    )


def _broadcast(broadcast: TrainerWeightBroadcast | OrchestratorWeightBroadcast) -> Broadcast:
    meets = None
    if isinstance(broadcast, BroadcastEndpoint):
        at = "weight_broadcast"
        meets = Endpoint(host=_shared(broadcast.host, at, "host"), port=_shared(broadcast.port, at, "port"))
    return Broadcast(type=broadcast.type, meets=meets)


def _rollouts(transport: RolloutTransport) -> Endpoint | None:
    if not isinstance(transport, ZMQTransportConfig):
        return None
    at = "rollout_transport"
    return Endpoint(host=_shared(transport.host, at, "host"), port=_shared(transport.port, at, "port"))


def _file_monitor(monitors: MonitorsConfig, component: str) -> Value[str | None]:
    return _own(monitors.file.path if monitors.file else None, component, "monitors", "file", "path")


def _wandb(monitors: MonitorsConfig, component: str) -> Value[bool]:
    is_online = monitors.wandb is not None and not monitors.wandb.offline
    return _own(is_online, component, "monitors", "wandb")


_TOKENS: Final = ("orchestrator", "train", "sampling", "max_completion_tokens")

# --- environment sources ---------------------------------------------------------------------------------------


def _sources(split: Split, config: RLConfig) -> Iterator[EnvSource]:
    """Typed where they were checked; as they were sent where they were set aside (H-02)."""
    if config.provenance.mode == "hosted":
        yield from _sent_sources(split)
        return
    for position, source in enumerate(config.orchestrator.train.source):
        # A source that inherits the orchestrator's algorithm names no model of its own.
        own = source.algo if source.algo != config.orchestrator.algo else None
        tokens = source.sampling.max_completion_tokens
        inherits = tokens == config.orchestrator.train.sampling.max_completion_tokens
        yield _source("train", position, source, own, None if inherits else tokens)
    for position, evaluated in enumerate(config.orchestrator.eval.source if config.orchestrator.eval else ()):
        yield _source("eval", position, evaluated)


def _source(
    split: SourceSplit,
    position: int,
    source: SourceConfig,
    algo: AlgoConfig | None = None,
    tokens: int | None = None,
) -> EnvSource:
    key: KeyPath = ("orchestrator", split, "source", position)
    address: KeyPath = (*key, "serve", "address")
    sampled: KeyPath = (*key, "sampling", "max_completion_tokens")
    return EnvSource(
        split=split,
        position=position,
        address=Value(source.serve.address, address, address[1:]),
        frozen_models=tuple(_frozen_models(algo, (*key, "algo"))),
        name=_naming_key(source.env, source.name, key),
        runtimes=tuple(_runtimes(source.env, (*key, "env"))),
        max_completion_tokens=Value(tokens, sampled, sampled[1:]),
    )


def _naming_key(env: Any, name: object, key: KeyPath) -> KeyPath:
    """The last of the ids in an environment gives a source without a name of its own the end of its name."""
    if name:
        return (*key, "name")
    taskset: KeyPath = ("env", "taskset", "id")
    return (*key, *(taskset if value_at({"env": env}, taskset) else ("env", "id")))


def _runtimes(node: Any, key: KeyPath) -> Iterator[Value[str]]:
    """Every seat of an environment, whatever the plugin calls it, may choose a ``runtime``."""
    if is_list(node):
        for i, item in enumerate(node):
            yield from _runtimes(item, (*key, i))
    elif is_table(node):
        for name, value in node.items():
            kind = value.get("type") if name == "runtime" and is_table(value) else None
            if isinstance(kind, str):
                yield Value(kind, (*key, name, "type"), (*key[1:], name, "type"))
            yield from _runtimes(value, (*key, name))


def _frozen_models(algo: AlgoConfig | None, key: KeyPath) -> Iterator[FrozenModel]:
    """The models that an algorithm queries: its teacher, and what it samples from."""
    if algo is None:
        return
    teacher, source = declared(algo, "teacher"), algo.sampling.source
    if isinstance(teacher, FrozenModelConfig):
        yield _frozen_model("teacher", teacher.base_url, (*key, "teacher", "base_url"))
    if isinstance(source, FrozenModelConfig):
        yield _frozen_model("samples", source.base_url, (*key, "sampling", "source", "base_url"))


def _frozen_model(role: Literal["teacher", "samples"], base_url: str, key: KeyPath) -> FrozenModel:
    return FrozenModel(role, Value(base_url, key, key[1:]))


def _sent_sources(split: Split) -> Iterator[EnvSource]:
    """Sources of a hosted run, of any type: those that are tables, by the names that every source has."""
    orchestrator = split.orchestrator.resolved
    parts: tuple[SourceSplit, ...] = ("train", "eval")
    for part in parts:
        listed: Any = value_at(orchestrator, (part, "source"))
        for position, table in enumerate(listed if is_list(listed) else ()):
            if is_table(table):
                own = table.get("algo") != orchestrator.get("algo")
                yield _sent_source(part, position, table, own)


def _sent_source(part: SourceSplit, position: int, table: Mapping[str, Any], has_own_algo: bool) -> EnvSource:
    key: KeyPath = ("orchestrator", part, "source", position)
    address: KeyPath = (*key, "serve", "address")
    tokens: KeyPath = (*key, "sampling", "max_completion_tokens")
    return EnvSource(
        split=part,
        position=position,
        address=Value(value_at(table, ("serve", "address")), address, address[1:]),
        frozen_models=tuple(_sent_models(table, key)) if has_own_algo else (),
        name=_naming_key(table.get("env"), table.get("name"), key),
        runtimes=tuple(_runtimes(table.get("env"), (*key, "env"))),
        max_completion_tokens=Value(None, tokens, tokens[1:]),
    )


def _count(table: Mapping[str, Any], path: KeyPath) -> int:
    listed = value_at(table, path)
    return len(listed) if is_list(listed) else 0


def _sent_models(table: Mapping[str, Any], key: KeyPath) -> Iterator[FrozenModel]:
    paths: tuple[tuple[Literal["teacher", "samples"], KeyPath], ...] = (
        ("teacher", ("algo", "teacher", "base_url")),
        ("samples", ("algo", "sampling", "source", "base_url")),
    )
    for role, path in paths:
        url = value_at(table, path)
        if isinstance(url, str):
            yield _frozen_model(role, url, (*key, *path))
