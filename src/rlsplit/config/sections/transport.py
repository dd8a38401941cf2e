"""How weights and rollouts travel between the components."""

from typing import Annotated, Literal

from pydantic import Field

from rlsplit.config.sections.base import Section


class BroadcastEndpoint(Section):
    """Where the weight broadcast meets."""

    host: str = "localhost"
    """Host name or address on which trainer and inference meet for the transfer."""
    port: int = 29501
    """Port on which trainer and inference meet for the transfer."""
    timeout: int = 1200
    """Longest duration of connecting or transferring before giving up, in seconds."""


class SharedFileSystemWeightBroadcastConfig(Section):
    """Weights sent as files on shared storage; the only kind that works with LoRA."""

    type: Literal["filesystem"] = "filesystem"
    """Selects weight transfer through shared files."""


class SharedNCCLWeightBroadcastConfig(BroadcastEndpoint):
    """Weights sent through an NCCL collective between trainer and engines."""

    type: Literal["nccl"] = "nccl"
    """Selects weight transfer through NCCL."""
    quantize_in_weight_transfer: bool = False
    """Sends weights already in FP8 kernel format; needs inference and the custom model implementation."""


class SharedNIXLWeightBroadcastConfig(BroadcastEndpoint):
    """Weights sent through NIXL (ModelExpress)."""

    port: int = 8001
    """Port on which trainer and inference meet for the transfer."""
    type: Literal["nixl"] = "nixl"
    """Selects weight transfer through NIXL."""
    session_id: str = "default"
    """Name of the ModelExpress session shared by sender and receivers."""


SharedWeightBroadcast = Annotated[
    SharedFileSystemWeightBroadcastConfig | SharedNCCLWeightBroadcastConfig | SharedNIXLWeightBroadcastConfig,
    Field(discriminator="type"),
]
"""How new weights travel to inference, written once for all parts."""


class TrainerBroadcastEndpoint(BroadcastEndpoint):
    """A meeting point with the number of inference workers to expect."""

    inference_world_size: int = 1
    """Number of inference GPU workers that receive weights; derived from the deployment."""


class TrainerFileSystemWeightBroadcastConfig(Section):
    """Trainer side of sending weights through files on shared storage."""

    type: Literal["filesystem"] = "filesystem"
    """Selects weight transfer through shared files."""


class TrainerNCCLWeightBroadcastConfig(TrainerBroadcastEndpoint):
    """Trainer side of sending weights through an NCCL collective."""

    type: Literal["nccl"] = "nccl"
    """Selects weight transfer through NCCL."""
    quantize_in_weight_transfer: bool = False
    """Sends weights already in FP8 kernel format; needs inference and the custom model implementation."""


class TrainerNIXLWeightBroadcastConfig(TrainerBroadcastEndpoint):
    """Trainer side of sending weights through NIXL (ModelExpress)."""

    port: int = 8001
    """Port on which trainer and inference meet for the transfer."""
    type: Literal["nixl"] = "nixl"
    """Selects weight transfer through NIXL."""
    session_id: str = "default"
    """Name of the ModelExpress session shared by sender and receivers."""


TrainerWeightBroadcast = Annotated[
    TrainerFileSystemWeightBroadcastConfig | TrainerNCCLWeightBroadcastConfig | TrainerNIXLWeightBroadcastConfig,
    Field(discriminator="type"),
]
"""The trainer's end of the weight broadcast."""


class OrchestratorBroadcastEndpoint(BroadcastEndpoint):
    """A meeting point with the number of inference workers to expect."""

    inference_world_size: int = Field(default=1, ge=1)
    """Number of inference GPU workers that receive weights; derived from the deployment."""


class OrchestratorFileSystemWeightBroadcastConfig(Section):
    """Orchestrator side of sending weights through files on shared storage."""

    type: Literal["filesystem"] = "filesystem"
    """Selects weight transfer through shared files."""


class OrchestratorNCCLWeightBroadcastConfig(OrchestratorBroadcastEndpoint):
    """Orchestrator side of sending weights through an NCCL collective."""

    type: Literal["nccl"] = "nccl"
    """Selects weight transfer through NCCL."""
    quantize_in_weight_transfer: bool = False
    """Sends weights already in FP8 kernel format; needs inference and the custom model implementation."""


class OrchestratorNIXLWeightBroadcastConfig(OrchestratorBroadcastEndpoint):
    """Orchestrator side of sending weights through NIXL (ModelExpress)."""

    port: int = 8001
    """Port on which trainer and inference meet for the transfer."""
    type: Literal["nixl"] = "nixl"
    """Selects weight transfer through NIXL."""
    session_id: str = "default"
    """Name of the ModelExpress session shared by sender and receivers."""


OrchestratorWeightBroadcast = Annotated[
    OrchestratorFileSystemWeightBroadcastConfig
    | OrchestratorNCCLWeightBroadcastConfig
    | OrchestratorNIXLWeightBroadcastConfig,
    Field(discriminator="type"),
]
"""The orchestrator's end of the weight broadcast."""


class WeightBroadcastConfig(Section):
    """Kind of weight transfer the inference server takes part in."""

    type: Literal["nccl", "filesystem", "nixl"] = "filesystem"
    """How new weights arrive; derived from the root `weight_broadcast`."""


class FileSystemTransportConfig(Section):
    """Batches handed from orchestrator to trainer as files."""

    type: Literal["filesystem"] = "filesystem"
    """Selects transport through files."""


class ZMQTransportConfig(Section):
    """Batches sent from orchestrator to trainer over ZeroMQ sockets."""

    type: Literal["zmq"] = "zmq"
    """Selects transport over ZeroMQ."""
    host: str = "localhost"
    """Host name or address on which orchestrator and trainer meet."""
    port: int = 5555
    """First port of the transport's sockets."""
    hwm: int = 10
    """Most messages queued on one socket before the sender waits (high-water mark)."""


RolloutTransport = Annotated[FileSystemTransportConfig | ZMQTransportConfig, Field(discriminator="type")]
"""How batches travel from orchestrator to trainer."""
