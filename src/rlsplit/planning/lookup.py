"""The one place where prime-rl's names are looked up after the split.

The typed configuration behind a :class:`~rlsplit.splitting.Split` is read once, so that a field that is renamed in a
section is an error of the type checker here and nowhere else in planning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from rlsplit.components import SourceSplit
from rlsplit.config.fields import declared
from rlsplit.config.run_facts import automatic_run_name
from rlsplit.config.sections.algorithms import AlgoConfig, ClientConfig, FrozenModelConfig
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
from rlsplit.config.tree import value_of
from rlsplit.findings import KeyPath
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import is_list, is_table, value_at
from rlsplit.planning.file_lookup import file_monitor, rl_tokenizer_files
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
from rlsplit.planning.side_lookup import sides_of
from rlsplit.releases.image import Image, SourcePlaces, image_of
from rlsplit.releases.release import Release
from rlsplit.releases.spelling import spelled
from rlsplit.splitting import Split

if TYPE_CHECKING:
    from rlsplit.config.sections.sft import SFTDeployment

    AnyDeployment = SingleNodeDeploymentConfig | MultiNodeDeploymentConfig | SFTDeployment

DISAGGREGATED: Final[str] = DisaggregatedInferenceDeploymentConfig.model_fields["type"].default
"""The layout of separate prefill and decode machines."""


def rl_settings(split: Split, config: RLConfig, release: Release) -> RunSettings:
    """Read the split of an RL run of a release once."""
    image = image_of(release)
    return RunSettings(
        run_name=Value(config.run.name or ("" if image.has_run_names else automatic_run_name(config)), ("run", "name")),
        clean=Value(config.clean, ("clean",)),
        has_slurm=Value(split.launch.has_slurm, ("slurm",)),
        env_vars=Value(config.env_vars, ("env_vars",)),
        deployment=deployment_of(config.deployment),
        trainer=_trainer(config.trainer),
        orchestrator=_orchestrator(split, config.orchestrator, release),
        inference=None if config.inference is None else inference_of(config.inference, config.deployment, image),
        frozen_models=tuple(_frozen_models(config.orchestrator.algo, ("orchestrator", "algo"))),
        sources=tuple(_sources(split, config, release)),
        tokenizer_files=rl_tokenizer_files(config),
    )


def deployment_of(deployment: SingleNodeDeploymentConfig | MultiNodeDeploymentConfig) -> SingleNode | MultiNode:
    """Read the deployment of an RL run."""
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
    metrics = trainer.metrics_server
    resumes, resume_step = _resume_step(trainer)
    host, port = ("trainer", "metrics_server", "host"), ("trainer", "metrics_server", "port")
    return Trainer(
        model=Value(trainer.model.name, ("trainer", "model", "name")),
        has_fake_data=Value(trainer.data.fake is not None, ("trainer", "data", "fake")),
        has_ckpt=trainer.ckpt is not None,
        ckpt_dir=Value(trainer.ckpt.output_dir if trainer.ckpt else None, ("trainer", "ckpt", "output_dir")),
        resumes=resumes,
        resume_step=resume_step,
        resume_dir=Value(trainer.resume.dir if trainer.resume else None, ("resume", "dir"), is_shared=True),
        broadcast=broadcast_of(trainer.weight_broadcast),
        rollouts=_rollouts(trainer.rollout_transport),
        has_metrics=True,
        metrics=None if metrics is None else Endpoint(host=Value(metrics.host, host), port=Value(metrics.port, port)),
        metrics_host=host[1:],
        metrics_port=port[1:],
        trace_path=Value(trainer.trace_path, ("trainer", "trace_path")),
        memory_profiler_path=Value(trainer.memory_profiler_path, ("trainer", "memory_profiler_path")),
        has_random_weights=trainer.model.debug.random_init,
        conversion_dir=Value(trainer.model.conversion_dir, ("trainer", "model", "conversion_dir")),
        dp_replicate=Value(trainer.model.dp_replicate, ("trainer", "model", "dp_replicate")),
        cp=Value(trainer.model.cp, ("trainer", "model", "cp")),
        ep=Value(trainer.model.ep, ("trainer", "model", "ep")),
        wandb=_wandb(trainer.monitors, "trainer"),
        file_monitor=file_monitor(trainer.monitors, "trainer"),
        ranks_filter=tuple(trainer.log.ranks_filter),
        output_dir=Value(trainer.output_dir, ("trainer", "output_dir")).path,
        env_vars=Value(trainer.env_vars, ("trainer", "env_vars")),
    )


def _resume_step(trainer: TrainerConfig) -> tuple[bool, Value[int | None]]:
    """Whether the run continues, and from which step: None is the newest, as is -1 where checkpoints say it."""
    if trainer.resume is not None:
        return True, Value(trainer.resume.step, ("resume", "step"), is_shared=True)
    step: int | None = declared(trainer.ckpt, "resume_step") if trainer.ckpt else None
    return step is not None, Value(None if step == -1 else step, ("trainer", "ckpt", "resume_step"))


def _orchestrator(split: Split, orchestrator: OrchestratorConfig, release: Release) -> Orchestrator:
    client = orchestrator.model.client
    key: KeyPath = ("orchestrator", "model", "client")
    base_url, base_urls = _base_urls(client, key)
    return Orchestrator(
        base_url=base_url,
        base_urls=base_urls,
        rank_count=Value(declared(client, "dp_rank_count") or 1, (*key, "dp_rank_count")),
        ready_timeout=Value(client.wait_for_ready_timeout, (*key, "wait_for_ready_timeout")),
        admin_base_url=Value(tuple(client.admin_base_url or ()), ("orchestrator", "model", "client", "admin_base_url")),
        broadcast=broadcast_of(orchestrator.weight_broadcast),
        rollouts=_rollouts(orchestrator.rollout_transport),
        prime_monitor=Value(orchestrator.monitors.prime is not None, ("orchestrator", "monitors", "prime")),
        wandb=_wandb(orchestrator.monitors, "orchestrator"),
        file_monitor=file_monitor(orchestrator.monitors, "orchestrator"),
        seq_len=Value(orchestrator.seq_len, ("orchestrator", "seq_len")),
        max_completion_tokens=Value(orchestrator.train.sampling.max_completion_tokens, _TOKENS),
        env_server_base_port=Value(orchestrator.env_server_base_port, ("orchestrator", "env_server_base_port")),
        metrics_roles=Value(
            None if orchestrator.inference_metrics_roles is None else tuple(orchestrator.inference_metrics_roles),
            ("orchestrator", "inference_metrics_roles"),
        ),
        train_sources=Value(len(_listed(split, "train", release)), ("orchestrator", "train", "source")),
        output_dir=Value(orchestrator.output_dir, ("orchestrator", "output_dir")).path,
        env_vars=Value(orchestrator.env_vars, ("orchestrator", "env_vars")),
    )


def _base_urls(client: ClientConfig, key: KeyPath) -> tuple[Value[str], tuple[str, ...]]:
    """Where a client asks: releases before v0.8.1.dev3 know several addresses, and servers that are looked up."""
    written: Any = client.base_url
    if isinstance(written, str):
        return Value(written, (*key, "base_url")), (written,)
    urls: tuple[str, ...] = tuple(written)
    elastic = declared(client, "elastic")
    if elastic is not None:
        found = f"http://{elastic.hostname}:{elastic.port}"
        return Value(found, (*key, "elastic", "hostname")), (found,)
    called = [(url, endpoint(url)) for url in urls]
    outside = [url for url, place in called if place is not None and not is_loopback(place[0])]
    router = declared(client, "router_url")
    return Value((*outside, *urls, "")[0], (*key, "base_url")), (*urls, *([router] if router else []))


def inference_of(inference: InferenceConfig, deployment: AnyDeployment, image: Image) -> Inference:
    """Read the inference section."""
    vllm, layout, offload = inference.vllm, inference.deployment, inference.kv_cache_offload
    server = inference.server
    # An engine on one machine that starts no router itself has none.
    has_router = image.inference_reads_router or deployment.type == "multi_node"
    router = inference.router if has_router else None
    port = Value(server.port, ("inference", "server", "port"))
    own_port = declared(router, "port") if router else None
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
        port=port,
        router_port=port if own_port is None else Value(own_port, ("inference", "router", "port")),
        backend_port=Value(inference.backend_port, ("inference", "backend_port")),
        liveness_timeout=server.liveness_timeout_seconds,
        router=Value(router.type if router else None, ("inference", "router", "type")),
        router_policy=Value(
            router.policy if isinstance(router, VllmRouterConfig) else None, ("inference", "router", "policy")
        ),
        layout=Value(layout.type, ("inference", "deployment", "type")),
        layout_nodes=layout.num_nodes if isinstance(layout, MultiNodeInferenceDeploymentConfig) else 1,
        sides=sides_of(layout) if isinstance(layout, DisaggregatedInferenceDeploymentConfig) else {},
        backend=Value(vllm.all2all_backend, ("inference", "vllm", "all2all_backend")),
        returns_routed_experts=Value(
            vllm.enable_return_routed_experts, ("inference", "vllm", "enable_return_routed_experts")
        ),
        offload=Value(offload.type if offload else None, ("inference", "kv_cache_offload", "type")),
        env_vars=Value(inference.env_vars, ("inference", "env_vars")),
    )


def broadcast_of(broadcast: TrainerWeightBroadcast | OrchestratorWeightBroadcast) -> Broadcast:
    """Read one end of the weight broadcast."""
    meets, timeout = None, None
    if isinstance(broadcast, BroadcastEndpoint):
        timeout = Value(broadcast.timeout, ("weight_broadcast", "timeout"), is_shared=True)
        meets = Endpoint(
            host=Value(broadcast.host, ("weight_broadcast", "host"), is_shared=True),
            port=Value(broadcast.port, ("weight_broadcast", "port"), is_shared=True),
        )
    return Broadcast(type=broadcast.type, meets=meets, timeout=timeout)


def _rollouts(transport: RolloutTransport) -> Endpoint | None:
    if not isinstance(transport, ZMQTransportConfig):
        return None
    return Endpoint(
        host=Value(transport.host, ("rollout_transport", "host"), is_shared=True),
        port=Value(transport.port, ("rollout_transport", "port"), is_shared=True),
    )


def _wandb(monitors: MonitorsConfig, component: str) -> Value[bool]:
    is_online = monitors.wandb is not None and not monitors.wandb.offline
    return Value(is_online, (component, "monitors", "wandb"))


_TOKENS: Final = ("orchestrator", "train", "sampling", "max_completion_tokens")

# --- environment sources ---------------------------------------------------------------------------------------


def _sources(split: Split, config: RLConfig, release: Release) -> Iterator[EnvSource]:
    """Typed where they were checked; as they were sent where they were set aside (H-02)."""
    places = image_of(release).sources
    if config.provenance.mode == "hosted":
        yield from _sent_sources(split, places, release)
        return
    for position, source in enumerate(config.orchestrator.train.source):
        # A source that inherits the orchestrator's algorithm names no model of its own.
        own = source.algo if source.algo != config.orchestrator.algo else None
        tokens = source.sampling.max_completion_tokens
        inherits = tokens == config.orchestrator.train.sampling.max_completion_tokens
        yield source_of(places, "train", position, source, own, None if inherits else tokens)
    for position, evaluated in enumerate(config.orchestrator.eval.source if config.orchestrator.eval else ()):
        yield source_of(places, "eval", position, evaluated)


def source_of(
    places: SourcePlaces,
    split: SourceSplit,
    position: int,
    source: SourceConfig,
    algo: AlgoConfig | None = None,
    tokens: int | None = None,
    root: KeyPath = ("orchestrator",),
) -> EnvSource:
    """Read a source that was typed; ``root`` is where its list's table stands."""
    key: KeyPath = (*root, split, "source", position)
    sampled: KeyPath = (*key, "sampling", "max_completion_tokens")
    at = partial(value_of, source)
    return EnvSource(
        split=split,
        position=position,
        key=key,
        address=Value(at(places.address), (*key, *places.address)),
        frozen_models=tuple(_frozen_models(algo, (*key, "algo"))),
        name=_naming_key(places, at, key),
        runtimes=tuple(_plugin_runtimes(places, at, key)),
        max_completion_tokens=Value(tokens, sampled),
    )


