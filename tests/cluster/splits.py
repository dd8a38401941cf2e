"""Splits of every shape, built by hand: what the cluster side is given."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

from rlsplit.planning import RunPlan, plan
from rlsplit.platform import Platform
from rlsplit.run import Run, Secrets
from rlsplit.splitting import Component, EnvServer, JsonObject, Launch, Split

SECRETS = Secrets(wandb_api_key="wandb-value", hf_token="hf-value", prime_api_key="prime-value")
RUN = Run(id="run-1", name="a run", image_tag="v1.2.3")

TRAINER: JsonObject = {
    "model": {"name": "Qwen/Qwen3-0.6B", "cp": 1},
    "data": {"fake": None},
    "ckpt": None,
    "resume": None,
    "weight_broadcast": {"type": "nccl", "host": "localhost", "port": 29501, "inference_world_size": 1},
    "rollout_transport": {"type": "zmq", "host": "localhost", "port": 5555, "hwm": 10},
    "log": {"level": "info", "ranks_filter": [0]},
    "monitors": {"wandb": None, "file": {"path": "metrics.jsonl"}},
    "metrics_server": None,
    "trace_path": None,
    "memory_profiler_path": None,
    "output_dir": "outputs/a-run",
    "env_vars": {},
}
ORCHESTRATOR: JsonObject = {
    "algo": {"type": "grpo", "sampling": {"source": "policy"}},
    "model": {"client": {"base_url": "http://localhost:8000/v1", "admin_base_url": None}},
    "train": {"source": []},
    "eval": None,
    "weight_broadcast": {"type": "nccl", "host": "localhost", "port": 29501, "inference_world_size": 1},
    "rollout_transport": {"type": "zmq", "host": "localhost", "port": 5555, "hwm": 10},
    "monitors": {"wandb": None, "file": {"path": "metrics.jsonl"}, "prime": None},
    "resume": None,
    "output_dir": "outputs/a-run",
    "env_vars": {},
}
INFERENCE: JsonObject = {
    "server": {"host": None, "port": 8000, "liveness_timeout_seconds": 30.0},
    "router": {"type": "vllm-router", "policy": "consistent_hash"},
    "backend_port": 8100,
    "vllm": {
        "model": "Qwen/Qwen3-0.6B",
        "tensor_parallel_size": 1,
        "data_parallel_size": 1,
        "data_parallel_size_local": None,
        "data_parallel_rpc_port": 13345,
        "api_server_count": 1,
        "enable_expert_parallel": False,
    },
    "weight_broadcast": {"type": "nccl"},
    "kv_cache_offload": None,
    "env_vars": {},
}
SINGLE: JsonObject = {"type": "single_node", "gpus_per_node": 8, "num_train_gpus": 1, "num_infer_gpus": 1}
MULTI: JsonObject = {
    "type": "multi_node",
    "gpus_per_node": 8,
    "num_train_nodes": 2,
    "num_infer_nodes": 1,
    "num_infer_replicas": 2,
    "nodes_per_fsdp_group": None,
    "orchestrator_on_inference": False,
}
ROUTER: JsonObject = {"type": "vllm-router", "policy": "consistent_hash"}
FAKE: JsonObject = {"data": {"fake": {"batch_size": 2, "generate_samples": False}}}
FILESYSTEM: JsonObject = {"type": "filesystem"}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> JsonObject:
    """Deep-merge two tables into a new one; a key ending in ``!`` replaces instead."""
    out = copy.deepcopy(dict(base))
    for key, value in over.items():
        if key.endswith("!"):
            out[key[:-1]] = copy.deepcopy(value)
        elif isinstance(value, Mapping) and isinstance(out.get(key), Mapping):
            out[key] = merged(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
    return out


def source(name: str, address: str | None = None, **more: Any) -> JsonObject:
    return {"env": {"taskset": {"id": name}}, "name": name, "serve": {"address": address}, **more}


def make(
    deployment: Mapping[str, Any] = SINGLE,
    *,
    trainer: Mapping[str, Any] | None = None,
    orchestrator: Mapping[str, Any] | None = None,
    inference: Mapping[str, Any] | None = None,
    has_inference: bool = True,
    train: list[JsonObject] | None = None,
    evals: list[JsonObject] | None = None,
    **launch: Any,
) -> Split:
    """Build a split; the given tables go into the resolved and the sparse form."""
    sources = {"train": [source("math")] if train is None else train, "eval": evals or []}
    given: JsonObject = {"train": {"source": sources["train"]}}
    if sources["eval"]:
        given["eval"] = {"source": sources["eval"]}
    infer: JsonObject = {"vllm": {"model": "Qwen/Qwen3-0.6B"}}
    if deployment["type"] == "multi_node":
        infer["router"] = None
    settings: JsonObject = {
        "run_name": "a run",
        "run_dir": "outputs/a-run",
        "env_vars": {},
        "clean": False,
        "has_slurm": False,
        "resume": None,
        "router": ROUTER if has_inference else None,
        "inference_deployment": {"type": "single_node", "gpus_per_node": 8} if has_inference else None,
    }
    return Split(
        trainer=_component(TRAINER, trainer or {}),
        orchestrator=_component(ORCHESTRATOR, {**given, **(orchestrator or {})}),
        inference=_component(INFERENCE, merged(infer, inference or {})) if has_inference else None,
        env_servers=tuple(_env_servers(sources)),
        deployment=dict(deployment),
        launch=Launch(**{**settings, **launch}),
    )


def _component(defaults: JsonObject, given: Mapping[str, Any]) -> Component:
    return Component(resolved=merged(defaults, given), sparse=merged({}, given))


def _env_servers(sources: Mapping[str, list[JsonObject]]) -> list[EnvServer]:
    parts: tuple[Literal["train", "eval"], ...] = ("train", "eval")
    listed = [(part, position, table) for part in parts for position, table in enumerate(sources[part])]
    return [
        EnvServer(split=part, name=table["name"], index=index, position=position, config=_env_config(index, table))
        for index, (part, position, table) in enumerate(listed)
        if table["serve"]["address"] is None
    ]


def _env_config(index: int, table: JsonObject) -> Component:
    config = {
        "env": table["env"],
        "serve": {"address": f"tcp://127.0.0.1:{5000 + index}"},
        "log": {"level": "info", "json_logging": False},
    }
    return Component(resolved=config, sparse=copy.deepcopy(config))


EXPERT = {"enable_expert_parallel": True, "data_parallel_size": 16, "tensor_parallel_size": 1}

SHAPES: dict[str, Split] = {
    "one-plus-one": make(),
    "two-plus-six": make(
        {**SINGLE, "num_train_gpus": 2, "num_infer_gpus": 6},
        inference={"vllm": {"data_parallel_size": 6, "api_server_count": 6}},
        evals=[source("math")],
    ),
    "single-without-router": make(inference={"router!": None}, router=None),
    "multi-node": make(MULTI, inference={"vllm": {"tensor_parallel_size": 8}}),
    "engines-per-node": make(MULTI, inference={"vllm": {"tensor_parallel_size": 2}}),
    "expert-parallel": make(
        {**MULTI, "num_train_nodes": 1, "num_infer_nodes": 2},
        inference={"vllm": EXPERT},
        train=[source("math"), source("browser", "tcp://envs.example.com:7000")],
        inference_deployment={"type": "multi_node", "num_nodes": 2},
    ),
    "trainer-only": make(
        {**MULTI, "num_infer_nodes": 0},
        trainer={**FAKE, "weight_broadcast!": FILESYSTEM},
        has_inference=False,
        train=[],
    ),
    "trainer-only-one-node": make(
        {**SINGLE, "num_infer_gpus": 0},
        trainer={**FAKE, "weight_broadcast!": FILESYSTEM},
        orchestrator={"weight_broadcast!": FILESYSTEM},
    ),
    "external-inference": make(
        trainer={"weight_broadcast!": FILESYSTEM},
        orchestrator={
            "weight_broadcast!": FILESYSTEM,
            "model": {"client": {"base_url": "http://vllm.models:9000/v1"}},
        },
        has_inference=False,
    ),
    "files-only": make(
        trainer={"weight_broadcast!": FILESYSTEM, "rollout_transport!": FILESYSTEM},
        orchestrator={"weight_broadcast!": FILESYSTEM, "rollout_transport!": FILESYSTEM},
        inference={"weight_broadcast": FILESYSTEM},
    ),
    "nixl": make(
        MULTI,
        trainer={"weight_broadcast!": {"type": "nixl", "host": "mx.infra", "port": 8001}},
        orchestrator={"weight_broadcast!": {"type": "nixl", "host": "mx.infra", "port": 8001}},
        inference={"weight_broadcast": {"type": "nixl"}},
    ),
    "resumed": make(trainer={"resume": {"step": None, "dir": None}}, resume={"step": None, "dir": None}),
    "resumed-at-step": make(trainer={"resume": {"step": 7, "dir": None}}, resume={"step": 7, "dir": None}),
    "secret-env": make(
        trainer={"env_vars": {"MY_API_KEY": "t0p"}},
        inference={"env_vars": {"VLLM_LOG": "1", "S3_SECRET": "s3cr3t"}},
        env_vars={"MY_API_KEY": "r00t", "NCCL_DEBUG": "INFO"},
    ),
}
"""Every shape by name."""

FORMS: tuple[Literal["job", "jobset"], ...] = ("job", "jobset")


def planned(split: Split, *, run: Run = RUN, secrets: Secrets | None = None, **platform: Any) -> RunPlan:
    """Plan with settings of the platform as keywords."""
    return plan(split, run=run, platform=Platform.from_mapping(platform), secrets=secrets)
