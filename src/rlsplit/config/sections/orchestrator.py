"""``orchestrator``: the process that produces rollouts and batches."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.algorithms import Algorithm, ClientConfig, GRPOAlgoConfig
from rlsplit.config.sections.base import EnvVars, EnvVarsSection, PathText, Section, Tags, unwritten
from rlsplit.config.sections.general_renderers import AutoRendererConfig
from rlsplit.config.sections.renderers import Renderer
from rlsplit.config.sections.shared import (
    HeartbeatConfig,
    LogConfig,
    MonitorsConfig,
    PrimeMonitorConfig,
    ResumeConfig,
    TokenizerConfig,
    VLMConfig,
)
from rlsplit.config.sections.sources import EvalConfig, TrainConfig
from rlsplit.config.sections.transport import (
    OrchestratorFileSystemWeightBroadcastConfig,
    OrchestratorWeightBroadcast,
    RolloutTransport,
    ZMQTransportConfig,
)
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP


class OrchestratorLoRAConfig(Section):
    """Adapter of this run as the orchestrator addresses it."""

    name: str | None = None
    """Name of the adapter on the server; null builds one from rank and alpha, such as `r16-a32.0`."""
    rank: int | None = Field(default=None, ge=1)
    """Rank of the adapter, equal to the trainer's; null copies it."""
    alpha: float | None = Field(default=None, ge=0)
    """Scaling of the adapter, equal to the trainer's; null copies it."""


class OrchestratorModelConfig(Section):
    """Policy model as the orchestrator addresses it."""

    name: str = "Qwen/Qwen3-0.6B"
    """Name of the policy on the inference server; must equal `inference.vllm.model` when inference is launched."""
    trust_remote_code: bool = False
    """Allows running Python code shipped with the model or its tokenizer."""
    vlm: VLMConfig | None = None
    """Marks the policy as a vision-language model and says where its parts live; null means text only."""
    lora: OrchestratorLoRAConfig | None = None
    """Adapter trained by this run; filled in from the trainer's, null without LoRA."""
    client: ClientConfig = Field(default_factory=unwritten(ClientConfig))
    """How to reach the policy server."""


class OrchestratorMonitorsConfig(MonitorsConfig):
    """Destinations of the orchestrator's metrics."""

    prime: PrimeMonitorConfig | None = None
    """Reports the run to the Prime platform; null reports nothing there."""


class OrchestratorCheckpointConfig(Section):
    """When the orchestrator saves its state and how much of it is kept."""

    interval: int | None = Field(default=None, ge=1)
    """Saves every so many training steps; null saves only at the end. Trainer and orchestrator must agree."""
    wait_for_weights_timeout: int | None = Field(default=None, ge=1)
    """Longest wait for the first weights to appear, in seconds; null sets no such wait limit."""
    keep_last: int | None = Field(default=None, ge=1)
    """Number of newest checkpoints kept; null deletes none."""
    keep_interval: int | None = Field(default=None, ge=1)
    """Checkpoints at multiples of this step are never deleted; null protects none in this way."""
    skip_progress: bool = False
    """Leaves the step and progress counters out when restoring a checkpoint."""


class ConcurrencyConfig(Section):
    """Start, floor and ceiling of the number of simultaneous episodes."""

    initial_inflight: int | None = Field(default=None, ge=1)
    """Episodes running at once when the run starts; null lets the orchestrator choose."""
    min_inflight: int = Field(default=1, ge=1)
    """Fewest episodes kept running at once."""
    max_inflight: int | None = Field(default=1024, ge=1)
    """Most episodes running at once, at least `group_size`; null sets no ceiling."""


