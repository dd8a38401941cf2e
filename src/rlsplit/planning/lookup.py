"""The one place where prime-rl's names are looked up after the split.

The typed configuration behind a :class:`~rlsplit.splitting.Split` is read once, so that a field that is renamed in a
section is an error of the type checker here and nowhere else in planning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

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

DISAGGREGATED: Final[str] = DisaggregatedInferenceDeploymentConfig.model_fields["type"].default
"""The layout of separate prefill and decode machines."""


def settings_of(split: Split) -> RunSettings:
    """Read a split once."""
    config = split.config
    return RunSettings(
        run_name=Value(config.run.name or "", ("run", "name")),
        clean=Value(config.clean, ("clean",)),
        has_slurm=Value(split.launch.has_slurm, ("slurm",)),
        env_vars=Value(config.env_vars, ("env_vars",)),
        deployment=_deployment(config.deployment),
        trainer=_trainer(config.trainer),
        orchestrator=_orchestrator(split, config.orchestrator),
        inference=None if config.inference is None else _inference(config.inference),
        frozen_models=tuple(_frozen_models(config.orchestrator.algo, ("orchestrator", "algo"))),
        sources=tuple(_sources(split, config)),
    )


def _deployment(deployment: SingleNodeDeploymentConfig | MultiNodeDeploymentConfig) -> SingleNode | MultiNode:
    gpus = Value(deployment.gpus_per_node, ("deployment", "gpus_per_node"))
    if isinstance(deployment, SingleNodeDeploymentConfig):
        return SingleNode(
            gpus_per_node=gpus,
            train_gpus=Value(deployment.num_train_gpus, ("deployment", "num_train_gpus")),
            infer_gpus=Value(deployment.num_infer_gpus, ("deployment", "num_infer_gpus")),
        )
    return MultiNode(
        gpus_per_node=gpus,
        train_nodes=Value(deployment.num_train_nodes, ("deployment", "num_train_nodes")),
        infer_nodes=Value(deployment.num_infer_nodes, ("deployment", "num_infer_nodes")),
        infer_replicas=Value(deployment.num_infer_replicas, ("deployment", "num_infer_replicas")),
        orchestrator_on_inference=Value(
            deployment.orchestrator_on_inference, ("deployment", "orchestrator_on_inference")
        ),
    )


def _trainer(trainer: TrainerConfig) -> Trainer:
    resume, metrics = trainer.resume, trainer.metrics_server
    host, port = ("trainer", "metrics_server", "host"), ("trainer", "metrics_server", "port")
    return Trainer(
        model=Value(trainer.model.name, ("trainer", "model", "name")),
        has_fake_data=Value(trainer.data.fake is not None, ("trainer", "data", "fake")),
        has_ckpt=trainer.ckpt is not None,
        ckpt_dir=Value(trainer.ckpt.output_dir if trainer.ckpt else None, ("trainer", "ckpt", "output_dir")),
        resumes=resume is not None,
        resume_step=Value(resume.step if resume else None, ("resume", "step"), is_shared=True),
        resume_dir=Value(resume.dir if resume else None, ("resume", "dir"), is_shared=True),
        broadcast=_broadcast(trainer.weight_broadcast),
        rollouts=_rollouts(trainer.rollout_transport),
        metrics=None if metrics is None else Endpoint(host=Value(metrics.host, host), port=Value(metrics.port, port)),
        metrics_host=host[1:],
        metrics_port=port[1:],
        trace_path=Value(trainer.trace_path, ("trainer", "trace_path")),
        memory_profiler_path=Value(trainer.memory_profiler_path, ("trainer", "memory_profiler_path")),
        conversion_dir=Value(trainer.model.conversion_dir, ("trainer", "model", "conversion_dir")),
        dp_replicate=Value(trainer.model.dp_replicate, ("trainer", "model", "dp_replicate")),
        cp=Value(trainer.model.cp, ("trainer", "model", "cp")),
        ep=Value(trainer.model.ep, ("trainer", "model", "ep")),
        wandb=_wandb(trainer.monitors, "trainer"),
        file_monitor=_file_monitor(trainer.monitors, "trainer"),
        ranks_filter=tuple(trainer.log.ranks_filter),
        output_dir=Value(trainer.output_dir, ("trainer", "output_dir")).path,
        env_vars=Value(trainer.env_vars, ("trainer", "env_vars")),
    )


def _orchestrator(split: Split, orchestrator: OrchestratorConfig) -> Orchestrator:
    client = orchestrator.model.client
    return Orchestrator(
        base_url=Value(client.base_url, ("orchestrator", "model", "client", "base_url")),
        admin_base_url=Value(tuple(client.admin_base_url or ()), ("orchestrator", "model", "client", "admin_base_url")),
        broadcast=_broadcast(orchestrator.weight_broadcast),
        rollouts=_rollouts(orchestrator.rollout_transport),
        prime_monitor=Value(orchestrator.monitors.prime is not None, ("orchestrator", "monitors", "prime")),
        wandb=_wandb(orchestrator.monitors, "orchestrator"),
        file_monitor=_file_monitor(orchestrator.monitors, "orchestrator"),
        seq_len=Value(orchestrator.seq_len, ("orchestrator", "seq_len")),
        max_completion_tokens=Value(orchestrator.train.sampling.max_completion_tokens, _TOKENS),
        train_sources=Value(
            _count(split.orchestrator.resolved, ("train", "source")), ("orchestrator", "train", "source")
        ),
        output_dir=Value(orchestrator.output_dir, ("orchestrator", "output_dir")).path,
        env_vars=Value(orchestrator.env_vars, ("orchestrator", "env_vars")),
    )


def _inference(inference: InferenceConfig) -> Inference:
    vllm, layout, offload = inference.vllm, inference.deployment, inference.kv_cache_offload
    router, server = inference.router, inference.server
    return Inference(
        model=Value(vllm.model, ("inference", "vllm", "model")),
        max_model_len=Value(vllm.max_model_len, ("inference", "vllm", "max_model_len")),
        tensor_parallel=Value(vllm.tensor_parallel_size, ("inference", "vllm", "tensor_parallel_size")),
        data_parallel=Value(vllm.data_parallel_size, ("inference", "vllm", "data_parallel_size")),
        data_parallel_local=Value(
            vllm.data_parallel_size_local, ("inference", "vllm", "data_parallel_size_local")
        ).path,
        api_servers=Value(vllm.api_server_count, ("inference", "vllm", "api_server_count")).path,
        expert_parallel=Value(vllm.enable_expert_parallel, ("inference", "vllm", "enable_expert_parallel")),
        rpc_port=Value(vllm.data_parallel_rpc_port, ("inference", "vllm", "data_parallel_rpc_port")),
        host=Value(server.host, ("inference", "server", "host")),
        port=Value(server.port, ("inference", "server", "port")),
        backend_port=Value(inference.backend_port, ("inference", "backend_port")),
        liveness_timeout=server.liveness_timeout_seconds,
        router=Value(router.type if router else None, ("inference", "router", "type")),
        router_policy=Value(
            router.policy if isinstance(router, VllmRouterConfig) else None, ("inference", "router", "policy")
        ),
        layout=Value(layout.type, ("inference", "deployment", "type")),
        layout_nodes=layout.num_nodes if isinstance(layout, MultiNodeInferenceDeploymentConfig) else 1,
        offload=Value(offload.type if offload else None, ("inference", "kv_cache_offload", "type")),
        env_vars=Value(inference.env_vars, ("inference", "env_vars")),
    )


def _broadcast(broadcast: TrainerWeightBroadcast | OrchestratorWeightBroadcast) -> Broadcast:
    meets = None
    if isinstance(broadcast, BroadcastEndpoint):
        meets = Endpoint(
            host=Value(broadcast.host, ("weight_broadcast", "host"), is_shared=True),
            port=Value(broadcast.port, ("weight_broadcast", "port"), is_shared=True),
        )
    return Broadcast(type=broadcast.type, meets=meets)


def _rollouts(transport: RolloutTransport) -> Endpoint | None:
    if not isinstance(transport, ZMQTransportConfig):
        return None
    return Endpoint(
        host=Value(transport.host, ("rollout_transport", "host"), is_shared=True),
        port=Value(transport.port, ("rollout_transport", "port"), is_shared=True),
    )


def _file_monitor(monitors: MonitorsConfig, component: str) -> Value[str | None]:
    return Value(monitors.file.path if monitors.file else None, (component, "monitors", "file", "path"))


def _wandb(monitors: MonitorsConfig, component: str) -> Value[bool]:
    is_online = monitors.wandb is not None and not monitors.wandb.offline
    return Value(is_online, (component, "monitors", "wandb"))


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
        address=Value(source.serve.address, address),
        frozen_models=tuple(_frozen_models(algo, (*key, "algo"))),
        name=_naming_key(source.env, source.name, key),
        runtimes=tuple(_runtimes(source.env, (*key, "env"))),
        max_completion_tokens=Value(tokens, sampled),
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
            kind = value.get("type", "prime") if name == "runtime" and is_table(value) else None
            if isinstance(kind, str):
                yield Value(kind, (*key, name, "type"))
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
    return FrozenModel(role, Value(base_url, key))


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
        address=Value(value_at(table, ("serve", "address")), address),
        frozen_models=tuple(_sent_models(table, key)) if has_own_algo else (),
        name=_naming_key(table.get("env"), table.get("name"), key),
        runtimes=tuple(_runtimes(table.get("env"), (*key, "env"))),
        max_completion_tokens=Value(None, tokens),
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
