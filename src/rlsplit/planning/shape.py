"""How many pods, engines and GPUs: derived from the deployment, for valid and invalid ones alike.

Never raises on a number that does not fit: :mod:`rlsplit.planning.checks` reports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlsplit.components import ComponentName
from rlsplit.planning.settings import Inference, MultiNode, RunSettings, SingleNode


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGroups:
    """The groups of engines of one component. A group has one set of ranks, and lives and dies as a whole."""

    component: ComponentName
    nodes: int
    """Pods of each group."""
    per_replica: int
    """Groups in each replica."""
    before: int
    """Machines of a replica that prime-rl counts before those of these groups."""
    engines: int
    """Engines of each pod."""

    @property
    def pods_per_replica(self) -> int:
        """Pods of these groups in each replica."""
        return self.nodes * self.per_replica

    @property
    def ranks(self) -> int:
        """Engines of each group."""
        return self.nodes * self.engines


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many pods, engines and GPUs a run has. Counts, derived from the deployment alone."""

    multi_node: bool
    trainer_only: bool
    """Fake data: no orchestrator, no environment servers, no inference."""
    external_inference: bool
    """The policy's server is run elsewhere."""
    trainer_pods: int
    trainer_gpus: int
    """GPUs of each trainer pod."""
    replicas: int
    """Independent copies of the inference group."""
    nodes_per_replica: int
    inference_pods: int
    inference_gpus: int
    """GPUs of each inference pod."""
    tensor_parallel: int
    """GPUs of each engine (vLLM's internal data parallelism of a single node counts as one engine)."""
    engines: int
    """Engine processes of each inference pod."""
    expert_parallel: bool
    """Whether the engines of a replica form one expert-parallel group."""
    groups: tuple[EngineGroups, ...] = ()
    """Prefill, then decode; empty where every engine does both."""

    @property
    def engine_components(self) -> tuple[ComponentName, ...]:
        """Components whose pods run the engines, were there any."""
        return tuple(group.component for group in self.groups) or ("inference",)

    @property
    def group_nodes(self) -> int:
        """Most pods of a group of engines that work in step; 1 where each pod is on its own."""
        if self.groups:
            return max(group.nodes for group in self.groups)
        return self.nodes_per_replica if self.expert_parallel else 1

    def groups_of(self, component: ComponentName) -> EngineGroups | None:
        """Give the groups of prefill or decode engines; None for every other component."""
        return next((group for group in self.groups if group.component == component), None)

    def engine_places(self) -> Iterator[tuple[ComponentName, int, int]]:
        """Every engine as component, pod and number in the pod, in the order of ranks of the weight broadcast."""
        for component, node in self._engine_pods():
            for k in range(self.engines):
                yield component, node, k

    def _engine_pods(self) -> Iterator[tuple[ComponentName, int]]:
        for node in range(0 if self.groups else self.inference_pods):
            yield "inference", node
        for replica in range(self.replicas):
            for group in self.groups:
                for pod in range(group.pods_per_replica):
                    yield group.component, replica * group.pods_per_replica + pod

    @property
    def has_inference(self) -> bool:
        """Whether the run starts engines itself."""
        return self.inference_pods > 0

    @property
    def has_orchestrator(self) -> bool:
        """Whether there is an orchestrator."""
        return not self.trainer_only

    @property
    def has_router_pod(self) -> bool:
        """Whether the router has a pod of its own; on a single node the inference pod holds it."""
        return self.has_inference and self.multi_node

    @property
    def inference_workers(self) -> int:
        """GPU workers that take part in the weight broadcast, without the trainer."""
        return self.inference_pods * (self.inference_gpus // self.tensor_parallel) * self.tensor_parallel

    @property
    def gpus(self) -> int:
        """GPUs of the whole run."""
        return self.trainer_pods * self.trainer_gpus + self.inference_pods * self.inference_gpus


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
        groups=tuple(_groups(inference, engines)) if inference and inference.sides else (),
    )


def _groups(inference: Inference, engines: int) -> Iterator[EngineGroups]:
    before = 0
    for component, side in inference.sides.items():
        group = EngineGroups(
            component=component,
            nodes=side.nodes.value,
            per_replica=side.groups.value,
            before=before,
            engines=engines,
        )
        before += group.pods_per_replica
        yield group


def _nodes_per_replica(settings: RunSettings, deployment: MultiNode) -> int:
    nodes, inference = deployment.infer_nodes.value, settings.inference
    if inference is not None and inference.sides:
        return sum(side.nodes.value * side.groups.value for side in inference.sides.values())
    if nodes is not None:
        return nodes
    return settings.inference.layout_nodes if settings.inference else 0
