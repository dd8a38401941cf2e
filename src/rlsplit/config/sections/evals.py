"""The evals of a supervised fine-tuning run: what is evaluated, and the file of the process that does it."""

from pydantic import Field

from rlsplit.config.sections.algorithms import ClientConfig
from rlsplit.config.sections.base import PathText, Section, unwritten
from rlsplit.config.sections.orchestrator import ConcurrencyConfig
from rlsplit.config.sections.shared import LogConfig, MonitorsConfig
from rlsplit.config.sections.sources import EvalConfig
from rlsplit.config.sections.transport import TrainerWeightBroadcast


class EvalsEvalConfig(EvalConfig):
    """Evaluation environments, their schedule, and how the evals process reaches its servers."""

    client: ClientConfig = Field(default_factory=unwritten(ClientConfig))
    """How to reach the inference server; derived from `inference` where unset."""
    env_server_base_port: int = Field(default=5000, ge=1, le=65535)
    """Port of the first environment server; each further source takes the next port."""
    concurrency: ConcurrencyConfig = Field(default_factory=unwritten(ConcurrencyConfig))
    """How many episodes run at the same time."""


class OnlineConfig(Section):
    """How the evals process follows a run that goes on."""

    broadcasts_dir: PathText | None = None
    """Folder in which the trainer announces new weights; null watches none."""
    max_steps: int | None = None
    """Last training step, after which the process ends; null never ends."""
    resume_step: int | None = None
    """Step that the run continues from; null starts fresh."""


class EvalsConfig(Section):
    """File of the evals process."""

    model: str = "Qwen/Qwen3-0.6B"
    """Model that is evaluated."""
    eval: EvalsEvalConfig
    """What is evaluated; mandatory."""
    online: OnlineConfig | None = None
    """Follows a run that goes on; null evaluates once."""
    weight_broadcast: TrainerWeightBroadcast | None = None
    """How new weights reach inference; null sends none."""
    output_dir: PathText = "outputs"
    """Folder the evals process writes to."""
    log: LogConfig = Field(default_factory=unwritten(LogConfig))
    """Verbosity and format of the log."""
    monitors: MonitorsConfig = Field(default_factory=unwritten(MonitorsConfig))
    """Destinations of the metrics."""