_Read = Callable[[KeyPath], Any]
"""Reads a path of a source, typed or as it was sent."""


def _naming_key(places: SourcePlaces, at: _Read, key: KeyPath) -> KeyPath:
    """The last of the ids in an environment gives a source without a name of its own the end of its name."""
    for path in (("name",), *places.ids):
        if at(path):
            return (*key, *path)
    return (*key, *places.id)


def _plugin_runtimes(places: SourcePlaces, at: _Read, key: KeyPath) -> Iterator[Value[str]]:
    for block in places.blocks:
        yield from _runtimes({block: at((block,))}, key)


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
        yield from _frozen_models_at("teacher", teacher, (*key, "teacher"))
    if isinstance(source, FrozenModelConfig):
        yield from _frozen_models_at("samples", source, (*key, "sampling", "source"))


def _frozen_models_at(role: Literal["teacher", "samples"], client: ClientConfig, key: KeyPath) -> Iterator[FrozenModel]:
    base_url, urls = _base_urls(client, key)
    yield from (FrozenModel(role, Value(url, base_url.key)) for url in urls)


def _sent_sources(split: Split, places: SourcePlaces, release: Release) -> Iterator[EnvSource]:
    """Sources of a hosted run, of any type: those that are tables, by the names that every source has."""
    parts: tuple[SourceSplit, ...] = ("train", "eval")
    for part in parts:
        for position, table in enumerate(_listed(split, part, release)):
            if is_table(table):
                own = table.get("algo") != _orchestrator_config(split).get("algo")
                yield _sent_source(places, part, position, table, own)


