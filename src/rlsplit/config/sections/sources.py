"""Environment sources: what is sampled from, how it is served, and in which order."""

from typing import Annotated, Any, Literal

from pydantic import Field

from rlsplit.config.sections.algorithms import Algorithm
from rlsplit.config.sections.base import OpaqueTable, Section, unwritten
from rlsplit.plain_data import is_table


class StaticPoolConfig(Section):
    """Fixed number of environment workers."""

    type: Literal["static"] = "static"
    """Selects a fixed number of workers."""
    num_workers: int = Field(default=4, ge=1)
    """Worker processes to start."""


class ElasticPoolConfig(Section):
    """Environment workers that are added as episodes increase."""

    type: Literal["elastic"] = "elastic"
    """Selects a growing number of workers."""
    max_workers: int | None = None
    """Most worker processes to start; null sets no ceiling."""
    multiplex: int = Field(default=128, ge=1)
    """Episodes per worker before another worker is started."""


Pool = Annotated[StaticPoolConfig | ElasticPoolConfig, Field(discriminator="type")]
"""Workers of an environment server."""


class ServeConfig(Section):
    """How the environment server of one source is hosted."""

    pool: Pool = Field(default_factory=unwritten(ElasticPoolConfig))
    """Worker processes of the environment server; elastic by default."""
    address: str | None = None
    """ZMQ endpoint of a server operated elsewhere, such as `tcp://host:port`; null starts one with the run."""
    max_concurrent: int | None = Field(default=None, ge=1)
    """Most episodes run at once by one worker; null sets no limit."""


class TrainSamplingConfig(Section):
    """Sampling of training rollouts."""

    temperature: float = Field(default=1.0, ge=0, le=2.0)
    """Randomness of token choice, from 0 (greedy) to 2."""
    max_completion_tokens: int | None = None
    """Most tokens generated in one turn; null sets no limit of its own."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Extra fields sent to the server in each sampling request."""


class EvalSamplingConfig(Section):
    """Sampling of evaluation rollouts; what is null is left to the server."""

    temperature: float | None = Field(default=None, ge=0, le=2.0)
    """Randomness of token choice, from 0 (greedy) to 2; null uses the server's default."""
    top_p: float | None = None
    """Samples only from the most likely tokens that together reach this probability; null uses the server's
    default."""
    top_k: int | None = None
    """Samples only from this many most likely tokens; null uses the server's default."""
    min_p: float | None = Field(default=None, ge=0)
    """Drops tokens less likely than this fraction of the most likely one; null uses the server's default."""
    max_completion_tokens: int | None = None
    """Most tokens generated in one turn; null sets no limit of its own."""
    reasoning_effort: Literal["minimal", "low", "medium", "high"] | None = None
    """How much a reasoning model should think; null uses the server's default."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Extra fields sent to the server in each sampling request."""


class StandardSamplerConfig(Section):
    """Draws examples in the usual way, without regard to difficulty."""

    type: Literal["standard"] = "standard"
    """Selects the standard sampler."""


class DifficultyPoolConfig(Section):
    """One pool of examples of similar difficulty."""

    threshold: float
    """Highest reward of an example that belongs to this pool."""
    weight: float = Field(ge=0)
    """Relative chance of drawing from this pool; 0 never draws from it."""


def _three_pools() -> dict[str, DifficultyPoolConfig]:
    return {
        "hard": DifficultyPoolConfig(threshold=0.25, weight=0.2),
        "normal": DifficultyPoolConfig(threshold=0.75, weight=1.0),
        "easy": DifficultyPoolConfig(threshold=1.0, weight=0.2),
    }


class DifficultyPoolSamplerConfig(Section):
    """Sorts examples into pools by reward and draws from the pools by weight."""

    type: Literal["difficulty_pool"] = "difficulty_pool"
    """Selects difficulty pools."""
    pools: dict[str, DifficultyPoolConfig] = Field(default_factory=_three_pools)
    """Pools by name, with distinct thresholds and at least one positive weight; hard, normal and easy by default."""
    seed: int = 42
    """Seed of the random draws."""


Sampler = Annotated[StandardSamplerConfig | DifficultyPoolSamplerConfig, Field(discriminator="type")]
"""How a source picks its next example."""


