"""Sections as v0.8.0 has them: what is written here is added to the section of today, or replaces it."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from rlsplit.config.sections import (
    algorithms,
    base,
    inference,
    orchestrator,
    rl,
    shared,
    sources,
    trainer,
    trainer_model,
    transport,
    vllm,
)
from rlsplit.config.sections.base import PathText, Section, unwritten
from rlsplit.config.tables.parsers import ParserTable
from rlsplit.releases.release import UNDATED
from rlsplit.releases.spoke import Since, Until, additions
from rlsplit.releases.v0_8_0.tables import (
    MODEL_RENDERER_MAP,
    PROTECTED_ENV_VARS,
    REASONING_PARSERS,
    TOOL_CALL_PARSERS,
)

# --- what several have -----------------------------------------------------------------------------------------


class EnvVarsSection(base.EnvVarsSection):
    """The launcher sets other environment variables."""

    protected: ClassVar[frozenset[str]] = PROTECTED_ENV_VARS


class LogExtrasConfig(Section):
    """Tables of samples and distributions logged beside the metrics."""

    samples: bool = True
    """Logs sampled rollouts."""
    distributions: bool = True
    """Logs distributions of rewards and advantages."""
    interval: int = Field(default=10, ge=1)
    """Training steps between two tables."""
    sample_ratio: float | None = Field(default=None, ge=0, le=1)
    """Share of the rollouts that is logged, from 0 to 1; null keeps the monitor's own choice."""


class FileMonitorConfig(shared.FileMonitorConfig):
    """Metrics written to a JSON-lines file."""

    path: Annotated[str, Until("v0.8.1.dev30")] = "metrics.jsonl"
    """Metrics file as it is written, relative to the component's output folder."""


class MonitorsConfig(shared.MonitorsConfig):
    """Destinations of a component's metrics."""

    file: Annotated[shared.FileMonitorConfig | None, Until("v0.8.1.dev30")] = None
    """Appends metrics to a JSON-lines file; null writes none."""


class OrchestratorWandbConfig(shared.WandbMonitorConfig):
    """Weights & Biases reporting of the orchestrator, with tables of samples."""

    log_extras: LogExtrasConfig | None = Field(default_factory=unwritten(LogExtrasConfig))
    """Tables of samples and distributions; null logs none."""


class OrchestratorMonitorsConfig(orchestrator.OrchestratorMonitorsConfig):
    """Destinations of the orchestrator's metrics."""

    wandb: Annotated[OrchestratorWandbConfig | None, Until("v0.8.1.dev30")] = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Reports metrics to Weights & Biases; null reports nothing there."""


class PrimeMonitorConfig(shared.PrimeMonitorConfig):
    """Reporting of the run to the Prime platform."""

    base_url: Annotated[str, Until("v0.8.1.dev30")] = "https://api.primeintellect.ai/api/v1/rft"
    """Address of the platform's API."""
    api_key_var: Annotated[str, Until("v0.8.1.dev30")] = "PRIME_API_KEY"
    """Name of the environment variable that holds the API key."""
    log_extras: Annotated[LogExtrasConfig | None, Until("v0.8.1.dev30")] = Field(
        default_factory=unwritten(LogExtrasConfig)
    )
    """Tables of samples and distributions; null logs none."""
    team_id: Annotated[str | None, Until("v0.8.1.dev30")] = None
    """Team that owns the run; null uses your default."""
    frontend_url: Annotated[str | None, Until("v0.8.1.dev30")] = None
    """Address of the platform's pages; null uses the platform's own."""


# --- trainer ---------------------------------------------------------------------------------------------------


class BenchConfig(Section):
    """Benchmark mode: a few steps, timed."""

    output_json: PathText | None = None
    """File that gets the timings; null writes none."""


class WeightCheckpointConfig(Section):
    """Weights in Hugging Face format, saved beside the trainer's checkpoints."""

    save_sharded: bool = True
    """Splits the weights over several files."""
    save_format: Literal["safetensors", "torch"] = "safetensors"
    """Format of the files."""
    save_adapter_separately: bool = False
    """Saves a LoRA adapter by itself; needs `trainer.model.lora`."""


class TrainerCheckpointConfig(trainer.TrainerCheckpointConfig):
    """When the trainer saves checkpoints, how many it keeps and what it restores."""

    weights: Annotated[WeightCheckpointConfig | None, Until("v0.8.1.dev57")] = Field(
        default_factory=unwritten(WeightCheckpointConfig)
    )
    """Weights saved in Hugging Face format beside each checkpoint; null saves none."""
    skip_gather_master_weights: Annotated[bool, Until("v0.8.1.dev57")] = False
    """Saves no weights in Hugging Face format."""
    weights_only: Annotated[bool, Until("v0.8.1.dev57")] = False
    """Saves only weights in Hugging Face format."""
    resume_step: Annotated[int | None, Until("v0.8.1.dev26")] = Field(default=None, ge=-1)
    """Step to continue from, -1 for the newest; null starts fresh."""


