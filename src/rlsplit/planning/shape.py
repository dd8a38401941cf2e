"""How many pods, engines and GPUs: derived from the deployment, for valid and invalid ones alike.

Never raises on a number that does not fit: :mod:`rlsplit.planning.checks` reports it.
"""

from __future__ import annotations

from rlsplit.planning.model import Shape
from rlsplit.planning.settings import MultiNode, RunSettings, SingleNode


def shape_of(settings: RunSettings) -> Shape:
    """Derive the shape of a run from its settings."""
    deployment = settings.deployment
    return (
        _single_node(settings, deployment) if isinstance(deployment, SingleNode) else _multi_node(settings, deployment)
    )


def _tensor_parallel(settings: RunSettings) -> int:
    return max(1, settings.inference.tensor_parallel.value if settings.inference else 1)


def _single_node(settings: RunSettings, deployment: SingleNode) -> Shape:
    inference = settings.inference
    gpus = deployment.infer_gpus.value if inference else 0
    trainer_only = (
        gpus == 0 and settings.trainer.has_fake_data.value if settings.sft is None else not settings.sft.is_online
    )
    return Shape(
        multi_node=False,
        trainer_only=trainer_only,
        external_inference=inference is None and not trainer_only,
        trainer_pods=1,
        trainer_gpus=deployment.train_gpus.value,
        replicas=1,
        nodes_per_replica=1,
        inference_pods=1 if inference and not trainer_only else 0,
        inference_gpus=gpus,
        tensor_parallel=_tensor_parallel(settings),
        engines=1,
        expert_parallel=False,
    )


def _multi_node(settings: RunSettings, deployment: MultiNode) -> Shape:
    inference, gpus, replicas = settings.inference, deployment.gpus_per_node.value, deployment.infer_replicas.value
    nodes = _nodes_per_replica(settings, deployment)
    tensor_parallel = _tensor_parallel(settings)
    engines = max(1, gpus // tensor_parallel)
    return Shape(
        multi_node=True,
        trainer_only=nodes == 0 if settings.sft is None else not settings.sft.is_online,
        external_inference=False,
        trainer_pods=deployment.train_nodes.value,
        trainer_gpus=gpus,
        replicas=replicas,
        nodes_per_replica=nodes,
        inference_pods=max(0, nodes * replicas) if inference else 0,
        inference_gpus=gpus if inference and nodes else 0,
        tensor_parallel=tensor_parallel,
        engines=engines,
        expert_parallel=bool(inference and inference.expert_parallel.value) and nodes * engines > 1,
    )


def _nodes_per_replica(settings: RunSettings, deployment: MultiNode) -> int:
    nodes = deployment.infer_nodes.value
    if nodes is not None:
        return nodes
    return settings.inference.layout_nodes if settings.inference else 0
