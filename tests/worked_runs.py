"""Runs of every shape, small enough to be checked by hand: what is asked for, and the manifests under ``fixtures/worked``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import rlsplit

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "worked"
SECRETS = {"wandb_api_key": "example-wandb-api-key", "hf_token": "example-hf-token"}
FORMS: tuple[Literal["job", "jobset"], ...] = ("job", "jobset")


@dataclass(frozen=True)
class Worked:
    """One run."""

    name: str
    config: Mapping[str, Any]
    run: Mapping[str, Any]
    platform: Mapping[str, Any] = field(default_factory=dict)
    jobset: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the jobset form alone."""
    secrets: Mapping[str, str] = field(default_factory=lambda: SECRETS)


def _config(name: str, deployment: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    source = {"name": "math", "env": {"taskset": {"id": "math"}}}
    table: dict[str, Any] = {
        "run": {"name": name},
        "max_steps": 20,
        "trainer": {},
        "orchestrator": {"batch_size": 16, "train": {"source": [source]}},
        "inference": {},
        "deployment": dict(deployment),
    }
    return {**table, **more}


def _nodes(**counts: Any) -> dict[str, Any]:
    return {"type": "multi_node", "gpus_per_node": 8, **counts}


EVAL = {"source": [{"name": "math-500", "env": {"taskset": {"id": "math-500"}}}]}
OUTSIDE = {
    "name": "browser",
    "env": {"taskset": {"id": "browser"}},
    "serve": {"address": "tcp://envs.example.com:7000"},
}
EXPERTS = {"enable_expert_parallel": True, "data_parallel_size": 16, "tensor_parallel_size": 1}
FAKE = {"data": {"fake": {"batch_size": 2}}}

RUNS = (
    Worked("a-1-plus-1-gpu", _config("reverse text", {}), {"id": "run-a"}),
    Worked(
        "b-2-plus-6-gpu",
        {
            **(b := _config("wordle ablation #7 (lr=3e-6)", {"num_train_gpus": 2, "num_infer_gpus": 6})),
            "orchestrator": {**b["orchestrator"], "eval": EVAL},
        },
        {"id": "run-b", "gpu_type": "NVIDIA-H200"},
        secrets={**SECRETS, "prime_api_key": "example-prime-api-key"},
    ),
    Worked(
        "c-multi-node",
        _config(
            "many nodes",
            _nodes(num_train_nodes=2, num_infer_nodes=1, num_infer_replicas=4),
            inference={"vllm": {"tensor_parallel_size": 8}},
        ),
        {"id": "run-c"},
        {"rdma_resource": {"rdma/ib": 1}},
    ),
    Worked(
        "d-expert-parallel",
        {
            **(
                d := _config(
                    "experts",
                    _nodes(num_train_nodes=1, num_infer_nodes=2, num_infer_replicas=2),
                    inference={"vllm": EXPERTS, "deployment": {"type": "multi_node", "num_nodes": 2}},
                    resume={},
                )
            ),
            "orchestrator": {
                **d["orchestrator"],
                "train": {"source": [*d["orchestrator"]["train"]["source"], OUTSIDE]},
            },
        },
        {"id": "run-d", "attempt": 2},
        {"rdma_resource": {"rdma/ib": 1}},
        {"queue_name": "rl-queue"},
    ),
    Worked(
        "e-trainer-only",
        {
            key: value
            for key, value in _config(
                "no rollouts", _nodes(num_train_nodes=2, num_infer_nodes=0), trainer=FAKE, orchestrator={}
            ).items()
            if key != "inference"
        },
        {"id": "run-e"},
        secrets={"wandb_api_key": "example-wandb-api-key"},
    ),
)


def plan_of(worked: Worked, form: Literal["job", "jobset"]) -> rlsplit.RunPlan:
    """Plan a run in one form."""
    settings = {
        "namespace": "rl-runs",
        "storage_class": "nfs",
        "workload": form,
        **worked.platform,
        **(worked.jobset if form == "jobset" else {}),
    }
    split = rlsplit.split(rlsplit.parse(worked.config))
    run = rlsplit.Run(image_tag="v0.8.0", **worked.run)
    secrets = rlsplit.Secrets(**worked.secrets)
    return rlsplit.plan(split, run=run, platform=rlsplit.Platform.from_mapping(settings), secrets=secrets)


def manifests() -> Iterator[tuple[Path, str]]:
    """Every manifest, by the file that holds it."""
    for worked in RUNS:
        for form in FORMS:
            objects = rlsplit.render(plan_of(worked, form), secrets=rlsplit.Secrets(**worked.secrets))
            yield FOLDER / f"{worked.name}.{form}.yaml", rlsplit.to_yaml(objects)