def _sent_source(
    places: SourcePlaces, part: SourceSplit, position: int, table: Mapping[str, Any], has_own_algo: bool
) -> EnvSource:
    key: KeyPath = ("orchestrator", part, "source", position)
    at = partial(value_at, table)
    tokens: KeyPath = (*key, "sampling", "max_completion_tokens")
    return EnvSource(
        split=part,
        position=position,
        key=key,
        address=Value(at(places.address), (*key, *places.address)),
        frozen_models=tuple(_sent_models(table, key)) if has_own_algo else (),
        name=_naming_key(places, at, key),
        runtimes=tuple(_plugin_runtimes(places, at, key)),
        max_completion_tokens=Value(None, tokens),
    )


def _orchestrator_config(split: Split) -> Mapping[str, Any]:
    return split.orchestrator.resolved if split.orchestrator else {}


def _listed(split: Split, part: SourceSplit, release: Release) -> Sequence[Any]:
    """The sources in the orchestrator's config; in hosted runs whatever was sent."""
    listed = value_at(_orchestrator_config(split), spelled(("orchestrator", part, "source"), release)[1:])
    return listed if is_list(listed) else ()


def _sent_models(table: Mapping[str, Any], key: KeyPath) -> Iterator[FrozenModel]:
    paths: tuple[tuple[Literal["teacher", "samples"], KeyPath], ...] = (
        ("teacher", ("algo", "teacher", "base_url")),
        ("samples", ("algo", "sampling", "source", "base_url")),
    )
    for role, path in paths:
        written = value_at(table, path)
        for url in written if is_list(written) else [written]:
            if isinstance(url, str):
                yield FrozenModel(role, Value(url, (*key, *path)))
