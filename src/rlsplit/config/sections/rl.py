"""The root of a run configuration, and the file of an environment server."""

from typing import ClassVar, Literal

from pydantic import Field

from rlsplit.config.sections.base import EnvVars, OpaqueTable, PathText, Section, Tags, unwritten
from rlsplit.config.sections.deployment import Deployment, SingleNodeDeploymentConfig
from rlsplit.config.sections.inference import InferenceConfig
from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.root import RootConfig
from rlsplit.config.sections.shared import (
    LogConfig,
    ResumeConfig,
    RunConfig,
    SharedCheckpointConfig,
    SharedLogConfig,
    SharedModelConfig,
    SharedMonitorsConfig,
    SlurmConfig,
    TokenizerConfig,
)
from rlsplit.config.sections.sources import ServeConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.sections.transport import RolloutTransport, SharedWeightBroadcast


class RLConfig(RootConfig):
    """Complete configuration of one RL run: trainer, orchestrator, optional inference server, and everything they
    share."""

    kind: ClassVar[Literal["rl"]] = "rl"
    injected_tags: ClassVar[Tags] = {"deployment": ("type", "single_node")}

    trainer: TrainerConfig
    """Settings of the process group that computes gradients and updates the weights; mandatory, an empty table is
    enough."""
    orchestrator: OrchestratorConfig
    """Settings of the process that produces rollouts and turns them into batches; mandatory, an empty table is
    enough."""
    inference: InferenceConfig | None = None
    """vLLM server to launch with the run; null when a server is operated elsewhere or none is needed."""
    env_vars: EnvVars = Field(default_factory=dict)
    """Operating system variables set for every launched component; the `env_vars` of a section win over these."""
    run: RunConfig = Field(default_factory=unwritten(RunConfig))
    """Name of the run and of its directory."""
    output_dir: PathText = "outputs"
    """Parent folder of runs; this run writes to `output_dir/run.dir`."""
    clean: bool = False
    """Deletes an existing run directory before starting instead of refusing to write into it."""
    log: SharedLogConfig = Field(default_factory=unwritten(SharedLogConfig))
    """Log verbosity and format copied into every section that leaves them unset."""
    ckpt: SharedCheckpointConfig | None = None
    """Checkpointing shared by trainer and orchestrator; an empty table switches it on with defaults, null leaves it
    to the sections."""
    resume: ResumeConfig | None = None
    """Checkpoint to continue from, replacing the `resume` of both sections; null leaves theirs alone."""
    monitors: SharedMonitorsConfig = Field(default_factory=unwritten(SharedMonitorsConfig))
    """Metric destinations shared by trainer and orchestrator."""
    model: SharedModelConfig | None = None
    """Model copied into trainer, orchestrator and inference where they leave it unset; null lets each section
    choose."""
    tokenizer: TokenizerConfig | None = None
    """Tokenizer copied into trainer and orchestrator where unset; null lets each section derive it from its model."""
    max_steps: int | None = None
    """Last training step, copied into trainer and orchestrator; null trains without end."""
    seq_len: int | None = None
    """Longest training sequence in tokens, copied into trainer and orchestrator; null keeps each section's own
    value."""
    weight_broadcast: SharedWeightBroadcast | None = None
    """How new weights travel from trainer to inference; null means NCCL, or the filesystem with LoRA or without
    inference."""
    rollout_transport: RolloutTransport | None = None
    """How batches travel from orchestrator to trainer; null takes the transport set in the sections."""
    deployment: Deployment = Field(default_factory=unwritten(SingleNodeDeploymentConfig))
    """GPU and node layout of the whole run; one machine with 1 training and 1 inference GPU by default."""
    slurm: SlurmConfig | None = None
    """Submits the run as a SLURM job with these options; null runs it on the local machine."""
    dry_run: bool = False
    """Compiles the configuration, writes the files and stops without starting any process."""


class EnvServerConfig(Section):
    """File of one environment server: what it runs, how it is hosted and how it logs."""

    env: OpaqueTable = Field(default_factory=dict)
    """What runs: the environment or task plugin with its settings."""
    serve: ServeConfig = Field(default_factory=unwritten(ServeConfig))
    """How the environment server is hosted."""
    log: LogConfig = Field(default_factory=unwritten(LogConfig))
    """Verbosity and format of the environment server's log."""
    output_dir: PathText = "outputs"
    """Folder for the files of the environment server."""