class OrchestratorConfig(EnvVarsSection):
    """Settings of the orchestrator, which runs environments against the policy and builds training batches."""

    injected_tags: ClassVar[Tags] = {
        "algo": ("type", "grpo"),
        "weight_broadcast": ("type", "filesystem"),
        "rollout_transport": ("type", "zmq"),
    }
    model_renderers: ClassVar[Mapping[str, str]] = MODEL_RENDERER_MAP
    """Model id to the renderer that the automatic choice takes (O-25)."""
    hierarchical_environment: ClassVar[str] = "proposer-solver"
    """The environment or taskset that hierarchical GRPO is made for (O-24)."""

    algo: Algorithm = Field(default_factory=unwritten(GRPOAlgoConfig))
    """Training algorithm of every train source that does not choose its own; GRPO by default."""
    model: OrchestratorModelConfig = Field(default_factory=unwritten(OrchestratorModelConfig))
    """Policy model as the orchestrator addresses it: its name, adapter and client."""
    train: TrainConfig = Field(default_factory=unwritten(TrainConfig))
    """Environments trained on and how rollouts are sampled in them."""
    tokenizer: TokenizerConfig = Field(default_factory=unwritten(TokenizerConfig))
    """Tokenizer used to build training sequences; derived from the orchestrator's model where unset."""
    renderer: Renderer = Field(default_factory=unwritten(AutoRendererConfig))
    """Turns chat messages into tokens; auto looks the variant up by tokenizer or model name."""
    eval: EvalConfig | None = None
    """Evaluation environments and their schedule; null runs no evaluation."""
    log: LogConfig = Field(default_factory=unwritten(LogConfig))
    """Verbosity and format of the orchestrator's and the environment servers' logs."""
    env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables of the orchestrator and the environment servers; they win over the root
    `env_vars`."""
    monitors: OrchestratorMonitorsConfig = Field(default_factory=unwritten(OrchestratorMonitorsConfig))
    """Destinations of the orchestrator's metrics."""
    collect_inference_metrics: bool = True
    """Mirrors the metrics of the inference servers into the run's own metrics."""
    inference_metrics_roles: list[Literal["prefill", "decode"]] | None = None
    """Role, prefill or decode, of each admin address for metrics; null derives it for disaggregated layouts."""
    ckpt: OrchestratorCheckpointConfig | None = None
    """Checkpoint saving of the orchestrator; null saves none. Must be set exactly when the trainer's is."""
    resume: ResumeConfig | None = None
    """Checkpoint the orchestrator continues from; null starts fresh. Replaced by the root `resume` when that is
    set."""
    weight_broadcast: OrchestratorWeightBroadcast = Field(
        default_factory=unwritten(OrchestratorFileSystemWeightBroadcastConfig)
    )
    """Resolved weight transfer of the orchestrator; always overwritten from the root `weight_broadcast`, so set it
    there."""
    rollout_transport: RolloutTransport = Field(default_factory=unwritten(ZMQTransportConfig))
    """How the orchestrator sends batches; must be of the same type as the trainer's."""
    output_dir: PathText = "outputs"
    """Folder the orchestrator writes to; set from `output_dir/run.dir` of the root, do not write it."""
    tasks_per_minute: int | None = Field(default=None, ge=1)
    """Most tasks started per minute; null sets no limit."""
    env_server_base_port: int = Field(default=5000, ge=1, le=65535)
    """Port of the first environment server; each further source takes the next port."""
    batch_size: int | None = Field(default=None, ge=1)
    """Samples per training step, a multiple of `group_size`; null with null `token_batch_size` means 128."""
    token_batch_size: int | None = Field(default=None, ge=1)
    """Tokens per training step, as an alternative to `batch_size`; null counts samples instead."""
    concurrency: ConcurrencyConfig = Field(default_factory=unwritten(ConcurrencyConfig))
    """How many episodes run at the same time."""
    group_size: int = Field(default=1, ge=1)
    """Rollouts generated for each training example, unless a source sets its own."""
    seq_len: int = 2048
    """Longest training sequence the orchestrator builds, in tokens; may not exceed the trainer's."""
    num_train_workers: int = Field(default=1, ge=1)
    """Data-parallel ranks of the trainer that batches are split for; set from the deployment when training on
    several GPUs."""
    pad_to_multiple_of: int = Field(default=1, ge=1)
    """Sequence lengths are padded to a multiple of this many tokens; always set to the trainer's `cp`."""
    max_steps: int | None = None
    """Last training step; null trains without end. Must equal the trainer's."""
    max_off_policy_steps: int = Field(default=8, ge=0)
    """Oldest policy version tolerated in a rollout, in training steps behind the current one."""
    heartbeat: HeartbeatConfig | None = None
    """Address pinged regularly while the orchestrator is alive; null sends no pings."""
