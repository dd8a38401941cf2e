"""Sections as v0.7.0 has them: what is written here is added to the section of v0.8.0, or replaces it."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from rlsplit.config.sections import inference as hub_inference
from rlsplit.config.sections import orchestrator, renderers, trainer, transport
from rlsplit.config.sections import sources as hub_sources
from rlsplit.config.sections.base import OpaqueTable, Section, Tags, unwritten
from rlsplit.config.sections.sources import ElasticPoolConfig, Pool
from rlsplit.config.tables.parsers import ParserTable
from rlsplit.plain_data import is_table
from rlsplit.releases.spoke import Until, additions
from rlsplit.releases.v0_7_0.tables import MODEL_RENDERER_MAP, REASONING_PARSERS, TOOL_CALL_PARSERS
from rlsplit.releases.v0_8_0 import sections as v0_8_0

Table = dict[str, Any]


def renamed(table: Table, *names: tuple[str, str]) -> Table:
    """Read older spellings of keys: each counts where today's is not written, else it stays, and is unknown."""
    applying = {older: today for older, today in names if older in table and today not in table}
    return {applying.get(key, key): value for key, value in table.items()} if applying else table


# --- trainer ---------------------------------------------------------------------------------------------------


AttentionKernel = Literal["eager", "sdpa", "flash_attention_2", "flash_attention_3", "fa4"]


class TrainerModelConfig(v0_8_0.TrainerModelConfig):
    """Model being trained."""

    attn: Annotated[AttentionKernel, Until("v0.7.1.dev28")] = "flash_attention_2"  # type: ignore[assignment]
    """Attention kernel."""
    fp8: Annotated[bool, Until("v0.7.1.dev19")] = False
    """Trains with FP8 matrix products."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read the older name of a kernel (V7-03)."""
        return {**table, "attn": "fa4"} if table.get("attn") == "flash_attention_4" else table


class TrainerConfig(v0_8_0.TrainerConfig):
    """Settings of the trainer."""

    injected_tags: ClassVar[Tags] = {
        **trainer.TrainerConfig.injected_tags,
        "rollout_transport": ("type", "filesystem"),
    }

    rollout_transport: Annotated[transport.RolloutTransport, Until("v0.7.1.dev71")] = Field(
        default_factory=unwritten(transport.FileSystemTransportConfig)
    )
    """How the trainer receives batches; through files by default."""


class SharedWeightBroadcastConfig(transport.SharedNCCLWeightBroadcastConfig):
    """How new weights travel to inference; what only NCCL needs has no effect on the filesystem."""

    type: Literal["nccl", "filesystem"] = "nccl"  # type: ignore[assignment]
    """Kind of weight transfer."""


class WeightBroadcastConfig(transport.WeightBroadcastConfig):
    """Kind of weight transfer the inference server takes part in."""

    type: Annotated[Literal["nccl", "filesystem"], Until("v0.7.1.dev45")] = "filesystem"  # pyright: ignore[reportIncompatibleVariableOverride]
    """How new weights arrive; derived from the root `weight_broadcast`."""


# --- orchestrator ----------------------------------------------------------------------------------------------


class ClientConfig(v0_8_0.ClientConfig):
    """How to reach a server."""

    dp_rank_count: Annotated[int, Until("v0.7.1.dev72")] = Field(default=1, ge=1)
    """Engine ranks behind one address; above 1 the client names a rank in a header."""


class OrchestratorConfig(v0_8_0.OrchestratorConfig):
    """Settings of the orchestrator."""

    injected_tags: ClassVar[Tags] = {
        "algo": ("type", "grpo"),
        "weight_broadcast": ("type", "filesystem"),
        "rollout_transport": ("type", "filesystem"),
    }

    rollout_transport: Annotated[transport.RolloutTransport, Until("v0.7.1.dev71")] = Field(
        default_factory=unwritten(transport.FileSystemTransportConfig)
    )
    """How the orchestrator sends batches; through files by default."""
    pool_size: Annotated[int | None, Until("v0.7.1.dev85")] = Field(default=None, ge=1)
    """Workers that render messages; null lets the orchestrator choose."""


class OrchestratorTables(v0_8_0.OrchestratorTables):
    """What the orchestrator looks up."""

    model_renderers: ClassVar[dict[str, str]] = MODEL_RENDERER_MAP


