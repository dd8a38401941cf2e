"""Sections that stand at the root, or in several components alike."""

from pydantic import Field

from rlsplit.config.sections.base import PathText, Section, unwritten


class VLMConfig(Section):
    """Marks a vision-language model and names the parts of its module tree."""

    vision_encoder_attr: str
    """Dotted module path from the model to its vision encoder."""
    language_model_attr: str
    """Dotted module path from the model to its language model."""
    freeze_vision_encoder: bool = True
    """Leaves the vision encoder untrained; may not be false together with LoRA."""


class TokenizerConfig(Section):
    """Tokenizer to load and its chat template."""

    name: str | None = None
    """Hugging Face id or local path of the tokenizer; null uses the model's."""
    trust_remote_code: bool | None = None
    """Allows running Python code shipped with the tokenizer; null copies the model's flag."""
    chat_template: str | None = None
    """Chat template to use instead of the tokenizer's own, as Jinja text or a file path; null keeps the tokenizer's
    own."""


class ResumeConfig(Section):
    """Checkpoint to continue from; `step` and `dir` exclude each other."""

    step: int | None = Field(default=None, ge=1)
    """Step of the checkpoint to load from this run; null loads the newest."""
    dir: PathText | None = None
    """A `step_<n>` checkpoint folder, usually of another run; null stays with this run's checkpoints."""


class LogConfig(Section):
    """Verbosity and format of a component's log."""

    level: str = "info"
    """Least severe messages shown; the variable `PRIME_LOG_LEVEL`, else info, when unset."""
    vf_level: str = "info"
    """Log level of the environment library and of environment servers; the variable `PRIME_VF_LOG_LEVEL`, else
    info, when unset."""
    json_logging: bool = False
    """Writes each log message as one JSON object per line."""
    log_data: bool = False
    """Prints the first sample for inspection."""
    interval: float = Field(default=10.0, gt=0)
    """Time between periodic status messages, in seconds."""


class WandbMonitorConfig(Section):
    """Weights & Biases reporting of one component; trainer and orchestrator log into one shared run."""

    project: str = "prime-rl"
    """W&B project the run appears in; trainer and orchestrator must agree."""
    entity: str | None = None
    """W&B user or team that owns the run; null uses your default."""
    name: str | None = None
    """Display name of the W&B run; null uses the name of the run."""
    group: str | None = None
    """W&B group that collects related runs; null sets none."""
    tags: list[str] | None = None
    """Tags attached to the W&B run; null sets none."""
    offline: bool = False
    """Stores the records locally instead of sending them to the server."""


class FileMonitorConfig(Section):
    """Metrics written to a JSON-lines file."""

    path: PathText = "metrics.jsonl"
    """Metrics file, relative to the component's output folder."""


class PrimeMonitorConfig(Section):
    """Reporting of the run to the Prime platform."""

    name: str | None = None
    """Name of the run on the Prime platform; null uses the W&B name or the run's name."""


class MonitorsConfig(Section):
    """Destinations of the trainer's metrics."""

    wandb: WandbMonitorConfig | None = None
    """Reports metrics to Weights & Biases; null reports nothing there."""
    file: FileMonitorConfig | None = Field(default_factory=unwritten(FileMonitorConfig))
    """Appends metrics to a JSON-lines file; on by default, null writes none."""


class HeartbeatConfig(Section):
    """Regular sign of life sent to a monitoring service."""

    url: str
    """Address that is pinged while the process is alive."""


class SlurmConfig(Section):
    """Options of the SLURM job that runs prime-rl."""

    job_name: str = "prime-rl"
    """Name of the job in the queue."""
    project_dir: PathText = "."
    """Checkout the job enters before starting; made absolute against the current folder."""
    template_path: PathText | None = None
    """Job script template of your own; null uses the one shipped with prime-rl where installed."""
    partition: str = "cluster"
    """SLURM partition the job is submitted to."""
    nodelist: str | None = None
    """Machines the job must use, in SLURM's notation; null leaves the choice to SLURM."""
    exclude: str | None = None
    """Machines the job must avoid, in SLURM's notation; null excludes none."""
    account: str | None = None
    """SLURM account charged for the job; null uses your default account."""
    time: str | None = None
    """Time limit of the job in SLURM's notation; null uses the partition's default."""
    pre_run_command: str | None = None
    """Shell line run before the job starts its processes; null runs none."""
    cleanup_grace_period: int = Field(default=3600, ge=0)
    """Time before a failed job is torn down, in seconds."""
    shared_fs: bool = True
    """Says that the project folder is visible on every machine."""


class RunConfig(Section):
    """Name of the run and of its directory."""

    name: str | None = None
    """Display name of the run; null generates one from environments, model and a random id."""
    dir: str | None = None
    """Directory name below `output_dir`; null uses the run's name."""


class SharedLogConfig(Section):
    """Log settings copied into every section that leaves them unset."""

    level: str | None = None
    """Least severe messages shown; null lets each section use its own level."""
    json_logging: bool = False
    """Writes each log message as one JSON object per line."""


class SharedCheckpointConfig(Section):
    """Checkpoint settings copied into trainer and orchestrator where unset."""

    output_dir: PathText | None = None
    """Other folder for the trainer's checkpoints and weights; null uses the run directory."""
    interval: int | None = None
    """Saves every so many training steps, at least 1; null sets none, so sections without their own save only at
    the end."""
    keep_last: int | None = Field(default=None, ge=1)
    """Number of newest checkpoints kept; null deletes none."""
    keep_interval: int | None = Field(default=None, ge=1)
    """Checkpoints at multiples of this step are never deleted; null protects none in this way."""


class SharedWandbConfig(Section):
    """Weights & Biases reporting of trainer and orchestrator."""

    project: str | None = "prime-rl"
    """W&B project of the run; must not be null by the time it reaches the sections."""
    entity: str | None = None
    """W&B user or team that owns the run; null uses your default."""
    name: str | None = None
    """Display name of the W&B run; null uses the name of the run."""
    group: str | None = None
    """W&B group that collects related runs; null sets none."""
    tags: list[str] | None = None
    """Tags attached to the W&B run; null sets none."""
    offline: bool | None = False
    """Must not be true here (false or null); offline recording is set in the W&B tables of the sections."""


class SharedMonitorsConfig(Section):
    """Metric destinations switched on for trainer and orchestrator at once."""

    wandb: SharedWandbConfig | None = None
    """Reports both components to one Weights & Biases run; null leaves it to the sections."""
    file: FileMonitorConfig | None = None
    """Metrics file of both components; null leaves it to the sections."""
    prime: PrimeMonitorConfig | None = None
    """Reports the orchestrator to the Prime platform; null leaves it to the section."""


class SharedModelConfig(Section):
    """Model copied into trainer, orchestrator and inference where unset."""

    name: str = "Qwen/Qwen3-0.6B"
    """Hugging Face id or local path of the model."""
    vlm: VLMConfig | None = None
    """Marks the model as a vision-language model for trainer and orchestrator; null means text only."""
