"""``trainer``: the process group that updates the weights."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.base import EnvVars, EnvVarsSection, PathText, Section, Tags, unwritten
from rlsplit.config.sections.shared import HeartbeatConfig, LogConfig, MonitorsConfig, ResumeConfig, TokenizerConfig
from rlsplit.config.sections.trainer_model import TrainerModelConfig
from rlsplit.config.sections.transport import (
    RolloutTransport,
    TrainerFileSystemWeightBroadcastConfig,
    TrainerWeightBroadcast,
    ZMQTransportConfig,
)


class FakeDataLoaderConfig(Section):
    """Random training data for testing without orchestrator output."""

    batch_size: int = Field(default=2, ge=1)
    """Random sequences in each batch."""
    generate_samples: bool = False
    """Builds separate random samples and packs them like real ones instead of filling whole sequences."""


class DataLoaderConfig(Section):
    """Source of the trainer's batches."""

    fake: FakeDataLoaderConfig | None = None
    """Trains on random data instead of rollouts, for testing; null trains on rollouts."""


class DefaultLossConfig(Section):
    """Default policy loss with probability-based token masking and a KL term."""

    type: Literal["default"] = "default"
    """Selects the default loss."""
    dppo_mask_low: float = Field(default=0.2, ge=0)
    """Masking threshold for tokens that became less likely since they were sampled; smaller masks more."""
    dppo_mask_high: float = Field(default=0.2, ge=0)
    """Masking threshold for tokens that became more likely since they were sampled; smaller masks more."""
    adv_tau: float = Field(default=1.0, ge=0)
    """Temperature that scales the advantage term of the loss."""
    kl_tau: float = Field(default=0.001, ge=0)
    """Temperature that scales the KL term of the loss; 0 removes it."""


class IPOLossConfig(Section):
    """IPO policy loss with one masking threshold and a KL term."""

    type: Literal["ipo"] = "ipo"
    """Selects the IPO loss."""
    ipo_threshold: float = Field(default=0.1, ge=0)
    """Deviation from the sampling policy beyond which a token is masked; smaller masks more."""
    adv_tau: float = Field(default=1.0, ge=0)
    """Temperature that scales the advantage term of the loss."""
    kl_tau: float = Field(default=0.001, ge=0)
    """Temperature that scales the KL term of the loss; 0 removes it."""


class CustomLossConfig(Section):
    """Loss computed by a Python function of your own."""

    type: Literal["custom"] = "custom"
    """Selects a loss function of your own."""
    import_path: str
    """Import path of the loss function."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Extra keyword arguments passed to the loss function."""


Loss = Annotated[DefaultLossConfig | IPOLossConfig | CustomLossConfig, Field(discriminator="type")]
"""The policy loss."""


class OptimizerConfig(Section):
    """What every optimizer has."""

    lr: float = Field(default=1e-06, ge=0)
    """Peak learning rate, which the scheduler scales over the run."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Strength of weight decay, which pulls the weights toward zero at each step."""
    max_norm: float | None = Field(default=1.0, ge=0)
    """Gradients with a larger total norm are scaled down to it; null switches clipping off."""


