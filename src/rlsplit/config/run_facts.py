"""What several rules between sections need to know of a run: its names, its sizes, its default broadcast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from rlsplit.config.sections.deployment import (
    DisaggregatedInferenceDeploymentConfig,
    MultiNodeDeploymentConfig,
    MultiNodeInferenceDeploymentConfig,
)
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.shared import ResumeConfig
from rlsplit.config.sections.sources import SourceConfig, TrainSourceConfig
from rlsplit.config.sections.sources import environment_ids as environment_ids
from rlsplit.config.sections.transport import SharedFileSystemWeightBroadcastConfig, SharedNCCLWeightBroadcastConfig

if TYPE_CHECKING:
    from rlsplit.config.sections.roots import AnyConfig

MOST_DIGITS: Final = 4000
"""Longer numbers are none that Python reads."""

MAX_ENGINE_ROLES: Final = 100_000
"""More engines than this are refused instead of listed (X-20)."""


def inference_node_count(inference: InferenceConfig | None) -> int:
    """The machines of one inference replica as the inference section has it (X-01)."""
    if inference is None:
        return 0
    layout = inference.deployment
    if isinstance(layout, MultiNodeInferenceDeploymentConfig):
        return layout.num_nodes
    if isinstance(layout, DisaggregatedInferenceDeploymentConfig):
        return disaggregated_nodes(layout)
    return 1


def disaggregated_nodes(layout: DisaggregatedInferenceDeploymentConfig) -> int:
    """Prefill and decode machines together."""
    prefill = layout.prefill_nodes_per_replica * layout.num_prefill_replicas
    return prefill + layout.decode_nodes_per_replica * layout.num_decode_replicas


def source_name(source: SourceConfig) -> str:
    """The resolved name of a source: its own, or its environment's id (O-11)."""
    return source.name or source.environment_id


def samples_from_policy(source: TrainSourceConfig) -> bool:
    """Whether the rollouts of a source come from the policy rather than from an external model (O-03)."""
    return source.algo is not None and source.algo.sampling.source == "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceGpus:
    """The GPUs that all inference replicas of a multi-node run have."""

    nodes: int
    """Machines of each replica."""
    replicas: int
    gpus_per_node: int

    @property
    def total(self) -> int:
        """All of them, each a worker that takes new weights (X-19)."""
        return self.nodes * self.replicas * self.gpus_per_node


def inference_gpus(deployment: MultiNodeDeploymentConfig) -> InferenceGpus:
    """The inference side of a multi-node deployment."""
    return InferenceGpus(
        nodes=deployment.num_infer_nodes or 0,
        replicas=deployment.num_infer_replicas,
        gpus_per_node=deployment.gpus_per_node,
    )


def run_dir(output_dir: str, directory: str) -> str:
    """``output_dir / run.dir``; an absolute ``run.dir`` stands alone (B-08)."""
    return str(PurePosixPath(output_dir) / directory)


def engine_workers(config: AnyConfig) -> int:
    """GPU workers of the inference section as it stands, dp x tp; 1 without inference (X-10)."""
    vllm = config.inference.vllm if config.inference else None
    return vllm.data_parallel_size * vllm.tensor_parallel_size if vllm else 1


def is_divided_by_tensor_parallel(config: AnyConfig) -> bool:
    """Whether sizes of this run are divided by the tensor-parallel size (I-45, X-19)."""
    deployment, inference = config.deployment, config.inference
    if inference is None:
        return False
    if deployment.type == "single_node" and inference.deployment.type != "disaggregated":
        return deployment.num_infer_gpus != 0
    return True


def default_broadcast(
    config: RLConfig,
) -> type[SharedNCCLWeightBroadcastConfig | SharedFileSystemWeightBroadcastConfig]:
    """The broadcast of a run that names none (X-10)."""
    in_memory = config.trainer.model.lora is None and config.inference is not None
    return SharedNCCLWeightBroadcastConfig if in_memory else SharedFileSystemWeightBroadcastConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRoles:
    """How many engines read prompts and how many generate, in disaggregated inference."""

    prefill: int
    """In each replica."""
    decode: int
    """In each replica."""
    replicas: int

    @property
    def total(self) -> int:
        """Engines of all replicas."""
        return (self.prefill + self.decode) * self.replicas


def engine_roles(config: RLConfig) -> EngineRoles | None:
    """The engines of a disaggregated multi-node run, else None (X-20)."""
    deployment, inference = config.deployment, config.inference
    if not isinstance(deployment, MultiNodeDeploymentConfig) or inference is None:
        return None
    layout, tp = inference.deployment, inference.vllm.tensor_parallel_size
    if not isinstance(layout, DisaggregatedInferenceDeploymentConfig) or tp == 0:
        return None
    engines = max(deployment.gpus_per_node // tp, 0)
    return EngineRoles(
        prefill=layout.prefill_nodes_per_replica * layout.num_prefill_replicas * engines,
        decode=layout.decode_nodes_per_replica * layout.num_decode_replicas * engines,
        replicas=inference_gpus(deployment).replicas,
    )


def automatic_run_name(config: RLConfig) -> str:
    """``<envs>--<model>--<8 hex digits>`` in lower case; the digits come from the run id or the config."""
    names = dict.fromkeys(source_name(source) for source in config.orchestrator.train.source)
    model = last_part(config.trainer.model.name)
    return f"{'+'.join(names) or 'no-env'}--{model}--{config.name_suffix}".lower()


def last_part(name: str) -> str:
    """What a model or a dataset is called without its owner or folder."""
    return name.rsplit("/", 1)[-1]


def resume_step(resume: ResumeConfig | None) -> int | None:
    """The step that a run continues from: of the folder, else the written one; None where the disk decides."""
    if resume is None or resume.dir is None:
        return None if resume is None else resume.step
    digits = resume.dir.rsplit("_", 1)[-1]
    return int(digits) if len(digits) <= MOST_DIGITS else None