class OrchestratorSpellings(orchestrator.OrchestratorConfig):
    """Older spellings that the orchestrator also reads."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read older spellings (V7-01, V7-04): what stands below `train` counts, the other is dropped unread."""
        table = renamed(table, ("rollouts_per_example", "group_size"))
        train = table.get("train", {})
        moving = {today: table[older] for older, today in OLDER_OF_TRAIN if older in table}
        if not moving or not is_table(train):
            return table
        rest = {key: value for key, value in table.items() if key not in dict(OLDER_OF_TRAIN)}
        return {**rest, "train": {**moving, **train}}


OLDER_OF_TRAIN: Final = (("env", "source"), ("sampling", "sampling"))
"""Key of the orchestrator to the key of `train` that it is an older spelling of."""


class TrainSamplingConfig(hub_sources.TrainSamplingConfig):
    """Sampling of training rollouts."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read the older name of the token limit (V7-04)."""
        return renamed(table, ("max_tokens", "max_completion_tokens"))


class EvalSamplingConfig(hub_sources.EvalSamplingConfig):
    """Sampling of evaluation rollouts."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read the older name of the token limit (V7-04)."""
        return renamed(table, ("max_tokens", "max_completion_tokens"))


class EvalConfig(hub_sources.EvalConfig):
    """Evaluation environments, their sampling and schedule."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read the older name of the group size (V7-04)."""
        return renamed(table, ("rollouts_per_example", "group_size"))


class TimeoutConfig(Section):
    """Time limits of one rollout, in seconds."""

    setup: float | None = None
    """To set the environment up; null sets none."""
    rollout: float | None = None
    """Of the rollout itself; null sets none."""
    finalize: float | None = None
    """To take the environment down; null sets none."""
    scoring: float | None = None
    """To score the rollout; null sets none."""


class RolloutRetryConfig(Section):
    """When a failed rollout is tried again."""

    max_retries: int = Field(default=0, ge=0)
    """Most further attempts."""
    include: list[str] = Field(default_factory=list)
    """Kinds of failures that are tried again; none named: all."""
    exclude: list[str] = Field(default_factory=list)
    """Kinds of failures that are not."""


class RetryConfig(Section):
    """What is tried again when it fails."""

    rollout: RolloutRetryConfig = Field(default_factory=unwritten(RolloutRetryConfig))
    """Whole rollouts."""


class SourceConfig(v0_8_0.SourceConfig):
    """One environment: what runs, how it is hosted and sampled, all in one table."""

    injected_tags: ClassVar[Tags] = {"pool": ("type", "elastic")}

    taskset: Annotated[OpaqueTable, Until("v0.7.1.dev77")] = Field(default_factory=dict)
    """Task plugin with its settings."""
    harness: Annotated[OpaqueTable, Until("v0.7.1.dev77")] = Field(default_factory=dict)
    """What plays the rollout, and where it runs."""
    timeout: Annotated[TimeoutConfig, Until("v0.7.1.dev77")] = Field(default_factory=unwritten(TimeoutConfig))
    """Time limits."""
    retries: Annotated[RetryConfig, Until("v0.7.1.dev77")] = Field(default_factory=unwritten(RetryConfig))
    """What is tried again when it fails."""
    max_turns: Annotated[int | None, Until("v0.7.1.dev77")] = None
    """Most turns of a rollout; null sets no limit."""
    max_input_tokens: Annotated[int | None, Until("v0.7.1.dev77")] = None
    """Most tokens that a rollout reads; null sets no limit."""
    max_output_tokens: Annotated[int | None, Until("v0.7.1.dev77")] = None
    """Most tokens that a rollout generates; null sets no limit."""
    max_total_tokens: Annotated[int | None, Until("v0.7.1.dev77")] = None
    """Most tokens of a rollout; null sets no limit."""
    multiplex: Annotated[int, Until("v0.7.1.dev77")] = Field(default=32, ge=1)
    """Rollouts per interception server."""
    id: Annotated[str | None, Until("v0.7.1.dev77")] = None
    """Classic environment; used where no taskset is named."""
    args: Annotated[dict[str, Any], Until("v0.7.1.dev77")] = Field(default_factory=dict)
    """Arguments with which a classic environment is loaded."""
    extra_env_kwargs: Annotated[dict[str, Any], Until("v0.7.1.dev77")] = Field(default_factory=dict)
    """Further settings of a classic environment."""
    pool: Annotated[Pool, Until("v0.7.1.dev77")] = Field(default_factory=unwritten(ElasticPoolConfig))
    """Workers of the environment server; elastic by default."""
    address: Annotated[str | None, Until("v0.7.1.dev93")] = None
    """Address of a server that somebody else runs; null lets the orchestrator start one."""

    @classmethod
    def prepared(cls, table: Table) -> Table:
        """Read older spellings: a number of workers is a static pool (V7-02), and the group size (V7-04)."""
        table = renamed(table, ("rollouts_per_example", "group_size"))
        if "num_workers" not in table:
            return table
        workers = table["num_workers"]
        rest = {key: value for key, value in table.items() if key != "num_workers"}
        return rest if workers == "auto" else {"pool": {"type": "static", "num_workers": workers}, **rest}

    @property
    def environment_id(self) -> str:
        """The id of the taskset, else of the classic environment (O-10)."""
        named = self.taskset.get("id")
        return named if named and isinstance(named, str) else self.id or ""


