"""Splits of every shape, each from a config that was really parsed: what the cluster side is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from rlsplit.config.resolve import Given, resolve
from rlsplit.config.rl_kind import RL
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sft.kind import SFT
from rlsplit.findings import has_errors
from rlsplit.plain_data import plain
from rlsplit.planning import RunPlan, plan
from rlsplit.platform import Platform
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.splitting import JsonObject, Split, split

SECRETS = Secrets(wandb_api_key="wandb-value", hf_token="hf-value", prime_api_key="prime-value")
RUN = Run(id="run-1", name="a run", image_tag="v1.2.3")

SINGLE: JsonObject = {"type": "single_node", "gpus_per_node": 8, "num_train_gpus": 1, "num_infer_gpus": 1}
MULTI: JsonObject = {
    "type": "multi_node",
    "gpus_per_node": 8,
    "num_train_nodes": 2,
    "num_infer_nodes": 1,
    "num_infer_replicas": 2,
}
FAKE: JsonObject = {"data": {"fake": {"batch_size": 2, "generate_samples": False}}}
FILESYSTEM: JsonObject = {"type": "filesystem"}


def source(name: str, address: str | None = None, **more: Any) -> JsonObject:
    serve = {} if address is None else {"serve": {"address": address}}
    return {"env": {"taskset": {"id": name}}, "name": name, **serve, **more}


def local(name: str) -> JsonObject:
    """A source whose agents run where their environment does."""
    return source(name, env={"taskset": {"id": name}, "agent": {"runtime": {"type": "subprocess"}}})


def make(
    deployment: Mapping[str, Any] = SINGLE,
    *,
    trainer: Mapping[str, Any] | None = None,
    orchestrator: Mapping[str, Any] | None = None,
    inference: Mapping[str, Any] | None = None,
    has_inference: bool = True,
    train: list[JsonObject] | None = None,
    evals: list[JsonObject] | None = None,
    **root: Any,
) -> Split:
    """Parse and split a config that prime-rl accepts; ``root`` are keys of the root."""
    config, refused = _config(deployment, trainer, orchestrator, inference, has_inference, train, evals, root)
    assert not refused, refused
    return split(config)


def make_refused(
    deployment: Mapping[str, Any] = SINGLE,
    *,
    trainer: Mapping[str, Any] | None = None,
    orchestrator: Mapping[str, Any] | None = None,
    inference: Mapping[str, Any] | None = None,
    has_inference: bool = True,
    train: list[JsonObject] | None = None,
    evals: list[JsonObject] | None = None,
    edit: Callable[[Any], None] | None = None,
    **root: Any,
) -> Split:
    """Split a config that prime-rl refuses, too: for rules of the target that must hold whoever made the split.

    ``edit`` changes the compiled configuration, for values that no field would take.
    """
    config, _ = _config(deployment, trainer, orchestrator, inference, has_inference, train, evals, root)
    if edit is not None:
        edit(config)
    return split(config)


def _config(
    deployment: Mapping[str, Any],
    trainer: Mapping[str, Any] | None,
    orchestrator: Mapping[str, Any] | None,
    inference: Mapping[str, Any] | None,
    has_inference: bool,
    train: list[JsonObject] | None,
    evals: list[JsonObject] | None,
    root: Mapping[str, Any],
) -> tuple[RLConfig, list[str]]:
    table: JsonObject = {
        "run": {"name": "a run"},
        "trainer": dict(trainer or {}),
        "orchestrator": {
            **(orchestrator or {}),
            "train": {
                **(orchestrator or {}).get("train", {}),
                "source": [source("math")] if train is None else train,
            },
            **({"eval": {"source": evals}} if evals else {}),
        },
        **({"inference": dict(inference or {})} if has_inference else {}),
        "deployment": dict(deployment),
        **root,
    }
    copied, faults = plain(table)
    assert not faults
    resolution = resolve(copied, RL, given=Given(on_unknown="warning"))
    assert resolution.config is not None
    refused = [str(finding) for finding in resolution.findings if finding.severity == "error"]
    assert bool(refused) == has_errors(resolution.findings)
    return resolution.config, refused


def make_sft(*, evals: list[JsonObject] | None = None, **root: Any) -> Split:
    """Parse and split an SFT run that prime-rl accepts; ``root`` are keys of the root."""
    online = {} if evals is None else {"eval": {"source": evals}}
    table: JsonObject = {"run": {"name": "a run"}, "data": {"name": "datasets/set"}, **online, **root}
    copied, faults = plain(table)
    assert not faults
    resolution = resolve(copied, SFT, given=Given(on_unknown="warning"))
    assert resolution.config is not None
    assert not has_errors(resolution.findings), resolution.findings
    return split(resolution.config)


EXPERT = {"enable_expert_parallel": True, "data_parallel_size": 16, "tensor_parallel_size": 1}

SHAPES: dict[str, Split] = {
    "one-plus-one": make(),
    "two-plus-six": make({**SINGLE, "num_train_gpus": 2, "num_infer_gpus": 6}, evals=[source("math")]),
    "single-without-router": make(inference={"router": None}),
    "multi-node": make(MULTI, inference={"vllm": {"tensor_parallel_size": 8}}),
    "engines-per-node": make(MULTI, inference={"vllm": {"tensor_parallel_size": 2}}),
    "expert-parallel": make(
        {**MULTI, "num_train_nodes": 1, "num_infer_nodes": 2},
        inference={"vllm": EXPERT, "deployment": {"type": "multi_node", "num_nodes": 2}},
        train=[source("math"), source("browser", "tcp://envs.example.com:7000")],
    ),
    "two-sides": make(
        {**{key: value for key, value in MULTI.items() if key != "num_infer_nodes"}, "num_train_nodes": 1},
        inference={
            "vllm": {"tensor_parallel_size": 4},
            "deployment": {"type": "disaggregated", "num_prefill_replicas": 2, "decode_nodes_per_replica": 2},
        },
    ),
    "trainer-only": make({**MULTI, "num_infer_nodes": 0}, trainer=FAKE, has_inference=False, train=[]),
    "trainer-only-one-node": make({**SINGLE, "num_infer_gpus": 0}, trainer=FAKE, weight_broadcast=FILESYSTEM),
    "external-inference": make(
        orchestrator={"model": {"client": {"base_url": "http://vllm.models:9000/v1"}}}, has_inference=False
    ),
    "files-only": make(
        trainer={"rollout_transport": FILESYSTEM},
        orchestrator={"rollout_transport": FILESYSTEM},
        weight_broadcast=FILESYSTEM,
    ),
    "nixl": make(MULTI, weight_broadcast={"type": "nixl", "host": "mx.infra", "port": 8001}),
    "resumed": make(resume={}),
    "resumed-at-step": make(resume={"step": 7}),
    "secret-env": make(
        trainer={"env_vars": {"MY_API_KEY": "t0p"}},
        inference={"env_vars": {"VLLM_LOG": "1", "S3_SECRET": "s3cr3t"}},
        env_vars={"MY_API_KEY": "r00t", "NCCL_DEBUG": "INFO"},
    ),
    "sft-alone": make_sft(),
    "sft-alone-on-nodes": make_sft(deployment={"type": "multi_node"}),
    "sft-evals": make_sft(
        evals=[source("math"), source("essays", "tcp://envs.example.com:7000")],
        inference={"env_vars": {"VLLM_LOG": "1"}},
        deployment={"num_train_gpus": 2, "num_eval_gpus": 2},
        env_vars={"MY_API_KEY": "r00t", "NCCL_DEBUG": "INFO"},
        max_steps=10,
    ),
    "sft-evals-on-nodes": make_sft(
        evals=[source("math")],
        inference={"vllm": {"tensor_parallel_size": 2, "enable_expert_parallel": True}},
        deployment={"type": "multi_node", "num_eval_nodes": 2},
        resume={},
        max_steps=10,
    ),
    "sft-external": make_sft(
        evals=[source("math")],
        max_steps=10,
        eval={"source": [source("math")], "client": {"base_url": "http://vllm.models:9000/v1"}},
    ),
}
"""Every shape by name."""

FORMS: tuple[Literal["job", "jobset"], ...] = ("job", "jobset")


def planned(split: Split, *, run: Run = RUN, secrets: Secrets | None = None, **platform: Any) -> RunPlan:
    """Plan with settings of the platform as keywords; NIXL needs RDMA devices, and two sides an image for them."""
    if (split.trainer.resolved["weight_broadcast"] or {}).get("type") == "nixl":
        platform = {"rdma_resource": {"rdma/ib": 1}, **platform}
    if split.config.inference is not None and split.config.inference.deployment.type == "disaggregated":
        platform = {"features": ["disaggregated"], "rdma_resource": {"rdma/ib": 1}, **platform}
    return plan(split, run=run, platform=Platform.from_mapping(platform), secrets=secrets)
