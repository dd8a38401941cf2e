"""GPU and node layout: of the whole run, and of one inference group."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.base import EnvVars, EnvVarsSection, Section


class NodeConfig(Section):
    """The size of one machine."""

    gpus_per_node: int = 8
    """Number of GPUs in each machine."""


class SingleNodeDeploymentConfig(NodeConfig):
    """GPU layout of a run on one machine."""

    type: Literal["single_node"] = "single_node"
    """Selects a run on one machine."""
    num_train_gpus: int = 1
    """GPUs for the trainer; together with the inference GPUs at most `gpus_per_node`."""
    num_infer_gpus: int = 1
    """GPUs for inference, a multiple of `tensor_parallel_size`; counted even without an inference section."""


class MultiNodeDeploymentConfig(NodeConfig):
    """GPU and node layout of a run on several machines under SLURM."""

    type: Literal["multi_node"] = "multi_node"
    """Selects a run on several machines."""
    num_train_nodes: int
    """Machines for the trainer; mandatory."""
    num_infer_nodes: int | None = Field(default=None, ge=0)
    """Machines of each inference replica; 0 trains alone on fake data, null derives it from inference."""
    num_infer_replicas: int = Field(default=1, ge=1)
    """Independent copies of the inference group."""
    nodes_per_fsdp_group: int | None = None
    """Machines over which one copy of the weights is sharded, a divisor of `num_train_nodes`; null sets no
    grouping."""
    orchestrator_on_inference: bool = False
    """Places the orchestrator on the last inference machine instead of the first trainer machine."""


Deployment = Annotated[SingleNodeDeploymentConfig | MultiNodeDeploymentConfig, Field(discriminator="type")]
"""GPU and node layout of the whole run."""


class SingleNodeInferenceDeploymentConfig(NodeConfig):
    """Inference on one machine."""

    type: Literal["single_node"] = "single_node"
    """Selects inference on one machine."""


class MultiNodeInferenceDeploymentConfig(NodeConfig):
    """Inference replica spread over several machines."""

    type: Literal["multi_node"] = "multi_node"
    """Selects inference over several machines."""
    num_nodes: int = Field(default=2, ge=1)
    """Machines of one inference replica."""


class DisaggregatedInferenceDeploymentConfig(NodeConfig, EnvVarsSection):
    """Inference with separate machines for reading prompts (prefill) and generating tokens (decode)."""

    env_var_fields: ClassVar[tuple[str, ...]] = ("prefill_env_vars", "decode_env_vars")

    type: Literal["disaggregated"] = "disaggregated"
    """Selects separate prefill and decode machines."""
    prefill_nodes_per_replica: int = Field(default=1, ge=1)
    """Machines of each prefill instance."""
    decode_nodes_per_replica: int = Field(default=1, ge=1)
    """Machines of each decode instance."""
    num_prefill_replicas: int = Field(default=1, ge=1)
    """Number of prefill instances."""
    num_decode_replicas: int = Field(default=1, ge=1)
    """Number of decode instances."""
    prefill_port: int = 8100
    """Port of the prefill engines."""
    decode_port: int = 8200
    """Port of the decode engines."""
    prefill_env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables on prefill machines only; applied after those of inference."""
    decode_env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables on decode machines only; applied after those of inference."""
    prefill_vllm_overrides: dict[str, Any] = Field(default_factory=dict)
    """vLLM arguments that differ on prefill machines."""
    decode_vllm_overrides: dict[str, Any] = Field(default_factory=dict)
    """vLLM arguments that differ on decode machines."""


InferenceDeployment = Annotated[
    SingleNodeInferenceDeploymentConfig | MultiNodeInferenceDeploymentConfig | DisaggregatedInferenceDeploymentConfig,
    Field(discriminator="type"),
]
"""Node layout of one inference group."""
