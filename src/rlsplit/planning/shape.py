"""How many pods, engines and GPUs: derived from the resolved deployment, for valid and invalid ones alike.

Never raises on a number that does not fit: :mod:`rlsplit.planning.checks` reports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlsplit.planning.model import Shape
from rlsplit.splitting import Split


def shape_of(split: Split) -> Shape:
    """Derive the shape of a run from its split."""
    multi_node = split.deployment.get("type") == "multi_node"
    vllm: Mapping[str, Any] = split.inference.resolved["vllm"] if split.inference else {}
    tensor_parallel = max(1, int(vllm.get("tensor_parallel_size") or 1))
    return (_multi_node if multi_node else _single_node)(split, vllm, tensor_parallel)


def _single_node(split: Split, vllm: Mapping[str, Any], tensor_parallel: int) -> Shape:
    gpus = split.deployment["num_infer_gpus"] if split.inference else 0
    trainer_only = gpus == 0 and _has_fake_data(split)
    return Shape(
        multi_node=False,
        trainer_only=trainer_only,
        external_inference=split.inference is None and not trainer_only,
        trainer_pods=1,
        trainer_gpus=split.deployment["num_train_gpus"],
        replicas=1,
        nodes_per_replica=1,
        inference_pods=1 if split.inference and not trainer_only else 0,
        inference_gpus=gpus,
        tensor_parallel=tensor_parallel,
        engines=1,
        expert_parallel=False,
    )


def _multi_node(split: Split, vllm: Mapping[str, Any], tensor_parallel: int) -> Shape:
    gpus, replicas = split.deployment["gpus_per_node"], split.deployment["num_infer_replicas"]
    nodes = _nodes_per_replica(split)
    engines = max(1, gpus // tensor_parallel)
    return Shape(
        multi_node=True,
        trainer_only=nodes == 0,
        external_inference=False,
        trainer_pods=split.deployment["num_train_nodes"],
        trainer_gpus=gpus,
        replicas=replicas,
        nodes_per_replica=nodes,
        inference_pods=max(0, nodes * replicas) if split.inference else 0,
        inference_gpus=gpus if split.inference and nodes else 0,
        tensor_parallel=tensor_parallel,
        engines=engines,
        expert_parallel=bool(vllm.get("enable_expert_parallel")) and nodes * engines > 1,
    )


def _nodes_per_replica(split: Split) -> int:
    nodes: int | None = split.deployment.get("num_infer_nodes")
    if nodes is not None:
        return nodes
    if split.inference is None:
        return 0
    return int((split.launch.inference_deployment or {}).get("num_nodes") or 1)


def _has_fake_data(split: Split) -> bool:
    return (split.trainer.resolved.get("data") or {}).get("fake") is not None
