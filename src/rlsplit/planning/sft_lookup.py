"""What planning reads of an SFT run's split: the same settings as of an RL run, from other keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from rlsplit.config.sections.evals import EvalsEvalConfig
from rlsplit.config.sections.sft import SFTConfig, SFTDeployment
from rlsplit.config.sections.shared import MonitorsConfig
from rlsplit.config.sections.transport import TrainerFileSystemWeightBroadcastConfig
from rlsplit.findings import KeyPath
from rlsplit.planning.file_lookup import tokenizer_files
from rlsplit.planning.lookup import broadcast_of, inference_of, source_of
from rlsplit.planning.settings import (
    Broadcast,
    MultiNode,
    Orchestrator,
    RunSettings,
    SFTRun,
    SingleNode,
    Trainer,
    Value,
)
from rlsplit.releases.image import image_of
from rlsplit.releases.release import Release
from rlsplit.splitting import Split


def sft_settings(split: Split, config: SFTConfig, release: Release) -> RunSettings:
    """Read the split of an SFT run once; it is the launcher's, since the hosted one resolves no evals."""
    image, group = image_of(release), config.eval or EvalsEvalConfig.model_construct()
    return RunSettings(
        sft=_sft(config),
        run_name=_root(config.run.name or "", "run", "name"),
        clean=_root(config.clean, "clean"),
        has_slurm=_root(split.launch.has_slurm, "slurm"),
        env_vars=_root(config.env_vars, "env_vars"),
        deployment=_deployment(config.deployment),
        trainer=_trainer(config),
        orchestrator=_evals(config, group),
        inference=None if config.inference is None else inference_of(config.inference, config.deployment, image),
        frozen_models=(),
        sources=tuple(
            source_of(image.sources, "eval", position, source, root=()) for position, source in enumerate(group.source)
        ),
        tokenizer_files=tokenizer_files((config.tokenizer, ("tokenizer",)), is_shared=True),
    )


V = TypeVar("V")


def _root(value: V, *key: str | int) -> Value[V]:
    """A value that stands under the same key at the root and in the component's config."""
    return Value(value, key, is_shared=True)


def _sft(config: SFTConfig) -> SFTRun:
    return SFTRun(
        is_online=config.eval is not None,
        batch_size=_root(config.data.batch_size, "data", "batch_size"),
        micro_batch_size=_root(config.data.micro_batch_size, "data", "micro_batch_size"),
        datasets=tuple(_datasets(config)),
        max_steps=_root(config.max_steps, "max_steps"),
        ignored_counts=() if config.eval is not None else tuple(_inference_counts(config.deployment)),
    )


def _inference_counts(deployment: SFTDeployment) -> Iterator[Value[int]]:
    for name in ("num_infer_gpus", "num_infer_nodes"):
        if name in deployment.model_fields_set:
            yield _root(getattr(deployment, name), "deployment", name)


def _datasets(config: SFTConfig) -> Iterator[Value[str]]:
    if config.data.type == "sft":
        yield _root(config.data.name, "data", "name")
    if config.val is not None:
        yield _root(config.val.data.name, "val", "data", "name")


def _deployment(deployment: SFTDeployment) -> SingleNode | MultiNode:
    gpus = _root(deployment.gpus_per_node, "deployment", "gpus_per_node")
    if deployment.type == "single_node":
        return SingleNode(
            gpus_per_node=gpus,
            train_gpus=_root(deployment.num_train_gpus, "deployment", "num_train_gpus"),
            infer_gpus=_root(deployment.num_infer_gpus, "deployment", "num_infer_gpus"),
        )
    nodes: KeyPath = ("deployment", "num_infer_nodes")
    return MultiNode(
        gpus_per_node=gpus,
        train_nodes=_root(deployment.num_train_nodes, "deployment", "num_train_nodes"),
        # Every machine is a replica of its own.
        infer_nodes=_root(min(deployment.num_infer_nodes, 1), *nodes),
        infer_replicas=_root(max(deployment.num_infer_nodes, 1), *nodes),
        orchestrator_on_inference=_root(False, "deployment"),
    )


def _trainer(config: SFTConfig) -> Trainer:
    model, ckpt, resume = config.model, config.ckpt, config.resume
    return Trainer(
        model=_root(model.name, "model", "name"),
        has_random_weights=model.debug.random_init,
        has_fake_data=_root(config.data.type == "fake", "data", "type"),
        has_ckpt=ckpt is not None,
        ckpt_dir=_root(ckpt.output_dir if ckpt else None, "ckpt", "output_dir"),
        resumes=resume is not None,
        resume_step=_root(resume.step if resume else None, "resume", "step"),
        resume_dir=_root(resume.dir if resume else None, "resume", "dir"),
        broadcast=_broadcast(config),
        rollouts=None,
        has_metrics=False,
        metrics=None,
        metrics_host=(),
        metrics_port=(),
        trace_path=_root(config.trace_path, "trace_path"),
        memory_profiler_path=_root(config.memory_profiler_path, "memory_profiler_path"),
        conversion_dir=_root(model.conversion_dir, "model", "conversion_dir"),
        dp_replicate=_root(model.dp_replicate, "model", "dp_replicate"),
        cp=_root(model.cp, "model", "cp"),
        ep=_root(model.ep, "model", "ep"),
        wandb=_wandb(config.monitors),
        file_monitor=_file_monitor(config.monitors),
        ranks_filter=tuple(config.log.ranks_filter),
        output_dir=("output_dir",),
        env_vars=_root({}, "env_vars"),
    )


def _evals(config: SFTConfig, group: EvalsEvalConfig) -> Orchestrator:
    client = group.client
    return Orchestrator(
        base_url=_root(client.base_url, "eval", "client", "base_url"),
        base_urls=(client.base_url,),
        ready_timeout=_root(client.wait_for_ready_timeout, "eval", "client", "wait_for_ready_timeout"),
        rank_count=_root(1, "eval", "client"),
        admin_base_url=_root(tuple(client.admin_base_url or ()), "eval", "client", "admin_base_url"),
        broadcast=_broadcast(config),
        rollouts=None,
        prime_monitor=_root(False, "monitors"),
        wandb=_wandb(config.monitors),
        file_monitor=_file_monitor(config.monitors),
        seq_len=_root(config.data.seq_len, "data", "seq_len"),
        max_completion_tokens=_root(None, "eval", "sampling", "max_completion_tokens"),
        env_server_base_port=_root(group.env_server_base_port, "eval", "env_server_base_port"),
        metrics_roles=_root(None, "eval"),
        train_sources=_root(0, "eval", "source"),
        output_dir=("output_dir",),
        env_vars=_root({}, "env_vars"),
    )


def _broadcast(config: SFTConfig) -> Broadcast:
    """Its world size is computed after the engines are counted (SFT-53), so it needs no overlay."""
    written = config.weight_broadcast or TrainerFileSystemWeightBroadcastConfig.model_construct()
    read = broadcast_of(written)
    return Broadcast(type=read.type, meets=read.meets, timeout=read.timeout, world_size=None)


def _wandb(monitors: MonitorsConfig) -> Value[bool]:
    return _root(monitors.wandb is not None and not monitors.wandb.offline, "monitors", "wandb")


def _file_monitor(monitors: MonitorsConfig) -> Value[str | None]:
    return _root(monitors.file.path if monitors.file else None, "monitors", "file", "path")