class TrainerFileSystemWeightBroadcastConfig(transport.TrainerFileSystemWeightBroadcastConfig):
    """Trainer side of sending weights through files on shared storage."""

    save_sharded: Annotated[bool, Until("v0.8.1.dev57")] = True
    """Splits the weights over several files."""
    save_format: Annotated[Literal["safetensors", "torch"], Until("v0.8.1.dev57")] = "safetensors"
    """Format of the files."""


class TrainerModelConfig(trainer_model.TrainerModelConfig):
    """Model being trained."""

    fused_lm_head_token_chunk_size: Annotated[int | Literal["disabled"], Until("v0.8.1.dev45")] = 1024
    """Tokens for which the fused output head computes logits at once, or `disabled` for a plain output head."""


class TrainerConfig(trainer.TrainerConfig):
    """Settings of the trainer."""

    bench: Annotated[BenchConfig | None, Until("v0.8.1.dev28")] = None
    """Benchmark mode; null trains."""
    max_concurrent_runs: Annotated[int, Until("v0.8.1.dev3")] = Field(default=1, ge=1)
    """Runs that are trained at the same time."""


# --- orchestrator ----------------------------------------------------------------------------------------------


class ElasticConfig(Section):
    """Servers found by DNS while the run goes on."""

    hostname: str
    """Name that resolves to all servers."""
    port: int = 8000
    """Port of each server."""
    sync_interval: float = 5.0
    """Time between two look-ups, in seconds."""


class ClientConfig(algorithms.ClientConfig):
    """How to reach a server."""

    base_url: Annotated[list[str], Until("v0.8.1.dev3")] = Field(  # type: ignore[assignment]
        default=["http://localhost:8000/v1"]
    )
    """OpenAI-style addresses of the servers, used in turn."""
    elastic: Annotated[ElasticConfig | None, Until("v0.8.1.dev3")] = None
    """Finds servers by DNS; null takes those of `base_url`."""
    router_url: Annotated[str | None, Until("v0.8.1.dev3")] = None
    """Address of a router beside elastic servers; null uses none."""


class OptimizerConfig(Section):
    """Optimizer settings of one run among several."""

    lr: float = Field(default=0.0001, ge=0)
    """Learning rate of this run."""


class GibberishFilterConfig(Section):
    """Finds rollouts with improbable rare tokens."""

    type: Literal["gibberish"] = "gibberish"
    """Selects the gibberish filter."""
    enforce: bool = False
    """Drops what is found, instead of only counting it."""
    token_id_threshold: int = 100_000
    """Token ids above this are rare."""
    logprob_offset: float = 2.0
    """How much less likely than chance a token must be."""


class RepetitionFilterConfig(Section):
    """Finds rollouts that repeat themselves."""

    type: Literal["repetition"] = "repetition"
    """Selects the repetition filter."""
    enforce: bool = False
    """Drops what is found, instead of only counting it."""
    window: int = Field(default=3000, ge=1)
    """Consecutive tokens that must be near certain."""
    prob_threshold: float = Field(default=0.99, gt=0, le=1)
    """Probability from which a token is near certain."""


class ZeroAdvantageFilterConfig(Section):
    """Finds rollouts without training signal."""

    type: Literal["zero_advantage"] = "zero_advantage"
    """Selects the zero-advantage filter."""
    enforce: bool = True
    """Drops what is found, instead of only counting it."""


RolloutFilter = Annotated[
    GibberishFilterConfig | RepetitionFilterConfig | ZeroAdvantageFilterConfig, Field(discriminator="type")
]
"""What drops rollouts."""


def _counting() -> list[RolloutFilter]:
    return [
        GibberishFilterConfig.model_construct(),
        RepetitionFilterConfig.model_construct(),
        ZeroAdvantageFilterConfig.model_construct(enforce=False),
    ]


def _enforcing() -> list[RolloutFilter]:
    return [
        GibberishFilterConfig.model_construct(),
        RepetitionFilterConfig.model_construct(),
        ZeroAdvantageFilterConfig.model_construct(),
    ]


class SharedCheckpointConfig(shared.SharedCheckpointConfig):
    """Checkpoint settings copied into trainer and orchestrator where unset."""

    resume_step: Annotated[int | None, Until("v0.8.1.dev26")] = None
    """Step to continue from, -1 for the newest; null starts fresh."""


class OrchestratorCheckpointConfig(orchestrator.OrchestratorCheckpointConfig):
    """When the orchestrator saves its state and how much of it is kept."""

    resume_step: Annotated[int | None, Until("v0.8.1.dev26")] = Field(default=None, ge=-1)
    """Step to continue from, -1 for the newest; null starts fresh."""