class AdvRangeGateConfig(Section):
    """Rejects groups whose advantage lies in a range."""

    type: Literal["advantage_range"] = "advantage_range"
    """Selects the advantage-range gate."""
    reject_min: float = 0.0
    """Lower end of the rejected advantage range."""
    reject_max: float = 0.0
    """Upper end of the rejected advantage range; may not be below `reject_min`."""


class CurriculumConfig(Section):
    """Choice of training examples by difficulty and rejection of uninformative groups."""

    sampler: Sampler = Field(default_factory=unwritten(StandardSamplerConfig))
    """How the next example is drawn from the source."""
    gates: dict[str, AdvRangeGateConfig] = Field(default_factory=dict)
    """Admission gates by name; each rejects groups by their advantage."""


class SourceConfig(Section):
    """What training and evaluation sources share."""

    env: OpaqueTable = Field(default_factory=dict)
    """What runs: the environment or task plugin with its settings."""
    serve: ServeConfig = Field(default_factory=unwritten(ServeConfig))
    """How the environment server is hosted."""
    name: str | None = None
    """Name in metrics and file names, unique in its group; null uses the environment id."""
    ratio: float = Field(default=1.0, gt=0)
    """Relative share of this source next to the others; must be above 0."""

    @property
    def environment_id(self) -> str:
        """The id of the environment: ``<env.id>+<taskset.id>`` if both are set, else whichever is (O-10)."""
        return "+".join(part for part in environment_ids(self.env) if part and isinstance(part, str))


def environment_ids(env: dict[str, Any]) -> tuple[Any, Any]:
    """``env.id`` and ``env.taskset.id`` of an environment block, of any type; null where there is none."""
    taskset = env.get("taskset")
    return env.get("id"), taskset.get("id") if is_table(taskset) else None


class TrainSourceConfig(SourceConfig):
    """One environment to train on, with how it is hosted, sampled and trained."""

    sampling: TrainSamplingConfig = Field(default_factory=unwritten(TrainSamplingConfig))
    """Sampling in this source; only the keys written here differ from `train.sampling`."""
    group_size: int = Field(default=1, ge=1)
    """Rollouts generated for each example of this source; the orchestrator's `group_size` when unset."""
    algo: Algorithm | None = None
    """Training algorithm of this source; null copies `orchestrator.algo`."""
    curriculum: CurriculumConfig | None = None
    """Choice of examples by difficulty and rejection of groups; null keeps plain sampling."""


class TrainConfig(Section):
    """Environments trained on and the sampling they share."""

    source: list[TrainSourceConfig] = Field(default_factory=list[TrainSourceConfig])
    """Environments to train on, each with its share of the rollouts."""
    sampling: TrainSamplingConfig = Field(default_factory=unwritten(TrainSamplingConfig))
    """Sampling of all train sources; a source overrides single keys."""
    filter_zero_advantages: bool = True
    """Drops tokens whose advantage is zero because they carry no training signal."""


class EvalSourceConfig(SourceConfig):
    """One environment to evaluate on."""

    sampling: EvalSamplingConfig = Field(default_factory=unwritten(EvalSamplingConfig))
    """Sampling in this source; only the keys written here differ from `eval.sampling`."""
    num_examples: int = -1
    """Examples evaluated in this source, -1 for all; the value of `eval` when unset."""
    group_size: int = Field(default=1, ge=1)
    """Rollouts generated for each example of this source; the value of `eval` when unset."""
    interval: int = Field(default=100, ge=1)
    """Training steps between two evaluations of this source; the value of `eval` when unset."""


class EvalConfig(Section):
    """Evaluation environments, their sampling and schedule."""

    source: list[EvalSourceConfig] = Field(default_factory=list[EvalSourceConfig])
    """Environments to evaluate on; at least one."""
    sampling: EvalSamplingConfig = Field(default_factory=unwritten(EvalSamplingConfig))
    """Sampling of all eval sources; a source overrides single keys."""
    num_examples: int = -1
    """Examples evaluated per source; -1 means all."""
    group_size: int = Field(default=1, ge=1)
    """Rollouts generated for each evaluation example."""
    interval: int = Field(default=100, ge=1)
    """Training steps between two evaluations."""
    skip_first_step: bool = False
    """Leaves out the evaluation at the start of the run."""
    retrigger_on_resume: bool = False
    """Evaluates again when a run is resumed."""