class SGDConfig(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    type: Literal["sgd"] = "sgd"
    """Selects stochastic gradient descent."""
    nesterov: bool = True
    """Uses Nesterov momentum instead of the classic form."""
    momentum: float = 0.9
    """Share of the previous update carried into the next one."""


class AdamWConfig(OptimizerConfig):
    """AdamW optimizer, the default."""

    type: Literal["adamw"] = "adamw"
    """Selects AdamW."""
    betas1: float = Field(default=0.9, ge=0)
    """Decay rate of the running mean of gradients."""
    betas2: float = Field(default=0.999, ge=0)
    """Decay rate of the running mean of squared gradients."""


class MuonConfig(OptimizerConfig):
    """Muon optimizer, which orthogonalizes the updates of weight matrices; not available with `fsdp_cpu_offload`."""

    type: Literal["muon"] = "muon"
    """Selects Muon."""
    mu: float = Field(default=0.95, ge=0)
    """Momentum of the orthogonalized updates."""
    betas1: float = Field(default=0.9, ge=0)
    """Decay rate of the gradient mean in the Adam part of Muon."""
    betas2: float = Field(default=0.95, ge=0)
    """Decay rate of the squared-gradient mean in the Adam part of Muon."""


class SignSGDConfig(OptimizerConfig):
    """Optimizer that steps by the sign of each gradient only."""

    type: Literal["sign_sgd"] = "sign_sgd"
    """Selects SignSGD."""


Optimizer = Annotated[SGDConfig | AdamWConfig | MuonConfig | SignSGDConfig, Field(discriminator="type")]
"""The optimizer."""


class ConstantSchedulerConfig(Section):
    """Learning rate that stays at its peak for the whole run."""

    type: Literal["constant"] = "constant"
    """Selects a constant learning rate."""


class LinearSchedulerConfig(Section):
    """Linear warmup to the peak rate, a plateau, and a linear decay at the end of the run."""

    type: Literal["linear"] = "linear"
    """Selects linear warmup and decay."""
    warmup_steps: int = Field(default=10, ge=0)
    """Steps over which the learning rate rises to its peak."""
    decay_steps: int = Field(default=10, ge=0)
    """Steps at the end of the run over which the learning rate falls; above 0 it needs `max_steps`."""
    min_lr: float = Field(default=0.0, ge=0)
    """Learning rate reached at the end of the decay."""


class CosineSchedulerConfig(Section):
    """Linear warmup to the peak rate, then a cosine decay until `max_steps`, which must be set."""

    type: Literal["cosine"] = "cosine"
    """Selects cosine decay."""
    warmup_steps: int = Field(default=10, ge=0)
    """Steps over which the learning rate rises to its peak; must be fewer than `max_steps`."""
    min_lr: float = Field(default=0.0, ge=0)
    """Learning rate reached at the end of the decay."""


Scheduler = Annotated[
    ConstantSchedulerConfig | LinearSchedulerConfig | CosineSchedulerConfig, Field(discriminator="type")
]
"""The learning-rate schedule."""


class TrainerCheckpointConfig(Section):
    """When the trainer saves checkpoints, how many it keeps and what it restores."""

    output_dir: PathText | None = None
    """Other folder for checkpoints and weights; null uses the run directory."""
    interval: int | None = Field(default=None, ge=1)
    """Saves every so many training steps; null saves only at the end. Trainer and orchestrator must agree."""
    keep_last: int | None = Field(default=None, ge=1)
    """Number of newest checkpoints kept; null deletes none."""
    keep_interval: int | None = Field(default=None, ge=1)
    """Checkpoints at multiples of this step are never deleted; null protects none in this way."""
    skip_progress: bool = False
    """Leaves the step and progress counters out when restoring a checkpoint."""
    skip_scheduler: bool = False
    """Leaves the learning rate schedule out when restoring a checkpoint."""
    skip_dataloader: bool = False
    """Leaves the data loader state out when restoring a checkpoint."""
    skip_optimizer: bool = False
    """Leaves the optimizer state out when restoring a checkpoint."""


class TrainerLogConfig(LogConfig):
    """Verbosity, format and console filter of the trainer's log."""

    ranks_filter: list[int] = Field(default=[0])
    """Ranks whose messages appear on the console; only rank 0 by default."""


class GCConfig(Section):
    """Python garbage collection done on all ranks at the same time."""

    interval: int = Field(default=50, ge=1)
    """Collects garbage every so many training steps."""


class MetricsServerConfig(Section):
    """Prometheus metrics endpoint of the trainer."""

    port: int = Field(default=8000, ge=1, le=65535)
    """Port on which metrics are served."""
    host: str = "0.0.0.0"
    """Network address the endpoint listens on; all interfaces by default."""


class TrainerConfig(EnvVarsSection):
    """Settings of the trainer, the process group that computes gradients and updates the weights."""

    injected_tags: ClassVar[Tags] = {
        "loss": ("type", "default"),
        "optim": ("type", "adamw"),
        "scheduler": ("type", "constant"),
        "weight_broadcast": ("type", "filesystem"),
        "rollout_transport": ("type", "zmq"),
    }

    model: TrainerModelConfig = Field(default_factory=unwritten(TrainerModelConfig))
    """Model to train with its kernels, sharding, memory savings, precision and adapters."""
    tokenizer: TokenizerConfig = Field(default_factory=unwritten(TokenizerConfig))
    """Tokenizer used by the trainer; derived from the trainer's model where unset."""
    data: DataLoaderConfig = Field(default_factory=unwritten(DataLoaderConfig))
    """Where training batches come from: rollouts, or random data for testing."""
    loss: Loss = Field(default_factory=unwritten(DefaultLossConfig))
    """Policy loss: the default masked objective, IPO, or a function of your own."""
    optim: Optimizer = Field(default_factory=unwritten(AdamWConfig))
    """Optimizer and its learning rate; AdamW by default."""
    scheduler: Scheduler = Field(default_factory=unwritten(ConstantSchedulerConfig))
    """How the learning rate changes over the run; constant by default."""
    ckpt: TrainerCheckpointConfig | None = None
    """Checkpoint saving of the trainer; null saves none."""
    resume: ResumeConfig | None = None
    """Checkpoint the trainer continues from; null starts fresh. Replaced by the root `resume` when that is set."""
    weight_broadcast: TrainerWeightBroadcast = Field(default_factory=unwritten(TrainerFileSystemWeightBroadcastConfig))
    """Resolved weight transfer of the trainer; always overwritten from the root `weight_broadcast`, so set it
    there."""
    rollout_transport: RolloutTransport = Field(default_factory=unwritten(ZMQTransportConfig))
    """How the trainer receives batches; must be of the same type as the orchestrator's."""
    log: TrainerLogConfig = Field(default_factory=unwritten(TrainerLogConfig))
    """Verbosity, format and console filter of the trainer's log."""
    monitors: MonitorsConfig = Field(default_factory=unwritten(MonitorsConfig))
    """Destinations of the trainer's metrics."""
    output_dir: PathText = "outputs"
    """Folder the trainer writes to; set from `output_dir/run.dir` of the root, do not write it."""
    matmul_precision: Literal["highest", "high", "medium"] = "high"
    """Precision of float32 matrix products; lower settings may use faster reduced-precision kernels."""
    max_steps: int | None = None
    """Last training step; null trains without end. Must equal the orchestrator's."""
    enable_router_replay: bool = False
    """Reuses in training the expert routing that inference chose for each token; for mixture-of-experts models."""
    memory_profiler_path: PathText | None = None
    """Path under which the trainer's memory profile is written; null records none."""
    gc: GCConfig | None = Field(default_factory=unwritten(GCConfig))
    """Garbage collection synchronized over all ranks; null keeps Python's own automatic collection."""
    trace_path: PathText | None = None
    """Folder for profiler traces; needs a run of fewer than 10 steps. Null records none."""
    dist_timeout_seconds: int = 3600
    """Longest time a collective operation may take before the trainer gives up, in seconds."""
    heartbeat: HeartbeatConfig | None = None
    """Address pinged regularly while the trainer is alive; null sends no pings."""
    metrics_server: MetricsServerConfig | None = None
    """Prometheus endpoint of the trainer; null opens none."""
    enable_token_export: bool = False
    """Writes a JSON-lines debug dump with one record of per-token values for each trained sequence."""
    env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables of the trainer; they win over the root `env_vars`."""
