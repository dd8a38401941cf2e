"""``orchestrator.algo``: how rollouts become training signal."""

from typing import Annotated, Any, Literal

from pydantic import Field

from rlsplit.config.sections.base import Section, unwritten
from rlsplit.config.sections.general_renderers import AutoRendererConfig
from rlsplit.config.sections.renderers import Renderer


class ClientConfig(Section):
    """How to reach the policy server."""

    wait_for_ready_timeout: int = 1800
    """Longest wait for the server to become ready, in seconds."""
    base_url: str = "http://localhost:8000/v1"
    """OpenAI-style address of the policy server or its router; derived from `inference.server` in some layouts."""
    api_key_var: str = "VLLM_API_KEY"
    """Name of the environment variable that holds the API key."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Fixed HTTP headers sent with every request."""
    headers_from_env: dict[str, str] = Field(default_factory=dict)
    """HTTP headers whose values are read from environment variables: header name to variable name."""
    extra_headers_from_state: dict[str, str] = Field(default_factory=dict)
    """HTTP headers whose values are taken from the rollout: header name to rollout field."""
    skip_model_check: bool = False
    """Does not check at the start that the server offers the model."""
    admin_base_url: list[str] | None = None
    """Addresses of the single engines, used for weight updates; null derives them where possible, else uses
    `base_url`."""


class FrozenModelConfig(ClientConfig):
    """External model that is queried but not trained; `name` and `base_url` must be written."""

    name: str
    """Name under which the endpoint serves the external model."""


class AlgoSamplingConfig(Section):
    """Which model generates the rollouts of an algorithm."""

    source: Literal["policy"] | FrozenModelConfig = "policy"
    """Model that generates the rollouts: `policy`, or a table describing an external model; only sft uses an
    external one."""


class LinearLengthPenaltyConfig(Section):
    """Length penalty that grows linearly with tokens and turns."""

    type: Literal["linear"] = "linear"
    """Selects the linear penalty."""
    num_output_tokens_weight: float = Field(default=0.25, ge=0, allow_inf_nan=False)
    """Weight of the generated tokens in the penalty."""
    num_input_tokens_weight: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """Weight of the tokens read by the model in the penalty."""
    num_turns_weight: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    """Weight of the number of turns in the penalty."""


class AlgoConfig(Section):
    """What every algorithm has."""

    sampling: AlgoSamplingConfig = Field(default_factory=unwritten(AlgoSamplingConfig))
    """Which model generates the rollouts; this algorithm accepts only the policy."""


class GRPOAlgoConfig(AlgoConfig):
    """GRPO: the advantage of a rollout is its reward minus the mean reward of its group."""

    type: Literal["grpo"] = "grpo"
    """Selects GRPO."""
    length_penalty: LinearLengthPenaltyConfig | None = None
    """Makes long rollouts less rewarding; null applies no penalty."""


class EchoRoleConfig(Section):
    """Cross-entropy weight of one message role."""

    alpha: float = Field(default=0.1, gt=0)
    """Weight of the cross-entropy loss for each token of this role; must be above 0."""


class EchoRolesConfig(Section):
    """Message roles trained with cross-entropy by echo; at least one must be set."""

    system: EchoRoleConfig | None = None
    """Trains on system messages; null leaves them out."""
    user: EchoRoleConfig | None = None
    """Trains on user messages; null leaves them out."""
    assistant: EchoRoleConfig | None = None
    """Trains on assistant messages with cross-entropy as well; null leaves them out."""
    tool: EchoRoleConfig | None = None
    """Trains on tool messages; null leaves them out."""


class EchoFilterConfig(Section):
    """Python function that filters what echo trains on."""

    import_path: str
    """Import path of the filter function."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Extra keyword arguments passed to the filter function."""


def _tool_only() -> EchoRolesConfig:
    return EchoRolesConfig.model_construct(set(), tool=EchoRoleConfig())


class EchoAlgoConfig(AlgoConfig):
    """GRPO plus a cross-entropy loss on text that came from the environment, such as tool output."""

    type: Literal["echo"] = "echo"
    """Selects echo."""
    length_penalty: LinearLengthPenaltyConfig | None = None
    """Makes long rollouts less rewarding; null applies no penalty."""
    roles: EchoRolesConfig = Field(default_factory=_tool_only)
    """Message roles that get the cross-entropy loss; a written table replaces the default (tool at 0.1) entirely."""
    filter: EchoFilterConfig | None = None
    """Function of your own that selects what the cross-entropy loss applies to; null uses everything in the roles."""


class MaxRLAlgoConfig(AlgoConfig):
    """MaxRL: the group-relative advantage is divided by the mean reward of the group."""

    type: Literal["max_rl"] = "max_rl"
    """Selects MaxRL."""


class RAEAlgoConfig(AlgoConfig):
    """RAE: advantages relative to a moving baseline kept for each role."""

    type: Literal["rae"] = "rae"
    """Selects RAE."""
    decay: float = Field(default=0.95, ge=0.0, lt=1.0)
    """Share of the old baseline kept at each update, from 0 up to but excluding 1."""


class HierarchicalGRPOAlgoConfig(AlgoConfig):
    """GRPO with a baseline for each role, for proposer-solver environments."""

    type: Literal["hierarchical_grpo"] = "hierarchical_grpo"
    """Selects hierarchical GRPO."""
    episode_agents: list[str] = Field(min_length=1)
    """Roles whose rollouts are compared within one problem; at least one."""


class OPDAlgoConfig(AlgoConfig):
    """On-policy distillation: the policy learns from an external teacher on its own rollouts."""

    type: Literal["opd"] = "opd"
    """Selects on-policy distillation."""
    teacher: FrozenModelConfig
    """External model whose token probabilities the policy learns from."""


class OPSDAlgoConfig(AlgoConfig):
    """On-policy self-distillation: the policy learns from itself after being shown a demonstration."""

    type: Literal["opsd"] = "opsd"
    """Selects on-policy self-distillation."""
    demo_key: str = "demonstration"
    """Key under which an example holds its demonstration."""
    template: str = "Here is an example of an expert response:\n<demonstration>\n{demonstration}\n</demonstration>"
    """Prompt text that presents the demonstration to the model."""
    renderer: Renderer = Field(default_factory=unwritten(AutoRendererConfig))
    """Turns the demonstration prompt into tokens; auto looks the variant up by model."""


class SFTAlgoConfig(AlgoConfig):
    """Cross-entropy training on rollouts of an external model."""

    type: Literal["sft"] = "sft"
    """Selects cross-entropy training on an external model's rollouts."""


Algorithm = Annotated[
    GRPOAlgoConfig
    | EchoAlgoConfig
    | MaxRLAlgoConfig
    | RAEAlgoConfig
    | HierarchicalGRPOAlgoConfig
    | OPDAlgoConfig
    | OPSDAlgoConfig
    | SFTAlgoConfig,
    Field(discriminator="type"),
]
"""How rollouts become training signal."""