class OrchestratorConfig(orchestrator.OrchestratorConfig):
    """Settings of the orchestrator."""

    optim: Annotated[OptimizerConfig, Until("v0.8.1.dev3")] = Field(default_factory=unwritten(OptimizerConfig))
    """Optimizer settings of this run, when several are trained."""
    pre_batch_filters: Annotated[list[RolloutFilter], Until("v0.8.1.dev40")] = Field(default_factory=_counting)
    """Filters before rollouts are batched; a written list replaces the default, which only counts."""
    post_batch_filters: Annotated[list[RolloutFilter], Until("v0.8.1.dev40")] = Field(default_factory=_enforcing)
    """Filters after rollouts are batched; a written list replaces the default."""
    output_dir: Annotated[PathText, Until("v0.8.1.dev26")] = "outputs/run_default"
    """Folder the orchestrator writes to, directly below the trainer's."""
    oversampling_factor: Annotated[float | None, Until("v0.8.1.dev43")] = Field(default=None, gt=0)
    """In-flight episodes per sample of a batch; null is 1."""
    max_inflight_episodes: Annotated[int | None, Until("v0.8.1.dev43")] = Field(default=None, ge=1)
    """Episodes running at once; null derives it from batch and group size."""
    bench: Annotated[bool, Until("v0.8.1.dev28")] = False
    """Benchmark mode."""


class OrchestratorTables(orchestrator.OrchestratorConfig):
    """What the orchestrator looks up."""

    model_renderers: ClassVar[dict[str, str]] = MODEL_RENDERER_MAP  # pyright: ignore[reportIncompatibleVariableOverride]
    hierarchical_environment: ClassVar[str] = "proposer-solver-v1"


class LegacyEnvConfig(Section):
    """A classic environment, in place of `env`."""

    id: str | None = None
    """Environment package; null: the source has no classic environment."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Arguments with which the environment is loaded."""
    extra_env_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further settings of the environment."""


class SourceConfig(sources.SourceConfig):
    """What training and evaluation sources share."""

    legacy: Annotated[LegacyEnvConfig, Since("v0.7.1.dev77"), Until("v0.8.1.dev8")] = Field(
        default_factory=unwritten(LegacyEnvConfig)
    )
    """A classic environment, in place of `env`."""

    @property
    def environment_id(self) -> str:
        """The id of the environment, else of the classic one (O-10)."""
        return super().environment_id or self.legacy.id or ""


# --- inference and root ----------------------------------------------------------------------------------------


class VllmConfig(vllm.VllmConfig):
    """Arguments of the vLLM engines; there are no others than these."""

    keeps_unknown: ClassVar[bool] = False
    tool_call_parsers: ClassVar[ParserTable] = TOOL_CALL_PARSERS
    reasoning_parsers: ClassVar[ParserTable] = REASONING_PARSERS

    vlm: Annotated[shared.VLMConfig | None, Until("v0.8.1.dev1")] = None
    """Marks a vision-language model; the engine does not use it."""

    @classmethod
    def prepared(cls, table: dict[str, Any]) -> dict[str, Any]:
        """Return the table as it is: keys and values are read like those of any other section."""
        return table


class InferenceConfig(inference.InferenceConfig):
    """vLLM inference launched with the run."""

    vllm_extra: Annotated[dict[str, Any], Until("v0.8.1.dev1")] = Field(default_factory=dict)
    """Further arguments of the engines, as they are."""


class RLConfig(rl.RLConfig):
    """Complete configuration of one RL run."""

    bench: Annotated[bool, Until("v0.8.1.dev28")] = False
    """Benchmark mode of trainer and orchestrator."""


class EnvServerConfig(rl.EnvServerConfig):
    """File of one environment server."""

    legacy: Annotated[LegacyEnvConfig, Since("v0.7.1.dev77"), Until("v0.8.1.dev8")] = Field(
        default_factory=unwritten(LegacyEnvConfig)
    )
    """A classic environment, in place of `env`."""


SECTIONS: Final = additions(
    EnvVarsSection,
    FileMonitorConfig,
    MonitorsConfig,
    OrchestratorMonitorsConfig,
    PrimeMonitorConfig,
    TrainerCheckpointConfig,
    TrainerFileSystemWeightBroadcastConfig,
    TrainerModelConfig,
    TrainerConfig,
    ClientConfig,
    SharedCheckpointConfig,
    OrchestratorCheckpointConfig,
    OrchestratorConfig,
    OrchestratorTables,
    SourceConfig,
    VllmConfig,
    InferenceConfig,
    RLConfig,
    EnvServerConfig,
)
"""Section of today to what v0.8.0 adds to it."""

ENDS: Final[dict[type[Section], str]] = {
    EnvVarsSection: "v0.8.1.dev26",
    OrchestratorTables: UNDATED,
    SourceConfig: "v0.8.1.dev8",
    VllmConfig: "v0.8.1.dev1",
    InferenceConfig: "v0.8.1.dev1",
}
"""Additions with tables or methods, to the first tag without them."""