# --- inference and root ----------------------------------------------------------------------------------------


class VllmRouterConfig(hub_inference.VllmRouterConfig):
    """The vLLM router in front of the engines of several machines."""

    port: Annotated[int, Until("v0.7.1.dev72")] = 8000
    """Port that clients connect to."""


class LlmdRouterConfig(hub_inference.LlmdRouterConfig):
    """The llm-d router in front of the engines of several machines."""

    port: Annotated[int, Until("v0.7.1.dev72")] = 8000
    """Port that clients connect to."""


class VllmConfig(v0_8_0.VllmConfig):
    """Arguments of the vLLM engines."""

    tool_call_parsers: ClassVar[ParserTable] = TOOL_CALL_PARSERS
    reasoning_parsers: ClassVar[ParserTable] = REASONING_PARSERS


class InferenceConfig(v0_8_0.InferenceConfig):
    """vLLM inference launched with the run."""

    injected_tags: ClassVar[Tags] = {"deployment": ("type", "single_node"), "router": ("type", "vllm-router")}

    router: Annotated[hub_inference.Router, Until("v0.7.1.dev72")] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        default_factory=unwritten(hub_inference.VllmRouterConfig)
    )
    """Process in front of the engines of several machines; without effect on one."""


class RLConfig(v0_8_0.RLConfig):
    """Complete configuration of one RL run."""

    weight_broadcast: Annotated[SharedWeightBroadcastConfig | None, Until("v0.7.1.dev45")] = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """How new weights travel from trainer to inference; null chooses by LoRA and inference."""


class LagunaXS21RendererConfig(renderers.LagunaXS21RendererConfig):
    """Renderer of the Laguna XS 2.1 model."""

    render_assistant_messages_raw: Annotated[bool, Until("v0.8.0")] = False
    """Writes assistant messages as given, without the template's formatting."""


SECTIONS: Final = additions(
    TrainerModelConfig,
    TrainerConfig,
    WeightBroadcastConfig,
    ClientConfig,
    OrchestratorConfig,
    OrchestratorSpellings,
    OrchestratorTables,
    TrainSamplingConfig,
    EvalSamplingConfig,
    EvalConfig,
    SourceConfig,
    VllmRouterConfig,
    LlmdRouterConfig,
    VllmConfig,
    InferenceConfig,
    RLConfig,
    LagunaXS21RendererConfig,
)
"""Section of today to what v0.7.0 adds to it."""

ENDS: Final[dict[type[Section], str]] = {
    TrainerModelConfig: "v0.7.1.dev28",
    TrainerConfig: "v0.7.1.dev71",
    OrchestratorSpellings: "v0.7.1.dev78",
    TrainSamplingConfig: "v0.7.1.dev78",
    EvalSamplingConfig: "v0.7.1.dev78",
    EvalConfig: "v0.7.1.dev78",
    SourceConfig: "v0.7.1.dev77",
    InferenceConfig: "v0.7.1.dev72",
}
"""Additions with tables or methods, to the first tag without them."""
